"""What front pages choose from and the maps of the site list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from aggregator.model import FrontStory, ReadEntry, StoryPlan, StoryReason
from aggregator.store import Store, Transaction, fronts, stories
from aggregator.store.ids import encode_id
from tests.harness import make_source
from tests.store.samples import HOUR, NOON, id_of, insert_reads, make_read, open_sample

REASON = StoryReason(rule="likeness", score=1.0, threshold=0.5, words=())
ZONE = ZoneInfo("Africa/Tripoli")
SOURCES = ("harbour", "ferry", "anchor", "title")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    configured = [make_source(name) for name in SOURCES]
    configured[-1] = replace(configured[-1], content="title")
    with open_sample(tmp_path, *configured) as opened:
        yield opened


def read_at(guid: str, hours: float, source_id: str = "harbour", **changes: object) -> ReadEntry:
    at = NOON + hours * HOUR
    return make_read(guid, source_id, **{"published_at": at, "updated_at": at} | changes)


def tell(tx: Transaction, story: ReadEntry, *members: ReadEntry) -> None:
    """Put articles into the story that the first of them founded."""
    placements = {id_of(read): (id_of(story), REASON) for read in (story, *members)}
    stories.record_plan(tx, StoryPlan(placements=placements, merges=()))


def list_them(tx: Transaction, *, newest: int = 9, covered: int = 9, hours: float = 24) -> list[FrontStory]:
    found = fronts.list_front_stories(
        tx, "ar", newest={"ar/all": newest}, covered=covered, within=timedelta(hours=hours)
    )
    return sorted(found, key=lambda story: story.articles[0].published_at)


def get_titles(story: FrontStory) -> set[str]:
    return {article.title.removeprefix("وصول السفينة ") for article in story.articles}


def test_an_article_without_a_story_is_a_story_of_its_own(tx: Transaction) -> None:
    alone = read_at("alone", 0)
    insert_reads(tx, alone)
    (story,) = list_them(tx)
    assert story.id == encode_id(id_of(alone))
    assert [article.story for article in story.articles] == [None]
    assert [copy.source_id for copy in story.coverage] == ["harbour"]


def test_a_story_names_every_source_of_all_its_articles_once_the_first_to_tell_it_first(
    tx: Transaction,
) -> None:
    first, second = read_at("first", 0), read_at("second", 2, "ferry")
    insert_reads(tx, first, second)
    insert_reads(tx, read_at("copy", 1, "anchor"), read_at("again", 3), into=second)
    tell(tx, first, second)
    (story,) = list_them(tx, newest=1)
    assert story.id == encode_id(id_of(first))
    assert get_titles(story) == {"second"}, "of the newest alone"
    assert [copy.source_id for copy in story.coverage] == ["harbour", "anchor", "ferry"]


def test_what_most_sources_tell_is_there_however_much_is_newer(tx: Transaction) -> None:
    big, retold = read_at("big", 0), read_at("retold", 1, "ferry")
    insert_reads(tx, big, retold, *(read_at(f"new{n}", 2 + n) for n in range(4)))
    insert_reads(tx, read_at("copy", 1, "anchor"), into=big)
    tell(tx, big, retold)
    titles = [get_titles(story) for story in list_them(tx, newest=2)]
    assert titles == [{"big"}, {"new2"}, {"new3"}], "by the article that most carry"
    assert {"big"} not in [get_titles(story) for story in list_them(tx, newest=2, hours=3)]
    assert {"big"} not in [get_titles(story) for story in list_them(tx, newest=2, covered=0)]


def test_a_story_is_told_by_articles_of_the_edition_alone(tx: Transaction) -> None:
    here, there = read_at("here", 0), read_at("there", 1, "ferry", section="en/world")
    insert_reads(tx, here, there)
    tell(tx, here, there)
    (story,) = list_them(tx)
    assert get_titles(story) == {"here"}
    assert [copy.source_id for copy in story.coverage] == ["harbour"]


def test_the_articles_of_a_front_page_come_without_their_bodies_and_within_their_rights(
    tx: Transaction,
) -> None:
    insert_reads(tx, read_at("full", 0), read_at("bare", 1, "title"))
    full, bare = (story.articles[0] for story in list_them(tx))
    assert (full.content_html, bare.content_html) == ("", "")
    assert full.excerpt
    assert not bare.excerpt
    assert bare.image is None


def test_an_empty_store_has_no_stories(tx: Transaction) -> None:
    assert list_them(tx) == []


def test_addresses_are_those_of_the_newest_articles(tx: Transaction) -> None:
    insert_reads(tx, *(read_at(f"a{n}", n) for n in range(3)), read_at("en", 9, section="en/world"))
    found = fronts.list_addresses(tx, "ar/all", limit=2)
    assert [(a.article_id, a.published_at) for a in found] == [
        (encode_id(id_of(read_at(f"a{n}", n))), NOON + n * HOUR) for n in (2, 1)
    ]
    assert found[0].title == "وصول السفينة a2"
    assert fronts.list_addresses(tx, "ar/all", limit=9, since=NOON + HOUR) == found


def test_the_articles_of_a_story_are_listed_newest_first(tx: Transaction) -> None:
    first, second, third = (read_at(name, n, SOURCES[n]) for n, name in enumerate(("x", "y", "z")))
    insert_reads(tx, first, second, third, read_at("other", 9))
    tell(tx, first, second, third)
    found = fronts.list_story_articles(tx, encode_id(id_of(first)), "ar/all", limit=2)
    assert [article.id for article in found] == [encode_id(id_of(third)), encode_id(id_of(second))]
    assert fronts.list_story_articles(tx, "nonsense", "ar/all", limit=2) == ()


# --- of a day -------------------------------------------------------------------------------------


def list_day(tx: Transaction) -> tuple[FrontStory, ...]:
    return fronts.list_day_stories(tx, "ar", NOON.date(), zone=ZONE)


def test_of_a_day_are_the_stories_told_from_midnight_to_midnight(tx: Transaction) -> None:
    reads = {
        hours: read_at(f"at {hours}", hours) for hours in (-14.1, -14, 0, 9.9, 10)
    }  # Tripoli's are -14, 10
    insert_reads(tx, *reads.values())
    told = {article.id for story in list_day(tx) for article in story.articles}
    assert told == {encode_id(id_of(reads[hours])) for hours in (-14, 0, 9.9)}


def test_of_a_day_a_story_has_the_articles_and_the_sources_of_that_day(tx: Transaction) -> None:
    first, second = read_at("first", -1), read_at("second", 2, "ferry")
    yesterday, tomorrow = read_at("before", -20, "anchor"), read_at("copy", 20, "title")
    insert_reads(tx, yesterday, first, second)
    insert_reads(tx, tomorrow, into=first)
    tell(tx, yesterday, first, second)
    (story,) = list_day(tx)
    assert {article.id for article in story.articles} == {encode_id(id_of(r)) for r in (first, second)}
    assert [copy.source_id for copy in story.coverage] == ["harbour", "ferry"]
    assert {article.content_html for article in story.articles} == {""}
    assert all("title" not in {c.source_id for c in article.coverage} for article in story.articles)


def test_of_a_day_without_articles_there_are_no_stories(tx: Transaction) -> None:
    insert_reads(tx, read_at("before", -20))
    assert list_day(tx) == ()


def test_a_day_may_have_more_articles_than_are_read_at_once(
    tx: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fronts, "_AT_ONCE", 3)
    reads = [read_at(f"n{n}", n / 10) for n in range(8)]
    insert_reads(tx, *reads)
    tell(tx, reads[0], reads[7])
    assert sorted(len(story.articles) for story in list_day(tx)) == [1] * 6 + [2]
