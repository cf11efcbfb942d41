"""What another configuration would publish: told as a diff, true, and nothing changed by asking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.config import Settings, parse_settings
from aggregator.errors import StoreError
from aggregator.refresh import apply_configuration
from aggregator.replay import Replay, replay
from aggregator.store import open_store
from tests.harness import make_item
from tests.site_samples import HEAD, HOUR, NOON, Portal, make_settings, open_portal, save_feed, source_table

MADAR = source_table("madar", "https://madar.example/feed", "sports")
SAHEL = source_table("sahel", "https://sahel.example/feed", "libya", content='"summary"')
HERALD = source_table("herald", "https://herald.example/feed")
WIRE = source_table("wire", "https://wire.example/feed")
TO_LIBYA = '[{ section = "ar/libya", title = "202" }]'
GLOBAL, GLOBAL_WIRE = (table.replace('"world"', '"globe"') for table in (HERALD, WIRE))
RENAMED = HEAD.replace('id = "world"', 'id = "globe"\nold_ids = ["world"]')


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    with open_portal(tmp_path) as opened:
        yield opened


def configure(portal: Portal, *tables: str, head: str = HEAD) -> Settings:
    path = portal.settings.path.with_name("new.toml")
    path.write_text(head + "".join(tables), encoding="utf-8")
    return parse_settings(path.read_text(encoding="utf-8"), path=path, environ={})


def list_changes(found: Replay) -> dict[str, list[str]]:
    """Per feed, by its present name and that to come, the lines that come and go."""
    changes: dict[str, list[str]] = {}
    lines = iter(found.diff.splitlines())
    name = ""
    for line in lines:
        if line.startswith("--- "):
            name = f"{line[4:]} > {next(lines)[4:]}"
        elif not line.startswith("@@") and not line.startswith(" "):
            changes.setdefault(name, []).append(line)
    assert len(changes) == found.changed
    return changes


SWAP = str.maketrans("+-", "-+")


def list_lines(found: Replay) -> list[str]:
    return [line for lines in list_changes(found).values() for line in lines]


def test_the_configuration_in_force_changes_nothing(portal: Portal) -> None:
    found = replay(portal.settings)
    assert (found.diff, found.changed, found.left_out) == ("", 0, {})
    assert found.feeds == 5, "three sections and two editions"


OTHERS = [
    pytest.param((MADAR, SAHEL, HERALD, WIRE), HEAD, id="the same"),
    pytest.param((MADAR, SAHEL, HERALD.replace("world", "ar/libya"), WIRE), HEAD, id="another section"),
    pytest.param((MADAR, SAHEL, HERALD + f"rules = {TO_LIBYA}\n", WIRE), HEAD, id="a rule"),
    pytest.param((MADAR, SAHEL.replace("summary", "title"), HERALD, WIRE), HEAD, id="another right"),
    pytest.param((MADAR.replace("Outlet", "Paper"), SAHEL, HERALD, WIRE), HEAD, id="another name"),
    pytest.param((MADAR, SAHEL, GLOBAL, GLOBAL_WIRE), RENAMED, id="a section renamed"),
    pytest.param((WIRE, HERALD, SAHEL, MADAR), HEAD, id="another order"),
]


@pytest.mark.parametrize(("tables", "head"), OTHERS)
def test_what_is_foretold_is_what_comes(portal: Portal, tables: tuple[str, ...], head: str) -> None:
    new = configure(portal, *tables, head=head)
    foretold = replay(new)
    apply_configuration(portal.store, new, now=NOON + HOUR)
    assert replay(new).diff == ""
    if head is not RENAMED:  # whose former configuration does not know the present name
        back = [line.translate(SWAP) for line in list_lines(replay(portal.settings))]
        assert sorted(back) == sorted(list_lines(foretold))


def test_nothing_is_changed_by_asking(portal: Portal) -> None:
    with portal.store.engine.connect() as connection:
        before = list(connection.connection.iterdump())  # type: ignore[attr-defined]
        replay(configure(portal, HERALD.replace("world", "ar/libya")))
        assert list(connection.connection.iterdump()) == before  # type: ignore[attr-defined]


def test_an_article_that_moves_goes_there_and_comes_here(portal: Portal) -> None:
    found = replay(configure(portal, MADAR, SAHEL, HERALD + f"rules = {TO_LIBYA}\n", WIRE))
    line = "Bridge number 202 opens (Outlet herald, full)"
    changes = list_changes(found)
    assert f"+{line}" in changes.pop("ar/all > ar/all"), "and another falls off its end"
    assert changes == {
        "ar/libya > ar/libya": [f"+{line}"],
        "en/all > en/all": [f"-{line}"],
        "en/world > en/world": [f"-{line}"],
    }


def test_a_source_that_goes_takes_its_articles_but_not_those_that_others_carry(portal: Portal) -> None:
    found = replay(configure(portal, MADAR, SAHEL, WIRE))
    assert found.left_out == {"herald": 3}
    changes = list_changes(found)["en/world > en/world"]
    assert "-Bridge number 202 opens (Outlet herald, full)" in changes
    assert "+Bridge number 200 opens (Outlet wire, full)" in changes
    assert len([line for line in changes if line.startswith("+")]) == 1


def test_skips_rights_and_names_show(portal: Portal) -> None:
    sahel = SAHEL.replace("summary", "title").replace("Outlet", "Paper") + 'skip = [{ title = "101" }]\n'
    changes = list_changes(replay(configure(portal, MADAR, sahel, HERALD, WIRE)))
    assert changes["ar/libya > ar/libya"] == [
        "-افتتاح الجسر 101 في المدينة (Outlet sahel, summary)",
        "-افتتاح الجسر 100 في المدينة (Outlet sahel, summary)",
        "+افتتاح الجسر 100 في المدينة (Paper sahel, title)",
    ]


def test_a_renamed_section_is_compared_with_itself_and_one_that_goes_with_nothing(portal: Portal) -> None:
    globe = [table.replace('"world"', '"globe"') for table in (HERALD, WIRE)]
    assert replay(configure(portal, MADAR, SAHEL, *globe, head=RENAMED)).diff == ""
    unnamed = RENAMED.replace('old_ids = ["world"]', "")
    changes = list_changes(replay(configure(portal, MADAR, SAHEL, *globe, head=unnamed)))
    assert sorted(changes) == ["(nothing) > en/globe", "en/world > (nothing)"]


def test_a_long_feed_is_cut_and_mixed_as_it_is_published(tmp_path: Path) -> None:
    lengths = {"flood": 260, "brook": 25, "spring": 25}
    settings = make_settings(tmp_path, *(source_table(n, f"https://{n}.example/feed") for n in lengths))
    store = open_store(settings.store_url)
    try:
        apply_configuration(store, settings, now=NOON)
        for name, count in lengths.items():
            titles = [f"{name} {n}" for n in range(count)]
            urls = [f"https://{name}.example/{n}" for n in range(count)]
            items = [make_item(n, guid=urls[n], title=titles[n], html="", url=urls[n]) for n in range(count)]
            save_feed(store, settings, name, items)
    finally:
        store.close()
    assert replay(settings).diff == ""
    shorter = replay(make_settings(tmp_path, source_table("flood", "https://flood.example/feed")))
    assert shorter.left_out == {"brook": 25, "spring": 25}
    changes = list_changes(shorter)["en/world > en/world"]
    assert all(line.startswith("+flood") or not line.startswith("+") for line in changes)


def test_where_nothing_is_stored_that_is_said(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, MADAR)
    with pytest.raises(StoreError, match="nothing is stored yet"):
        replay(settings)
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
