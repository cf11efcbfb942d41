"""What a finished exchange comes to: its outcome in words for admins, and when the source is polled next.

Pure: the exchange, the source's state and a throw of dice in, a PollResult out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aggregator import pacing, websub
from aggregator.errors import AggregatorError, HttpStatusError
from aggregator.fetch.caching import freshness, parse_retry_after
from aggregator.logs import redact
from aggregator.model import (
    FetchResult,
    HostRest,
    Pace,
    PollOutcome,
    PollResult,
    Redirect,
    Source,
    SourceReading,
    SourceState,
    Validators,
)
from aggregator.urls import host_bucket

MOVED_ANSWERS = 3  # permanent redirects in a row to one place
MOVED_AFTER = timedelta(hours=48)  # from the first of them to the last
CHURNED_READINGS = 2  # once is a site that has moved
SILENT_AFTER = timedelta(days=3)
SILENT_ARRIVALS = 6.0  # of a source that kept its pace so many are missed: 1 in 400 for one without bursts
HOST_REST = timedelta(minutes=15)  # after a 429 that does not say how long

_PERMANENT = frozenset({301, 308})

# What an admin can do about the commonest refusals.
_STATUS_WORDS = {
    401: "the feed wants a password: set it in the source's headers",
    403: "the publisher refuses us: see whether [fetch] contact is set, and ask the publisher",
    404: "there is nothing at this URL: correct the source's url",
    410: "the publisher has removed this feed for good: take the source out",
    429: "the publisher finds us too eager: its whole host is left alone for a while",
    503: "the publisher's server is overloaded or down: nothing to do but wait",
}
_LOOK = "look at the URL in a browser, and correct the source's url"
_CLASS_WORDS = {
    3: f"it redirects to nowhere: {_LOOK}",
    5: "the publisher's server has a fault of its own: nothing to do but wait",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A poll as far as the network goes: an answer, or the error that stands for it."""

    source: Source
    state: SourceState
    polled_at: datetime  # when it began
    answered_at: datetime | None = None  # when it ended; None: at once
    fetched: FetchResult | None = None
    body_hash: bytes | None = None
    error: AggregatorError | None = None


def check_status(exchange: Exchange) -> None:
    """Raises HttpStatusError for an answer that is neither a success nor a 304 to a conditional request."""
    assert exchange.fetched is not None
    check_answer(exchange.fetched, url=exchange.state.poll_url, sent=exchange.state.validators)


