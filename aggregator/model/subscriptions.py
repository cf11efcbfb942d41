"""WebSub: what we have agreed with hubs, and what they push."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

# pending: not verified, yet or any more; denied: the hub does not want it; ended: we do not want it.
SubscriptionState = Literal["pending", "active", "denied", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HubOffer:
    """Where a source says that it is pushed. Both URLs are absolute."""

    hub: str
    topic: str  # the URL by which the hub knows the document


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription of one source at one hub, for its whole life."""

    token: str  # the last part of the callback, unguessable
    source_id: str
    hub: str
    topic: str
    callback: str
    secret: str = field(repr=False)
    state: SubscriptionState = "pending"
    awaiting: bool = False  # whether we have asked and the hub may verify it
    asked_at: datetime | None = None  # None: never
    next_at: datetime  # when something is to be done next: to ask, to renew, to forget
    active_since: datetime | None = None  # None: not active
    lease_until: datetime | None = None  # None: not active
    failures: int = 0  # requests in a row that came to nothing
    last_error: str | None = None  # why the last one did
    pushed_at: datetime | None = None  # when the last document of it was saved; None: none was
    pushes: int = 0  # documents accepted
    dropped: int = 0  # documents dropped for their signature
    doubt: str | None = None  # why the source is polled as if it were not pushed; None: it is relied on
    poll_at: datetime | None = None  # when the source would be polled next without it; None: as planned


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A document that a hub has pushed, its signature proven."""

    id: int
    token: str
    source_id: str
    received_at: datetime
    content_type: str | None
    body: bytes = field(repr=False)
