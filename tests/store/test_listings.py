"""Which articles the feeds list: by source, by coverage, by story."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.model import ReadEntry, Story, StoryPlan, StoryReason
from aggregator.store import Store, Transaction, listings, stories
from aggregator.store.articles import get_articles
from aggregator.store.ids import encode_id
from tests.harness import make_source
from tests.store.samples import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    edit_read,
    id_of,
    insert_reads,
    make_read,
    open_sample,
    update_read,
)

pytestmark = pytest.mark.usefixtures("each_store")

REASON = StoryReason(rule="terms", score=1.0, threshold=0.5, words=())
SOURCES = ("harbour", "ferry", "anchor")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_sample(tmp_path, *(make_source(name) for name in SOURCES)) as opened:
        yield opened


def read_at(guid: str, hours: float, source_id: str = "harbour", **changes: object) -> ReadEntry:
    at = NOON + hours * HOUR
    return make_read(guid, source_id, **{"published_at": at, "updated_at": at, "first_seen_at": at} | changes)


def tell(tx: Transaction, story: ReadEntry, *members: ReadEntry) -> None:
    """Put articles into the story that the first of them founded."""
    placements = {id_of(read): (id_of(story), REASON) for read in (story, *members)}
    stories.record_plan(tx, StoryPlan(placements=placements, merges=()))


def list_one(tx: Transaction) -> Story:
    (story,) = listings.list_stories(tx, "ar/libya", limit=10)
    return story


# --- by source ------------------------------------------------------------------------------------


def test_the_newest_are_listed_with_the_source_that_leads_them(tx: Transaction) -> None:
    first, second = read_at("first", 0), read_at("second", 1, "ferry")
    insert_reads(tx, first, second, read_at("elsewhere", 2, section="ar/sports"))
    insert_reads(tx, read_at("copy", 3, "anchor"), into=first)
    found = listings.list_newest(tx, "ar/libya", limit=9)
    assert found == ((id_of(second), "ferry"), (id_of(first), "harbour"))
    assert listings.list_newest(tx, "ar/libya", limit=1) == found[:1]


def test_articles_are_read_in_the_order_asked_for(tx: Transaction) -> None:
    reads = [read_at(str(n), n) for n in range(4)]
    insert_reads(tx, *reads)
    numbers = [id_of(reads[n]) for n in (2, 0, 3)]
    assert [a.id for a in get_articles(tx, [*numbers, 7])] == [encode_id(n) for n in numbers]


# --- by coverage ----------------------------------------------------------------------------------


def list_top(tx: Transaction, limit: int = 9) -> list[str]:
    found = listings.list_most_covered(tx, "ar/all", limit=limit, within=DAY)
    return [article.title.rpartition(" ")[2] for article in found]


def test_what_most_sources_carry_stands_first_and_of_equals_the_newest(tx: Transaction) -> None:
    one, two, three = read_at("one", -3), read_at("two", -2), read_at("three", -1)
    insert_reads(tx, one, two, three, read_at("alone", 0), read_at("lone", -4))
    insert_reads(tx, read_at("a", 0, "ferry"), read_at("b", 0, "anchor"), into=one)
    insert_reads(tx, read_at("c", 0, "ferry"), into=two)
    insert_reads(tx, read_at("d", 0, "ferry"), read_at("e", 0, "ferry"), into=three)
    assert list_top(tx) == ["one", "three", "two", "alone", "lone"]
    assert list_top(tx, limit=2) == ["one", "three"]


def test_a_source_that_repeats_itself_is_one_source(tx: Transaction) -> None:
    one, two = read_at("one", -1), read_at("two", -2)
    insert_reads(tx, one, two)
    insert_reads(tx, read_at("a", 0), read_at("b", 0), into=two)
    assert list_top(tx) == ["one", "two"]


def test_the_day_ends_with_the_newest_article_and_not_now(tx: Transaction) -> None:
    old, last = read_at("old", -24), read_at("last", 0)
    insert_reads(tx, old, last, read_at("new", -23.9))
    insert_reads(tx, read_at("a", 0, "ferry"), into=old)
    assert list_top(tx) == ["last", "new"]


def test_an_empty_edition_has_no_most_covered_articles(tx: Transaction) -> None:
    assert list_top(tx) == []


# --- by story -------------------------------------------------------------------------------------


def test_a_story_is_listed_once_led_by_what_most_sources_carry(tx: Transaction) -> None:
    first, second, third = read_at("first", 0), read_at("second", 1, "ferry"), read_at("third", 2, "anchor")
    insert_reads(tx, first, second, third)
    insert_reads(tx, read_at("copy", 3, "anchor"), into=second)
    tell(tx, first, second, third)
    story = list_one(tx)
    assert story.guid == f"tag:news.example,2026:story/{encode_id(id_of(first))}"
    assert story.lead.id == encode_id(id_of(second))
    assert [c.title.rpartition(" ")[2] for c in story.coverage] == ["second", "copy", "third", "first"]


def test_of_equals_the_earliest_leads(tx: Transaction) -> None:
    founder, earlier = read_at("founder", 1), read_at("earlier", 0, "ferry")
    insert_reads(tx, founder, earlier)
    tell(tx, founder, earlier)
    assert list_one(tx).lead.id == encode_id(id_of(earlier))


def test_stories_told_last_stand_first_and_waiting_articles_are_in_none(tx: Transaction) -> None:
    reads = {name: read_at(name, hours) for name, hours in (("a", 0), ("b", 1), ("c", 2), ("waiting", 3))}
    insert_reads(tx, *reads.values())
    tell(tx, reads["a"], reads["c"])
    tell(tx, reads["b"])
    found = listings.list_stories(tx, "ar/libya", limit=9)
    assert [story.lead.title.rpartition(" ")[2] for story in found] == ["a", "b"]
    assert len(listings.list_stories(tx, "ar/libya", limit=1)) == 1
    assert listings.list_stories(tx, "ar/sports", limit=9) == ()


def test_an_article_that_joins_moves_updated_and_never_published(tx: Transaction) -> None:
    founder, late = read_at("founder", 0), read_at("late", 2, "ferry")
    insert_reads(tx, founder, late)
    tell(tx, founder)
    before = next(s for s in listings.list_stories(tx, "ar/libya", limit=9))
    tell(tx, founder, late)
    after = list_one(tx)
    assert (before.published_at, before.updated_at) == (NOON, NOON)
    assert (after.published_at, after.updated_at) == (NOON, NOON + 2 * HOUR)


def test_an_older_article_that_joins_leaves_the_date_of_the_founder(tx: Transaction) -> None:
    founder = read_at("founder", 0)
    older = read_at("older", -9, "ferry", first_seen_at=NOON + HOUR)
    insert_reads(tx, founder, older)
    tell(tx, founder, older)
    assert (list_one(tx).published_at, list_one(tx).updated_at) == (NOON, NOON + HOUR)


def test_an_edit_and_a_new_copy_move_updated(tx: Transaction) -> None:
    founder = read_at("founder", 0)
    insert_reads(tx, founder)
    tell(tx, founder)
    insert_reads(tx, read_at("copy", 1, "ferry"), into=founder)
    assert list_one(tx).updated_at == NOON + HOUR
    update_read(tx, edit_read(founder, title="وصول سفينتين"), now=NOON + 2 * HOUR + MINUTE)
    assert list_one(tx).updated_at == NOON + 2 * HOUR + MINUTE
