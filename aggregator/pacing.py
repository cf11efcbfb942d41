"""When to poll next: pure arithmetic over what happened.

The square-root law: at a given number of requests the mean delay is least when a source that publishes
four times as much is polled twice as often, T = c/√(w·λ) (Cho and Garcia-Molina, "Effective page refresh
policies", 2003; Sia, Cho and Cho, "Efficient monitoring algorithm for fast news alerts", 2007). λ goes up
and down with the hour of the day, so the law is kept in its integrated form: the next poll is due when
√(w·λ) summed up since this one comes to c. Units: days, arrivals a day; hours are UTC throughout.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import exp2, log, sqrt

from aggregator.model import ArrivalRate, Hints

SHORTEST_INTERVAL = timedelta(minutes=15)
LONGEST_INTERVAL = timedelta(hours=24)
LONGEST_BACKOFF = timedelta(hours=24)

# Without a budget: a source of 24 articles a day is polled every hour, one of 384 every quarter of one.
DEFAULT_C = sqrt(1 / 24)
# Beyond these every source stands at one end of the clamp.
_LEAST_C, _LARGEST_C = 1e-3, 100.0

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_HALF_LIFE = 14.0  # days
_PRIOR_COUNT, _PRIOR_DAYS = 0.5, 3.5
# Of four arrivals we know too little to tell the hours apart.
_FLAT_COUNT = 4.0
# However quiet an hour was, it may be the one with the news.
_QUIETEST_SHARE = 0.15
_HOURS = range(24)

_GONE_ANSWERS, _GONE_AFTER = 3, timedelta(hours=48)


def first_arrivals(published: Sequence[datetime], *, now: datetime) -> ArrivalRate:
    """What the first poll of a source tells: its backlog is as old as the publication dates say.

    A backlog is no burst: every entry counts at its own age, over the time since the oldest; entries
    without a date of the past say nothing. The hours stay even, for many feeds write dates without a time.
    """
    ages = sorted(_days(now - at) for at in published if at < now)
    if not ages:
        return ArrivalRate(hours=(0.0,) * 24, days=0.0, since=now, at=now)
    # The oldest entry only opens the time that we look at.
    count = sum(_decay(age) for age in ages[:-1])
    return ArrivalRate(hours=(count / 24,) * 24, days=_watched(ages[-1]), since=now, at=now)


def record_arrivals(rate: ArrivalRate, *, new: int, held: int = 0, now: datetime) -> ArrivalRate:
    """Add `new` entries, first seen at `now` in a document of `held` entries (0: there was no document).

    For a 304 and an unchanged body `new` is 0; a failed poll tells nothing and is not recorded.
    """
    gap = max(_days(now - rate.at), 0.0)
    decay = _decay(gap)
    added = _spread_over_hours(new, rate.at, now)
    return ArrivalRate(
        hours=tuple(old * decay + more for old, more in zip(rate.hours, added, strict=True)),
        days=rate.days * decay + _watched(gap),
        since=rate.since,
        at=max(now, rate.at),
        safe_days=_safe_days(rate.safe_days, gap=gap, new=new, held=held),
    )


def arrivals_per_day(rate: ArrivalRate, now: datetime) -> float:
    """The mean over all hours of the day, if nothing has come since the rate was recorded."""
    gap = max(_days(now - rate.at), 0.0)
    decay = _decay(gap)
    return (sum(rate.hours) * decay + _PRIOR_COUNT) / (rate.days * decay + _watched(gap) + _PRIOR_DAYS)


def poll_interval(
    rate: ArrivalRate, *, now: datetime, weight: float = 1.0, c: float = DEFAULT_C
) -> timedelta:
    """How long to wait from `now`, 15 minutes to 24 hours: c/√(weight·λ), with λ as it is hour by hour.

    `weight` above 1 polls a source more often than its arrivals alone would; `c` is the interval in days of
    a source of weight 1 with one arrival a day.
    """
    roots = [sqrt(weight * hourly) for hourly in _hourly_rates(rate)]
    days = _reach(c, roots, start=_hour_of_day(now)) / 24
    if rate.safe_days is not None:
        days = min(days, rate.safe_days)
    # A source just added may be at the start of its day: no wait is longer than we have known it.
    return min(max(min(days * _DAY, now - rate.since), SHORTEST_INTERVAL), LONGEST_INTERVAL)


def requests_per_hour(
    rate: ArrivalRate,
    *,
    now: datetime,
    weight: float = 1.0,
    c: float = DEFAULT_C,
    floor: timedelta = SHORTEST_INTERVAL,
) -> float:
    """What the law comes to with this `c` at this hour; `floor` is the source's own least interval."""
    root = sqrt(weight * _hourly_rates(rate)[int(_hour_of_day(now))])
    # Without what holds a source back for a while only, being new or in a burst: it would raise c for all.
    return _HOUR / min(max(24 * c / root * _HOUR, SHORTEST_INTERVAL, floor), LONGEST_INTERVAL)


def adjust_c(
    c: float,
    *,
    requests_per_hour_wanted: float,
    requests_planned: float,
    requests_last_hour: float | None = None,
) -> float:
    """The next `c`, so that the sources together ask for the wanted number of requests an hour.

    `requests_planned` is what all sources would ask for an hour at the present `c` (`requests_per_hour`,
    summed up): it answers to a new `c` and to new sources at once, while the requests of the last hour lag
    behind by up to a day, which would make any controller on them alone swing. `requests_last_hour`, what the
    same sources were really sent (None: nobody counted), only corrects the plan, by a factor of 1.5 at most.
    Call it as often as you like: nothing adds up over calls.
    """
    trim = 1.0
    if requests_last_hour is not None and requests_planned > 0:
        trim = min(max(requests_last_hour / requests_planned, 2 / 3), 1.5)
    step = requests_planned * trim / requests_per_hour_wanted
    return min(max(c * min(max(step, 0.25), 4.0), _LEAST_C), _LARGEST_C)


