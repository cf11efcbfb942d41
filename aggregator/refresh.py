"""The line: one host bucket through every stage. The page to read first.

    claim -> fetch -> (worker process: parse, clean, fingerprint, classify) -> dedupe -> store

Fetching is one exchange at a time per host. Meanwhile worker processes read the bodies that have come, and a
second thread saves what they have read in batches, each under the bucket's lease and in one transaction.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from queue import Empty, Full, Queue
from typing import TypeVar
from urllib.parse import urlsplit

from aggregator import classify, pacing, subscribing
from aggregator.config import Settings
from aggregator.errors import AggregatorError, Interrupted, LeaseLost, ParseError
from aggregator.fetch.client import Client
from aggregator.fetch.redirects import is_same_origin
from aggregator.model import (
    Claim,
    FetchRequest,
    PollResult,
    Source,
    SourceReading,
    SourceState,
)
from aggregator.outcome import Exchange, check_status, judge, trusts_guids
from aggregator.parse.sandbox import Sandbox
from aggregator.reading import Inspection, read_document
from aggregator.saving import PollReport, count_polls, save_results
from aggregator.store import Store, Transaction, articles, entries, sources
from aggregator.urls import host_bucket

LEASE = timedelta(seconds=45)  # what a process held that died unseen is polled again within a minute

_LOOKAHEAD = 8  # bodies of one bucket being read or waiting to be: bounds memory
_KNOWN_ENTRIES = 500  # of a source's newest entries, those that are not cleaned again when unchanged
_BATCH_ENTRIES = 600
_HAND_OVER_SECONDS = 0.2
_BATCH_AGE = timedelta(seconds=1)  # a reader sees a new article within two seconds of its fetch

R = TypeVar("R", SourceReading, Inspection)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What the stages need of the world."""

    settings: Settings
    store: Store
    client: Client
    sandbox: Sandbox
    now: Callable[[], datetime]
    jitter: Callable[[], float]  # -1 to 1
    stopping: threading.Event = field(default_factory=threading.Event)
    places: Mapping[str, int] = field(init=False)  # of the sources in the configuration, by id

    def __post_init__(self) -> None:
        # Once, not for every bucket: of thousands of sources a bucket has a few.
        places = {source.id: place for place, source in enumerate(self.settings.sources)}
        object.__setattr__(self, "places", places)

    def interrupt(self) -> None:
        """End what is being fetched and read; none of it is recorded, and all of it stays due."""
        self.stopping.set()
        self.client.close()
        self.sandbox.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Poll:
    """A poll under way: its exchange is over, its body perhaps being read."""

    exchange: Exchange
    reading: Future[SourceReading] | None = None


def apply_configuration(store: Store, settings: Settings, *, now: datetime) -> None:
    """Bring the store in line with the configuration: its sources, and the sections of stored entries."""
    by_id = {source.id: source for source in settings.sources}
    with store.write() as tx:
        articles.ensure_identity(tx, authority=find_authority(settings), now=now)
        for source_id in sources.sync_sources(tx, settings.sources, now=now).replaced:
            _place_anew(tx, by_id[source_id])
        for section in settings.site.sections:
            for old_id in section.old_ids:
                entries.rename_section(tx, f"{section.edition}/{old_id}", section.ref)
        sources.forget_future(tx, now=now, lease=LEASE)
        subscribing.end_unwanted(tx, callback=settings.websub_callback, source_ids=by_id, now=now)
        entries.note_configuration(tx, _fingerprint(settings), now=now)


def _fingerprint(settings: Settings) -> str:
    """Over all of the configuration that a published document shows."""
    shown = [(s.id, s.name, s.url, s.section, s.rules, s.content, s.lang) for s in settings.sources]
    return blake2b(repr((settings.site, shown, settings.websub_hub)).encode(), digest_size=16).hexdigest()


def find_authority(settings: Settings) -> str:
    """The host in whose name guids are given (RFC 4151, 2.1)."""
    return urlsplit(settings.site.url).hostname or "localhost"


def poll_bucket(line: Line, claim: Claim, *, polite: bool = True) -> tuple[PollReport, ...]:
    """Poll the sources of a claimed bucket, save what they say and give the bucket back.

    `polite` keeps [fetch] host_gap between two requests. Raises LeaseLost when another process has taken
    the bucket over; what was saved before stands. A source that fails is recorded and holds up no other.
    """
    fetched: Queue[_Poll | None] = Queue(maxsize=_LOOKAHEAD)
    with ThreadPoolExecutor(1, thread_name_prefix="saver") as pool:
        saving = pool.submit(_save_polls, line, claim, fetched)
        try:
            for poll in _start_polls(line, claim, polite=polite):
                if not _hand_over(fetched, poll, saving):
                    break
        finally:
            _hand_over(fetched, None, saving)
        reports = saving.result()
    with line.store.write() as tx:
        gap = line.settings.host_gap if polite else timedelta()
        sources.release_lease(tx, claim, rest_until=line.now() + gap if gap else None)
    return reports


