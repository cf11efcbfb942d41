"""A small WebSub hub (W3C Recommendation, 2018) for the demo and the tests; it keeps all in memory.

    python -m aggregator.demo.hub --port 9000

Subscribers POST `hub.mode=subscribe` or `unsubscribe`; publishers POST `hub.mode=publish` with `hub.url`, and
the hub fetches that topic and hands it on. It talks to any address it is told: loopback is its place.
"""

from __future__ import annotations

import secrets
import signal
import socketserver
import threading
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self
from urllib.error import HTTPError
from urllib.parse import parse_qsl

import click

from aggregator.errors import BadParameter
from aggregator.hub import (
    ask_url,
    check_secret,
    grant_lease,
    is_web_url,
    render_links,
    sign,
    verification_query,
)

LONGEST_LEASE = timedelta(days=10)
MAX_FORM_BYTES = 16 * 1024
MAX_TOPIC_BYTES = 20 * 1024 * 1024
ATTEMPTS = 3  # to deliver one document to one subscriber

_TIMEOUT_SECONDS = 10.0
_RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HubRequest:
    """A form that the hub was sent, and its answer."""

    mode: str
    topic: str
    at: datetime
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    callback: str
    topic: str
    secret: str | None = field(repr=False)
    until: datetime


class Hub:
    """Serves at `url` until it is closed; every method may be called from any thread.

    `lease` is what subscribers get at most; `algorithm` signs what is delivered. Raises OSError when the port
    is taken.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        lease: timedelta = LONGEST_LEASE,
        algorithm: str = "sha256",
    ) -> None:
        self._lease = lease
        self._algorithm = algorithm
        self._lock = threading.Lock()
        self._subscribers: dict[tuple[str, str], Subscriber] = {}
        self._requests: list[HubRequest] = []
        self._denied: dict[str, str] = {}
        self._closing = threading.Event()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="hub")
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
        self._server = _Server((host, port), _Connection)
        self._server.hub = self
        self.url = f"http://{host}:{self._server.server_address[1]}/"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="hub", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take no more requests and drop what is still to be delivered. Closing twice does no harm."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def subscribers(self) -> tuple[Subscriber, ...]:
        """Those whose intent was verified and whose lease still runs."""
        now = _now()
        with self._lock:
            return tuple(s for s in self._subscribers.values() if s.until > now)

    @property
    def requests(self) -> tuple[HubRequest, ...]:
        """Every form so far, in the order of arrival."""
        with self._lock:
            return tuple(self._requests)

    def deny(self, topic: str, reason: str) -> None:
        """Let nobody subscribe to a topic, and tell those who do (WebSub, 5.2)."""
        with self._lock:
            self._denied[topic] = reason
            denied = [s for s in self._subscribers.values() if s.topic == topic]
            for subscriber in denied:
                del self._subscribers[subscriber.callback, topic]
        for subscriber in denied:
            self._pool.submit(self._tell_denied, subscriber.callback, topic, reason)

    def distribute(self, topic: str, body: bytes, *, content_type: str) -> None:
        """Hand a document to every subscriber of a topic; returns at once."""
        for subscriber in self.subscribers:
            if subscriber.topic == topic:
                self._pool.submit(self._deliver, subscriber, body, content_type)

    def answer(self, form: Mapping[str, str]) -> tuple[int, str]:
        """Status and text of the answer to a form; verification and delivery come after it."""
        mode = form.get("hub.mode", "")
        topic = form.get("hub.topic") or form.get("hub.url", "")
        status, text = self._judge(mode, topic, form)
        with self._lock:
            self._requests.append(HubRequest(mode=mode, topic=topic, at=_now(), status=status))
        if status != 202:
            return status, text
        if mode == "publish":
            self._pool.submit(self._fetch, topic)
        else:
            self._pool.submit(self._verify, mode, topic, dict(form))
        return status, text

    def _judge(self, mode: str, topic: str, form: Mapping[str, str]) -> tuple[int, str]:
        if mode not in ("subscribe", "unsubscribe", "publish"):
            return 400, "hub.mode must be subscribe, unsubscribe or publish\n"
        if not is_web_url(topic):
            return 400, "hub.topic must be an http or https URL\n"
        if mode != "publish" and not is_web_url(form.get("hub.callback", "")):
            return 400, "hub.callback must be an http or https URL\n"
        try:
            check_secret(form.get("hub.secret"))
            self._grant(form)
        except BadParameter as error:
            return 400, f"{error}\n"
        return 202, "accepted\n"

    def _verify(self, mode: str, topic: str, form: Mapping[str, str]) -> None:
        """Ask the subscriber whether it means it (WebSub, 5.3)."""
        callback = form["hub.callback"]
        reason = self._denied.get(topic)
        if mode == "subscribe" and reason is not None:
            self._tell_denied(callback, topic, reason)
            return
        lease, asked_at = self._grant(form), _now()
        challenge = secrets.token_urlsafe(24)
        query = verification_query(mode, topic, challenge, lease)
        status, body = self._ask(_get(ask_url(callback, query)))
        if not 200 <= status < 300 or body != challenge.encode("ascii"):
            return
        with self._lock:
            if mode == "unsubscribe":
                self._subscribers.pop((callback, topic), None)
                return
            self._subscribers[callback, topic] = Subscriber(
                callback=callback, topic=topic, secret=form.get("hub.secret"), until=asked_at + lease
            )

    def _grant(self, form: Mapping[str, str]) -> timedelta:
        return grant_lease(form.get("hub.lease_seconds"), usual=self._lease, longest=self._lease)

    def _tell_denied(self, callback: str, topic: str, reason: str) -> None:
        query = {"hub.mode": "denied", "hub.topic": topic, "hub.reason": reason}
        self._ask(_get(ask_url(callback, query)))

    def _fetch(self, topic: str) -> None:
        """Get a topic that its publisher says has changed, and hand it on."""
        try:
            with self._opener.open(topic, timeout=_TIMEOUT_SECONDS) as response:
                body = response.read(MAX_TOPIC_BYTES + 1)
                content_type = response.headers.get("Content-Type", "application/octet-stream")
        except OSError:
            return  # it is told again at the next change
        if len(body) <= MAX_TOPIC_BYTES:
            self.distribute(topic, body, content_type=content_type)

    def _deliver(self, subscriber: Subscriber, body: bytes, content_type: str) -> None:
        headers = {
            "Content-Type": content_type,
            "Link": render_links(hub=self.url, topic=subscriber.topic),
        }
        if subscriber.secret is not None:
            headers["X-Hub-Signature"] = sign(body, subscriber.secret, algorithm=self._algorithm)
        request = urllib.request.Request(  # noqa: S310 - checked when it was subscribed
            subscriber.callback, data=body, headers=headers, method="POST"
        )
        for _ in range(ATTEMPTS):
            status, _answer = self._ask(request)
            if status == 410:
                with self._lock:
                    self._subscribers.pop((subscriber.callback, subscriber.topic), None)
            if status == 410 or 200 <= status < 300 or self._closing.wait(_RETRY_SECONDS):
                return

    def _ask(self, request: urllib.request.Request) -> tuple[int, bytes]:
        """Status and start of the answer; 0 if there was none."""
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                return response.status, response.read(1024)
        except HTTPError as error:
            with error:
                return error.code, b""
        except OSError:
            return 0, b""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Subscriptions are not moved by redirects (WebSub, 7)."""


