"""Near the ground: which new entries are copies of articles we have.

Two rules, for exact copies only; equal titles alone never merge (of 43 equal-title pairs of a wire service
one was the same event):

- `same-url`: another source carries the same canonical URL within a week.
- `same-text`: another source carries the same folded title and text within 72 hours.

Within one source both must agree: a feed that gives its items new guids at every fetch repeats itself, but a
daily column under one address, or one wording on two days, does not; nor does it by way of a copy that
another source has of one of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from aggregator.model import Assignment, Candidate, Decision, Fingerprint

SAME_URL_WINDOW = timedelta(days=7)
SAME_TEXT_WINDOW = timedelta(hours=72)

FOUNDED = Decision(rule="founder", evidence="no other entry has its URL or its text")


def assign_articles(fresh: Sequence[Candidate], known: Sequence[Candidate]) -> dict[int, Assignment]:
    """Decide the article of every fresh entry, by entry id.

    `known` are stored entries that share a key with one of the fresh ones. Fresh entries are taken in the
    order of publication, so that of several copies the earliest founds the article; a fresh entry's own
    article_id is not read.
    """
    index = _Index(known)
    assignments = {}
    for entry in sorted(fresh, key=_age):
        assignment = _assign(entry, index)
        article_id = entry.entry_id if assignment.article_id is None else assignment.article_id
        index.add(_in_article(entry, article_id))
        assignments[entry.entry_id] = assignment
    return assignments


def _assign(entry: Candidate, index: _Index) -> Assignment:
    matches = index.find(entry)
    own = {match.article_id for match in matches if match.source_id == entry.source_id}
    for match in matches:
        decision = _match(entry, match)
        if decision is not None and (decision.rule == "repeated" or match.article_id not in own):
            return Assignment(article_id=match.article_id, decision=decision)
    return Assignment(article_id=None, decision=FOUNDED)


def _match(entry: Candidate, other: Candidate) -> Decision | None:
    same_url = _equal(entry.fingerprint.url_key, other.fingerprint.url_key)
    same_text = _equal(entry.fingerprint.text_key, other.fingerprint.text_key)
    apart = abs(entry.published_at - other.published_at)
    if entry.source_id == other.source_id:
        same_words = same_text or _both_bare(entry.fingerprint, other.fingerprint)
        if same_url and same_words and apart <= SAME_TEXT_WINDOW:
            return Decision(rule="repeated", evidence=f"{other.source_id} carries it under another guid")
        return None
    if same_url and apart <= SAME_URL_WINDOW:
        return Decision(rule="same-url", evidence=f"{other.source_id} carries the same URL")
    if same_text and apart <= SAME_TEXT_WINDOW:
        return Decision(rule="same-text", evidence=f"{other.source_id} carries the same title and text")
    return None


def _equal(one: int | None, other: int | None) -> bool:
    return one is not None and one == other


def _both_bare(one: Fingerprint, other: Fingerprint) -> bool:
    """Headlines without a text, and equal."""
    return one.text_key is None and other.text_key is None and one.title_key == other.title_key


def _age(entry: Candidate) -> tuple[datetime, int]:
    return entry.published_at, entry.entry_id


def _in_article(entry: Candidate, article_id: int) -> Candidate:
    return Candidate(
        entry_id=entry.entry_id,
        article_id=article_id,
        source_id=entry.source_id,
        fingerprint=entry.fingerprint,
        published_at=entry.published_at,
    )


class _Index:
    """Candidates by key."""

    def __init__(self, known: Sequence[Candidate]) -> None:
        self._by_key: defaultdict[int, list[Candidate]] = defaultdict(list)
        for candidate in known:
            self.add(candidate)

    def add(self, candidate: Candidate) -> None:
        for key in _keys(candidate):
            self._by_key[key].append(candidate)

    def find(self, entry: Candidate) -> list[Candidate]:
        """Whatever shares a key with the entry, oldest first: the answer must not hang on row order."""
        found = {c.entry_id: c for key in _keys(entry) for c in self._by_key[key]}
        return sorted(found.values(), key=_age)


def _keys(candidate: Candidate) -> list[int]:
    fingerprint = candidate.fingerprint
    return [key for key in (fingerprint.url_key, fingerprint.text_key) if key is not None]
