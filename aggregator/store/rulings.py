"""An admin's word on articles and stories, in the store: what polls and groupings must never undo."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from aggregator.model import Assignment, Decision, StoryMerge, StoryPlan, StoryReason
from aggregator.store import stories
from aggregator.store.engine import Transaction
from aggregator.store.entries import RULING, move_entry
from aggregator.store.ids import batched_ids
from aggregator.store.moves import found_article, is_pair, retire_article
from aggregator.store.tables import (
    articles,
    entries,
    redirects,
    story_rulings,
)

_REASON = StoryReason(rule=RULING, score=0.0, threshold=0.0, words=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a stored entry stands."""

    entry_id: int
    article_id: int
    others: int  # further entries of its article
    story_id: int | None  # None: not decided yet
    age: tuple[datetime, bool, datetime, int]  # of the article; the lesser is the older


def find_standing(tx: Transaction, entry_id: int) -> Standing | None:
    founder = entries.alias("founder")
    query = (
        select(articles, founder.c.article_rule)
        .join(entries, entries.c.article_id == articles.c.id)
        .join(founder, founder.c.id == articles.c.lead_entry_id)
    )
    row = tx.execute(query.where(entries.c.id == entry_id)).one_or_none()
    if row is None:
        return None
    return Standing(
        entry_id=entry_id,
        article_id=row.id,
        others=len(_list_members(tx, row.id)) - 1,
        story_id=row.story_id,
        # Of two that came at once, the one that a split has made is the younger.
        age=(row.first_seen_at, row.article_rule == RULING, row.published_at, row.id),
    )


def split_entry(tx: Transaction, entry_id: int, decision: Decision) -> None:
    """Take an entry out of its article, into one of its own."""
    found_article(tx, entry_id, decision)


def merge_article(
    tx: Transaction, younger: Standing, older: Standing, decision: Decision, *, now: datetime
) -> None:
    """Move all entries of one article into another, to whose address its own leads from now on."""
    gone, kept = younger.article_id, older.article_id
    for entry_id in _list_members(tx, gone):
        move_entry(tx, entry_id, Assignment(article_id=kept, decision=decision))
    retire_article(tx, gone, kept, now=now)


def list_articles(tx: Transaction, story_id: int) -> list[tuple[datetime, int]]:
    """The articles of a story by date and id, the oldest first."""
    query = select(articles.c.published_at, articles.c.id).where(articles.c.story_id == story_id)
    return [(row.published_at, row.id) for row in tx.execute(query.order_by(*query.selected_columns))]


def split_story(tx: Transaction, standing: Standing, others: Sequence[int], *, now: datetime) -> int:
    """Part an article from the others of its story, for good; the story that is new by it.

    A story goes by the id of its founder: when that is who leaves, the others found one of their own.
    """
    record_rulings(tx, [(standing.article_id, other) for other in others], together=False, now=now)
    moved = others if standing.story_id == standing.article_id else [standing.article_id]
    placements = dict.fromkeys(moved, (moved[0], _REASON))
    stories.record_plan(tx, StoryPlan(placements=placements, merges=()))
    return moved[0]


def merge_stories(
    tx: Transaction, one: tuple[int, int], other: tuple[int, int], *, now: datetime
) -> tuple[int, int] | None:
    """Bring the stories of two articles together, for good. `one` and `other` are article and story.

    Returns the story that went and the one that stays, None if they were one: the larger stays, then the
    older. What held an article of the one apart from one of the other is void: else the next grouping would
    part them again.
    """
    sides = {story_id: list_articles(tx, story_id) for _, story_id in (one, other)}
    if len(sides) > 1:
        _void_rulings(tx, *({article_id for _, article_id in members} for members in sides.values()))
    record_rulings(tx, [(one[0], other[0])], together=True, now=now)
    if len(sides) == 1:
        return None
    into, gone = sorted(sides, key=lambda story_id: (-len(sides[story_id]), sides[story_id]))
    merge = StoryMerge(from_story=gone, into_story=into, reason=_REASON)
    stories.record_plan(tx, StoryPlan(placements={}, merges=(merge,)))
    return gone, into


def record_rulings(
    tx: Transaction, pairs: Iterable[tuple[int, int]], *, together: bool, now: datetime
) -> None:
    """Hold the two articles of each pair together, or apart; what was said of them before is void."""
    rows = [
        {"one": min(pair), "other": max(pair), "together": together, "ruled_at": now}
        for pair in pairs
        if pair[0] != pair[1]
    ]
    if not rows:
        return
    row = insert(story_rulings)
    said = {name: row.excluded[name] for name in ("together", "ruled_at")}
    tx.execute(row.on_conflict_do_update(index_elements=["one", "other"], set_=said), rows)


def forget_rulings(tx: Transaction, article_ids: Collection[int]) -> None:
    """Drop what was ruled on pruned articles, and the addresses that led to them."""
    for chunk in batched_ids(article_ids):
        tx.execute(delete(story_rulings).where(story_rulings.c.one.in_(chunk)))
        tx.execute(delete(story_rulings).where(story_rulings.c.other.in_(chunk)))
        tx.execute(delete(redirects).where(redirects.c.into_id.in_(chunk)))


def _list_members(tx: Transaction, article_id: int) -> list[int]:
    return list(tx.execute(select(entries.c.id).where(entries.c.article_id == article_id)).scalars())


def _void_rulings(tx: Transaction, one: set[int], other: set[int]) -> None:
    """Forget who of the one side is held apart from whom of the other."""
    for pair in stories.list_rulings(tx, one).apart:
        if (pair[0] in one and pair[1] in other) or (pair[1] in one and pair[0] in other):
            tx.execute(delete(story_rulings).where(is_pair(pair)))
