"""Stored entries that change their article, and articles that go."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from aggregator.model import Assignment, Decision
from aggregator.store import stories
from aggregator.store.engine import Transaction
from aggregator.store.entries import move_entry
from aggregator.store.search import forget_articles
from aggregator.store.tables import article_sections, articles, redirects, story_rulings, vectors


def move_entries(tx: Transaction, moves: Mapping[int, Assignment], *, now: datetime) -> None:
    """Put stored entries where a new decision wants them.

    With the entry that founded it an article goes, into the one that its founder went to: whoever decides
    moves all the others as well.
    """
    for entry_id, assignment in moves.items():
        if assignment.article_id is None:
            found_article(tx, entry_id, assignment.decision)
    for entry_id, assignment in moves.items():
        if assignment.article_id is not None:
            move_entry(tx, entry_id, assignment)
    for entry_id, assignment in moves.items():
        if assignment.article_id is not None and _is_any(tx, articles.c.id == entry_id):
            retire_article(tx, entry_id, assignment.article_id, now=now)


def found_article(tx: Transaction, entry_id: int, decision: Decision) -> None:
    """Take an entry out of its article, into one of its own."""
    move_entry(tx, entry_id, Assignment(article_id=None, decision=decision))
    # It may have founded an article that went into another: now that is there again.
    tx.execute(delete(redirects).where(redirects.c.kind == "article", redirects.c.from_id == entry_id))


def retire_article(tx: Transaction, gone: int, kept: int, *, now: datetime) -> None:
    """Let the address of an article that lost its entries lead to another, and its rulings hold for that.

    Its terms stay in their slots until the nightly stories.forget_terms: without the article they are idle.
    """
    query = select(articles.c.id, articles.c.story_id).where(articles.c.id.in_((gone, kept)))
    story_ids = {row.id: row.story_id for row in tx.execute(query)}
    tx.execute(delete(article_sections).where(article_sections.c.article_id == gone))
    tx.execute(delete(vectors).where(vectors.c.article_id == gone))
    tx.execute(delete(articles).where(articles.c.id == gone))
    forget_articles(tx, [gone])
    stories.redirect_article(tx, gone, kept, now=now)
    _hand_over_rulings(tx, gone, kept)
    if story_ids[gone] is None or story_ids[kept] is None:
        return
    if not _is_any(tx, articles.c.story_id == story_ids[gone]):
        stories.redirect_story(tx, story_ids[gone], story_ids[kept])


def is_pair(pair: tuple[int, int]) -> ColumnElement[bool]:
    return and_(story_rulings.c.one == pair[0], story_rulings.c.other == pair[1])


def _hand_over_rulings(tx: Transaction, gone: int, kept: int) -> None:
    """What was said of an article holds for the one that it went into, unless the two are one by now.

    What has been said of that one itself stays, and whoever shares its story is not parted from it.
    """
    story = select(articles.c.story_id).where(articles.c.id == kept).scalar_subquery()
    mates = set(tx.execute(select(articles.c.id).where(articles.c.story_id == story)).scalars())
    touched = or_(story_rulings.c.one == gone, story_rulings.c.other == gone)
    for row in tx.execute(select(story_rulings).where(touched)).all():
        partner = row.other if row.one == gone else row.one
        pair = (min(kept, partner), max(kept, partner))
        known = tx.execute(select(story_rulings.c.one).where(is_pair(pair))).first() is not None
        here = is_pair((row.one, row.other))
        if known or partner in mates:
            tx.execute(delete(story_rulings).where(here))
        else:
            tx.execute(update(story_rulings).where(here).values(one=pair[0], other=pair[1]))


def _is_any(tx: Transaction, condition: ColumnElement[bool]) -> bool:
    return tx.execute(select(articles.c.id).where(condition).limit(1)).first() is not None
