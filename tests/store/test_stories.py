"""Stories in the store: what waits, what is found by its terms, what is written down and what forgotten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from aggregator.model import StoryArticle, StoryMerge, StoryPlan, StoryReason, StoryRulings
from aggregator.store import Transaction, stories, tables
from aggregator.store.stories import (
    FADED,
    HALF_LIFE,
    KNOWN_ARTICLES,
    KNOWN_STORIES,
    SLOTS,
    IndexedArticle,
    count_terms,
    find_redirect,
    forget_terms,
    forget_vectors,
    get_counts,
    has_pending,
    index_articles,
    list_candidates,
    list_pending,
    list_rulings,
    record_plan,
)
from tests.store.samples import DAY, HOUR, MINUTE, NOON, id_of, insert_reads, make_read

pytestmark = pytest.mark.usefixtures("each_store")

REASON = StoryReason(rule="likeness", score=0.1234, threshold=0.085, words=("ferry", "rocks"))
FERRY, ROCKS, POOL, LINK = 11, 12, 13, 99


def add_article(tx: Transaction, name: str, **changes: Any) -> int:
    read = make_read(name, **changes)
    insert_reads(tx, read)
    return id_of(read)


def index(
    tx: Transaction,
    article_id: int,
    *terms: int,
    weight: float = 0.5,
    links: frozenset[int] = frozenset(),
    published_at: datetime = NOON,
    now: datetime = NOON,
) -> IndexedArticle:
    indexed = IndexedArticle(
        article=StoryArticle(
            article_id=article_id,
            source_id="harbour",
            published_at=published_at,
            vector=b"vector",
            links=links,
        ),
        weights=dict.fromkeys(terms, weight),
    )
    index_articles(tx, [indexed], now=now)
    return indexed


def place(tx: Transaction, *article_ids: int, story: int | None = None) -> None:
    """Put articles into a story, each into its own if none is told."""
    placements = {number: (number if story is None else story, REASON) for number in article_ids}
    record_plan(tx, StoryPlan(placements=placements, merges=()))


def merge(tx: Transaction, from_story: int, into_story: int) -> None:
    step = StoryMerge(from_story=from_story, into_story=into_story, reason=REASON)
    record_plan(tx, StoryPlan(placements={}, merges=(step,)))


def get_stories(tx: Transaction) -> dict[int, int | None]:
    return {row.id: row.story_id for row in tx.execute(select(tables.articles))}


def ask(*terms: int, links: frozenset[int] = frozenset(), weight: float = 0.5) -> IndexedArticle:
    """An article that is not stored, as list_candidates gets it."""
    article = StoryArticle(article_id=0, source_id="x", published_at=NOON, vector=b"", links=links)
    return IndexedArticle(article=article, weights=dict.fromkeys(terms, weight))


def find(tx: Transaction, *asked: IndexedArticle, since: datetime = NOON - DAY) -> set[int]:
    return {story.story_id for story in list_candidates(tx, asked, since=since)}


# --- what waits -----------------------------------------------------------------------------------


def test_articles_without_a_story_wait_the_oldest_first(tx: Transaction) -> None:
    assert not has_pending(tx)
    young, old = (add_article(tx, name, published_at=at) for name, at in (("y", NOON), ("o", NOON - HOUR)))
    assert has_pending(tx)
    assert [pending.article_id for pending in list_pending(tx, limit=9)] == [old, young]
    assert [pending.article_id for pending in list_pending(tx, limit=1)] == [old]
    place(tx, old, young)
    assert (list_pending(tx, limit=9), has_pending(tx)) == ((), False)


def test_what_waits_is_told_by_its_leading_entry_and_once(tx: Transaction) -> None:
    lead, copy = make_read("1"), make_read("2", "ferry", title="عنوان آخر", lang="fr")
    insert_reads(tx, lead)
    insert_reads(tx, copy, into=lead)
    (pending,) = list_pending(tx, limit=9)
    assert (pending.article_id, pending.source_id, pending.lang) == (id_of(lead), "harbour", "ar")
    assert (pending.url, pending.image_url) == (lead.entry.url, "https://img.example/1.jpg")
    assert pending.folded == f"{lead.entry.title}\n"  # its words are not signed here


# --- counts ---------------------------------------------------------------------------------------


def test_counts_add_up_and_halve_in_their_half_life(tx: Transaction) -> None:
    count_terms(tx, {FERRY: 3, ROCKS: 1}, now=NOON)
    count_terms(tx, {FERRY: 2}, now=NOON)
    assert get_counts(tx, {FERRY, ROCKS, POOL}, now=NOON) == pytest.approx({FERRY: 5.0, ROCKS: 1.0})
    later = NOON + HALF_LIFE
    assert get_counts(tx, {FERRY}, now=later) == pytest.approx({FERRY: 2.5})
    count_terms(tx, {FERRY: 1}, now=later)
    assert get_counts(tx, {FERRY}, now=later) == pytest.approx({FERRY: 3.5})
    count_terms(tx, {}, now=later)


def test_what_has_faded_or_lost_its_article_is_forgotten(tx: Transaction) -> None:
    kept, gone = add_article(tx, "kept"), add_article(tx, "gone")
    index(tx, kept, FERRY)
    index(tx, gone, FERRY, POOL, now=NOON - 15 * DAY)
    count_terms(tx, {FERRY: 2, POOL: 1}, now=NOON)
    assert forget_vectors(tx, before=NOON - 14 * DAY) == 1
    assert forget_vectors(tx, before=NOON - 14 * DAY) == 0
    halvings = 5  # 2 fades to 0.0625, 1 to 0.031
    assert 1 / 2**halvings < FADED < 2 / 2**halvings
    forget_terms(tx, now=NOON + halvings * HALF_LIFE)
    assert set(tx.execute(select(tables.term_counts.c.term)).scalars()) == {FERRY}
    assert set(tx.execute(select(tables.story_terms.c.article_id)).scalars()) == {kept}


# --- candidates -----------------------------------------------------------------------------------

ASKED: dict[str, tuple[IndexedArticle, bool]] = {
    "a salient term": (ask(FERRY, POOL), True),
    "a link": (ask(links=frozenset({LINK})), True),
    "neither": (ask(POOL, links=frozenset({98})), False),
    "nothing": (ask(), False),
}


@pytest.mark.parametrize(("asked", "found"), ASKED.values(), ids=ASKED.keys())
def test_a_story_is_found_by(tx: Transaction, asked: IndexedArticle, found: bool) -> None:
    founder = add_article(tx, "a")
    index(tx, founder, FERRY, ROCKS, links=frozenset({LINK}))
    place(tx, founder)
    assert find(tx, asked) == ({founder} if found else set())


def test_an_article_that_waits_still_or_is_out_of_the_window_is_no_candidate(tx: Transaction) -> None:
    waiting, old = add_article(tx, "waiting"), add_article(tx, "old")
    index(tx, waiting, FERRY)
    index(tx, old, FERRY, published_at=NOON - 2 * DAY)
    place(tx, old)
    assert find(tx, ask(FERRY)) == set()
    assert find(tx, ask(FERRY), since=NOON - 2 * DAY) == {old}


def test_of_many_stories_the_nearest_are_candidates_for_each_article(tx: Transaction) -> None:
    numbers = [add_article(tx, f"{n}") for n in range(2 * KNOWN_STORIES)]
    for place_in_row, number in enumerate(numbers):
        index(tx, number, FERRY, weight=0.1 + place_in_row / 100)
        place(tx, number)
    held = select(tables.story_terms.c.article_id).where(tables.story_terms.c.term == FERRY)
    nearest = [number for number in numbers if number in set(tx.execute(held).scalars())][-KNOWN_STORIES:]
    assert find(tx, ask(FERRY)) == set(nearest)


def test_a_story_comes_with_its_founder_what_was_ruled_on_and_its_latest_and_knows_its_size(
    tx: Transaction,
) -> None:
    numbers = [add_article(tx, f"{n}", published_at=NOON + n * MINUTE) for n in range(KNOWN_ARTICLES + 5)]
    for n, number in enumerate(numbers):
        index(tx, number, FERRY, published_at=NOON + n * MINUTE)
    place(tx, *numbers, story=numbers[0])
    ruled = {"one": min(numbers[2], 5), "other": max(numbers[2], 5), "together": False, "ruled_at": NOON}
    tx.execute(insert(tables.story_rulings).values(ruled))
    (story,) = list_candidates(tx, [ask(FERRY)], since=NOON)
    assert (story.story_id, story.size, story.first_at) == (numbers[0], len(numbers), NOON)
    known = {article.article_id for article in story.articles}
    assert known == {numbers[0], numbers[2], *numbers[-(KNOWN_ARTICLES - 2) :]}


def test_a_term_that_everybody_uses_has_a_bounded_list_and_keeps_the_newest(tx: Transaction) -> None:
    numbers = [add_article(tx, f"{n}") for n in range(3 * SLOTS)]
    for number in numbers:
        index(tx, number, FERRY)
    held = set(tx.execute(select(tables.story_terms.c.article_id)).scalars())
    assert SLOTS / 2 < len(held) <= SLOTS
    assert numbers[-1] in held


def test_an_article_that_is_weighed_again_is_known_as_it_is_now(tx: Transaction) -> None:
    number = add_article(tx, "a")
    index(tx, number, FERRY)
    index(tx, number, FERRY, weight=0.9, links=frozenset({LINK}))
    assert tx.execute(select(func.count()).select_from(tables.vectors)).scalar_one() == 1
    weights = select(tables.story_terms.c.weight).where(tables.story_terms.c.term == FERRY)
    assert tx.execute(weights).scalars().all() == [0.9]


def test_rulings_are_told_by_either_article(tx: Transaction) -> None:
    rows = [(1, 2, True), (3, 4, False), (5, 6, True)]
    for one, other, together in rows:
        values = {"one": one, "other": other, "together": together, "ruled_at": NOON}
        tx.execute(insert(tables.story_rulings).values(values))
    assert list_rulings(tx, {2, 3}) == StoryRulings(together=frozenset({(1, 2)}), apart=frozenset({(3, 4)}))
    assert list_rulings(tx, ()) == StoryRulings()


# --- what is written down -------------------------------------------------------------------------


def test_a_placement_says_why(tx: Transaction) -> None:
    one, other = add_article(tx, "1"), add_article(tx, "2")
    place(tx, one, other, story=one)
    assert get_stories(tx) == {one: one, other: one}
    row = tx.execute(select(tables.articles).where(tables.articles.c.id == other)).one()
    why = (row.story_rule, row.story_score, row.story_threshold, row.story_words)
    assert why == ("likeness", 0.123, 0.085, "ferry rocks")


def test_merged_stories_lead_to_the_one_that_stays_and_those_that_led_to_them_as_well(
    tx: Transaction,
) -> None:
    a, b, c = (add_article(tx, name) for name in "abc")
    place(tx, a, b, c)
    merge(tx, a, b)
    assert get_stories(tx) == {a: b, b: b, c: c}
    assert find_redirect(tx, "story", a) == b
    merge(tx, b, c)
    assert get_stories(tx) == {a: c, b: c, c: c}
    assert [find_redirect(tx, "story", number) for number in (a, b, c)] == [c, c, None]
    assert find_redirect(tx, "article", a) is None


def test_a_story_that_is_there_again_leads_nowhere_else(tx: Transaction) -> None:
    a, b = add_article(tx, "a"), add_article(tx, "b")
    place(tx, a, b)
    merge(tx, a, b)
    place(tx, a)
    assert get_stories(tx) == {a: a, b: b}
    assert find_redirect(tx, "story", a) is None


def test_forgetting_takes_the_oldest_and_no_more_than_a_chunk(tx: Transaction) -> None:
    numbers = [add_article(tx, f"{n}") for n in range(210)]
    for n, number in enumerate(numbers):
        index(tx, number, now=NOON - n * MINUTE)
    assert forget_vectors(tx, before=NOON + MINUTE) == 200
    kept = set(tx.execute(select(tables.vectors.c.article_id)).scalars())
    assert kept == set(numbers[:10])
    assert stories.LIFETIME > HALF_LIFE / 2
