"""Two workers and two web nodes on one PostgreSQL, and what can happen to them.

AGGREGATOR_FAULT_ROUNDS says how often processes are killed (3 times if it does not); from 20 on, leases are
also left to run out by themselves, as on machines of which nobody knows whether they live.
"""

from __future__ import annotations

import logging
import os
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice

import pytest
from sqlalchemy import text, update

from aggregator.demo.publisher import Answer, Request
from aggregator.refresh import LEASE
from aggregator.schedule import ROLE_LEASE
from aggregator.store import sources, tables
from aggregator.store.entries import list_entries
from tests.cluster import RECOVERY, Cluster, find_owner, is_off, open_cluster
from tests.harness import Site, let_workers_catch_up, make_item, wait_until
from tests.site_samples import render_feed

ROUNDS = int(os.environ.get("AGGREGATOR_FAULT_ROUNDS", "3"))
LONG = ROUNDS >= 20
OUTLIVES_ITS_HOLDER = 1  # every how many kills of the long form a lease has to run out
LOST = "the lease of this bucket has"
WORLD = "/feeds/en/world.rss"
OUTLET = "/feeds/source/s1.json"
PATHS = (WORLD, OUTLET, "/feeds/en/all.atom", "/en/", "/feeds.opml", "/feeds/")

pytestmark = pytest.mark.timeout(300 + 60 * ROUNDS)

