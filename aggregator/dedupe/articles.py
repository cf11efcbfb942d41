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

Near-copies are joined by average link (linkage.py): a pair that is alike speaks for one article, every other
pair against it, and so chains of copies of copies do not end in one article for all the weather. What is
likest to an entry that an admin has put into an article joins that article at once.

The order in which polls bring copies must not decide who is one with whom. So the articles that a new entry
is much like are decided anew together with it, all their entries as if they came in at once. Of what then is
one, the article that readers have had longest keeps its address; the others go into it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import chain

from aggregator.dedupe.likeness import Likeness, Text, describe, find_likeness, make_text
from aggregator.dedupe.linkage import Bonds, join_likest
from aggregator.model import Assignment, Candidate, Decision, Fingerprint

SAME_URL_WINDOW = timedelta(days=7)
SAME_TEXT_WINDOW = timedelta(hours=72)
HEADLINE_WINDOW = timedelta(hours=12)
HEADLINE_WORDS = 5  # of shorter ones, half are the name of a column

SHARED_HASHES = 2  # of two sketches: less is chance
COMMON = 48  # entries of one sketch hash: a phrase of the trade, which nominates nobody
NEARLY = 0.10  # by how much what is told of as nearly a copy falls short
_SLACK = NEARLY  # so far below its threshold a pair speaks as much against one article as one above for it
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
    all entries of the stored articles that are decided anew. Of several copies, the original is what founds
    the article: the earliest, then the fullest, then that of the source which the configuration names first.
    A fresh entry's own article_id is not read.
    """
    index = _Index(known, [*known, *fresh, *again])
    entries = sorted((*fresh, *again), key=_originality)
    joined = _join_equal(entries, index)
    near = {entry.entry_id: index.find_near(entry) for entry in entries}
    homes = _join_alike(entries, near, index)
    names = _name_groups(entries, homes, again, {candidate.article_id for candidate in known})
    before = {entry.entry_id: entry.article_id for entry in again}
    assigned = {}
    for entry in entries:
        name = names[homes[entry.entry_id]]
        if name == before.get(entry.entry_id):
            continue
        if name == entry.entry_id:
            assigned[entry.entry_id] = _found(entry, near[entry.entry_id], homes, index)
            continue
        assignment = joined.get(entry.entry_id) or _explain(entry, near[entry.entry_id], homes, index)
        assigned[entry.entry_id] = replace(assignment, article_id=name)
    return assigned


def must_leave(edited: Candidate, founder: Candidate) -> bool:
    """Whether an entry, as edited, has nothing to do any more with the one that founded its article."""
    if _match(edited, founder) is not None:
        return False
    likeness = find_likeness(make_text(edited), make_text(founder))
    return likeness is None or likeness.margin < -_STAY_SLACK


def _join_equal(entries: Sequence[Candidate], index: _Index) -> dict[int, Assignment]:
    """Put each entry into the index, with what it equals; only those that equal something are returned."""
    joined = {}
    for entry in entries:
        assignment = _find_equal(entry, index)
        if assignment is not None:
            joined[entry.entry_id] = assignment
        home = None if assignment is None else assignment.article_id
        index.add(replace(entry, article_id=entry.entry_id if home is None else home))
    return joined


def _find_equal(entry: Candidate, index: _Index) -> Assignment | None:
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
    best = max(index.list_likenesses(entry, near), key=_by_margin, default=None)
    if best is None or best[0].margin < 0 or not best[1].ruled:
        return None
    likeness, other = best
    return Assignment(
        article_id=other.article_id, decision=describe(likeness, other), entry_id=other.entry_id
    )


def _join_alike(
    entries: Sequence[Candidate], near: Mapping[int, Sequence[Candidate]], index: _Index
) -> dict[int, int]:
    """The group of every entry in the index, by entry id: a stored article's id, or that of an entry."""
    homes = index.list_homes()
    bonds: Bonds = defaultdict(lambda: defaultdict(float))
    pairs = {
        (min(entry.entry_id, other.entry_id), max(entry.entry_id, other.entry_id)): likeness.margin
        for entry in entries
        for likeness, other in index.list_likenesses(entry, near[entry.entry_id])
    }
    for (one, other), margin in sorted(pairs.items()):
        first, second = homes[one], homes[other]
        # The last part decides between groups that are equally certain: else chance would, by their ids.
        worth = min(2.0, 1 + margin / _SLACK) + margin / 100
        if first != second and worth > 0:
            bonds[first][second] += worth
            bonds[second][first] += worth
    decided = {entry.entry_id for entry in entries}
    anchors = {home for entry_id, home in homes.items() if entry_id not in decided}
    ends = join_likest(Counter(homes.values()), bonds, anchors)
    return {entry_id: ends[home] for entry_id, home in homes.items()}


