"""The heartbeat: what is due is polled, by one process at a time, until somebody says stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy

from aggregator.config import Settings
from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.executor.local import open_line
from aggregator.pacing import DEFAULT_C
from aggregator.refresh import LEASE, Line, apply_configuration
from aggregator.schedule import Poller
from aggregator.store import open_store, search, sources
from aggregator.store.tables import search_texts
from tests.harness import make_item, publish, wait_until
from tests.site_samples import HEAD, HOUR, Clock, make_settings, open_portal, render_feed, source_table


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """One client and one set of worker processes for the lines of all tests."""
    with open_line(make_settings(tmp_path_factory.mktemp("shared"))) as line:
        yield line


@contextmanager
def open_poller(shared: Line, settings: Settings, **changes: object) -> Iterator[tuple[Poller, Line]]:
    """A poller with a store handle of its own, as another process would have."""
    store = open_store(settings.store_url)
    line = Line(
        settings=settings,
        store=store,
        client=shared.client,
        sandbox=shared.sandbox,
        **{"now": shared.now, "jitter": lambda: 0.0} | changes,  # type: ignore[arg-type]
    )
    poller = Poller(line)
    try:
        yield poller, line
    finally:
        if not line.stopping.is_set():
            poller.stop()
        store.close()


def prepare(settings: Settings) -> None:
    """Bring the store in line with the configuration, as every process does at its start."""
    store = open_store(settings.store_url)
    apply_configuration(store, settings, now=datetime.now(UTC))
    store.close()


def list_polled(line: Line) -> dict[str, datetime | None]:
    with line.store.read() as tx:
        return {state.source_id: state.last_polled_at for state in sources.list_source_states(tx)}


def count_free(line: Line) -> int:
    """How many hosts may be claimed, by claims that are taken back."""
    with line.store.write() as tx:
        claims = sources.claim_due(tx, now=line.now(), limit=99, lease=LEASE, owner="test", force=True)
        for claim in claims:
            sources.release_lease(tx, claim)
    return len(claims)


def test_a_heartbeat_claims_what_is_due_and_nothing_else(
    shared: Line, publisher: Publisher, tmp_path: Path
) -> None:
    publish(publisher, "/often", [make_item(1)])
    publish(publisher, "/seldom", [make_item(2)])
    settings = make_settings(
        tmp_path,
        source_table("often", f"{publisher.url}/often", every='"1h"'),
        source_table("seldom", f"{publisher.url}/seldom", every='"3h"'),
    )
    prepare(settings)
    clock = Clock(shared.now())
    start = clock()
    with open_poller(shared, settings, now=clock) as (poller, line):
        poller.start()

        def polled(often: datetime, seldom: datetime) -> bool:
            return list_polled(line) == {"often": often, "seldom": seldom}

        wait_until(lambda: polled(start, start), "the first poll of both")
        wait_until(lambda: count_free(line) == 1, "the bucket to be free again")
        clock.advance(HOUR)
        wait_until(lambda: polled(start + HOUR, start), "the one that is due")
        wait_until(lambda: count_free(line) == 1, "the bucket to be free again")
        clock.advance(2 * HOUR)
        wait_until(lambda: polled(start + 3 * HOUR, start + 3 * HOUR), "both, now that both are due")
    assert sorted(request.path for request in publisher.log) == ["/often"] * 3 + ["/seldom"] * 2


def test_two_pollers_on_one_store_never_poll_a_source_at_the_same_time(
    shared: Line, publisher: Publisher, tmp_path: Path
) -> None:
    """Six sources on three hosts, due every second, each answer taking a third of one."""
    tables = []
    with Publisher("127.0.0.2") as second, Publisher("127.0.0.3") as third:
        publishers = (publisher, second, third)
        for number in range(6):
            one = publishers[number % 3]
            publish(one, f"/s{number}", [make_item(number)], delay=timedelta(seconds=0.3))
            tables.append(source_table(f"s{number}", f"{one.url}/s{number}", every='"1s"'))
        settings = make_settings(tmp_path, *tables)
        prepare(settings)
        with open_poller(shared, settings) as (one_poller, _), open_poller(shared, settings) as (other, line):
            one_poller.start()
            time.sleep(0.5)  # so that the two hearts beat in turn
            other.start()
            wait_until(lambda: all(len(p.log) >= 6 for p in publishers), "each host to be polled three times")
            for poller in (one_poller, other):
                poller.stop()
            assert count_free(line) == 3
            with line.store.read() as tx:
                counts = sources.count_entries(tx)
    for one in publishers:
        assert one.max_parallel() == 1, "one host, one connection, whoever polls"
    assert counts == {f"s{number}": 1 for number in range(6)}


def test_what_two_pollers_claim_in_the_same_moment_goes_to_one_of_them(
    shared: Line, publisher: Publisher, tmp_path: Path
) -> None:
    publish(publisher, "/a", [make_item(1)], delay=timedelta(seconds=0.5))
    settings = make_settings(tmp_path, source_table("a", f"{publisher.url}/a"))
    prepare(settings)
    with open_poller(shared, settings) as (one, line), open_poller(shared, settings) as (other, _):
        one.start()
        other.start()
        one.beat()
        other.beat()
        wait_until(lambda: list_polled(line)["a"] is not None, "the poll")
    assert len(publisher.log) == 1


def test_stopping_gives_the_leases_back_and_polls_no_more(
    shared: Line, publisher: Publisher, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        publish(publisher, f"/{name}", [make_item(ord(name))], delay=timedelta(seconds=0.5))
    settings = make_settings(tmp_path, *(source_table(s, f"{publisher.url}/{s}") for s in "abc"))
    prepare(settings)
    with open_poller(shared, settings) as (poller, line):
        poller.start()
        wait_until(lambda: len(publisher.log) == 1, "the first request")
        assert count_free(line) == 0
        poller.stop()
        assert count_free(line) == 1
        asked = [request.path for request in publisher.log]
        poller.beat()
        assert [request.path for request in publisher.log] == asked == ["/a"]
        polled = [source for source, at in list_polled(line).items() if at is not None]
        assert polled == ["a"], "the exchange that was on is kept"


def test_stopping_what_was_never_started_does_no_harm(shared: Line, tmp_path: Path) -> None:
    """The server closes down before it is up: its port is taken, or its worker does not start."""
    settings = make_settings(tmp_path)
    prepare(settings)
    with open_poller(shared, settings) as (poller, line):
        poller.stop()
        assert line.stopping.is_set()


def test_a_heartbeat_that_finds_no_store_is_lost_and_the_next_goes_on(
    shared: Line, publisher: Publisher, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    publish(publisher, "/a", [make_item(1)])
    settings = make_settings(tmp_path, source_table("a", f"{publisher.url}/a"))
    prepare(settings)
    with open_poller(shared, settings) as (poller, line):
        rename_table(line, "hosts", "away")
        poller.start()
        wait_until(lambda: "heartbeat is lost" in caplog.text, "the first heartbeat")
        rename_table(line, "away", "hosts")
        wait_until(lambda: list_polled(line)["a"] is not None, "the poll")


def rename_table(line: Line, old: str, new: str) -> None:
    with line.store.write() as tx:
        tx.execute(sqlalchemy.text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_a_source_that_hangs_holds_up_no_other_host(
    shared: Line, publisher: Publisher, tmp_path: Path
) -> None:
    with Publisher("127.0.0.2") as other:

        def hang(request: Request) -> Answer:
            wait_until(lambda: len(other.log) >= 2, "the other host to be polled twice")
            return Answer(body=render_feed([make_item(1)]), headers=(("Content-Type", "application/xml"),))

        publisher.publish_handler("/slow", hang)
        publish(other, "/quick", [make_item(2)])
        settings = make_settings(
            tmp_path,
            source_table("slow", f"{publisher.url}/slow", every='"1s"'),
            source_table("quick", f"{other.url}/quick", every='"1s"'),
        )
        prepare(settings)
        with open_poller(shared, settings) as (poller, line):
            poller.start()
            wait_until(lambda: list_polled(line)["slow"] is not None, "the slow one")
    assert publisher.max_parallel() == 1


def test_old_articles_are_pruned_where_the_admin_wants_it(shared: Line, tmp_path: Path) -> None:
    for keep, jobs in (("90d", 6), ("forever", 5)):
        settings = make_settings(tmp_path)
        settings = replace(settings, keep=None if keep == "forever" else timedelta(days=90))
        prepare(settings)
        with open_poller(shared, settings) as (poller, _):
            poller.start()
            assert len(poller._scheduler.get_jobs()) == jobs


def test_a_budget_of_requests_slows_the_sources_down_until_it_is_met(shared: Line, tmp_path: Path) -> None:
    tables = [source_table(f"s{n}", f"https://{n}.example/feed") for n in range(40)]
    head = HEAD.replace("[fetch]", "[fetch]\nrequests_per_hour = 2")
    constants = []
    with open_poller(shared, make_settings(tmp_path, *tables, head=head)) as (poller, line):
        apply_configuration(line.store, line.settings, now=line.now())
        for _ in range(40):
            poller.keep_budget()
            with line.store.read() as tx:
                constants.append(sources.find_pace_constant(tx) or 0.0)
    assert constants[-1] > DEFAULT_C, "forty sources at their own pace ask for more than two an hour"
    assert constants[-1] == pytest.approx(constants[-2], rel=0.05), "and it settles"


def test_sources_with_an_interval_of_their_own_are_served_from_the_budget_first(
    shared: Line, tmp_path: Path
) -> None:
    free = [source_table(f"s{n}", f"https://{n}.example/feed") for n in range(40)]
    fixed = source_table("fixed", "https://fixed.example/feed", every='"1h"')
    head = HEAD.replace("[fetch]", "[fetch]\nrequests_per_hour = 3")
    constants = []
    for number, tables in enumerate((free, [*free, fixed])):
        folder = tmp_path / str(number)
        folder.mkdir()
        with open_poller(shared, make_settings(folder, *tables, head=head)) as (poller, line):
            apply_configuration(line.store, line.settings, now=line.now())
            for _ in range(40):
                poller.keep_budget()
            with line.store.read() as tx:
                constants.append(sources.find_pace_constant(tx) or 0.0)
    assert constants[1] == pytest.approx(constants[0] * 1.5, rel=0.1), "two of three requests are left"


def test_without_a_budget_the_law_has_its_own_constant(shared: Line, tmp_path: Path) -> None:
    with open_poller(shared, make_settings(tmp_path)) as (poller, line):
        with line.store.write() as tx:
            sources.set_pace_constant(tx, 9.0)
        poller.keep_budget()
        with line.store.read() as tx:
            assert sources.find_pace_constant(tx) is None


def test_the_start_indexes_what_search_does_not_know(shared: Line, tmp_path: Path) -> None:
    with open_portal(tmp_path) as portal:
        with portal.store.write() as tx:
            tx.execute(sqlalchemy.delete(search_texts))
            missing = search.count_missing(tx)

        def is_indexed() -> bool:
            with portal.store.read() as tx:
                return search.count_missing(tx) == 0

        assert missing > 60
        with open_poller(shared, replace(portal.settings, sources=())) as (poller, _):
            poller.start()
            wait_until(is_indexed, "the index to know all articles")
