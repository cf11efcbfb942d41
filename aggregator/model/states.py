"""What the store keeps of sources and polls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aggregator.model.entries import SourceReading
from aggregator.model.exchange import Validators


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    source_id: str
    url: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A host bucket that this process may poll until the lease ends."""

    host: str
    token: str
    source_ids: tuple[str, ...]  # due, most overdue first


PollOutcome = Literal["new_body", "not_modified", "same_body", "failed"]


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
