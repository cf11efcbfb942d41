"""How alike two texts are, and whether that makes them one article.

The likeness is how much of the shorter text's word triples stands in the other, less something where the
beginnings differ: two reports that share their background paragraphs do. What it must reach hangs
on the numbers, for templates (weather, prices, telegrams) share every word but those; on time, and on
whether one source wrote both. docs/dedupe.md tells how the constants were found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aggregator.dedupe.marks import find_figures, find_marks, find_names, find_numbers, find_slot
from aggregator.dedupe.shingles import Triple, find_containment, list_triples
from aggregator.model import Candidate, Decision

WINDOW = timedelta(hours=72)
LEAST_TRIPLES = 12  # a text of fewer is a headline: it is known by other rules

_BEGINNING_TRIPLES = 60
_NUMBERS_AMONG = 70  # of the first words
_BEGINNING = 0.3  # its share in the likeness ...
_MOST_LACKING = 0.1  # ... of which a beginning in other words takes away no more than this
_LEAST_BEGINNING, _ROUND_UP = 0.03, 0.5  # less, in a text of half the length: the longer is a round-up
_NO_NUMBERS, _SAME_NUMBERS, _OTHER_NUMBERS = 0.43, 0.33, 0.57
_HALF_OF_NUMBERS = 0.5
_A_DAY = 0.03  # more for each day between them
_SAME_SOURCE = 0.15  # more: a source's own templates are more alike than other people's copies
_COLUMN_WORDS, _COLUMN_WINDOW = 60, timedelta(hours=12)  # of one source, short, and later: a column


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A candidate made ready to be compared."""

    candidate: Candidate
    title: tuple[str, ...]  # folded words
    body: tuple[str, ...]
    triples: frozenset[Triple]  # of title and body
    beginning: frozenset[Triple]
    numbers: frozenset[str]  # near the beginning
    marks: frozenset[str]  # of the title


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    score: float
    threshold: float
    whole: float  # of the shorter text, how much stands in the other
    beginning: float
    numbers: tuple[frozenset[str], frozenset[str]]

    @property
    def margin(self) -> float:
        """Above 0: one article."""
        return self.score - self.threshold

    @property
    def evidence(self) -> str:
        words = _describe_numbers(*self.numbers)
        return f"{self.whole:.0%} of the shorter text, {self.beginning:.0%} of its beginning; {words}"


def make_text(candidate: Candidate) -> Text:
    title, _, body = candidate.fingerprint.folded.partition("\n")
    headline, words = title.split(), body.split()
    triples = list_triples(headline + words)
    return Text(
        candidate=candidate,
        title=tuple(headline),
        body=tuple(words),
        triples=frozenset(triples),
        beginning=frozenset(triples[:_BEGINNING_TRIPLES]),
        numbers=find_numbers((headline + words)[:_NUMBERS_AMONG]),
        marks=find_marks(headline),
    )


def find_likeness(one: Text, other: Text) -> Likeness | None:
    """None: too short to tell, too far apart, one a round-up that holds the other, or two of one template."""
    apart = abs(one.candidate.published_at - other.candidate.published_at)
    least, most = sorted((len(one.triples), len(other.triples)))
    if least < LEAST_TRIPLES or apart > WINDOW:
        return None
    if one.marks and other.marks and one.marks.isdisjoint(other.marks):
        return None
    whole = find_containment(one.triples, other.triples)
    beginning = find_containment(one.beginning, other.beginning)
    if beginning < _LEAST_BEGINNING and least < _ROUND_UP * most:
        return None
    threshold = _judge_numbers(one.numbers, other.numbers)
    threshold += _A_DAY * (apart / timedelta(days=1))
    if one.candidate.source_id == other.candidate.source_id:
        if apart > _COLUMN_WINDOW and min(len(one.body), len(other.body)) < _COLUMN_WORDS:
            return None
        threshold += _SAME_SOURCE
    score = whole - min(_BEGINNING * (whole - beginning), _MOST_LACKING)
    if score >= threshold and _differ_in_slots(one, other):
        return None
    return Likeness(
        score=score,
        threshold=threshold,
        whole=whole,
        beginning=beginning,
        numbers=(one.numbers, other.numbers),
    )


def _differ_in_slots(one: Text, other: Text) -> bool:
    bodies = one.body, other.body
    slot = find_slot(*bodies) or find_figures(*bodies) or find_names((one.title, other.title), bodies)
    return slot is not None


def describe(likeness: Likeness, other: Candidate) -> Decision:
    return Decision(
        rule="near-copy",
        evidence=f"of {other.source_id}'s text: {likeness.evidence}",
        score=round(likeness.score, 3),
        threshold=round(likeness.threshold, 3),
    )


def _judge_numbers(one: frozenset[str], other: frozenset[str]) -> float:
    """What the likeness must reach."""
    if not (one and other):
        return _NO_NUMBERS
    common = len(one & other)
    if not common:
        return _OTHER_NUMBERS
    return _NO_NUMBERS if common < _HALF_OF_NUMBERS * min(len(one), len(other)) else _SAME_NUMBERS


def _describe_numbers(one: frozenset[str], other: frozenset[str]) -> str:
    if not (one and other):
        return "no numbers to compare"
    if one.isdisjoint(other):
        return f"other numbers ({_list(one)} and {_list(other)})"
    how = "the" if _judge_numbers(one, other) == _SAME_NUMBERS else "some"
    return f"{how} numbers agree ({_list(one & other)})"


def _list(words: frozenset[str]) -> str:
    return ", ".join(sorted(words)[:4])
