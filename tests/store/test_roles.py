"""The periodic work: one process has it, and another soon after that one is no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.store import Store, open_store, roles
from tests.site_samples import NOON
from tests.stores import make_store_url

pytestmark = pytest.mark.usefixtures("each_store")

LEASE = timedelta(seconds=12)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(make_store_url(tmp_path))
    yield opened
    opened.close()


def take(
    store: Store, owner: str, seconds: float, *, is_dead: Callable[[str], bool] = lambda _: False
) -> roles.Holder:
    with store.write() as tx:
        now = NOON + timedelta(seconds=seconds)
        return roles.take_scheduler(tx, owner, now=now, lease=LEASE, is_dead=is_dead)


@pytest.mark.parametrize(
    ("seconds", "owner", "holder", "until"),
    [
        pytest.param(5, "one", "one", 12, id="its holder renews nothing before half of the lease is over"),
        pytest.param(7, "one", "one", 19, id="its holder renews it afterwards"),
        pytest.param(11.9, "other", "one", 12, id="nobody else gets it while the lease lasts"),
        pytest.param(12, "other", "other", 24, id="another gets it when the lease is over"),
        pytest.param(-60, "other", "other", -48, id="a lease that a clock ahead has made counts for nothing"),
    ],
)
def test_who_has_the_role(store: Store, seconds: float, owner: str, holder: str, until: float) -> None:
    take(store, "one process 1", 0)
    taken = take(store, f"{owner} process 1", seconds)
    assert taken == roles.Holder(f"{holder} process 1", NOON + timedelta(seconds=until))
    with store.read() as tx:
        assert roles.find_scheduler(tx) == taken


def test_the_role_of_the_dead_is_open_at_once(store: Store) -> None:
    take(store, "one", 0)
    assert take(store, "other", 1, is_dead=lambda owner: owner == "one").owner == "other"


def test_who_leaves_gives_away_only_what_it_has(store: Store) -> None:
    take(store, "one", 0)
    with store.write() as tx:
        roles.leave_scheduler(tx, "other")
    assert take(store, "other", 1).owner == "one"
    with store.write() as tx:
        roles.leave_scheduler(tx, "one")
    assert take(store, "other", 1).owner == "other"
