"""What a finished exchange comes to: its outcome in words for admins, and when the source is polled next.

Pure: the exchange, the source's state and a throw of dice in, a PollResult out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from aggregator import pacing
from aggregator.errors import AggregatorError, HttpStatusError
from aggregator.fetch.caching import freshness, parse_retry_after
from aggregator.logs import redact
from aggregator.model import FetchResult, Pace, PollOutcome, PollResult, Source, SourceReading, SourceState

MOVED_ANSWERS = 3  # permanent redirects in a row to one place
MOVED_AFTER = timedelta(hours=48)  # from the first of them to the last
HOST_REST = timedelta(minutes=15)  # after a 429 that does not say how long

_PERMANENT = frozenset({301, 308})

# What an admin can do about the commonest refusals.
_STATUS_WORDS = {
    401: "the feed wants a password: set it in the source's headers",
    403: "the publisher refuses us: see whether [fetch] contact is set, and ask the publisher",
    404: "there is nothing at this URL: correct the source's url",
    410: "the publisher has removed this feed for good: take the source out",
    429: "the publisher finds us too eager: its whole host is left alone for a while",
    500: "the publisher's server has a fault of its own: nothing to do but wait",
    502: "the publisher's server has a fault of its own: nothing to do but wait",
    503: "the publisher's server is overloaded or down: nothing to do but wait",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A poll as far as the network goes: an answer, or the error that stands for it."""

    source: Source
    state: SourceState
    polled_at: datetime
    fetched: FetchResult | None = None
    body_hash: bytes | None = None
    error: AggregatorError | None = None


def check_status(exchange: Exchange) -> None:
    """Raises HttpStatusError for an answer that is neither a success nor a 304 to a conditional request."""
    fetched, url = exchange.fetched, exchange.state.poll_url
    assert fetched is not None
    if 200 <= fetched.status < 300:
        return
    sent = exchange.state.validators
    if fetched.status != 304:
        words = _STATUS_WORDS.get(fetched.status, "look at the URL in a browser")
        raise HttpStatusError(f"{url} answered {fetched.status}: {words}", url=url, status=fetched.status)
    if sent.etag is None and sent.last_modified is None:
        words = "the server says 'not modified' though it was not asked whether"
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
    exchange: Exchange, result: PollResult, *, new: int, jitter: float, c: float = pacing.DEFAULT_C
) -> PollResult:
    """Add to a result when to poll next and what to remember for it.

    `new` of its entries are new; `c` is the constant of the pacing law, `jitter` from -1 to 1.
    """
    if result.error is not None:
        return _settle_failure(exchange, result, jitter, c)
    return _settle(exchange, result, new, jitter, c)


def _settle(exchange: Exchange, result: PollResult, new: int, jitter: float, c: float) -> PollResult:
    now, before = exchange.polled_at, exchange.state.pace
    reading = result.reading
    pace = replace(before, gone_since=None, gone_count=0)
    if reading is not None:
        pace = replace(pace, hints=reading.hints)
    if pace.rate is not None:
        held = 0 if reading is None else len(reading.entries) + reading.unchanged
        pace = replace(pace, rate=pacing.record_arrivals(pace.rate, new=new, held=held, now=now))
    elif reading is not None:
        published = [read.entry.published_at for read in reading.entries]
        pace = replace(pace, rate=pacing.first_arrivals(published, now=now))
    assert exchange.fetched is not None
    next_poll_at = pacing.next_poll(
        now,
        interval=_interval(pace, now, c),
        jitter=jitter,
        every=exchange.source.every,
        fresh_for=freshness(exchange.fetched, now=now),
        hints=pace.hints,
    )
    pace, moved_to = _follow_move(exchange, pace)
    return replace(result, next_poll_at=next_poll_at, pace=pace, poll_url=moved_to)


def _settle_failure(exchange: Exchange, result: PollResult, jitter: float, c: float) -> PollResult:
    now, fetched = exchange.polled_at, exchange.fetched
    status = exchange.error.status if isinstance(exchange.error, HttpStatusError) else None
    pace = exchange.state.pace
    pace = replace(pace, gone_since=None, gone_count=0, moved_to=None, moved_since=None, moved_count=0)
    if status == 410:
        since = exchange.state.pace.gone_since or now
        pace = replace(pace, gone_since=since, gone_count=exchange.state.pace.gone_count + 1)
    asked = None if fetched is None or status is None else fetched.header("retry-after")
    retry_after = None if asked is None else parse_retry_after(asked, now=now)
    next_poll_at = pacing.next_poll(
        now,
        interval=_interval(pace, now, c),
        jitter=jitter,
        every=exchange.source.every,
        failures=exchange.state.failures + 1,
        hints=pace.hints,
        retry_after=retry_after,
    )
    return replace(
        result,
        next_poll_at=next_poll_at,
        pace=pace,
        disabled=pacing.is_gone(pace.gone_since, pace.gone_count, now),
        host_not_before=now + (retry_after or HOST_REST) if status == 429 else None,
    )


def _follow_move(exchange: Exchange, pace: Pace) -> tuple[Pace, str | None]:
    """Believe a permanent redirect (RFC 9110, 15.4.2 and 15.4.9) once it has been repeated over days.

    One that comes and goes is a fault or a captive portal; 302, 303 and 307 never count.
    """
    fetched, now = exchange.fetched, exchange.polled_at
    assert fetched is not None
    hops = fetched.redirects
    if not hops or not all(hop.status in _PERMANENT for hop in hops):
        return replace(pace, moved_to=None, moved_since=None, moved_count=0), None
    if pace.moved_to != hops[-1].url or pace.moved_since is None:
        return replace(pace, moved_to=hops[-1].url, moved_since=now, moved_count=1), None
    pace = replace(pace, moved_count=pace.moved_count + 1)
    believed = pace.moved_count >= MOVED_ANSWERS and now - (pace.moved_since or now) >= MOVED_AFTER
    return pace, pace.moved_to if believed else None


def _interval(pace: Pace, now: datetime, c: float) -> timedelta:
    rate = pace.rate or pacing.first_arrivals([], now=now)
    return pacing.poll_interval(rate, now=now, c=c)


def _result(exchange: Exchange, outcome: PollOutcome, *, error: str | None = None) -> PollResult:
    return PollResult(
        source_id=exchange.source.id,
        outcome=outcome,
        polled_at=exchange.polled_at,
        next_poll_at=exchange.polled_at,
        pace=exchange.state.pace,
        error=error,
    )
