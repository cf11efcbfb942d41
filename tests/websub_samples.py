"""Feeds that name a hub, what is pushed by hand, and a subscriber of a few lines, for tests of WebSub."""

from __future__ import annotations

import socketserver
import threading
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit

from aggregator.demo.documents import DemoItem
from aggregator.demo.publisher import Publisher
from tests.site_samples import render_feed


def render_pushed(items: Sequence[DemoItem], *, hub_url: str | None, topic: str) -> bytes:
    """An RSS feed that says where it is pushed."""
    links = f'<atom:link rel="self" href="{topic}"/>'
    if hub_url is not None:
        links += f'<atom:link rel="hub" href="{hub_url}"/>'
    channel = f'<channel xmlns:atom="http://www.w3.org/2005/Atom">{links}'
    return render_feed(items).replace(b"<channel>", channel.encode(), 1)


def publish_pushed(publisher: Publisher, hub_url: str | None, items: Sequence[DemoItem]) -> str:
    """Publish such a feed at /a; returns its topic."""
    topic = f"{publisher.url}/a"
    body = render_pushed(items, hub_url=hub_url, topic=topic)
    publisher.publish("/a", body, content_type="application/rss+xml")
    return topic


def push(callback: str, body: bytes | Iterable[bytes], signature: str | None) -> int:
    """POST a document as a hub would; the status of the answer, 413 too where we hang up on one too long."""
    headers = {"Content-Type": "application/rss+xml"}
    if signature is not None:
        headers["X-Hub-Signature"] = signature
    request = urllib.request.Request(callback, body, headers)  # type: ignore[arg-type]
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            status: int = response.status
            return status
    except HTTPError as error:
        with error:
            return error.code
    except URLError as error:
        if isinstance(error.reason, BrokenPipeError | ConnectionResetError):
            return 413
        raise


@dataclass
class Subscriber:
    """Answers as it is told to, and remembers what it was sent."""

    url: str = ""
    agrees: bool = True
    statuses: list[int] = field(default_factory=list)  # of the next deliveries; 200 after them
    headers: dict[str, str] = field(default_factory=dict)  # of each answer
    questions: list[dict[str, str]] = field(default_factory=list)
    deliveries: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    before_answer: Callable[[], object] = bool  # to a delivery

    @property
    def root(self) -> str:
        return self.url.partition("/callback")[0]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True


@contextmanager
def open_subscriber(host: str = "127.0.0.1", port: int = 0) -> Iterator[Subscriber]:
    """A subscriber at any path of a port."""
    running = Subscriber()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

        def do_GET(self) -> None:
            query = {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
            running.questions.append(query)
            self.answer(200 if running.agrees else 404, query.get("hub.challenge", "").encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            running.deliveries.append(({k.lower(): v for k, v in self.headers.items()}, body))
            running.before_answer()
            self.answer(running.statuses.pop(0) if running.statuses else 200, b"")

        def answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | running.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with _Server((host, port), Handler) as server:
        running.url = f"http://{host}:{server.server_address[1]}/callback?mine=1"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
