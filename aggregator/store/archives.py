"""The archives of a section (RFC 5005, section 4): each of its articles in exactly one document.

An article belongs to the month (UTC) in which we first saw it. Its date of publication would not do: a new
source brings articles of last month, and a document of last month could never be called complete. A month
that is too long for one document has numbered parts of PART articles, the oldest first, and the rest of it
is in the document that bears the month's own name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, select

from aggregator.model import Article
from aggregator.store.articles import get_articles, get_changed_at
from aggregator.store.engine import Transaction
from aggregator.store.tables import article_sections, articles

PART = 500
# What was seen before midnight is saved a little after it.
GRACE = timedelta(hours=1)

_NAME = re.compile(r"(2[0-9]{3})-(0[1-9]|1[0-2])(?:-([1-9][0-9]{0,5}))?", re.ASCII)


class Place(NamedTuple):
    """Which document of a section's archives."""

    year: int
    month: int
    part: int | None = None  # None: the last of its month

    @property
    def name(self) -> str:
        month = f"{self.year:04}-{self.month:02}"
        return month if self.part is None else f"{month}-{self.part}"

    @property
    def begins_at(self) -> datetime:
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def ends_at(self) -> datetime:
        """The first instant that is not of its month any more."""
        return (self.begins_at + timedelta(days=31)).replace(day=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """One document of the archives: its articles, the newest first, and its neighbours."""

    articles: tuple[Article, ...]
    previous: Place | None  # None: it is the first
    next: Place | None  # None: it is the last
    fixed: bool  # whether no article can come into it any more


def parse_place(name: str) -> Place | None:
    """The inverse of Place.name; None for anything else."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    year, month, part = match.groups()
    return Place(int(year), int(month), int(part) if part else None)


def find_archived(tx: Transaction, section: str, place: Place) -> Archived | None:
    """None where the section (edition/section, or edition/all) has no such document."""
    count = _count(tx, section, place)
    parts = (count - 1) // PART  # numbered ones
    if count == 0 or (place.part or 0) > parts:
        return None
    before = parts if place.part is None else place.part - 1
    in_order = _select(section, place).order_by(articles.c.first_seen_at, articles.c.id)
    rows = tx.execute(in_order.offset(before * PART).limit(PART)).all()
    settled_at = get_changed_at(tx) - GRACE
    full = place.part is not None and rows[-1].first_seen_at < settled_at
    return Archived(
        articles=get_articles(tx, [row.id for row in reversed(rows)]),
        previous=place._replace(part=before) if before else find_last(tx, section, before=place.begins_at),
        next=_find_next(tx, section, place, parts),
        fixed=full or place.ends_at <= settled_at,
    )


def find_last(
    tx: Transaction, section: str, *, before: datetime | None = None, known: Sequence[Article] = ()
) -> Place | None:
    """The last document of a section's archives, or of those that end by then; None: there is none.

    `known` are some of the section's articles, if any are at hand: older ones need not be looked for.
    """
    known_at = max((article.first_seen_at for article in known), default=None)
    query = select(articles.c.first_seen_at).where(_is_in(section))
    if before is not None:
        query = query.where(articles.c.first_seen_at < before)
    if known_at is not None:
        query = query.where(articles.c.first_seen_at > known_at)
    newest = tx.execute(query.order_by(articles.c.first_seen_at.desc()).limit(1)).scalar() or known_at
    return None if newest is None else Place(newest.year, newest.month)


def list_places(tx: Transaction, section: str) -> tuple[Place, ...]:
    """Every document of a section's archives, the last first."""
    places: list[Place] = []
    place = find_last(tx, section)
    while place is not None:
        parts = (_count(tx, section, place) - 1) // PART
        places += [place, *(place._replace(part=part) for part in range(parts, 0, -1))]
        place = find_last(tx, section, before=place.begins_at)
    return tuple(places)


def _find_next(tx: Transaction, section: str, place: Place, parts: int) -> Place | None:
    if place.part is not None:
        return place._replace(part=place.part + 1 if place.part < parts else None)
    query = select(articles.c.first_seen_at).where(_is_in(section), articles.c.first_seen_at >= place.ends_at)
    oldest = tx.execute(query.order_by(articles.c.first_seen_at).limit(1)).scalar()
    if oldest is None:
        return None
    following = Place(oldest.year, oldest.month)
    return following._replace(part=1) if _count(tx, section, following) > PART else following


def _count(tx: Transaction, section: str, place: Place) -> int:
    return tx.execute(select(func.count()).select_from(_select(section, place).subquery())).scalar_one()


def _select(section: str, place: Place) -> Select[*tuple[Any, ...]]:
    seen_at = articles.c.first_seen_at
    within = and_(seen_at >= place.begins_at, seen_at < place.ends_at)
    return select(articles.c.id, seen_at).where(within, _is_in(section))


def _is_in(section: str) -> ColumnElement[bool]:
    # Not a join: SQLite would then begin with all articles that the section has ever had.
    here = select(article_sections.c.article_id).where(
        article_sections.c.article_id == articles.c.id, article_sections.c.section == section
    )
    return here.exists()
