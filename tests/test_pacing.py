"""When to poll next: the law, its floors, and the budget."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import pacing
from aggregator.model import ArrivalRate, Hints

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ALL_HOURS, ALL_DAYS = frozenset(range(24)), frozenset(range(7))

spans = st.timedeltas(min_value=timedelta(0), max_value=30 * DAY)
jitters = st.floats(min_value=-1, max_value=1)
moments = st.timedeltas(timedelta(0), 3650 * DAY).map(lambda since: NOON + since)
counts = st.lists(st.floats(0, 1000), min_size=24, max_size=24).map(tuple)


def watch(*, per_day: int, days: int = 28) -> ArrivalRate:
    """A source polled every six hours that publishes evenly."""
    rate = pacing.first_arrivals([], now=NOON - days * DAY)
    for step in range(1, days * 4 + 1):
        at = NOON - days * DAY + step * 6 * HOUR
        rate = pacing.record_arrivals(rate, new=per_day // 4, held=200, now=at)
    return rate


def make_rate(
    hours: Sequence[float] = (0.0,) * 24,
    *,
    weekdays: Sequence[float] | None = None,
    recent: float | None = None,
    safe_days: float | None = None,
) -> ArrivalRate:
    """A source known for long; None: all weekdays are alike, the last hour was as ever."""
    return ArrivalRate(
        hours=tuple(hours),
        days=19.0,
        since=NOON - 90 * DAY,
        at=NOON,
        safe_days=safe_days,
        weekdays=tuple(weekdays or (sum(hours) / 7,) * 7),
        watched=(19.0 / 7,) * 7,
        recent=(sum(hours) + 0.5) / (19.0 + 3.5) / 24 if recent is None else recent,
    )


# --- how much a source publishes ------------------------------------------------------------------


@pytest.mark.parametrize("per_day", [4, 24, 240])
def test_the_rate_comes_near_what_is_published(per_day: int) -> None:
    assert pacing.arrivals_per_day(watch(per_day=per_day), NOON) == pytest.approx(per_day, rel=0.25)


BACKLOGS = {
    "nothing at all leaves the prior, half an arrival in three and a half days": ([], 0.142, 0.143),
    "entries without a date, stamped with the moment of the poll, say nothing": ([0.0] * 30, 0.142, 0.143),
    "one old entry says that a month was quiet": ([30.0], 0.02, 0.04),
    "one entry a day for a month is one a day": ([float(n) for n in range(1, 31)], 0.8, 1.2),
    "one a day over ten days only as well": ([float(n) for n in range(1, 11)], 0.6, 1.0),
    "a feed that ended years ago is quiet": ([1000.0 + n for n in range(30)], 0.02, 0.03),
    "a backlog all stamped an hour ago is no burst": ([1 / 24] * 30, 1.0, 30 / 3.5),
    "a wire of thirty in three hours is busy": ([n / 240 for n in range(1, 31)], 5.0, 30 / 3.5),
}


@pytest.mark.parametrize(("ages", "least", "most"), BACKLOGS.values(), ids=BACKLOGS.keys())
def test_the_first_poll_learns_from_the_dates_of_the_backlog(
    ages: list[float], least: float, most: float
) -> None:
    rate = pacing.first_arrivals([NOON - age * DAY for age in ages], now=NOON)
    assert least <= pacing.arrivals_per_day(rate, NOON) <= most


def test_dates_in_the_future_say_nothing() -> None:
    assert pacing.first_arrivals([NOON + DAY] * 9, now=NOON) == pacing.first_arrivals([], now=NOON)


def test_counts_lose_half_of_their_weight_in_a_fortnight() -> None:
    before = make_rate((2.0,) * 24)
    after = pacing.record_arrivals(before, new=0, now=NOON + 14 * DAY)
    assert after.hours == pytest.approx((1.0,) * 24)


def test_a_source_that_falls_silent_is_soon_slow() -> None:
    rate = watch(per_day=24)
    for day in range(1, 57):
        rate = pacing.record_arrivals(rate, new=0, now=NOON + day * DAY)
    assert pacing.arrivals_per_day(rate, NOON + 56 * DAY) < 24 / 8


@given(counts, st.integers(0, 500), st.timedeltas(timedelta(0), 3 * DAY), moments)
def test_every_arrival_counts_once_however_long_the_gap(
    hours: tuple[float, ...], new: int, gap: timedelta, now: datetime
) -> None:
    rate = replace(make_rate(hours), at=now - gap)
    silent = pacing.record_arrivals(rate, new=0, now=now)
    after = pacing.record_arrivals(rate, new=new, now=now)
    assert sum(after.hours) - sum(silent.hours) == pytest.approx(new, abs=1e-6)
    assert after.days == silent.days
    assert after.at == now


def test_many_polls_in_a_row_watch_as_long_as_one() -> None:
    often = once = make_rate((1.0,) * 24)
    for step in range(1, 97):
        often = pacing.record_arrivals(often, new=0, now=NOON + step * 15 * MINUTE)
    once = pacing.record_arrivals(once, new=0, now=NOON + DAY)
    assert often.days == pytest.approx(once.days)
    assert often.hours == pytest.approx(once.hours)


def test_a_clock_that_goes_back_changes_nothing_known() -> None:
    rate = make_rate((1.0,) * 24)
    assert pacing.record_arrivals(rate, new=0, now=NOON - DAY) == rate


# --- the interval ---------------------------------------------------------------------------------


def test_four_times_the_arrivals_halve_the_interval() -> None:
    slow, quick = (pacing.poll_interval(watch(per_day=n), now=NOON, c=1.0) for n in (8, 32))
    assert slow / quick == pytest.approx(2.0, rel=0.2)


def test_an_even_source_of_one_arrival_a_day_is_polled_after_c_days() -> None:
    rate = make_rate(((1.0 * (19.0 + 3.5) - 0.5) / 24,) * 24)
    assert pacing.poll_interval(rate, now=NOON, c=0.25) / DAY == pytest.approx(0.25, rel=1e-3)
    assert pacing.poll_interval(rate, now=NOON, c=0.25, weight=4) / DAY == pytest.approx(0.125, rel=1e-3)


@given(counts, st.floats(0.001, 100), st.floats(0.01, 100), moments)
def test_the_interval_is_between_a_quarter_of_an_hour_and_a_day(
    hours: tuple[float, ...], c: float, weight: float, now: datetime
) -> None:
    interval = pacing.poll_interval(make_rate(hours), now=now, weight=weight, c=c)
    assert 15 * MINUTE <= interval <= DAY


@given(st.integers(0, 200), st.integers(0, 200))
def test_who_publishes_more_is_not_polled_less(one: int, more: int) -> None:
    first = pacing.first_arrivals([], now=NOON - 2 * DAY)
    rates = [pacing.record_arrivals(first, new=n, held=30, now=NOON) for n in (one, one + more)]
    slow, quick = (pacing.poll_interval(rate, now=NOON) for rate in rates)
    assert quick <= slow


@given(counts, st.integers(0, 23), st.floats(0, 1000), moments)
def test_more_in_one_hour_of_the_day_slows_no_other(
    hours: tuple[float, ...], hour: int, more: float, now: datetime
) -> None:
    richer = tuple(count + more * (h == hour) for h, count in enumerate(hours))
    slow, quick = (pacing.poll_interval(make_rate(h), now=now) for h in (hours, richer))
    assert quick <= slow + timedelta(milliseconds=1)


@given(counts, st.floats(0.01, 1), st.floats(1, 10), moments)
def test_a_larger_c_waits_longer_and_a_larger_weight_less(
    hours: tuple[float, ...], c: float, more: float, now: datetime
) -> None:
    rate = make_rate(hours)
    middle = pacing.poll_interval(rate, now=now, c=c)
    assert pacing.poll_interval(rate, now=now, c=c * more) >= middle
    assert pacing.poll_interval(rate, now=now, c=c, weight=more) <= middle


def test_a_source_that_publishes_in_the_morning_is_polled_then() -> None:
    rate = make_rate([30.0 if 8 <= hour < 12 else 0.0 for hour in range(24)])
    morning, night = (
        pacing.poll_interval(rate, now=NOON.replace(hour=hour), c=pacing.DEFAULT_C) for hour in (9, 17)
    )
    assert morning * 2 < night


@pytest.mark.parametrize("hour", range(20, 24))
def test_the_wait_of_a_night_ends_when_the_morning_has_begun(hour: int) -> None:
    """Not when the interval of the night is over, which from 23:00 on is past noon."""
    rate = make_rate([30.0 if 8 <= hour < 18 else 0.0 for hour in range(24)], recent=0.0)
    evening = NOON.replace(hour=hour)
    at = evening + pacing.poll_interval(rate, now=evening, c=0.4)
    assert NOON.replace(hour=7) <= at - DAY <= NOON.replace(hour=10)


@given(st.floats(0.5, 300), st.floats(0.02, 2), st.floats(0.1, 10), moments)
def test_the_law_of_an_even_source_is_the_square_root(
    per_day: float, c: float, weight: float, now: datetime
) -> None:
    rate = replace(make_rate(((per_day * 22.5 - 0.5) / 24,) * 24), at=now)
    got = pacing.poll_interval(rate, now=now, c=c, weight=weight)
    assert got / DAY == pytest.approx(min(max(c / (weight * per_day) ** 0.5, 1 / 96), 1), rel=1e-3)


TUESDAY, SATURDAY, SUNDAY = NOON, NOON + 4 * DAY, NOON + 5 * DAY


def test_a_source_that_rests_at_the_weekend_is_polled_less_then() -> None:
    rate = make_rate((10.0,) * 24, weekdays=[48.0] * 5 + [0.0] * 2, recent=0.0)
    week, weekend = (pacing.poll_interval(rate, now=day, c=0.4) for day in (TUESDAY, SATURDAY))
    assert weekend > 2 * week
    late = SUNDAY.replace(hour=20)
    assert late + pacing.poll_interval(rate, now=late, c=0.4) < SUNDAY + 16 * HOUR, "Monday is seen coming"


def test_a_week_that_is_not_known_has_no_weekdays() -> None:
    """As after the first poll, and where an older version wrote what is known."""
    rate = replace(make_rate((10.0,) * 24, recent=0.0), weekdays=(0.0,) * 7, watched=(0.0,) * 7)
    days = {pacing.poll_interval(rate, now=NOON + n * DAY, c=0.4) for n in range(7)}
    assert len(days) == 1


def test_the_first_week_takes_no_day_for_a_rest_that_was_not_watched() -> None:
    rate = pacing.first_arrivals([], now=NOON - HOUR)
    for hour in range(2 * 24):  # Tuesday and Wednesday
        rate = pacing.record_arrivals(rate, new=1, now=NOON + hour * HOUR)
    quiet = replace(rate, recent=1.0)
    known, unknown = (pacing.poll_interval(quiet, now=NOON + n * DAY, c=1.0) for n in (1, 4))
    assert unknown == pytest.approx(known, rel=0.1)


def test_a_burst_is_followed_while_it_lasts() -> None:
    rate = make_rate((1.0,) * 24)
    dates = [NOON + 55 * MINUTE + n * 11 * timedelta(seconds=20) for n in range(8)]
    burst = pacing.record_arrivals(rate, new=8, published=dates, now=NOON + 90 * MINUTE)
    calm = pacing.record_arrivals(rate, new=0, now=NOON + 90 * MINUTE)
    forgotten = replace(burst, recent=calm.recent)
    shares = [
        pacing.poll_interval(burst, now=NOON + later, c=0.2)
        / pacing.poll_interval(forgotten, now=NOON + later, c=0.2)
        for later in (90 * MINUTE, 3 * HOUR, 9 * HOUR)
    ]
    assert shares == sorted(shares)
    assert shares[0] < 0.7 < 0.95 < shares[2]


def test_a_burst_that_was_over_before_it_was_seen_is_not_followed() -> None:
    rate = make_rate((1.0,) * 24)
    early, late = (
        pacing.record_arrivals(
            rate, new=8, published=[NOON + at + n * MINUTE for n in range(1, 9)], now=NOON + 8 * HOUR
        )
        for at in (HOUR, 7 * HOUR + 50 * MINUTE)
    )
    slow, quick = (pacing.poll_interval(r, now=NOON + 8 * HOUR, c=0.2) for r in (early, late))
    assert quick * 2 < slow


DATES: dict[str, tuple[int, list[timedelta], dict[int, float]]] = {
    "dates between the polls say in which hour it came": (2, [70 * MINUTE, 75 * MINUTE], {13: 2.0}),
    "without dates it is spread over all the time since": (4, [], {12: 1.0, 13: 1.0, 14: 1.0, 15: 1.0}),
    "a date before the last poll is wrong, or came late": (
        4,
        [-5 * MINUTE],
        dict.fromkeys(range(12, 16), 1.0),
    ),
    "a date of now is the poll's own": (4, [4 * HOUR], dict.fromkeys(range(12, 16), 1.0)),
    "a date in the future is wrong": (4, [5 * HOUR], dict.fromkeys(range(12, 16), 1.0)),
    "a date on the hour may be that of a day": (4, [2 * HOUR], dict.fromkeys(range(12, 16), 1.0)),
    "who has no date is spread, who has one is not": (
        5,
        [70 * MINUTE],
        {12: 1.0, 13: 2.0, 14: 1.0, 15: 1.0},
    ),
    "of an edited entry the date counts for nothing": (0, [70 * MINUTE], {}),
    "the latest dates are those of the new entries": (1, [70 * MINUTE, 130 * MINUTE], {14: 1.0}),
}


@pytest.mark.parametrize(("new", "after", "hours"), DATES.values(), ids=DATES.keys())
def test_arrivals_are_placed_in_time(new: int, after: list[timedelta], hours: dict[int, float]) -> None:
    rate = pacing.first_arrivals([], now=NOON)
    rate = pacing.record_arrivals(
        rate, new=new, published=[NOON + span for span in after], now=NOON + 4 * HOUR
    )
    assert {hour: count for hour, count in enumerate(rate.hours) if count} == pytest.approx(hours)
    assert rate.weekdays == pytest.approx((0.0, float(new), 0.0, 0.0, 0.0, 0.0, 0.0))


@given(
    st.lists(st.timedeltas(-DAY, 9 * DAY), max_size=20),
    st.integers(0, 20),
    st.timedeltas(timedelta(0), 9 * DAY),
    moments,
)
def test_no_date_makes_an_arrival_more_or_less(
    spans: list[timedelta], new: int, gap: timedelta, now: datetime
) -> None:
    rate = replace(make_rate(recent=0.0), at=now - gap, watched=(0.0,) * 7)
    after = pacing.record_arrivals(rate, new=new, published=[now - gap + span for span in spans], now=now)
    assert sum(after.hours) == pytest.approx(new, abs=1e-6)
    assert sum(after.weekdays) == pytest.approx(new, abs=1e-6)
    assert sum(after.watched) == pytest.approx(after.days - 19.0 * 2 ** (-(gap / DAY) / 14), abs=1e-6)
    assert 0 <= after.recent <= new + 1e-9


def test_the_backlog_tells_the_hours_if_it_is_a_day_and_more() -> None:
    short, long = (
        pacing.first_arrivals([NOON - (n * span + 7) * MINUTE for n in range(20)], now=NOON)
        for span in (60, 24 * 60)
    )
    assert len(set(short.hours)) == 1
    assert long.hours[11] == sum(long.hours) > 5


def test_a_backlog_dated_by_the_day_tells_no_hours() -> None:
    rate = pacing.first_arrivals([NOON.replace(hour=0) - n * DAY for n in range(20)], now=NOON)
    assert len(set(rate.hours)) == 1


def test_a_new_source_is_watched_closely_at_first() -> None:
    rate = pacing.first_arrivals([], now=NOON)
    at, waits = NOON, []
    for _ in range(6):
        waits.append(pacing.poll_interval(rate, now=at, c=100.0))
        at += waits[-1]
        rate = pacing.record_arrivals(rate, new=0, now=at)
    assert [wait / MINUTE for wait in waits] == [15, 15, 30, 60, 120, 240]


def test_a_quiet_source_that_wakes_loses_nothing_after_the_first_surprise() -> None:
    rate = pacing.record_arrivals(make_rate(), new=20, held=20, now=NOON + 12 * HOUR)
    wait = pacing.poll_interval(rate, now=NOON + 12 * HOUR, c=100.0)
    assert wait == 6 * HOUR  # the document turned over in 12 hours or less: half of it in six


def test_the_guard_lets_go_when_polls_find_little_again() -> None:
    rate = pacing.record_arrivals(make_rate(), new=10, held=20, now=NOON + 4 * HOUR)
    found = []
    for step in range(1, 5):
        found.append(rate.safe_days)
        rate = pacing.record_arrivals(rate, new=1, held=20, now=NOON + (4 + step) * HOUR)
    assert found == [pytest.approx(4 / 24), pytest.approx(8 / 24), pytest.approx(16 / 24), None]


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
    assert at <= NOON + max(DAY, retry + DAY * 0.1) + timedelta(seconds=1)


YEAR = 365 * DAY
FLOORS: dict[str, tuple[dict[str, object], timedelta]] = {
    "nothing asked": ({}, HOUR),
    "a ttl below the interval asks nothing": ({"hints": Hints(ttl=MINUTE)}, HOUR),
    "ttl": ({"hints": Hints(ttl=3 * HOUR)}, 3 * HOUR),
    "sy:updatePeriod": ({"hints": Hints(update_every=3 * HOUR)}, 3 * HOUR),
    "the longer of the two": ({"hints": Hints(ttl=2 * HOUR, update_every=3 * HOUR)}, 3 * HOUR),
    "sy:updatePeriod yearly is polled daily": ({"hints": Hints(update_every=YEAR)}, DAY),
    "max-age": ({"fresh_for": 3 * HOUR}, 3 * HOUR),
    "max-age of a year is polled daily": ({"fresh_for": YEAR}, DAY),
    "stale already": ({"fresh_for": timedelta(0)}, HOUR),
    "Retry-After": ({"retry_after": 3 * HOUR}, 3 * HOUR),
    "Retry-After is kept beyond a day": ({"retry_after": 5 * DAY}, 5 * DAY),
    "every replaces the interval": ({"every": 10 * MINUTE}, 10 * MINUTE),
    "every of a week is a week": ({"every": 7 * DAY}, 7 * DAY),
    "every outranks ttl and sy:updatePeriod": (
        {"every": 10 * MINUTE, "hints": Hints(ttl=3 * HOUR, update_every=YEAR)},
        10 * MINUTE,
    ),
    "every does not outrank max-age": ({"every": 10 * MINUTE, "fresh_for": 3 * HOUR}, 3 * HOUR),
    "every does not outrank Retry-After": ({"every": 10 * MINUTE, "retry_after": 3 * HOUR}, 3 * HOUR),
    "every does not outrank skipHours": (
        {"every": HOUR, "hints": Hints(skip_hours=frozenset({13}))},
        2 * HOUR,
    ),
    "a failure doubles": ({"failures": 1}, 2 * HOUR),
    "two failures double twice": ({"failures": 2}, 4 * HOUR),
    "the fifth would be more than a day": ({"failures": 5}, DAY),
    "a year of failures is still daily": ({"failures": 400}, DAY),
    "a million failures as well": ({"failures": 1_000_000}, DAY),
    "every is doubled too": ({"every": 10 * MINUTE, "failures": 1}, 20 * MINUTE),
    "a weekly source is not polled more often for failing": ({"every": 7 * DAY, "failures": 3}, 7 * DAY),
    "Retry-After below the backoff asks nothing": ({"failures": 2, "retry_after": MINUTE}, 4 * HOUR),
    "Retry-After beyond the backoff": ({"failures": 2, "retry_after": 9 * HOUR}, 9 * HOUR),
    "a failure forgets no ttl": ({"failures": 1, "hints": Hints(ttl=3 * HOUR)}, 3 * HOUR),
}


@pytest.mark.parametrize(("asked", "wait"), FLOORS.values(), ids=FLOORS.keys())
@pytest.mark.parametrize("jitter", [-1.0, 0.0, 1.0])
def test_the_wait_of_an_hour_is_raised_to(asked: dict[str, object], wait: timedelta, jitter: float) -> None:
    next_poll: Callable[..., datetime] = pacing.next_poll
    got = next_poll(NOON, interval=HOUR, jitter=jitter, **asked) - NOON
    if not jitter:
        assert got == wait
    elif "hints" not in asked:  # with skipped hours the spread may jump
        assert wait * 0.9 <= got <= wait * 1.1


SKIPS = {
    "past the hours it excludes": (Hints(skip_hours=frozenset({13, 14})), NOON + 3 * HOUR),
    "past midnight": (Hints(skip_hours=ALL_HOURS - {2}), NOON + 14 * HOUR),
    "past the day it excludes": (Hints(skip_days=frozenset({1})), NOON + 12 * HOUR),
    "past a weekend that begins now": (Hints(skip_days=frozenset({1, 2})), NOON + 36 * HOUR),
    "past days and hours": (
        Hints(skip_days=frozenset({1}), skip_hours=frozenset({0, 1})),
        NOON + 14 * HOUR,
    ),
    "to the one hour of the week it leaves": (
        Hints(skip_days=ALL_DAYS - {0}, skip_hours=ALL_HOURS - {5}),
        NOON + 5 * DAY + 17 * HOUR,
    ),
    "excluding all hours excludes none": (Hints(skip_hours=ALL_HOURS), NOON + HOUR),
    "excluding all days excludes none": (Hints(skip_days=ALL_DAYS), NOON + HOUR),
    "hours that no day has mean nothing": (Hints(skip_hours=frozenset({24, 25})), NOON + HOUR),
}


@pytest.mark.parametrize(("hints", "at"), SKIPS.values(), ids=SKIPS.keys())
def test_excluded_hours_and_days_are_kept(hints: Hints, at: datetime) -> None:
    assert pacing.next_poll(NOON, interval=HOUR, jitter=0.0, hints=hints) == at


@given(moments, st.frozensets(st.integers(0, 23), max_size=23), st.frozensets(st.integers(0, 6), max_size=6))
def test_a_poll_stands_in_the_first_hour_that_is_not_excluded(
    now: datetime, skip_hours: frozenset[int], skip_days: frozenset[int]
) -> None:
    def excluded(at: datetime) -> bool:
        return at.hour in skip_hours or at.weekday() in skip_days

    hints = Hints(skip_hours=skip_hours, skip_days=skip_days)
    planned = pacing.next_poll(now, interval=HOUR, jitter=0.3)
    at = pacing.next_poll(now, interval=HOUR, jitter=0.3, hints=hints)
    assert not excluded(at)
    hours_moved = (at - planned) // HOUR
    assert planned + hours_moved * HOUR == at
    assert all(excluded(planned + n * HOUR) for n in range(hours_moved))


def test_a_moment_that_has_come_late_is_moved_out_of_what_is_excluded() -> None:
    hints = Hints(skip_hours=frozenset({12, 13}))
    assert pacing.move_past_skipped(NOON + 5 * MINUTE, hints) == NOON + 2 * HOUR + 5 * MINUTE
    assert pacing.move_past_skipped(NOON + 3 * HOUR, hints) == NOON + 3 * HOUR


def test_jitter_spreads_by_a_tenth_either_way() -> None:
    polls = [pacing.next_poll(NOON, interval=HOUR, jitter=jitter) - NOON for jitter in (-1.0, 0.0, 1.0)]
    assert polls == [54 * MINUTE, 60 * MINUTE, 66 * MINUTE]


def test_the_spread_is_kept_at_the_longest_interval() -> None:
    """Thrown back instead of cut off: all failing sources would else come at the same moment for ever."""
    polls = {pacing.next_poll(NOON, interval=DAY, jitter=j / 10, failures=9) for j in range(-10, 11)}
    assert len(polls) == 11
    assert min(polls) == NOON + 0.9 * DAY
    assert max(polls) == NOON + DAY


def test_sources_held_by_the_same_floor_drift_apart() -> None:
    polls = {pacing.next_poll(NOON, interval=HOUR, jitter=j / 10, fresh_for=3 * HOUR) for j in range(11)}
    assert len(polls) == 11


@given(
    moments,
    counts,
    st.sampled_from(["Africa/Tripoli", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
)
def test_summer_time_and_zones_change_nothing(now: datetime, hours: tuple[float, ...], zone: str) -> None:
    local = now.astimezone(ZoneInfo(zone))
    hints = Hints(skip_hours=frozenset({1, 2, 3}))
    assert pacing.poll_interval(make_rate(hours), now=local) == pacing.poll_interval(
        make_rate(hours), now=now
    )
    assert pacing.next_poll(local, interval=9 * HOUR, jitter=0.0, hints=hints) == pacing.next_poll(
        now, interval=9 * HOUR, jitter=0.0, hints=hints
    )


@pytest.mark.parametrize("failing", [False, True])
def test_a_source_that_says_nothing_new_is_polled_daily_for_ever(failing: bool) -> None:
    """Neither silence, nor failures, nor a feed that asks for all the time in the world ends the polling."""
    rng = random.Random(1)
    hints = Hints(ttl=YEAR, update_every=YEAR, skip_hours=ALL_HOURS, skip_days=ALL_DAYS)
    rate, at = pacing.first_arrivals([], now=NOON), NOON
    for number in range(1, 400):
        then = pacing.next_poll(
            at,
            interval=pacing.poll_interval(rate, now=at, c=100.0),
            jitter=rng.uniform(-1, 1),
            failures=number if failing else 0,
            fresh_for=YEAR,
            hints=hints,
        )
        assert then - at <= DAY
        at = then
        if not failing:
            rate = pacing.record_arrivals(rate, new=0, now=at)


@pytest.mark.parametrize(
    ("hours", "count", "gone"),
    [(0, 1, False), (48, 2, False), (47, 3, False), (48, 3, True), (500, 9, True)],
)
def test_410_is_believed_after_three_answers_over_48_hours(hours: int, count: int, gone: bool) -> None:
    assert pacing.is_gone(NOON, count, NOON + hours * HOUR) is gone


def test_without_a_410_nothing_is_gone() -> None:
    assert not pacing.is_gone(None, 0, NOON)


# --- the budget -----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [0.001, pacing.DEFAULT_C, 50.0])
@pytest.mark.parametrize("wanted", [10.0, 40.0, 100.0])
def test_the_plan_comes_to_the_budget_from_any_start(start: float, wanted: float) -> None:
    rates = [watch(per_day=n) for n in (4, 8, 16, 48, 96, 240)] * 10
    c = start
    for _ in range(30):
        planned = sum(pacing.requests_per_hour(rate, c=c) for rate in rates)
        c = pacing.adjust_c(
            c, requests_per_hour_wanted=wanted, requests_last_hour=planned, requests_planned=planned
        )
    planned = sum(pacing.requests_per_hour(rate, c=c) for rate in rates)
    assert planned == pytest.approx(wanted, rel=0.1)


@given(st.floats(0, 1e7), st.floats(0, 1e7), st.floats(1, 1e7), st.floats(0.001, 100))
def test_one_step_of_c_is_bounded(planned: float, sent: float, wanted: float, c: float) -> None:
    after = pacing.adjust_c(
        c, requests_per_hour_wanted=wanted, requests_last_hour=sent, requests_planned=planned
    )
    assert max(c / 4, 0.001) * 0.999 <= after <= min(c * 4, 100.0) * 1.001


@given(counts, st.floats(0.01, 10))
def test_the_plan_is_one_over_the_interval_of_an_even_source(hours: tuple[float, ...], c: float) -> None:
    rate = make_rate((sum(hours) / 24,) * 24)
    planned = pacing.requests_per_hour(rate, c=c)
    assert planned == pytest.approx(HOUR / pacing.poll_interval(rate, now=NOON, c=c), rel=1e-3)
    assert pacing.requests_per_hour(rate, c=c, floor=2 * HOUR) <= 0.5


def test_the_plan_is_the_mean_over_the_hours_of_a_day() -> None:
    rate = make_rate([30.0 if 8 <= hour < 18 else 0.0 for hour in range(24)])
    at, polls = NOON, 0
    while at < NOON + 10 * DAY:
        rate = replace(rate, at=at)
        at += pacing.poll_interval(rate, now=at, c=0.2)
        polls += 1
    assert polls / 240 == pytest.approx(pacing.requests_per_hour(rate, c=0.2), rel=0.1)


BUDGETS = {
    "much too eager, requests counted": (0.001, True, 0),
    "much too eager, nobody counts": (0.001, False, 0),
    "about right": (pacing.DEFAULT_C, True, 0),
    "asleep, requests counted": (100.0, True, 0),
    "asleep, nobody counts": (100.0, False, 0),
    "half as many sources again join": (pacing.DEFAULT_C, True, 30),
}


@pytest.mark.parametrize(("start", "counted", "joining"), BUDGETS.values(), ids=BUDGETS.keys())
def test_the_budget_is_met_on_the_second_day(start: float, counted: bool, joining: int) -> None:
    """60 sources of 0.1 to 100 articles a day and a budget of 90 requests an hour, over two days."""
    sent = simulate(c=start, wanted=90, counted=counted, joining=joining)
    second_day = [at for at in sent if at >= NOON + DAY]
    assert len(second_day) / 24 == pytest.approx(90, rel=0.1)
    for start_hour in range(30, 48, 6):
        during = [at for at in sent if NOON + start_hour * HOUR <= at < NOON + (start_hour + 6) * HOUR]
        assert len(during) / 6 == pytest.approx(90, rel=0.1)


def simulate(*, c: float, wanted: float, counted: bool, joining: int) -> list[datetime]:
    """The moments of all requests; further sources join after 18 hours."""
    rng = random.Random(3)
    per_day = [0.1 * 1000 ** (i / 60) for i in range(60)] + [
        0.1 * 1000 ** rng.random() for _ in range(joining)
    ]
    rates: list[ArrivalRate | None] = [make_rate((n * 19 / 24,) * 24) for n in per_day[:60]]
    rates += [None] * joining
    due = [
        (NOON + rng.random() * pacing.poll_interval(r, now=NOON, c=c), i) for i, r in enumerate(rates) if r
    ]
    due += [(NOON + 18 * HOUR + rng.random() * MINUTE, i) for i in range(60, 60 + joining)]
    heapq.heapify(due)
    sent: list[datetime] = []
    adjust_at = NOON + 30 * MINUTE
    while due[0][0] < NOON + 2 * DAY:
        at, i = heapq.heappop(due)
        while adjust_at <= at:
            c = pacing.adjust_c(
                c,
                requests_per_hour_wanted=wanted,
                requests_planned=sum(pacing.requests_per_hour(r, c=c) for r in rates if r),
                requests_last_hour=sum(t > adjust_at - HOUR for t in sent[-1000:]) if counted else None,
            )
            adjust_at += 30 * MINUTE
        sent.append(at)
        known = rates[i]
        if known is None:
            rate = pacing.first_arrivals([at - n / per_day[i] * DAY for n in range(1, 31)], now=at)
        else:
            expected = per_day[i] * ((at - known.at) / DAY)
            new = int(expected) + (rng.random() < expected % 1)
            rate = pacing.record_arrivals(known, new=new, held=30, now=at)
        rates[i] = rate
        interval = pacing.poll_interval(rate, now=at, c=c)
        heapq.heappush(due, (pacing.next_poll(at, interval=interval, jitter=rng.uniform(-1, 1)), i))
    return sent
