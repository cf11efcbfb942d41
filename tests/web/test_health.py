"""/healthz says whether the process lives, /readyz whether it can answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy
from flask.testing import FlaskClient

from aggregator.refresh import apply_configuration
from aggregator.store import Store, open_store, processes
from aggregator.store.engine import HEAD, connect
from aggregator.web import create_app
from tests.site_samples import NOON, make_settings, source_table


@contextmanager
def open_client(folder: Path, store: Store) -> Iterator[FlaskClient]:
    settings = make_settings(folder, source_table("herald", "https://herald.example/feed"))
    try:
        yield create_app(settings, store).test_client()
    finally:
        store.close()


def make_store(folder: Path) -> Store:
    store = open_store(f"sqlite:///{folder}/aggregator.db")
    settings = make_settings(folder, source_table("herald", "https://herald.example/feed"))
    apply_configuration(store, settings, now=NOON)
    return store


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_server_in_order_says_ok_and_is_not_cached(tmp_path: Path, path: str) -> None:
    with open_client(tmp_path, make_store(tmp_path)) as client:
        answer = client.get(path)
        assert (answer.status_code, answer.data) == (200, b"ok\n")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert client.head(path).status_code == 200


def test_a_store_of_another_version_is_not_ready(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with store.write() as tx:
        tx.execute(sqlalchemy.text("UPDATE alembic_version SET version_num = '0000'"))
    with open_client(tmp_path, store) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert all(word in answer.get_data(as_text=True) for word in ("0000", HEAD, "migrate"))
        assert answer.headers["Cache-Control"] == "no-store"
        assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "content", [None, b"", b"This is no database." * 500], ids=["no folder", "an empty file", "a text file"]
)
def test_a_store_that_cannot_be_used_is_not_ready(tmp_path: Path, content: bytes | None) -> None:
    name = "none/x.db" if content is None else "x.db"
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with open_client(tmp_path, connect(f"sqlite:///{tmp_path}/{name}")) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert "Traceback" not in answer.get_data(as_text=True)
        assert client.get("/healthz").status_code == 200


def test_readiness_tells_when_a_heart_last_beat_and_does_not_fail_over_it(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    with store.write() as tx:
        for owner, polls, minutes in (("poller", True, 60), ("web", False, 1), ("older", True, 90)):
            at = datetime.now(UTC) - timedelta(minutes=minutes)
            processes.record_start(tx, owner, polls=polls, digest="", now=at, is_dead=lambda _: False)
    with open_client(tmp_path, store) as client:
        answer = client.get("/readyz")
    assert answer.status_code == 200
    assert re.fullmatch(r"ok\nlast heartbeat 360\d s ago\n", answer.get_data(as_text=True))
