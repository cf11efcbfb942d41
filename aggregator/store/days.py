"""What an edition published on a day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import groupby
from operator import itemgetter

from sqlalchemy import and_, func, select

from aggregator.model import Day
from aggregator.store.articles import ALL, get_articles
from aggregator.store.engine import Transaction
from aggregator.store.tables import article_sections

PER_PAGE = 100

_listed = article_sections.c


def find_day(
    tx: Transaction, edition: str, day: date, *, sections: Sequence[str], zone: tzinfo, page: int = 1
) -> Day | None:
    """One page of a day, by `sections` (references) in their order and within each the newest first.

    An article of several sections stands in the first of them. None where there is no such page: a day
    without articles has one page if it lies after one that has some.
    """
    starts_at, ends_at = start_day(day, zone), start_day(day + timedelta(days=1), zone)
    ordered = _list_articles(tx, edition, starts_at, ends_at, sections)
    pages = _count_pages(len(ordered))
    previous = _find_neighbour(tx, edition, before=starts_at)
    if not 1 <= page <= pages or not (ordered or previous):
        return None
    following = _find_neighbour(tx, edition, since=ends_at)
    shown = ordered[(page - 1) * PER_PAGE : page * PER_PAGE]
    return Day(
        on=day,
        groups=tuple(
            (None if place == len(sections) else sections[place], get_articles(tx, [i for _, i in group]))
            for place, group in groupby(shown, key=itemgetter(0))
        ),
        total=len(ordered),
        pages=pages,
        previous=None if previous is None else previous.astimezone(zone).date(),
        next=None if following is None else following.astimezone(zone).date(),
    )


def list_days(tx: Transaction, edition: str, *, zone: tzinfo) -> Iterator[tuple[date, int]]:
    """Every day that has articles, the newest first, and how many pages it has."""
    query = select(_listed.published_at).where(_listed.section == f"{edition}/{ALL}")
    instants = tx.execute(query.order_by(_listed.published_at.desc())).scalars()
    for day, published in groupby(at.astimezone(zone).date() for at in instants):
        yield day, _count_pages(sum(1 for _ in published))


def _count_pages(total: int) -> int:
    return max(1, -(-total // PER_PAGE))


def start_day(day: date, zone: tzinfo) -> datetime:
    """Midnight on the clocks of the zone."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _list_articles(
    tx: Transaction, edition: str, starts_at: datetime, ends_at: datetime, sections: Sequence[str]
) -> list[tuple[int, int]]:
    """The place of each article's section, and the article; what is in none of them comes last."""
    places = {section: place for place, section in enumerate(sections)}
    found: dict[int, tuple[int, datetime]] = {}
    columns = (_listed.article_id, _listed.section, _listed.published_at)
    wanted = [*sections, f"{edition}/{ALL}"]
    within = and_(_listed.published_at >= starts_at, _listed.published_at < ends_at)
    for row in tx.execute(select(*columns).where(_listed.section.in_(wanted), within)):
        place = places.get(row.section, len(sections))
        known = found.get(row.article_id)
        if known is None or place < known[0]:
            found[row.article_id] = (place, row.published_at)
    newest = sorted(found.items(), key=lambda item: (item[1][1], item[0]), reverse=True)
    return sorted(((place, article_id) for article_id, (place, _) in newest), key=itemgetter(0))


def _find_neighbour(
    tx: Transaction, edition: str, *, before: datetime | None = None, since: datetime | None = None
) -> datetime | None:
    """When the edition's nearest article before an instant was published, or the nearest since another."""
    here = _listed.section == f"{edition}/{ALL}"
    if before is not None:
        query = select(func.max(_listed.published_at)).where(here, _listed.published_at < before)
    else:
        query = select(func.min(_listed.published_at)).where(here, _listed.published_at >= since)
    found: datetime | None = tx.execute(query).scalar()
    return found
