"""Sources and host buckets: synchronising, claiming, leasing and recording polls."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from aggregator.errors import LeaseLost
from aggregator.model import (
    ArrivalRate,
    Boilerplate,
    Claim,
    Hints,
    HostRest,
    Pace,
    PastPoll,
    PollOutcome,
    PollResult,
    Rule,
    Source,
    SourceReading,
    SourceState,
    Validators,
)
from aggregator.store import Store, sources, tables
from aggregator.store.counters import LEASE_RECLAIMS, list_counts
from aggregator.store.entries import list_raw_hashes
from tests.harness import make_source
from tests.store.samples import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    insert_reads,
    make_read,
    open_sample,
    run_at_once,
)
from tests.stores import make_store_url

pytestmark = pytest.mark.usefixtures("each_store")

LEASE = MINUTE
TAGGED = Validators(etag='W/"7"', last_modified="Tue, 24 Nov 2026 11:00:00 GMT")
BODY_HASH = bytes(range(16))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_sample(tmp_path) as opened:
        yield opened


def sync(store: Store, *configured: Source, now: datetime = NOON) -> tuple[str, ...]:
    with store.write() as tx:
        return sources.sync_sources(tx, configured, now=now).replaced


def record(store: Store, outcome: PollOutcome, *, at: datetime = NOON, **changes: Any) -> None:
    values: dict[str, Any] = {"source_id": "harbour", "polled_at": at, "next_poll_at": at + HOUR} | changes
    with store.write() as tx:
        sources.record_poll(tx, PollResult(outcome=outcome, **values))


def get_state(store: Store, source_id: str = "harbour") -> SourceState:
    with store.read() as tx:
        (state,) = sources.list_source_states(tx, [source_id])
    return state


def claim(
    store: Store,
    *,
    now: datetime = NOON,
    limit: int = 10,
    owner: str = "first",
    only: Collection[str] | None = None,
    force: bool = False,
) -> tuple[Claim, ...]:
    with store.write() as tx:
        return sources.claim_due(tx, now=now, limit=limit, lease=LEASE, owner=owner, only=only, force=force)


def claim_ids(store: Store, **options: Any) -> list[tuple[str, ...]]:
    return [c.source_ids for c in claim(store, **options)]


def hold(store: Store, held: Claim, *, until: datetime) -> None:
    with store.write() as tx:
        sources.hold_lease(tx, held, until=until)


def sync_due(store: Store, due: dict[str, timedelta], *, host: str | None = None) -> None:
    """Sources that are due so long after noon, each on a host of its own unless one is named."""
    urls = {id: f"https://{host or f'{id}.example'}/{id}.xml" for id in due}
    sync(store, *(make_source(id, url=url) for id, url in urls.items()))
    for source_id, after in due.items():
        record(store, "not_modified", source_id=source_id, next_poll_at=NOON + after)


# --- sync_sources ---------------------------------------------------------------------------------


def test_a_new_source_is_due_at_once_and_has_no_past(store: Store) -> None:
    assert sync(store, make_source()) == ()
    assert get_state(store) == SourceState(
        source_id="harbour",
        url="https://harbour.example/feed.xml",
        poll_url="https://harbour.example/feed.xml",
        validators=Validators(),
        body_hash=None,
        next_poll_at=NOON,
        last_polled_at=None,
        last_success_at=None,
        failing_since=None,
        failures=0,
        last_error=None,
        problems=(),
        skipped=0,
        pace=Pace(),
        disabled_at=None,
    )
    assert claim_ids(store) == [("harbour",)]


def test_the_same_configuration_again_changes_nothing(store: Store) -> None:
    sync(store, make_source())
    record(store, "same_body", validators=TAGGED, body_hash=BODY_HASH)
    before = get_state(store)
    assert sync(store, make_source(), now=NOON + DAY) == ()
    assert get_state(store) == before


def test_a_changed_url_forgets_the_validators_and_is_due_at_once(store: Store) -> None:
    sync(store, make_source())
    record(store, "same_body", validators=TAGGED, body_hash=BODY_HASH)
    before = get_state(store)
    assert sync(store, make_source(url="https://new.example/rss"), now=NOON + MINUTE) == ()
    assert get_state(store) == replace(
        before,
        url="https://new.example/rss",
        poll_url="https://new.example/rss",
        validators=Validators(),
        body_hash=None,
        next_poll_at=NOON + MINUTE,
    )
    assert [c.host for c in claim(store, now=NOON + MINUTE)] == ["new.example"]


READ_ANEW = {
    "another language": ({"lang": "fa"}, True),
    "another skip list": ({"skip": (Rule(title="إعلان"),)}, True),
    "another limit of entries": ({"max_entries": 30}, True),
    "another URL": ({"url": "https://new.example/rss"}, True),
    "another name, right and interval": ({"name": "Other", "content": "title", "every": HOUR}, False),
    "another section and rules": (
        {"section": "ar/world", "rules": (Rule(section="ar/arts", path="/"),)},
        False,
    ),
    "other headers and another timeout": ({"headers": (("X-Key", "1"),), "timeout": MINUTE}, False),
}


@pytest.mark.parametrize(("changes", "anew"), READ_ANEW.values(), ids=READ_ANEW.keys())
def test_a_document_is_read_anew_when_it_would_read_otherwise(
    store: Store, changes: dict[str, Any], anew: bool
) -> None:
    """Its validators, its last body and what its entries looked like are forgotten, at once and once only."""
    sync(store, make_source(), make_source("ferry"))
    mine, other = make_read("1"), make_read("1", "ferry")
    with store.write() as tx:
        insert_reads(tx, mine, other)
    record(store, "same_body", validators=TAGGED, body_hash=BODY_HASH)

    sync(store, make_source(**changes), make_source("ferry"), now=NOON + MINUTE)
    state = get_state(store)
    assert (state.validators, state.body_hash) == ((Validators(), None) if anew else (TAGGED, BODY_HASH))
    assert state.next_poll_at == (NOON + MINUTE if anew else NOON + HOUR)
    with store.read() as tx:
        assert list_raw_hashes(tx, "harbour", limit=9) == {b"" if anew else mine.entry.raw_hash}
        assert list_raw_hashes(tx, "ferry", limit=9) == {other.entry.raw_hash}

    record(store, "same_body", validators=TAGGED, body_hash=BODY_HASH)
    sync(store, make_source(**changes), make_source("ferry"), now=NOON + 2 * MINUTE)
    assert get_state(store).validators == TAGGED


def test_a_removed_source_is_polled_no_more_and_keeps_its_row_and_its_entries(store: Store) -> None:
    sync(store, make_source(), make_source("ferry"))
    with store.write() as tx:
        insert_reads(tx, make_read("1"))
    sync(store, make_source("ferry"))
    assert claim_ids(store, force=True) == [("ferry",)]
    with store.read() as tx:
        assert [s.source_id for s in sources.list_source_states(tx)] == ["ferry"]
        assert [s.source_id for s in sources.list_source_states(tx, ["harbour"])] == ["harbour"]
        assert sources.count_entries(tx) == {"harbour": 1}


def test_a_source_that_comes_back_remembers_its_past(store: Store) -> None:
    sync(store, make_source())
    record(store, "same_body", validators=TAGGED, body_hash=BODY_HASH)
    before = get_state(store)
    sync(store)
    sync(store, make_source(), now=NOON + DAY)
    assert get_state(store) == before
    assert claim_ids(store, now=NOON + DAY) == [("harbour",)]


SPORT = Rule(section="ar/sports", title="كرة القدم")
REPLACED = {
    "another section": (make_source(section="ar/world"), True),
    "a new rule": (make_source(rules=(SPORT,)), True),
    "another name, right, interval and skip list": (
        make_source(name="Other", content="title", every=HOUR, skip=(Rule(title="إعلان"),)),
        False,
    ),
    "another URL": (make_source(url="https://new.example/rss"), False),
}


@pytest.mark.parametrize(("changed", "replaced"), REPLACED.values(), ids=REPLACED.keys())
def test_what_sorts_entries_otherwise_is_reported_once(store: Store, changed: Source, replaced: bool) -> None:
    sync(store, make_source(), make_source("ferry"))
    assert sync(store, changed, make_source("ferry")) == (("harbour",) if replaced else ())
    assert sync(store, changed, make_source("ferry")) == ()


CHANGED_RULES = {
    "another section": (replace(SPORT, section="ar/world"),),
    "another word": (replace(SPORT, title="كرة السلة"),),
    "the word as a category": (Rule(section="ar/sports", category="كرة القدم"),),
    "a path as well": (replace(SPORT, path="/sport"),),
    "one more rule": (SPORT, Rule(section="ar/world", path="/world")),
    "none any more": (),
}


@pytest.mark.parametrize("rules", CHANGED_RULES.values(), ids=CHANGED_RULES.keys())
def test_every_change_of_a_rule_is_seen(store: Store, rules: tuple[Rule, ...]) -> None:
    sync(store, make_source(rules=(SPORT,)))
    assert sync(store, make_source(rules=rules)) == ("harbour",)


def test_the_order_of_rules_counts(store: Store) -> None:
    other = Rule(section="ar/world", path="/world")
    sync(store, make_source(rules=(SPORT, other)))
    assert sync(store, make_source(rules=(other, SPORT))) == ("harbour",)


# --- claim_due ------------------------------------------------------------------------------------


def test_sources_of_one_host_are_claimed_together_the_most_overdue_first(store: Store) -> None:
    due = {"a": -MINUTE, "b": -HOUR, "c": -2 * MINUTE, "d": MINUTE}
    sync_due(store, due, host="press.example")
    (taken,) = claim(store)
    assert (taken.host, taken.source_ids) == ("press.example", ("b", "c", "a"))
    assert taken.token


def test_hosts_are_claimed_most_overdue_first_and_no_more_than_asked_for(store: Store) -> None:
    sync_due(store, {"a": -MINUTE, "b": -HOUR, "c": -2 * MINUTE, "d": -DAY})
    assert claim_ids(store, limit=3) == [("d",), ("b",), ("c",)]
    assert claim_ids(store, limit=3) == [("a",)]
    assert claim_ids(store, limit=3) == []


def test_a_host_is_as_overdue_as_the_most_overdue_of_its_sources(store: Store) -> None:
    urls = {"a": "https://one.example/a", "b": "https://one.example/b", "c": "https://two.example/c"}
    sync(store, *(make_source(id, url=url) for id, url in urls.items()))
    for source_id, after in (("a", -MINUTE), ("b", -DAY), ("c", -HOUR)):
        record(store, "not_modified", source_id=source_id, next_poll_at=NOON + after)
    assert claim_ids(store, limit=1) == [("b", "a")]


def test_a_source_is_due_from_its_very_instant_on(store: Store) -> None:
    sync_due(store, {"a": timedelta()})
    assert claim_ids(store, now=NOON - timedelta(microseconds=1)) == []
    assert claim_ids(store, now=NOON) == [("a",)]


def test_no_host_is_given_to_two_claimers(store: Store) -> None:
    sync_due(store, {"a": -HOUR, "b": -MINUTE}, host="press.example")
    (first,) = claim(store, owner="first", only=["a"])
    assert first.source_ids == ("a",)
    assert claim_ids(store, owner="second") == [], "source b shares the host that is being polled"
    assert claim_ids(store, owner="second", force=True) == []


def test_a_lease_that_has_run_out_is_free_and_its_source_still_due(store: Store) -> None:
    sync_due(store, {"a": -HOUR})
    (first,) = claim(store)
    assert claim_ids(store, now=NOON + LEASE - timedelta(microseconds=1)) == []
    (second,) = claim(store, now=NOON + LEASE)
    assert second.source_ids == first.source_ids
    assert second.token != first.token


def test_force_takes_what_is_not_due_and_only_takes_no_others(store: Store) -> None:
    sync_due(store, {"a": -HOUR, "b": HOUR, "c": DAY})
    assert claim_ids(store, only=["b", "c"]) == []
    assert claim_ids(store, only=["c", "nobody"], force=True) == [("c",)]
    assert claim_ids(store, only=[], force=True) == []
    assert claim_ids(store, force=True) == [("a",), ("b",)]


def test_ports_are_hosts_of_their_own(store: Store) -> None:
    urls = {
        "a": "https://press.example/a",
        "b": "http://PRESS.example/b",
        "c": "https://press.example:8443/c",
    }
    sync(store, *(make_source(id, url=url) for id, url in urls.items()))
    assert sorted(claim_ids(store)) == [("a", "b"), ("c",)]


DUE = {
    "due and free": (-MINUTE, False, True, True),
    "not due yet": (MINUTE, False, True, False),
    "being polled": (-MINUTE, True, True, False),
    "configured no more": (-MINUTE, False, False, False),
}


@pytest.mark.parametrize(("after", "claimed", "configured", "expected"), DUE.values(), ids=DUE.keys())
def test_has_due_says_whether_a_claim_would_find_anything(
    store: Store, after: timedelta, claimed: bool, configured: bool, expected: bool
) -> None:
    sync_due(store, {"a": after})
    if claimed:
        claim(store)
    if not configured:
        sync(store)
    with store.read() as tx:
        assert sources.has_due(tx, now=NOON) is expected
    assert bool(claim(store)) is expected


CLAIM = """
import json, sys
from datetime import datetime, timedelta
from aggregator.store import open_store, sources
store = open_store(sys.argv[1])
now, taken = datetime.fromisoformat(sys.argv[2]), []
WAIT
while True:
    with store.write() as tx:
        claims = sources.claim_due(tx, now=now, limit=2, lease=timedelta(minutes=1), owner=sys.argv[3])
    if not claims:
        break
    taken += [c.host for c in claims]
