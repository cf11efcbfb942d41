"""What the commands do, apart from talking to a terminal."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from aggregator.config import Settings
from aggregator.dates import format_rfc3339
from aggregator.executor.local import LocalExecutor, make_owner, open_line
from aggregator.grouping import group_new
from aggregator.logs import redact
from aggregator.model import Source, SourceState, Subscription, SubscriptionState
from aggregator.outcome import find_silence, trusts_guids
from aggregator.refresh import LEASE, Line, find_authority
from aggregator.saving import PollReport
from aggregator.store import articles, entries, open_store, sources, subscriptions
from aggregator.store.engine import HEAD, bring_up_to_date, connect, find_version
from aggregator.store.prune import prune_store
from aggregator.store.search import index_missing

_MAX_ID_CHARS = 40
_VERIFIED_WITHIN = timedelta(minutes=1)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceStatus:
    """One source of `aggregator status`; the fields are the keys of its JSON."""

    id: str
    state: str  # "new", "ok", "error", "disabled"
    last_success_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    next_poll_at: datetime
    entries: int = 0
    last_error: str | None = None
    problems: tuple[str, ...] = ()
    skipped: int = 0
    push: SubscriptionState | None = None  # None: it names no hub, or we want none
    merged: dict[str, int] = field(default_factory=dict)  # entries that a rule put into another's article


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
            states = {s.source_id: s for s in sources.list_source_states(tx)}
            counts = sources.count_entries(tx)
            merged = entries.count_merged(tx)
            pushed = subscriptions.list_subscriptions(tx)
    finally:
        store.close()
    rows = (
        _status(source, states.get(source.id), counts.get(source.id, 0), pushed.get(source.id), now)
        for source in settings.sources
    )
    return tuple(replace(row, merged=merged.get(row.id, {})) for row in rows)


def _status(
    source: Source, state: SourceState | None, count: int, pushed: Subscription | None, now: datetime
) -> SourceStatus:
    if state is None:  # configured since the store was last brought in line: due at once
        return SourceStatus(id=source.id, state="new", next_poll_at=now)
    return SourceStatus(
        id=source.id,
        state=_state(state),
        last_success_at=state.last_success_at,
        failing_since=state.failing_since,
        failures=state.failures,
        next_poll_at=state.next_poll_at,
        entries=count,
        last_error=state.last_error,
        problems=(*_notices(source, state), *_push_notices(pushed, now), *state.problems),
        skipped=state.skipped,
        push=None if pushed is None else pushed.state,
    )


def _state(state: SourceState) -> str:
    if state.disabled_at is not None:
        return "disabled"
    return "new" if state.last_polled_at is None else "error" if state.failures else "ok"


def _notices(source: Source, state: SourceState) -> Iterator[str]:
    """What an admin should do, though the source does without."""
    if state.disabled_at is not None:
        yield "the publisher has removed it for good (410 over two days): take it out, or correct its url"
    if state.poll_url != source.url:
        yield f'it has moved for good and is polled at its new address: write url = "{state.poll_url}"'
    if not trusts_guids(state.pace):
        yield "its guids change at every fetch, so its items are told apart by links: tell the publisher"
    silence = find_silence(state)
    if silence is not None:
        yield (
            f"it has answered 'not modified' and nothing else for {silence.days} days, which is unlike it: "
            "if its site has newer articles, its ETag or Last-Modified never changes: tell the publisher"
        )


def _push_notices(pushed: Subscription | None, now: datetime) -> Iterator[str]:
    """What stands in the way of being pushed; the source is polled as if there were no hub."""
    if pushed is None:
        return
    hub = redact(pushed.hub)
    late = pushed.asked_at is not None and now - pushed.asked_at >= _VERIFIED_WITHIN
    if pushed.state == "denied":
        reason = f" ({pushed.last_error})" if pushed.last_error else ""
        yield f"its hub {hub} has denied us{reason}, and is asked again in a week; the source is polled"
    elif pushed.last_error is not None:
        yield f"its hub {hub} does not take our request ({pushed.last_error}); the source is polled"
    elif pushed.awaiting and late:
        base = pushed.callback.removesuffix(pushed.token)  # who knows the token can deny in the hub's name
        yield f"its hub {hub} takes our request but does not verify it: can it reach {base}?"
    if pushed.doubt is not None:
        yield f"{pushed.doubt}: the source is polled as if it were not pushed, until the hub pushes again"
    if pushed.dropped:
        yield f"pushed without the right signature, and dropped: {pushed.dropped}"


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