_log = logging.getLogger(__name__)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with open_cluster(tmp_path_factory.mktemp("cluster")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _all_is_well_afterwards(cluster: Cluster) -> Iterator[None]:
    yield
    cluster.wait_for_all()
    cluster.check_conduct()


def test_every_node_answers_the_same_bytes_and_tags(cluster: Cluster) -> None:
    let_workers_catch_up()
    check_nodes_agree(cluster)


def check_nodes_agree(cluster: Cluster) -> None:
    one, other = cluster.sites
    for path in PATHS:
        here, there = one.get(path), other.get(path)
        assert here.status == 200
        assert (here.status, here.body) == (there.status, there.body)
        assert drop_date(here.headers) == drop_date(there.headers)
        assert other.get(path, If_None_Match=here.headers["etag"]).status == 304


def drop_date(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "date"}


def test_a_configuration_that_is_copied_to_all_machines_is_in_force_on_all(cluster: Cluster) -> None:
    url = f"{cluster.publishers[0].url}/later"
    added = f'\n[[source]]\nid = "later"\nname = "Late"\nsection = "world"\nurl = "{url}"\n'
    for site in cluster.sites:
        written = site.config.read_text(encoding="utf-8").replace('name = "World"', 'name = "The Globe"')
        site.config.write_text(written + added, encoding="utf-8")
    cluster.published["later"] = []
    cluster.publish_next()
    cluster.wait_for_all()
    for site in cluster.sites:
        wait_until(lambda site=site: b"The Globe" in site.get("/en/").body, "the new name of the section")  # type: ignore[misc]
        newest = f"Bridge number {cluster.published['later'][-1]} opens".encode()
        wait_until(
            lambda site=site, newest=newest: newest in site.get("/feeds/source/later.rss").body,
            "the new source",
        )  # type: ignore[misc]
    let_workers_catch_up()
    check_nodes_agree(cluster)


def test_killed_at_any_moment_they_lose_nothing_and_repeat_nothing(cluster: Cluster) -> None:
    took: dict[str, list[float]] = {}
    for number, kill in enumerate(islice(cycle((kill_worker, kill_scheduler, kill_web)), ROUNDS), start=1):
        cluster.publish_next()
        time.sleep(cluster.chance.uniform(0.1, 1.5))
        unknown = number % OUTLIVES_ITS_HOLDER == 0 and kill is not kill_web
        started = time.monotonic()
        kill(cluster, unknown)
        cluster.wait_for_all()
        kind = f"{kill.__name__}{', not known to be dead' if unknown else ''}"
        seconds = took.setdefault(kind, [])
        seconds.append(time.monotonic() - started)
        assert seconds[-1] < RECOVERY.total_seconds()
        told = (number, kind, len(seconds), statistics.median(seconds), max(seconds))
        _log.info("kill %d: %s, %d times: all is in after %.1f s (median), %.1f s (most)", *told)


def kill_worker(cluster: Cluster, unknown: bool) -> None:
    """Any of them, and its supervisor starts another."""
    victim = cluster.wait_for_asker() if unknown else cluster.chance.choice(cluster.workers)
    machine = cluster.kill(victim)
    if unknown:
        cluster.move_away(victim)
    cluster.start_worker(machine)


def kill_scheduler(cluster: Cluster, unknown: bool) -> None:
    """The one that does the periodic work, which the other takes over."""
    former = cluster.wait_for_leader()
    machine = cluster.kill(former)
    if unknown:
        cluster.move_away(former)
    cluster.wait_for_leader(other_than=former)
    cluster.start_worker(machine)


def kill_web(cluster: Cluster, unknown: bool) -> None:
    """A web node with its processes; the other one answers meanwhile, and it answers the same afterwards."""
    machine = cluster.chance.choice(cluster.machines)
    (other,) = (site for site in cluster.sites if site is not machine.site)
    with reading(other) as statuses:
        cluster.kill(machine.web)
        cluster.start_web(machine)
        machine.site.wait_until_ready(machine.web)
        wait_until(lambda: len(statuses) > 5, "some answers")
    assert set(statuses) == {200}
    cluster.wait_for_all()
    let_workers_catch_up()
    assert machine.site.get(WORLD).headers["etag"] == other.get(WORLD).headers["etag"]


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
        bodies[f"/{source}"] = render_feed([make_item(number) for number in numbers[-50:]])

    def begin() -> bool:
        """Have both asked in one claim, by whoever takes it."""
        with cluster.store.write() as tx:
            if find_owner(tx, publisher) is not None:
                return False
            tx.execute(update(tables.sources).values(next_poll_at=datetime.now(UTC)))
            publisher.publish_handler("/s0", answer)
            publisher.publish_handler("/s3", answer)
        return True

    wait_until(begin, "the host to be free")
    stored, noticed = len(cluster.list_found()), cluster.log.count(LOST)
    assert entered.acquire(timeout=30)
    stale = cluster.find_asker(publisher)
    assert stale is not None
    stale.send_signal(signal.SIGSTOP)
    may_go.release()
    if LONG:
        time.sleep(LEASE.total_seconds())
    else:
        cluster.end_lease(publisher)
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
    former = cluster.wait_for_leader()
    former.send_signal(signal.SIGSTOP)
    started = time.monotonic()
    if not LONG:
        cluster.end_role()
    cluster.wait_for_leader(other_than=former)
    assert time.monotonic() - started < ROLE_LEASE.total_seconds() + 5
    former.send_signal(signal.SIGCONT)
    cluster.publish_next()


def test_two_schedulers_by_accident_do_no_harm(cluster: Cluster) -> None:
    """Whoever believes to have the role goes on for a moment after it was taken away."""
    for _ in range(3):
        cluster.publish_next()
        cluster.end_role()
        time.sleep(0.7)
    cluster.wait_for_all()


def test_a_restart_of_postgresql_stops_no_reader_and_polling_goes_on_by_itself(cluster: Cluster) -> None:
    let_workers_catch_up()
    before = cluster.workers
    one, other = cluster.sites
    with reading(one) as here, reading(other) as there:
        cluster.server.control("stop")
        time.sleep(2)  # longer than what is rendered is believed without a look
        cluster.server.control("restart")  # with the options that it had
        cluster.publish_next()
        cluster.wait_for_all()
    assert min(len(here), len(there)) > 10
    assert {*here, *there} == {200}
    assert cluster.workers == before
    assert all(worker.poll() is None for worker in before)
    newest = f"Bridge number {cluster.published['s1'][-1]} opens".encode()
    for site in cluster.sites:
        wait_until(lambda site=site: newest in site.get(OUTLET).body, "the newest item")  # type: ignore[misc]


@contextmanager
def reading(site: Site) -> Iterator[list[int]]:
    """Ask all the time for what is rendered; the statuses of the answers."""
    for _ in range(20):  # until each web process has it
        assert site.get(WORLD).status == 200
    statuses: list[int] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.wait(0.05):
            statuses.append(site.get(WORLD).status)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        thread.join()


def test_connections_that_are_cut_are_made_anew(cluster: Cluster) -> None:
    cluster.publish_next()
    with cluster.store.read() as tx:
        others = "FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        assert len(tx.execute(text(f"SELECT pg_terminate_backend(pid) {others}")).all()) > 3
    cluster.wait_for_all()
    assert all(process.poll() is None for machine in cluster.machines for process in machine.processes)


def test_machines_whose_clocks_are_hours_apart_go_by_that_of_the_database(cluster: Cluster) -> None:
    if not all(is_off(machine.environ) for machine in cluster.machines):
        pytest.skip("moving the clock of one process wants a C compiler")
    waiting = list(cluster.machines)

    def both_have_asked() -> bool:
        askers = [cluster.find_asker(publisher) for publisher in cluster.publishers]
        waiting[:] = [machine for machine in waiting if machine.workers[0] not in askers]
        return not waiting

    wait_until(both_have_asked, "each to poll")
    with cluster.store.read() as tx:
        states = sources.list_source_states(tx)
        seen = [row.first_seen_at for row in list_entries(tx)]
    now, an_hour = datetime.now(UTC), timedelta(hours=1)
    assert all(now - LEASE < state.last_polled_at < now for state in states if state.last_polled_at)
    assert all(state.next_poll_at < now + timedelta(seconds=5) for state in states)
    assert now - an_hour < min(seen)
    assert max(seen) < now
