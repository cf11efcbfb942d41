"""Every stored entry with its article, by no more than what decides where it is published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select

from aggregator.store.engine import Transaction
from aggregator.store.tables import article_sections, articles, entries, sources


class Member(NamedTuple):
    article_id: int
    article_at: datetime  # when the article was published
    source_id: str
    title: str
    url: str | None
    categories: tuple[str, ...]


def list_members(tx: Transaction) -> Iterator[Member]:
    """All entries, those of one article in a row: the one that leads it first, then the earliest."""
    columns = (entries.c.source_id, entries.c.title, entries.c.url, entries.c.categories)
    query = (
        select(articles.c.id, articles.c.published_at, *columns)
        .join(articles, articles.c.id == entries.c.article_id)
        .order_by(
            entries.c.article_id,
            entries.c.id != articles.c.lead_entry_id,
            entries.c.published_at,
            entries.c.id,
        )
    )
    for row in tx.execution_options(yield_per=1000).execute(query):
        yield Member(
            article_id=row.id,
            article_at=row.published_at,
            source_id=row.source_id,
            title=row.title,
            url=row.url,
            categories=tuple(row.categories),
        )


def list_listed_sections(tx: Transaction) -> frozenset[str]:
    """The sections (edition/section, edition/all) that list an article."""
    return frozenset(tx.execute(select(article_sections.c.section).distinct()).scalars())


def list_rights(tx: Transaction) -> dict[str, str]:
    """Per source of the store, how much of its texts may be published."""
    return {row.id: row.content for row in tx.execute(select(sources.c.id, sources.c.content))}
