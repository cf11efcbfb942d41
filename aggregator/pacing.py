"""When to poll next: pure arithmetic over what happened."""

from __future__ import annotations

from datetime import datetime, timedelta

LONGEST_BACKOFF = timedelta(hours=24)


def next_poll_after_success(now: datetime, *, every: timedelta, jitter: float) -> datetime:
    """One interval on; `jitter` (-1 to 1) moves it by up to a tenth so that sources drift apart."""
    return now + every * (1 + jitter / 10)


def next_poll_after_failure(
    now: datetime, *, every: timedelta, failures: int, retry_after: timedelta | None, jitter: float
) -> datetime:
    """Doubled with every failure in a row up to a day, and for ever after daily; never before Retry-After.

    `failures` counts this one: 1 for the first.
    """
    doublings = min(failures, 20)
    backoff = min(every * (1 << doublings), max(LONGEST_BACKOFF, every))
    wait = max(backoff * (1 + jitter / 10), retry_after or timedelta())
    return now + wait
