"""What the commands do, apart from talking to a terminal."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import tomlkit

from aggregator.config import Settings, parse_settings
from aggregator.errors import ConfigError
from aggregator.executor.local import LocalExecutor, make_owner, open_line
from aggregator.model import Source, SourceState
from aggregator.parse.opml import OpmlOutline, parse_opml
from aggregator.publish import opml
from aggregator.refresh import LEASE, Line, PollReport
from aggregator.store import entries, open_store, sources
from aggregator.store.engine import HEAD, bring_up_to_date, connect, find_version
from aggregator.store.prune import prune_store

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
    state: str  # "new", "ok", "error"
    last_success_at: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    next_poll_at: datetime
    entries: int = 0
    last_error: str | None = None
    problems: tuple[str, ...] = ()
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    added: tuple[str, ...]  # source ids
    known: tuple[str, ...]  # URLs that the configuration has already
    refused: tuple[str, ...]  # one plain sentence each


def poll_once(
    settings: Settings, *, everything: bool, only: Collection[str], progress: Progress
) -> tuple[PollSummary, tuple[PollReport, ...]]:
    """Poll what is due once, or `everything`, or `only` these sources whether due or not.

    Raises ConfigError when one of `only` is not configured. Sources whose host another process is polling
    at this moment are left to it: they count in `sources`, not in `polled`.
    """
    for source_id in only:
        settings.get_source(source_id)
    started = monotonic()
    with open_line(settings) as line:
        wanted = set(only) or {source.id for source in settings.sources}
        force = everything or bool(only)
        if not force:
            with line.store.read() as tx:
                states = sources.list_source_states(tx)
            wanted = {s.source_id for s in states if s.next_poll_at <= line.now()}
        reports = tuple(_poll_all(line, wanted, force=force, polite=not everything, progress=progress))
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
    line: Line, wanted: set[str], *, force: bool, polite: bool, progress: Progress
) -> Iterator[PollReport]:
    executor = LocalExecutor(line)
    owner = make_owner()
    left = set(wanted)
    running: set[Future[tuple[PollReport, ...]]] = set()
    try:
        while True:
            with line.store.write() as tx:
                claims = sources.claim_due(
                    tx, now=line.now(), limit=executor.free, lease=LEASE, owner=owner, only=left, force=force
                )
            left -= {source_id for claim in claims for source_id in claim.source_ids}
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
    finally:
        store.close()
    return tuple(
        _status(source, states.get(source.id), counts.get(source.id, 0), now) for source in settings.sources
    )


def _status(source: Source, state: SourceState | None, count: int, now: datetime) -> SourceStatus:
    if state is None:  # configured since the store was last brought in line: due at once
        return SourceStatus(id=source.id, state="new", next_poll_at=now)
    return SourceStatus(
        id=source.id,
        state="new" if state.last_polled_at is None else "error" if state.failures else "ok",
        last_success_at=state.last_success_at,
        failing_since=state.failing_since,
        failures=state.failures,
        next_poll_at=state.next_poll_at,
        entries=count,
        last_error=state.last_error,
        problems=state.problems,
        skipped=state.skipped,
    )


def list_entries(
    settings: Settings, *, section: str | None, source_id: str | None
) -> Iterator[entries.StoredEntry]:
    """Stored entries, newest first. Raises ConfigError for a section or source that is not configured.

    Sections are named as an admin writes them: by id alone where one edition has it, else edition/id.
    """
    ref = None
    if section is not None:
        found = settings.find_section(section)
        if found is None:
            known = ", ".join(s.ref for s in settings.site.sections)
            raise ConfigError((f'{settings.path}: there is no one section "{section}"; there are: {known}',))
        ref = found.ref
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


def export_opml(settings: Settings) -> bytes:
    """The sources as OPML 2.0, a group per section. Header values, which may be secret, are not in it."""
    groups = [
        opml.OpmlGroup(
            title=section.name,
            outlines=tuple(
                opml.OpmlOutline(title=source.name, xml_url=source.url, lang=source.lang)
                for source in settings.sources
                if source.section == section.ref
            ),
        )
        for section in settings.site.sections
    ]
    return opml.render_opml(title=settings.site.title, groups=[g for g in groups if g.outlines])


def import_opml(settings: Settings, body: bytes, *, section: str | None) -> ImportResult:
    """Add the feeds of an OPML file to config.toml, comments and order of the file kept.

    A feed goes to the section named like its innermost group that is one, else to `section`. The file is
    replaced in one step, and only when the result is a configuration without errors. Raises ConfigError.
    """
    outlines = parse_opml(body)
    text = settings.path.read_text(encoding="utf-8")
    document = tomlkit.parse(text if text.endswith("\n") else f"{text}\n")
    array = document.setdefault("source", tomlkit.aot())
    urls = {source.url for source in settings.sources}
    ids = {source.id for source in settings.sources}
    added, known, refused = [], [], []
    for outline in outlines:
        if outline.xml_url in urls:
            known.append(outline.xml_url)
            continue
        ref = _section_of(settings, outline, section)
        if ref is None:
            groups = " / ".join(outline.groups) or "no group"
            refused.append(f"{outline.xml_url}: {groups} is no section of ours: say --section ID")
            continue
        source_id = _make_id(outline, ids)
        array.append(
            tomlkit.item(
                {"id": source_id, "name": outline.title or source_id, "url": outline.xml_url, "section": ref}
            )
        )
        urls.add(outline.xml_url)
        ids.add(source_id)
        added.append(source_id)
    if added:
        changed = tomlkit.dumps(document)
        parse_settings(changed, path=settings.path, environ=os.environ)
        _replace_file(settings.path, changed)
    return ImportResult(added=tuple(added), known=tuple(known), refused=tuple(refused))


def _section_of(settings: Settings, outline: OpmlOutline, fallback: str | None) -> str | None:
    wanted = [group.strip().casefold() for group in reversed(outline.groups)]
    for name in wanted:
        for section in settings.site.sections:
            if name in (section.name.casefold(), section.id, section.ref):
                return section.ref
    found = settings.find_section(fallback) if fallback else None
    return found.ref if found else None


def _make_id(outline: OpmlOutline, taken: Collection[str]) -> str:
    """An ASCII slug: from the title where it has ASCII letters, else from the host."""
    words = "".join(c if c.isascii() and c.isalnum() else "-" for c in (outline.title or "").lower())
    slug = "-".join(part for part in words.split("-") if part)[:40].strip("-")
    if not any(c.isalpha() for c in slug):
        host = outline.xml_url.split("/")[2].split(":")[0].removeprefix("www.")
        slug = "-".join(part for part in host.lower().replace(".", "-").split("-") if part.isascii() and part)
    slug = slug or "source"
    candidates = (slug if n == 1 else f"{slug}-{n}" for n in range(1, len(taken) + 2))
    return next(c for c in candidates if c not in taken)


def _replace_file(path: Path, text: str) -> None:
    """Write beside the file, then rename over it: a crash leaves the old one or the new one, whole."""
    target = path.resolve()
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary = Path(file.name)
    temporary.chmod(target.stat().st_mode & 0o777)
    temporary.replace(target)


def prune(settings: Settings, *, now: datetime, stopping: threading.Event) -> int:
    """Forget what is older than [site] keep; returns how many articles."""
    if settings.keep is None:
        return 0
    store = open_store(settings.store_url)
    try:
        return prune_store(store, keep=settings.keep, now=now, stopping=stopping)
    finally:
        store.close()


def migrate(settings: Settings) -> tuple[str | None, str]:
    """Bring the store's schema up to date; returns the versions before and after."""
    store = connect(settings.store_url)
    try:
        before = find_version(store)
        bring_up_to_date(store)
    finally:
        store.close()
    return before, HEAD


def to_json(values: Sequence[object] | object) -> str:
    """One line of JSON: datetimes as RFC 3339 in UTC, nothing escaped that need not be."""
    return json.dumps(values, ensure_ascii=False, default=_json_value)


def _json_value(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return asdict(value)  # type: ignore[call-overload]