class _Server(socketserver.ThreadingTCPServer):
    """ThreadingTCPServer, not HTTPServer: that one looks up its own host's name while it binds."""

    daemon_threads = True
    allow_reuse_address = True
    hub: Hub


class _Connection(BaseHTTPRequestHandler):
    server: _Server
    timeout = _TIMEOUT_SECONDS

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: requests are a list."""

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_FORM_BYTES:
            self._send(413, f"a form of at most {MAX_FORM_BYTES} bytes is wanted\n")
            return
        form = dict(parse_qsl(self.rfile.read(int(length)).decode("utf-8", "replace")))
        self._send(*self.server.hub.answer(form))

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):
            self.wfile.write(body)


def _get(url: str) -> urllib.request.Request:
    return urllib.request.Request(url)  # noqa: S310 - checked when it was subscribed


def _now() -> datetime:
    return datetime.now(UTC)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, help="0: any that is free.")
@click.option("--lease", default=LONGEST_LEASE.days * 86_400, show_default=True, help="In seconds, at most.")
def main(host: str, port: int, lease: int) -> None:
    """Run a hub until SIGTERM or SIGINT."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    with Hub(host, port, lease=timedelta(seconds=lease)) as hub:
        click.echo(hub.url)
        stopping.wait()


if __name__ == "__main__":
    main()
