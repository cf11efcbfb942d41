"""What the commands do, apart from talking to a terminal."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from time import monotonic
from typing import Any

from aggregator.config import Settings
from aggregator.dates import format_rfc3339
from aggregator.errors import LearnerMissing
from aggregator.executor.local import LocalExecutor, make_owner, open_line
from aggregator.grouping import group_new
from aggregator.guessing import guess_sections
from aggregator.model import SourceStatus
from aggregator.refresh import LEASE, Line, find_authority
from aggregator.saving import PollReport
from aggregator.statuses import list_statuses
from aggregator.store import articles, entries, open_store, sources
from aggregator.store.engine import HEAD, bring_up_to_date, connect, find_version
from aggregator.store.prune import prune_store
from aggregator.store.search import index_missing

_MAX_ID_CHARS = 40

_log = logging.getLogger(__name__)

Progress = Callable[[int], None]  # how many more sources are done


@dataclass(frozen=True, slots=True, kw_only=True)
class PollSummary:
    """What `aggregator poll` did; the fields are the keys of its JSON."""

    sources: int  # asked for
    polled: int
    new: int
    updated: int
    not_modified: int
    failed: int
    seconds: float


def poll_once(
    settings: Settings, *, everything: bool, only: Collection[str], progress: Progress
) -> tuple[PollSummary, tuple[PollReport, ...]]:
    """Poll what is due once, or `everything`, or `only` these sources whether due or not.

    Raises ConfigError when one of `only` is not configured. Sources whose host another process is polling
    at this moment, or that asked for rest, are left alone: they count in `sources`, not in `polled`.
    """
    for source_id in only:
        settings.get_source(source_id)
    started = monotonic()
    with open_line(settings) as line:
        force = everything or bool(only)
        with line.store.read() as tx:
            states = sources.list_source_states(tx, only or None)
        polled = (s for s in states if s.disabled_at is None)
        wanted = {s.source_id for s in polled if force or s.next_poll_at <= line.now()}
        claiming = {"force": force, "only": only or None, "not_since": line.now()}
        reports = tuple(_poll_all(line, claiming, polite=not everything, progress=progress))
        group_new(line.store, now=line.now(), stopping=threading.Event())
        index_missing(line.store, stopping=threading.Event())
        try:
            guess_sections(line.store, settings.sources, now=line.now(), stopping=threading.Event())
        except LearnerMissing as error:  # what was polled is stored all the same
            _log.error("%s", error)
    summary = PollSummary(
        sources=len(wanted),
        polled=len(reports),
        new=sum(r.new for r in reports),
        updated=sum(r.updated for r in reports),
        not_modified=sum(r.outcome in ("not_modified", "same_body") for r in reports),
        failed=sum(r.outcome == "failed" for r in reports),
        seconds=round(monotonic() - started, 3),
    )
    return summary, reports


def _poll_all(
    line: Line, claiming: dict[str, Any], *, polite: bool, progress: Progress
) -> Iterator[PollReport]:
    executor = LocalExecutor(line)
    owner = make_owner()
    running: set[Future[tuple[PollReport, ...]]] = set()
    try:
        while True:
            with line.store.write() as tx:
                claims = sources.claim_due(
                    tx, now=line.now(), limit=executor.free, lease=LEASE, owner=owner, **claiming
                )
            running |= set(executor.submit(claims, polite=polite))
            if not running:
                return
            done, running = wait(running, timeout=LEASE.total_seconds() / 4, return_when=FIRST_COMPLETED)
            executor.renew()
            for future in done:
                yield from future.result()
                progress(len(future.result()))
    finally:
        executor.close()


def list_status(settings: Settings, *, now: datetime) -> tuple[SourceStatus, ...]:
    """How every configured source fares, in the order of the configuration."""
    store = open_store(settings.store_url)
    try:
        with store.read() as tx:
            return list_statuses(tx, settings.sources, now=now)
    finally:
        store.close()


def list_entries(
    settings: Settings, *, section: str | None, source_id: str | None
) -> Iterator[entries.StoredEntry]:
    """Stored entries, newest first. Raises ConfigError for a section or source that is not configured.

    Sections are named as an admin writes them: by id alone where one edition has it, else edition/id.
    """
    ref = None if section is None else settings.get_section(section).ref
    if source_id is not None:
        settings.get_source(source_id)
    names = {s.ref: s.id if settings.find_section(s.id) else s.ref for s in settings.site.sections}
    store = open_store(settings.store_url)
    try:
        with store.read() as tx:
            for entry in entries.list_entries(tx, section=ref, source_id=source_id):
                yield replace(entry, sections=tuple(names.get(s, s) for s in entry.sections))
    finally:
        store.close()


def prune(settings: Settings, *, now: datetime, stopping: threading.Event) -> int:
    """Forget what is older than [site] keep; returns how many articles."""
    if settings.keep is None:
        return 0
    store = open_store(settings.store_url)
    try:
        return prune_store(store, keep=settings.keep, now=now, stopping=stopping)
    finally:
        store.close()


def prepare_store(settings: Settings, *, now: datetime) -> None:
    """Make the store one that can be served from: its schema up to date, its identity fixed."""
    store = open_store(settings.store_url)
    try:
        with store.write() as tx:
            articles.ensure_identity(tx, authority=find_authority(settings), now=now)
    finally:
        store.close()


def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the store's schema and its search index up to date; returns the schema before and after."""
    store = connect(settings.store_url)
    try:
        before = find_version(store)
        bring_up_to_date(store)
        index_missing(store, stopping=threading.Event())
    finally:
        store.close()
    return before, HEAD


def to_json(values: Sequence[object] | object) -> str:
    """One line of JSON: datetimes as RFC 3339 in UTC, nothing escaped that need not be."""
    return json.dumps(values, ensure_ascii=False, default=_json_value)


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return format_rfc3339(value)
    return asdict(value)  # type: ignore[call-overload]
