"""Two workers and two web nodes on one PostgreSQL, and what can happen to them.

AGGREGATOR_FAULT_ROUNDS says how often workers are killed (3 if it does not); from 20 on, leases are also left
to run out by themselves.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select, text, update

from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.refresh import LEASE
from aggregator.schedule import ROLE_LEASE
from aggregator.store import Store, open_store, roles, sources, stories, tables
from aggregator.store.entries import list_entries
from aggregator.urls import host_bucket
from tests.harness import (
    COMMAND,
    Site,
    find_free_port,
    let_workers_catch_up,
    make_item,
    publish,
    wait_until,
    write_config,
)
from tests.site_samples import render_feed
from tests.stores import OwnServer, open_own_server

LONG = 20  # rounds
ROUNDS = int(os.environ.get("AGGREGATOR_FAULT_ROUNDS", "3"))
RECOVERY = timedelta(seconds=60)
LOST = "the lease of this bucket has"
HOSTS = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
PATHS = (
    "/feeds/en/world.rss",
    "/feeds/en/all.atom",
    "/feeds/source/s1.json",
    "/en/",
    "/feeds.opml",
    "/feeds/",
)


@dataclass
class Cluster:
    """The processes, what they read from and what they write to."""

    server: OwnServer
    site: Site  # of one web node; the other listens elsewhere
    other: Site
    publishers: tuple[Publisher, ...]
    store: Store
    chance: random.Random
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    killed_at: list[datetime] = field(default_factory=list)
    published: dict[str, list[int]] = field(default_factory=dict)  # numbers of items by source

    def start_worker(self, **environ: str) -> subprocess.Popen[bytes]:
        command = [*COMMAND, "worker", "--config", str(self.site.config)]
        with (self.site.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | environ)
        self.workers.append(process)
        return process

    def end_worker(self, process: subprocess.Popen[bytes], number: int) -> None:
        process.send_signal(number)
        code = process.wait(timeout=30)
        self.workers.remove(process)
        if number == signal.SIGKILL:
            self.killed_at.append(datetime.now(UTC))
        else:
            assert code == 0, self.log

    @property
    def log(self) -> str:
        return (self.site.folder / "worker.log").read_text(encoding="utf-8")

    def publish_next(self) -> None:
        """An item more in every source."""
        for place, (source, numbers) in enumerate(self.published.items()):
            numbers.append(1000 * place + len(numbers))
            items = [make_item(number) for number in numbers]
            publisher = self.publishers[place % len(self.publishers)]
            publish(publisher, f"/{source}", items, delay=timedelta(milliseconds=50))

    def wait_for_all(self) -> None:
        """Until the store has what was published: nothing lost, nothing twice."""
        expected = sorted((s, f"item-{n}") for s, numbers in self.published.items() for n in numbers)
        started = time.monotonic()
        while (found := self.list_found()) != expected:
            assert time.monotonic() - started < RECOVERY.total_seconds(), set(expected) ^ set(found)
            assert len(found) <= len(expected), "something is there twice"
            time.sleep(0.1)

    def list_found(self) -> list[tuple[str, str]]:
        with self.store.read() as tx:
            rows = list(list_entries(tx))
        assert len({row.article for row in rows}) == len(rows), "an article of each"
        return sorted((row.source, row.guid) for row in rows)

    def find_leader(self) -> int | None:
        """The process that does the periodic work."""
        with self.store.read() as tx:
            holder = roles.find_scheduler(tx)
        return None if holder is None else find_pid(holder.owner)

    def find_asker(self, publisher: Publisher) -> int | None:
        """The process that has the lease of a publisher."""
        with self.store.read() as tx:
            query = select(tables.hosts.c.lease_owner).where(
                tables.hosts.c.host == host_bucket(publisher.url)
            )
            owner = tx.execute(query).scalar_one()
        return None if owner is None else find_pid(owner)

    def find_worker(self, pid: int | None) -> subprocess.Popen[bytes]:
        (worker,) = [worker for worker in self.workers if worker.pid == pid]
        return worker

    def let_lease_end(self, publisher: Publisher) -> None:
        if ROUNDS >= LONG:
            time.sleep(LEASE.total_seconds())
            return
        over = update(tables.hosts).where(tables.hosts.c.host == host_bucket(publisher.url))
        with self.store.write() as tx:
            tx.execute(over.values(lease_until=datetime.now(UTC)))

    def is_grouped(self) -> bool:
        """Whether every article has its story."""
        with self.store.read() as tx:
            return not stories.has_pending(tx)

    def check_conduct(self) -> None:
        """No host was asked twice at once; a request whose asker was killed is nobody's any more."""
        for publisher in self.publishers:
            requests = [r for r in publisher.log if r.ended_at is not None and not self._was_cut(r)]
            assert len(requests) > 1
            for one, next_one in pairwise(requests):
                assert one.ended_at is not None
                assert one.ended_at <= next_one.at, (one, next_one)

    def _was_cut(self, request: Request) -> bool:
        assert request.ended_at is not None
        return any(request.at <= at <= request.ended_at for at in self.killed_at)


