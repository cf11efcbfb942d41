"""Fixtures of the end-to-end tests; what they are made of is in harness.py."""

from __future__ import annotations

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
