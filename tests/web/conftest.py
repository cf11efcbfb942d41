"""A filled store and the application on it; modules that need another have a `portal` of their own."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aggregator.web import create_app
from tests.site_samples import Portal, open_portal


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with open_portal(tmp_path_factory.mktemp("portal")) as opened:
        yield opened


class Crowd(FlaskClient):
    """Asks from an address of this machine that is another every time: limits.py counts by address."""

    _asked = 0

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        self._asked += 1
        self.environ_base["REMOTE_ADDR"] = str(ip_address("127.0.0.1") + self._asked)
        return super().open(*args, **kwargs)


@pytest.fixture(scope="module")
def client(portal: Portal) -> FlaskClient:
    app = create_app(portal.settings, portal.store)
    app.test_client_class = Crowd
    return app.test_client()
