"""Which articles the feeds list: whom they come from, who has most coverage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import distinct, func, select

from aggregator.model import Article, Coverage, Story, Withdrawal
from aggregator.store import ids
from aggregator.store.articles import get_articles, get_tag_prefix, list_coverage
from aggregator.store.engine import Transaction
from aggregator.store.tables import article_sections, articles, entries, redirects

_STORY_DEPTH = 20  # articles looked through for each story wanted


class Listed(NamedTuple):
    """An article of a section, by no more than its number and the source that leads it."""

    article_id: int
    source_id: str


def list_newest(tx: Transaction, section: str, *, limit: int) -> tuple[Listed, ...]:
    """The newest articles of a section (edition/section, or edition/all), newest first."""
    query = (
        select(article_sections.c.article_id, entries.c.source_id)
        .join(articles, articles.c.id == article_sections.c.article_id)
        .join(entries, entries.c.id == articles.c.lead_entry_id)
        .where(article_sections.c.section == section)
        .order_by(article_sections.c.published_at.desc(), article_sections.c.article_id.desc())
        .limit(limit)
    )
    return tuple(Listed(*row) for row in tx.execute(query))


def list_most_covered(tx: Transaction, section: str, *, limit: int, within: timedelta) -> tuple[Article, ...]:
    """Of the articles published `within` the newest, those that most sources carry; of equals the newest."""
    here = article_sections.c.section == section
    newest = tx.execute(select(func.max(article_sections.c.published_at)).where(here)).scalar()
    if newest is None:
        return ()
    query = (
        select(article_sections.c.article_id)
        .join(entries, entries.c.article_id == article_sections.c.article_id)
        .where(here, article_sections.c.published_at > newest - within)
        .group_by(article_sections.c.article_id, article_sections.c.published_at)
        .order_by(
            func.count(distinct(entries.c.source_id)).desc(),
            article_sections.c.published_at.desc(),
            article_sections.c.article_id.desc(),
        )
        .limit(limit)
    )
    return get_articles(tx, tx.execute(query).scalars().all())


def list_stories(tx: Transaction, section: str, *, limit: int) -> tuple[Story, ...]:
    """The stories that a section's newest articles tell, whoever was told last first.

    An article that no story has been found for yet is in none.
    """
    newest = (
        select(articles.c.story_id, article_sections.c.published_at)
        .join(articles, articles.c.id == article_sections.c.article_id)
        .where(article_sections.c.section == section)
        .order_by(article_sections.c.published_at.desc(), article_sections.c.article_id.desc())
        .limit(_STORY_DEPTH * limit)
        .subquery()
    )
    told_at = func.max(newest.c.published_at)
    query = select(newest.c.story_id).where(newest.c.story_id.is_not(None)).group_by(newest.c.story_id)
    found = tx.execute(query.order_by(told_at.desc(), newest.c.story_id.desc()).limit(limit)).scalars().all()
    return _read_stories(tx, found)


def list_withdrawn(tx: Transaction, section: str, *, limit: int) -> tuple[Withdrawal, ...]:
    """The articles of a section that an admin merged into others, the latest first."""
    here = select(article_sections.c.article_id).where(
        article_sections.c.article_id == redirects.c.into_id, article_sections.c.section == section
    )
    query = (
        select(redirects.c.from_id, redirects.c.withdrawn_at)
        .where(redirects.c.kind == "article", redirects.c.withdrawn_at.is_not(None), here.exists())
        .order_by(redirects.c.withdrawn_at.desc(), redirects.c.from_id)
        .limit(limit)
    )
    rows = tx.execute(query).all()
    prefix = get_tag_prefix(tx) if rows else ""
    return tuple(
        Withdrawal(guid=f"{prefix}{ids.encode_id(row.from_id)}", withdrawn_at=row.withdrawn_at)
        for row in rows
    )


def list_merged_ids(tx: Transaction) -> tuple[str, ...]:
    """The public ids of the articles that are gone into others, whether or not those are still there."""
    query = select(redirects.c.from_id).where(redirects.c.kind == "article").order_by(redirects.c.from_id)
    return tuple(ids.encode_id(number) for number in tx.execute(query).scalars())


class _Member(NamedTuple):
    article_id: int
    published_at: datetime
    changed_at: datetime


def _read_stories(tx: Transaction, story_ids: Sequence[int]) -> tuple[Story, ...]:
    members = _list_members(tx, story_ids)
    coverage = list_coverage(tx, [m.article_id for of_one in members.values() for m in of_one])
    leads = {
        story_id: min(of_one, key=lambda m: (-len(coverage[m.article_id]), m.published_at, m.article_id))
        for story_id, of_one in members.items()
    }
    read = {ids.decode_id(a.id): a for a in get_articles(tx, [lead.article_id for lead in leads.values()])}
    prefix = get_tag_prefix(tx)
    return tuple(
        Story(
            guid=f"{prefix}story/{ids.encode_id(story_id)}",
            lead=read[leads[story_id].article_id],
            coverage=_join_coverage(leads[story_id], members[story_id], coverage),
            published_at=_find_founder(story_id, members[story_id]).published_at,
            updated_at=_find_change(members[story_id], coverage),
        )
        for story_id in story_ids
    )


def _list_members(tx: Transaction, story_ids: Sequence[int]) -> Mapping[int, list[_Member]]:
    """The articles of each story, newest first."""
    columns = (articles.c.published_at, articles.c.updated_at, articles.c.first_seen_at)
    query = select(articles.c.story_id, articles.c.id, *columns).where(articles.c.story_id.in_(story_ids))
    found: defaultdict[int, list[_Member]] = defaultdict(list)
    for row in tx.execute(query.order_by(articles.c.published_at.desc(), articles.c.id)):
        changed_at = max(row.updated_at, row.first_seen_at)
        found[row.story_id].append(_Member(row.id, row.published_at, changed_at))
    return found


def _join_coverage(
    lead: _Member, members: Sequence[_Member], coverage: Mapping[int, Sequence[Coverage]]
) -> tuple[Coverage, ...]:
    ordered = (lead, *(member for member in members if member is not lead))
    return tuple(copy for member in ordered for copy in coverage[member.article_id])


def _find_founder(story_id: int, members: Sequence[_Member]) -> _Member:
    """The article that the story has its id from; the oldest where that one is gone."""
    return next((m for m in members if m.article_id == story_id), members[-1])


def _find_change(members: Sequence[_Member], coverage: Mapping[int, Sequence[Coverage]]) -> datetime:
    # A copy that joins an article leaves its dates alone, but adds a headline here.
    copies = (copy.published_at for member in members for copy in coverage[member.article_id])
    return max(*(member.changed_at for member in members), *copies)
