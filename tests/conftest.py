"""Fixtures of all tests; what they are made of is in harness.py and stores.py."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from aggregator.demo.publisher import Publisher
from tests.harness import Site, find_free_port
from tests.stores import BACKENDS, choose_backend

# An example may take its time: machines that run tests do other things as well.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Commands that run in this process set levels up, which the next test would otherwise inherit."""
    root = logging.getLogger()
    names = ("apscheduler", "alembic", "watchfiles")
    handlers, level = root.handlers[:], root.level
    levels = [logging.getLogger(name).level for name in names]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in zip(names, levels, strict=True):
        logging.getLogger(name).setLevel(old)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(folder=tmp_path, port=find_free_port())


@pytest.fixture(scope="module", params=BACKENDS)
def each_store(request: pytest.FixtureRequest) -> Iterator[None]:
    """Once with every kind of store."""
    choose_backend(request.param)
    yield
    choose_backend(BACKENDS[0])