def check_answer(fetched: FetchResult, *, url: str, sent: Validators) -> None:
    """The same for the answer to a request for `url` that bore these validators."""
    if 200 <= fetched.status < 300:
        return
    if fetched.status != 304:
        words = _STATUS_WORDS.get(fetched.status) or _CLASS_WORDS.get(fetched.status // 100, _LOOK)
        raise HttpStatusError(f"{url} answered {fetched.status}: {words}", url=url, status=fetched.status)
    if sent.etag is None and sent.last_modified is None:
        words = "it says 'not modified' though it was not asked whether: tell the publisher, if that lasts"
        raise HttpStatusError(f"{url} answered 304: {words}", url=url, status=304)


def judge(exchange: Exchange, reading: SourceReading | None) -> PollResult:
    """The result of a poll, all but its pace, which hangs on how much of the reading is new."""
    fetched, error = exchange.fetched, exchange.error
    if error is not None or fetched is None:
        return _result(exchange, "failed", error=redact(str(error)))
    outcome: PollOutcome = "new_body" if reading else "not_modified" if fetched.status == 304 else "same_body"
    return replace(
        _result(exchange, outcome),
        validators=fetched.validators,
        body_hash=exchange.body_hash or exchange.state.body_hash,
        reading=reading,
    )


def settle(
    exchange: Exchange,
    result: PollResult,
    *,
    new: int,
    repeated: int = 0,
    jitter: float,
    c: float = pacing.DEFAULT_C,
    pushed: bool = False,
) -> PollResult:
    """Add to a result when to poll next and what to remember for it.

    `pushed`: a hub tells what is new, and polls are only a backup (websub.BACKUP_EVERY).

    `new` of its entries are new, `repeated` have only a new guid; `c` is the constant of the pacing law,
    `jitter` from -1 to 1.
    """
    if result.error is not None:
        return _settle_failure(exchange, result, jitter, c, pushed)
    if result.reading is not None:
        result = _note_repeated(result, result.reading, repeated)
    return _settle(exchange, result, new, jitter, c, pushed)


def trusts_guids(pace: Pace) -> bool:
    """Whether a source's guids name its items: not where they change at every fetch."""
    return pace.churned < CHURNED_READINGS


def find_silence(state: SourceState) -> timedelta | None:
    """For how long a source has said nothing but 304, where it has grown improbable that it has no news.

    None where it is not. A server whose ETag or Last-Modified never changes is silent for ever.
    """
    rate, since, until = state.pace.rate, state.last_read_at, state.last_success_at
    conditional = state.validators != Validators()
    if rate is None or since is None or until is None or not conditional or until - since < SILENT_AFTER:
        return None
    missed = pacing.arrivals_per_day(rate, until) * ((until - since) / timedelta(days=1))
    return until - since if missed >= SILENT_ARRIVALS else None


def _note_repeated(result: PollResult, reading: SourceReading, repeated: int) -> PollResult:
    """Count the readings of which most is known but for its guids: after a move of a site's that is one."""
    pace = result.pace
    if trusts_guids(pace):
        held = len(reading.entries) + reading.unchanged
        most = repeated > 0 and 2 * repeated >= held
        pace = replace(pace, churned=pace.churned + 1 if most else 0)
    if repeated:
        words = f"items that came back under another guid, not published again: {repeated}"
        reading = replace(reading, problems=(*reading.problems, words))
    return replace(result, reading=reading, pace=pace)


def _settle(
    exchange: Exchange, result: PollResult, new: int, jitter: float, c: float, pushed: bool
) -> PollResult:
    now, before = exchange.polled_at, result.pace
    reading = result.reading
    pace = replace(before, gone_since=None, gone_count=0)
    if reading is not None:
        pace = replace(pace, hints=reading.hints)
    published = [] if reading is None else [read.entry.published_at for read in reading.entries]
    if pace.rate is not None:
        held = 0 if reading is None else len(reading.entries) + reading.unchanged
        rate = pacing.record_arrivals(pace.rate, new=new, published=published, held=held, now=now)
        pace = replace(pace, rate=rate)
    elif reading is not None:
        pace = replace(pace, rate=pacing.first_arrivals(published, now=now))
    assert exchange.fetched is not None
    pace = replace(pace, hints=websub.merge_links(pace.hints, exchange.fetched))
    asked: dict[str, Any] = {"fresh_for": freshness(exchange.fetched, now=now), "hints": pace.hints}
    next_poll_at = pacing.next_poll(now, **_plan(exchange, pace, now, jitter, c, pushed), **asked)
    not_before = pacing.earliest_poll(now, every=exchange.source.every, **asked)
    pace, moved_to = _follow_move(exchange, pace)
    return replace(result, next_poll_at=next_poll_at, not_before=not_before, pace=pace, poll_url=moved_to)


def _settle_failure(
    exchange: Exchange, result: PollResult, jitter: float, c: float, pushed: bool
) -> PollResult:
    # Retry-After counts from the answer, which may have taken its time (RFC 9110, 10.2.3).
    now, fetched = exchange.answered_at or exchange.polled_at, exchange.fetched
    status = exchange.error.status if isinstance(exchange.error, HttpStatusError) else None
    pace = exchange.state.pace
    pace = replace(pace, gone_since=None, gone_count=0, moved_to=None, moved_since=None, moved_count=0)
    if status == 410:
        since = exchange.state.pace.gone_since or now
        pace = replace(pace, gone_since=since, gone_count=exchange.state.pace.gone_count + 1)
    header = None if fetched is None or status is None else fetched.header("retry-after")
    retry_after = None if header is None else parse_retry_after(header, now=now)
    asked: dict[str, Any] = {
        "fresh_for": None if fetched is None else freshness(fetched, now=now),
        "hints": pace.hints,
        "retry_after": retry_after,
    }
    plan = _plan(exchange, pace, now, jitter, c, pushed)
    next_poll_at = pacing.next_poll(now, **plan, failures=exchange.state.failures + 1, **asked)
    rest = None
    if fetched is not None and status == 429:
        rest = HostRest(host=host_bucket(fetched.url), until=now + (retry_after or HOST_REST))
    return replace(
        result,
        next_poll_at=next_poll_at,
        not_before=pacing.earliest_poll(now, every=exchange.source.every, **asked),
        pace=pace,
        disabled=pacing.is_gone(pace.gone_since, pace.gone_count, now),
        rest=rest,
    )


def _follow_move(exchange: Exchange, pace: Pace) -> tuple[Pace, str | None]:
    """Believe a permanent redirect (RFC 9110, 15.4.2 and 15.4.9) once it has been repeated over days.

    One that comes and goes is a fault or a captive portal; 302, 303 and 307 never count.
    """
    fetched, now = exchange.fetched, exchange.polled_at
    assert fetched is not None
    hops = fetched.redirects
    if not hops or not is_permanent(hops):
        return replace(pace, moved_to=None, moved_since=None, moved_count=0), None
    if pace.moved_to != hops[-1].url or pace.moved_since is None:
        return replace(pace, moved_to=hops[-1].url, moved_since=now, moved_count=1), None
    pace = replace(pace, moved_count=pace.moved_count + 1)
    believed = pace.moved_count >= MOVED_ANSWERS and now - (pace.moved_since or now) >= MOVED_AFTER
    return pace, pace.moved_to if believed else None


def is_permanent(hops: Sequence[Redirect]) -> bool:
    return all(hop.status in _PERMANENT for hop in hops)


def _plan(
    exchange: Exchange, pace: Pace, now: datetime, jitter: float, c: float, pushed: bool
) -> dict[str, Any]:
    """The interval, the admin's word on it, and the spread, as next_poll takes them."""
    every = exchange.source.every
    if pushed:
        # Spread one way only: a backup comes no sooner than it is due.
        every = every and max(every, websub.BACKUP_EVERY)
        return {"interval": websub.BACKUP_EVERY, "every": every, "jitter": abs(jitter)}
    rate = pace.rate or pacing.first_arrivals([], now=now)
    return {"interval": pacing.poll_interval(rate, now=now, c=c), "every": every, "jitter": jitter}


def _result(exchange: Exchange, outcome: PollOutcome, *, error: str | None = None) -> PollResult:
    return PollResult(
        source_id=exchange.source.id,
        outcome=outcome,
        polled_at=exchange.polled_at,
        next_poll_at=exchange.polled_at,
        pace=exchange.state.pace,
        error=error,
    )
