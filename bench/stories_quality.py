"""How well articles are grouped into stories: B-cubed on ../shared/data/english-stories.jsonl.gz.

    python bench/stories_quality.py [--splits N]

The articles come in random order, in batches, to the pure functions of dedupe over a store in memory that
starts empty. Prints for full texts, for titles with the first 60 words and for titles alone

- cross-validation: the threshold chosen on one half of the stories, precision, recall and F1 on the other
- the whole set with the constants as they are, in 1, 4 and 28 batches
- the share of pairs on which two orders of arrival disagree
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from statistics import mean, pstdev
from urllib.parse import urlsplit

from aggregator.dedupe import stories, terms
from aggregator.model import StoryArticle, StoryCandidate

DATA = Path(__file__).parents[2] / "shared" / "data" / "english-stories.jsonl.gz"
CUTS = {"full text": None, "title + 60 words": 60, "title": 0}
GRID = (0.06, 0.07, 0.08, 0.085, 0.09, 0.1, 0.11)
KNOWN_ARTICLES = 8  # of a story, at hand for a decision
KNOWN_STORIES = 8  # looked up for an article


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    story: str
    source_id: str
    published_at: datetime
    terms: terms.Terms


@dataclass(slots=True, kw_only=True)
class Memory:
    """What a store keeps for stories."""

    counts: Counter[int] = field(default_factory=Counter)
    articles: dict[int, StoryArticle] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    index: dict[int, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    homes: dict[int, int] = field(default_factory=dict)


def ingest(memory: Memory, batch: Mapping[int, Sample]) -> None:
    for sample in batch.values():
        memory.counts.update(terms.list_counted(sample.terms))
    fresh, wanted = [], set()
    for number, sample in batch.items():
        vector = terms.weigh_terms(sample.terms, memory.counts)
        wanted.update(find_stories(memory, vector))
        article = StoryArticle(
            article_id=number,
            source_id=sample.source_id,
            published_at=sample.published_at,
            vector=terms.pack_vector(vector),
            links=frozenset(),
        )
        fresh.append(article)
    totals = {"en": memory.counts[terms.count_key("en")]}
    plan = stories.assign_stories(fresh, [make_candidate(memory, story) for story in wanted], totals)
    memory.articles.update((article.article_id, article) for article in fresh)
    changed = set()
    for merge in plan.merges:
        for number in memory.members[merge.from_story]:
            memory.homes[number] = merge.into_story
        memory.members[merge.into_story] += memory.members.pop(merge.from_story)
        changed |= {merge.from_story, merge.into_story}
    for number, (story, _) in plan.placements.items():
        if number in memory.homes:
            memory.members[memory.homes[number]].remove(number)
            changed.add(memory.homes[number])
        memory.homes[number] = story
        memory.members[story].append(number)
        changed.add(story)
    for story in changed:
        index_story(memory, story)


def find_stories(memory: Memory, vector: terms.Vector) -> list[int]:
    shares: Counter[int] = Counter()
    for term in terms.list_salient(vector):
        for story, weight in memory.index[term].items():
            shares[story] += vector.weights[term] * weight  # type: ignore[assignment]
    return [story for story, _ in shares.most_common(KNOWN_STORIES)]


def make_candidate(memory: Memory, story: int) -> StoryCandidate:
    known = sorted(
        (memory.articles[number] for number in memory.members[story]), key=lambda a: a.published_at
    )
    founder = [article for article in known if article.article_id == story]
    latest = [article for article in known if article.article_id != story][-KNOWN_ARTICLES + 1 :]
    return StoryCandidate(
        story_id=story, size=len(known), first_at=known[0].published_at, articles=(*founder, *latest)
    )


def index_story(memory: Memory, story: int) -> None:
    for holders in memory.index.values():
        holders.pop(story, None)
    for number in memory.members[story]:
        vector = terms.unpack_vector(memory.articles[number].vector)
        for term in terms.list_salient(vector):
            holders = memory.index[term]
            holders[story] = max(vector.weights[term], holders.get(story, 0.0))
    if not memory.members[story]:
        del memory.members[story]


def group(samples: Sequence[Sample], batches: int, seed: int) -> list[int]:
    """The story of each sample, which come in an order of their own for each seed."""
    order = list(range(len(samples)))
    random.Random(seed).shuffle(order)
    memory = Memory()
    for batch in range(batches):
        ingest(memory, {number: samples[number] for number in order[batch::batches]})
    return [memory.homes[number] for number in range(len(samples))]


def score(truth: Sequence[object], found: Sequence[object]) -> tuple[float, float, float]:
    """B-cubed F1, precision and recall."""
    expected, actual, both = Counter(truth), Counter(found), Counter(zip(truth, found, strict=True))
    pairs = list(zip(truth, found, strict=True))
    precision = mean(both[pair] / actual[pair[1]] for pair in pairs)
    recall = mean(both[pair] / expected[pair[0]] for pair in pairs)
    return 2 * precision * recall / (precision + recall), precision, recall


def measure_disagreement(one: Sequence[int], other: Sequence[int]) -> float:
    pairs = list(combinations(range(len(one)), 2))
    return mean((one[a] == one[b]) != (other[a] == other[b]) for a, b in pairs)


def score_at(
    threshold: float, samples: Sequence[Sample], batches: int, seed: int
) -> tuple[float, float, float]:
    shipped = stories.THRESHOLD
    stories.THRESHOLD = threshold
    try:
        return score([sample.story for sample in samples], group(samples, batches, seed))
    finally:
        stories.THRESHOLD = shipped


def cross_validate(samples: Sequence[Sample], splits: int) -> list[tuple[float, float, float, float]]:
    """For each half of each split: F1, precision and recall, and the threshold that the other half chose."""
    results = []
    for seed in range(splits):
        names = sorted({sample.story for sample in samples})
        random.Random(seed).shuffle(names)
        first = set(names[: len(names) // 2])
        halves = [[s for s in samples if (s.story in first) is side] for side in (True, False)]
        for tuned, tested in (halves, halves[::-1]):
            best = max(GRID, key=lambda threshold: score_at(threshold, tuned, 2, seed)[0])
            results.append((*score_at(best, tested, 2, seed), best))
    return results


def read_samples(cut: int | None) -> list[Sample]:
    with gzip.open(DATA, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [
        Sample(
            story=row["story"],
            source_id=urlsplit(row["url"]).hostname or "",
            published_at=datetime.fromisoformat(row["published_at"].replace("Z", "")).replace(tzinfo=UTC),
            terms=terms.extract_terms(row["title"], " ".join(row["text"].split()[:cut]), "en"),
        )
        for row in rows
    ]


def describe(results: Iterable[Sequence[float]]) -> str:
    columns = list(zip(*results, strict=True))
    return f"F1 {mean(columns[0]):.3f} (P {mean(columns[1]):.3f} R {mean(columns[2]):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description="B-cubed F1 of stories on the English clusters of ../shared."
    )
    parser.add_argument("--splits", type=int, default=5)
    splits = parser.parse_args().splits
    if not DATA.exists():
        print(f"{DATA} is not there: the evaluation data lie beside the project. Nothing measured.")
        return
    for name, cut in CUTS.items():
        samples = read_samples(cut)
        truth = [sample.story for sample in samples]
        results = cross_validate(samples, splits)
        chosen = sorted(Counter(result[3] for result in results).items())
        print(f"{name}, {len(samples)} articles in {len(set(truth))} stories")
        print(f"    other half           {describe(results)} ±{pstdev(r[0] for r in results):.3f}")
        print(f"    thresholds chosen    {', '.join(f'{value} x{times}' for value, times in chosen)}")
        for batches in (1, 4, 28):
            orders = [group(samples, batches, seed) for seed in range(3)]
            differ = mean(measure_disagreement(*pair) for pair in combinations(orders, 2))
            scores = describe(score(truth, order) for order in orders)
            print(f"    all, {batches:2} batches      {scores}, orders differ on {differ:.2%} of pairs")


if __name__ == "__main__":
    main()
