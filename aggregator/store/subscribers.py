"""WebSub: the subscribers of our own hub, claimed one per host by lease, and what the pushed feeds hold.

What a subscriber is owed is not kept but follows: its feed holds something else than it has been delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Row, and_, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from aggregator.model import HubRequest, Subscriber
from aggregator.store.engine import Transaction
from aggregator.store.values import find_value, save_value
from aggregator.store.websub_tables import pings, subscribers, topics

MAX_SUBSCRIBERS = 10_000
MAX_OF_HOST = 500

_COMPARED = "hub_compared"  # of meta

Receipt = Literal["taken", "unknown", "host full", "full"]


# --- what is asked --------------------------------------------------------------------------------


def ask(tx: Transaction, request: HubRequest, *, feed: str, host: str, now: datetime) -> Receipt:
    """Keep a request until it is verified; a later one for the same callback and topic takes its place."""
    mine = and_(subscribers.c.callback == request.callback, subscribers.c.topic == request.topic)
    known = tx.execute(select(subscribers.c.id, subscribers.c.owner).where(mine)).first()
    asked = {
        "asked": request.mode,
        "asked_at": now,
        "asked_secret": request.secret,
        "asked_lease": request.lease,
    }
    if known is not None:
        # Who is calling it at this moment sees afterwards that something was asked meanwhile.
        due = {} if known.owner is not None else {"next_at": now}
        tx.execute(update(subscribers).where(subscribers.c.id == known.id).values(asked | due))
        return "taken"
    if request.mode == "unsubscribe":
        return "unknown"
    count, of_host = tx.execute(
        select(func.count(), func.count().filter(subscribers.c.host == host)).where(_is_running(now))
    ).one()
    if count >= MAX_SUBSCRIBERS or of_host >= MAX_OF_HOST:
        return "full" if count >= MAX_SUBSCRIBERS else "host full"
    fresh = {"callback": request.callback, "topic": request.topic, "feed": feed, "host": host}
    tx.execute(insert(subscribers).values(fresh | asked | {"failures": 0, "next_at": now}))
    return "taken"


# --- what is done ---------------------------------------------------------------------------------


def has_due(tx: Transaction, *, now: datetime) -> bool:
    """A read, so that an idle heartbeat writes nothing."""
    return (
        tx.execute(select(subscribers.c.id).where(subscribers.c.next_at <= now).limit(1)).first() is not None
    )


def claim_due(
    tx: Transaction, *, now: datetime, limit: int, lease: timedelta, owner: str
) -> tuple[Subscriber, ...]:
    """Take the longest due subscriber of each of up to `limit` hosts that nobody is calling.

    They are the owner's until now + lease; who has died meanwhile leaves them to others.
    """
    due = subscribers.c.next_at <= now
    busy = select(subscribers.c.host).where(subscribers.c.owner.is_not(None), subscribers.c.next_at > now)
    first = func.min(subscribers.c.next_at)
    by_host = select(subscribers.c.host).where(due, subscribers.c.host.not_in(busy))
    by_host = by_host.group_by(subscribers.c.host).order_by(first, subscribers.c.host).limit(limit)
    claimed = []
    for host in tx.execute(by_host).scalars().all():
        query = select(subscribers.c.id).where(due, subscribers.c.host == host)
        found = tx.execute(query.order_by(subscribers.c.next_at, subscribers.c.id).limit(1)).scalar_one()
        mine = subscribers.c.id == found
        tx.execute(update(subscribers).where(mine).values(owner=owner, next_at=now + lease))
        claimed.append(_subscriber(tx.execute(select(subscribers).where(mine)).one()))
    return tuple(claimed)


def find_claimed(tx: Transaction, claimed: Subscriber) -> Subscriber | None:
    """What has become of a claimed one; None: it is not ours any more."""
    ours = and_(
        subscribers.c.id == claimed.id,
        subscribers.c.owner == claimed.owner,
        subscribers.c.next_at == claimed.next_at,
    )
    row = tx.execute(select(subscribers).where(ours)).first()
    return None if row is None else _subscriber(row)


def save(tx: Transaction, subscriber: Subscriber) -> None:
    mine = subscribers.c.id == subscriber.id
    tx.execute(update(subscribers).where(mine).values(asdict(subscriber)))


def remove(tx: Transaction, subscriber_id: int) -> None:
    tx.execute(delete(subscribers).where(subscribers.c.id == subscriber_id))


def spare_host(tx: Transaction, host: str, *, until: datetime) -> None:
    """Call nobody of a host before then."""
    early = and_(subscribers.c.host == host, subscribers.c.next_at < until, subscribers.c.owner.is_(None))
    tx.execute(update(subscribers).where(early).values(next_at=until))


def release_dead(tx: Transaction, *, is_dead: Callable[[str], bool], now: datetime) -> None:
    """Let others call whom a process was calling of which `is_dead` is sure."""
    owners = tx.execute(select(subscribers.c.owner).where(subscribers.c.owner.is_not(None)).distinct())
    dead = [owner for owner in owners.scalars() if is_dead(owner)]
    if dead:
        left = subscribers.c.owner.in_(dead)
        tx.execute(update(subscribers).where(left).values(owner=None, next_at=now))


# --- what the feeds hold --------------------------------------------------------------------------


def find_compared(tx: Transaction) -> int | None:
    """The revision of the store at which the feeds were last compared."""
    value = find_value(tx, _COMPARED)
    return None if value is None else int(value)


def record_compared(tx: Transaction, revision: int) -> None:
    save_value(tx, _COMPARED, str(revision))


def list_subscribed_feeds(tx: Transaction, *, now: datetime) -> tuple[str, ...]:
    running = subscribers.c.lease_until > now
    return tuple(tx.execute(select(subscribers.c.feed).where(running).distinct()).scalars())


def find_digest(tx: Transaction, feed: str) -> bytes | None:
    """What a feed held when somebody last looked; None: nobody has."""
    return tx.execute(select(topics.c.digest).where(topics.c.feed == feed)).scalar()


def record_digests(tx: Transaction, digests: Mapping[str, bytes], *, revision: int, now: datetime) -> None:
    """Keep what feeds held at a revision of the store, if nobody has looked later, and let be called whoever
    has something else.
    """
    if not digests:
        return
    row = insert(topics)
    news = {"digest": row.excluded.digest, "revision": row.excluded.revision}
    later = topics.c.revision < row.excluded.revision
    values = [
        {"feed": feed, "digest": digest, "revision": revision, "told": digest}
        for feed, digest in digests.items()
    ]
    tx.execute(row.on_conflict_do_update(index_elements=["feed"], set_=news, where=later), values)
    held = select(topics.c.digest).where(topics.c.feed == subscribers.c.feed).scalar_subquery()
    owed = and_(
        subscribers.c.feed.in_(digests),
        subscribers.c.next_at.is_(None),
        subscribers.c.given_up_at.is_(None),
        subscribers.c.delivered != held,
    )
    tx.execute(update(subscribers).where(owed).values(next_at=now))


def forget(tx: Transaction, *, feeds: Collection[str], now: datetime) -> int:
    """Forget whose lease is over, and who was pushed a feed that is none of `feeds`: those are returned."""
    over = and_(subscribers.c.lease_until <= now, subscribers.c.asked.is_(None))
    tx.execute(delete(subscribers).where(over))
    gone = set(tx.execute(select(topics.c.feed)).scalars()).difference(feeds)
    tx.execute(delete(topics).where(topics.c.feed.in_(gone)))
    return tx.execute(delete(subscribers).where(subscribers.c.feed.in_(gone))).rowcount if gone else 0


# --- a hub elsewhere ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """How telling a hub elsewhere goes."""

    hub: str
    next_at: datetime
    failures: int = 0
    failing_since: datetime | None = None
    last_error: str | None = None


def list_untold(tx: Transaction) -> dict[str, bytes]:
    """The feeds whose change the hub was not told of yet, with what they hold."""
    query = select(topics.c.feed, topics.c.digest).where(topics.c.told != topics.c.digest)
    return {row.feed: row.digest for row in tx.execute(query.order_by(topics.c.feed))}


def find_ping(tx: Transaction, hub: str) -> Ping | None:
    row = tx.execute(select(pings).where(pings.c.hub == hub)).first()
    return None if row is None else Ping(**row._mapping)


def save_ping(tx: Transaction, ping: Ping) -> None:
    """Keep it in the place of all others: of hubs that are not ours any more nothing is remembered."""
    tx.execute(delete(pings))
    tx.execute(insert(pings).values(asdict(ping)))


def record_told(tx: Transaction, feed: str, digest: bytes) -> None:
    tx.execute(update(topics).where(topics.c.feed == feed).values(told=digest))


# --- what admins are told -------------------------------------------------------------------------


def count_running(tx: Transaction, *, now: datetime) -> int:
    query = select(func.count()).where(subscribers.c.lease_until > now)
    return tx.execute(query).scalar_one()


def list_failing(tx: Transaction, *, now: datetime) -> tuple[Subscriber, ...]:
    """Who does not take what is delivered, and who was given up, the longest failing first."""
    failing = and_(subscribers.c.failing_since.is_not(None), subscribers.c.lease_until > now)
    rows = tx.execute(select(subscribers).where(failing).order_by(subscribers.c.failing_since))
    return tuple(map(_subscriber, rows))


def _is_running(now: datetime) -> ColumnElement[bool]:
    return or_(subscribers.c.lease_until > now, subscribers.c.asked.is_not(None))


def _subscriber(row: Row[*tuple[Any, ...]]) -> Subscriber:
    return Subscriber(**row._mapping)
