"""Subscribers of our hub in the store: claimed by one process at a time, one of each host, within limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.model import HubRequest, Subscriber
from aggregator.store import Store, Transaction, open_store, subscribers
from tests.site_samples import HOUR, NOON

pytestmark = pytest.mark.usefixtures("each_store")

TOPIC = "https://news.example/feeds/ar/all.rss"
LEASE = timedelta(minutes=5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/aggregator.db")
    yield opened
    opened.close()


def ask(tx: Transaction, host: str, path: str = "", **changes: object) -> subscribers.Receipt:
    values = {"mode": "subscribe", "topic": TOPIC, "secret": None, "lease": HOUR} | changes
    request = HubRequest(callback=f"https://{host}/{path}", **values)  # type: ignore[arg-type]
    return subscribers.ask(tx, request, feed="ar/all", host=host, now=NOON)


def claim(tx: Transaction, *, owner: str = "me", after: timedelta = timedelta(), limit: int = 9) -> list[str]:
    found = subscribers.claim_due(tx, now=NOON + after, limit=limit, lease=LEASE, owner=owner)
    return [one.callback for one in found]


def activate(tx: Transaction, owner: str = "me", **changes: object) -> Subscriber:
    """Whoever is due, verified."""
    (one,) = subscribers.claim_due(tx, now=NOON, limit=1, lease=LEASE, owner=owner)
    values = {"asked": None, "lease_until": NOON + HOUR, "delivered": b"old", "next_at": None, "owner": None}
    active = replace(one, **values | changes)  # type: ignore[arg-type]
    subscribers.save(tx, active)
    return active


def test_one_of_each_host_is_claimed_and_by_one_process(store: Store) -> None:
    with store.write() as tx:
        for host, path in [("a.example", "1"), ("a.example", "2"), ("b.example", "1"), ("c.example", "1")]:
            ask(tx, host, path)
        assert claim(tx, limit=2) == ["https://a.example/1", "https://b.example/1"]
        assert claim(tx, owner="other") == ["https://c.example/1"], "a.example is being called"
        assert claim(tx, owner="other") == []
        later = claim(tx, owner="other", after=LEASE)
        assert later == ["https://a.example/2", "https://b.example/1", "https://c.example/1"]


def test_whom_a_dead_process_was_calling_others_call_at_once(store: Store) -> None:
    with store.write() as tx:
        ask(tx, "a.example")
        ask(tx, "b.example")
        claim(tx, owner="dead", limit=1)
        claim(tx, owner="alive")
        subscribers.release_dead(tx, is_dead=lambda owner: owner == "dead", now=NOON)
        assert claim(tx) == ["https://a.example/"]


def test_who_has_lost_its_claim_is_told_so(store: Store) -> None:
    with store.write() as tx:
        ask(tx, "a.example")
        (first,) = subscribers.claim_due(tx, now=NOON, limit=1, lease=LEASE, owner="me")
        assert subscribers.find_claimed(tx, first) == first
        (second,) = subscribers.claim_due(tx, now=NOON + LEASE, limit=1, lease=LEASE, owner="me")
        assert subscribers.find_claimed(tx, first) is None
        assert subscribers.find_claimed(tx, second) == second


def test_a_later_request_takes_the_place_of_an_earlier_one(store: Store) -> None:
    with store.write() as tx:
        ask(tx, "a.example", secret="one")
        (first,) = subscribers.claim_due(tx, now=NOON, limit=1, lease=LEASE, owner="me")
        assert ask(tx, "a.example", secret="two", lease=2 * HOUR) == "taken"
        now = subscribers.find_claimed(tx, first)
        assert now is not None, "the claim stands"
        assert (now.asked_secret, now.asked_lease, now.next_at) == ("two", 2 * HOUR, first.next_at)


def test_nobody_is_asked_about_a_subscription_that_there_is_not(store: Store) -> None:
    with store.write() as tx:
        assert ask(tx, "a.example", mode="unsubscribe") == "unknown"
        ask(tx, "a.example")
        assert ask(tx, "a.example", mode="unsubscribe") == "taken"


def test_subscriptions_are_limited_by_host_and_together(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscribers, "MAX_OF_HOST", 2)
    monkeypatch.setattr(subscribers, "MAX_SUBSCRIBERS", 3)
    with store.write() as tx:
        assert [ask(tx, "a.example", str(n)) for n in range(3)] == ["taken", "taken", "host full"]
        assert [ask(tx, host) for host in ("b.example", "c.example")] == ["taken", "full"]
        assert ask(tx, "a.example", "1") == "taken", "a renewal needs no room"


def test_whoever_has_something_else_than_the_feed_holds_is_called(store: Store) -> None:
    with store.write() as tx:
        ask(tx, "a.example")
        activate(tx)
        subscribers.record_digests(tx, {"ar/all": b"old"}, revision=5, now=NOON)
        assert claim(tx) == []
        subscribers.record_digests(tx, {"ar/all": b"new", "ar/x": b"x"}, revision=6, now=NOON)
        assert claim(tx) == ["https://a.example/"]
        subscribers.record_digests(tx, {"ar/all": b"late"}, revision=5, now=NOON)
        assert subscribers.find_digest(tx, "ar/all") == b"new", "what was seen earlier is not believed"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"given_up_at": NOON}, "it was given up"),
        ({"next_at": NOON + HOUR, "failures": 3}, "it is to be tried again later"),
        ({"delivered": b"new"}, "it has it"),
    ],
)
def test_who_is_not_called_for_a_change(store: Store, changes: dict[str, object], why: str) -> None:
    with store.write() as tx:
        ask(tx, "a.example")
        activate(tx, **changes)
        subscribers.record_digests(tx, {"ar/all": b"new"}, revision=6, now=NOON)
        assert claim(tx) == [], why


def test_leases_and_feeds_that_are_over_are_forgotten(store: Store) -> None:
    with store.write() as tx:
        for host, feed in [("a.example", "ar/all"), ("b.example", "ar/all"), ("c.example", "ar/gone")]:
            ask(tx, host)
            subscribers.record_digests(tx, {feed: b"old"}, revision=5, now=NOON)
            activate(tx, feed=feed, lease_until=NOON + (2 * HOUR if host == "b.example" else HOUR))
        assert subscribers.count_running(tx, now=NOON) == 3
        assert subscribers.forget(tx, feeds=["ar/all"], now=NOON) == 1
        assert subscribers.forget(tx, feeds=["ar/all"], now=NOON + HOUR) == 0
        assert subscribers.count_running(tx, now=NOON) == 1


def test_looking_for_work_needs_no_scan(store: Store) -> None:
    with store.read() as tx:
        plan = tx.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT id FROM subscribers WHERE next_at <= 1 LIMIT 1"
        ).fetchall()
    assert "ix_subscribers_next" in str(plan)
