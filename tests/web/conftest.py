"""A filled store and the application on it; modules that need another have a `portal` of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from aggregator.web import create_app
from tests.site_samples import Portal, open_portal


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with open_portal(tmp_path_factory.mktemp("portal")) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(portal: Portal) -> FlaskClient:
    return create_app(portal.settings, portal.store).test_client()
