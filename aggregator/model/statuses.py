"""What an admin is told of how everything fares."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from aggregator.model.states import PastPoll
from aggregator.model.subscriptions import SubscriptionState


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One source of `aggregator status`; the fields are the keys of its JSON."""

    id: str
    state: str  # "new", "ok", "error", "disabled"
    last_success_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    next_poll_at: datetime
    entries: int = 0
    last_error: str | None = None
    problems: tuple[str, ...] = ()
    skipped: int = 0
    push: SubscriptionState | None = None  # None: it names no hub, or we want none
    merged: dict[str, int] = field(default_factory=dict)  # entries that a rule put into another's article
    polls: tuple[PastPoll, ...] = ()  # the last 30, the newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that an admin should look after."""

    key: str  # the same as long as it is the same trouble
    since: datetime
    text: str  # what is wrong, and the cure


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How the whole of it fares."""

    sources: tuple[SourceStatus, ...]  # in the order of the configuration
    troubles: tuple[Trouble, ...]  # of servers and hubs
    unindexed: int  # articles that no search finds yet
