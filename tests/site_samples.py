"""Configurations, stores and polls in this process, for tests above single stages; all texts are our own."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

from aggregator.config import Settings, parse_settings
from aggregator.demo.documents import DemoFeed, DemoItem, Format, render_document
from aggregator.fetch.client import Client
from aggregator.model import Claim, FetchPolicy, PollResult, SourceState
from aggregator.parse.sandbox import Sandbox
from aggregator.reading import read_document
from aggregator.refresh import LEASE, Line, apply_configuration, poll_bucket
from aggregator.saving import PollReport, save_results
from aggregator.store import Store, open_store, sources
from aggregator.store.entries import StoredEntry, list_entries
from tests.harness import make_item
from tests.stores import make_environ, make_store_url

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)

POLICY = FetchPolicy(
    user_agent="aggregator/0 (+https://news.example)",
    connect_timeout=timedelta(seconds=5),
    max_body_bytes=1_000_000,
    max_redirects=3,
    concurrency=10,
    per_host=1,
    allow_networks=(ip_network("127.0.0.0/8"),),
)

HEAD = """
[site]
title = "بوابة الأنباء"
url = "https://news.example"
timezone = "Africa/Tripoli"
editions = ["ar-LY", "en-GB"]

[fetch]
allow_networks = ["127.0.0.0/8"]
host_gap = "0s"

[defaults]
timeout = "5s"

[[section]]
id = "sports"
edition = "ar"
name = "رياضة"
old_ids = ["sport", "games"]

[[section]]
id = "libya"
edition = "ar"
name = "ليبيا"

[[section]]
id = "world"
edition = "en"
name = "World"
"""


def source_table(source_id: str, url: str, section: str = "world", **keys: str) -> str:
    """A [[source]] of config.toml; the values of `keys` are TOML."""
    table = {"id": f'"{source_id}"', "name": f'"Outlet {source_id}"', "url": f'"{url}"'}
    table |= {"section": f'"{section}"'} | keys
    return "\n[[source]]\n" + "".join(f"{name} = {value}\n" for name, value in table.items())


def make_settings(folder: Path, *tables: str, head: str = HEAD) -> Settings:
    """The settings of a file that is also there, so that commands can be run on it."""
    path = folder / "config.toml"
    text = head + "".join(tables)
    path.write_text(text, encoding="utf-8")
    return parse_settings(text, path=path, environ=make_environ(folder))


def render_feed(items: Sequence[DemoItem], *, form: Format = "rss20", lang: str = "en") -> bytes:
    feed = DemoFeed(title="Press", link="https://press.example/", lang=lang, items=tuple(items))
    return render_document(form, feed)


def save_feed(
    store: Store, settings: Settings, source_id: str, items: Sequence[DemoItem], *, now: datetime = NOON
) -> PollReport:
    """Read a document of a source and save it, as a poll would."""
    source = settings.get_source(source_id)
    reading = read_document(render_feed(items), source.url, content_type=None, source=source, seen_at=now)
    result = PollResult(
        source_id=source_id,
        outcome="new_body",
        polled_at=now,
        next_poll_at=now + timedelta(minutes=20),
        body_hash=b"0" * 16,
        reading=reading,
    )
    with store.write() as tx:
        (report,) = save_results(tx, [result], now=now)
        sources.record_poll(tx, result)
    return report


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> datetime:
        self.at += by
        return self.at


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A store in a folder, and what polling needs; the configuration may be changed at any time."""

    folder: Path
    store: Store
    client: Client
    sandbox: Sandbox
    clock: Clock = field(default_factory=Clock)

    def configure(self, *tables: str, head: str = HEAD) -> Line:
        settings = make_settings(self.folder, *tables, head=head)
        apply_configuration(self.store, settings, now=self.clock())
        return self.line(settings)

    def line(self, settings: Settings, store: Store | None = None) -> Line:
        return Line(
            settings=settings,
            store=store or self.store,
            client=self.client,
            sandbox=self.sandbox,
            now=self.clock,
            jitter=lambda: 0.0,
            stopping=threading.Event(),
        )

    def claim(self, *, owner: str = "test", force: bool = True) -> tuple[Claim, ...]:
        with self.store.write() as tx:
            return sources.claim_due(tx, now=self.clock(), limit=100, lease=LEASE, owner=owner, force=force)

    def poll(self, line: Line) -> dict[str, PollReport]:
        """Poll every source, due or not."""
        reports = [report for claim in self.claim() for report in poll_bucket(line, claim)]
        return {report.source_id: report for report in reports}

    def state(self, source_id: str) -> SourceState:
        with self.store.read() as tx:
            (state,) = sources.list_source_states(tx, [source_id])
        return state

    def entries(self) -> list[StoredEntry]:
        with self.store.read() as tx:
            return list(list_entries(tx))


@contextmanager
def open_bench(folder: Path, client: Client, sandbox: Sandbox) -> Iterator[Bench]:
    store = open_store(make_store_url(folder, "aggregator"))
    try:
        yield Bench(folder=folder, store=store, client=client, sandbox=sandbox)
    finally:
        store.close()


@dataclass(frozen=True, kw_only=True)
class Portal:
    """A filled store and its configuration."""

    settings: Settings
    store: Store


@contextmanager
def open_portal(folder: Path) -> Iterator[Portal]:
    """65 articles in ar/sports, two in ar/libya, three in en/world of which two outlets carry the first."""
    settings = make_settings(
        folder,
        source_table("madar", "https://madar.example/feed", "sports"),
        source_table("sahel", "https://sahel.example/feed", "libya", content='"summary"'),
        source_table("herald", "https://herald.example/feed"),
        source_table("wire", "https://wire.example/feed"),
    )
    store = open_store(settings.store_url)
    try:
        apply_configuration(store, settings, now=NOON)
        for source_id, items in PORTAL_ITEMS.items():
            save_feed(store, settings, source_id, items)
        yield Portal(settings=settings, store=store)
    finally:
        store.close()


PORTAL_ITEMS: Mapping[str, Sequence[DemoItem]] = {
    "madar": [make_item(n, title=f"مباراة رقم {n} تنتهي بالتعادل") for n in range(65)],
    "sahel": [make_item(n, title=f"افتتاح الجسر {n} في المدينة") for n in (100, 101)],
    "herald": [make_item(n) for n in (200, 201, 202)],
    "wire": [make_item(200, guid="wire-200")],
}
