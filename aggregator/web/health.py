"""For supervisors and load balancers: is the process alive, can it answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from flask import Blueprint, Response

from aggregator.errors import StoreError
from aggregator.store import Store, processes
from aggregator.store.engine import check_version, find_version


def make_blueprint(store: Store, *, now: Callable[[], datetime]) -> Blueprint:
    blueprint = Blueprint("health", __name__)

    @blueprint.get("/healthz")
    def healthz() -> Response:
        """The process answers."""
        return _plain("ok\n", 200)

    @blueprint.get("/readyz")
    def readyz() -> Response:
        """The store answers, and its schema is the one this version needs; when a poller's heart last beat.

        A heart that has stopped makes the site old, not wrong: that is for an alert, not a reason to take
        the site off the air.
        """
        try:
            check_version(find_version(store))
            with store.read() as tx:
                beats = [process.beat_at for process in processes.list_processes(tx) if process.polls]
        except StoreError as error:
            return _plain(f"{error}\n", 503)
        return _plain("".join(("ok\n", *_describe(beats, now()))), 200)

    return blueprint


def _describe(beats: list[datetime], now: datetime) -> Iterator[str]:
    if beats:
        age = max(0.0, (now - max(beats)).total_seconds())
        yield f"last heartbeat {age:.0f} s ago\n"


def _plain(text: str, status: int) -> Response:
    response = Response(text, status=status, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    return response
