"""Sources fetched and read once, as a poll would, and nothing stored: `check --online`, `add`, `preview`."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from aggregator.config import Settings, render_duration
from aggregator.errors import AggregatorError, HttpStatusError, NotAFeed
from aggregator.executor.local import make_sandbox
from aggregator.fetch.client import Client
from aggregator.logs import redact
from aggregator.model import FetchRequest, FetchResult, Hints, Source, Validators
from aggregator.outcome import check_answer, is_permanent
from aggregator.parse.sandbox import Sandbox
from aggregator.reading import Inspection, inspect_document
from aggregator.refresh import finish_reading
from aggregator.urls import host_bucket

_FORMATS = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What one source has answered."""

    source: Source
    fetched: FetchResult | None = None  # None: no answer
    inspection: Inspection | None = None  # None: no feed
    error: AggregatorError | None = None  # None: all is well

    @property
    def moved_to(self) -> str | None:
        """Where it has moved for good (RFC 9110, 15.4.2 and 15.4.9); None: it has not."""
        hops = () if self.fetched is None else self.fetched.redirects
        return hops[-1].url if hops and is_permanent(hops) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One source of `aggregator check --online`; the fields are the keys of its JSON."""

    id: str
    url: str
    error: str | None  # with the cure; None: it can be polled
    format: str | None = None
    title: str | None = None
    language: str | None = None
    items: int = 0
    newest_at: datetime | None = None
    redirects: tuple[str, ...] = ()  # where they lead, one after the other
    moved_to: str | None = None  # what to write as its url; None: it has not moved for good
    hints: tuple[str, ...] = ()  # what it asks of pollers
    problems: tuple[str, ...] = ()  # what was repaired or dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Prober:
    """Fetches and reads one source at a time or many at once, one connection to a host."""

    settings: Settings
    client: Client
    sandbox: Sandbox

    def find_feed(
        self,
        url: str,
        make_source: Callable[[str], Source],
        *,
        now: datetime,
        choose: Callable[[tuple[str, ...]], str],
    ) -> Probe:
        """Ask for the feed at a URL, or that one of those a web page there names which `choose` chooses.

        `make_source` makes a source of a URL. Raises whatever is wrong with the feed.
        """
        probe = self.probe(make_source(url), now=now)
        if isinstance(probe.error, NotAFeed) and probe.error.feeds:
            probe = self.probe(make_source(choose(probe.error.feeds)), now=now)
        if probe.error is not None:
            raise probe.error
        return probe

    def probe(self, source: Source, *, now: datetime, trust_guids: bool = True) -> Probe:
        """Ask a source as its first poll does. Whatever goes wrong is in the result."""
        request = FetchRequest(url=source.url, timeout=source.timeout, headers=source.headers)
        try:
            fetched = self.client.fetch(request)
        except AggregatorError as error:
            return Probe(source=source, error=error)
        try:
            check_answer(fetched, url=source.url, sent=Validators())
        except HttpStatusError as error:
            return Probe(source=source, fetched=fetched, error=error)
        reading = self.sandbox.submit(
            inspect_document,
            fetched.body,
            fetched.url,
            content_type=fetched.header("content-type"),
            source=source,
            seen_at=now,
            trust_guids=trust_guids,
            url=fetched.url,
        )
        found = finish_reading(source.id, reading)
        if isinstance(found, AggregatorError):
            return Probe(source=source, fetched=fetched, error=found)
        return Probe(source=source, fetched=fetched, inspection=found)

    def probe_all(
        self, sources: Sequence[Source], *, now: Callable[[], datetime], progress: Callable[[int], None]
    ) -> tuple[Probe, ...]:
        """Ask every source once, those of one host one after the other with [fetch] host_gap between.

        In the order given. After a 429 the rest of its host is not asked, and says so.
        """
        by_host: defaultdict[str, list[Source]] = defaultdict(list)
        for source in sources:
            by_host[host_bucket(source.url)].append(source)
        probes: dict[str, Probe] = {}
        stopping = threading.Event()
        lock = threading.Lock()

        def probe_host(host: str) -> None:
            for probe in self._probe_host(host, by_host[host], now, stopping):
                with lock:
                    probes[probe.source.id] = probe
                    progress(1)

        with ThreadPoolExecutor(self.settings.fetch.concurrency, thread_name_prefix="probe") as pool:
            try:
                list(pool.map(probe_host, by_host))
            finally:
                stopping.set()
        return tuple(probes[source.id] for source in sources)

    def _probe_host(
        self, host: str, sources: Sequence[Source], now: Callable[[], datetime], stopping: threading.Event
    ) -> Iterator[Probe]:
        refused = False
        for position, source in enumerate(sources):
            if refused:
                words = f"{host} finds us too eager (429), so this source was not asked: try again later"
                yield Probe(source=source, error=AggregatorError(words))
                continue
            if position and stopping.wait(self.settings.host_gap.total_seconds()):
                return
            probe = self.probe(source, now=now())
            yield probe
            answer = probe.fetched
            refused = answer is not None and answer.status == 429 and host_bucket(answer.url) == host


@contextmanager
def open_prober(settings: Settings) -> Iterator[Prober]:
    """What it takes to ask sources: the guards and limits of a poll, one connection to a host."""
    policy = replace(settings.fetch, per_host=1)
    with Client(policy) as client, make_sandbox() as sandbox:
        yield Prober(settings=settings, client=client, sandbox=sandbox)


def describe_probe(probe: Probe) -> Finding:
    """What an admin wants to know of it; no credentials in it."""
    source, found = probe.source, probe.inspection
    hops = () if probe.fetched is None else probe.fetched.redirects
    finding = Finding(
        id=source.id,
        url=redact(source.url),
        error=None if probe.error is None else redact(str(probe.error)),
        redirects=tuple(redact(hop.url) for hop in hops),
        moved_to=redact(probe.moved_to) if probe.moved_to and not probe.error else None,
    )
    if found is None:
        return finding
    entries = [*(read.entry for read in found.reading.entries), *(entry for entry, _ in found.unwanted)]
    dates = [e.published_at for e in entries if e.published_at != e.first_seen_at]  # others say none
    return replace(
        finding,
        format=render_format(found.format),
        title=found.title,
        language=found.lang,
        items=len(entries),
        newest_at=max(dates, default=None),
        hints=tuple(_list_hints(found.reading.hints)),
        problems=found.reading.problems,
    )


def render_format(version: str) -> str:
    """`rss20` as "RSS 2.0"."""
    name = version.rstrip("0123456789")
    digits = version.removeprefix(name)
    if name not in _FORMATS or not digits:
        return version
    return f"{_FORMATS[name]} {digits[0]}.{digits[1:] or 0}"


def _list_hints(hints: Hints) -> Iterator[str]:
    if hints.ttl is not None:
        yield f"wants {render_duration(hints.ttl)} between two polls (ttl)"
    if hints.update_every is not None:
        yield f"is updated every {render_duration(hints.update_every)} (updatePeriod)"
    if hints.skip_hours:
        hours = ", ".join(map(str, sorted(hints.skip_hours)))
        yield f"is not to be polled in the hours {hours} UTC (skipHours)"
    if hints.skip_days:
        days = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
        names = ", ".join(days[day] for day in sorted(hints.skip_days))
        yield f"is not to be polled on {names} (skipDays)"
    if hints.hub_url is not None:
        yield f"can be pushed by the hub {redact(hints.hub_url)}: see [websub] callback"
