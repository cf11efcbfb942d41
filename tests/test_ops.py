"""What the commands do: polls, listings, OPML in and out, care of the store."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy

from aggregator import ops
from aggregator.demo.publisher import Publisher
from aggregator.errors import ConfigError, SchemaMismatch, StoreError
from aggregator.refresh import LEASE, apply_configuration
from aggregator.store import open_store, search, sources, tables
from aggregator.store.engine import HEAD as SCHEMA
from tests.harness import make_item, publish
from tests.site_samples import HEAD, HOUR, NOON, Portal, make_settings, open_portal, source_table


def ignore(count: int) -> None:
    """Nobody watches the progress."""


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with open_portal(tmp_path_factory.mktemp("portal")) as opened:
        yield opened


# --- poll ------------------------------------------------------------------------------------------


def test_a_poll_says_what_it_did_and_how_far_it_is(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, "/a", [make_item(1), make_item(2)])
    publish(publisher, "/b", [make_item(3)])
    settings = make_settings(tmp_path, *(source_table(s, f"{publisher.url}/{s}") for s in ("a", "b", "gone")))
    done: list[int] = []

    summary, reports = ops.poll_once(settings, everything=True, only=(), progress=done.append)

    assert summary.seconds > 0
    counts = (summary.sources, summary.polled, summary.new, summary.updated, summary.not_modified)
    assert (*counts, summary.failed) == (3, 3, 3, 0, 0, 1)
    assert sum(done) == 3
    assert {report.source_id: report.error is None for report in reports} == {
        "a": True,
        "b": True,
        "gone": False,
    }

    publish(publisher, "/a", [make_item(1, title="Edited"), make_item(2)])
    summary, reports = ops.poll_once(settings, everything=False, only=("a", "b"), progress=ignore)

    assert (summary.sources, summary.polled, summary.updated, summary.not_modified) == (2, 2, 1, 1)
    assert {report.source_id for report in reports} == {"a", "b"}

    summary, reports = ops.poll_once(settings, everything=False, only=(), progress=ignore)

    assert (summary.sources, summary.polled, reports) == (0, 0, ())


def test_a_source_that_is_not_configured_is_not_polled(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("herald", "https://herald.example/feed"))
    with pytest.raises(ConfigError, match=r'no source "heralt".*herald'):
        ops.poll_once(settings, everything=False, only=("heralt",), progress=ignore)
    assert not (tmp_path / "aggregator.db").exists()


def test_what_another_process_is_polling_is_left_to_it(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, "/a", [make_item(1)])
    with Publisher("127.0.0.2") as other:
        publish(other, "/b", [make_item(2)])
        tables = source_table("a", f"{publisher.url}/a"), source_table("b", f"{other.url}/b")
        settings = make_settings(tmp_path, *tables)
        store = open_store(settings.store_url)
        now = datetime.now(UTC)
        apply_configuration(store, settings, now=now)
        with store.write() as tx:
            sources.claim_due(tx, now=now, limit=9, lease=LEASE, owner="elsewhere 1 1.00", only=["a"])
        store.close()

        summary, _ = ops.poll_once(settings, everything=True, only=(), progress=ignore)

        assert (summary.sources, summary.polled, summary.new) == (2, 1, 1)
        assert publisher.log == []


# --- listings --------------------------------------------------------------------------------------


def test_the_status_of_every_source_in_the_order_of_the_file(publisher: Publisher, tmp_path: Path) -> None:
    publish(publisher, "/b", [make_item(1), make_item(2)])
    tables = [source_table(s, f"{publisher.url}/{s}") for s in ("gone", "b")]
    ops.poll_once(make_settings(tmp_path, *tables), everything=True, only=(), progress=ignore)
    settings = make_settings(tmp_path, source_table("added", "https://a.example/feed"), *tables)

    added, gone, good = ops.list_status(settings, now=NOON)

    assert [row.id for row in (added, gone, good)] == ["added", "gone", "b"]
    assert [row.state for row in (added, gone, good)] == ["new", "error", "ok"]
    assert added.next_poll_at == NOON, "due at once"
    assert (gone.failures, gone.entries, gone.last_success_at) == (1, 0, None)
    assert gone.failing_since is not None
    assert "404" in (gone.last_error or "")
    assert (good.failures, good.entries, good.last_error, good.failing_since) == (0, 2, None, None)
    assert good.last_success_at is not None
    assert list(json.loads(ops.to_json(good)))[:8] == (
        "id state last_success_at failing_since failures next_poll_at entries last_error".split()
    )


@pytest.mark.parametrize(
    ("section", "source_id", "count"),
    [
        pytest.param(None, None, 71, id="all of them"),
        pytest.param("sports", None, 65, id="of a section by its id alone"),
        pytest.param("ar/sports", None, 65, id="of a section by edition and id"),
        pytest.param(None, "herald", 3, id="of a source"),
        pytest.param("world", "wire", 1, id="of both"),
        pytest.param("sports", "wire", 0, id="of two that do not meet"),
    ],
)
def test_entries_are_listed_newest_first(
    portal: Portal, section: str | None, source_id: str | None, count: int
) -> None:
    listed = list(ops.list_entries(portal.settings, section=section, source_id=source_id))
    assert len(listed) == count
    assert [e.published_at for e in listed] == sorted((e.published_at for e in listed), reverse=True)
    assert len({(e.source, e.guid) for e in listed}) == count


def test_sections_are_named_as_the_admin_writes_them(portal: Portal, tmp_path: Path) -> None:
    (first, *_) = ops.list_entries(portal.settings, section="sports", source_id=None)
    assert first.sections == ("sports",)
    tables = (
        '\n[[section]]\nid = "world"\nedition = "ar"\n',
        source_table("a", "https://a.example/", "en/world"),
    )
    settings = replace(make_settings(tmp_path, *tables), store_url=portal.settings.store_url)
    (first, *_) = ops.list_entries(settings, section="en/world", source_id=None)
    assert first.sections == ("en/world",), "two editions have a section of this id"


@pytest.mark.parametrize(
    ("section", "source_id", "words"),
    [("none", None, "no one section"), ("", None, "no one section"), (None, "heralt", "herald")],
)
def test_what_is_not_configured_cannot_be_listed(
    portal: Portal, section: str | None, source_id: str | None, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        list(ops.list_entries(portal.settings, section=section, source_id=source_id))


# --- care of the store -----------------------------------------------------------------------------


def test_pruning_forgets_what_is_older_than_the_admin_keeps(tmp_path: Path) -> None:
    with open_portal(tmp_path) as portal:
        never = threading.Event()
        assert ops.prune(portal.settings, now=NOON + timedelta(days=89), stopping=never) == 0
        assert ops.prune(portal.settings, now=NOON + timedelta(days=91), stopping=never) == 65 + 2 + 3
        assert list(ops.list_entries(portal.settings, section=None, source_id=None)) == []


def test_nothing_is_pruned_where_all_is_kept(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, head=HEAD.replace("[fetch]", 'keep = "forever"\n[fetch]'))
    assert ops.prune(settings, now=NOON, stopping=threading.Event()) == 0
    assert not (tmp_path / "aggregator.db").exists()


def test_a_store_is_made_once(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    assert ops.migrate(settings) == (None, SCHEMA)
    assert ops.migrate(settings) == (SCHEMA, SCHEMA)


def test_migrating_indexes_what_search_does_not_know(tmp_path: Path) -> None:
    with open_portal(tmp_path) as portal:
        with portal.store.write() as tx:
            tx.execute(sqlalchemy.delete(tables.search_texts))
            assert search.count_missing(tx) > 60
        ops.migrate(portal.settings)
        with portal.store.read() as tx:
            assert search.count_missing(tx) == 0


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    ops.migrate(settings)
    store = open_store(settings.store_url)
    with store.write() as tx:
        tx.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    for use in (lambda: ops.migrate(settings), lambda: ops.list_status(settings, now=NOON)):
        with pytest.raises(SchemaMismatch, match="9999"):
            use()


# What an admin's disk may hold instead of a store, and the word that says so.
BROKEN = [
    pytest.param("garbage", "not a database", id="another file"),
    pytest.param("folder", "unable to open", id="a folder"),
    pytest.param("no folder", "unable to open", id="no folder for it"),
    pytest.param("corrupt", "malformed", id="a store with broken pages"),
    pytest.param("foreign", "already exists", id="a database of another program"),
]


@pytest.mark.parametrize(("what", "words"), BROKEN)
def test_a_store_that_cannot_be_used_is_named(tmp_path: Path, what: str, words: str) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    path = tmp_path / "aggregator.db"
    if what == "garbage":
        path.write_bytes(os.urandom(9000))
    elif what == "folder":
        path.mkdir()
    elif what == "no folder":
        nowhere = HEAD + '\n[store]\nurl = "sqlite:///nowhere/aggregator.db"\n'
        settings = make_settings(tmp_path, head=nowhere)
    elif what == "corrupt":
        ops.migrate(settings)
        pages = path.read_bytes()
        path.write_bytes(pages[:8192] + b"\xaa" * (len(pages) - 8192))
    else:
        engine = sqlalchemy.create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text("CREATE TABLE meta (x)"))
        engine.dispose()
    with pytest.raises(StoreError, match=words) as caught:
        ops.list_status(settings, now=NOON)
    assert "aggregator.db" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_store_of_a_kind_that_is_not_there_yet_is_named(tmp_path: Path) -> None:
    url = "postgresql+psycopg://user:s3cret@db.example/news"
    settings = make_settings(tmp_path, head=f'{HEAD}\n[store]\nurl = "{url}"\n')
    with pytest.raises(StoreError, match="postgresql") as caught:
        ops.list_status(settings, now=NOON)
    assert "s3cret" not in str(caught.value)


# --- JSON ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (NOON, '"2026-11-24T12:00:00Z"'),
        (NOON.replace(microsecond=999_999), '"2026-11-24T12:00:00Z"'),
        (NOON.astimezone(timezone(2 * HOUR)), '"2026-11-24T12:00:00Z"'),
        ("أخبار", '"أخبار"'),
        ("two\nlines", '"two\\nlines"'),
        ([None, True, 1.5], "[null, true, 1.5]"),
    ],
)
def test_json_is_one_line_of_rfc_3339_and_plain_letters(value: object, text: str) -> None:
    assert ops.to_json(value) == text


def test_json_of_a_dataclass_has_its_fields(portal: Portal) -> None:
    (first, *_) = ops.list_entries(portal.settings, section="world", source_id=None)
    line = ops.to_json(first)
    assert "\n" not in line
    assert json.loads(line)["title"] == "Bridge number 202 opens"