print(json.dumps(taken))
store.close()
"""


def test_processes_that_claim_at_once_share_the_hosts_and_repeat_none(store: Store, tmp_path: Path) -> None:
    hosts = [f"host-{number}.example" for number in range(60)]
    sync(store, *(make_source(f"s{n}", url=f"https://{host}/rss") for n, host in enumerate(hosts)))
    url = make_store_url(tmp_path)
    taken = run_at_once(CLAIM, [[url, NOON.isoformat(), owner] for owner in ("first", "second", "third")])
    assert sorted(host for part in taken for host in part) == sorted(hosts)


# --- leases ---------------------------------------------------------------------------------------


def test_a_lost_lease_is_told_and_nothing_is_written(store: Store) -> None:
    sync_due(store, {"harbour": -HOUR})
    (lost,) = claim(store, owner="first")
    (taken,) = claim(store, owner="second", now=NOON + LEASE)
    before = get_state(store)

    result = PollResult(
        source_id="harbour", outcome="failed", polled_at=NOON, next_poll_at=NOON + HOUR, error="too late"
    )

    def save_too_late() -> None:
        with store.write() as tx:
            insert_reads(tx, make_read("1"))
            sources.record_poll(tx, result)
            sources.hold_lease(tx, lost, until=NOON + DAY)

    with pytest.raises(LeaseLost, match=r"harbour\.example: the lease"):
        save_too_late()
    assert get_state(store) == before
    with store.read() as tx:
        assert sources.count_entries(tx) == {}
    hold(store, taken, until=NOON + DAY)


def test_a_lease_that_ran_out_still_holds_while_nobody_has_taken_it(store: Store) -> None:
    sync_due(store, {"a": -HOUR})
    (mine,) = claim(store)
    hold(store, mine, until=NOON + 2 * DAY)
    assert claim_ids(store, now=NOON + DAY) == [], "holding has renewed it"


def test_holding_a_lease_that_was_given_back_fails(store: Store) -> None:
    sync_due(store, {"a": -HOUR})
    (mine,) = claim(store)
    with store.write() as tx:
        sources.release_lease(tx, mine)
    with pytest.raises(LeaseLost):
        hold(store, mine, until=NOON + DAY)


def test_a_released_host_is_free_at_once_and_releasing_twice_harms_no_one(store: Store) -> None:
    sync_due(store, {"a": -HOUR})
    (first,) = claim(store, owner="first")
    with store.write() as tx:
        sources.release_lease(tx, first)
    (second,) = claim(store, owner="second")
    with store.write() as tx:
        sources.release_lease(tx, first)
    assert claim_ids(store) == []
    hold(store, second, until=NOON + LEASE)


def test_renewing_prolongs_our_leases_and_leaves_those_lost_alone(store: Store) -> None:
    sync_due(store, {"a": -HOUR, "b": -HOUR, "c": -HOUR})
    kept, lost, other = claim(store)
    later = NOON + LEASE
    (taken,) = claim(store, owner="second", now=later, only=lost.source_ids)
    with store.write() as tx:
        sources.renew_leases(tx, [kept.token, lost.token], until=NOON + DAY)
    assert claim_ids(store, now=later + LEASE - MINUTE / 2) == [other.source_ids], "b is the second's still"
    assert claim_ids(store, now=later + LEASE) == [taken.source_ids], "its lease was not prolonged"


def test_leases_of_the_dead_are_freed_and_those_of_the_living_kept(store: Store) -> None:
    sync_due(store, {"a": -DAY, "b": -HOUR, "c": -MINUTE})
    for owner in ("dead", "living", "dead"):
        claim(store, owner=owner, limit=1)
    asked: list[str] = []

    def is_dead(owner: str) -> bool:
        asked.append(owner)
        return owner == "dead"

    with store.write() as tx:
        assert sources.release_dead_leases(tx, is_dead=is_dead) == 2
        assert sorted(asked) == ["dead", "living"]
        assert sources.release_dead_leases(tx, is_dead=is_dead) == 0
    assert claim_ids(store) == [("a",), ("c",)]


# --- record_poll ----------------------------------------------------------------------------------

READING = SourceReading(
    site_url="https://harbour.example/",
    icon_url="https://harbour.example/icon.png",
    hints=Hints(),
    entries=(),
    unchanged=0,
    skipped=3,
    problems=("dates in the future: 1", "an entity that is not XML's: 2"),
    boilerplate=Boilerplate(heads=("from our correspondent in",), tails=("app our of news more",)),
)


def make_past(outcome: PollOutcome, *, hours: int = 0) -> PastPoll:
    return PastPoll(at=NOON + hours * HOUR, outcome=outcome, new=0)


def test_a_body_that_was_read(store: Store) -> None:
    sync(store, make_source())
    record(store, "new_body", validators=TAGGED, body_hash=BODY_HASH, reading=READING)
    assert get_state(store) == SourceState(
        source_id="harbour",
        url="https://harbour.example/feed.xml",
        poll_url="https://harbour.example/feed.xml",
        validators=TAGGED,
        body_hash=BODY_HASH,
        next_poll_at=NOON + HOUR,
        last_polled_at=NOON,
        last_success_at=NOON,
        failing_since=None,
        failures=0,
        last_error=None,
        problems=READING.problems,
        skipped=3,
        pace=Pace(),
        disabled_at=None,
        last_read_at=NOON,
        boilerplate=READING.boilerplate,
        polls=(make_past("new_body"),),
    )
    with store.read() as tx:
        row = tx.execute(select(tables.sources)).one()
    assert (row.site_url, row.icon_url) == (READING.site_url, READING.icon_url)


def test_a_failure_keeps_all_that_the_last_success_left(store: Store) -> None:
    sync(store, make_source())
    record(store, "new_body", validators=TAGGED, body_hash=BODY_HASH, reading=READING)
    before = get_state(store)
    record(store, "failed", at=NOON + HOUR, error="https://harbour.example/feed.xml answered 500")
    assert get_state(store) == replace(
        before,
        next_poll_at=NOON + 2 * HOUR,
        last_polled_at=NOON + HOUR,
        failing_since=NOON + HOUR,
        failures=1,
        last_error="https://harbour.example/feed.xml answered 500",
        polls=(make_past("failed", hours=1), *before.polls),
    )


def test_failing_since_is_the_first_failure_and_the_error_the_last(store: Store) -> None:
    sync(store, make_source())
    for hour, error in enumerate(["one", "two", "three"]):
        record(store, "failed", at=NOON + hour * HOUR, error=error)
    state = get_state(store)
    assert (state.failing_since, state.failures, state.last_error) == (NOON, 3, "three")
    assert (state.last_polled_at, state.last_success_at) == (NOON + 2 * HOUR, None)


SUCCESSES: list[PollOutcome] = ["new_body", "not_modified", "same_body"]


@pytest.mark.parametrize("outcome", SUCCESSES)
def test_any_success_ends_a_failure_and_a_later_failure_counts_from_one(
    store: Store, outcome: PollOutcome
) -> None:
    sync(store, make_source())
    record(store, "failed", error="gone")
    record(store, "failed", error="gone")
    record(store, outcome, at=NOON + HOUR, reading=READING if outcome == "new_body" else None)
    state = get_state(store)
    assert (state.failures, state.failing_since, state.last_error) == (0, None, None)
    assert state.last_success_at == NOON + HOUR
    record(store, "failed", at=NOON + DAY, error="again")
    state = get_state(store)
    assert (state.failures, state.failing_since, state.last_success_at) == (1, NOON + DAY, NOON + HOUR)


@pytest.mark.parametrize("outcome", ["not_modified", "same_body"])
def test_a_success_without_a_reading_keeps_what_the_last_reading_found(
    store: Store, outcome: PollOutcome
) -> None:
    sync(store, make_source())
    record(store, "new_body", validators=TAGGED, body_hash=BODY_HASH, reading=READING)
    before = get_state(store)
    fresh = Validators(etag='"8"')
    record(store, outcome, at=NOON + HOUR, validators=fresh, body_hash=BODY_HASH)
    assert get_state(store) == replace(
        before,
        validators=fresh,
        next_poll_at=NOON + 2 * HOUR,
        last_polled_at=NOON + HOUR,
        last_success_at=NOON + HOUR,
        polls=(make_past(outcome, hours=1), *before.polls),
    )


def test_a_poll_is_recorded_for_its_source_alone(store: Store) -> None:
    sync(store, make_source(), make_source("ferry"))
    before = get_state(store, "ferry")
    record(store, "failed", error="gone")
    record(store, "new_body", validators=TAGGED, body_hash=BODY_HASH, reading=READING)
    assert get_state(store, "ferry") == before


def test_states_are_listed_by_id_and_entries_counted_by_source(store: Store) -> None:
    sync(store, make_source("ferry"), make_source(), make_source("anchor"))
    with store.write() as tx:
        insert_reads(tx, make_read("1"), make_read("2"), make_read("1", "ferry"))
    with store.read() as tx:
        assert [s.source_id for s in sources.list_source_states(tx)] == ["anchor", "ferry", "harbour"]
        assert sources.list_source_states(tx, []) == ()
        assert sources.count_entries(tx) == {"harbour": 2, "ferry": 1}


# --- what politeness remembers --------------------------------------------------------------------


def test_a_pace_comes_back_as_it_was(store: Store) -> None:
    pace = Pace(
        rate=ArrivalRate(
            hours=tuple(n / 7 for n in range(24)), days=3.25, since=NOON, at=NOON + HOUR, safe_days=0.1
        ),
        hints=Hints(
            ttl=HOUR,
            update_every=DAY,
            skip_hours=frozenset({0, 23}),
            skip_days=frozenset({6}),
            hub_url="https://hub.example/",
            self_url="https://harbour.example/feed.xml",
        ),
        gone_since=NOON,
        gone_count=2,
        moved_to="https://new.example/rss",
        moved_since=NOON - DAY,
        moved_count=3,
        churned=2,
    )
    sync(store, make_source())
    record(store, "same_body", pace=pace)
    assert get_state(store).pace == pace
    record(store, "same_body", pace=Pace())
    assert get_state(store).pace == Pace()


def record_429(store: Store, *, host: str) -> None:
    """The source "a" is refused for an hour, by this host."""
    rest = HostRest(host=host, until=NOON + HOUR)
    record(store, "failed", source_id="a", next_poll_at=NOON, error="429", rest=rest)


def test_a_host_that_asked_for_rest_is_left_alone_with_all_its_sources(store: Store) -> None:
    sync_due(store, {"a": -MINUTE, "b": -MINUTE}, host="harbour.example")
    record_429(store, host="harbour.example")
    assert claim_ids(store, now=NOON + 59 * MINUTE) == []
    assert len(claim_ids(store, now=NOON + HOUR)) == 1


def test_a_shorter_rest_does_not_end_a_longer_one(store: Store) -> None:
    sync_due(store, {"a": -MINUTE}, host="harbour.example")
    (held,) = claim(store)
    record_429(store, host="harbour.example")
    with store.write() as tx:
        sources.release_lease(tx, held, rest_until=NOON + MINUTE)
    assert claim_ids(store, now=NOON + 59 * MINUTE) == []
    assert claim_ids(store, now=NOON + 59 * MINUTE, force=True) == [("a",)]
    assert claim_ids(store, now=NOON + 62 * MINUTE) == [("a",)]


def test_a_host_that_nobody_is_polled_at_yet_may_ask_for_rest(store: Store) -> None:
    """A source redirects there, and later one is configured there."""
    sync_due(store, {"a": -MINUTE}, host="harbour.example")
    record_429(store, host="new.example")
    sync(store, make_source("b", url="https://new.example/rss"))
    assert claim_ids(store, now=NOON + MINUTE) == []
    assert claim_ids(store, now=NOON + HOUR) == [("b",)]


def test_who_has_lost_the_lease_gives_the_host_no_rest(store: Store) -> None:
    sync_due(store, {"a": -HOUR})
    (lost,) = claim(store, now=NOON, owner="first")
    (held,) = claim(store, now=NOON + 2 * LEASE, owner="second")
    with store.write() as tx:
        sources.release_lease(tx, lost, rest_until=NOON + DAY)
        sources.release_lease(tx, held)
    assert len(claim_ids(store, now=NOON + 2 * LEASE)) == 1


def test_a_postponed_source_is_due_later_and_all_else_stays(store: Store) -> None:
    sync(store, make_source())
    before = get_state(store)
    with store.write() as tx:
        sources.postpone(tx, "harbour", until=NOON + HOUR)
    assert get_state(store) == replace(before, next_poll_at=NOON + HOUR)


def test_a_url_that_is_written_as_it_has_moved_changes_nothing(store: Store) -> None:
    """What the notice in `status` asks the admin to do must not cost the publisher a full answer."""
    sync(store, make_source())
    record(store, "same_body", validators=TAGGED, poll_url="https://new.example/rss")
    before = get_state(store)
    sync(store, make_source(url="https://new.example/rss"), now=NOON + DAY)
    assert get_state(store) == replace(before, url="https://new.example/rss")
    sync(store, make_source(url="https://harbour.example/feed.xml"), now=NOON + DAY)
    assert get_state(store).poll_url == "https://harbour.example/feed.xml", "the admin may go back"


def test_a_source_that_is_gone_is_claimed_no_more_until_its_url_changes(store: Store) -> None:
    sync(store, make_source())
    record(store, "failed", next_poll_at=NOON, error="410", disabled=True)
    assert get_state(store).disabled_at == NOON
    assert claim_ids(store, now=NOON + DAY, force=True) == []
    sync(store, make_source(url="https://new.example/rss"), now=NOON + DAY)
    assert get_state(store).disabled_at is None
    assert claim_ids(store, now=NOON + DAY) == [("harbour",)]


def test_a_source_that_moved_is_polled_at_its_new_host_and_keeps_its_validators(store: Store) -> None:
    sync(store, make_source())
    record(store, "same_body", validators=TAGGED, poll_url="https://new.example/rss")
    state = get_state(store)
    assert (state.url, state.poll_url) == ("https://harbour.example/feed.xml", "https://new.example/rss")
    assert state.validators == TAGGED
    (held,) = claim(store, now=NOON + DAY)
    assert held.host == "new.example"
    sync(store, make_source(), now=NOON + DAY)
    assert get_state(store).poll_url == "https://new.example/rss", "a restart does not go back"


def test_how_late_polls_are_and_what_a_clock_ahead_has_left(store: Store) -> None:
    """Sources polled by a clock that was a day ahead are due when it has been set right, and free."""
    day = timedelta(days=1)
    with store.write() as tx:
        sources.sync_sources(tx, [make_source("a"), make_source("b")], now=NOON)
        schedule = sources.measure_schedule(tx, now=NOON + timedelta(minutes=5))
        assert (schedule.states, schedule.due, schedule.lag) == ({"new": 2}, 2, timedelta(minutes=5))
        (claim, _) = sources.claim_due(tx, now=NOON + day, limit=9, lease=timedelta(minutes=1), owner="me")
        result = PollResult(
            source_id="a", outcome="failed", polled_at=NOON + day, next_poll_at=NOON + 2 * day, error="no"
        )
        sources.record_poll(tx, result)
        sources.release_lease(tx, claim, rest_until=NOON + day)
        assert sources.measure_schedule(tx, now=NOON).states == {"error": 1, "new": 1}
        assert not sources.has_due(tx, now=NOON), "one waits for tomorrow, the other's lease ends tomorrow"
        sources.forget_future(tx, now=NOON, lease=timedelta(minutes=1))
        assert sources.has_due(tx, now=NOON)
        later = NOON + timedelta(minutes=2)
        assert len(sources.claim_due(tx, now=later, limit=9, lease=day, owner="me")) == 2
        assert list_counts(tx)[LEASE_RECLAIMS, ""] == 1, "that of the source which was not given back"
