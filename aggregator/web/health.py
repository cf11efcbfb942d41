"""For supervisors and load balancers: is the process alive, can it answer."""

from __future__ import annotations

from flask import Blueprint, Response

from aggregator.errors import StoreError
from aggregator.store import Store
from aggregator.store.engine import check_version, find_version


def make_blueprint(store: Store) -> Blueprint:
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        """The process answers."""
        return _plain("ok\n", 200)

    @blueprint.get("/readyz")
    def readyz() -> Response:
        """The store answers, and its schema is the one this version needs."""
        try:
            check_version(find_version(store))
        except StoreError as error:
            return _plain(f"{error}\n", 503)
        return _plain("ok\n", 200)

    return blueprint


def _plain(text: str, status: int) -> Response:
    response = Response(text, status=status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
