"""When to poll next: the law, its floors, and the budget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import pacing
from aggregator.model import ArrivalRate, Hints

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

spans = st.timedeltas(min_value=timedelta(0), max_value=30 * DAY)
jitters = st.floats(min_value=-1, max_value=1)


def watch(*, per_day: int, days: int = 28) -> ArrivalRate:
    """A source polled every six hours that publishes evenly."""
    rate = pacing.first_arrivals([], now=NOON - days * DAY)
    for step in range(1, days * 4 + 1):
        at = NOON - days * DAY + step * 6 * HOUR
        rate = pacing.record_arrivals(rate, new=per_day // 4, held=200, now=at)
    return rate


# --- how much a source publishes ------------------------------------------------------------------


@pytest.mark.parametrize("per_day", [4, 24, 240])
def test_the_rate_comes_near_what_is_published(per_day: int) -> None:
    assert pacing.arrivals_per_day(watch(per_day=per_day), NOON) == pytest.approx(per_day, rel=0.25)


def test_a_source_of_which_nothing_is_known_has_the_prior() -> None:
    rate = pacing.first_arrivals([], now=NOON)
    assert pacing.arrivals_per_day(rate, NOON) == pytest.approx(0.5 / 3.5)


def test_the_backlog_of_the_first_poll_is_no_burst() -> None:
    month = [NOON - n * DAY for n in range(1, 31)]
    assert pacing.arrivals_per_day(pacing.first_arrivals(month, now=NOON), NOON) == pytest.approx(
        1.0, rel=0.2
    )


def test_a_source_that_falls_silent_is_forgotten_by_half_in_a_fortnight() -> None:
    rate = watch(per_day=24)
    for day in range(1, 57):
        rate = pacing.record_arrivals(rate, new=0, now=NOON + day * DAY)
    assert pacing.arrivals_per_day(rate, NOON + 56 * DAY) < 24 / 8


# --- the interval ---------------------------------------------------------------------------------


def test_four_times_the_arrivals_halve_the_interval() -> None:
    slow, quick = (pacing.poll_interval(watch(per_day=n), now=NOON, c=1.0) for n in (8, 32))
    assert slow / quick == pytest.approx(2.0, rel=0.2)


@given(st.integers(0, 2000), st.floats(0.001, 100))
def test_the_interval_is_between_a_quarter_of_an_hour_and_a_day(new: int, c: float) -> None:
    rate = pacing.record_arrivals(pacing.first_arrivals([], now=NOON - DAY), new=new, held=new, now=NOON)
    assert 15 * MINUTE <= pacing.poll_interval(rate, now=NOON, c=c) <= DAY


@given(st.integers(0, 200), st.integers(0, 200))
def test_who_publishes_more_is_not_polled_less(one: int, more: int) -> None:
    first = pacing.first_arrivals([], now=NOON - 2 * DAY)
    rates = [pacing.record_arrivals(first, new=n, now=NOON) for n in (one, one + more)]
    slow, quick = (pacing.poll_interval(rate, now=NOON) for rate in rates)
    assert quick <= slow


# --- the next poll --------------------------------------------------------------------------------


@given(interval=spans, fresh=spans, ttl=spans, retry=spans, jitter=jitters, failures=st.integers(0, 50))
def test_a_poll_is_never_before_a_floor_and_never_later_than_floors_and_a_day(
    interval: timedelta, fresh: timedelta, ttl: timedelta, retry: timedelta, jitter: float, failures: int
) -> None:
    interval = min(interval, DAY)
    at = pacing.next_poll(
        NOON,
        interval=interval,
        jitter=jitter,
        failures=failures,
        fresh_for=fresh,
        hints=Hints(ttl=ttl),
        retry_after=retry,
    )
    assert at >= NOON + max(min(fresh, DAY), min(ttl, DAY), retry)
    assert at <= NOON + max(DAY * 1.1, retry + DAY * 0.1) + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("hints", "at"),
    [
        pytest.param(Hints(), NOON + HOUR, id="nothing asked"),
        pytest.param(Hints(skip_hours=frozenset({13, 14})), NOON + 3 * HOUR, id="past the hours it excludes"),
        pytest.param(
            Hints(skip_days=frozenset({1})), NOON + 12 * HOUR, id="past the day it excludes, a Tuesday"
        ),
        pytest.param(
            Hints(skip_hours=frozenset(range(24))), NOON + HOUR, id="excluding all hours excludes none"
        ),
        pytest.param(
            Hints(skip_days=frozenset(range(7))), NOON + HOUR, id="excluding all days excludes none"
        ),
    ],
)
def test_excluded_hours_and_days_are_kept(hints: Hints, at: datetime) -> None:
    assert pacing.next_poll(NOON, interval=HOUR, jitter=0.0, hints=hints) == at


def test_jitter_spreads_by_a_tenth_either_way() -> None:
    polls = [pacing.next_poll(NOON, interval=HOUR, jitter=jitter) - NOON for jitter in (-1.0, 0.0, 1.0)]
    assert polls == [54 * MINUTE, 60 * MINUTE, 66 * MINUTE]


@pytest.mark.parametrize(
    ("hours", "count", "gone"),
    [(0, 1, False), (48, 2, False), (47, 3, False), (48, 3, True), (500, 9, True)],
)
def test_410_is_believed_after_three_answers_over_48_hours(hours: int, count: int, gone: bool) -> None:
    assert pacing.is_gone(NOON, count, NOON + hours * HOUR) is gone


# --- the budget -----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0.001, pacing.DEFAULT_C, 50.0])
@pytest.mark.parametrize("wanted", [10.0, 40.0, 100.0])
def test_the_budget_is_met_from_any_start(start: float, wanted: float) -> None:
    rates = [watch(per_day=n) for n in (4, 8, 16, 48, 96, 240)] * 10
    c = start
    for _ in range(30):
        planned = sum(pacing.requests_per_hour(rate, now=NOON, c=c) for rate in rates)
        c = pacing.adjust_c(
            c, requests_per_hour_wanted=wanted, requests_last_hour=planned, requests_planned=planned
        )
    planned = sum(pacing.requests_per_hour(rate, now=NOON, c=c) for rate in rates)
    assert planned == pytest.approx(wanted, rel=0.1)
