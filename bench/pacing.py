"""How late a reader sees an article under four rules of polling, at equal numbers of requests.

250 made-up sources over 28 days, rates spread over three decades (0.1 to 100 articles a day), a third each
with the day and night of a newsroom, with office hours and quiet weekends, and with half of their articles in
bursts; each in a time zone of its own, with a feed of 20 to 50 entries. Ours runs as in production: cold
start, backlog, budget of 24 requests a source and day. The others get what ours never has: their one constant
is fitted afterwards so that over the whole time they come to the same number of requests.
The last two rows are no rules but bounds that show what is left to learn: the law told every source's true
rate, hour by hour; and told besides which sources have bursts, of what size and length.
`--world` makes other sources: an even rate without day, week and bursts; bursts of other sizes and lengths.

    python bench/pacing.py [--seed N] [--first-rate R] [--world NAME]
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aggregator import pacing
from aggregator.model import ArrivalRate

SOURCES, DAYS, PER_SOURCE_AND_DAY = 250, 28, 24
BACKLOG_DAYS = 60
START = datetime(2026, 11, 2, tzinfo=UTC)
DAY = timedelta(days=1)
MINUTE = 1 / 1440
TARGET = 0.75

# Relative to the busiest hour, local time from midnight.
NEWSROOM = (14, 6, 3, 3, 3, 8, 28, 55, 78, 94, 100, 100, 94, 89, 89, 89, 89, 89, 83, 78, 67, 55, 44, 28)
OFFICE = (2, 1, 1, 1, 1, 1, 2, 18, 54, 89, 100, 93, 71, 79, 93, 93, 79, 43, 18, 7, 2, 2, 2, 2)
WEEKEND = 0.1
BURST_SHARE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    even: bool = False
    burst_mean: float = 8
    burst_lasts: float = 2 / 24  # days


WORLDS = {
    "usual": World(),
    "even": World(even=True),
    "small-bursts": World(burst_mean=4),
    "large-bursts": World(burst_mean=20),
    "short-bursts": World(burst_lasts=1 / 24),
    "long-bursts": World(burst_lasts=6 / 24),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """Moments are days since the start; the backlog's are negative."""

    world: World
    kind: str
    zone: float  # days ahead of UTC
    rate: float  # articles a day
    arrivals: Sequence[float]
    window: int  # entries that the feed holds
    first_poll: float


