"""When to poll next, after a success and after failures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.pacing import LONGEST_BACKOFF, next_poll_after_failure, next_poll_after_success

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

EVERY = st.timedeltas(timedelta(seconds=1), timedelta(days=365))
JITTER = st.floats(-1, 1)
RETRY_AFTER = st.none() | st.timedeltas(timedelta(), 7 * DAY)


def wait_after_failure(
    every: timedelta, failures: int, retry_after: timedelta | None = None, jitter: float = 0.0
) -> timedelta:
    at = next_poll_after_failure(NOW, every=every, failures=failures, retry_after=retry_after, jitter=jitter)
    return at - NOW


SUCCESSES = {
    "no jitter": (20 * MINUTE, 0.0, 20 * MINUTE),
    "a tenth later at most": (20 * MINUTE, 1.0, 22 * MINUTE),
    "a tenth earlier at most": (20 * MINUTE, -1.0, 18 * MINUTE),
    "between the two": (20 * MINUTE, 0.5, 21 * MINUTE),
    "longer than a day is no backoff": (7 * DAY, 0.0, 7 * DAY),
}


@pytest.mark.parametrize(("every", "jitter", "expected"), SUCCESSES.values(), ids=SUCCESSES.keys())
def test_after_a_success(every: timedelta, jitter: float, expected: timedelta) -> None:
    assert next_poll_after_success(NOW, every=every, jitter=jitter) == NOW + expected


FAILURES = {
    "the first doubles": (20 * MINUTE, 1, 40 * MINUTE),
    "the second doubles again": (20 * MINUTE, 2, 80 * MINUTE),
    "the sixth is below a day": (20 * MINUTE, 6, 64 * 20 * MINUTE),
    "the seventh would be more than a day": (20 * MINUTE, 7, DAY),
    "a year of failures is still daily": (20 * MINUTE, 400, DAY),
    "a million failures as well": (20 * MINUTE, 1_000_000, DAY),
    "a short interval climbs as well": (timedelta(seconds=1), 17, DAY),
    "a source polled daily is polled daily": (DAY, 1, DAY),
    "a source polled weekly is not polled more often for failing": (7 * DAY, 1, 7 * DAY),
    "nor after many failures": (7 * DAY, 30, 7 * DAY),
}


@pytest.mark.parametrize(("every", "failures", "expected"), FAILURES.values(), ids=FAILURES.keys())
def test_after_failures_in_a_row(every: timedelta, failures: int, expected: timedelta) -> None:
    assert wait_after_failure(every, failures) == expected


RETRIES = {
    "longer than the backoff": (3 * HOUR, 0.0, 3 * HOUR),
    "shorter than the backoff": (MINUTE, 0.0, 40 * MINUTE),
    "zero": (timedelta(), 0.0, 40 * MINUTE),
    "longer than a day": (3 * DAY, 0.0, 3 * DAY),
    "jitter never goes below it": (40 * MINUTE, -1.0, 40 * MINUTE),
    "jitter above it stands": (40 * MINUTE, 1.0, 44 * MINUTE),
}


@pytest.mark.parametrize(("retry_after", "jitter", "expected"), RETRIES.values(), ids=RETRIES.keys())
def test_retry_after_is_a_floor(retry_after: timedelta, jitter: float, expected: timedelta) -> None:
    assert wait_after_failure(20 * MINUTE, 1, retry_after, jitter) == expected


@given(EVERY, JITTER)
def test_success_is_within_a_tenth_of_the_interval(every: timedelta, jitter: float) -> None:
    wait = next_poll_after_success(NOW, every=every, jitter=jitter) - NOW
    assert abs(wait - every) <= every / 10 + timedelta(microseconds=1)


@given(EVERY, st.integers(1, 10_000), RETRY_AFTER, JITTER)
def test_failure_waits_at_least_the_interval_and_at_most_a_day_or_what_was_asked(
    every: timedelta, failures: int, retry_after: timedelta | None, jitter: float
) -> None:
    wait = wait_after_failure(every, failures, retry_after, jitter)
    asked = retry_after or timedelta()
    rounding = timedelta(microseconds=1)
    assert wait >= max(every * 0.9 - rounding, asked)
    assert wait <= max(max(every, LONGEST_BACKOFF) * 1.1 + rounding, asked)


@given(EVERY, st.integers(1, 30), RETRY_AFTER)
def test_one_more_failure_never_brings_the_next_poll_nearer(
    every: timedelta, failures: int, retry_after: timedelta | None
) -> None:
    assert wait_after_failure(every, failures + 1, retry_after) >= wait_after_failure(
        every, failures, retry_after
    )


@given(st.lists(JITTER, min_size=2, max_size=50, unique=True))
def test_sources_that_start_together_drift_apart(jitters: list[float]) -> None:
    at = [next_poll_after_success(NOW, every=DAY, jitter=jitter) for jitter in sorted(jitters)]
    assert at == sorted(at)
    assert at[0] < at[-1] or jitters[0] - jitters[-1] < 1e-9
