"""The client against real servers on loopback: good answers, every way of failing, what must not leak."""

from __future__ import annotations

import gzip
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pycurl
import pytest

from aggregator.errors import (
    AddressRefused,
    BadEncoding,
    BadRedirect,
    BodyTooLarge,
    FetchError,
    FetchTimeout,
)
from aggregator.fetch.client import Client
from aggregator.fetch.exchange import Hop
from aggregator.fetch.failures import Failure, explain_failure
from aggregator.model import FetchPolicy, FetchRequest, FetchResult, Redirect, Validators

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
POLICY = FetchPolicy(
    user_agent="aggregator/0.1 (+https://example.org/contact)",
    connect_timeout=timedelta(seconds=5),
    max_body_bytes=100_000,
    max_redirects=4,
    concurrency=20,
    per_host=20,
    allow_networks=LOOPBACK,
)
FEED = b"<rss version='2.0'>" + b"<item>news</item>" * 1000 + b"</rss>"


# --- a publisher whose every byte the test decides ------------------------------------------------


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    lines: list[bytes]
    connection: int

    def get(self, name: bytes) -> bytes | None:
        for line in self.lines:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        return None


Answer = bytes | Callable[[socket.socket], None]


@dataclass
class Publisher:
    """Sends `answers[path]` as it stands, or lets it act on the connection; counts connections."""

    host: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0

    def __post_init__(self) -> None:
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self._listener = socket.create_server((self.host, 0), backlog=128)
        self.port = int(self._listener.getsockname()[1])
        self._spawn(self._accept)

    def url(self, path: str = "/") -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}{path}"

    def close(self) -> None:
        self.released.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self.open_now += 1
                self.most_open = max(self.most_open, self.open_now)
                self._open.append(connection)
            self._spawn(self._serve, connection, self.connections)

    def _serve(self, connection: socket.socket, number: int) -> None:
        plain = connection
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
            self._converse(connection, number)
        except OSError:
            pass
        finally:
            with self._lock:
                self.open_now -= 1
                self._open.remove(plain)
            connection.close()

    def _converse(self, connection: socket.socket, number: int) -> None:
        held = b""
        while True:
            while b"\r\n\r\n" not in held:
                data = connection.recv(65536)
                if not data:
                    return
                held += data
            head, _, held = held.partition(b"\r\n\r\n")
            first, *lines = head.split(b"\r\n")
            path = first.split(b" ")[1].decode("ascii")
            self.requests.append(Seen(path=path, lines=lines, connection=number))
            answer = self.answers.get(path, reply(b"nothing here", status=b"404 Not Found"))
            if callable(answer):
                answer(connection)
                return
            connection.sendall(answer)
            if b"content-length:" not in answer.lower() and b"HTTP/1.1 304" not in answer:
                return


