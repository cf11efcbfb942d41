"""Forgetting: what goes, what stays, and what must not come back."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from aggregator.model import Hints, PollOutcome, PollResult, ReadEntry, SourceReading
from aggregator.saving import save_results
from aggregator.store import Store, articles, sources, tables
from aggregator.store.entries import list_entries
from aggregator.store.prune import prune_store
from aggregator.store.sources import record_poll
from tests.store.samples import (
    DAY,
    HOUR,
    NOON,
    edit_read,
    insert_reads,
    make_read,
    update_read,
)

pytestmark = pytest.mark.usefixtures("each_store")

KEEP = 30 * DAY
NOW = NOON + 100 * DAY
INSTANT = timedelta(microseconds=1)


def make_seen(guid: str, at: datetime, source_id: str = "harbour") -> ReadEntry:
    return make_read(guid, source_id, published_at=at, updated_at=at, first_seen_at=at)


def insert(store: Store, *reads: ReadEntry, into: ReadEntry | None = None) -> None:
    with store.write() as tx:
        insert_reads(tx, *reads, into=into)


def prune(store: Store, now: datetime = NOW, stopping: threading.Event | None = None) -> int:
    return prune_store(store, keep=KEEP, now=now, stopping=stopping or threading.Event())


def list_guids(store: Store) -> list[str]:
    with store.read() as tx:
        return [entry.guid for entry in list_entries(tx)]


def count_rows(store: Store) -> dict[str, int]:
    names = ("entries", "articles", "article_sections", "revisions", "tombstones")
    with store.read() as tx:
        return {
            name: tx.execute(select(func.count()).select_from(tables.metadata.tables[name])).scalar_one()
            for name in names
        }


def poll(store: Store, *reads: ReadEntry, at: datetime, outcome: PollOutcome = "new_body") -> tuple[int, int]:
    """What a poll that finds these items saves: how many are new, how many were edited."""
    reading = SourceReading(
        site_url=None,
        icon_url=None,
        hints=Hints(),
        entries=reads,
        unchanged=0,
        skipped=0,
        problems=(),
    )
    result = PollResult(
        source_id="harbour",
        outcome=outcome,
        polled_at=at,
        next_poll_at=at + HOUR,
        reading=reading if outcome == "new_body" else None,
    )
    with store.write() as tx:
        (report,) = save_results(tx, [result], now=at)
        record_poll(tx, result)
    return report.new, report.updated


def test_what_was_first_seen_before_the_limit_goes_whole(store: Store) -> None:
    old, young = make_seen("old", NOW - KEEP - INSTANT), make_seen("young", NOW - KEEP)
    insert(store, old, young)
    with store.write() as tx:
        update_read(tx, edit_read(old, title="عنوان آخر"), now=NOW - DAY)
        update_read(tx, edit_read(young, title="عنوان آخر"), now=NOW - DAY)
    assert prune(store) == 1
    assert list_guids(store) == ["young"]
    assert count_rows(store) == {
        "entries": 1,
        "articles": 1,
        "article_sections": 2,
        "revisions": 1,
        "tombstones": 1,
    }
    assert prune(store) == 0


def test_the_date_of_publication_does_not_count(store: Store) -> None:
    """A source that was added yesterday brings old items: they are kept as long as others."""
    insert(store, make_read("late", published_at=NOON - 900 * DAY, first_seen_at=NOW - DAY))
    assert prune(store) == 0


def test_an_article_stays_whole_while_one_copy_is_young(store: Store) -> None:
    founder = make_seen("founder", NOON)
    insert(store, founder)
    insert(store, make_seen("copy", NOW - DAY, "ferry"), into=founder)
    assert prune(store, now=NOW - DAY + KEEP) == 0
    assert list_guids(store) == ["copy", "founder"]
    assert prune(store, now=NOW - DAY + KEEP + INSTANT) == 1
    assert count_rows(store)["tombstones"] == 2


def test_a_pruned_entry_that_a_feed_lists_still_does_not_come_back(store: Store) -> None:
    old = make_seen("old", NOON)
    assert poll(store, old, at=NOON) == (1, 0)
    assert prune(store) == 1
    assert poll(store, old, make_seen("new", NOW), at=NOW + HOUR) == (1, 0)
    assert poll(store, edit_read(old, title="عنوان آخر"), at=NOW + 2 * HOUR) == (0, 0)
    assert list_guids(store) == ["new"]


def test_a_tombstone_lasts_as_long_as_a_feed_asks_about_it(store: Store) -> None:
    old = make_seen("old", NOON)
    poll(store, old, at=NOON)
    prune(store)
    for days in range(20, 200, 20):
        prune(store, now=NOW + days * DAY)
        assert poll(store, old, at=NOW + days * DAY) == (0, 0)
    assert list_guids(store) == []


def test_a_tombstone_lasts_while_the_feed_does_not_change(store: Store) -> None:
    """A quiet feed answers 304 for months and lists the old item all that time."""
    old = make_seen("old", NOON)
    poll(store, old, at=NOON)
    prune(store)
    for days in range(20, 200, 20):
        poll(store, at=NOW + days * DAY, outcome="not_modified")
        prune(store, now=NOW + days * DAY)
    assert poll(store, old, make_seen("new", NOW + 200 * DAY), at=NOW + 200 * DAY) == (1, 0)


def test_a_tombstone_that_nobody_asks_about_is_forgotten(store: Store) -> None:
    """Else the table would grow for ever: the feed has long dropped the item."""
    poll(store, make_seen("old", NOON), at=NOON)
    prune(store)
    for days in (10, 20, 30):
        poll(store, make_seen(f"day {days}", NOW + days * DAY), at=NOW + days * DAY)
    prune(store, now=NOW + KEEP)
    assert count_rows(store)["tombstones"] == 1
    prune(store, now=NOW + KEEP + INSTANT)
    assert count_rows(store)["tombstones"] == 0


def test_more_than_one_transaction_takes(store: Store) -> None:
    insert(store, *(make_seen(f"n{number}", NOON) for number in range(450)))
    insert(store, make_seen("young", NOW))
    assert prune(store) == 450
    assert list_guids(store) == ["young"]
    assert count_rows(store)["tombstones"] == 450


def test_it_stops_when_it_is_told_to(store: Store) -> None:
    insert(store, make_seen("old", NOON))
    stopping = threading.Event()
    stopping.set()
    assert prune(store, stopping=stopping) == 0
    assert list_guids(store) == ["old"]


def test_pages_are_made_anew_only_when_something_went(store: Store) -> None:
    def get_revision() -> int:
        with store.read() as tx:
            return articles.get_revision(tx)

    insert(store, make_seen("old", NOON))
    before = get_revision()
    prune(store, now=NOON + DAY)
    assert get_revision() == before
    prune(store)
    assert get_revision() > before


def test_the_state_of_the_source_stays(store: Store) -> None:
    poll(store, make_seen("old", NOON), at=NOON)
    with store.read() as tx:
        before = sources.list_source_states(tx)
    prune(store)
    with store.read() as tx:
        assert sources.list_source_states(tx) == before
