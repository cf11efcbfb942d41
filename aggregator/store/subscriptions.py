"""WebSub: the subscriptions, and the inbox between the web processes, which receive, and the poller."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from aggregator.model import Payload, Subscription
from aggregator.store.engine import Transaction
from aggregator.store.tables import sources
from aggregator.store.websub_tables import payloads, subscriptions

MAX_PAYLOADS = 500  # waiting, of all subscriptions together
MAX_PAYLOADS_OF_ONE = 20
MAX_WAITING_BYTES = 128 * 1024 * 1024

_ENDED = "ended"


def add_subscription(tx: Transaction, subscription: Subscription) -> None:
    tx.execute(insert(subscriptions).values(asdict(subscription)))


def save_subscription(tx: Transaction, subscription: Subscription) -> None:
    """Replace a subscription by what has become of it."""
    mine = subscriptions.c.token == subscription.token
    tx.execute(update(subscriptions).where(mine).values(asdict(subscription)))


def find_subscription(tx: Transaction, token: str) -> Subscription | None:
    row = tx.execute(select(subscriptions).where(subscriptions.c.token == token)).first()
    return None if row is None else _subscription(row)


def list_subscriptions(tx: Transaction, source_ids: Collection[str] | None = None) -> dict[str, Subscription]:
    """The present subscriptions of these sources, or of all, by source; ended ones are not among them."""
    query = select(subscriptions).where(subscriptions.c.state != _ENDED)
    if source_ids is not None:
        query = query.where(subscriptions.c.source_id.in_(source_ids))
    return {row.source_id: _subscription(row) for row in tx.execute(query)}


def has_due_subscriptions(tx: Transaction, *, now: datetime) -> bool:
    """A read, so that an idle heartbeat writes nothing."""
    return (
        tx.execute(select(subscriptions.c.token).where(subscriptions.c.next_at <= now).limit(1)).first()
        is not None
    )


def list_due_subscriptions(tx: Transaction, *, now: datetime, hubs: int) -> tuple[Subscription, ...]:
    """Where something is to be done: one of each of up to `hubs` hubs, so that no hub is asked in a burst."""
    due = and_(subscriptions.c.next_at <= now, subscriptions.c.state != _ENDED)
    first = func.min(subscriptions.c.next_at)
    by_hub = select(subscriptions.c.hub).where(due).group_by(subscriptions.c.hub).order_by(first).limit(hubs)
    found = []
    for hub in tx.execute(by_hub).scalars().all():
        query = select(subscriptions).where(due, subscriptions.c.hub == hub)
        row = tx.execute(query.order_by(subscriptions.c.next_at, subscriptions.c.token).limit(1)).one()
        found.append(_subscription(row))
    return tuple(found)


def forget_ended(tx: Transaction, *, now: datetime) -> None:
    old = and_(subscriptions.c.state == _ENDED, subscriptions.c.next_at <= now)
    tx.execute(delete(subscriptions).where(old))


def spare_hub(tx: Transaction, hub: str, *, until: datetime) -> None:
    """Ask a hub for nothing before then."""
    early = and_(subscriptions.c.hub == hub, subscriptions.c.next_at < until, subscriptions.c.state != _ENDED)
    tx.execute(update(subscriptions).where(early).values(next_at=until))


def resume_polling(tx: Transaction, subscription: Subscription, *, now: datetime) -> None:
    """Poll the source as if it had never been pushed: its next poll comes no later than that would have."""
    if subscription.poll_at is None:
        return
    poll_at = max(subscription.poll_at, now)
    later = and_(sources.c.id == subscription.source_id, sources.c.next_poll_at > poll_at)
    tx.execute(update(sources).where(later).values(next_poll_at=poll_at))


# --- the inbox ------------------------------------------------------------------------------------


def add_payload(
    tx: Transaction, subscription: Subscription, body: bytes, *, content_type: str | None, now: datetime
) -> bool:
    """Put a document into the inbox; False: the inbox is full."""
    mine = payloads.c.token == subscription.token
    count, of_one, held = tx.execute(
        select(func.count(), func.count().filter(mine), func.coalesce(func.sum(payloads.c.size_bytes), 0))
    ).one()
    if (
        count >= MAX_PAYLOADS
        or of_one >= MAX_PAYLOADS_OF_ONE
        or (count and held + len(body) > MAX_WAITING_BYTES)
    ):
        return False
    tx.execute(
        insert(payloads).values(
            token=subscription.token,
            source_id=subscription.source_id,
            received_at=now,
            content_type=content_type,
            size_bytes=len(body),
            body=body,
        )
    )
    return True


def has_payloads(tx: Transaction, *, now: datetime) -> bool:
    """A read, so that an idle heartbeat writes nothing."""
    return tx.execute(select(payloads.c.id).where(_free(now)).limit(1)).first() is not None


def take_payloads(tx: Transaction, *, now: datetime, limit: int, lease: timedelta) -> tuple[Payload, ...]:
    """The oldest payloads that nobody else is reading: one of a source at a time, for order's sake.

    They are ours until now + lease; who has died meanwhile leaves them to others.
    """
    busy = select(payloads.c.source_id).where(payloads.c.taken_until > now)
    first = select(func.min(payloads.c.id)).where(_free(now), payloads.c.source_id.not_in(busy))
    first = first.group_by(payloads.c.source_id).order_by(func.min(payloads.c.id)).limit(limit)
    ids = tx.execute(first).scalars().all()
    tx.execute(update(payloads).where(payloads.c.id.in_(ids)).values(taken_until=now + lease))
    rows = tx.execute(select(payloads).where(payloads.c.id.in_(ids)).order_by(payloads.c.id))
    return tuple(
        Payload(
            id=row.id,
            token=row.token,
            source_id=row.source_id,
            received_at=row.received_at,
            content_type=row.content_type,
            body=row.body,
        )
        for row in rows
    )


def remove_payload(tx: Transaction, payload_id: int) -> bool:
    """Take a payload out for good; False: another process has done so."""
    return tx.execute(delete(payloads).where(payloads.c.id == payload_id)).rowcount == 1


def _free(now: datetime) -> Any:
    return or_(payloads.c.taken_until.is_(None), payloads.c.taken_until <= now)


def _subscription(row: Row[*tuple[Any, ...]]) -> Subscription:
    return Subscription(**row._mapping)
