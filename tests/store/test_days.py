"""A day of an edition: by section, in pages, between its neighbours, on the site's clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from aggregator.store import Transaction, days
from aggregator.store.days import find_day
from tests.store.samples import HOUR, MINUTE, insert_reads, make_read

pytestmark = pytest.mark.usefixtures("each_store")

ZONE = ZoneInfo("Africa/Tripoli")
SECTIONS = ("ar/sports", "ar/libya")
DAY = date(2026, 11, 24)
MIDNIGHT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


def add(tx: Transaction, title: str, at: datetime, section: str = "ar/libya") -> None:
    insert_reads(tx, make_read(title, title=title, published_at=at, section=section))


def show(tx: Transaction, day: date, page: int = 1) -> list[tuple[str | None, list[str]]] | None:
    found = find_day(tx, "ar", day, sections=SECTIONS, zone=ZONE, page=page)
    return None if found is None else [(ref, [a.title for a in listed]) for ref, listed in found.groups]


def test_a_day_begins_and_ends_at_the_sites_midnight(tx: Transaction) -> None:
    for name, at in (
        ("before", MIDNIGHT - MINUTE),
        ("first", MIDNIGHT),
        ("last", MIDNIGHT + 24 * HOUR - MINUTE),
        ("after", MIDNIGHT + 24 * HOUR),
    ):
        add(tx, name, at)
    assert show(tx, DAY) == [("ar/libya", ["last", "first"])]


def test_a_day_is_in_the_order_of_its_sections(tx: Transaction) -> None:
    add(tx, "libya", MIDNIGHT + 3 * HOUR)
    add(tx, "old", MIDNIGHT, "ar/closed")
    add(tx, "sports", MIDNIGHT, "ar/sports")
    add(tx, "world", MIDNIGHT, "en/world")
    both = make_read("both", title="both", published_at=MIDNIGHT + HOUR)
    insert_reads(tx, both)
    insert_reads(tx, make_read("copy", "ferry", section="ar/sports", published_at=MIDNIGHT), into=both)
    assert show(tx, DAY) == [("ar/sports", ["both", "sports"]), ("ar/libya", ["libya"]), (None, ["old"])]


def test_a_long_day_has_pages(tx: Transaction, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "PER_PAGE", 2)
    for n in range(5):
        add(tx, f"{n}", MIDNIGHT + n * HOUR, "ar/sports" if n == 4 else "ar/libya")
    assert [show(tx, DAY, page) for page in (0, 1, 2, 3, 4)] == [
        None,
        [("ar/sports", ["4"]), ("ar/libya", ["3"])],
        [("ar/libya", ["2", "1"])],
        [("ar/libya", ["0"])],
        None,
    ]


def test_a_day_knows_the_nearest_days_that_have_articles(tx: Transaction) -> None:
    add(tx, "long ago", MIDNIGHT - 100 * HOUR)
    add(tx, "now", MIDNIGHT)
    add(tx, "later", MIDNIGHT + 100 * HOUR)
    found = find_day(tx, "ar", DAY, sections=SECTIONS, zone=ZONE)
    assert found is not None
    assert (found.previous, found.next) == (date(2026, 11, 19), date(2026, 11, 28))


def test_an_empty_day_is_one_only_after_the_first(tx: Transaction) -> None:
    assert show(tx, DAY) is None
    add(tx, "one", MIDNIGHT)
    assert show(tx, date(2026, 11, 25)) == []
    assert show(tx, date(2026, 11, 25), 2) is None
    assert show(tx, date(2026, 11, 23)) is None
