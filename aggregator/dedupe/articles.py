"""Near the ground: which new entries are copies of articles we have.

- `same-url`: another source carries the same canonical URL within a week.
- `same-text`: another source carries the same folded title and text within 72 hours.
- `headline`: another source carries the same headline within 12 hours, and one of the two has no text.
- `near-copy`: the texts are alike (likeness.py), as copies of an agency's report are.
- `repeated`: one source carries the same words at the same address once more, under another guid.

Within one source an address or a wording alone decides nothing: a feed that gives its items new guids at
every fetch repeats itself, but a daily column under one address, or one wording on two days, does not; nor
does it by way of a copy that another source has of one of them. Items without an address must agree in the
date to the second instead. An equal title alone never merges texts: of 43 equal-title pairs of a wire
service one was the same event; and a headline that a source carries twice is the name of a column.

An entry joins by its likeness to any member of an article, but only if it is also much like the entry that
founded it: chains of copies of copies would end in one article for all the weather. Whatever an admin has put
into an article counts like its founder.

The order in which polls bring copies must not decide who is one with whom. So the articles that a new entry
is much like are decided anew together with it, all their entries as if they came in at once. Of what then is
one, the article that readers have had longest keeps its address; the others go into it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from aggregator.dedupe.likeness import Likeness, Text, describe, find_likeness, make_text
from aggregator.model import Assignment, Candidate, Decision, Fingerprint

SAME_URL_WINDOW = timedelta(days=7)
SAME_TEXT_WINDOW = timedelta(hours=72)
HEADLINE_WINDOW = timedelta(hours=12)
HEADLINE_WORDS = 5  # of shorter ones, half are the name of a column

SHARED_HASHES = 2  # of two sketches: less is chance
COMMON = 48  # entries of one sketch hash: a phrase of the trade, which nominates nobody
NEARLY = 0.10  # by how much what is told of as nearly a copy falls short
_FOUNDER_SLACK = 0.10
_STAY_SLACK = 0.25  # an edit moves an entry only when it must

FOUNDED = Decision(rule="founder", evidence="no other entry has its URL or its text")


def list_touched(fresh: Sequence[Candidate], known: Sequence[Candidate]) -> set[int]:
    """The stored articles that the fresh entries are so much like that they are to be decided anew with them.

    `known` is as for assign_articles.
    """
    everything = [*known, *fresh]
    index = _Index(everything, everything)
    new = {entry.entry_id for entry in fresh}
    touched: set[int] = set()
    for entry in fresh:
        near = index.find_near(entry)
        for other in {c.entry_id: c for c in (*near, *index.find_equal(entry, near))}.values():
            if other.entry_id in new or other.article_id in touched:
                continue
            if _match(entry, other) is not None or _is_alike(index.get_text(entry), other, index):
                touched.add(other.article_id)
    return touched


def assign_articles(
    fresh: Sequence[Candidate], known: Sequence[Candidate], again: Sequence[Candidate] = ()
) -> dict[int, Assignment]:
    """Decide the article of every fresh entry, by entry id, and of those stored ones that have to move.

    `known` are stored entries that share a key or a part of the sketch with one of the fresh ones, and the
    founders of their articles (whose ids are those of the articles): they stay where they are. `again` are
    all entries of the stored articles that are decided anew. Of several copies, the original is what the
    others are measured by: the earliest, then the fullest, then that of the source which the configuration
    names first. A fresh entry's own article_id is not read.
    """
    index = _Index(known, [*known, *fresh, *again])
    chosen = {}
    for entry in sorted((*fresh, *again), key=_originality):
        assignment = _assign(entry, index)
        article_id = entry.entry_id if assignment.article_id is None else assignment.article_id
        index.add(replace(entry, article_id=article_id))
        chosen[entry.entry_id] = assignment
    return _name(chosen, again, index) if again else chosen


def must_leave(edited: Candidate, founder: Candidate) -> bool:
    """Whether an entry, as edited, has nothing to do any more with the one that founded its article."""
    if _match(edited, founder) is not None:
        return False
    likeness = find_likeness(make_text(edited), make_text(founder))
    return likeness is None or likeness.margin < -_STAY_SLACK


def _name(
    chosen: Mapping[int, Assignment], again: Sequence[Candidate], index: _Index
) -> dict[int, Assignment]:
    """Call what is one article by the id of the oldest stored one that was founded by one of its entries."""
    group_of = {i: i if each.article_id is None else each.article_id for i, each in chosen.items()}
    before = {entry.entry_id: entry.article_id for entry in again}
    names = {group: group for group in group_of.values() if group not in chosen}
    for entry in sorted(again, key=_age):
        if entry.entry_id == entry.article_id:
            names.setdefault(group_of[entry.entry_id], entry.article_id)
    named = {}
    for entry_id, assignment in chosen.items():
        name = names.get(group_of[entry_id], group_of[entry_id])
        if name == before.get(entry_id):
            continue
        if assignment.article_id is not None:
            assignment = replace(assignment, article_id=name)
        elif name != entry_id:
            first = next(i for i, each in chosen.items() if each.entry_id == entry_id)
            decision = _compare(entry_id, first, index)
            assignment = Assignment(article_id=name, decision=decision, entry_id=first)
        named[entry_id] = assignment
    return named


def _compare(entry_id: int, other_id: int, index: _Index) -> Decision:
    """Why an entry is one article with another that has joined it."""
    entry, other = index.get_entry(entry_id), index.get_entry(other_id)
    decision = _match(entry, other)
    if decision is None:
        likeness = find_likeness(index.get_text(entry), index.get_text(other))
        decision = FOUNDED if likeness is None else describe(likeness, other)
    return decision


def _assign(entry: Candidate, index: _Index) -> Assignment:
    near = index.find_near(entry)
    matches = index.find_equal(entry, near)
    own = {match.article_id for match in matches if match.source_id == entry.source_id}
    # Its own source's first: an item that comes again goes where an admin may have put it by itself.
    for match in sorted(matches, key=lambda match: match.source_id != entry.source_id):
        decision = _match(entry, match)
        if decision is None or (decision.rule == "headline" and _is_column(entry, matches)):
            continue
        if decision.rule == "repeated" or match.article_id not in own:
            return Assignment(article_id=match.article_id, decision=decision, entry_id=match.entry_id)
    best = max(_list_likenesses(entry, near, index), key=_by_margin, default=None)
    if best is None:
        return Assignment(article_id=None, decision=FOUNDED)
    likeness, other = best
    decision = describe(likeness, other)
    if likeness.margin < 0:
        founded = replace(decision, rule=FOUNDED.rule, evidence=FOUNDED.evidence)
        return Assignment(article_id=None, decision=founded, entry_id=other.entry_id)
    return Assignment(article_id=other.article_id, decision=decision, entry_id=other.entry_id)


def _list_likenesses(
    entry: Candidate, near: Sequence[Candidate], index: _Index
) -> Iterator[tuple[Likeness, Candidate]]:
    """Whatever the entry may join, and what it only nearly may: an admin may want to decide that."""
    if not near:
        return  # of most entries no words are ever compared
    text = index.get_text(entry)
    for other in near:
        likeness = find_likeness(text, index.get_text(other))
        if likeness is None or likeness.margin < -NEARLY:
            continue
        if likeness.margin < 0 or _is_like_founder(text, other, index):
            yield likeness, other


def _is_like_founder(text: Text, other: Candidate, index: _Index) -> bool:
    founder = index.find_entry(other.article_id)
    if founder is None or founder.entry_id == other.entry_id or other.ruled:
        return True
    return _is_alike(text, founder, index)


def _is_alike(text: Text, other: Candidate, index: _Index) -> bool:
    likeness = find_likeness(text, index.get_text(other))
    return likeness is not None and likeness.margin >= -_FOUNDER_SLACK


def _by_margin(found: tuple[Likeness, Candidate]) -> tuple[float, float, int]:
    likeness, other = found
    return likeness.margin, -other.published_at.timestamp(), -other.entry_id


def _match(entry: Candidate, other: Candidate) -> Decision | None:
    same_url = _equal(entry.fingerprint.url_key, other.fingerprint.url_key)
    same_text = _equal(entry.fingerprint.text_key, other.fingerprint.text_key)
    apart = abs(entry.published_at - other.published_at)
    if entry.source_id == other.source_id:
        same_words = same_text or _both_bare(entry.fingerprint, other.fingerprint)
        same_place = same_url or (not apart and _both_placeless(entry.fingerprint, other.fingerprint))
        if same_place and same_words and apart <= SAME_TEXT_WINDOW:
            return Decision(rule="repeated", evidence=f"{other.source_id} carries it under another guid")
        return None
    if same_url and apart <= SAME_URL_WINDOW:
        return Decision(rule="same-url", evidence=f"{other.source_id} carries the same URL")
    if same_text and apart <= SAME_TEXT_WINDOW:
        return Decision(rule="same-text", evidence=f"{other.source_id} carries the same title and text")
    if _same_headline(entry.fingerprint, other.fingerprint) and apart <= HEADLINE_WINDOW:
        return Decision(rule="headline", evidence=f"{other.source_id} carries the same headline")
    return None


def _same_headline(one: Fingerprint, other: Fingerprint) -> bool:
    """Of two items of which one is a headline and no more."""
    headline, _, _ = one.folded.partition("\n")
    bare = one.folded.endswith("\n") or other.folded.endswith("\n")
    return bare and one.title_key == other.title_key and len(headline.split()) >= HEADLINE_WORDS


def _is_column(entry: Candidate, matches: Sequence[Candidate]) -> bool:
    title_key = entry.fingerprint.title_key
    titled = [entry, *(match for match in matches if match.fingerprint.title_key == title_key)]
    return max(Counter(each.source_id for each in titled).values()) > 1


def _equal(one: int | None, other: int | None) -> bool:
    return one is not None and one == other


def _both_bare(one: Fingerprint, other: Fingerprint) -> bool:
    """Headlines without a text, and equal."""
    return one.text_key is None and other.text_key is None and one.title_key == other.title_key


def _both_placeless(one: Fingerprint, other: Fingerprint) -> bool:
    return one.url_key is None and other.url_key is None


def _age(entry: Candidate) -> tuple[datetime, int]:
    return entry.published_at, entry.entry_id


def _originality(entry: Candidate) -> tuple[datetime, int, int, int]:
    return entry.published_at, -len(entry.fingerprint.folded), entry.rank, entry.entry_id


class _Index:
    """Candidates by key, by sketch and by id."""

    def __init__(self, known: Sequence[Candidate], everything: Sequence[Candidate]) -> None:
        """`everything` are those known and those that will be added."""
        counts = Counter(chain.from_iterable(candidate.fingerprint.sketch for candidate in everything))
        # Nearly all hashes are one entry's alone, and nothing is found by them.
        self._shared = {value for value, count in counts.items() if count > 1}
        self._by_key: defaultdict[int, list[Candidate]] = defaultdict(list)
        self._by_hash: defaultdict[int, list[int]] = defaultdict(list)
        self._by_id: dict[int, Candidate] = {}
        self._texts: dict[int, Text] = {}
        for candidate in known:
            self.add(candidate)

    def add(self, candidate: Candidate) -> None:
        self._by_id[candidate.entry_id] = candidate
        for key in _keys(candidate):
            self._by_key[key].append(candidate)
        for value in self._shared.intersection(candidate.fingerprint.sketch):
            self._by_hash[value].append(candidate.entry_id)

    def get_entry(self, entry_id: int) -> Candidate:
        return self._by_id[entry_id]

    def find_entry(self, entry_id: int) -> Candidate | None:
        return self._by_id.get(entry_id)

    def find_equal(self, entry: Candidate, near: Sequence[Candidate]) -> list[Candidate]:
        """Whatever shares a key with the entry, or is near and shares the headline, oldest first: row order
        must not decide.
        """
        found = {c.entry_id: c for key in _keys(entry) for c in self._by_key[key]}
        title_key = entry.fingerprint.title_key
        found |= {c.entry_id: c for c in near if c.fingerprint.title_key == title_key}
        return sorted(found.values(), key=_age)

    def find_near(self, entry: Candidate) -> list[Candidate]:
        """Whatever shares at least SHARED_HASHES of the sketch that not everybody has."""
        holding = [self._by_hash[value] for value in self._shared.intersection(entry.fingerprint.sketch)]
        counts = Counter(chain.from_iterable(held for held in holding if len(held) < COMMON))
        return [self._by_id[i] for i, count in counts.items() if count >= SHARED_HASHES]

    def get_text(self, candidate: Candidate) -> Text:
        text = self._texts.get(candidate.entry_id)
        if text is None:
            text = self._texts[candidate.entry_id] = make_text(candidate)
        return text


def _keys(candidate: Candidate) -> list[int]:
    fingerprint = candidate.fingerprint
    return [key for key in (fingerprint.url_key, fingerprint.text_key) if key is not None]