class _Batch:
    """Finished polls on their way to the store: saved when they are many, or old, or the last."""

    def __init__(self, line: Line, claim: Claim) -> None:
        self._line = line
        self._claim = claim
        self._waiting: list[tuple[Exchange, PollResult]] = []
        self._due_at = line.now()
        self.reports: list[PollReport] = []

    @property
    def patience_seconds(self) -> float | None:
        """How long what waits may still wait; None: nothing waits."""
        if not self._waiting:
            return None
        return max(0.0, (self._due_at - self._line.now()).total_seconds())

    def add(self, exchange: Exchange, result: PollResult) -> None:
        if not self._waiting:
            self._due_at = self._line.now() + _BATCH_AGE
        self._waiting.append((exchange, result))
        held = sum(len(r.reading.entries) for _, r in self._waiting if r.reading is not None)
        if held >= _BATCH_ENTRIES or self.patience_seconds == 0:
            self.save()

    def save(self) -> None:
        if not self._waiting:
            return
        now = self._line.now()
        with self._line.store.write() as tx:
            sources.hold_lease(tx, self._claim, until=now + LEASE)
            hubs = subscribing.find_hubs(tx, self._waiting, callback=self._line.settings.websub_callback)
            results = [hubs.step_back(exchange, result) for exchange, result in self._waiting]
            reports = save_results(tx, results, now=now, overtaken=hubs.overtaken, ranks=self._line.places)
            c = sources.find_pace_constant(tx) or pacing.DEFAULT_C
            for (exchange, _), result, report in zip(self._waiting, results, reports, strict=True):
                counts = {"new": report.new, "repeated": report.repeated}
                jitter = self._line.jitter()
                settled = hubs.settle(tx, exchange, result, **counts, jitter=jitter, c=c, now=now)
                sources.record_poll(tx, settled, new=report.new)
            count_polls(tx, [exchange for exchange, _ in self._waiting], results, reports)
        self._waiting = []
        self.reports += reports
        for report in reports:
            fields = {"source": report.source_id, "bucket": self._claim.host, "lease": self._claim.token}
            _log.info("%s: %s", report.source_id, _describe(report), extra=fields)


def _start_polls(line: Line, claim: Claim, *, polite: bool) -> Iterator[_Poll]:
    """Fetch one source of the bucket after the other."""
    with line.store.read() as tx:
        states = {s.source_id: s for s in sources.list_source_states(tx, claim.source_ids)}
    # Another process may have put sources into the store that this one's configuration does not have.
    known = [source_id for source_id in claim.source_ids if source_id in states and source_id in line.places]
    wanted = [line.settings.sources[line.places[source_id]] for source_id in known]
    asked = False
    for source in wanted:
        if not claim.forced and _postpone(line, claim, states[source.id]):
            continue
        if asked and polite and line.stopping.wait(line.settings.host_gap.total_seconds()):
            return
        if line.stopping.is_set():
            return
        _check_lease(line, claim)
        try:
            poll = _start_poll(line, source, states[source.id])
        except Interrupted:
            return
        asked = True
        yield poll
        if _speaks_for(poll.exchange, claim.host):
            return


def _check_lease(line: Line, claim: Claim) -> None:
    """A process that was stopped for a while must not ask a host that another one asks by now."""
    with line.store.read() as tx:
        if not sources.holds_lease(tx, claim, now=line.now()):
            raise LeaseLost(f"{claim.host}: the lease of this bucket has run out")


def _postpone(line: Line, claim: Claim, state: SourceState) -> bool:
    """Keep skipHours and skipDays also where a poll comes later than it was planned."""
    now = line.now()
    until = pacing.move_past_skipped(now, state.pace.hints)
    if until == now:
        return False
    with line.store.write() as tx:
        sources.hold_lease(tx, claim, until=now + LEASE)
        sources.postpone(tx, state.source_id, until=until)
    return True


def _speaks_for(exchange: Exchange, host: str) -> bool:
    """Whether the answer is a 429 of this host, and not of one that it redirects to."""
    fetched = exchange.fetched
    return fetched is not None and fetched.status == 429 and host_bucket(fetched.url) == host


