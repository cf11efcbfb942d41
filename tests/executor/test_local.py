"""Which process holds a lease, whether it still lives, and that a lease lives as long as its poll."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.executor.local import LocalExecutor, is_dead, make_owner, open_line
from aggregator.refresh import LEASE, Line
from aggregator.store import open_store, sources
from tests.harness import make_item, publish
from tests.site_samples import NOON, Clock, make_settings, render_feed, source_table

# A process that claims all there is, says who it is and what it got, and waits to be killed.
CLAIM = """
import json, sys
from datetime import datetime, timedelta
from aggregator.executor.local import make_owner
from aggregator.store import open_store, sources
if len(sys.argv) > 1:
    with open_store(sys.argv[1]).write() as tx:
        now, lease = datetime.fromisoformat(sys.argv[2]), timedelta(hours=1)
        sources.claim_due(tx, now=now, limit=9, lease=lease, owner=make_owner(), force=True)
print(json.dumps(make_owner()), flush=True)
sys.stdin.readline()
"""


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process above and the name it gives itself."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", CLAIM, *arguments], **pipes) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


# --- owners ----------------------------------------------------------------------------------------


def test_this_process_is_not_dead() -> None:
    assert not is_dead(make_owner())
    assert make_owner() == make_owner()


def test_a_process_is_dead_once_it_is_killed() -> None:
    with running() as (process, owner):
        assert owner != make_owner()
        assert not is_dead(owner)
        process.kill()
        process.wait()
        assert is_dead(owner)


def test_a_killed_process_is_dead_although_nobody_has_asked_how_it_ended() -> None:
    """Under a parent that never waits, as in many containers, it stays a zombie for ever."""
    with running() as (process, owner):
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(owner)


def test_another_process_under_the_same_number_is_another() -> None:
    """The numbers of processes come round again."""
    with running() as (process, owner):
        former = f" {owner} ".replace(f" {process.pid} ", f" {os.getpid()} ").strip()
    assert former not in (owner, make_owner())
    assert is_dead(former)


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param("another-machine pid:[4026531836] 1 1.00", id="of another machine"),
        pytest.param("", id="without a name"),
        pytest.param("test", id="of another make"),
        pytest.param("two words", id="of an earlier version"),
    ],
)
def test_one_that_cannot_be_known_is_not_called_dead(owner: str) -> None:
    assert not is_dead(owner)


# --- a line ----------------------------------------------------------------------------------------


def test_opening_a_line_frees_what_a_dead_process_held_and_nothing_else(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, *(source_table(s, f"https://{s}.example/feed") for s in "ab"))
    with open_line(settings):
        pass  # the store and its sources are there
    with running(settings.store_url, NOON.isoformat()) as (process, _):
        assert list_free(settings.store_url) == []
        with open_line(settings):
            assert list_free(settings.store_url) == [], "it lives"
        process.kill()
        process.wait()
        with open_line(settings):
            assert list_free(settings.store_url) == ["a.example", "b.example"]


def list_free(url: str) -> list[str]:
    """The hosts that may be claimed, by a claim that is taken back."""
    store = open_store(url)
    try:
        with store.write() as tx:
            claims = sources.claim_due(
                tx, now=NOON, limit=9, lease=timedelta(seconds=1), owner="test", force=True
            )
            for claim in claims:
                sources.release_lease(tx, claim)
        return sorted(claim.host for claim in claims)
    finally:
        store.close()


# --- the executor ----------------------------------------------------------------------------------


@contextmanager
def open_clocked_line(folder: Path, *tables: str) -> Iterator[tuple[Line, Clock]]:
    """A line whose clock stands still until it is moved."""
    settings = make_settings(folder, *tables)
    with open_line(settings) as line:
        clock = Clock(line.now())
        yield (
            Line(
                settings=settings,
                store=line.store,
                client=line.client,
                sandbox=line.sandbox,
                now=clock,
                jitter=lambda: 0.0,
            ),
            clock,
        )


def claim_all(line: Line, owner: str = "test") -> tuple[Any, ...]:
    with line.store.write() as tx:
        return sources.claim_due(tx, now=line.now(), limit=9, lease=LEASE, owner=owner, force=True)


def test_a_lease_lives_as_long_as_its_poll(tmp_path: Path, publisher: Publisher) -> None:
    asked, answer = threading.Event(), threading.Event()

    def answer_late(request: Request) -> Answer:
        asked.set()
        answer.wait(10)
        return Answer(body=render_feed([make_item(1)]), headers=(("Content-Type", "application/xml"),))

    publisher.publish_handler("/a", answer_late)
    with open_clocked_line(tmp_path, source_table("a", f"{publisher.url}/a")) as (line, clock):
        executor = LocalExecutor(line)
        free = executor.free
        (future,) = executor.submit(claim_all(line))
        assert asked.wait(10)
        assert executor.free == free - 1
        for _ in range(20):
            clock.advance(LEASE / 3)
            executor.renew()
            assert claim_all(line, owner="another") == ()
        answer.set()
        (report,) = future.result(timeout=10)
        assert report.new == 1
        assert executor.free == free
        assert len(claim_all(line, owner="another")) == 1
        executor.close()


def test_a_bucket_that_was_lost_meanwhile_stores_nothing_and_ends_nothing(
    tmp_path: Path, publisher: Publisher
) -> None:
    publish(publisher, "/a", [make_item(1)])
    with open_clocked_line(tmp_path, source_table("a", f"{publisher.url}/a")) as (line, clock):
        executor = LocalExecutor(line)
        claims = claim_all(line)
        clock.advance(2 * LEASE)
        (taken,) = claim_all(line, owner="another")
        (lost,) = executor.submit(claims)
        assert lost.result(timeout=10) == ()
        (kept,) = executor.submit([taken])
        assert [report.new for report in kept.result(timeout=10)] == [1]
        executor.close()


def test_closing_waits_for_the_exchange_that_is_on_and_gives_the_bucket_back(
    tmp_path: Path, publisher: Publisher
) -> None:
    asked = threading.Event()

    def answer_late(request: Request) -> Answer:
        asked.set()
        line.stopping.wait(10)
        return Answer(body=render_feed([make_item(1)]), headers=(("Content-Type", "application/xml"),))

    publisher.publish_handler("/a", answer_late)
    publish(publisher, "/b", [make_item(2)])
    tables = (source_table(s, f"{publisher.url}/{s}") for s in "ab")
    with open_clocked_line(tmp_path, *tables) as (line, _):
        executor = LocalExecutor(line)
        (future,) = executor.submit(claim_all(line))
        assert asked.wait(10)
        executor.close()
        assert [report.source_id for report in future.result(timeout=0)] == ["a"]
        assert [request.path for request in publisher.log] == ["/a"]
        assert len(claim_all(line, owner="another")) == 1
