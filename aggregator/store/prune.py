"""Forgetting what is older than the admin wants to keep."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from sqlalchemy import delete, literal, select
from sqlalchemy.dialects.postgresql import insert

from aggregator.store.engine import Store, Transaction
from aggregator.store.entries import bump_revision
from aggregator.store.ids import batched_ids
from aggregator.store.rulings import forget_rulings
from aggregator.store.search import forget_articles
from aggregator.store.tables import article_sections, articles, entries, revisions, sources, tombstones

_CHUNK = 200  # articles in one transaction: writers of other processes wait that long


def prune_store(store: Store, *, keep: timedelta, now: datetime, stopping: threading.Event) -> int:
    """Forget the articles of which no entry was first seen within `keep`; returns how many.

    Works in short transactions and stops between two of them once `stopping` is set.
    """
    pruned = 0
    while not stopping.is_set():
        with store.write() as tx:
            done = _prune_chunk(tx, before=now - keep, now=now)
            if done:
                bump_revision(tx, now=now)
        pruned += done
        if done < _CHUNK:
            break
    return pruned


def _prune_chunk(tx: Transaction, *, before: datetime, now: datetime) -> int:
    """Of each entry a tombstone stays, so that a feed that lists it still does not bring it back as new;
    tombstones that no feed has asked about since `before` are forgotten as well.
    """
    recent = select(entries.c.id).where(
        entries.c.article_id == articles.c.id, entries.c.first_seen_at >= before
    )
    old = select(articles.c.id).where(articles.c.first_seen_at < before, ~recent.exists())
    doomed = tx.execute(old.order_by(articles.c.first_seen_at).limit(_CHUNK)).scalars().all()
    for chunk in batched_ids(doomed):
        members = select(entries.c.id).where(entries.c.article_id.in_(chunk))
        graves = select(
            entries.c.id, entries.c.source_id, literal(now, tombstones.c.last_seen_at.type)
        ).where(entries.c.article_id.in_(chunk))
        tx.execute(
            insert(tombstones)
            .from_select(["entry_id", "source_id", "last_seen_at"], graves)
            .on_conflict_do_nothing()
        )
        tx.execute(delete(revisions).where(revisions.c.entry_id.in_(members)))
        tx.execute(delete(entries).where(entries.c.article_id.in_(chunk)))
        tx.execute(delete(article_sections).where(article_sections.c.article_id.in_(chunk)))
        tx.execute(delete(articles).where(articles.c.id.in_(chunk)))
    forget_articles(tx, doomed)
    forget_rulings(tx, doomed)
    quiet = select(sources.c.id).where(
        sources.c.id == tombstones.c.source_id,
        sources.c.configured,
        sources.c.last_read_at <= tombstones.c.last_seen_at,
    )
    tx.execute(delete(tombstones).where(tombstones.c.last_seen_at < before, ~quiet.exists()))
    return len(doomed)
