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
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator.dedupe.likeness import Likeness, Text, describe, find_likeness, make_text
from aggregator.model import Assignment, Candidate, Decision, Fingerprint

SAME_URL_WINDOW = timedelta(days=7)
SAME_TEXT_WINDOW = timedelta(hours=72)
HEADLINE_WINDOW = timedelta(hours=12)
HEADLINE_WORDS = 5  # of shorter ones, half are the name of a column

SHARED_HASHES = 2  # of two sketches: less is chance
COMMON = 48  # entries of one sketch hash: a phrase of the trade, which nominates nobody
_FOUNDER_SLACK = 0.10
_STAY_SLACK = 0.25  # an edit moves an entry only when it must

FOUNDED = Decision(rule="founder", evidence="no other entry has its URL or its text")


def assign_articles(fresh: Sequence[Candidate], known: Sequence[Candidate]) -> dict[int, Assignment]:
    """Decide the article of every fresh entry, by entry id.

    `known` are stored entries that share a key or a part of the sketch with one of the fresh ones, and the
    founders of their articles (whose ids are those of the articles). Of several copies among the fresh, the
    original founds the article: the earliest, then the fullest, then that of the source which the
    configuration names first. A fresh entry's own article_id is not read.
    """
    index = _Index(known)
    assignments = {}
    for entry in sorted(fresh, key=_originality):
        assignment = _assign(entry, index)
        article_id = entry.entry_id if assignment.article_id is None else assignment.article_id
        index.add(replace(entry, article_id=article_id))
        assignments[entry.entry_id] = assignment
    return assignments


def must_leave(edited: Candidate, founder: Candidate) -> bool:
    """Whether an entry, as edited, has nothing to do any more with the one that founded its article."""
    if _match(edited, founder) is not None:
        return False
    likeness = find_likeness(make_text(edited), make_text(founder))
    return likeness is None or likeness.margin < -_STAY_SLACK


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
    return Assignment(article_id=other.article_id, decision=decision, entry_id=other.entry_id)


def _list_likenesses(
    entry: Candidate, near: Sequence[Candidate], index: _Index
) -> Iterator[tuple[Likeness, Candidate]]:
    if not near:
        return  # of most entries no words are ever compared
    text = index.get_text(entry)
    for other in near:
        likeness = find_likeness(text, index.get_text(other))
        if likeness is not None and likeness.margin >= 0 and _is_like_founder(text, other, index):
            yield likeness, other


def _is_like_founder(text: Text, other: Candidate, index: _Index) -> bool:
    founder = index.find_entry(other.article_id)
    if founder is None or founder.entry_id == other.entry_id or other.ruled:
        return True
    likeness = find_likeness(text, index.get_text(founder))
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

    def __init__(self, known: Sequence[Candidate]) -> None:
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
        for value in candidate.fingerprint.sketch:
            self._by_hash[value].append(candidate.entry_id)

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
        counts: Counter[int] = Counter()
        for value in entry.fingerprint.sketch:
            holders = self._by_hash[value]
            if len(holders) < COMMON:
                counts.update(holders)
        return [self._by_id[i] for i, count in counts.items() if count >= SHARED_HASHES]

    def get_text(self, candidate: Candidate) -> Text:
        text = self._texts.get(candidate.entry_id)
        if text is None:
            text = self._texts[candidate.entry_id] = make_text(candidate)
        return text


def _keys(candidate: Candidate) -> list[int]:
    fingerprint = candidate.fingerprint
    return [key for key in (fingerprint.url_key, fingerprint.text_key) if key is not None]
