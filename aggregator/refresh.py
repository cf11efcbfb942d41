"""The line: one host bucket through every stage. The page to read first.

    claim -> fetch -> (worker process: parse, clean, fingerprint, classify) -> dedupe -> store

Fetching is one exchange at a time per host. Meanwhile worker processes read the bodies that have come, and a
second thread saves what they have read in batches, each under the bucket's lease and in one transaction.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from queue import Empty, Full, Queue
from urllib.parse import urlsplit

from aggregator import classify, pacing
from aggregator.config import Settings
from aggregator.dedupe.articles import SAME_URL_WINDOW, assign_articles
from aggregator.errors import AggregatorError, HttpStatusError, ParseError
from aggregator.fetch.client import Client
from aggregator.model import (
    Candidate,
    Claim,
    FetchRequest,
    PollOutcome,
    PollResult,
    ReadEntry,
    Source,
    SourceReading,
    SourceState,
)
from aggregator.outcome import Exchange, check_status, judge, settle
from aggregator.parse.sandbox import Sandbox
from aggregator.reading import read_document
from aggregator.store import Store, Transaction, articles, entries, sources
from aggregator.store.ids import entry_id

LEASE = timedelta(seconds=60)

_LOOKAHEAD = 8  # bodies of one bucket being read or waiting to be: bounds memory
_KNOWN_ENTRIES = 500  # of a source's newest entries, those that are not cleaned again when unchanged
_BATCH_ENTRIES = 600
_HAND_OVER_SECONDS = 0.2
_BATCH_AGE = timedelta(seconds=1)  # a reader sees a new article within two seconds of its fetch

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


@dataclass(frozen=True, slots=True, kw_only=True)
class PollReport:
    """What a poll of one source came to, for whoever asked for it."""

    source_id: str
    outcome: PollOutcome
    new: int = 0
    updated: int = 0
    error: str | None = None


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
        entries.note_configuration(tx, _fingerprint(settings), now=now)


def _fingerprint(settings: Settings) -> str:
    """Over all of the configuration that a published document shows."""
    shown = [(s.id, s.name, s.url, s.section, s.rules, s.content, s.lang) for s in settings.sources]
    return blake2b(repr((settings.site, shown)).encode(), digest_size=16).hexdigest()


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
        sources.release_lease(tx, claim)
    return reports


def save_results(tx: Transaction, results: Sequence[PollResult], *, now: datetime) -> tuple[PollReport, ...]:
    """Apply what finished polls have read: the new is assigned to articles, the edited is taken over.

    One report per result, in order.
    """
    by_result = [_entries_by_id(result) for result in results]
    read = {i: r for entries_of_one in by_result for i, r in entries_of_one.items()}
    known = entries.find_known(tx, read)
    buried = entries.touch_tombstones(tx, read.keys() - known.keys(), now=now)
    fresh = {i: r for i, r in read.items() if i not in known and i not in buried}
    edited = {i: r for i, r in read.items() if i in known and known[i].raw_hash != r.entry.raw_hash}

    entries.insert_entries(tx, _assign(tx, fresh))
    for number, read_entry in edited.items():
        entries.update_entry(tx, known[number], read_entry, now=now)
    if fresh or edited:
        entries.bump_revision(tx, now=now)

    seen = {i for i, r in edited.items() if known[i].content_hash != r.entry.content_hash}
    return tuple(_report(result, ids, fresh, seen) for result, ids in zip(results, by_result, strict=True))


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
            reports = save_results(tx, [result for _, result in self._waiting], now=now)
            c = sources.find_pace_constant(tx) or pacing.DEFAULT_C
            for (exchange, result), report in zip(self._waiting, reports, strict=True):
                settled = settle(exchange, result, new=report.new, jitter=self._line.jitter(), c=c)
                sources.record_poll(tx, settled)
        self._waiting = []
        self.reports += reports
        for report in reports:
            _log.info("%s: %s", report.source_id, _describe(report))


def _start_polls(line: Line, claim: Claim, *, polite: bool) -> Iterator[_Poll]:
    """Fetch one source of the bucket after the other."""
    with line.store.read() as tx:
        states = {s.source_id: s for s in sources.list_source_states(tx, claim.source_ids)}
    # Another process may have put sources into the store that this one's configuration does not have.
    by_id = {source.id: source for source in line.settings.sources if source.id in states}
    wanted = [by_id[source_id] for source_id in claim.source_ids if source_id in by_id]
    for number, source in enumerate(wanted):
        if number and polite and line.stopping.wait(line.settings.host_gap.total_seconds()):
            return
        if line.stopping.is_set():
            return
        poll = _start_poll(line, source, states[source.id])
        yield poll
        if isinstance(poll.exchange.error, HttpStatusError) and poll.exchange.error.status == 429:
            return  # it speaks for the whole host


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
        batch.add(*_finish_poll(poll))


def _start_poll(line: Line, source: Source, state: SourceState) -> _Poll:
    """Fetch, and hand the body to a worker process unless it is one that was read before."""
    exchange = Exchange(source=source, state=state, polled_at=line.now())
    request = FetchRequest(
        url=state.poll_url, timeout=source.timeout, validators=state.validators, headers=source.headers
    )
    try:
        exchange = replace(exchange, fetched=line.client.fetch(request))
        check_status(exchange)
    except AggregatorError as error:
        return _Poll(exchange=replace(exchange, error=error))
    fetched = exchange.fetched
    if fetched is None or fetched.status == 304:
        return _Poll(exchange=exchange)
    exchange = replace(exchange, body_hash=blake2b(fetched.body, digest_size=16).digest())
    if exchange.body_hash == state.body_hash:
        return _Poll(exchange=exchange)
    known: frozenset[bytes] = frozenset()
    if state.body_hash is not None:
        with line.store.read() as tx:
            known = entries.list_raw_hashes(tx, source.id, limit=_KNOWN_ENTRIES)
    reading = line.sandbox.submit(
        read_document,
        fetched.body,
        fetched.url,
        content_type=fetched.header("content-type"),
        source=source,
        seen_at=exchange.polled_at,
        known=known,
        url=fetched.url,
    )
    return _Poll(exchange=exchange, reading=reading)


def _finish_poll(poll: _Poll) -> tuple[Exchange, PollResult]:
    """Wait for the reading, if there is one."""
    exchange = poll.exchange
    try:
        reading = None if poll.reading is None else poll.reading.result()
    except ParseError as error:
        exchange, reading = replace(exchange, error=error), None
    except Exception as error:
        # Of ours, and worth a report; but it must not hold up the sources after this one.
        _log.exception("%s: a bug in reading its feed: please report it", exchange.source.id)
        words = AggregatorError(f"reading it failed by a fault of ours: {error!r}")
        exchange, reading = replace(exchange, error=words), None
    return exchange, judge(exchange, reading)


def _entries_by_id(result: PollResult) -> dict[int, ReadEntry]:
    read = () if result.reading is None else result.reading.entries
    return {entry_id(e.entry.source_id, e.entry.guid): e for e in read}


def _assign(tx: Transaction, fresh: Mapping[int, ReadEntry]) -> list[entries.NewEntry]:
    if not fresh:
        return []
    since = min(r.entry.published_at for r in fresh.values()) - SAME_URL_WINDOW
    known = entries.list_candidates(tx, [r.fingerprint for r in fresh.values()], since=since)
    assignments = assign_articles([_candidate(i, r) for i, r in fresh.items()], known)
    return [entries.NewEntry(id=i, read=r, assignment=assignments[i]) for i, r in fresh.items()]


def _candidate(number: int, read: ReadEntry) -> Candidate:
    return Candidate(
        entry_id=number,
        article_id=number,
        source_id=read.entry.source_id,
        fingerprint=read.fingerprint,
        published_at=read.entry.published_at,
    )


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


def _report(
    result: PollResult, ids: Collection[int], fresh: Collection[int], seen: Collection[int]
) -> PollReport:
    return PollReport(
        source_id=result.source_id,
        outcome=result.outcome,
        new=sum(i in fresh for i in ids),
        updated=sum(i in seen for i in ids),
        error=result.error,
    )


def _describe(report: PollReport) -> str:
    if report.outcome == "new_body":
        return f"{report.new} new, {report.updated} updated"
    return report.error or report.outcome.replace("_", " ")
