"""A form to a real server on loopback: what arrives, and what may come back."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_network

import pytest

from aggregator.errors import AddressRefused, BodyTooLarge, FetchTimeout
from aggregator.fetch.client import Client
from aggregator.fetch.exchange import POST_ANSWER_MAX_BYTES
from aggregator.model import FetchPolicy, FetchRequest, FetchResult

FORM = b"hub.mode=subscribe&hub.topic=https%3A%2F%2Fpress.example%2F"
POLICY = FetchPolicy(
    user_agent="aggregator/0.1 (+https://example.org/contact)",
    connect_timeout=timedelta(seconds=5),
    max_body_bytes=1_000_000,
    max_redirects=4,
    concurrency=4,
    per_host=1,
    allow_networks=(ip_network("127.0.0.0/8"),),
)


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    url: str
    seen: list[Seen] = field(default_factory=list)
    status: int = 202
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"accepted"
    answers: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            names = {name.lower(): value for name, value in self.headers.items()}
            running.seen.append(Seen(self.command, self.path, names, body))
            running.answers.wait(10)
            self.send_response(running.status)
            for name, value in {"Content-Length": str(len(running.body)), **running.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(running.body)

        def do_GET(self) -> None:
            self.do_POST()

    class Quiet(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that hang up are what is tested."""

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        running = Server(url=f"http://127.0.0.1:{listening.server_address[1]}")
        running.answers.set()
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield running
        finally:
            running.answers.set()
            listening.shutdown()
            thread.join()


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(POLICY) as opened:
        yield opened


def send(client: Client, url: str, form: bytes | None = FORM, seconds: float = 5) -> FetchResult:
    return client.fetch(FetchRequest(url=url, timeout=timedelta(seconds=seconds), posted=form))


def test_a_form_is_posted_as_it_is_and_says_what_it_is(client: Client, server: Server) -> None:
    result = send(client, f"{server.url}/hub?x=1")
    assert (result.status, result.body) == (202, b"accepted")
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/hub?x=1", FORM)
    assert seen.headers["content-type"] == "application/x-www-form-urlencoded"
    assert seen.headers["user-agent"] == POLICY.user_agent
    assert "expect" not in seen.headers


def test_a_long_form_does_not_wait_for_100_continue(client: Client, server: Server) -> None:
    form = b"hub.topic=" + b"x" * 4_000
    send(client, server.url, form)
    assert server.seen[0].body == form
    assert "expect" not in server.seen[0].headers


def test_a_get_after_a_form_is_a_get(client: Client, server: Server) -> None:
    for form in (FORM, None, FORM):
        send(client, server.url, form)
    assert [(s.method, s.body) for s in server.seen] == [("POST", FORM), ("GET", b""), ("POST", FORM)]
    assert "content-type" not in server.seen[1].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(client: Client, server: Server, status: int) -> None:
    """The secret in it is meant for one hub."""
    server.status, server.headers = status, {"Location": f"{server.url}/elsewhere"}
    result = send(client, server.url)
    assert (result.status, result.url, result.redirects) == (status, f"{server.url}/", ())
    assert len(server.seen) == 1


def test_an_answer_is_short(client: Client, server: Server) -> None:
    server.body = b"x" * POST_ANSWER_MAX_BYTES
    assert send(client, server.url).status == 202
    server.body += b"x"
    with pytest.raises(BodyTooLarge):
        send(client, server.url)
    assert len(send(client, server.url, None).body) == POST_ANSWER_MAX_BYTES + 1


def test_a_hub_that_hangs_is_left_at_the_deadline(client: Client, server: Server) -> None:
    server.answers.clear()
    with pytest.raises(FetchTimeout):
        send(client, server.url, seconds=0.3)


def test_our_own_network_is_refused(server: Server) -> None:
    with Client(replace(POLICY, allow_networks=())) as careful, pytest.raises(AddressRefused):
        send(careful, server.url)
    assert server.seen == []
