"""When to poll next: pure arithmetic over what happened.

The square-root law: at a given number of requests the mean delay is least when a source that publishes
four times as much is polled twice as often, T = c/√(w·λ) (Cho and Garcia-Molina, "Effective page refresh
policies", 2003; Sia, Cho and Cho, "Efficient monitoring algorithm for fast news alerts", 2007). λ goes up
and down with the hour, the weekday and the news, so the law is kept as a price: the next poll is due when
what has come since this one is expected to have waited c²/2 days together, w·∫λ(u)·(t-u)du. For an even λ
that is T; for a newsroom it falls due soon after its morning begins.
λ is a slow rate, shared out over hours and weekdays, and for a part the last hour itself: arrivals come in
bursts (Hawkes, "Spectra of some self-exciting and mutually exciting point processes", 1971).
Units: days, arrivals a day; hours and weekdays are UTC throughout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from math import exp, exp2, expm1, log, sqrt

from aggregator.model import ArrivalRate, Hints

SHORTEST_INTERVAL = timedelta(minutes=15)
LONGEST_INTERVAL = timedelta(hours=24)
LONGEST_BACKOFF = timedelta(hours=24)
ASKED_GAP = timedelta(minutes=1)  # between polls of a source that an admin asks for one after the other

# Without a budget: a source of 24 articles a day is polled every hour, one of 384 every quarter of one.
DEFAULT_C = sqrt(1 / 24)
# Beyond these every source stands at one end of the clamp.
_LEAST_C, _LARGEST_C = 1e-3, 100.0

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_HALF_LIFE = 14.0  # days
_PRIOR_COUNT, _PRIOR_DAYS = 0.5, 3.5
# Of four arrivals we know too little to tell hours or weekdays apart.
_FLAT_COUNT = 4.0
# However quiet an hour or weekday was, it may be the one with the news.
_QUIETEST_SHARE = 0.05
# A quarter of λ is what has just come, fading by 1/e in an hour. Less misses bursts, more chases chance; for
# a source without bursts it costs 1 % of delay (bench/pacing.py, --world even).
_RECENT_SHARE, _RECENT_DAYS = 0.25, 1 / 24
_STEP = 1 / 96  # days; the shortest interval, so that no answer hangs on it
_HOURS = range(24)

_GONE_ANSWERS, _GONE_AFTER = 3, timedelta(hours=48)


def first_arrivals(published: Sequence[datetime], *, now: datetime) -> ArrivalRate:
    """What the first poll of a source tells: its backlog is as old as the publication dates say.

    A backlog is no burst: every entry counts at its own age, over the time since the oldest; entries
    without a date of the past say nothing. The hours are those of the dates if they span a day or more.
    """
    past = sorted(at.astimezone(UTC) for at in published if at < now)
    if not past:
        return ArrivalRate(hours=(0.0,) * 24, days=0.0, since=now, at=now)
    # The oldest entry only opens the time that we look at.
    span = _days(now - past[0])
    hours = [0.0] * 24
    for at in past[1:]:
        _place(hours, at.hour if span >= 1 and _tells_the_time(at) else None, _decay(_days(now - at)))
    return ArrivalRate(hours=tuple(hours), days=_watched(span), since=now, at=now)


def record_arrivals(
    rate: ArrivalRate, *, new: int, published: Iterable[datetime] = (), held: int = 0, now: datetime
) -> ArrivalRate:
    """Add `new` entries, first seen at `now` in a document of `held` entries (0: there was no document).

    Dates among `published` that lie between the last poll and this one tell when they came; for those
    without such a date it is any moment in between. For a 304 and an unchanged body `new` is 0; a failed
    poll tells nothing and is not recorded.
    """
    gap = max(_days(now - rate.at), 0.0)
    decay = _decay(gap)
    # An edited entry is not new: its date is mostly older than the last poll, else one of too many.
    dates = sorted(at.astimezone(UTC) for at in published if rate.at < at < now and _tells_the_time(at))
    dates = dates[max(len(dates) - new, 0) :]
    hours = [count * decay for count in rate.hours]
    weekdays = [count * decay for count in rate.weekdays]
    watched = [days * decay for days in rate.watched]
    for at in dates:
        hours[at.hour] += 1
        weekdays[at.weekday()] += 1
    for hour, weekday, share in _cut_by_hour(now, gap):
        _place(hours, hour, (new - len(dates)) * share)
        _place(weekdays, weekday, (new - len(dates)) * share)
        _place(watched, weekday, _watched(gap) * share)
    return ArrivalRate(
        hours=tuple(hours),
        days=rate.days * decay + _watched(gap),
        since=rate.since,
        at=max(now, rate.at),
        safe_days=_safe_days(rate.safe_days, gap=gap, new=new, held=held),
        weekdays=tuple(weekdays),
        watched=tuple(watched),
        recent=_recent(rate, now)
        + sum(_fade(_days(now - at)) for at in dates)
        + (new - len(dates)) * _mean_fade(gap),
    )


def arrivals_per_day(rate: ArrivalRate, now: datetime) -> float:
    """The mean over all hours of the day, if nothing has come since the rate was recorded."""
    gap = max(_days(now - rate.at), 0.0)
    decay = _decay(gap)
    return (sum(rate.hours) * decay + _PRIOR_COUNT) / (rate.days * decay + _watched(gap) + _PRIOR_DAYS)


def poll_interval(
    rate: ArrivalRate, *, now: datetime, weight: float = 1.0, c: float = DEFAULT_C
) -> timedelta:
    """How long to wait from `now`, 15 minutes to 24 hours: c/√(weight·λ), with λ as it is going to be.

    `weight` above 1 polls a source more often than its arrivals alone would; `c` is the interval in days of
    a source of weight 1 with one arrival a day.
    """
    days = _wait(c * c / 2, rate, now, weight)
    if rate.safe_days is not None:
        days = min(days, rate.safe_days)
    # A source just added may be at the start of its day: no wait is longer than we have known it.
    return min(max(min(days * _DAY, now - rate.since), SHORTEST_INTERVAL), LONGEST_INTERVAL)


def requests_per_hour(
    rate: ArrivalRate,
    *,
    weight: float = 1.0,
    c: float = DEFAULT_C,
    floor: timedelta = SHORTEST_INTERVAL,
) -> float:
    """What the law comes to with this `c`, over a day; `floor` is the source's own least interval."""
    # Without what holds for a while only, being new, a burst or a weekend: c would swing for all with it.
    least, longest = max(SHORTEST_INTERVAL, floor) / _HOUR, LONGEST_INTERVAL / _HOUR
    hours = [24 * c / sqrt(weight * hourly) for hourly in _hourly_rates(rate)]
    return sum(1 / min(max(interval, least), longest) for interval in hours) / 24


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

    Floors: `fresh_for` (max-age, Expires; RFC 9111, 4.2), RSS ttl and sy:updatePeriod, a day of each at most;
    Retry-After in full. Then past skipHours and skipDays, unless they leave no hour of the week. Who asks for
    no more than a day is polled at least daily for ever. `every` is the admin's word: it replaces the
    interval and what the feed says of its pace (ttl, sy:updatePeriod), but no floor of HTTP and no hour that
    the publisher excludes.
    `failures` counts failures in a row, this one too; 0 after a success.
    """
    hints = hints or Hints()
    wait = _back_off(every or interval, failures) * (1 + jitter / 10)
    if every is None or every <= LONGEST_INTERVAL:
        wait = min(wait, 2 * LONGEST_INTERVAL - wait)  # thrown back, so that the spread is kept
    asked = [fresh_for] if every else [fresh_for, hints.ttl, hints.update_every]
    # Floors are stretched, never shrunk: sources that joined together drift apart here too.
    stretch = 1 + abs(jitter) / 10
    for floor in asked:
        wait = max(wait, min((floor or timedelta()) * stretch, LONGEST_INTERVAL))
    if retry_after is not None:
        wait = max(wait, retry_after + min(retry_after, LONGEST_INTERVAL) * (stretch - 1))
    return move_past_skipped(now.astimezone(UTC) + wait, hints)


def earliest_poll(
    now: datetime,
    *,
    every: timedelta | None,
    fresh_for: timedelta | None,
    hints: Hints,
    retry_after: timedelta | None = None,
) -> datetime:
    """Before when, in UTC, not even an admin may have it polled again: the floors of `next_poll` alone.

    Without any it is ASKED_GAP. The interval, the back-off after failures and the spread are our own, and
    may be cut short.
    """
    asked = [fresh_for] if every else [fresh_for, hints.ttl, hints.update_every]
    floors = (min(floor, LONGEST_INTERVAL) for floor in asked if floor is not None)
    wait = max(ASKED_GAP, retry_after or ASKED_GAP, *floors)
    return move_past_skipped(now.astimezone(UTC) + wait, hints)


def is_gone(first_410_at: datetime | None, count: int, now: datetime) -> bool:
    """Whether 410 (RFC 9110, 15.5.11) is to be believed: three answers in a row, 48 hours from first to last.

    `count` includes the answer of `now`; any other answer in between starts anew (`first_410_at` None).
    """
    return first_410_at is not None and count >= _GONE_ANSWERS and now - first_410_at >= _GONE_AFTER


def _back_off(interval: timedelta, failures: int) -> timedelta:
    return min(interval * (1 << min(failures, 20)), max(LONGEST_BACKOFF, interval))


def move_past_skipped(at: datetime, hints: Hints) -> datetime:
    """The first moment from `at` (UTC) on that skipHours and skipDays leave; `at` if they leave none.

    Hour by hour, so that the minute, and with it the spread, is kept.
    """
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


def _weekday_factors(rate: ArrivalRate) -> list[float]:
    """The rate on each weekday over the mean: what came on it over what the mean lets expect."""
    mean = sum(rate.weekdays) / (sum(rate.watched) or 1.0)
    return [
        max(_QUIETEST_SHARE, (count + _FLAT_COUNT) / (days * mean + _FLAT_COUNT))
        for count, days in zip(rate.weekdays, rate.watched, strict=True)
    ]


def _wait(price: float, rate: ArrivalRate, now: datetime, weight: float) -> float:
    """Days until what comes from `now` on is expected to have waited `price` days together; 1 at most."""
    hours, weekdays = _hourly_rates(rate), _weekday_factors(rate)
    start, weekday = _hour_of_day(now), now.astimezone(UTC).weekday()
    seen = _recent(rate, now) / _RECENT_DAYS
    count = waited = 0.0
    fade = _fade(_STEP)
    share = _RECENT_SHARE * _fade(_STEP / 2)
    for step in range(96):
        hour = int(start + (step + 0.5) / 4)
        usual = hours[hour % 24] * weekdays[(weekday + hour // 24) % 7]
        level = weight * (usual * (1 - share) + seen * share)
        missing, gained = price - waited, (count + level * _STEP / 2) * _STEP
        if gained >= missing:
            return step * _STEP + 2 * missing / (count + sqrt(count * count + 2 * level * missing))
        waited += gained
        count += level * _STEP
        share *= fade
    return 1.0


def _recent(rate: ArrivalRate, now: datetime) -> float:
    return rate.recent * _fade(max(_days(now - rate.at), 0.0))


def _cut_by_hour(end: datetime, days: float) -> list[tuple[int | None, int | None, float]]:
    """The hours of the time that ends then: hour of the day, weekday, share; of a week and more it is all."""
    if days >= 7:
        return [(None, None, 1.0)]
    end = end.astimezone(UTC)
    last = _hour_of_day(end)
    at = start = last - days * 24
    if at >= last:
        return [(end.hour, end.weekday(), 1.0)]
    cuts: list[tuple[int | None, int | None, float]] = []
    while at < last:
        hour = int(at // 1)
        until = min(hour + 1.0, last)
        cuts.append((hour % 24, (end.weekday() + hour // 24) % 7, (until - at) / (last - start)))
        at = until
    return cuts


def _place(counts: list[float], index: int | None, count: float) -> None:
    """Add to one of the counts, or evenly to all of them (None)."""
    if index is not None:
        counts[index] += count
        return
    for each in range(len(counts)):
        counts[each] += count / len(counts)


def _tells_the_time(at: datetime) -> bool:
    """Whether a date says when in the day: on the hour it is mostly of a day only, in whichever zone."""
    return bool(at.minute or at.second)


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


def _fade(days: float) -> float:
    return exp(-days / _RECENT_DAYS)


def _mean_fade(days: float) -> float:
    """Of an arrival at any moment of that many days that end now."""
    return -expm1(-days / _RECENT_DAYS) * _RECENT_DAYS / days if days else 1.0


def _watched(days: float) -> float:
    """Decayed days of that many days of watching that end now."""
    return _HALF_LIFE / log(2) * (1 - _decay(days))
