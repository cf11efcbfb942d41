"""Two machines with a worker and a web node each, on one PostgreSQL: for what may happen to them.

Each has a configuration of its own in a folder of its own, and a clock that is an hour off.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from sqlalchemy import func, select, text, update

from aggregator.demo.publisher import Publisher, Request
from aggregator.store import Store, Transaction, open_store, processes, roles, stories, tables
from aggregator.store.entries import list_entries
from aggregator.urls import host_bucket
from tests.harness import Site, find_free_port, make_clock, make_item, publish, wait_until, write_config
from tests.stores import OwnServer, open_own_server

RECOVERY = timedelta(seconds=60)
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
CLOCKS_OFF = (3600, -3600)  # seconds
_SOURCES = 6
_DELAY = timedelta(milliseconds=50)  # of a publisher's answer: so that a kill often meets a request

Process = subprocess.Popen[bytes]


@dataclass
class Machine:
    site: Site
    environ: dict[str, str]
    web: Process
    workers: list[Process]

    @property
    def processes(self) -> tuple[Process, ...]:
        return (self.web, *self.workers)


@dataclass
class Cluster:
    server: OwnServer
    store: Store
    machines: tuple[Machine, ...]
    publishers: tuple[Publisher, ...]
    published: dict[str, list[int]]  # numbers of items by source
    chance: random.Random = field(default_factory=lambda: random.Random(8))
    deaths: list[tuple[datetime, datetime]] = field(default_factory=list)  # each between two moments

    @property
    def sites(self) -> tuple[Site, ...]:
        return tuple(machine.site for machine in self.machines)

    @property
    def workers(self) -> list[Process]:
        return [worker for machine in self.machines for worker in machine.workers]

    @property
    def log(self) -> str:
        return "".join((site.folder / "worker.log").read_text(encoding="utf-8") for site in self.sites)

    def start_worker(self, machine: Machine) -> None:
        machine.workers.append(machine.site.start_worker(**machine.environ))

    def start_web(self, machine: Machine) -> None:
        machine.web = machine.site.start("--no-poll", **machine.environ)

    def kill(self, process: Process) -> Machine:
        """By SIGKILL; returns its machine, which has one less when its children have gone too."""
        children = psutil.Process(process.pid).children(recursive=True)
        before = datetime.now(UTC)
        process.kill()
        process.wait()
        psutil.wait_procs(children, timeout=10)
        self.deaths.append((before, datetime.now(UTC)))
        (machine,) = [machine for machine in self.machines if process in machine.processes]
        if process is not machine.web:
            machine.workers.remove(process)
        return machine

    def move_away(self, process: Process) -> None:
        """Let nobody know whether it lives, as if it had been on another machine."""
        elsewhere = func.concat("elsewhere ", tables.hosts.c.lease_owner)
        pattern = f"% process {process.pid} %"
        held = update(tables.hosts).where(tables.hosts.c.lease_owner.like(pattern))
        role = "UPDATE meta SET value = regexp_replace(value, ' ', ' elsewhere ') WHERE value LIKE :pattern"
        with self.store.write() as tx:
            tx.execute(held.values(lease_owner=elsewhere))
            tx.execute(text(role), {"pattern": pattern})

    def publish_next(self) -> None:
        """An item more in every source."""
        for place, (source, numbers) in enumerate(self.published.items()):
            numbers.append(1000 * place + len(numbers))
            items = [make_item(number) for number in numbers[-50:]]
            publish(self.publishers[place % len(HOSTS)], f"/{source}", items, delay=_DELAY)

    def wait_for_all(self) -> None:
        """Until each item that was published is an article in a story: none lost, none twice."""
        expected = sorted((s, f"item-{n}") for s, numbers in self.published.items() for n in numbers)
        started = time.monotonic()
        while (found := self.list_found()) != expected or not self.is_grouped():
            assert time.monotonic() - started < RECOVERY.total_seconds(), set(expected) ^ set(found)
            assert len(found) <= len(expected), "something is there twice"
            time.sleep(0.1)

    def list_found(self) -> list[tuple[str, str]]:
        with self.store.read() as tx:
            rows = list(list_entries(tx))
        assert len({row.article for row in rows}) == len(rows), "an article of each"
        return sorted((row.source, row.guid) for row in rows)

    def is_grouped(self) -> bool:
        with self.store.read() as tx:
            return not stories.has_pending(tx)

    def find_leader(self) -> Process | None:
        """The living worker that does the periodic work."""
        with self.store.read() as tx:
            holder = roles.find_scheduler(tx)
        return None if holder is None else self._find_worker(holder.owner)

    def wait_for_leader(self, *, other_than: Process | None = None) -> Process:
        wait_until(lambda: self.find_leader() not in (None, other_than), "somebody to do the periodic work")
        leader = self.find_leader()
        assert leader is not None
        return leader

    def find_asker(self, publisher: Publisher) -> Process | None:
        """The living worker that has the lease of a publisher."""
        with self.store.read() as tx:
            owner = find_owner(tx, publisher)
        return None if owner is None else self._find_worker(owner)

    def wait_for_asker(self) -> Process:
        """A worker that is polling."""
        while True:
            for asker in map(self.find_asker, self.publishers):
                if asker is not None:
                    return asker

    def _find_worker(self, owner: str) -> Process | None:
        return next((worker for worker in self.workers if worker.pid == find_pid(owner)), None)

    def end_lease(self, publisher: Publisher) -> None:
        over = update(tables.hosts).where(tables.hosts.c.host == host_bucket(publisher.url))
        with self.store.write() as tx:
            tx.execute(over.values(lease_until=datetime.now(UTC)))

    def end_role(self) -> None:
        with self.store.write() as tx:
            tx.execute(text("DELETE FROM meta WHERE key = 'scheduler'"))

    def check_conduct(self) -> None:
        """No host was asked twice at once; a request whose asker was killed is nobody's any more."""
        for publisher in self.publishers:
            requests = [request for request in publisher.log if not self._was_cut(request)]
            assert len(requests) > 1
            for one, next_one in pairwise(requests):
                assert one.ended_at is not None, "answered in full"
                assert one.ended_at <= next_one.at, (one, next_one)

    def _was_cut(self, request: Request) -> bool:
        ended_at = request.ended_at or datetime.max.replace(tzinfo=UTC)
        return any(request.at <= after and before <= ended_at for before, after in self.deaths)

    def _have_begun(self) -> bool:
        """Whether every worker has, and so listens to signals: one that was just started may still load."""
        with self.store.read() as tx:
            known = {find_pid(process.owner) for process in processes.list_processes(tx)}
        return {worker.pid for worker in self.workers} <= known

    def stop(self) -> None:
        wait_until(self._have_begun, "every worker to begin")
        running = [process for machine in self.machines for process in machine.processes]
        for process in running:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        codes = {process.wait(timeout=60) for process in running}
        assert codes == {0}, (codes, self.log, *(site.log for site in self.sites))
        assert "Traceback" not in self.log


