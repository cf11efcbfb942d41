"""A story as its page shows it: who told it, when, under which headlines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import distinct, func, select

from aggregator.model import Article, Telling, Timeline
from aggregator.store.articles import get_articles
from aggregator.store.engine import Transaction
from aggregator.store.ids import batched_ids, decode_id, encode_id
from aggregator.store.stories import find_redirect
from aggregator.store.tables import articles, entries, revisions, sources

LISTED = 300  # tellings of one story


class _Count(NamedTuple):
    article_id: int
    sources: int
    published_at: datetime


def find_timeline(tx: Transaction, story: str) -> Timeline | None:
    """The story of a public id; None where there is none, or no more."""
    number = decode_id(story)
    counts = [] if number is None else _count_sources(tx, number)
    if number is None or not counts:
        return None
    lead = min(counts, key=lambda count: (-count.sources, count.published_at, count.article_id))
    ours = select(articles.c.id).where(articles.c.story_id == number)
    of_story = entries.c.article_id.in_(ours)
    total, outlets, first_at, last_at = tx.execute(
        select(
            func.count(),
            func.count(distinct(entries.c.source_id)),
            func.min(entries.c.published_at),
            func.max(entries.c.published_at),
        ).where(of_story)
    ).one()
    (article,) = get_articles(tx, [lead.article_id])
    tellings = _list_tellings(tx, number, lead.article_id)
    return Timeline(
        id=story,
        lead=article,
        tellings=tellings,
        untold=total - len(tellings),
        sources=outlets,
        first_at=first_at,
        last_at=last_at,
    )


def find_successor(tx: Transaction, story: str) -> str | None:
    """The story that another one went into."""
    number = decode_id(story)
    into = None if number is None else find_redirect(tx, "story", number)
    return None if into is None or not _count_sources(tx, into) else encode_id(into)


def list_shared_stories(tx: Transaction) -> list[str]:
    """The public ids of the stories of more than one article."""
    told = select(articles.c.story_id).where(articles.c.story_id.is_not(None)).group_by(articles.c.story_id)
    shared = told.having(func.count() > 1).order_by(articles.c.story_id)
    return [encode_id(number) for number in tx.execute(shared).scalars()]


def find_shared_story(tx: Transaction, article: Article) -> str | None:
    """The story of an article if another article tells it too."""
    number = None if article.story is None else decode_id(article.story)
    other = select(articles.c.id).where(articles.c.story_id == number, articles.c.id != decode_id(article.id))
    return None if number is None or tx.execute(other.limit(1)).first() is None else article.story


def _count_sources(tx: Transaction, story_id: int) -> list[_Count]:
    query = (
        select(articles.c.id, func.count(distinct(entries.c.source_id)), articles.c.published_at)
        .join(entries, entries.c.article_id == articles.c.id)
        .where(articles.c.story_id == story_id)
        .group_by(articles.c.id, articles.c.published_at)
    )
    return [_Count(*row) for row in tx.execute(query)]


def _list_tellings(tx: Transaction, story_id: int, lead: int) -> tuple[Telling, ...]:
    columns = (
        entries.c.id,
        entries.c.article_id,
        entries.c.title,
        entries.c.url,
        entries.c.lang,
        entries.c.dir,
        entries.c.published_at,
        entries.c.source_id,
        sources.c.name,
    )
    query = (
        select(*columns)
        .join(articles, articles.c.id == entries.c.article_id)
        .join(sources, sources.c.id == entries.c.source_id)
        .where(articles.c.story_id == story_id)
        .order_by(entries.c.id != lead, entries.c.published_at, entries.c.id)
        .limit(LISTED)
    )
    rows = tx.execute(query).all()
    former = _list_former_titles(tx, [row.id for row in rows])
    return tuple(
        Telling(
            article_id=encode_id(row.article_id),
            source_id=row.source_id,
            source_name=row.name,
            title=row.title,
            former_titles=tuple(title for title in former[row.id] if title != row.title),
            url=row.url,
            lang=row.lang,
            dir=row.dir,
            published_at=row.published_at,
        )
        for row in rows
    )


def _list_former_titles(tx: Transaction, entry_ids: Collection[int]) -> dict[int, dict[str, None]]:
    """Per entry the headlines that it has had, each once, the latest first."""
    found: defaultdict[int, dict[str, None]] = defaultdict(dict)
    query = select(revisions.c.entry_id, revisions.c.title).order_by(revisions.c.replaced_at.desc())
    for chunk in batched_ids(entry_ids):
        for row in tx.execute(query.where(revisions.c.entry_id.in_(chunk))):
            found[row.entry_id].setdefault(row.title)
    return found