# After a poll at a moment: days until the next one.
Rule = Callable[[float], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    name: str
    mean: float  # days
    p95: float  # days
    requests: int
    lost: int
    articles: int
    note: str


def main() -> None:
    options = _read_options()
    began = time.monotonic()
    publishers = make_publishers(
        seed=options.seed, first_rate=options.first_rate, world=WORLDS[options.world]
    )
    scores = compare(publishers, seed=options.seed)
    *others, ours, _, _ = scores
    best = min(others, key=lambda s: s.mean)
    print(
        f"{len(publishers)} sources, {DAYS} days, {scores[0].articles} articles, seed {options.seed}, "
        f"{options.world} world, {publishers[0].rate:.2g} to {publishers[-1].rate:.3g} articles a day"
    )
    print(f"{'rule':22} {'mean':>9} {'p95':>9} {'requests':>9} {'lost':>6} {'of best':>8}")
    for s in scores:
        print(
            f"{s.name:22} {s.mean / MINUTE:5.1f} min {s.p95 / MINUTE:5.0f} min {s.requests:9} {s.lost:6} "
            f"{s.mean / best.mean:8.2f}  {s.note}"
        )
    ratio = ours.mean / best.mean
    met = "met" if ratio <= TARGET and not ours.lost else "missed"
    print(f"ours/{best.name}: {ratio:.2f} (target {TARGET}), lost {ours.lost} (target 0): {met}")
    print(f"{time.monotonic() - began:.0f} s")


def compare(publishers: Sequence[Publisher], *, seed: int) -> list[Score]:
    """The others, ours, and the bounds: the order of the table."""
    polls, note = poll_with_ours(publishers, seed=seed)
    ours = score("ours, controlled", publishers, polls, note)
    others = [
        ("fixed interval", fixed, "interval {:.4f} d"),
        ("entry frequency", entry_frequency, "7 d / weekly count x {:.3f}"),
        ("AIMD, 5 min to 24 h", lambda step: aimd(step, 5 * MINUTE), "halved, or {:.4f} d longer"),
        ("AIMD, 15 min to 24 h", lambda step: aimd(step, 15 * MINUTE), "halved, or {:.4f} d longer"),
    ]
    bounds: list[tuple[str, Callable[[float], Callable[[Publisher], Rule]], str]] = [
        ("(true rates known)", lambda c: all_knowing(c, bursts=False), "c {:.4f}"),
        ("(and true bursts)", lambda c: all_knowing(c, bursts=True), "c {:.4f}"),
    ]
    scores = []
    for name, family, words in others + bounds:
        constant, found = fit(publishers, family, requests=ours.requests, seed=seed)
        scores.append(score(name, publishers, found, words.format(constant)))
    scores.insert(-2, ours)
    return scores


# --- the world -------------------------------------------------------------------------------------


def make_publishers(*, seed: int, first_rate: float, world: World) -> list[Publisher]:
    rng = random.Random(seed)
    kinds = ("even",) if world.even else ("newsroom", "office", "bursty")
    return [
        _make_publisher(rng, world, kinds[i % len(kinds)], first_rate * 1000 ** ((i + 0.5) / SOURCES))
        for i in range(SOURCES)
    ]


def _make_publisher(rng: random.Random, world: World, kind: str, rate: float) -> Publisher:
    zone = rng.random()
    if kind == "bursty":
        arrivals = _draw(rng, rate * (1 - BURST_SHARE), "newsroom", zone)
        for story in _draw(rng, rate * BURST_SHARE / world.burst_mean, "newsroom", zone):
            size = 1 + int(math.log(1 - rng.random()) / math.log(1 - 1 / world.burst_mean))
            arrivals += [story + rng.expovariate(1 / world.burst_lasts) for _ in range(size)]
    else:
        arrivals = _draw(rng, rate, kind, zone)
    return Publisher(
        world=world,
        kind=kind,
        zone=zone,
        rate=rate,
        arrivals=sorted(arrivals),
        window=rng.randint(20, 50),
        first_poll=rng.random() / 24,
    )


def _draw(rng: random.Random, rate: float, kind: str, zone: float) -> list[float]:
    """A Poisson process of that mean rate with the kind's day and week, by thinning."""
    at, found, most = -float(BACKLOG_DAYS), [], 100 / _mean_level(kind)
    while at < DAYS + 2:
        at += rng.expovariate(rate * most)
        if rng.random() * most < _share(kind, at + zone):
            found.append(at)
    return found


def _share(kind: str, local: float) -> float:
    """The rate at a moment of local time, relative to the mean."""
    weekend = WEEKEND if kind == "office" and local % 7 >= 5 else 1
    return _levels(kind)[int(local % 1 * 24)] * weekend / _mean_level(kind)


def _levels(kind: str) -> Sequence[int]:
    return (100,) * 24 if kind == "even" else OFFICE if kind == "office" else NEWSROOM


def _mean_level(kind: str) -> float:
    return sum(_levels(kind)) / 24 * ((5 + 2 * WEEKEND) / 7 if kind == "office" else 1)


# --- the others ------------------------------------------------------------------------------------


def fixed(interval: float) -> Callable[[Publisher], Rule]:
    return lambda publisher: lambda at: interval


def entry_frequency(factor: float) -> Callable[[Publisher], Rule]:
    """Miniflux: a week over the number of entries of the last week, clamped to 5 minutes and 24 hours."""

    def follow(publisher: Publisher) -> Rule:
        def rule(at: float) -> float:
            arrivals = publisher.arrivals
            weekly = bisect_right(arrivals, at) - bisect_right(arrivals, at - 7)
            return min(max(factor * 7 / weekly, 5 * MINUTE), 1.0) if weekly else 1.0

        return rule

    return follow


def aimd(step: float, shortest: float) -> Callable[[Publisher], Rule]:
    """Half the interval after a poll that found something, a step more after one that did not."""

    def follow(publisher: Publisher) -> Rule:
        interval, seen = 1 / 24, -1

        def rule(at: float) -> float:
            nonlocal interval, seen
            count = bisect_right(publisher.arrivals, at)
            interval = max(interval / 2, shortest) if 0 <= seen < count else min(interval + step, 1.0)
            seen = count
            return interval

        return rule

    return follow


def all_knowing(c: float, *, bursts: bool) -> Callable[[Publisher], Rule]:
    """The law of pacing.py with the rates that the arrivals were drawn with.

    `bursts`: also with the best linear forecast of a source with clusters (Wiener's filter for their
    exponential covariance), for those sources that have them.
    """

    def follow(publisher: Publisher) -> Rule:
        world, arrivals = publisher.world, publisher.arrivals
        hours = [publisher.rate * _share(publisher.kind, (h + 0.5) / 24) for h in range(168)]
        forget = 1 / world.burst_lasts
        quick = forget * math.sqrt(1 + BURST_SHARE * 2 * (world.burst_mean - 1) / 2)
        gain = quick - forget if bursts and publisher.kind == "bursty" else 0.0

        def rule(at: float) -> float:
            end = bisect_right(arrivals, at)
            recent = arrivals[bisect_right(arrivals, at - 10 / quick) : end]
            share = gain / quick
            more = gain * sum(math.exp(-quick * (at - a)) for a in recent)
            count = waited = 0.0
            for step in range(96):
                middle = (step + 0.5) / 96
                usual = hours[int((at + publisher.zone + middle) * 24) % 168]
                level = usual + (more - share * usual) * math.exp(-forget * middle)
                gained = (count + level / 192) / 96
                if waited + gained >= c * c / 2:
                    missing = c * c / 2 - waited
                    wait = step / 96 + 2 * missing / (count + math.sqrt(count * count + 2 * level * missing))
                    return max(wait, 15 * MINUTE)
                waited += gained
                count += level / 96
            return 1.0

        return rule

    return follow


def fit(
    publishers: Sequence[Publisher],
    family: Callable[[float], Callable[[Publisher], Rule]],
    *,
    requests: int,
    seed: int,
) -> tuple[float, list[list[float]]]:
    """The constant with which the rule comes to the number of requests, within 0.5 %, and its polls."""
    low, high = 1e-4, 20.0
    for _ in range(24):
        constant = math.sqrt(low * high)
        polls = [_poll_alone(p, family(constant)(p), random.Random(seed)) for p in publishers]
        made = sum(map(len, polls))
        if abs(made / requests - 1) < 0.005:
            break
        low, high = (constant, high) if made > requests else (low, constant)
    return constant, polls


def _poll_alone(publisher: Publisher, rule: Rule, rng: random.Random) -> list[float]:
    at, polls = publisher.first_poll, []
    while at < DAYS:
        polls.append(at)
        at += rule(at) * (1 + rng.uniform(-0.1, 0.1))
    return polls


# --- ours ------------------------------------------------------------------------------------------


def poll_with_ours(publishers: Sequence[Publisher], *, seed: int) -> tuple[list[list[float]], str]:
    """Everything by `aggregator.pacing`, the controller called every half hour."""
    rng = random.Random(seed)
    wanted = len(publishers) * PER_SOURCE_AND_DAY / 24
    c = pacing.DEFAULT_C
    rates: list[ArrivalRate | None] = [None] * len(publishers)
    seen = [0] * len(publishers)
    polls: list[list[float]] = [[] for _ in publishers]
    due = [(p.first_poll, i) for i, p in enumerate(publishers)]
    heapq.heapify(due)
    adjust_at = 1.0 / 48
    while due[0][0] < DAYS:
        at, i = heapq.heappop(due)
        while adjust_at <= at:
            c = _adjust(c, rates, wanted=wanted)
            adjust_at += 1 / 48
        polls[i].append(at)
        now = START + at * DAY
        count = bisect_right(publishers[i].arrivals, at)
        rate = rates[i] = _learn(rates[i], publishers[i], count, seen[i], now)
        seen[i] = count
        interval = pacing.poll_interval(rate, now=now, c=c)
        then = pacing.next_poll(now, interval=interval, jitter=rng.uniform(-1, 1))
        heapq.heappush(due, ((then - START) / DAY, i))
    hourly = sorted(_count_by_hour(polls)[24:])
    return polls, (
        f"c {c:.4f}; requests an hour after the first day, 5th to 95th percentile: "
        f"{hourly[len(hourly) // 20] / wanted:.0%} to {hourly[-len(hourly) // 20] / wanted:.0%} of the budget"
    )


def _learn(
    rate: ArrivalRate | None, publisher: Publisher, count: int, seen: int, now: datetime
) -> ArrivalRate:
    listed = [START + a * DAY for a in publisher.arrivals[max(0, count - publisher.window) : count]]
    if rate is None:
        return pacing.first_arrivals(listed, now=now)
    new = min(count - seen, publisher.window)
    return pacing.record_arrivals(
        rate, new=new, published=listed[-new:] if new else (), held=publisher.window, now=now
    )


def _adjust(c: float, rates: Sequence[ArrivalRate | None], *, wanted: float) -> float:
    planned = sum(pacing.requests_per_hour(r, c=c) for r in rates if r is not None)
    return pacing.adjust_c(c, requests_per_hour_wanted=wanted, requests_planned=planned)


def _count_by_hour(polls: Sequence[Sequence[float]]) -> list[int]:
    counts = [0] * (DAYS * 24)
    for source in polls:
        for at in source:
            counts[int(at * 24)] += 1
    return counts


# --- the figures -----------------------------------------------------------------------------------


def score(name: str, publishers: Sequence[Publisher], polls: Sequence[Sequence[float]], note: str) -> Score:
    """Delays from arrival to the first poll after it, over all that arrived between a source's polls."""
    delays: list[float] = []
    lost = 0
    for publisher, moments in zip(publishers, polls, strict=True):
        arrivals = publisher.arrivals
        start = bisect_right(arrivals, moments[0])
        for at in moments[1:]:
            end = bisect_right(arrivals, at, start)
            delays += [at - arrival for arrival in arrivals[start:end]]
            lost += max(0, end - start - publisher.window)
            start = end
    delays.sort()
    return Score(
        name=name,
        mean=sum(delays) / len(delays),
        p95=delays[len(delays) * 95 // 100],
        requests=sum(map(len, polls)),
        lost=lost,
        articles=len(delays),
        note=note,
    )


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--world", choices=WORLDS, default="usual")
    parser.add_argument("--first-rate", type=float, default=0.1, help="articles a day of the slowest source")
    return parser.parse_args()


if __name__ == "__main__":
    main()
