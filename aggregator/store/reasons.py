"""Why an entry stands where it stands: what was written down when it was decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from aggregator.store import ids
from aggregator.store.engine import Transaction
from aggregator.store.ids import batched_ids
from aggregator.store.tables import articles, entries


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryMention:
    """An entry as an explanation speaks of it. The fields of all classes here are keys of its JSON."""

    id: str
    source: str
    title: str
    url: str | None
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleReason:
    id: str
    rule: str
    evidence: str
    score: float | None  # None: the rule knows only yes and no
    threshold: float | None
    decided_by: EntryMention | None  # the entry that it was found like; None: none was, or it is pruned
    founder: EntryMention | None  # None: pruned
    others: tuple[EntryMention, ...]  # further entries of the article, the founder apart, the oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryMember:
    """An article of a story."""

    id: str
    title: str
    published_at: datetime
    sources: tuple[str, ...]  # each once, the oldest entry's first


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryMembership:
    id: str
    rule: str
    score: float
    threshold: float
    words: tuple[str, ...]  # folded and cut, as stories are compared by them
    sources: int  # distinct ones
    first_at: datetime
    last_at: datetime
    others: tuple[StoryMember, ...]  # further articles, the oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionReason:
    id: str  # section reference
    rule: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Everything that was decided about one entry."""

    entry: EntryMention
    section: SectionReason
    article: ArticleReason
    story: StoryMembership | None  # None: not decided yet


_MENTION = (
    entries.c.id,
    entries.c.article_id,
    entries.c.source_id,
    entries.c.title,
    entries.c.url,
    entries.c.published_at,
)


def find_explanation(tx: Transaction, public_id: str) -> Explanation | None:
    """None: no entry of that id is stored."""
    number = ids.decode_id(public_id)
    query = select(entries, *_story_columns()).join(articles, articles.c.id == entries.c.article_id)
    row = None if number is None else tx.execute(query.where(entries.c.id == number)).one_or_none()
    if row is None:
        return None
    section = SectionReason(id=row.section, rule=row.section_rule, evidence=row.section_evidence)
    return Explanation(
        entry=_mention(row),
        section=section,
        article=_explain_article(tx, row),
        story=None if row.story_id is None else _explain_story(tx, row),
    )


def _story_columns() -> tuple[Any, ...]:
    names = ("story_id", "story_rule", "story_score", "story_threshold", "story_words")
    return tuple(articles.c[name] for name in names)


def _explain_article(tx: Transaction, row: Row[*tuple[Any, ...]]) -> ArticleReason:
    members = dict(_list_members(tx, {row.article_id})[row.article_id])
    others = (each for entry_id, each in members.items() if entry_id not in (row.id, row.article_id))
    return ArticleReason(
        id=ids.encode_id(row.article_id),
        rule=row.article_rule,
        evidence=row.article_evidence,
        score=row.article_score,
        threshold=row.article_threshold,
        decided_by=None if row.article_match is None else _find_mention(tx, row.article_match),
        founder=members.get(row.article_id),
        others=tuple(others),
    )


def _explain_story(tx: Transaction, row: Row[*tuple[Any, ...]]) -> StoryMembership:
    query = select(articles.c.id, articles.c.published_at).where(articles.c.story_id == row.story_id)
    dates = {
        each.id: each.published_at
        for each in tx.execute(query.order_by(articles.c.published_at, articles.c.id))
    }
    members = _list_members(tx, dates)
    everybody = {each.source for listed in members.values() for _, each in listed}
    others = []
    for article_id, published_at in dates.items():
        if article_id == row.article_id:
            continue
        listed = [each for _, each in members[article_id]]
        title = next((each.title for entry_id, each in members[article_id] if entry_id == article_id), "")
        others.append(
            StoryMember(
                id=ids.encode_id(article_id),
                title=title or listed[0].title,
                published_at=published_at,
                sources=tuple(dict.fromkeys(each.source for each in listed)),
            )
        )
    return StoryMembership(
        id=ids.encode_id(row.story_id),
        rule=row.story_rule,
        score=row.story_score,
        threshold=row.story_threshold,
        words=tuple(row.story_words.split()),
        sources=len(everybody),
        first_at=min(dates.values()),
        last_at=max(dates.values()),
        others=tuple(others),
    )


def _list_members(
    tx: Transaction, article_ids: Collection[int]
) -> Mapping[int, list[tuple[int, EntryMention]]]:
    """Per article its entries with their ids, the oldest first."""
    found: defaultdict[int, list[tuple[int, EntryMention]]] = defaultdict(list)
    for chunk in batched_ids(article_ids):
        query = select(*_MENTION).where(entries.c.article_id.in_(chunk))
        for row in tx.execute(query.order_by(entries.c.published_at, entries.c.id)):
            found[row.article_id].append((row.id, _mention(row)))
    return found


def _find_mention(tx: Transaction, entry_id: int) -> EntryMention | None:
    row = tx.execute(select(*_MENTION).where(entries.c.id == entry_id)).one_or_none()
    return None if row is None else _mention(row)


def _mention(row: Row[*tuple[Any, ...]]) -> EntryMention:
    return EntryMention(
        id=ids.encode_id(row.id),
        source=row.source_id,
        title=row.title,
        url=row.url,
        published_at=row.published_at,
    )
