"""Which articles tell one event, decided in batches over stories that already stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dedupe.links import list_links
from aggregator.dedupe.stories import (
    MERGE_CAUTION,
    THRESHOLD,
    WINDOW,
    assign_stories,
    find_threshold,
)
from aggregator.dedupe.terms import count_key, extract_terms, pack_vector, weigh_terms
from aggregator.model import StoryArticle, StoryCandidate, StoryPlan, StoryRulings
from tests.dedupe.samples import DAY, HOUR, NOON

FERRY = (
    "Ferry runs onto rocks off Brackwell",
    "All passengers taken off stranded Brackwell ferry",
    "Fog blamed as ferry strikes rocks near Brackwell",
    "Brackwell ferry: captain questioned about rocks and fog",
)
POOL = (
    "Council votes to close Tarnley swimming pool",
    "Tarnley swimmers protest against closure of pool",
    "Closure of the Tarnley pool saves council little, swimmers say",
)
MINE = (
    "Copper mine at Osk floods, shafts cleared",
    "Flooded Osk copper mine will stay shut",
    "Pumps sent to flooded copper mine in Osk",
)
ARABIC = ("جنوح عبارة قرب ميناء براكول", "إجلاء ركاب العبارة الجانحة في براكول")


@dataclass(slots=True, kw_only=True)
class Ledger:
    """What the store would know: the articles of each story, an admin's rulings."""

    total: float = 100.0  # articles of each language
    stories: dict[int, list[StoryArticle]] = field(default_factory=dict)
    together: set[tuple[int, int]] = field(default_factory=set)
    apart: set[tuple[int, int]] = field(default_factory=set)

    def take(self, fresh: Sequence[StoryArticle]) -> StoryPlan:
        """Decide with every story as a candidate, and write the plan down."""
        candidates = [
            StoryCandidate(
                story_id=story,
                size=len(articles),
                first_at=min(article.published_at for article in articles),
                articles=tuple(articles),
            )
            for story, articles in self.stories.items()
        ]
        rulings = StoryRulings(together=frozenset(self.together), apart=frozenset(self.apart))
        plan = assign_stories(fresh, candidates, {"en": self.total, "ar": self.total}, rulings)
        articles = {a.article_id: a for known in self.stories.values() for a in known}
        articles |= {article.article_id: article for article in fresh}
        homes = {a.article_id: story for story, known in self.stories.items() for a in known}
        for merge in plan.merges:
            homes = {number: merge.into_story if s == merge.from_story else s for number, s in homes.items()}
        homes |= {number: story for number, (story, _) in plan.placements.items()}
        self.stories = {}
        for number, story in sorted(homes.items()):
            self.stories.setdefault(story, []).append(articles[number])
        return plan

    def group(self) -> set[frozenset[int]]:
        return {frozenset(a.article_id for a in articles) for articles in self.stories.values()}


def make_article(
    number: int,
    title: str,
    text: str = "",
    *,
    at: datetime = NOON,
    source: str | None = None,
    lang: str = "en",
    links: Iterable[int] = (),
) -> StoryArticle:
    terms = extract_terms(title, text, lang)
    counts = Counter({count_key(lang): 100.0})
    return StoryArticle(
        article_id=number,
        source_id=source or f"source-{number}",
        published_at=at,
        vector=pack_vector(weigh_terms(terms, counts)),
        links=frozenset(links),
    )


def make_articles(titles: Sequence[str], *, first: int, at: datetime = NOON) -> list[StoryArticle]:
    return [make_article(first + n, title, at=at + n * HOUR) for n, title in enumerate(titles)]


def list_numbers(articles: Iterable[StoryArticle]) -> frozenset[int]:
    return frozenset(article.article_id for article in articles)


# --- one event ------------------------------------------------------------------------------------


def test_one_batch_makes_a_story_of_each_event_named_after_its_earliest_article() -> None:
    ledger = Ledger()
    ferry, pool, mine = (
        make_articles(FERRY, first=10),
        make_articles(POOL, first=20),
        make_articles(MINE, first=30),
    )
    plan = ledger.take([*mine, *ferry[::-1], *pool])
    assert ledger.stories.keys() == {10, 20, 30}
    assert ledger.group() == {list_numbers(ferry), list_numbers(pool), list_numbers(mine)}
    assert plan.placements[10][1].rule == "founder"
    assert plan.placements[13][1].rule == "likeness"


def test_a_later_article_joins_the_story_that_stands_and_says_why() -> None:
    ledger = Ledger()
    ledger.take([*make_articles(FERRY[:3], first=10), *make_articles(POOL, first=20)])
    plan = ledger.take([make_article(14, FERRY[3], at=NOON + DAY)])
    story, reason = plan.placements[14]
    assert (story, reason.rule) == (10, "likeness")
    assert reason.score >= reason.threshold > 0
    assert set(reason.words) & {"brackwell", "ferry", "rocks", "fog"}
    assert plan.placements.keys() == {14}
    assert not plan.merges