def _hand_over(
    fetched: Queue[_Poll | None], poll: _Poll | None, saving: Future[tuple[PollReport, ...]]
) -> bool:
    """Wait for a place in the queue; False: nobody takes from it any more."""
    while not saving.done():
        with suppress(Full):
            fetched.put(poll, timeout=_HAND_OVER_SECONDS)
            return True
    return False


def _save_polls(line: Line, claim: Claim, fetched: Queue[_Poll | None]) -> tuple[PollReport, ...]:
    """Save polls in the order of fetching; a slow server or a slow reading delays nothing before it."""
    batch = _Batch(line, claim)
    while True:
        try:
            poll = fetched.get(timeout=batch.patience_seconds)
        except Empty:
            batch.save()
            continue
        if poll is None:
            batch.save()
            return tuple(batch.reports)
        if poll.reading is not None and wait([poll.reading], timeout=batch.patience_seconds).not_done:
            batch.save()
        with suppress(Interrupted):
            batch.add(*_finish_poll(poll))


def _start_poll(line: Line, source: Source, state: SourceState) -> _Poll:
    """Fetch, and hand the body to a worker process unless it is one that was read before."""
    exchange = Exchange(source=source, state=state, polled_at=line.now())
    # What the admin wrote for the configured URL may be a secret: it does not move along to another host.
    headers = source.headers if is_same_origin(source.url, state.poll_url) else ()
    request = FetchRequest(
        url=state.poll_url, timeout=source.timeout, validators=state.validators, headers=headers
    )
    try:
        fetched = line.client.fetch(request)
        exchange = replace(exchange, fetched=fetched, answered_at=line.now())
        check_status(exchange)
    except Interrupted:
        raise
    except AggregatorError as error:
        return _Poll(exchange=replace(exchange, error=error))
    if fetched.status == 304:
        return _Poll(exchange=exchange)
    exchange = replace(exchange, body_hash=blake2b(fetched.body, digest_size=16).digest())
    if exchange.body_hash == state.body_hash:
        return _Poll(exchange=exchange)
    reading = start_reading(
        line,
        source,
        state,
        fetched.body,
        url=fetched.url,
        content_type=fetched.header("content-type"),
        seen_at=exchange.polled_at,
    )
    return _Poll(exchange=exchange, reading=reading)


def start_reading(
    line: Line,
    source: Source,
    state: SourceState,
    body: bytes,
    *,
    url: str,
    content_type: str | None,
    seen_at: datetime,
) -> Future[SourceReading]:
    """Let a worker process read a document of a source: what is new in it."""
    known: frozenset[bytes] = frozenset()
    if state.body_hash is not None:
        with line.store.read() as tx:
            known = entries.list_raw_hashes(tx, source.id, limit=_KNOWN_ENTRIES)
    return line.sandbox.submit(
        read_document,
        body,
        url,
        content_type=content_type,
        source=source,
        seen_at=seen_at,
        known=known,
        boilerplate=state.boilerplate,
        trust_guids=trusts_guids(state.pace),
        url=url,
    )


def finish_reading(source_id: str, reading: Future[R]) -> R | AggregatorError:
    """Wait for a reading; the error if it came to nothing. Raises Interrupted."""
    try:
        return reading.result()
    except CancelledError:
        raise Interrupted(f"{source_id}: the reading of its feed was ended") from None
    except ParseError as error:
        return error
    except Exception as error:
        # Of ours, and worth a report; but it must not hold up the sources after this one.
        fields = {"source": source_id}
        _log.exception("%s: a bug in reading its feed: please report it", source_id, extra=fields)
        return AggregatorError(f"reading it failed by a fault of ours: {error!r}")


def _finish_poll(poll: _Poll) -> tuple[Exchange, PollResult]:
    """Wait for the reading, if there is one."""
    exchange = poll.exchange
    reading = None if poll.reading is None else finish_reading(exchange.source.id, poll.reading)
    if isinstance(reading, AggregatorError):
        exchange, reading = replace(exchange, error=reading), None
    return exchange, judge(exchange, reading)


def _place_anew(tx: Transaction, source: Source) -> None:
    """Sort a source's stored entries by its present rules."""
    placements = {}
    moved = set()
    for stored in entries.list_placed(tx, source.id):
        placements[stored.id] = classify.place_entry(
            source, title=stored.title, url=stored.url, categories=stored.categories
        )
        moved.add(stored.article_id)
    entries.place_entries(tx, placements)
    entries.relist_articles(tx, moved)


def _describe(report: PollReport) -> str:
    if report.outcome == "new_body":
        return f"{report.new} new, {report.updated} updated"
    return report.error or report.outcome.replace("_", " ")
