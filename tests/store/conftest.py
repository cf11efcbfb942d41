"""A store of two sources and a transaction; modules that need other sources have a `store` of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.store import Store, Transaction
from tests.harness import make_source
from tests.store.samples import open_sample


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_sample(tmp_path, make_source(), make_source("ferry")) as opened:
        yield opened


@pytest.fixture
def tx(store: Store) -> Iterator[Transaction]:
    with store.write() as transaction:
        yield transaction
