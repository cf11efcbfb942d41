"""What PostgreSQL does when those who use it stop, wait in vain or go by other clocks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from aggregator.errors import StoreError
from aggregator.store import Store, clock, open_store, postgresql
from aggregator.store.clock import Clock
from tests.stores import choose_backend, make_store_url


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    choose_backend("postgresql")
    yield make_store_url(tmp_path)
    choose_backend("sqlite")


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


def test_a_writer_that_stops_in_the_middle_holds_up_no_other(
    url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_IDLE_TIMEOUT", "200ms")
    other = open_store(url)
    with pytest.raises(StoreError, match="cannot write to the store"):
        stop_while_writing(store, other)
    with store.write() as tx:
        assert tx.execute(select(1)).scalar_one() == 1, "it goes on with another connection"
    other.close()


def stop_while_writing(store: Store, other: Store) -> None:
    with store.write() as stopped:
        started = time.monotonic()
        with other.write() as tx:
            tx.execute(select(1))
        assert time.monotonic() - started < 10
        stopped.execute(select(1))


def test_a_writer_that_waits_in_vain_says_why(
    url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_LOCK_TIMEOUT", "100ms")
    other = open_store(url)
    with (
        store.write(),
        pytest.raises(StoreError, match=r"cannot write to the store .*lock timeout"),
        other.write(),
    ):
        pass
    with other.write() as tx:
        assert tx.execute(select(1)).scalar_one() == 1
    other.close()


def test_the_time_is_that_of_the_database_also_between_two_looks(store: Store) -> None:
    told = Clock(store)
    with store.read() as tx:
        before: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
    now = told()
    with store.read() as tx:
        after: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
    slack = timedelta(milliseconds=20)
    assert before - slack <= now <= after + slack
    assert now.tzinfo is UTC


def test_the_clock_follows_the_database_and_counts_on_without_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Clock(store)
    monkeypatch.setattr(told, "_ahead", told._ahead - 3600)  # as if the database were set an hour ahead
    assert told() < datetime.now(UTC) - timedelta(minutes=59)
    monkeypatch.setattr(clock, "COMPARED_EVERY_SECONDS", 0.0)
    assert abs(told() - datetime.now(UTC)) < timedelta(minutes=1)
    monkeypatch.setattr(told, "_compare", lambda: fail())
    assert abs(told() - datetime.now(UTC)) < timedelta(minutes=1)


def fail() -> None:
    raise StoreError("gone")
