"""WebSub: who is pushed our feeds by our own hub, and what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

HubMode = Literal["subscribe", "unsubscribe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRequest:
    """What somebody asks of our hub, sound but not verified."""

    mode: HubMode
    callback: str
    topic: str  # the URL of one of our documents
    secret: str | None = field(repr=False)  # None: what is delivered is not signed
    lease: timedelta  # granted, if it is verified


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One callback for one topic: what it is owed, and what it was asked for last.

    Claimed as a whole: while `owner` is set and `next_at` is to come, one process alone calls it.
    """

    id: int
    callback: str
    topic: str
    feed: str  # the name of the topic's feed
    host: str  # of the callback, as politeness counts
    secret: str | None = field(default=None, repr=False)
    lease_until: datetime | None = None  # None: nobody has verified it yet
    delivered: bytes | None = None  # the digest of what it has
    asked: HubMode | None = None  # None: there is nothing to verify
    asked_at: datetime
    asked_secret: str | None = field(default=None, repr=False)
    asked_lease: timedelta = timedelta()
    failures: int = 0  # deliveries in a row that came to nothing
    failing_since: datetime | None = None
    last_error: str | None = None
    given_up_at: datetime | None = None  # when it had failed for too long; None: it is served
    next_at: datetime | None = None  # when it is to be called next; None: it has all
    owner: str | None = None  # the process that is calling it
