"""Which articles tell one event: new articles and the stories they might belong to, decided together.

Average link: two groups of articles become one while the mean likeness of their pairs reaches a threshold,
the likest first. So an article joins the story whose articles it resembles on the whole, not the one that
one article chains it to; new articles find each other before they look for a story; and two stories that
new articles tie together become one. Stories that have grown are then taken apart and joined anew, with the
stories close by.

Likeness is the cosine of tf-idf vectors (terms.py), fading with the time between the two articles. It is 0
across languages: there only explicit evidence joins (links.py). What an admin has ruled wins over all.

The threshold rises with the number of articles, because the likest of many unrelated articles is liker than
the likest of few: of random Arabic ones, the likeness that each reaches with three others is 0.08 among 280,
0.13 among 1,000, 0.20 among 3,000. It rises again beyond a dozen articles: else they drift between events.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush
from itertools import combinations

from aggregator.dedupe.terms import list_salient, list_shared, measure_likeness, unpack_vector
from aggregator.model import (
    StoryArticle,
    StoryCandidate,
    StoryMerge,
    StoryPlan,
    StoryReason,
    StoryRulings,
)

THRESHOLD = 0.085
CROWD = 300.0  # articles of one language up to which `THRESHOLD` holds
CROWD_POWER = 0.25  # beyond, it grows with their number to this power: 0.17 at 4,800
MERGE_CAUTION = 1.2  # times the threshold, for two stories that readers have seen apart
PAIR_CAUTION = 1.5  # for two articles alone: a third would bear the first two out
CLOSENESS = 0.6  # times the threshold: stories that are regrouped together with one that grew
CLOSE_STORIES = 2
NEIGHBOURS = 8
BROAD = 12  # articles; a story of more needs more likeness to grow: 1.6 times at 60
BROAD_POWER = 0.3
FADING = timedelta(hours=240)  # likeness falls to 1/e
WINDOW = timedelta(days=7)
TEMPLATE_LIKENESS = 0.6  # two articles as alike and a day apart are no copies: they fill in one template
TEMPLATE_GAP = timedelta(hours=18)


def assign_stories(
    fresh: Sequence[StoryArticle],
    candidates: Sequence[StoryCandidate],
    totals: Mapping[str, float],
    rulings: StoryRulings | None = None,
) -> StoryPlan:
    """Decide the story of every fresh article, and what that changes among the candidates.

    `candidates` are the stories in the window that share a salient term or a link with a fresh article.
    `totals` are the articles counted per language (`terms.count_key`). The order of `fresh` and of
    `candidates` does not matter. A story keeps its id for as long as it exists: its founder leaves it only
    when it merges into another, and of two that merge the larger stays, then the older.
    """
    board = _Board(fresh, candidates, totals, rulings or StoryRulings())
    board.obey_rulings()
    board.join_alike()
    board.regroup()
    board.follow_links()
    return board.make_plan()


def find_threshold(total: float) -> float:
    """The mean likeness at which articles are one story, when so many of their language are known."""
    return THRESHOLD * math.pow(max(1.0, total / CROWD), CROWD_POWER)


@dataclass(slots=True, kw_only=True)
class _Group:
    members: list[int]
    stories: list[StoryCandidate] = field(default_factory=list)

    def count_articles(self) -> int:
        """Those that are not at hand included."""
        return len(self.members) + sum(story.size - len(story.articles) for story in self.stories)

    def find_keeper(self) -> StoryCandidate | None:
        """The story that gives the group its id."""
        return min(
            self.stories, key=lambda story: (-story.size, story.first_at, story.story_id), default=None
        )


class _Board:
    """The articles at hand, by index in the order of publication, and their groups, by number."""

    def __init__(
        self,
        fresh: Sequence[StoryArticle],
        candidates: Sequence[StoryCandidate],
        totals: Mapping[str, float],
        rulings: StoryRulings,
    ) -> None:
        self.thresholds = {lang: find_threshold(total) for lang, total in totals.items()}
        known = {article.article_id: story for story in candidates for article in story.articles}
        everything = {article.article_id: article for story in candidates for article in story.articles}
        everything |= {article.article_id: article for article in fresh if article.article_id not in known}
        self.articles = sorted(everything.values(), key=_age)
        self.vectors = [unpack_vector(article.vector) for article in self.articles]
        self.indexes = {article.article_id: index for index, article in enumerate(self.articles)}
        self.origins = [known.get(article.article_id) for article in self.articles]
        self.groups: dict[int, _Group] = {}
        self.homes: dict[int, int] = {}
        self.near: dict[int, dict[int, tuple[float, int]]] = {}  # group -> group -> sum and number of pairs
        self.reasons: dict[int, StoryReason] = {}  # by article
        self.merges: dict[int, StoryReason] = {}  # by story
        self.likeness: dict[tuple[int, int], float] = {}
        self.apart = _pair_up(rulings.apart, self.indexes)
        self.together = _pair_up(rulings.together, self.indexes)
        self.counter = 0
        for story in sorted(candidates, key=lambda story: story.story_id):
            self.add_group([self.indexes[article.article_id] for article in story.articles], [story])
        for index, origin in enumerate(self.origins):
            if origin is None:
                self.add_group([index], [])

    def add_group(self, members: list[int], stories: list[StoryCandidate]) -> int:
        self.counter += 1
        self.groups[self.counter] = _Group(members=members, stories=stories)
        self.near[self.counter] = {}
        self.homes.update(dict.fromkeys(members, self.counter))
        return self.counter

    def obey_rulings(self) -> None:
        reason = StoryReason(rule="ruling", score=0.0, threshold=0.0, words=())
        for one, others in sorted(self.apart.items()):
            for other in sorted(others):
                if one < other and self.homes[one] == self.homes[other]:
                    self.move_out(one if self.is_founder(other) else other, reason)
        for one, others in sorted(self.together.items()):
            for other in sorted(others):
                first, second = self.homes[one], self.homes[other]
                if first != second and not self.is_barred(first, second):
                    self.join(first, second, reason)

    def join_alike(self) -> None:
        """Of all groups that may join, the likest two, until no mean reaches its threshold."""
        self.find_neighbours()
        self.join_likest(self.groups)

    def join_likest(self, numbers: Iterable[int]) -> None:
        queue = [
            (-total / pairs, one, other)
            for one in numbers
            for other, (total, pairs) in self.near[one].items()
            if one < other and total >= pairs * self.find_threshold(one, other)
        ]
        heapify(queue)
        while queue:
            score, one, other = heappop(queue)
            if one not in self.groups or other not in self.groups or self.is_barred(one, other):
                continue
            reason = self.explain(one, other, -score, self.find_threshold(one, other))
            joined = self.join(one, other, reason)
            for neighbour, (total, pairs) in self.near[joined].items():
                if total >= pairs * self.find_threshold(joined, neighbour):
                    heappush(queue, (-total / pairs, neighbour, joined))

    def find_neighbours(self) -> None:
        """Measure every group of something new against those that share most of its salient terms."""
        holders: dict[int, dict[int, float]] = defaultdict(dict)
        salient = {number: self.weigh_salient(group) for number, group in self.groups.items()}
        for number, terms in salient.items():
            for term, weight in terms.items():
                holders[term][number] = weight
        for number, group in self.groups.items():
            if all(self.origins[index] is not None for index in group.members):
                continue
            shares: dict[int, float] = defaultdict(float)
            for term, weight in salient[number].items():
                for other, other_weight in holders[term].items():
                    shares[other] += weight * other_weight
            shares.pop(number, None)
            for _, other in sorted([(-share, other) for other, share in shares.items()])[:NEIGHBOURS]:
                if other not in self.near[number]:
                    self.measure_groups(number, other)

    def weigh_salient(self, group: _Group) -> dict[int, float]:
        weights: dict[int, float] = {}
        for index in group.members:
            vector = self.vectors[index]
            for term in list_salient(vector):
                weights[term] = max(vector.weights[term], weights.get(term, 0.0))
        return weights

    def measure_groups(self, one: int, other: int) -> None:
        measured = self.sum_likeness(self.groups[one].members, self.groups[other].members)
        if measured[1]:
            self.near[one][other] = self.near[other][one] = measured

    def follow_links(self) -> None:
        """Across languages, where the evidence is explicit."""
        holders: dict[int, list[int]] = defaultdict(list)
        for index, article in enumerate(self.articles):
            for link in sorted(article.links):
                holders[link].append(index)
        reason = StoryReason(rule="link", score=1.0, threshold=1.0, words=())
        for indexes in holders.values():
            for one, other in combinations(indexes, 2):
                first, second = self.homes[one], self.homes[other]
                if first != second and self.is_translation(one, other) and not self.is_barred(first, second):
                    self.join(first, second, reason)

    def is_translation(self, one: int, other: int) -> bool:
        new = self.origins[one] is None or self.origins[other] is None
        return (
            new
            and self.vectors[one].lang != self.vectors[other].lang
            and self.measure_gap(one, other) <= WINDOW
        )

    def regroup(self) -> None:
        """Take apart the stories that grew, and join their articles anew with those of the stories close by.

        What was decided when less was known is mended, so that the order of arrival matters little.
        """
        for number in list(self.groups):
            if number not in self.groups or not self.has_grown(number):
                continue
            close = [number, *self.list_close(number)]
            singles = [single for group in close for single in self.dissolve(group)]
            for one, other in combinations(singles, 2):
                self.measure_groups(one, other)
            self.join_likest(singles)

    def has_grown(self, number: int) -> bool:
        fresh = {self.origins[index] is None for index in self.groups[number].members}
        return fresh == {True, False} and self.is_soluble(number)

    def list_close(self, number: int) -> list[int]:
        means = {other: total / pairs for other, (total, pairs) in self.near[number].items()}
        floor = CLOSENESS * self.thresholds.get(self.vectors[self.groups[number].members[0]].lang, THRESHOLD)
        close = [
            other
            for other, mean in means.items()
            if mean >= floor and other in self.groups and self.is_soluble(other)
        ]
        return sorted(close, key=lambda other: -means[other])[:CLOSE_STORIES]

    def is_soluble(self, number: int) -> bool:
        """All its articles are at hand, in one language, and no admin holds them together."""
        group = self.groups[number]
        held = {self.articles[index].article_id for index in group.members}
        complete = all(
            story.size == len(story.articles) and story.story_id in held for story in group.stories
        )
        languages = {self.vectors[index].lang for index in group.members}
        return complete and len(languages) == 1 and self.together.keys().isdisjoint(group.members)

    def dissolve(self, number: int) -> list[int]:
        group = self.groups.pop(number)
        stories = {story.story_id: story for story in group.stories}
        singles = []
        for index in group.members:
            if self.reasons.get(index) is not None and self.reasons[index].rule == "likeness":
                del self.reasons[index]
            story = stories.get(self.articles[index].article_id)
            singles.append(self.add_group([index], [story] if story else []))
        return singles

    def make_plan(self) -> StoryPlan:
        placements, merges = {}, []
        for group in self.groups.values():
            keeper = group.find_keeper()
            founder = self.articles[min(group.members)].article_id if group.members else None
            story_id = keeper.story_id if keeper else founder
            if story_id is None:
                continue
            for story in group.stories:
                if story is not keeper:
                    reason = self.merges[story.story_id]
                    merges.append(StoryMerge(from_story=story.story_id, into_story=story_id, reason=reason))
            for index in group.members:
                origin = self.origins[index]
                if origin is None or origin not in group.stories:
                    article_id = self.articles[index].article_id
                    founds = keeper is None and article_id == founder
                    placements[article_id] = (story_id, self.give_reason(index, founds=founds))
        return StoryPlan(placements=placements, merges=tuple(merges))

    def give_reason(self, index: int, *, founds: bool) -> StoryReason:
        reason = self.reasons.get(index)
        if reason is not None and not (founds and reason.rule == "likeness"):
            return reason
        return self.explain_founding(self.homes[index])

    def explain_founding(self, home: int) -> StoryReason:
        """How near the nearest other story came."""
        near = self.near[home].items()
        means = {other: total / pairs for other, (total, pairs) in near if other in self.groups}
        if not means:
            return StoryReason(rule="founder", score=0.0, threshold=THRESHOLD, words=())
        nearest = max(means, key=lambda other: (means[other], -other))
        threshold = self.find_threshold(home, nearest)
        return replace(self.explain(home, nearest, means[nearest], threshold), rule="founder")

    def join(self, one: int, other: int, reason: StoryReason) -> int:
        """Make one group of two; the number of the new one."""
        first, second = self.groups.pop(one), self.groups.pop(other)
        for group in (first, second):
            if len(group.members) == 1:
                self.reasons.setdefault(group.members[0], reason)
            for story in group.stories:
                self.merges.setdefault(story.story_id, reason)
        joined = self.add_group(first.members + second.members, first.stories + second.stories)
        for neighbour in sorted((self.near[one].keys() | self.near[other].keys()) & self.groups.keys()):
            sums = [
                self.near[side].get(neighbour)
                or self.sum_likeness(group.members, self.groups[neighbour].members)
                for side, group in ((one, first), (other, second))
            ]
            measured = (sums[0][0] + sums[1][0], sums[0][1] + sums[1][1])
            self.near[joined][neighbour] = self.near[neighbour][joined] = measured
        return joined

    def move_out(self, index: int, reason: StoryReason) -> int:
        self.groups[self.homes[index]].members.remove(index)
        self.reasons[index] = reason
        return self.add_group([index], [])

    def is_founder(self, index: int) -> bool:
        keeper = self.groups[self.homes[index]].find_keeper()
        return keeper is not None and keeper.story_id == self.articles[index].article_id

    def is_barred(self, one: int, other: int) -> bool:
        return any(self.holds_apart(index, other) for index in self.groups[one].members)

    def holds_apart(self, index: int, number: int) -> bool:
        """Whether an admin keeps the article out of the group."""
        return any(self.homes[other] == number for other in self.apart.get(index, ()))

    def find_threshold(self, one: int, other: int) -> float:
        groups = (self.groups[one], self.groups[other])
        threshold = self.thresholds.get(self.vectors[groups[0].members[0]].lang, THRESHOLD)
        size = sum(group.count_articles() for group in groups)
        if size > BROAD:
            threshold *= (size / BROAD) ** BROAD_POWER
        elif size == 2:
            threshold *= PAIR_CAUTION
        return threshold * MERGE_CAUTION if all(group.stories for group in groups) else threshold

    def explain(self, one: int, other: int, score: float, threshold: float) -> StoryReason:
        pairs = ((a, b) for a in self.groups[one].members for b in self.groups[other].members)
        first, second = max(pairs, key=lambda pair: self.measure(*pair))
        words = list_shared(self.vectors[first], self.vectors[second])
        near = self.articles[second].article_id
        return StoryReason(rule="likeness", score=score, threshold=threshold, words=words, near=near)

    def sum_likeness(self, ones: Iterable[int], others: Sequence[int]) -> tuple[float, int]:
        """The sum over the pairs of one language, and their number."""
        total, pairs = 0.0, 0
        for one in ones:
            lang = self.vectors[one].lang
            for other in others:
                if self.vectors[other].lang == lang:
                    total += self.measure(one, other)
                    pairs += 1
        return total, pairs

    def measure(self, one: int, other: int) -> float:
        pair = (one, other) if one < other else (other, one)
        if pair not in self.likeness:
            self.likeness[pair] = self.measure_faded(*pair)
        return self.likeness[pair]

    def measure_faded(self, one: int, other: int) -> float:
        gap = self.measure_gap(one, other)
        if gap > WINDOW:
            return 0.0
        likeness = measure_likeness(self.vectors[one], self.vectors[other])
        if likeness >= TEMPLATE_LIKENESS and gap >= TEMPLATE_GAP:
            return 0.0
        return likeness * math.exp(-gap / FADING)

    def measure_gap(self, one: int, other: int) -> timedelta:
        return abs(self.articles[one].published_at - self.articles[other].published_at)


def _age(article: StoryArticle) -> tuple[datetime, int]:
    return article.published_at, article.article_id


def _pair_up(pairs: Iterable[tuple[int, int]], indexes: dict[int, int]) -> dict[int, set[int]]:
    partners: dict[int, set[int]] = defaultdict(set)
    for one, other in pairs:
        if one in indexes and other in indexes:
            partners[indexes[one]].add(indexes[other])
            partners[indexes[other]].add(indexes[one])
    return partners