def next_poll(
    now: datetime,
    *,
    interval: timedelta,
    jitter: float,
    every: timedelta | None = None,
    failures: int = 0,
    fresh_for: timedelta | None = None,
    hints: Hints | None = None,
    retry_after: timedelta | None = None,
) -> datetime:
    """When to poll next, in UTC: the interval, spread by `jitter` (-1 to 1) over ±10 %, never before a floor.

    Floors: `fresh_for` (max-age, Expires; RFC 9111, 4.2), RSS ttl and sy:updatePeriod, a day of each at most,
    so that a source is polled daily for ever; Retry-After in full. Then past skipHours and skipDays, unless
    they leave no hour of the week. `every` is the admin's word: it replaces the interval and what the feed
    says of its pace (ttl, sy:updatePeriod), but no floor of HTTP and no hour that the publisher excludes.
    `failures` counts failures in a row, this one too; 0 after a success.
    """
    hints = hints or Hints()
    wait = _back_off(every or interval, failures) * (1 + jitter / 10)
    asked = [fresh_for] if every else [fresh_for, hints.ttl, hints.update_every]
    # Floors are stretched, never shrunk: sources that joined together drift apart here too.
    stretch = 1 + abs(jitter) / 10
    for floor in asked:
        wait = max(wait, min(floor or timedelta(), LONGEST_INTERVAL) * stretch)
    if retry_after is not None:
        wait = max(wait, retry_after + min(retry_after, LONGEST_INTERVAL) * (stretch - 1))
    return _move_past_skipped(now.astimezone(UTC) + wait, hints)


def is_gone(first_410_at: datetime | None, count: int, now: datetime) -> bool:
    """Whether 410 (RFC 9110, 15.5.11) is to be believed: three answers in a row, 48 hours from first to last.

    `count` includes the answer of `now`; any other answer in between starts anew (`first_410_at` None).
    """
    return first_410_at is not None and count >= _GONE_ANSWERS and now - first_410_at >= _GONE_AFTER


def _back_off(interval: timedelta, failures: int) -> timedelta:
    return min(interval * (1 << min(failures, 20)), max(LONGEST_BACKOFF, interval))


def _move_past_skipped(at: datetime, hints: Hints) -> datetime:
    """Hour by hour, so that the minute, and with it the spread, is kept."""
    if len(hints.skip_hours.intersection(_HOURS)) == 24 or len(hints.skip_days.intersection(range(7))) == 7:
        return at
    while at.hour in hints.skip_hours or at.weekday() in hints.skip_days:
        at += _HOUR
    return at


def _hourly_rates(rate: ArrivalRate) -> list[float]:
    """Arrivals a day at each hour: the mean rate, shared out by what came within two hours of it.

    More arrivals in any hour never make another hour slower: intervals are monotone in every count.
    """
    count, k = sum(rate.hours), rate.hours
    mean = (count + _PRIOR_COUNT) / (rate.days + _PRIOR_DAYS)
    scale = 24 * mean / (count + _FLAT_COUNT)
    least = mean * _QUIETEST_SHARE
    even = _FLAT_COUNT / 24
    return [
        max(
            least,
            scale * (even + (k[h - 2] + 2 * k[h - 1] + 3 * k[h] + 2 * k[(h + 1) % 24] + k[(h + 2) % 24]) / 9),
        )
        for h in _HOURS
    ]


def _reach(goal: float, roots: Sequence[float], *, start: float) -> float:
    """Hours from the hour of the day `start` until the roots, summed up, come to `goal` days; 24 at most."""
    hour, missing = start, goal * 24
    while hour < start + 24:
        root, until = roots[int(hour) % 24], int(hour) + 1.0
        gained = root * (until - hour)
        if gained >= missing:
            return min(hour + missing / root - start, 24.0)
        missing -= gained
        hour = until
    return 24.0


def _spread_over_hours(new: int, start: datetime, end: datetime) -> list[float]:
    """`new` arrivals over the hours of the day from start to end, evenly: nobody knows when they came."""
    gap = (end - start) / _HOUR
    if not new or gap >= 24:
        return [new / 24] * 24
    added = [0.0] * 24
    if gap <= 0:
        added[int(_hour_of_day(end))] += new
        return added
    hour = _hour_of_day(start)
    last = hour + gap
    while hour < last:
        until = min(int(hour) + 1.0, last)
        added[int(hour) % 24] += new * (until - hour) / gap
        hour = until
    return added


def _safe_days(known: float | None, *, gap: float, new: int, held: int) -> float | None:
    """The wait that turns over half a document at the pace of this poll; doubled by every calmer one.

    λ takes days to learn that a quiet source has become a busy one, but its document holds hours. Only a
    poll that found a quarter of it new says something of pace.
    """
    relaxed = 1.0 if known is None else known * 2
    if held and new * 4 >= held:
        relaxed = min(relaxed, max(gap, SHORTEST_INTERVAL / _DAY) * held / (2 * new))
    return None if relaxed >= 1 else relaxed


def _hour_of_day(at: datetime) -> float:
    at = at.astimezone(UTC)
    return at.hour + at.minute / 60 + at.second / 3600


def _days(span: timedelta) -> float:
    return span / _DAY


def _decay(days: float) -> float:
    return exp2(-days / _HALF_LIFE)


def _watched(days: float) -> float:
    """Decayed days of that many days of watching that end now."""
    return _HALF_LIFE / log(2) * (1 - _decay(days))
