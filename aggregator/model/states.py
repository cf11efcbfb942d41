"""What the store keeps of sources and polls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from aggregator.model.documents import Hints
from aggregator.model.entries import Boilerplate, SourceReading
from aggregator.model.exchange import Validators


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalRate:
    """What we know of how much a source publishes: decayed counts, half of their weight gone in 14 days."""

    hours: tuple[float, ...]  # arrivals by the UTC hour they came in, 24 of them
    days: float  # of watching, decayed alike
    since: datetime  # when the first document was read
    at: datetime  # up to when
    safe_days: float | None = None  # longest interval with little risk of losing entries; None: any
    weekdays: tuple[float, ...] = (0.0,) * 7  # arrivals since the first poll by UTC weekday, Monday first
    watched: tuple[float, ...] = (0.0,) * 7  # days of watching since the first poll, likewise
    recent: float = 0.0  # arrivals of the last hour, each fading by 1/e in an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What must be remembered of a source to be polite to it."""

    rate: ArrivalRate | None = None  # None: not read yet
    hints: Hints = Hints()
    gone_since: datetime | None = None  # the first of the 410s in a row
    gone_count: int = 0
    moved_to: str | None = None  # where the permanent redirects in a row lead
    moved_since: datetime | None = None
    moved_count: int = 0
    churned: int = 0  # readings in a row in which most items came back under new guids


PollOutcome = Literal["new_body", "not_modified", "same_body", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPoll:
    """One of a source's last polls; the fields are keys of the JSON of `aggregator status`."""

    at: datetime  # to the second
    outcome: PollOutcome
    new: int  # entries


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    source_id: str
    url: str  # the configured one
    poll_url: str  # where it has moved to for good, else the same
    validators: Validators
    body_hash: bytes | None  # of the last body that was read to its end
    next_poll_at: datetime
    last_polled_at: datetime | None  # None: never
    last_success_at: datetime | None  # None: never
    failing_since: datetime | None  # None: not failing
    failures: int  # in a row
    last_error: str | None  # None: the last poll succeeded
    problems: tuple[str, ...]  # of the last body that was read
    skipped: int
    pace: Pace
    disabled_at: datetime | None  # None: polled
    last_read_at: datetime | None = None  # when a body was last read to its end: not by a 304
    boilerplate: Boilerplate = field(default_factory=Boilerplate)
    polls: tuple[PastPoll, ...] = ()  # the last ones, the newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A host bucket that this process may poll until the lease ends."""

    host: str
    token: str
    source_ids: tuple[str, ...]  # due, most overdue first
    forced: bool = False  # asked for by an admin, due or not


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRest:
    """A host bucket that is not to be polled for a while."""

    host: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """What one poll of one source came to, with all that the store must keep of it."""

    source_id: str
    outcome: PollOutcome
    polled_at: datetime
    next_poll_at: datetime
    validators: Validators = Validators()
    body_hash: bytes | None = None
    reading: SourceReading | None = None  # only with "new_body"
    error: str | None = None  # only with "failed"
    pace: Pace = Pace()
    poll_url: str | None = None  # None: as before
    disabled: bool = False  # poll it no more
    rest: HostRest | None = None  # a whole host wants to be left alone
    not_before: datetime | None = None  # who asks for a poll earlier is told to wait; None: nobody may ask