def test_the_founder_of_a_story_says_how_near_the_nearest_came() -> None:
    ledger = Ledger(total=10_000)
    ledger.take(make_articles(FERRY, first=10))
    plan = ledger.take(
        [make_article(50, "Brackwell mayor opens library, choir sings, orchard planted, poems read")]
    )
    story, reason = plan.placements[50]
    assert (story, reason.rule) == (50, "founder")
    assert 0 < reason.score < reason.threshold
    assert reason.words == ("brackwell",)


NOT_ONE_STORY = {
    "another event": (FERRY[0], POOL[0], HOUR),
    "the same words eight days later": (FERRY[0], FERRY[1], WINDOW + HOUR),
    "a template filled in again the next day": (
        "Weather for Monday: showers, wind from the west",
        "Weather for Tuesday: showers, wind from the west",
        DAY,
    ),
    "prayer times of two days": ("Prayer times in Tarnley on 4 May", "Prayer times in Tarnley on 5 May", DAY),
}


@pytest.mark.parametrize(("one", "other", "gap"), NOT_ONE_STORY.values(), ids=NOT_ONE_STORY.keys())
def test_what_is_not_one_event_stays_apart(one: str, other: str, gap: object) -> None:
    ledger = Ledger()
    ledger.take([make_article(1, one)])
    ledger.take([make_article(2, other, at=NOON + gap)])  # type: ignore[operator]
    assert ledger.group() == {frozenset({1}), frozenset({2})}


def test_an_article_like_one_member_only_does_not_chain_two_events() -> None:
    ledger = Ledger()
    ledger.take([*make_articles(FERRY, first=10), *make_articles(MINE, first=30)])
    ledger.take([make_article(40, "Brackwell ferry crew and Osk miners share a prize for rescue")])
    homes = {number: story for story, known in ledger.stories.items() for number in list_numbers(known)}
    assert homes[10] != homes[30]


def test_the_threshold_rises_with_the_number_of_articles() -> None:
    assert find_threshold(0) == find_threshold(280) == THRESHOLD
    assert find_threshold(10_000) > 2 * THRESHOLD


# --- stories change, with evidence ----------------------------------------------------------------


def test_two_stories_that_new_articles_tie_together_become_the_larger() -> None:
    ledger = Ledger()
    ledger.take([make_article(1, "Captain of stranded vessel questioned", at=NOON)])
    ledger.take(make_articles(("Ferry aground in fog at Brackwell", "Brackwell ferry in fog"), first=2))
    assert len(ledger.stories) == 2
    bridging = "Captain of stranded vessel questioned: Brackwell ferry aground in fog"
    plan = ledger.take([make_article(5, bridging), make_article(6, bridging + ", passengers safe")])
    assert [(merge.from_story, merge.into_story) for merge in plan.merges] == [(1, 2)]
    assert plan.merges[0].reason.score >= plan.merges[0].reason.threshold >= THRESHOLD * MERGE_CAUTION
    assert ledger.group() == {frozenset({1, 2, 3, 5, 6})}


def test_an_article_moves_when_the_event_it_belongs_to_turns_up() -> None:
    ledger = Ledger()
    ledger.stories = {10: [*make_articles(FERRY[:2], first=10), make_article(30, MINE[0])]}
    plan = ledger.take([make_article(31, MINE[1]), make_article(32, MINE[2]), make_article(12, FERRY[2])])
    assert ledger.group() == {frozenset({10, 11, 12}), frozenset({30, 31, 32})}
    assert plan.placements[30][0] == plan.placements[31][0] == 30
    assert 10 in ledger.stories


def test_a_founder_stays_in_the_story_that_bears_its_id() -> None:
    ledger = Ledger()
    ledger.stories = {30: [make_article(30, MINE[0]), *make_articles(FERRY[:3], first=10)]}
    ledger.take([make_article(13, FERRY[3])])
    assert list_numbers(ledger.stories[30]) == {30}
    assert frozenset({10, 11, 12, 13}) in ledger.group()


def test_a_story_that_is_not_wholly_at_hand_is_not_taken_apart() -> None:
    story = StoryCandidate(
        story_id=10,
        size=40,
        first_at=NOON,
        articles=(*make_articles(FERRY[:2], first=10), make_article(30, MINE[0])),
    )
    plan = assign_stories([make_article(12, FERRY[2])], [story], {"en": 100.0})
    assert plan.placements.keys() == {12}


# --- an admin's rulings ---------------------------------------------------------------------------


def test_what_an_admin_set_apart_no_likeness_joins() -> None:
    ledger = Ledger(apart={(10, 11)})
    for article in make_articles((FERRY[0], FERRY[0], FERRY[0], FERRY[0]), first=10):
        ledger.take([article])
    homes = {number: story for story, known in ledger.stories.items() for number in list_numbers(known)}
    assert homes[10] != homes[11]


