"""What an admin may want to decide: entries and articles that nearly were one, or hardly are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select

from aggregator.store import ids
from aggregator.store.engine import Transaction
from aggregator.store.tables import articles, entries, story_rulings

CLOSE = 0.1  # of the threshold: a score that is farther from it is no matter of doubt

_one, _other = entries.alias("one"), entries.alias("other")
_home = articles.alias("home")
_far = articles.alias("far")


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted:
    """An entry of a pair, as an admin is shown it."""

    id: str
    source: str
    title: str
    url: str | None
    lang: str
    dir: str
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A decision with a score near its threshold; of a story the entries are those that lead its articles."""

    kind: Literal["article", "story"]
    together: bool  # whether the two were found to be one
    score: float
    threshold: float
    evidence: str
    one: Doubted  # about which it was decided
    other: Doubted  # by which, or by whose story


def list_doubts(tx: Transaction, *, since: datetime, limit: int) -> tuple[Doubt, ...]:
    """The decisions about what came since then that might as well have been others, the closest first.

    What an admin has ruled on is left out.
    """
    found = [
        *_list_articles(tx, since, together=True),
        *_list_articles(tx, since, together=False),
        *_list_stories(tx, since, together=True),
        *_list_stories(tx, since, together=False),
    ]
    found.sort(key=lambda doubt: (abs(doubt.score / doubt.threshold - 1), doubt.one.id, doubt.kind))
    return tuple(found[:limit])


def _list_articles(tx: Transaction, since: datetime, *, together: bool) -> list[Doubt]:
    score, threshold = _one.c.article_score, _one.c.article_threshold
    same = _one.c.article_id == _other.c.article_id
    query = (
        _select_pair(score, threshold, _one.c.article_evidence)
        .join(_other, _other.c.id == _one.c.article_match)
        .where(
            _one.c.first_seen_at >= since,
            _one.c.article_rule == ("near-copy" if together else "founder"),
            same if together else ~same,
        )
    )
    rows = tx.execute(query.where(_is_close(score, threshold, above=together)))
    return [_doubt(row, "article", together=together) for row in rows]


def _list_stories(tx: Transaction, since: datetime, *, together: bool) -> list[Doubt]:
    score, threshold = _home.c.story_score, _home.c.story_threshold
    nearest = _home.c.story_id if together else _home.c.story_near
    same = _far.c.story_id == _home.c.story_id
    pair = or_(
        and_(story_rulings.c.one == _home.c.id, story_rulings.c.other == _far.c.id),
        and_(story_rulings.c.one == _far.c.id, story_rulings.c.other == _home.c.id),
    )
    query = (
        _select_pair(score, threshold, _home.c.story_words.label("evidence"))
        .join(_home, _home.c.lead_entry_id == _one.c.id)
        .join(_far, and_(_far.c.id == nearest, _far.c.id != _home.c.id))
        .join(_other, _other.c.id == _far.c.lead_entry_id)
        .where(
            _home.c.first_seen_at >= since,
            _home.c.story_rule == ("likeness" if together else "founder"),
            same if together else ~same,
            ~select(story_rulings.c.one).where(pair).exists(),
        )
    )
    rows = tx.execute(query.where(_is_close(score, threshold, above=together)))
    return [_doubt(row, "story", together=together) for row in rows]


def _select_pair(*reasons: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    score, threshold, evidence = reasons
    names = ("id", "source_id", "title", "url", "lang", "dir", "published_at")
    sides = [side.c[name].label(f"{side.name}_{name}") for side in (_one, _other) for name in names]
    measured = (score.label("score"), threshold.label("threshold"), evidence.label("evidence"))
    return select(*measured, *sides).select_from(_one)


def _is_close(
    score: ColumnElement[Any], threshold: ColumnElement[Any], *, above: bool
) -> ColumnElement[bool]:
    if above:
        return score <= threshold * (1 + CLOSE)
    return and_(threshold > 0, score >= threshold * (1 - CLOSE))


def _doubt(row: Row[*tuple[Any, ...]], kind: Literal["article", "story"], *, together: bool) -> Doubt:
    return Doubt(
        kind=kind,
        together=together,
        score=row.score,
        threshold=row.threshold,
        evidence=", ".join(row.evidence.split()) if kind == "story" else row.evidence,
        one=_doubted(row, _one.name),
        other=_doubted(row, _other.name),
    )


def _doubted(row: Row[*tuple[Any, ...]], side: str) -> Doubted:
    values = row._mapping
    return Doubted(
        id=ids.encode_id(values[f"{side}_id"]),
        source=values[f"{side}_source_id"],
        title=values[f"{side}_title"],
        url=values[f"{side}_url"],
        lang=values[f"{side}_lang"],
        dir=values[f"{side}_dir"],
        published_at=values[f"{side}_published_at"],
    )