def find_pid(owner: str) -> int:
    return int(owner.rpartition(" process ")[2].split()[0])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    with ExitStack() as stack:
        server = stack.enter_context(open_own_server())
        environ = stack.enter_context(pytest.MonkeyPatch.context())
        environ.setenv("AGGREGATOR_STORE_URL", server.url)
        publishers = tuple(stack.enter_context(Publisher(host)) for host in HOSTS)
        site = Site(folder=folder, port=find_free_port())
        published: dict[str, list[int]] = {f"s{n}": [] for n in range(6)}
        write_config(site, publishers[0], {source: f"/{source}" for source in published}, every="1s")
        spread(site.config, publishers)
        store = open_store(server.url)
        stack.callback(store.close)
        other = replace(site, port=find_free_port())
        cluster = Cluster(server, site, other, publishers, store, random.Random(8), published=published)
        cluster.publish_next()
        try:
            cluster.start_worker()
            cluster.start_worker()
            with site.serving("--no-poll"), other.serving("--no-poll"):
                cluster.wait_for_all()
                yield cluster
        finally:
            for worker in tuple(cluster.workers):
                worker.send_signal(signal.SIGCONT)
                cluster.end_worker(worker, signal.SIGTERM)
    assert "Traceback" not in cluster.log


def spread(config: Path, publishers: tuple[Publisher, ...]) -> None:
    """Two sources to each publisher."""
    written = config.read_text(encoding="utf-8")
    for number in range(6):
        at = publishers[number % len(publishers)].url
        written = written.replace(f"{publishers[0].url}/s{number}", f"{at}/s{number}")
    config.write_text(written, encoding="utf-8")


@pytest.fixture(autouse=True)
def _two_workers_afterwards(cluster: Cluster) -> Iterator[None]:
    for publisher in cluster.publishers:
        publisher.clear_log()
    yield
    while len(cluster.workers) < 2:
        cluster.start_worker()
    cluster.publish_next()
    cluster.wait_for_all()
    cluster.check_conduct()


def test_every_node_answers_the_same_bytes_and_tags(cluster: Cluster) -> None:
    cluster.publish_next()
    cluster.wait_for_all()
    wait_until(cluster.is_grouped, "stories to be found")
    let_workers_catch_up()
    for path in PATHS:
        here, there = cluster.site.get(path), cluster.other.get(path)
        assert here.status == 200
        assert (here.status, here.body) == (there.status, there.body)
        assert drop_date(here.headers) == drop_date(there.headers)
        assert cluster.other.get(path, If_None_Match=here.headers["etag"]).status == 304


def drop_date(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "date"}


def test_killed_at_any_moment_workers_lose_nothing_and_repeat_nothing(cluster: Cluster) -> None:
    for _ in range(ROUNDS):
        cluster.publish_next()
        time.sleep(cluster.chance.uniform(0.1, 1.5))
        cluster.end_worker(cluster.chance.choice(cluster.workers), signal.SIGKILL)
        cluster.start_worker()
    # The last one has the periodic work and is not replaced: what it held the other takes over.
    cluster.publish_next()
    wait_until(lambda: cluster.find_leader() in [w.pid for w in cluster.workers], "a living leader")
    former = cluster.find_leader()
    cluster.end_worker(cluster.find_worker(former), signal.SIGKILL)
    wait_until(lambda: cluster.find_leader() not in (None, former), "another to do its work")
    cluster.wait_for_all()
    wait_until(cluster.is_grouped, "a story for every article")


def test_a_stopped_worker_that_wakes_up_after_its_lease_neither_asks_nor_writes(cluster: Cluster) -> None:
    """It is stopped between two sources of a host; when it wakes another one is in the middle of them."""
    publisher = cluster.publishers[0]
    entered, may_go = threading.Semaphore(0), threading.Semaphore(0)

    def answer(request: Request) -> Answer:
        entered.release()
        may_go.acquire(timeout=120)
        return Answer(body=bodies[request.path], headers=(("Content-Type", "application/xml"),))

    bodies = {}
    for source in ("s0", "s3"):
        numbers = cluster.published[source]
        numbers.append(numbers[0] + len(numbers))
        bodies[f"/{source}"] = render_feed([make_item(number) for number in numbers])

    def begin() -> bool:
        """Have both asked in one claim, by whoever takes it."""
        with cluster.store.write() as tx:
            free = cluster.find_asker(publisher) is None
            if free:
                tx.execute(update(tables.sources).values(next_poll_at=datetime.now(UTC)))
                publisher.publish_handler("/s0", answer)
                publisher.publish_handler("/s3", answer)
        return free

    wait_until(begin, "the host to be free")
    stored, noticed = len(cluster.list_found()), cluster.log.count(LOST)
    assert entered.acquire(timeout=30)
    stale = cluster.find_worker(cluster.find_asker(publisher))
    stale.send_signal(signal.SIGSTOP)
    may_go.release()
    cluster.let_lease_end(publisher)
    assert entered.acquire(timeout=60), "the other takes the host over"
    asked = len(publisher.log)
    stale.send_signal(signal.SIGCONT)
    wait_until(lambda: cluster.log.count(LOST) > noticed, "the stale one to notice")
    time.sleep(1)
    assert len(publisher.log) == asked, "it asks no more"
    assert len(cluster.list_found()) == stored, "it has not written"
    for _ in range(50):
        may_go.release()
    cluster.wait_for_all()


