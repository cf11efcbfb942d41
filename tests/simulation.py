"""Days of polling in seconds: the real line against real publishers, under a clock that jumps.

The clock stands still while what is due is polled and then jumps to the next moment at which something is
due, so that a publisher's log, stamped with simulated time, shows what weeks of polling look like.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from sqlalchemy import select

from aggregator.config import Settings
from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.executor.local import LocalExecutor
from aggregator.fetch.client import Client
from aggregator.model import Claim, SourceStatus
from aggregator.ops import list_status
from aggregator.parse.sandbox import Sandbox
from aggregator.refresh import LEASE, Line, apply_configuration, poll_bucket
from aggregator.store import open_store, sources
from aggregator.store.tables import hosts
from tests.harness import make_item
from tests.site_samples import HEAD, Clock, make_settings, render_feed

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

Handler = Callable[[Request], Answer | None]


@dataclass(frozen=True, kw_only=True)
class Heard:
    """A request as a publisher's log has it, and the simulated moment of it."""

    at: datetime
    request: Request

    @property
    def path(self) -> str:
        return self.request.path


@dataclass(kw_only=True)
class Simulation:
    settings: Settings
    line: Line
    clock: Clock
    publishers: Sequence[Publisher]
    heard: list[Heard] = field(default_factory=list)

    def run(self, span: timedelta) -> None:
        """Poll all that falls due within `span` from now."""
        end = self.clock() + span
        while True:
            self.poll_due()
            at = self._find_next()
            if at is None or at > end:
                self.clock.at = end
                return
            self.clock.at = at

    def pass_by(self, span: timedelta) -> None:
        """Let time pass without a poll, as when the server is down."""
        self.clock.advance(span)

    def poll_due(self, *, force: bool = False) -> None:
        for claim in self.claim(force=force):
            poll_bucket(self.line, claim)
            self._note()

    def poll_at_once(self) -> None:
        """What `serve` does: every claimed bucket on a thread of its own."""
        executor = LocalExecutor(self.line)
        for future in executor.submit(self.claim()):
            future.result()
        self._note()

    def claim(self, *, force: bool = False) -> tuple[Claim, ...]:
        with self.line.store.write() as tx:
            return sources.claim_due(
                tx, now=self.clock(), limit=1000, lease=LEASE, owner="simulation", force=force
            )

    def requests(self, path: str | None = None) -> list[Heard]:
        return [one for one in self.heard if path is None or one.path == path]

    def gaps(self, path: str | None = None) -> list[timedelta]:
        """From each request to the next."""
        times = [one.at for one in self.requests(path)]
        return [later - earlier for earlier, later in pairwise(times)]

    def status(self) -> Mapping[str, SourceStatus]:
        return {row.id: row for row in list_status(self.settings, now=self.clock())}

    def reconfigure(self, *tables: str, head: str = HEAD) -> None:
        self.settings = make_settings(self.settings.path.parent, *tables, head=head)
        apply_configuration(self.line.store, self.settings, now=self.clock())
        self.line = replace(self.line, settings=self.settings)

    def _find_next(self) -> datetime | None:
        """When something falls due, or a host's rest ends."""
        now = self.clock()
        with self.line.store.read() as tx:
            states = [s for s in sources.list_source_states(tx) if s.disabled_at is None]
            rests = [rest for (rest,) in tx.execute(select(hosts.c.not_before)) if rest is not None]
        return min((at for at in (*(s.next_poll_at for s in states), *rests) if at > now), default=None)

    def _note(self) -> None:
        fresh = [request for publisher in self.publishers for request in publisher.log]
        for publisher in self.publishers:
            publisher.clear_log()
        self.heard += [Heard(at=self.clock(), request=r) for r in sorted(fresh, key=lambda r: r.at)]


@contextmanager
def simulate(
    folder: Path,
    sandbox: Sandbox,
    publishers: Sequence[Publisher],
    *tables: str,
    head: str = HEAD,
    host_gap: timedelta | None = None,
    seed: int = 7,
) -> Iterator[Simulation]:
    """`host_gap` may be shorter than the configuration can say, to keep a test quick."""
    settings = make_settings(folder, *tables, head=head)
    if host_gap is not None:
        settings = replace(settings, host_gap=host_gap)
    store, clock, dice = open_store(settings.store_url), Clock(), random.Random(seed)
    try:
        apply_configuration(store, settings, now=clock())
        with Client(settings.fetch) as client:
            line = Line(
                settings=settings,
                store=store,
                client=client,
                sandbox=sandbox,
                now=clock,
                jitter=lambda: dice.uniform(-1, 1),
            )
            yield Simulation(settings=settings, line=line, clock=clock, publishers=publishers)
    finally:
        store.close()


def answer_feed(*headers: tuple[str, str], count: int = 3, first: int = 1) -> Answer:
    """A feed of items with these headers and no others."""
    body = render_feed([make_item(n) for n in range(first, first + count)])
    return Answer(body=body, headers=(("Content-Type", "application/xml"), *headers))


def take_turns(*answers: Answer) -> Handler:
    """One answer after the other, the last one for ever."""
    rest = list(answers)
    return lambda _request: rest.pop(0) if len(rest) > 1 else rest[0]
