"""Sources written into config.toml: the rest stays, byte for byte, and nothing broken is ever written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.config import load_settings, parse_settings
from aggregator.config.editing import (
    NewSource,
    append_sources,
    check_config,
    draft_source,
    find_owner,
    read_config,
    render_change,
    save_config,
)
from aggregator.errors import ConfigError
from tests.site_samples import HEAD, make_settings, source_table

NEW = NewSource(id="new", name="New", url="https://new.example/feed", section="en/world")
ALTERNATING = """
# sections and sources in turns, as one writes them
[site]
editions = ["en"]

[[section]]
id = "world"      # the first

[[source]]
id = "a"
url = "https://a.example/"
section = "world"

# --- Arts ---

[[section]]
id = "arts"

[[source]]
id = "b"
url = "https://b.example/"
section = "arts"
[[source.rules]]
section = "world"
title = "x"

[admin]
password = "x"
# the end"""


@pytest.mark.parametrize("ending", ["", "\n", "\n\n", "\n# more\n"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_byte_stays_wherever_the_tables_stand(ending: str, line_end: str, mark: str) -> None:
    before = mark + (ALTERNATING + ending).replace("\n", line_end)
    after = append_sources(
        before, [NEW, NewSource(id="c", name="C", url="https://c.example/", section="arts")]
    )
    assert after.startswith(before)
    assert after.count("\r") == (after.count("\n") if line_end == "\r\n" else 0)
    settings = check_config(after, path=Path("c.toml"), environ={})
    assert [s.id for s in settings.sources] == ["a", "b", "new", "c"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=30))
def test_whatever_a_name_holds_is_quoted(name: str) -> None:
    new = NewSource(id="new", name=f"x{name}x", url="https://new.example/", section="world")
    settings = parse_settings(append_sources(ALTERNATING, [new]), path=Path("c.toml"), environ={})
    assert settings.get_source("new").name == f"x{name}x"


REFUSED = [
    pytest.param({"id": "A b"}, 'source.id: "A b" is no id for URLs', id="an id that is none"),
    pytest.param({"id": "a"}, 'source.id: "a" stands on line 10 already', id="an id that is taken"),
    pytest.param({"section": "arst"}, "did you mean 'arts'", id="a section that is not there"),
    pytest.param({"url": "ftp://a.example/"}, "is no http or https URL", id="a URL that is none"),
    pytest.param({"name": ""}, "source.name: is empty", id="no name"),
]


@pytest.mark.parametrize(("values", "words"), REFUSED)
def test_nothing_broken_is_written(tmp_path: Path, values: dict[str, str], words: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(ALTERNATING, encoding="utf-8")
    good = {"id": "new", "name": "New", "url": "https://new.example/", "section": "world"}
    new = NewSource(**good | values)
    with pytest.raises(ConfigError) as caught:
        save_config(append_sources(read_config(path), [new]), path=path, environ={})
    assert any(words in problem for problem in caught.value.problems)
    assert path.read_text(encoding="utf-8") == ALTERNATING
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.toml"]


def test_sources_in_one_list_are_told_how_they_are_to_be_written(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    one = '{ id = "a", url = "https://a.example/", section = "sports" }'
    text = f'source = [{one}]\n[[section]]\nid = "sports"\n'
    path.write_text(text, encoding="utf-8")
    assert len(load_settings(path, environ={}).sources) == 1
    with pytest.raises(ConfigError, match=r"one list.*write each source as a table, \[\[source\]\]"):
        save_config(append_sources(text, [NEW]), path=path, environ={})


def test_mode_link_and_secrets_of_the_environment_stay(tmp_path: Path) -> None:
    path = tmp_path / "real.toml"
    headers = '{ Authorization = "env:TOKEN" }'
    path.write_text(HEAD + source_table("a", "https://a.example/", headers=headers), encoding="utf-8")
    path.chmod(0o600)
    link = tmp_path / "config.toml"
    link.symlink_to(path)
    settings = save_config(append_sources(read_config(link), [NEW]), path=link, environ={"TOKEN": "s3cret"})
    assert settings.get_source("a").headers == (("Authorization", "s3cret"),)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "env:TOKEN" in path.read_text(encoding="utf-8")
    assert "s3cret" not in path.read_text(encoding="utf-8")


def test_a_change_is_shown_without_the_lines_around_it() -> None:
    before = HEAD + source_table("a", "https://a.example/", headers='{ Authorization = "s3cret" }')
    change = render_change(before, append_sources(before, [NEW]), path=Path("c.toml"))
    assert 'id = "new"' in change
    assert "s3cret" not in change


def test_a_draft_is_a_source_as_the_file_would_make_it(tmp_path: Path) -> None:
    head = HEAD.replace(
        "[defaults]", '[defaults]\nrules = [{ section = "libya", title = "x" }]\nevery = "1h"'
    )
    settings = make_settings(tmp_path, head=head)
    draft = draft_source(settings, "https://new.example/feed", section=None, environ={})
    assert (draft.id, draft.section) == ("new-example", "ar/sports")
    assert [rule.section for rule in draft.rules] == ["ar/libya"]
    assert draft_source(settings, "https://new.example/", section="world", environ={}).section == "en/world"
    for url, section, words in [("feed.xml", None, "no http"), ("https://a.example/", "wrld", "en/world")]:
        with pytest.raises(ConfigError, match=words):
            draft_source(settings, url, section=section, environ={})


def test_a_draft_needs_a_section(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"no sections yet; add a \[\[section\]\]"):
        draft_source(load_settings(path, environ={}), "https://a.example/", section=None, environ={})


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/feed",
        "http://www.a.example/feed/",
        "HTTPS://A.example:443/feed?utm_source=x",
        "https://a.example//feed#x",
    ],
)
def test_the_owner_of_a_url_is_found_however_it_is_spelled(tmp_path: Path, url: str) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    owner = find_owner(settings, url)
    assert owner is not None
    assert owner.id == "a"
    assert find_owner(settings, "https://a.example/other") is None
