"""OPML out and in: what goes where, what is refused, and that the rest of the file stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aggregator.config import Settings, load_settings
from aggregator.errors import ConfigError
from aggregator.opml import ImportResult, export_opml, import_opml
from tests.site_samples import HEAD, make_settings, source_table


def import_feeds(
    settings: Settings, body: bytes, *, section: str | None = None, dry_run: bool = False
) -> ImportResult:
    return import_opml(settings, body, section=section, environ={}, dry_run=dry_run)


def export_feeds(settings: Settings) -> bytes:
    body, notes = export_opml(settings)
    assert notes == ()
    return body


def write_opml(*outlines: str) -> bytes:
    return f'<opml version="2.0"><head/><body>{"".join(outlines)}</body></opml>'.encode()


def outline(url: str, title: str = "Paper") -> str:
    return f'<outline type="rss" text="{title}" xmlUrl="{url}"/>'


def test_the_export_groups_sources_by_section_and_keeps_secrets_in(tmp_path: Path) -> None:
    headers = '{ Authorization = "Bearer s3cret" }'
    settings = make_settings(
        tmp_path,
        source_table("madar", "https://madar.example/feed", "sports", headers=headers, lang='"ar"'),
        source_table("herald", "https://herald.example/feed?a=1&b=2"),
    )
    body = export_feeds(settings)
    root = etree.fromstring(body)
    groups = {g.get("text"): [o.get("xmlUrl") for o in g] for g in root.iterfind("body/outline/outline")}
    assert groups == {
        "رياضة": ["https://madar.example/feed"],
        "World": ["https://herald.example/feed?a=1&b=2"],
    }
    assert b"s3cret" not in body
    assert export_feeds(settings) == body


def test_an_export_is_known_when_it_comes_back(tmp_path: Path) -> None:
    tables = [source_table(s, f"https://{s}.example/{s}/خبر") for s in "ab"]
    settings = make_settings(tmp_path, *tables)
    result = import_feeds(settings, export_feeds(settings), section=None)
    assert (len(result.added), len(result.known), len(result.refused)) == (0, 2, 0)


GROUPS = [
    pytest.param("World", "en/world", id="the name of a section"),
    pytest.param(" wORLD ", "en/world", id="in any case"),
    pytest.param("رياضة", "ar/sports", id="in Arabic"),
    pytest.param("sports", "ar/sports", id="its id"),
    pytest.param("ar/libya", "ar/libya", id="its reference"),
    pytest.param("Unheard of", None, id="none of ours"),
]


@pytest.mark.parametrize(("group", "section"), GROUPS)
def test_a_feed_goes_where_its_group_says(tmp_path: Path, group: str, section: str | None) -> None:
    settings = make_settings(tmp_path)
    body = write_opml(f'<outline text="{group}">{outline("https://paper.example/feed")}</outline>')
    result = import_feeds(settings, body, section=None)
    if section is None:
        assert (result.added, len(result.refused)) == ((), 1)
        assert "Unheard of" in result.refused[0]
        assert "--section" in result.refused[0]
        return
    assert result.added == ("paper",)
    (source,) = load_settings(settings.path, environ={}).sources
    assert (source.id, source.name, source.section) == ("paper", "Paper", section)


def test_what_has_no_group_of_ours_goes_to_the_section_given(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    body = write_opml(
        f'<outline text="Unheard of">{outline("https://a.example/feed", "A")}</outline>',
        outline("https://b.example/feed", "B"),
        f'<outline text="World">{outline("https://c.example/feed", "C")}</outline>',
    )
    import_feeds(settings, body, section="libya")
    placed = {s.id: s.section for s in load_settings(settings.path, environ={}).sources}
    assert placed == {"a": "ar/libya", "b": "ar/libya", "c": "en/world"}


def test_a_section_that_is_none_is_said_to_be_none(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with pytest.raises(ConfigError, match="lybia"):
        import_feeds(settings, write_opml(outline("https://a.example/feed")), section="lybia")


IDS = [
    pytest.param("The Daily  Paper!", "https://x.example/f", "the-daily-paper", id="from the title"),
    pytest.param("صحيفة المدار", "https://www.madar.example/f", "madar-example", id="from the host"),
    pytest.param("", "https://madar.example:8080/f", "madar-example", id="without its port"),
    pytest.param("2026", "https://madar.example/f", "madar-example", id="a number is no name"),
    pytest.param(
        "خبر", "https://my_paper.example/f", "my-paper-example", id="an underscore is none of an id"
    ),
    pytest.param("خبر", "http://[2001:db8::1]/f", "2001-db8-1", id="an address"),
    pytest.param("خبر", "http://203.0.113.7/f", "203-0-113-7", id="another address"),
    pytest.param("A" * 200, "https://x.example/f", "a" * 40, id="cut"),
    pytest.param("خ", f"https://{'a' * 60}.{'b' * 60}.example/f", f"{'a' * 60}-bbb", id="a long host, cut"),
]


@pytest.mark.parametrize(("title", "url", "source_id"), IDS)
def test_an_id_is_made_of_what_there_is(tmp_path: Path, title: str, url: str, source_id: str) -> None:
    settings = make_settings(tmp_path)
    result = import_feeds(settings, write_opml(outline(url, title)), section="world")
    assert result.refused == ()
    (source,) = load_settings(settings.path, environ={}).sources
    assert result.added == (source.id,)
    assert source.id.startswith(source_id[:20])
    assert len(source.id) <= 64


def test_no_id_is_given_twice(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("paper", "https://paper.example/feed"))
    body = write_opml(*(outline(f"https://paper.example/{n}") for n in range(3)))
    assert import_feeds(settings, body, section="world").added == ("paper-2", "paper-3", "paper-4")


# What is the same feed under another spelling is known; what can be no source is refused; the rest comes in.
ODD = [
    pytest.param("HTTPS://Known.example/feed", "known", id="the host in capitals"),
    pytest.param("https://known.example/خبر", "known", id="a path as browsers show it"),
    pytest.param("ftp://a.example/feed", "refused", id="ftp"),
    pytest.param("feed://a.example/feed", "refused", id="feed:"),
    pytest.param("feed.xml", "refused", id="a file"),
    pytest.param("https://user:word@a.example/feed", "refused", id="with a password"),
    pytest.param("https://", "refused", id="without a host"),
    pytest.param("https://a.example/a b", "refused", id="with a blank"),
]


@pytest.mark.parametrize(("url", "fate"), ODD)
def test_one_odd_feed_holds_up_no_other(tmp_path: Path, url: str, fate: str) -> None:
    known = [
        source_table("a", "https://known.example/feed"),
        source_table("b", "https://known.example/%D8%AE%D8%A8%D8%B1"),
    ]
    settings = make_settings(tmp_path, *known)
    body = write_opml(outline(url, "Odd"), outline("https://good.example/feed", "Good"))
    result = import_feeds(settings, body, section="world")
    assert result.added == ("good",)
    assert (len(result.known), len(result.refused)) == ((1, 0) if fate == "known" else (0, 1))
    assert [s.id for s in load_settings(settings.path, environ={}).sources] == ["a", "b", "good"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("\ufeff", "", id="a byte order mark in front"),
        pytest.param("", "# the end", id="no line end at the end"),
        pytest.param("# with a comment\n", "", id="a comment in front"),
    ],
)
def test_the_rest_of_the_file_stays_as_it_is(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "config.toml"
    text = before + HEAD + source_table("a", "https://a.example/feed") + after
    path.write_text(text, encoding="utf-8")
    settings = load_settings(path, environ={})
    import_feeds(settings, write_opml(outline("https://b.example/feed")), section="world")
    changed = path.read_text(encoding="utf-8-sig")
    assert changed.startswith(text.removeprefix("\ufeff").rstrip("\n"))
    assert [s.id for s in load_settings(path, environ={}).sources] == ["a", "paper"]


def test_the_file_keeps_its_mode_and_its_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(HEAD.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    settings = load_settings(path, environ={})
    import_feeds(settings, write_opml(outline("https://b.example/feed")), section="world")
    assert path.stat().st_mode & 0o777 == 0o640
    assert path.read_bytes().startswith(HEAD.rstrip().replace("\n", "\r\n").encode())
    assert [entry.name for entry in tmp_path.iterdir()] == ["config.toml"], "nothing is left beside it"


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    link = tmp_path / "here.toml"
    link.symlink_to(settings.path)
    settings = load_settings(link, environ={})
    import_feeds(settings, write_opml(outline("https://b.example/feed")), section="world")
    assert link.is_symlink()
    assert len(load_settings(tmp_path / "config.toml", environ={}).sources) == 1


def test_an_import_of_nothing_new_leaves_the_file_alone(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    before = settings.path.stat()
    import_feeds(settings, write_opml(outline("https://a.example/feed")), section="world")
    after = settings.path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


# --- there and back ---------------------------------------------------------------------------------

TITLES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12)
EDITIONS = ["ar-LY", "en", "fr"]


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@st.composite
def configurations(draw: st.DrawFn) -> tuple[str, list[str]]:
    """What stands before the sources, and the sources: names in any letters, sections of equal names too."""
    editions = draw(st.lists(st.sampled_from(EDITIONS), min_size=1, max_size=3, unique=True))
    head = f"[site]\neditions = {json.dumps(editions)}\n"
    refs = []
    for edition in editions:
        for section_id in draw(st.lists(st.sampled_from(["world", "arts", "x"]), min_size=1, unique=True)):
            name = draw(st.sampled_from(["World", "world", "arts", "العالم", "en", "ar/x"]) | TITLES)
            head += f'[[section]]\nid = "{section_id}"\nedition = "{edition}"\nname = {quoted(name)}\n'
            refs.append(f"{edition.partition('-')[0]}/{section_id}")
    paths = draw(st.lists(st.text(min_size=1, max_size=8), max_size=6, unique_by=str.casefold))
    tables = [
        source_table(
            f"s{number}",
            f"https://{draw(st.sampled_from('ab'))}.example/{number}/{quote(path)}?q={number}&r={quote(path)}",
            draw(st.sampled_from(refs)),
            name=quoted(draw(TITLES)),
        )
        for number, path in enumerate(paths)
    ]
    return head, tables


@given(configurations())
def test_what_is_exported_comes_back_to_the_same_sections(configuration: tuple[str, list[str]]) -> None:
    head, tables = configuration
    with TemporaryDirectory() as folder:
        settings = make_settings(Path(folder), *tables, head=head)
        body = export_feeds(settings)
        empty = make_settings(Path(folder), head=head)
        result = import_feeds(empty, body)
        assert (result.known, result.refused) == ((), ())
        back = load_settings(empty.path, environ={})
    assert {(s.name, s.url, s.section) for s in back.sources} == {
        (s.name, s.url, s.section) for s in settings.sources
    }
    assert export_feeds(back) == body


def test_editions_are_groups_where_there_are_several(tmp_path: Path) -> None:
    tables = [source_table("a", "https://a.example/", "sports"), source_table("b", "https://b.example/")]
    root = etree.fromstring(export_feeds(make_settings(tmp_path, *tables)))
    tree = {e.get("text"): [g.get("text") for g in e] for e in root.iterfind("body/outline")}
    assert tree == {"ar-LY": ["رياضة"], "en-GB": ["World"]}
    assert [o.get("category") for o in root.iterfind(".//outline[@xmlUrl]")] == ["/ar/sports", "/en/world"]
    head = HEAD.replace(', "en-GB"', "").replace('edition = "en"\n', "")
    root = etree.fromstring(export_feeds(make_settings(tmp_path, *tables, head=head)))
    assert [e.get("text") for e in root.iterfind("body/outline")] == ["رياضة", "World"]


TWO_WORLDS = HEAD + '\n[[section]]\nid = "world"\nedition = "ar"\nname = "العالم"\n'
HOMES = [
    pytest.param(["en", "world"], "en/world", id="an edition"),
    pytest.param(["AR-ly", "world"], "ar/world", id="its tag"),
    pytest.param(["world"], None, id="an id of two editions"),
    pytest.param(["World"], None, id="a name that is an id elsewhere"),
    pytest.param(["العالم"], "ar/world", id="a name of one edition"),
    pytest.param(["fr", "رياضة"], "ar/sports", id="no edition of ours"),
    pytest.param(["en", "رياضة"], "ar/sports", id="another edition's"),
]


@pytest.mark.parametrize(("groups", "section"), HOMES)
def test_a_group_is_looked_for_in_the_edition_around_it(
    tmp_path: Path, groups: list[str], section: str | None
) -> None:
    settings = make_settings(tmp_path, head=TWO_WORLDS)
    body = outline("https://paper.example/feed")
    for group in reversed(groups):
        body = f'<outline text="{group}">{body}</outline>'
    result = import_feeds(settings, write_opml(body))
    sources = load_settings(settings.path, environ={}).sources
    assert [s.section for s in sources] == ([] if section is None else [section])
    assert len(result.refused) == (section is None)


def test_what_is_there_already_is_told_with_its_source_also_within_the_file(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    urls = ["http://www.a.example/feed/", "https://b.example/feed", "https://b.example/feed?utm_source=x"]
    result = import_feeds(settings, write_opml(*map(outline, urls)), section="world")
    assert result.added == ("paper",)
    assert result.known == (
        "http://www.a.example/feed/: is there already, as source a",
        "https://b.example/feed?utm_source=x: is there already, as source paper",
    )


def test_a_dry_run_shows_the_change_and_makes_none(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    before = settings.path.read_bytes()
    body = write_opml(outline("https://b.example/feed"))
    result = import_feeds(settings, body, section="world", dry_run=True)
    assert settings.path.read_bytes() == before
    changed = [line for line in result.change.splitlines() if line.startswith("+") and "=" in line]
    assert changed == [
        '+id = "paper"', '+name = "Paper"', '+url = "https://b.example/feed"', '+section = "en/world"',
    ]  # fmt: skip
    assert import_feeds(settings, body, section="world").change == result.change


def test_a_secret_in_a_url_does_not_leave_and_what_was_hidden_does_not_come_back(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed?api_key=s3cret&b=1"))
    body, notes = export_opml(settings)
    assert b"s3cret" not in body
    assert notes == ("a: its url holds a secret, which is written as ***",)
    result = import_feeds(make_settings(tmp_path), body)
    assert result.added == ()
    assert "export has hidden a secret in it" in result.refused[0]
