"""A webhook is told of problems as they begin and end, and whatever it does stops nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from aggregator.errors import ConfigError
from aggregator.fetch.client import Client
from aggregator.model import PollResult, Trouble
from aggregator.parse.sandbox import Sandbox
from aggregator.refresh import Line
from aggregator.statuses import read_situation
from aggregator.store import problems, sources
from aggregator.webhook import Webhook
from tests.site_samples import HEAD, HOUR, POLICY, Bench, make_settings, open_bench, source_table

MINUTE = timedelta(minutes=1)


class Receiver:
    """An HTTP server that takes JSON, or answers something else."""

    def __init__(self) -> None:
        self.status = 204
        self.told: list[dict[str, Any]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers["Content-Type"].startswith("application/json") and receiver.status < 300:
                    receiver.told.append(json.loads(body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook/s3cret"

    def take(self) -> list[tuple[str, str]]:
        told, self.told = self.told, []
        return [(each["event"], each["text"]) for each in told]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    limits = {"timeout": timedelta(seconds=9), "max_memory_bytes": 256 * 1024 * 1024}
    with (
        Client(POLICY) as client,
        Sandbox(workers=1, **limits) as sandbox,
        open_bench(tmp_path, client, sandbox) as made,
    ):
        yield made


def configure(bench: Bench) -> Line:
    line = bench.configure(*(source_table(s, f"https://{s}.example/f") for s in "ab"))
    return bench.line(replace(line.settings, admin_webhook="x"))


def poll(bench: Bench, source_id: str, error: str | None, *, times: int = 3) -> None:
    for _ in range(times):
        result = PollResult(
            source_id=source_id,
            outcome="failed" if error else "not_modified",
            polled_at=bench.clock(),
            next_poll_at=bench.clock() + HOUR,
            error=error,
        )
        with bench.store.write() as tx:
            sources.record_poll(tx, result)


def test_what_begins_and_ends_is_told_once_each(bench: Bench, receiver: Receiver) -> None:
    webhook = Webhook(configure(bench), receiver.url)
    webhook.work()
    assert receiver.take() == []
    poll(bench, "a", "HTTP 500 at https://x.example/?token=s3cret")
    webhook.work()
    assert receiver.take() == [], "it is looked once a minute"
    bench.clock.advance(MINUTE)
    webhook.work()
    (begun,) = receiver.told
    assert begun["text"] == "Outlet a fails: HTTP 500 at https://x.example/?token=***"
    assert (begun["event"], begun["since"], begun["ended_at"]) == ("begin", "2026-11-24T12:00:00Z", None)
    assert begun["admin"] == "https://news.example/admin/"
    receiver.take()
    bench.clock.advance(MINUTE)
    poll(bench, "a", "HTTP 502")
    webhook.work()
    assert receiver.take() == [], "it is the same problem"
    poll(bench, "a", None, times=1)
    bench.clock.advance(MINUTE)
    webhook.work()
    (ended,) = receiver.told
    assert (ended["event"], ended["id"], ended["ended_at"]) == ("end", begun["id"], "2026-11-24T12:03:00Z")
    receiver.take()
    bench.clock.advance(HOUR)
    Webhook(configure(bench), receiver.url).work()
    assert receiver.take() == []


def test_what_is_not_taken_is_tried_again_ever_later_and_told_in_status(
    bench: Bench, receiver: Receiver
) -> None:
    line = configure(bench)
    webhook = Webhook(line, receiver.url)
    poll(bench, "a", "HTTP 500")
    receiver.status = 500
    tried = []
    for minute in range(10):
        receiver.status = 200 if minute in (2, 6) else 500
        webhook.work()
        tried += [minute] if receiver.take() else []
        with line.store.read() as tx:
            troubles = [t.text for t in read_situation(tx, line.settings, now=bench.clock()).troubles]
        if minute < 3:
            told = "the webhook of [admin] does not take what it is told (waiting: 1): it answered 500"
            assert troubles == [told]
        bench.clock.advance(MINUTE)
    assert tried == [], "after 0, 1, 3 and 7 minutes"
    receiver.status = 200
    bench.clock.advance(HOUR)
    webhook.work()
    assert [event for event, _ in receiver.take()] == ["begin"]
    with line.store.read() as tx:
        assert read_situation(tx, line.settings, now=bench.clock()).troubles == ()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("http://169.254.169.254/hook/s3cret", "allow_networks", id="what no fetch may reach"),
        pytest.param("http://127.0.0.1:1/hook/s3cret", "127.0.0.1", id="where nobody listens"),
    ],
)
def test_what_cannot_be_reached_is_told_without_its_path(bench: Bench, url: str, says: str) -> None:
    line = configure(bench)
    poll(bench, "a", "HTTP 500")
    Webhook(line, url).work()
    with line.store.read() as tx:
        (trouble,) = read_situation(tx, line.settings, now=bench.clock()).troubles
    assert says in trouble.text
    assert "s3cret" not in trouble.text


def test_a_trouble_that_was_over_before_it_could_be_told_is_forgotten(
    bench: Bench, receiver: Receiver
) -> None:
    """The first attempt of a round fails; the others wait, and one of them is over by then."""
    webhook = Webhook(configure(bench), receiver.url)
    poll(bench, "a", "HTTP 500")
    with bench.store.write() as tx:
        trouble = Trouble(key="source a", since=bench.clock(), text="Outlet a fails")
        problems.note_problems(tx, [trouble], now=bench.clock())
    poll(bench, "a", None, times=1)
    webhook.work()
    assert receiver.take() == []
    with bench.store.read() as tx:
        assert problems.find_untold(tx) is None


def test_its_url_may_be_a_secret_and_is_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hook").write_text("https://hooks.example/T0/s3cret\n")
    made = make_settings(tmp_path, head=f'{HEAD}\n[admin]\nwebhook = "file:hook"\n')
    assert made.admin_webhook == "https://hooks.example/T0/s3cret"
    assert "s3cret" not in repr(made)
    (tmp_path / "hook").write_text("ftp://hooks.example/s3cret\n")
    with pytest.raises(ConfigError) as caught:
        make_settings(tmp_path, head=f'{HEAD}\n[admin]\nwebhook = "file:hook"\n')
    assert "admin.webhook" in str(caught.value)
    assert "s3cret" not in str(caught.value)