def reply(body: bytes = FEED, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer with a declared length."""
    return framed(body, b"Content-Length: %d" % len(body), *headers, status=status)


def framed(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer whose headers say how it ends, or nothing: then the end of the connection is its end."""
    return b"HTTP/1.1 " + status + b"\r\n" + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body


def moved(target: str, status: bytes = b"301 Moved") -> bytes:
    return reply(b"moved", b"Location: " + target.encode(), status=status)


def chunk(body: bytes, size: int = 700) -> bytes:
    parts = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x;a=b\r\n%s\r\n" % (len(p), p) for p in parts) + b"0\r\nETag: trailer\r\n\r\n"


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    server = Publisher(answers={"/feed": reply()})
    yield server
    server.close()


@pytest.fixture
def elsewhere() -> Iterator[Publisher]:
    server = Publisher(host="127.0.0.2", answers={"/feed": reply(b"elsewhere")})
    yield server
    server.close()


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(POLICY) as opened:
        yield opened


def ask(url: str, *, seconds: float = 10, **more: object) -> FetchRequest:
    return FetchRequest(url=url, timeout=timedelta(seconds=seconds), **more)  # type: ignore[arg-type]


def admit(*publishers: Publisher) -> FetchPolicy:
    """The policy of a configuration whose URLs name these publishers' ports: redirects may lead there."""
    return replace(POLICY, ports=frozenset((p.host, p.port) for p in publishers))


def get(client: Client, url: str, *, seconds: float = 10, **more: object) -> FetchResult:
    return client.fetch(ask(url, seconds=seconds, **more))


# --- good answers ---------------------------------------------------------------------------------


def test_an_answer_comes_whole_with_its_headers_in_order(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = reply(FEED, b"X-Name:  caf\xe9 \t", b'ETAG: W/"1"', b"x-name: b")
    assert get(client, publisher.url()) == FetchResult(
        status=200,
        url=publisher.url(),
        redirects=(),
        headers=(
            ("content-length", str(len(FEED))),
            ("x-name", "café"),
            ("etag", 'W/"1"'),
            ("x-name", "b"),
        ),
        validators=Validators(etag='W/"1"'),
        body=FEED,
    )


def test_the_request_says_who_asks_and_what_for_and_nothing_else(
    publisher: Publisher, client: Client
) -> None:
    get(client, publisher.url("/feed"))
    seen = publisher.requests[0]
    names = sorted(line.partition(b":")[0].lower() for line in seen.lines)
    assert names == [b"accept", b"accept-encoding", b"host", b"user-agent"]
    assert seen.get(b"user-agent") == POLICY.user_agent.encode()
    assert (seen.get(b"accept") or b"").startswith(b"application/atom+xml, application/rss+xml")
    assert b"gzip" in (seen.get(b"accept-encoding") or b"")


@pytest.mark.parametrize("status", [b"201 C", b"300 M", b"404 N", b"410 G", b"429 T", b"500 E", b"503 U"])
def test_any_status_is_an_answer(publisher: Publisher, client: Client, status: bytes) -> None:
    publisher.answers["/"] = reply(b"words", status=status)
    result = get(client, publisher.url())
    assert (result.status, result.body) == (int(status[:3]), b"words")


def test_a_redirect_without_a_target_is_an_answer(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = reply(b"", status=b"302 Found")
    assert get(client, publisher.url()).status == 302


@pytest.mark.parametrize(
    ("etag", "last_modified"),
    [
        (b'"abc"', b"Tue, 24 Nov 2026 12:00:00 GMT"),
        (b'W/"a,b  c"', b"yesterday"),
        (b"without-quotes", b"Tue, 24 Nov 2026 12:00:00 +0000"),
        (b'"caf\xe9\xff\x80"', b"\xa0"),
        (b'"\\"\'', b"0"),
    ],
)
def test_validators_go_back_byte_for_byte(
    publisher: Publisher, client: Client, etag: bytes, last_modified: bytes
) -> None:
    publisher.answers["/"] = reply(FEED, b"ETag:\t" + etag + b"  ", b"Last-Modified: " + last_modified)
    first = get(client, publisher.url())
    publisher.answers["/"] = framed(b"", status=b"304 Not Modified")
    second = get(client, publisher.url(), validators=first.validators)
    assert b"If-None-Match: " + etag in publisher.requests[1].lines
    assert b"If-Modified-Since: " + last_modified in publisher.requests[1].lines
    assert (second.status, second.body, second.validators) == (304, b"", first.validators)


def test_a_304_may_bring_new_validators(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = framed(b"", b'ETag: "new"', status=b"304 Not Modified")
    result = get(client, publisher.url(), validators=Validators(etag='"old"', last_modified="then"))
    assert result.validators == Validators(etag='"new"', last_modified="then")


def test_a_304_may_repeat_the_length_of_what_it_does_not_send(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = framed(b"", b"Content-Length: 5000", status=b"304 Not Modified")
    assert get(client, publisher.url(), validators=Validators(etag='"a"')).status == 304


def test_only_the_headers_of_the_last_section_count(publisher: Publisher, client: Client) -> None:
    early = framed(b"", b'ETag: "early"', b"Link: <a>", status=b"103 Early Hints")
    publisher.answers["/"] = framed(b"", status=b"100 Continue") + early + reply(b"late", b"X-A: 1")
    result = get(client, publisher.url())
    assert (result.status, result.headers) == (200, (("content-length", "4"), ("x-a", "1")))
    assert result.validators == Validators()


def test_trailers_are_no_headers(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = framed(chunk(FEED), b"Transfer-Encoding: chunked")
    result = get(client, publisher.url())
    assert (result.body, result.header("etag")) == (FEED, None)


def test_a_url_is_written_for_the_wire(publisher: Publisher, client: Client) -> None:
    publisher.answers["/%D8%A3%D8%AE%D8%A8%D8%A7%D8%B1%20a?q=%D8%A8&r=%20"] = reply(b"found")
    assert get(client, publisher.url("/أخبار a?q=ب&r=%20#part")).body == b"found"


def test_an_international_name_is_asked_for_in_ascii(publisher: Publisher, client: Client) -> None:
    get(client, f"http://موقع.localhost:{publisher.port}/feed")
    assert publisher.requests[0].get(b"host") == b"xn--4gbrim.localhost:%d" % publisher.port


def test_the_environments_proxy_is_not_asked(
    publisher: Publisher, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert get(client, publisher.url("/feed")).status == 200


# --- compressed bodies ----------------------------------------------------------------------------

PACKED = {
    "gzip": (b"gzip", gzip.compress(FEED)),
    "x-gzip in capitals": (b"X-GZIP", gzip.compress(FEED)),
    "deflate": (b"deflate", zlib.compress(FEED)),
    "deflate without a wrapper": (b"deflate", raw_deflate(FEED)),
    "zlib that calls itself gzip": (b"gzip", zlib.compress(FEED)),
}
FRAMES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "with a length": lambda body, coding: reply(body, coding),
    "in chunks": lambda body, coding: framed(chunk(body), b"Transfer-Encoding: chunked", coding),
    "in tiny chunks": lambda body, coding: framed(chunk(body, 3), b"Transfer-Encoding: chunked", coding),
    "until the connection ends": lambda body, coding: framed(body, coding),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
@pytest.mark.parametrize(("coding", "packed"), PACKED.values(), ids=PACKED.keys())
def test_compressed_bodies_are_unpacked(
    publisher: Publisher,
    client: Client,
    coding: bytes,
    packed: bytes,
    frame: Callable[[bytes, bytes], bytes],
) -> None:
    publisher.answers["/"] = frame(packed, b"Content-Encoding: " + coding)
    assert get(client, publisher.url()).body == FEED


@pytest.mark.skipif("brotli" not in pycurl.version, reason="this libcurl does not know brotli")
def test_brotli_is_unpacked(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = reply(b"\x0b\x02\x80hello\x03", b"Content-Encoding: br")
    assert get(client, publisher.url()).body == b"hello"
    assert b"br" in (publisher.requests[0].get(b"accept-encoding") or b"")


def test_an_empty_body_may_call_itself_gzip(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = reply(b"", b"Content-Encoding: gzip")
    assert get(client, publisher.url()).body == b""


ZIPPED = gzip.compress(FEED)
BROKEN = {
    "plain text that calls itself gzip": (b"gzip", b"<rss></rss>"),
    "gzip broken in the middle": (b"gzip", ZIPPED[:20] + b"\xff\xff\xff" + ZIPPED[23:]),
    "gzip with a wrong checksum": (b"gzip", ZIPPED[:-8] + b"\0\0\0\0" + ZIPPED[-4:]),
    "gzip cut off in the middle": (b"gzip", ZIPPED[: len(ZIPPED) // 2]),
    "gzip cut off after its header": (b"gzip", ZIPPED[:10]),
    "gzip cut off in its last bytes": (b"gzip", ZIPPED[:-3]),
    "deflate cut off": (b"deflate", zlib.compress(FEED)[:-2]),
    "deflate without a wrapper cut off": (b"deflate", raw_deflate(FEED)[:-5]),
    "an encoding nobody knows": (b"utf-8", FEED),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES.keys())
@pytest.mark.parametrize(("coding", "packed"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_encoding_is_an_error_and_never_half_a_feed(
    publisher: Publisher,
    client: Client,
    coding: bytes,
    packed: bytes,
    frame: Callable[[bytes, bytes], bytes],
) -> None:
    publisher.answers["/"] = frame(packed, b"Content-Encoding: " + coding)
    with pytest.raises(BadEncoding, match=f"127.0.0.1:{publisher.port} sends a body that does not decode"):
        get(client, publisher.url())
    assert get(client, publisher.url("/feed")).body == FEED


# --- limits ---------------------------------------------------------------------------------------


def endless(data: bytes, head: bytes, pause: float = 0) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        connection.sendall(head)
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:
            connection.sendall(data)
            time.sleep(pause)

    return act


HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
TOO_LARGE: dict[str, Answer] = {
    "a bomb": reply(gzip.compress(b"0" * 50_000_000), b"Content-Encoding: gzip"),
    "a declared length": HEAD + b"Content-Length: 100001\r\n\r\n",
    "one byte more than the limit": framed(b"0" * 100_001),
    "no end in sight": endless(b"0" * 10_000, HEAD + b"\r\n"),
    "no end in sight, in chunks": endless(
        b"5\r\nhello\r\n" * 100, HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    ),
}


@pytest.mark.parametrize("answer", TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_a_body_beyond_the_limit_is_refused(publisher: Publisher, client: Client, answer: Answer) -> None:
    publisher.answers["/"] = answer
    with pytest.raises(BodyTooLarge, match=r"more than 100,000 bytes .*\[fetch\] max_body_bytes"):
        get(client, publisher.url())
    assert get(client, publisher.url("/feed")).status == 200


def test_the_limit_holds_for_decoded_bytes_whatever_libcurl_counts() -> None:
    hop = Hop("http://feeds.example/", POLICY, [])
    assert hop.on_body(b"0" * 100_000) is None
    assert hop.on_body(b"0") == -1
    assert isinstance(hop.failure, BodyTooLarge)


def test_a_body_of_just_the_limit_passes(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = reply(gzip.compress(b"0" * 100_000), b"Content-Encoding: gzip")
    publisher.answers["/plain"] = reply(b"0" * 100_000)
    assert len(get(client, publisher.url()).body) == 100_000
    assert len(get(client, publisher.url("/plain")).body) == 100_000


TOO_MANY_HEADERS: dict[str, Answer] = {
    "many headers": reply(b"", *(b"X-%d: 1" % n for n in range(300))),
    "long headers": reply(b"", *(b"X-%d: " % n + b"a" * 9000 for n in range(10))),
    "many interim answers": endless(b"HTTP/1.1 103 Early\r\nX: " + b"a" * 500 + b"\r\n\r\n", b""),
}


@pytest.mark.parametrize("answer", TOO_MANY_HEADERS.values(), ids=TOO_MANY_HEADERS.keys())
def test_headers_beyond_the_limit_are_refused(publisher: Publisher, client: Client, answer: Answer) -> None:
    publisher.answers["/"] = answer
    with pytest.raises(FetchError, match="too many headers: the limit is 200 of them, 65,536 bytes"):
        get(client, publisher.url())
    assert get(client, publisher.url("/feed")).status == 200


def hang(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.recv(1)  # until the other side gives up


TOO_SLOW: dict[str, tuple[Answer, str]] = {
    "no answer": (hang, "does not answer within 0.4 s, the timeout of the whole fetch"),
    "a slow drip": (
        endless(b"0", HEAD + b"Content-Length: 9999\r\n\r\n", pause=0.02),
        "does not finish its answer within 0.4 s, the timeout of the whole fetch",
    ),
    "a slow drip of headers": (
        endless(b"X: 1\r\n", HEAD, pause=0.05),
        "does not finish its answer within 0.4 s",
    ),
}


@pytest.mark.parametrize(("answer", "words"), TOO_SLOW.values(), ids=TOO_SLOW.keys())
def test_a_slow_answer_ends_at_the_deadline(
    publisher: Publisher, client: Client, answer: Answer, words: str
) -> None:
    publisher.answers["/"] = answer
    began = time.monotonic()
    with pytest.raises(FetchTimeout, match=words):
        get(client, publisher.url(), seconds=0.4)
    assert 0.3 < time.monotonic() - began < 3
    assert get(client, publisher.url("/feed")).status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a full backlog swallow connections")
@pytest.mark.parametrize(
    ("connect", "total", "limit"),
    [(0.3, 5, "0.3 s, the limit for connecting"), (5, 0.3, "0.3 s, the timeout of the whole fetch")],
)
def test_a_host_that_cannot_be_connected_to_in_time(connect: float, total: float, limit: str) -> None:
    policy = replace(POLICY, connect_timeout=timedelta(seconds=connect))
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_connection(full.getsockname()),
        Client(policy) as client,
        pytest.raises(FetchTimeout, match=f"cannot be connected to within {limit}"),
    ):
        get(client, f"http://127.0.0.1:{full.getsockname()[1]}/", seconds=total)


def test_the_deadline_spans_all_redirects(publisher: Publisher, client: Client) -> None:
    def slowly(target: str) -> Callable[[socket.socket], None]:
        def act(connection: socket.socket) -> None:
            time.sleep(0.25)
            connection.sendall(moved(target))

        return act

    publisher.answers |= {"/1": slowly("/2"), "/2": slowly("/3"), "/3": slowly("/4"), "/4": slowly("/feed")}
    began = time.monotonic()
    with pytest.raises(FetchTimeout, match=r"0.6 s, the timeout of the whole fetch"):
        get(client, publisher.url("/1"), seconds=0.6)
    assert time.monotonic() - began < 2


# --- broken connections ---------------------------------------------------------------------------


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def reset_in_the_body(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"Content-Length: 500\r\n\r\nabc")
    time.sleep(0.1)
    reset(connection)


BROKEN_OFF: dict[str, tuple[Answer, str]] = {
    "reset": (reset, "reset the connection"),
    "reset in the body": (reset_in_the_body, "reset the connection"),
    "no word": (lambda connection: None, "closed the connection without an answer"),
    "a short body": (HEAD + b"Content-Length: 500\r\n\r\n<rss>", "closed the connection before the end"),
    "chunks without an end": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n",
        "closed the connection before the end",
    ),
    "no HTTP": (lambda connection: connection.sendall(b"SSH-2.0-x\r\n"), "does not answer in HTTP"),
}


@pytest.mark.parametrize(("answer", "words"), BROKEN_OFF.values(), ids=BROKEN_OFF.keys())
def test_a_broken_connection_is_told_in_plain_words(
    publisher: Publisher, client: Client, answer: Answer, words: str
) -> None:
    if isinstance(answer, bytes):
        data = answer
        publisher.answers["/"] = lambda connection: connection.sendall(data)
    else:
        publisher.answers["/"] = answer
    with pytest.raises(FetchError, match=f"127.0.0.1:{publisher.port} {words}") as caught:
        get(client, publisher.url())
    assert caught.value.url == publisher.url()
    assert get(client, publisher.url("/feed")).body == FEED


def test_a_refused_connection_is_told_in_plain_words(publisher: Publisher, client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(FetchError, match=f"127.0.0.1:{port} refuses the connection: is the port right"):
        get(client, f"http://127.0.0.1:{port}/")
    assert get(client, publisher.url("/feed")).status == 200


FAILURES = {
    "a name that is not there": (
        {"code": pycurl.E_COULDNT_RESOLVE_HOST},
        "feeds.example cannot be found (DNS): check the spelling of the URL",
    ),
    "no route": (
        {"code": pycurl.E_COULDNT_CONNECT, "os_errno": 101},
        "feeds.example cannot be reached from here: no route to its network, see to this machine's own",
    ),
    "anything else, with libcurl's words": (
        {"code": 92, "words": "HTTP/2 stream 1 was not closed cleanly"},
        "feeds.example cannot be fetched from (HTTP/2 stream 1 was not closed cleanly): "
        "if that lasts, tell the publisher",
    ),
    "a certificate that is not valid yet": (
        {"code": pycurl.E_PEER_FAILED_VERIFICATION, "verify_result": 9},
        "feeds.example cannot be trusted: its TLS certificate is not valid yet: "
        "is the clock of this machine right?",
    ),
    "a certificate that fails in a way of its own": (
        {"code": pycurl.E_PEER_FAILED_VERIFICATION, "verify_result": 66, "words": "EE key too weak"},
        "feeds.example cannot be trusted: its TLS certificate is not accepted "
        "(EE key too weak): tell the publisher",
    ),
}


@pytest.mark.parametrize(("known", "message"), FAILURES.values(), ids=FAILURES.keys())
def test_failures_that_loopback_cannot_show(known: dict[str, object], message: str) -> None:
    failure = Failure(
        code=0,
        words="",
        url="https://user:secret@feeds.example/rss",
        os_errno=0,
        verify_result=0,
        connected=False,
        answered=False,
        connect_limit=5,
        timeout=10,
        connect_limit_first=True,
        max_body_bytes=1,
    )
    assert str(explain_failure(replace(failure, **known))) == message  # type: ignore[arg-type]


NO_URLS = [
    "ftp://example.org/",
    "file:///etc/passwd",
    "example.org/feed",
    "http://",
    "http://a:b/",
    "http://[x/",
]


@pytest.mark.parametrize("url", [*NO_URLS, "http://127.0.0.1/\r\nX: y", "http://127.0.0.1/\0"])
def test_what_is_no_web_address_is_not_fetched(client: Client, url: str) -> None:
    with pytest.raises(FetchError, match="not a URL that can be fetched"):
        get(client, url)


# --- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [b"301 M", b"302 F", b"303 S", b"307 T", b"308 P"])
def test_redirects_are_followed_and_recorded(publisher: Publisher, client: Client, status: bytes) -> None:
    publisher.answers |= {
        "/a/b?c": moved("../x/./y?z#f", status),
        "/x/y?z": moved("?only", b"302 Found"),
        "/x/y?only": moved(f"//127.0.0.1:{publisher.port}/feed"),
    }
    result = get(client, publisher.url("/a/b?c"), validators=Validators(etag='"v"'))
    assert (result.status, result.url, result.body) == (200, publisher.url("/feed"), FEED)
    assert result.redirects == (
        Redirect(status=int(status[:3]), url=publisher.url("/x/y?z")),
        Redirect(status=302, url=publisher.url("/x/y?only")),
        Redirect(status=301, url=publisher.url("/feed")),
    )
    assert [seen.get(b"if-none-match") for seen in publisher.requests] == [b'"v"'] * 4


LOCATIONS = {
    "raw UTF-8": ("/خبر".encode(), "/%D8%AE%D8%A8%D8%B1"),
    "another encoding, byte for byte": (b"/caf\xe9", "/caf%E9"),
    "spaces": (b"/a b", "/a%20b"),
    "percent signs stay": (b"/%2Fa%zz", "/%2Fa%zz"),
    "an absolute URL in capitals": (b"HTTP://127.0.0.1:{port}/A", "/A"),
}


@pytest.mark.parametrize(("location", "path"), LOCATIONS.values(), ids=LOCATIONS.keys())
def test_locations_are_read_as_servers_write_them(
    publisher: Publisher, client: Client, location: bytes, path: str
) -> None:
    target = location.replace(b"{port}", b"%d" % publisher.port)
    publisher.answers["/"] = reply(b"", b"Location: " + target, status=b"301 Moved")
    publisher.answers[path] = reply(b"found")
    result = get(client, publisher.url())
    assert (result.body, result.url) == (b"found", publisher.url(path))


BAD_LOCATIONS = {
    "to a file": b"file:///etc/passwd",
    "to another protocol": b"ftp://127.0.0.1/feed",
    "to a mailbox": b"mailto:a@example.org",
    "to no host": b"https:///feed",
    "to a port that is none": b"http://127.0.0.1:x/",
    "with a control character": b"/a\x01b",
    "with a tab": b"/a\tb",
}


@pytest.mark.parametrize("location", BAD_LOCATIONS.values(), ids=BAD_LOCATIONS.keys())
def test_some_redirects_are_not_followed(publisher: Publisher, client: Client, location: bytes) -> None:
    publisher.answers["/"] = reply(b"", b"Location: " + location, status=b"302 Found")
    with pytest.raises(
        BadRedirect, match=f"127.0.0.1:{publisher.port} redirects to .*, which is not followed"
    ):
        get(client, publisher.url())
    assert get(client, publisher.url("/feed")).status == 200


def test_redirects_are_counted(publisher: Publisher, client: Client) -> None:
    publisher.answers |= {f"/{n}": moved(f"/{n + 1}") for n in range(9)}
    with pytest.raises(BadRedirect, match=r"redirects more than 4 times, last to .*/5"):
        get(client, publisher.url("/0"))
    publisher.answers["/4"] = reply(b"just so")
    assert get(client, publisher.url("/0")).body == b"just so"


@pytest.mark.parametrize("first", ["/a", "/b", "/c"])
def test_circles_are_noticed(publisher: Publisher, client: Client, first: str) -> None:
    publisher.answers |= {"/a": moved("/b"), "/b": moved("/c"), "/c": moved("/a")}
    with pytest.raises(BadRedirect, match="in a circle"):
        get(client, publisher.url(first))
    assert len(publisher.requests) == 3


def test_a_redirect_counts_however_badly_its_body_comes(publisher: Publisher, client: Client) -> None:
    head = b"HTTP/1.1 301 Moved\r\nLocation: /feed\r\n"
    publisher.answers["/short"] = lambda c: c.sendall(head + b"Content-Length: 99\r\n\r\nmoved")
    publisher.answers["/coded"] = head + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nmoved"
    for path in ("/short", "/coded"):
        assert get(client, publisher.url(path)).body == FEED


def test_a_redirect_leads_to_the_ports_of_the_web_and_to_those_that_are_written_down(
    publisher: Publisher, elsewhere: Publisher
) -> None:
    publisher.answers |= {"/to": moved(elsewhere.url("/feed")), "/back": moved("/feed")}
    with Client(admit(publisher)) as client:
        with pytest.raises(
            BadRedirect, match=r"of ports only 80, 443 and those of configured URLs"
        ) as caught:
            get(client, publisher.url("/to"))
        assert caught.value.url == publisher.url("/to")
        assert get(client, publisher.url("/back")).body == FEED
    assert elsewhere.connections == 0
    other_host = replace(POLICY, ports=frozenset({("127.0.0.1", elsewhere.port)}))
    with Client(other_host) as client, pytest.raises(BadRedirect, match="not followed"):
        get(client, publisher.url("/to"))
    with Client(admit(elsewhere)) as client:
        assert get(client, publisher.url("/to")).body == b"elsewhere"


@pytest.mark.parametrize("target", ["http://127.0.0.2/", "https://127.0.0.2:443/", "https://127.0.0.2:80/"])
def test_the_ports_of_the_web_need_not_be_written_down(publisher: Publisher, target: str) -> None:
    """Only the address there is refused, which shows without asking whoever listens on this machine."""
    publisher.answers["/"] = moved(target)
    policy = replace(POLICY, allow_networks=(ip_network("127.0.0.1/32"),))
    with Client(policy) as client, pytest.raises(AddressRefused) as caught:
        get(client, publisher.url())
    assert caught.value.url == target


# --- secrets --------------------------------------------------------------------------------------

SECRET = (("Authorization", "Bearer s3cret"), ("X-Key", "k"), ("Cookie", "c=1"))


def secrets_of(seen: Seen) -> list[bytes | None]:
    return [seen.get(name) for name in (b"authorization", b"x-key", b"cookie")]


def test_the_admins_headers_are_sent_and_take_the_place_of_ours(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = moved("/feed")
    get(client, publisher.url(), headers=(*SECRET, ("user-agent", "mine"), ("X-Empty", "")))
    for seen in publisher.requests:
        assert secrets_of(seen) == [b"Bearer s3cret", b"k", b"c=1"]
        assert [line for line in seen.lines if line.lower().startswith(b"user-agent")] == [
            b"user-agent: mine"
        ]
        assert seen.get(b"x-empty") == b""


@pytest.mark.parametrize("other_host", [True, False], ids=["another host", "another port"])
def test_the_admins_headers_do_not_cross_over(
    publisher: Publisher, elsewhere: Publisher, other_host: bool
) -> None:
    second = elsewhere if other_host else Publisher()
    second.answers["/"] = moved(publisher.url("/feed"))
    publisher.answers["/"] = moved(second.url())
    with Client(admit(publisher, second)) as client:
        result = get(client, publisher.url(), headers=SECRET)
    if not other_host:
        second.close()
    assert result.body == FEED
    assert secrets_of(second.requests[0]) == [None, None, None]
    assert secrets_of(publisher.requests[1]) == [None, None, None], "once left behind, they stay behind"


def test_a_password_in_the_url_is_sent_as_basic_and_shown_nowhere(
    publisher: Publisher, elsewhere: Publisher
) -> None:
    publisher.answers["/"] = moved("/next")
    publisher.answers["/next"] = moved(f"http://evil:pw@127.0.0.2:{elsewhere.port}/feed")
    with Client(admit(elsewhere)) as client:
        result = get(client, publisher.url().replace("//", "//us%40er:p%C3%A9@"))
    assert [seen.get(b"authorization") for seen in publisher.requests] == [b"Basic dXNAZXI6cMOp"] * 2
    assert elsewhere.requests[0].get(b"authorization") is None
    assert result.url == elsewhere.url("/feed")
    assert "@" not in repr(result)


def test_an_exchange_leaves_nothing_to_the_next_one(publisher: Publisher, client: Client) -> None:
    get(client, publisher.url("/feed"), headers=SECRET, validators=Validators(etag='"v"'))
    get(client, publisher.url("/feed"))
    seen = publisher.requests[1]
    assert secrets_of(seen) == [None, None, None]
    assert seen.get(b"if-none-match") is None


def test_cookies_are_never_sent_back(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = reply(b"", b"Set-Cookie: a=1; Path=/", b"Location: /feed", status=b"302 Found")
    publisher.answers["/feed"] = reply(FEED, b"Set-Cookie: b=2; Path=/")
    for _ in range(2):
        get(client, publisher.url())
    assert [seen.get(b"cookie") for seen in publisher.requests] == [None] * 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X", "a\r\nY: b"),
        ("X", "a\nb"),
        ("X", "a\0"),
        ("X: y", "a"),
        ("", "a"),
        ("X\r\nY", "a"),
        ("X", "خبر"),
    ],
)
def test_a_header_that_would_break_the_request_is_not_sent(
    publisher: Publisher, client: Client, name: str, value: str
) -> None:
    with pytest.raises(FetchError, match="cannot be sent") as caught:
        get(client, publisher.url("/feed"), headers=((name, value),))
    assert value not in str(caught.value) or value == "a"
    assert publisher.requests == []


# --- addresses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "127.0.0.1.",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "localhost",
        "LOCALHOST.",
        "feeds.localhost",
    ],
)
def test_loopback_is_refused_in_every_spelling(publisher: Publisher, host: str) -> None:
    with Client(replace(POLICY, allow_networks=())) as client:
        with pytest.raises(
            AddressRefused, match=r"is at .*Add .* to \[fetch\] allow_networks if you mean it"
        ):
            get(client, f"http://{host}:{publisher.port}/feed")
        with pytest.raises(AddressRefused):
            get(client, f"http://{host}:{publisher.port}/feed")
    assert publisher.connections == 0


def test_the_refusal_names_host_address_and_cure(publisher: Publisher) -> None:
    with Client(replace(POLICY, allow_networks=())) as client, pytest.raises(AddressRefused) as caught:
        get(client, publisher.url())
    assert str(caught.value) == (
        f"127.0.0.1:{publisher.port} is at 127.0.0.1, which is not a public address: not connected. "
        "Add 127.0.0.0/8 to [fetch] allow_networks if you mean it"
    )


def test_a_redirect_to_a_refused_address_is_not_connected_to(
    publisher: Publisher, elsewhere: Publisher
) -> None:
    publisher.answers["/"] = moved(elsewhere.url("/feed"))
    policy = replace(admit(elsewhere), allow_networks=(ip_network("127.0.0.1/32"),))
    with Client(policy) as client:
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.2") as caught:
            get(client, publisher.url())
        assert get(client, publisher.url("/feed")).status == 200
    assert caught.value.url == elsewhere.url("/feed")
    assert elsewhere.connections == 0


def test_an_admitted_address_is_enough_where_a_name_has_several(publisher: Publisher) -> None:
    with Client(replace(POLICY, allow_networks=(ip_network("127.0.0.0/8"),))) as client:
        assert get(client, f"http://feeds.localhost:{publisher.port}/feed").status == 200


def test_a_refused_address_is_not_blamed_for_what_an_admitted_one_did() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with (
        Client(replace(POLICY, allow_networks=(ip_network("127.0.0.0/8"),))) as client,
        pytest.raises(FetchError, match=f"feeds.localhost:{port} refuses the connection"),
    ):
        get(client, f"http://feeds.localhost:{port}/")


# --- many at once ---------------------------------------------------------------------------------


def pausing(seconds: float) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        time.sleep(seconds)
        connection.sendall(reply(b"rested"))

    return act


def test_fifty_threads_get_their_own_answers(publisher: Publisher, client: Client) -> None:
    publisher.answers |= {f"/{n}": reply(b"%d" % n, b'ETag: "%d"' % n) for n in range(200)}
    with ThreadPoolExecutor(50) as pool:
        results = list(pool.map(lambda n: get(client, publisher.url(f"/{n}")), range(200)))
    assert [(r.body, r.validators.etag) for r in results] == [(b"%d" % n, f'"{n}"') for n in range(200)]
    assert publisher.most_open <= POLICY.concurrency


def test_one_connection_at_a_time_to_a_host(publisher: Publisher) -> None:
    publisher.answers["/slow"] = pausing(0.03)
    urls = [publisher.url(path) for path in ("/slow", "/feed") * 10]
    with Client(replace(POLICY, per_host=1)) as client, ThreadPoolExecutor(20) as pool:
        assert {r.status for r in pool.map(lambda url: get(client, url), urls)} == {200}
    assert publisher.most_open == 1


@pytest.mark.parametrize("narrow", ["per_host", "concurrency"])
def test_waiting_for_ones_turn_is_not_counted_against_the_timeout(publisher: Publisher, narrow: str) -> None:
    publisher.answers["/slow"] = pausing(0.12)
    policy = replace(POLICY, **{narrow: 1})  # type: ignore[arg-type]
    with Client(policy) as client, ThreadPoolExecutor(5) as pool:
        done = pool.map(lambda _: get(client, publisher.url("/slow"), seconds=0.35), range(5))
        assert {result.body for result in done} == {b"rested"}


def test_a_slow_host_does_not_hold_up_another(publisher: Publisher, elsewhere: Publisher) -> None:
    publisher.answers["/slow"] = pausing(0.5)
    with Client(replace(POLICY, per_host=1, concurrency=2)) as client, ThreadPoolExecutor(4) as pool:
        slow = [pool.submit(get, client, publisher.url("/slow")) for _ in range(2)]
        time.sleep(0.1)
        began = time.monotonic()
        assert get(client, elsewhere.url("/feed")).body == b"elsewhere"
        assert time.monotonic() - began < 0.3
        assert [future.result().body for future in slow] == [b"rested"] * 2


def test_no_more_exchanges_at_once_than_configured(publisher: Publisher, elsewhere: Publisher) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def count(connection: socket.socket) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.03)
        with lock:
            running -= 1
        connection.sendall(reply(b"counted"))

    publisher.answers["/"] = elsewhere.answers["/"] = count
    urls = [publisher.url(), elsewhere.url()] * 10
    with Client(replace(POLICY, concurrency=3)) as client, ThreadPoolExecutor(20) as pool:
        assert {r.body for r in pool.map(lambda url: get(client, url), urls)} == {b"counted"}
    assert most == 3


def test_a_connection_is_used_again(publisher: Publisher, client: Client) -> None:
    publisher.answers["/moved"] = moved("/feed")
    for path in ("/feed", "/moved", "/missing", "/feed"):
        get(client, publisher.url(path))
    assert publisher.connections == 1
    assert len(publisher.requests) == 5


def test_a_kept_connection_that_died_is_no_error(publisher: Publisher, client: Client) -> None:
    get(client, publisher.url("/feed"))
    with publisher._lock:
        for connection in publisher._open:
            connection.shutdown(socket.SHUT_RDWR)
    assert get(client, publisher.url("/feed")).status == 200
    assert publisher.connections == 2


def test_waiting_costs_no_work(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = pausing(0.4)
    get(client, publisher.url("/feed"))
    before = time.process_time()
    get(client, publisher.url())
    time.sleep(0.3)
    assert time.process_time() - before < 0.15


# --- closing --------------------------------------------------------------------------------------


def count_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="open files cannot be counted here")
def test_closing_leaves_no_thread_and_no_open_file() -> None:
    gone = threading.active_count(), count_files()
    publisher = Publisher(answers={"/feed": reply(), "/": moved("/feed"), "/reset": reset, "/hang": hang})
    client = Client(POLICY)
    for path in ("/feed", "/", "/reset", "/hang"):
        with suppress(FetchError):
            get(client, publisher.url(path), seconds=0.3)
    client.close()
    client.close()
    publisher.close()
    assert (threading.active_count(), count_files()) == gone


def test_closing_ends_what_is_running_and_what_waits(publisher: Publisher) -> None:
    publisher.answers["/"] = hang
    client = Client(replace(POLICY, per_host=1))
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(get, client, publisher.url()) for _ in range(3)]
        while not publisher.requests:
            time.sleep(0.01)
        client.close()
        for future in futures:
            with pytest.raises(RuntimeError, match=r"the fetch client (was|is) closed"):
                future.result()


def test_a_closed_client_fetches_nothing(publisher: Publisher) -> None:
    with Client(POLICY) as client:
        pass
    with pytest.raises(RuntimeError, match="the fetch client is closed"):
        get(client, publisher.url("/feed"))
    assert publisher.connections == 0


# --- TLS ------------------------------------------------------------------------------------------

TLS = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed: no certificates")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and certificates, each its own issuer: good, for another name, expired."""
    folder = tmp_path_factory.mktemp("tls")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem")
    for name, san in (("good", "IP:127.0.0.1"), ("other", "DNS:feeds.example")):
        subject = ("-subj", f"/CN={name}", "-addext", f"subjectAltName={san}")
        openssl("req", "-x509", "-key", "key.pem", "-days", "2", *subject, "-out", f"{name}.pem")
    openssl("req", "-new", "-key", "key.pem", "-subj", "/CN=old", "-out", "old.csr")
    (folder / "old.ext").write_text("subjectAltName=IP:127.0.0.1", encoding="ascii")
    signing = ("-signkey", "key.pem", "-days", "-1", "-extfile", "old.ext")
    openssl("x509", "-req", "-in", "old.csr", *signing, "-out", "old.pem")
    return folder


@pytest.fixture
def serve_tls(certificates: Path) -> Iterator[Callable[[str], Publisher]]:
    opened: list[Publisher] = []

    def serve(name: str) -> Publisher:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / f"{name}.pem", certificates / "key.pem")
        opened.append(Publisher(tls=context, answers={"/feed": reply()}))
        return opened[-1]

    yield serve
    for publisher in opened:
        publisher.close()


@TLS
def test_tls_with_a_trusted_certificate(certificates: Path, serve_tls: Callable[[str], Publisher]) -> None:
    publisher = serve_tls("good")
    publisher.answers["/packed"] = reply(gzip.compress(FEED), b"Content-Encoding: gzip")
    with Client(POLICY, ca_file=str(certificates / "good.pem")) as client:
        assert get(client, publisher.url("/feed")).body == FEED
        assert get(client, publisher.url("/packed")).body == FEED
    assert publisher.connections == 1


@TLS
@pytest.mark.parametrize(
    ("name", "trusted", "words"),
    [
        ("good", None, "comes from an issuer that is not known"),
        ("other", "other", "is for another name"),
        ("old", "old", "has expired"),
    ],
)
def test_tls_says_what_is_wrong_with_a_certificate(
    certificates: Path,
    serve_tls: Callable[[str], Publisher],
    name: str,
    trusted: str | None,
    words: str,
) -> None:
    publisher = serve_tls(name)
    ca_file = None if trusted is None else str(certificates / f"{trusted}.pem")
    with Client(POLICY, ca_file=ca_file) as client, pytest.raises(FetchError, match=words) as caught:
        get(client, publisher.url("/feed"))
    assert str(caught.value).startswith(f"127.0.0.1:{publisher.port} cannot be trusted: its TLS certificate")
    assert publisher.requests == []


@TLS
def test_the_admins_headers_do_not_go_down_to_plain_http(
    certificates: Path, serve_tls: Callable[[str], Publisher], publisher: Publisher
) -> None:
    safe = serve_tls("good")
    safe.answers["/"] = moved(publisher.url("/feed"))
    with Client(admit(publisher), ca_file=str(certificates / "good.pem")) as client:
        assert get(client, safe.url(), headers=SECRET).body == FEED
    assert secrets_of(safe.requests[0]) == [b"Bearer s3cret", b"k", b"c=1"]
    assert secrets_of(publisher.requests[0]) == [None, None, None]


def test_a_server_that_does_not_speak_tls(publisher: Publisher, client: Client) -> None:
    publisher.answers["/"] = hang
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]

        def answer() -> None:
            connection, _ = plain.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(FetchError, match=f"127.0.0.1:{port} and we cannot agree on TLS"):
            get(client, f"https://127.0.0.1:{port}/")
        thread.join()


def test_a_server_that_keeps_silent_to_tls_ends_at_the_limit_for_connecting() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Client(replace(POLICY, connect_timeout=timedelta(seconds=0.3))) as client,
        pytest.raises(FetchTimeout, match=r"within 0\.3 s, the limit for connecting"),
    ):
        get(client, f"https://127.0.0.1:{silent.getsockname()[1]}/")
