"""The read side: articles as they are published, cut down to what their sources' rights allow."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, Select, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from aggregator.logs import redact
from aggregator.model import Article, Coverage, Decision, Enclosure, Image, Origin
from aggregator.store import ids
from aggregator.store.engine import Transaction
from aggregator.store.tables import article_sections, articles, entries, meta, sources

ALL = "all"  # as in "ar/all": every article of an edition

_LISTED = (
    select(
        articles.c.id.label("article_id"),
        articles.c.published_at,
        articles.c.updated_at,
        articles.c.first_seen_at,
        articles.c.story_id,
        entries.c.url,
        entries.c.title,
        entries.c.content_html,
        entries.c.excerpt,
        entries.c.authors,
        entries.c.categories,
        entries.c.image,
        entries.c.enclosures,
        entries.c.lang,
        entries.c.dir,
        sources.c.id.label("source_id"),
        sources.c.name,
        sources.c.url.label("feed_url"),
        sources.c.site_url,
        sources.c.content,
    )
    .join(entries, entries.c.id == articles.c.lead_entry_id)
    .join(sources, sources.c.id == entries.c.source_id)
)
_BRIEF = _LISTED.with_only_columns(
    *(column for column in _LISTED.selected_columns if column.key != "content_html"),
    literal("").label("content_html"),
)


def list_articles(tx: Transaction, section: str, *, limit: int, offset: int = 0) -> tuple[Article, ...]:
    """The newest articles of a section (edition/section, or edition/all), newest first."""
    listed = (
        select(article_sections.c.article_id, article_sections.c.published_at)
        .where(article_sections.c.section == section)
        .order_by(article_sections.c.published_at.desc(), article_sections.c.article_id.desc())
        .limit(limit)
        .offset(offset)
        .subquery()
    )
    query = _LISTED.join(listed, listed.c.article_id == articles.c.id)
    return _read(tx, query.order_by(articles.c.published_at.desc(), articles.c.id.desc()))


def list_source_articles(tx: Transaction, source_id: str, *, limit: int) -> tuple[Article, ...]:
    """The newest articles that a source carries, newest first."""
    newest = (
        select(entries.c.article_id, func.max(entries.c.published_at).label("at"))
        .where(entries.c.source_id == source_id)
        .group_by(entries.c.article_id)
        .order_by(func.max(entries.c.published_at).desc(), entries.c.article_id.desc())
        .limit(limit)
        .subquery()
    )
    query = _LISTED.join(newest, newest.c.article_id == articles.c.id)
    return _read(tx, query.order_by(articles.c.published_at.desc(), articles.c.id.desc()))


def get_articles(
    tx: Transaction,
    article_ids: Sequence[int],
    *,
    brief: bool = False,
    coverage: Mapping[int, Sequence[Coverage]] | None = None,
) -> tuple[Article, ...]:
    """Those of the articles that there are, in the order given.

    `brief`: with no content_html, which is most of what there is to read. `coverage` is that of
    `list_coverage` if it is at hand.
    """
    query = (_BRIEF if brief else _LISTED).where(articles.c.id.in_(article_ids))
    found = {ids.decode_id(a.id): a for a in _read(tx, query, coverage)}
    return tuple(found[number] for number in article_ids if number in found)


def find_article(tx: Transaction, public_id: str) -> Article | None:
    number = ids.decode_id(public_id)
    if number is None:
        return None
    return next(iter(_read(tx, _LISTED.where(articles.c.id == number))), None)


def list_article_ids(tx: Transaction) -> tuple[str, ...]:
    """The public id of every article, in an order that stays."""
    query = select(articles.c.id).order_by(articles.c.id)
    return tuple(ids.encode_id(number) for number in tx.execute(query).scalars())


def count_articles(tx: Transaction, section: str) -> int:
    query = select(func.count()).where(article_sections.c.section == section)
    return tx.execute(query).scalar_one()


def get_revision(tx: Transaction) -> int:
    """Moves whenever what is published may have changed."""
    return int(_get_meta(tx, "revision"))


def get_changed_at(tx: Transaction) -> datetime:
    """When what is published last changed in any way: an edit, a removal, a new section."""
    return datetime.fromisoformat(_get_meta(tx, "changed_at")).astimezone(UTC)


def ensure_identity(tx: Transaction, *, authority: str, now: datetime) -> None:
    """Fix, once for the life of the store, what guids begin with, its beginning and what signs pictures."""
    values = [
        {"key": "tag_prefix", "value": f"tag:{authority},2026:"},
        {"key": "created_at", "value": now.isoformat(timespec="seconds")},
        {"key": "revision", "value": "0"},
        {"key": "picture_key", "value": secrets.token_hex(16)},
        {"key": "changed_at", "value": now.isoformat(timespec="microseconds")},
    ]
    tx.execute(insert(meta).on_conflict_do_nothing(), values)


def get_tag_prefix(tx: Transaction) -> str:
    """What every tag URI (RFC 4151) of ours begins with."""
    return _get_meta(tx, "tag_prefix")


def get_picture_key(tx: Transaction) -> str:
    """What the addresses of images are signed with, for the life of the store."""
    return _get_meta(tx, "picture_key")


def get_created_at(tx: Transaction) -> datetime:
    """When the store began: the date of feeds that have no article yet."""
    return datetime.fromisoformat(_get_meta(tx, "created_at")).astimezone(UTC)


def _get_meta(tx: Transaction, key: str) -> str:
    value: str = tx.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one()
    return value


def _read(
    tx: Transaction,
    query: Select[*tuple[Any, ...]],
    coverage: Mapping[int, Sequence[Coverage]] | None = None,
) -> tuple[Article, ...]:
    rows = tx.execute(query).all()
    article_ids = [row.article_id for row in rows]
    if coverage is None:
        coverage = list_coverage(tx, article_ids)
    placed = _sections(tx, article_ids)
    prefix = get_tag_prefix(tx) if rows else ""
    return tuple(_article(row, prefix, placed[row.article_id], coverage[row.article_id]) for row in rows)


def list_coverage(tx: Transaction, article_ids: Sequence[int]) -> Mapping[int, list[Coverage]]:
    """Per article each source's copy of it, the lead's first, then the earliest."""
    query = (
        select(
            entries.c.article_id,
            entries.c.source_id,
            sources.c.name,
            entries.c.title,
            entries.c.url,
            entries.c.lang,
            entries.c.dir,
            entries.c.published_at,
            entries.c.id,
            entries.c.article_rule,
            entries.c.article_evidence,
            entries.c.article_score,
            entries.c.article_threshold,
            entries.c.article_match,
            articles.c.lead_entry_id,
        )
        .join(sources, sources.c.id == entries.c.source_id)
        .join(articles, articles.c.id == entries.c.article_id)
        .where(entries.c.article_id.in_(article_ids))
        .order_by((entries.c.id != articles.c.lead_entry_id), entries.c.published_at, entries.c.id)
    )
    found: defaultdict[int, list[Coverage]] = defaultdict(list)
    rows = tx.execute(query).all()
    names = {row.id: row.name for row in rows}
    for row in rows:
        copies = found[row.article_id]
        if all(copy.source_id != row.source_id for copy in copies):
            copies.append(
                Coverage(
                    source_id=row.source_id,
                    source_name=row.name,
                    title=row.title,
                    url=row.url,
                    lang=row.lang,
                    dir=row.dir,
                    published_at=row.published_at,
                    decision=None if row.id == row.lead_entry_id else _decision(row),
                    like=names.get(row.article_match),
                )
            )
    return found


def _decision(row: Row[*tuple[Any, ...]]) -> Decision:
    return Decision(
        rule=row.article_rule,
        evidence=row.article_evidence,
        score=row.article_score,
        threshold=row.article_threshold,
    )


def _sections(tx: Transaction, article_ids: Sequence[int]) -> Mapping[int, list[str]]:
    query = (
        select(article_sections.c.article_id, article_sections.c.section)
        .where(article_sections.c.article_id.in_(article_ids))
        .order_by(article_sections.c.section)
    )
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in tx.execute(query):
        if not row.section.endswith(f"/{ALL}"):
            found[row.article_id].append(row.section)
    return found


def _article(
    row: Row[*tuple[Any, ...]], tag_prefix: str, placed: Sequence[str], coverage: Sequence[Coverage]
) -> Article:
    public_id = ids.encode_id(row.article_id)
    words, whole = row.content != "title", row.content == "full"
    return Article(
        id=public_id,
        guid=f"{tag_prefix}{public_id}",
        origin=Origin(
            id=row.source_id,
            name=row.name,
            feed_url=redact(row.feed_url),  # feeds show it to everybody
            site_url=row.site_url,
            updated_at=row.updated_at,
        ),
        url=row.url,
        title=row.title,
        content_html=row.content_html if whole else "",
        excerpt=row.excerpt if words else "",
        authors=tuple(row.authors),
        categories=tuple(row.categories),
        image=Image(**row.image) if row.image and words else None,
        enclosures=tuple(Enclosure(**e) for e in row.enclosures) if words else (),
        lang=row.lang,
        dir=row.dir,
        published_at=row.published_at,
        updated_at=row.updated_at,
        first_seen_at=row.first_seen_at,
        sections=tuple(placed),
        coverage=tuple(coverage),
        story=None if row.story_id is None else ids.encode_id(row.story_id),
    )