def find_pid(owner: str) -> int:
    return int(owner.rpartition(" process ")[2].split()[0])


def find_owner(tx: Transaction, publisher: Publisher) -> str | None:
    """Who has the lease of a publisher."""
    query = select(tables.hosts.c.lease_owner).where(tables.hosts.c.host == host_bucket(publisher.url))
    owner: str | None = tx.execute(query).scalar_one()
    return owner


@contextmanager
def open_cluster(folder: Path) -> Iterator[Cluster]:
    """What a first poll has found is in the store, and both web nodes answer."""
    with ExitStack() as stack:
        server = stack.enter_context(open_own_server())
        environ = stack.enter_context(pytest.MonkeyPatch.context())
        environ.setenv("AGGREGATOR_STORE_URL", server.url)
        publishers = tuple(stack.enter_context(Publisher(host)) for host in HOSTS)
        store = open_store(server.url)
        stack.callback(store.close)
        sites = [Site(folder=folder / f"machine{off}", port=find_free_port()) for off in CLOCKS_OFF]
        write_configs(sites, publishers)
        machines = []
        for site, off in zip(sites, CLOCKS_OFF, strict=True):
            clock = make_clock(site.folder, off) if shutil.which("cc") else {}
            web, worker = site.start("--no-poll", **clock), site.start_worker(**clock)
            machines.append(Machine(site, clock, web, [worker]))
        published: dict[str, list[int]] = {f"s{number}": [] for number in range(_SOURCES)}
        cluster = Cluster(server, store, tuple(machines), publishers, published)
        stack.callback(cluster.stop)
        cluster.publish_next()
        cluster.wait_for_all()
        for machine in machines:
            machine.site.wait_until_ready(machine.web)
        yield cluster


def write_configs(sites: Sequence[Site], publishers: Sequence[Publisher]) -> None:
    """One configuration, copied to every machine, whose sources are spread over the publishers."""
    for site in sites:
        site.folder.mkdir()
    paths = {f"s{number}": f"/s{number}" for number in range(_SOURCES)}
    write_config(sites[0], publishers[0], paths, every="1s")

    def place(found: re.Match[str]) -> str:
        return f"{publishers[int(found[1]) % len(publishers)].url}/s{found[1]}"

    written = sites[0].config.read_text(encoding="utf-8")
    written = re.sub(rf"{re.escape(publishers[0].url)}/s(\d)", place, written)
    for site in sites:
        site.config.write_text(written, encoding="utf-8")


def is_off(environ: dict[str, str]) -> bool:
    """Whether processes of this environment really have a wrong clock."""
    told = subprocess.run(["date", "+%s"], env=os.environ | environ, capture_output=True, check=True).stdout
    return abs(int(told) - time.time()) > 1800
