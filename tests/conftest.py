"""Fixtures of the end-to-end tests; what they are made of is in harness.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.demo.publisher import Publisher
from tests.harness import Site, find_free_port


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as running:
        yield running


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(folder=tmp_path, port=find_free_port())
