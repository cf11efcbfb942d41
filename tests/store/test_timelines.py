"""A story's page data: all who tell it, the lead first, with the headlines they have had."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.model import StoryPlan, StoryReason
from aggregator.store import Store, Transaction, articles
from aggregator.store.ids import encode_id
from aggregator.store.stories import record_plan, redirect_story
from aggregator.store.timelines import LISTED, find_shared_story, find_successor, find_timeline
from tests.harness import make_source
from tests.store.samples import (
    HOUR,
    NOON,
    edit_read,
    id_of,
    insert_reads,
    make_read,
    open_sample,
    update_read,
)

pytestmark = pytest.mark.usefixtures("each_store")

REASON = StoryReason(rule="likeness", score=0.3, threshold=0.2, words=())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_sample(tmp_path, make_source(), make_source("ferry"), make_source("wire")) as opened:
        yield opened


def tell(tx: Transaction, story: int, *article_ids: int) -> None:
    record_plan(tx, StoryPlan(placements=dict.fromkeys(article_ids, (story, REASON)), merges=()))


def test_the_lead_comes_first_then_the_others_by_time(tx: Transaction) -> None:
    early = make_read("1", published_at=NOON - HOUR)
    lead, copy = make_read("2", "ferry", published_at=NOON), make_read("3", "wire", published_at=NOON + HOUR)
    insert_reads(tx, early, lead)
    insert_reads(tx, copy, into=lead)
    tell(tx, id_of(early), id_of(early), id_of(lead))
    story = find_timeline(tx, encode_id(id_of(early)))
    assert story is not None
    assert story.lead.id == encode_id(id_of(lead)), "two carry it"
    assert [telling.source_name for telling in story.tellings] == [
        "Outlet ferry",
        "Outlet harbour",
        "Outlet wire",
    ]
    assert [telling.article_id for telling in story.tellings] == [story.lead.id, story.id, story.lead.id]
    assert (story.sources, story.first_at, story.last_at) == (3, NOON - HOUR, NOON + HOUR)
    assert story.untold == 0


def test_former_headlines_are_told_the_latest_first(tx: Transaction) -> None:
    read = make_read("1", title="one")
    insert_reads(tx, read)
    tell(tx, id_of(read), id_of(read))
    for hour, title in enumerate(("two", "three", "two", "four"), start=1):
        update_read(tx, edit_read(read, title=title), now=NOON + hour * HOUR)
    story = find_timeline(tx, encode_id(id_of(read)))
    assert story is not None
    assert (story.tellings[0].title, story.tellings[0].former_titles) == ("four", ("two", "three", "one"))


def test_a_story_too_long_for_a_page_says_how_much_is_missing(tx: Transaction) -> None:
    reads = [make_read(f"{n}") for n in range(LISTED + 3)]
    insert_reads(tx, *reads)
    tell(tx, id_of(reads[0]), *map(id_of, reads))
    story = find_timeline(tx, encode_id(id_of(reads[0])))
    assert story is not None
    assert (len(story.tellings), story.untold) == (LISTED, 3)


def test_the_story_that_took_another_in_is_its_successor(tx: Transaction) -> None:
    read = make_read("1")
    insert_reads(tx, read)
    tell(tx, id_of(read), id_of(read))
    redirect_story(tx, 77, id_of(read))
    redirect_story(tx, 78, 79)
    assert find_successor(tx, encode_id(77)) == encode_id(id_of(read))
    assert find_successor(tx, encode_id(78)) is None, "that one is gone as well"
    assert find_successor(tx, "nonsense") is None
    assert find_timeline(tx, encode_id(77)) is None
    assert find_timeline(tx, "nonsense") is None


def test_a_story_is_shared_once_another_article_tells_it(tx: Transaction) -> None:
    one, other = make_read("1"), make_read("2", "ferry")
    insert_reads(tx, one, other)
    shared = []
    for told in ((), (one,), (one, other)):
        tell(tx, id_of(one), *map(id_of, told))
        (article,) = articles.get_articles(tx, [id_of(one)])
        shared.append(find_shared_story(tx, article))
    assert shared == [None, None, encode_id(id_of(one))]
