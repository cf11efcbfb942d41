"""WebSub in the poller: hubs are asked for subscriptions, and what they have pushed goes down the line.

A pushed document is read and saved like a polled one, but it is no answer to a request: the validators and
the time of the next poll stay as they are. Saving takes no lease of the host bucket, which a host of many
sources may hold for an hour: writers of the store come one after the other, and a poll that began before
the document was saved steps back (subscribing.Hubs).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator import pacing, subscribing, websub
from aggregator.errors import AggregatorError, BodyTooLarge, FetchError, Interrupted
from aggregator.fetch.caching import parse_retry_after
from aggregator.model import FetchRequest, FetchResult, Payload, PollResult, SourceReading, Subscription
from aggregator.refresh import Line, finish_reading, start_reading
from aggregator.saving import PollReport, save_results
from aggregator.store import Transaction, counters, sources, subscriptions

READ_LEASE = timedelta(seconds=60)  # a reading ends after ten, one way or another

_HUBS = 8  # asked at once
_PAYLOADS = 8  # read at once: bounds memory
_MAX_WORDS = 200

_log = logging.getLogger(__name__)


def deliver(line: Line) -> tuple[PollReport, ...]:
    """Read and save what hubs have pushed, until the inbox is empty; one report per document."""
    reports: list[PollReport] = []
    while not line.stopping.is_set():
        now = line.now()
        with line.store.read() as tx:
            if not subscriptions.has_payloads(tx, now=now):
                break
        with line.store.write() as tx:
            taken = subscriptions.take_payloads(tx, now=now, limit=_PAYLOADS, lease=READ_LEASE)
        if not taken:
            break
        readings = [_start(line, payload) for payload in taken]
        for payload, reading in zip(taken, readings, strict=True):
            reports += _finish(line, payload, reading)
    return tuple(reports)


def ask_hubs(line: Line) -> int:
    """Send the requests that are due, one to each hub; returns how many."""
    now = line.now()
    with line.store.read() as tx:
        if not subscriptions.has_due_subscriptions(tx, now=now):
            return 0
    with line.store.write() as tx:
        due = subscribing.take_due(tx, now=now, hubs=_HUBS, jitter=line.jitter())
    if due:
        with ThreadPoolExecutor(len(due), thread_name_prefix="hub") as pool:
            list(pool.map(lambda subscription: _ask(line, subscription), due))
    return len(due)


# --- what is pushed -------------------------------------------------------------------------------


def _start(line: Line, payload: Payload) -> Future[SourceReading] | None:
    """None: the source is not one of ours any more."""
    source = next((s for s in line.settings.sources if s.id == payload.source_id), None)
    if source is None:
        return None
    with line.store.read() as tx:
        (state,) = sources.list_source_states(tx, [source.id])
    return start_reading(
        line,
        source,
        state,
        payload.body,
        url=state.poll_url,
        content_type=payload.content_type,
        seen_at=payload.received_at,
    )


def _finish(line: Line, payload: Payload, started: Future[SourceReading] | None) -> Sequence[PollReport]:
    reading = None if started is None else finish_reading(payload.source_id, started)
    now = line.now()
    with line.store.write() as tx:
        # Two of us have read it when the first took longer than its lease.
        if not subscriptions.remove_payload(tx, payload.id) or reading is None:
            return ()
        error = str(reading) if isinstance(reading, AggregatorError) else None
        subscribing.record_push(tx, payload, error=error, now=now)
        if isinstance(reading, AggregatorError):
            fields = {"source": payload.source_id}
            _log.warning("%s: pushed, but not read: %s", payload.source_id, error, extra=fields)
            return ()
        report = _save(tx, line, payload, reading, now=now)
    counts = (report.source_id, report.new, report.updated)
    _log.info("%s: pushed, %d new, %d updated", *counts, extra={"source": report.source_id})
    return (report,)


def _save(
    tx: Transaction, line: Line, payload: Payload, reading: SourceReading, *, now: datetime
) -> PollReport:
    (state,) = sources.list_source_states(tx, [payload.source_id])
    result = PollResult(
        source_id=payload.source_id,
        outcome="new_body",
        polled_at=payload.received_at,
        next_poll_at=state.next_poll_at,
        reading=reading,
    )
    ranks = {source.id: place for place, source in enumerate(line.settings.sources)}
    (report,) = save_results(tx, [result], now=now, ranks=ranks)
    if state.last_read_at is not None:
        counters.add_counts(tx, counters.count_delays(report.delays))
    if state.pace.rate is not None:
        # Else the law would take a source that is pushed for one that has fallen silent.
        rate = pacing.record_arrivals(state.pace.rate, new=report.new, now=payload.received_at)
        sources.save_pace(tx, state.source_id, replace(state.pace, rate=rate))
    return report


# --- what is asked --------------------------------------------------------------------------------


def _ask(line: Line, subscription: Subscription) -> None:
    """Send one request and keep its answer."""
    retry_after = None
    error: str | None = None
    try:
        fetched = _send(line, subscription)
        if fetched is not None and not 200 <= fetched.status < 300:
            error = _explain(fetched)
            asked = fetched.header("retry-after")
            retry_after = None if asked is None else parse_retry_after(asked, now=line.now())
    except Interrupted:
        return  # asked again once its request is overdue
    except BodyTooLarge as large:
        error = f"{large.url} answers with a long document: it is no hub"
    except AggregatorError as failed:
        error = str(failed)
    with line.store.write() as tx:
        subscribing.record_answer(
            tx, subscription.token, error, now=line.now(), jitter=line.jitter(), retry_after=retry_after
        )


def _send(line: Line, subscription: Subscription) -> FetchResult | None:
    """None: the source has gone out of the configuration meanwhile."""
    source = next((s for s in line.settings.sources if s.id == subscription.source_id), None)
    if source is None:
        return None
    with line.store.read() as tx:
        (state,) = sources.list_source_states(tx, [source.id])
    hub = subscription.hub
    if not websub.may_reach(hub, poll_url=state.poll_url, ports=line.settings.fetch.ports):
        raise FetchError("of ports only 80, 443 and those of configured URLs are connected to", url=hub)
    form = websub.render_request(subscription)
    return line.client.fetch(FetchRequest(url=hub, timeout=source.timeout, posted=form))


def _explain(fetched: FetchResult) -> str:
    """The hub's refusal, with its own reason (plain text; WebSub, 5.1)."""
    words = f"it answered {fetched.status}"
    kind = (fetched.header("content-type") or "").partition(";")[0].strip().lower()
    if 300 <= fetched.status < 400:
        return f"{words}, a redirect, which is not followed"
    if kind != "text/plain":
        return words
    said = " ".join(fetched.body.decode("utf-8", "replace").split())
    return f"{words}: {said[:_MAX_WORDS]}" if said else words