def _name_groups(
    entries: Sequence[Candidate], homes: Mapping[int, int], again: Sequence[Candidate], staying: Set[int]
) -> dict[int, int]:
    """The article that each group is: a stored one that stays; or the oldest of those decided anew that one
    of its entries founded; or that of its original.
    """
    names = {home: home for home in homes.values() if home in staying}
    for entry in sorted(again, key=_age):
        if entry.entry_id == entry.article_id:
            names.setdefault(homes[entry.entry_id], entry.article_id)
    for entry in entries:
        names.setdefault(homes[entry.entry_id], entry.entry_id)
    return names


def _explain(
    entry: Candidate, near: Sequence[Candidate], homes: Mapping[int, int], index: _Index
) -> Assignment:
    """Why an entry is one article with others: one that is equal, else the likest of them."""
    group = homes[entry.entry_id]
    for other in index.find_equal(entry, near):
        decision = _match(entry, other) if homes[other.entry_id] == group else None
        if decision is not None and other.entry_id != entry.entry_id:
            return Assignment(article_id=group, decision=decision, entry_id=other.entry_id)
    alike = (each for each in index.list_likenesses(entry, near) if homes[each[1].entry_id] == group)
    likeness, other = max(alike, key=_by_margin)
    return Assignment(article_id=group, decision=describe(likeness, other), entry_id=other.entry_id)


def _found(
    entry: Candidate, near: Sequence[Candidate], homes: Mapping[int, int], index: _Index
) -> Assignment:
    """An article of its own, with what it nearly went to: an admin may want to decide that."""
    apart = (
        (likeness, other)
        for likeness, other in index.list_likenesses(entry, near)
        if likeness.margin >= -NEARLY and homes[other.entry_id] != homes[entry.entry_id]
    )
    best = max(apart, key=_by_margin, default=None)
    if best is None:
        return Assignment(article_id=None, decision=FOUNDED)
    likeness, other = best
    decision = replace(describe(likeness, other), rule=FOUNDED.rule, evidence=FOUNDED.evidence)
    return Assignment(article_id=None, decision=decision, entry_id=other.entry_id)


def _is_alike(text: Text, other: Candidate, index: _Index) -> bool:
    likeness = find_likeness(text, index.get_text(other))
    return likeness is not None and likeness.margin >= -_SLACK


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
        self._likenesses: dict[tuple[int, int], Likeness | None] = {}
        for candidate in known:
            self.add(candidate)

    def add(self, candidate: Candidate) -> None:
        self._by_id[candidate.entry_id] = candidate
        for key in _keys(candidate):
            self._by_key[key].append(candidate)
        for value in self._shared.intersection(candidate.fingerprint.sketch):
            self._by_hash[value].append(candidate.entry_id)

    def list_homes(self) -> dict[int, int]:
        """The article of each entry."""
        return {entry_id: candidate.article_id for entry_id, candidate in self._by_id.items()}

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
        counts.pop(entry.entry_id, None)
        return [self._by_id[i] for i, count in counts.items() if count >= SHARED_HASHES]

    def list_likenesses(
        self, entry: Candidate, near: Sequence[Candidate]
    ) -> Iterator[tuple[Likeness, Candidate]]:
        """Whatever of `near` is so much like the entry that it can be said how much."""
        for other in near:
            pair = (min(entry.entry_id, other.entry_id), max(entry.entry_id, other.entry_id))
            if pair not in self._likenesses:
                self._likenesses[pair] = find_likeness(self.get_text(entry), self.get_text(other))
            likeness = self._likenesses[pair]
            if likeness is not None:
                yield likeness, other

    def get_text(self, candidate: Candidate) -> Text:
        text = self._texts.get(candidate.entry_id)
        if text is None:
            text = self._texts[candidate.entry_id] = make_text(candidate)
        return text


def _keys(candidate: Candidate) -> list[int]:
    fingerprint = candidate.fingerprint
    return [key for key in (fingerprint.url_key, fingerprint.text_key) if key is not None]