def test_a_ruling_splits_a_story_that_stands() -> None:
    ledger = Ledger(apart={(10, 12)})
    ledger.stories = {10: make_articles(FERRY, first=10)}
    plan = ledger.take([make_article(20, POOL[0])])
    assert plan.placements[12][1].rule == "ruling"
    assert plan.placements[12][0] != 10
    assert 10 in list_numbers(ledger.stories[10])


def test_what_an_admin_put_together_stays_so_through_later_polls() -> None:
    ledger = Ledger(together={(10, 20)})
    ledger.take([make_article(10, FERRY[0]), make_article(20, POOL[0])])
    for number, title in enumerate((*FERRY[1:], *POOL[1:]), start=30):
        ledger.take([make_article(number, title)])
    homes = {number: story for story, known in ledger.stories.items() for number in list_numbers(known)}
    assert homes[10] == homes[20]


def test_a_ruling_merges_two_stories() -> None:
    ledger = Ledger(together={(10, 20)})
    ledger.stories = {10: make_articles(FERRY, first=10), 20: make_articles(POOL, first=20)}
    plan = ledger.take([make_article(30, MINE[0])])
    assert [(m.from_story, m.into_story, m.reason.rule) for m in plan.merges] == [(20, 10, "ruling")]


# --- two languages --------------------------------------------------------------------------------

NUMBERS = "212 passengers, 14 boats"
PICTURE = "https://media.example/ferry.jpg"
PAIRS = {
    "each names the other's page as its translation": (
        list_links(["https://a.example/en/1", "https://a.example/ar/1"], None, ""),
        list_links(["https://a.example/ar/1", "https://a.example/en/1"], None, ""),
        True,
    ),
    "one picture and two numbers": (
        list_links([], PICTURE, NUMBERS),
        list_links([], PICTURE, "٢١٢ راكبا و 14 قاربا و 90 دقيقة"),
        True,
    ),
    "one picture and one number": (
        list_links([], PICTURE, NUMBERS),
        list_links([], PICTURE, "212 ثم 15"),
        False,
    ),
    "one picture and a year and a digit": (
        list_links([], PICTURE, "2026 and 3"),
        list_links([], PICTURE, "2026 3"),
        False,
    ),
    "one place name": (frozenset[int](), frozenset[int](), False),
}


@pytest.mark.parametrize(("english", "arabic", "joined"), PAIRS.values(), ids=PAIRS.keys())
def test_languages_meet_only_on_explicit_evidence(
    english: frozenset[int], arabic: frozenset[int], joined: bool
) -> None:
    ledger = Ledger()
    ledger.take([make_article(10, FERRY[0], links=english), make_article(11, FERRY[1])])
    plan = ledger.take([make_article(40, ARABIC[0], lang="ar", links=arabic)])
    assert (plan.placements[40][0] == 10) is joined
    assert plan.placements[40][1].rule == ("link" if joined else "founder")
    ledger.take([make_article(41, ARABIC[1], lang="ar"), make_article(12, FERRY[2])])
    assert ledger.group() == (
        {frozenset({10, 11, 12, 40, 41})} if joined else {frozenset({10, 11, 12}), frozenset({40, 41})}
    )


# --- order ----------------------------------------------------------------------------------------

EVENTS = (
    FERRY,
    POOL,
    MINE,
    ("Orchestra of Vell loses its conductor", "Vell conductor leaves orchestra after quarrel"),
    ("Bees return to Harrow Moor", "Beekeepers count bees on Harrow Moor"),
    ("Tunnel under Mount Saddler opens", "First train through Saddler tunnel", "Saddler tunnel cost triple"),
)
DAYS_NEWS = [
    make_article(100 * event + n, title, at=NOON + n * HOUR)
    for event, titles in enumerate(EVENTS)
    for n, title in enumerate(titles)
]


@settings(max_examples=60)
@given(st.permutations(DAYS_NEWS), st.integers(1, 6))
def test_another_order_and_other_batches_change_two_percent_of_the_pairs_at_most(
    order: list[StoryArticle], batches: int
) -> None:
    at_once, in_batches = Ledger(), Ledger()
    at_once.take(DAYS_NEWS)
    for batch in range(batches):
        in_batches.take(order[batch::batches])
    pairs = list(combinations(sorted(list_numbers(DAYS_NEWS)), 2))
    one, other = (
        {pair for group in ledger.group() for pair in combinations(sorted(group), 2)}
        for ledger in (at_once, in_batches)
    )
    assert len(one ^ other) <= 0.02 * len(pairs)


@given(st.permutations(DAYS_NEWS))
def test_within_a_batch_the_order_changes_nothing(order: list[StoryArticle]) -> None:
    assert assign_stories(order, [], {"en": 100.0}) == assign_stories(DAYS_NEWS, [], {"en": 100.0})


def test_a_flood_of_one_event_is_decided_in_bounded_time() -> None:
    flood = [
        replace(make_article(n, f"{FERRY[n % 4]} {n} {n * 7}"), published_at=NOON + n * HOUR / 60)
        for n in range(300)
    ]
    plan = assign_stories(flood, [], {"en": 300.0})
    assert len(plan.placements) == 300
