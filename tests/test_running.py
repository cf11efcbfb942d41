"""What running servers tell through the store, also where config.toml cannot be read."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.executor.local import make_owner
from aggregator.running import find_store_url, list_notices
from aggregator.statuses import SILENT_AFTER
from aggregator.store import Store, open_store, processes
from tests.site_samples import NOON

DAY = timedelta(days=1)


def start(store: Store, owner: str) -> None:
    with store.write() as tx:
        processes.record_start(tx, owner, polls=True, digest="x", now=NOON, is_dead=lambda _: False)


def test_a_server_in_order_says_nothing_and_one_that_is_not_says_what(tmp_path: Path) -> None:
    url, me = f"sqlite:///{tmp_path}/x.db", make_owner()
    assert list_notices(url, now=NOON) == ()
    assert not (tmp_path / "x.db").exists()
    store = open_store(url)
    start(store, me)
    assert list_notices(url, now=NOON + SILENT_AFTER) == ()
    (silent,) = list_notices(url, now=NOON + SILENT_AFTER + timedelta(seconds=1))
    assert "not been heard of since 12:00 UTC" in silent

    with store.write() as tx:
        processes.record_problems(tx, me, ["config.toml:3: wrong", "config.toml:9: wrong too"])
    one, two = list_notices(url, now=NOON)
    assert one.endswith("configuration of 2026-11-24 12:00 UTC, because of config.toml:3: wrong")
    assert "config.toml:9" in two

    with store.write() as tx:
        processes.record_configuration(tx, me, digest="y", now=NOON)
    assert list_notices(url, now=NOON) == ()
    with store.read() as tx:
        assert processes.find_mark(tx, me) == (2, "y")
    store.close()


def test_machines_that_run_different_configurations_are_named(tmp_path: Path) -> None:
    url, north, south = f"sqlite:///{tmp_path}/x.db", "north 1 process 7 1.0", "south 1 process 7 1.0"
    store = open_store(url)
    start(store, north)
    start(store, south)
    assert list_notices(url, now=NOON + SILENT_AFTER) == ()
    with store.write() as tx:
        processes.record_configuration(tx, north, digest="y", now=NOON + timedelta(minutes=1))
    assert list_notices(url, now=NOON + SILENT_AFTER) == (), "the other one has time to follow"

    later = NOON + timedelta(minutes=4)
    with store.write() as tx:
        processes.record_beat(tx, north, now=later)
        processes.record_beat(tx, south, now=later)
    (said,) = list_notices(url, now=later)
    assert said.startswith("north has another config.toml in force than south: ")
    store.close()


def test_a_process_is_entered_once_and_the_dead_are_taken_out(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/x.db")
    for owner in ("me", "dead", "elsewhere"):
        start(store, owner)
    with store.write() as tx:
        processes.record_start(
            tx, "me", polls=False, digest="z", now=NOON + DAY, is_dead=lambda owner: owner == "dead"
        )
    with store.read() as tx:
        assert [(p.owner, p.polls) for p in processes.list_processes(tx)] == [
            ("elsewhere", True),
            ("me", False),
        ]
    with store.write() as tx:
        processes.record_start(tx, "me", polls=False, digest="z", now=NOON + 2 * DAY, is_dead=lambda _: False)
    with store.read() as tx:
        assert [p.owner for p in processes.list_processes(tx)] == ["me"], "not heard of for more than a day"
    store.close()


@pytest.mark.parametrize(
    ("text", "environ", "name"),
    [
        ('[store]\nurl = "sqlite:///mine.db"\n[sorce]\n', {}, "mine.db"),
        ("[site\n", {}, "aggregator.db"),
        ("store = 3", {}, "aggregator.db"),
        ('[store]\nurl = "sqlite:///mine.db"', {"AGGREGATOR_STORE_URL": "sqlite:///other.db"}, "other.db"),
        ('[store]\nurl = "env:STORE"', {"STORE": "sqlite:///secret.db"}, "secret.db"),
        ('[store]\nurl = "env:STORE"', {}, None),
    ],
    ids=["wrong elsewhere", "no TOML", "no table", "the environment", "a secret", "a secret not there"],
)
def test_a_file_full_of_errors_still_says_where_the_store_is(
    tmp_path: Path, text: str, environ: dict[str, str], name: str | None
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    assert find_store_url(path, environ=environ) == (None if name is None else f"sqlite:///{tmp_path}/{name}")
