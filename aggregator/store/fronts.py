"""What an edition's front page chooses from, and what the site's maps list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from sqlalchemy import distinct, func, select

from aggregator.model import Article, Coverage, FrontStory
from aggregator.store import ids
from aggregator.store.articles import ALL, get_articles, list_coverage
from aggregator.store.days import start_day
from aggregator.store.engine import Transaction
from aggregator.store.tables import article_sections, articles, entries

_COVERED_AMONG = 3000  # the newest articles, however many a day brings
_AT_ONCE = 1000  # articles of a day


def list_front_stories(
    tx: Transaction,
    edition_id: str,
    *,
    newest: Mapping[str, int],
    covered: int,
    within: timedelta,
) -> tuple[FrontStory, ...]:
    """The stories that a front page may show: by id, with no word of their articles' bodies.

    They are those of the `newest` articles, so many of each section named (edition/section, or edition/all),
    and the `covered` ones that most sources tell `within` the time before the edition's newest article. An
    article that no story has been found for yet is a story of its own.
    """
    everywhere = f"{edition_id}/{ALL}"
    story_of: dict[int, int] = {}  # by article; its own id where no story is found yet
    for section, limit in newest.items():
        story_of.update(_list_newest(tx, section, limit))
    most = set(_list_most_told(tx, everywhere, covered, within))
    members = _list_members(tx, everywhere, most.union(story_of.values()))
    known = {article_id for of_one in members.values() for article_id in of_one}
    coverage = list_coverage(tx, [*known, *(a for a in story_of if a not in known)])
    for story_id in most.difference(story_of.values()):
        # The one that most sources carry, of such the newest.
        of_one = members.get(story_id, [story_id])
        story_of[max(of_one, key=lambda a: (len(coverage[a]), of_one.index(a)))] = story_id
    return _make_stories(tx, story_of, members, coverage)


def list_day_stories(tx: Transaction, edition_id: str, day: date, *, zone: tzinfo) -> tuple[FrontStory, ...]:
    """The stories of a day by id, as far as that day's articles tell them, with no word of their bodies.

    Sources that have copied an article after the day do not count.
    """
    since, until = start_day(day, zone), start_day(day + timedelta(days=1), zone)
    listed = article_sections.c
    query = (
        select(articles.c.id, func.coalesce(articles.c.story_id, articles.c.id))
        .join(article_sections, listed.article_id == articles.c.id)
        .where(listed.section == f"{edition_id}/{ALL}")
        .where(listed.published_at >= since, listed.published_at < until)
    )
    story_of = {row[0]: row[1] for row in tx.execute(query)}
    known = sorted(story_of)
    told: defaultdict[int, list[Article]] = defaultdict(list)
    for start in range(0, len(known), _AT_ONCE):
        chunk = known[start : start + _AT_ONCE]
        copies = list_coverage(tx, chunk)
        coverage = {a: [copy for copy in copies[a] if copy.published_at < until] for a in chunk}
        for article in get_articles(tx, chunk, brief=True, coverage=coverage):
            told[story_of[ids.decode_id(article.id) or 0]].append(article)
    return tuple(
        FrontStory(
            id=ids.encode_id(story_id),
            articles=tuple(telling),
            coverage=_join_coverage(article.coverage for article in telling),
        )
        for story_id, telling in sorted(told.items())
    )


class Address(NamedTuple):
    """An article by what a map of the site says of it."""

    article_id: str  # as in /article/{id}
    published_at: datetime
    updated_at: datetime
    title: str
    lang: str


def list_addresses(
    tx: Transaction, section: str, *, limit: int, since: datetime | None = None
) -> tuple[Address, ...]:
    """The newest articles of a section (edition/section, or edition/all) by address, newest first."""
    here = article_sections.c.section == section
    if since is not None:
        here &= article_sections.c.published_at >= since
    query = (
        select(articles.c.id, articles.c.published_at, articles.c.updated_at, entries.c.title, entries.c.lang)
        .select_from(article_sections)
        .join(articles, articles.c.id == article_sections.c.article_id)
        .join(entries, entries.c.id == articles.c.lead_entry_id)
        .where(here)
        .order_by(article_sections.c.published_at.desc(), article_sections.c.article_id.desc())
        .limit(limit)
    )
    return tuple(Address(ids.encode_id(row.id), *row[1:]) for row in tx.execute(query))


def list_story_articles(tx: Transaction, story_id: str, section: str, *, limit: int) -> tuple[Article, ...]:
    """The newest articles of a story that stand in the section (or in edition/all), newest first."""
    number = ids.decode_id(story_id)
    found = [] if number is None else _list_members(tx, section, [number]).get(number, [])
    return get_articles(tx, found[::-1][:limit])


def _list_newest(tx: Transaction, section: str, limit: int) -> Iterable[tuple[int, int]]:
    query = (
        select(articles.c.id, func.coalesce(articles.c.story_id, articles.c.id))
        .select_from(article_sections)
        .join(articles, articles.c.id == article_sections.c.article_id)
        .where(article_sections.c.section == section)
        .order_by(article_sections.c.published_at.desc(), article_sections.c.article_id.desc())
        .limit(limit)
    )
    return ((row[0], row[1]) for row in tx.execute(query))


def _list_most_told(tx: Transaction, section: str, limit: int, within: timedelta) -> Sequence[int]:
    here = article_sections.c.section == section
    newest_at = tx.execute(select(func.max(article_sections.c.published_at)).where(here)).scalar()
    if newest_at is None:
        return ()
    lately = (
        select(article_sections.c.article_id)
        .where(here, article_sections.c.published_at > newest_at - within)
        .order_by(article_sections.c.published_at.desc(), article_sections.c.article_id.desc())
        .limit(_COVERED_AMONG)
        .subquery()
    )
    story_id = func.coalesce(articles.c.story_id, articles.c.id)
    sources = func.count(distinct(entries.c.source_id))
    query = (
        select(story_id)
        .select_from(lately)
        .join(articles, articles.c.id == lately.c.article_id)
        .join(entries, entries.c.article_id == lately.c.article_id)
        .group_by(story_id)
        .having(sources > 1)
        .order_by(sources.desc(), func.max(articles.c.published_at).desc(), story_id.desc())
        .limit(limit)
    )
    return tx.execute(query).scalars().all()


def _list_members(tx: Transaction, section: str, story_ids: Iterable[int]) -> Mapping[int, list[int]]:
    """The articles of each story that stand in the section, oldest first."""
    here = select(article_sections.c.article_id).where(
        article_sections.c.article_id == articles.c.id, article_sections.c.section == section
    )
    query = (
        select(articles.c.story_id, articles.c.id)
        .where(articles.c.story_id.in_(list(story_ids)), here.exists())
        .order_by(articles.c.published_at, articles.c.id)
    )
    found: defaultdict[int, list[int]] = defaultdict(list)
    for story_id, article_id in tx.execute(query):
        found[story_id].append(article_id)
    return found


def _make_stories(
    tx: Transaction,
    story_of: Mapping[int, int],
    members: Mapping[int, Sequence[int]],
    coverage: Mapping[int, Sequence[Coverage]],
) -> tuple[FrontStory, ...]:
    shown: defaultdict[int, list[Article]] = defaultdict(list)
    for article in get_articles(tx, sorted(story_of), brief=True, coverage=coverage):
        shown[story_of[ids.decode_id(article.id) or 0]].append(article)
    return tuple(
        FrontStory(
            id=ids.encode_id(story_id),
            articles=tuple(shown[story_id]),
            coverage=_join_coverage(coverage[a] for a in members.get(story_id, [story_id])),
        )
        for story_id in sorted(shown)
    )


def _join_coverage(copies: Iterable[Sequence[Coverage]]) -> tuple[Coverage, ...]:
    """Each source once, with what it said first."""
    found: dict[str, Coverage] = {}
    everything = (copy for of_one in copies for copy in of_one)
    for copy in sorted(everything, key=lambda c: (c.published_at, c.source_id, c.url or "")):
        found.setdefault(copy.source_id, copy)
    return tuple(found.values())