def test_stopped_with_the_periodic_work_it_does_not_keep_it(cluster: Cluster) -> None:
    wait_until(lambda: cluster.find_leader() is not None, "somebody to do the periodic work")
    former = cluster.find_leader()
    leader = cluster.find_worker(former)
    leader.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    wait_until(lambda: cluster.find_leader() not in (None, former), "another to do it")
    assert time.monotonic() - started < ROLE_LEASE.total_seconds() + 5
    leader.send_signal(signal.SIGCONT)


def test_two_schedulers_by_accident_do_no_harm(cluster: Cluster) -> None:
    """Whoever believes to have the role goes on for some seconds after it was taken away."""
    for _ in range(3):
        cluster.publish_next()
        with cluster.store.write() as tx:
            tx.execute(text("DELETE FROM meta WHERE key = 'scheduler'"))
        time.sleep(0.7)
    cluster.wait_for_all()
    wait_until(cluster.is_grouped, "a story for every article")


def test_a_restart_of_postgresql_stops_no_reader_and_polling_goes_on_by_itself(cluster: Cluster) -> None:
    let_workers_catch_up()
    before = [worker.pid for worker in cluster.workers]
    with reading(cluster) as statuses:
        cluster.server.control("stop")
        time.sleep(3)
        cluster.server.control("restart")  # with the options that it had
        restarted = time.monotonic()
        cluster.publish_next()
        cluster.wait_for_all()
        took = time.monotonic() - restarted
    assert len(statuses) > 20
    assert set(statuses) == {200}
    assert took < RECOVERY.total_seconds()
    assert [worker.pid for worker in cluster.workers if worker.poll() is None] == before
    let_workers_catch_up()
    newest = f"Bridge number {cluster.published['s1'][-1]} opens"
    assert newest in cluster.site.get("/feeds/source/s1.json").body.decode()
    assert newest in cluster.other.get("/feeds/source/s1.json").body.decode()


@contextmanager
def reading(cluster: Cluster) -> Iterator[list[int]]:
    """Ask both nodes all the time for what they have rendered; the statuses of their answers."""
    for node in (cluster.site, cluster.other):
        for _ in range(20):  # until each web process has it
            assert node.get("/feeds/en/world.rss").status == 200
    statuses: list[int] = []
    stop = threading.Event()

    def read(node: Site) -> None:
        while not stop.wait(0.05):
            statuses.append(node.get("/feeds/en/world.rss").status)

    threads = [threading.Thread(target=read, args=(node,)) for node in (cluster.site, cluster.other)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_workers_whose_clocks_are_hours_off_go_by_that_of_the_database(
    cluster: Cluster, tmp_path: Path
) -> None:
    start = datetime.now(UTC)
    library = make_clock(tmp_path)
    wrong = []
    for seconds in (3600, -3600):
        clock = tmp_path / f"clock{seconds}"
        clock.write_text(str(seconds))
        wrong.append(cluster.start_worker(LD_PRELOAD=str(library), CLOCK_FILE=str(clock)))
    for process in wrong:
        holders = partial(map, cluster.find_asker, cluster.publishers)
        wait_until(lambda pid=process.pid, holders=holders: pid in holders(), "it to poll")  # type: ignore[misc]
    cluster.publish_next()
    cluster.wait_for_all()
    with cluster.store.read() as tx:
        states = sources.list_source_states(tx)
        seen = [row.first_seen_at for row in list_entries(tx)]
    now = datetime.now(UTC)
    assert all(start - LEASE < state.last_polled_at < now for state in states if state.last_polled_at)
    assert all(state.next_poll_at < now + timedelta(seconds=5) for state in states)
    assert max(seen) < now
    for process in wrong:
        cluster.end_worker(process, signal.SIGTERM)


def make_clock(folder: Path) -> Path:
    """The library that moves the clock of one process."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("moving the clock of one process wants a C compiler")
    library = folder / "clock.so"
    source = Path(__file__).parent / "clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library
