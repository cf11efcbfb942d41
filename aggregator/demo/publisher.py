"""A real HTTP/1.1 server on loopback that plays all publishers at once and remembers who asked for what."""

from __future__ import annotations

import gzip as gziplib
import hashlib
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from itertools import count
from types import TracebackType
from typing import Any, Literal, Self

Headers = tuple[tuple[str, str], ...]

SMALLEST_GZIP_BYTES = 256
CLOSE_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it arrived, and how it was answered.

    `ended_at` is taken just before the last bytes leave, so that two exchanges of a client that waits for
    each answer never seem to overlap.
    """

    method: str
    path: str  # the request target as sent, query included
    headers: Headers  # names in lower case, in order
    at: datetime  # aware UTC, monotonic within one publisher
    connection: int  # counts the publisher's connections from 1
    status: int | None = None  # None: not answered yet, or dropped
    ended_at: datetime | None = None  # None: still going on

    def header(self, name: str) -> str | None:
        """The last value of a header; `name` in lower case."""
        return next((v for k, v in reversed(self.headers) if k == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a handler sends, exactly as it says: no validators, no compression are added.

    An iterable `body` is sent chunk by chunk. `Content-Length` is added unless `headers` hold one, so that an
    answer can lie about its length; with `close` the connection ends after the last byte.
    """

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    headers: Headers = ()
    close: bool = False


Handler = Callable[[Request], Answer | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resource:
    status: int
    body: bytes
    gzipped: bytes | None  # None: never sent compressed
    headers: Headers
    etag: str | None
    last_modified: str | None
    delay: timedelta


class Publisher:
    """Serves what it is told to, until it is closed; every method may be called from any thread.

    Paths are request targets; one without a query also answers for any query. Anything not published is 404.
    Takes as many connections as come, keeps them alive, resolves no names and prints nothing.

    Raises OSError when the port is taken.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._lock = threading.Lock()
        self._handlers: dict[str, Handler] = {}
        self._records: dict[int, Request] = {}
        self._numbers = count(1)
        self._closing = threading.Event()
        self._origin_at = datetime.now(UTC)
        self._origin = time.monotonic()
        self._server = _make_server(self, host, port)
        bound_host, bound_port = self._server.server_address[:2]
        shown = f"[{bound_host!s}]" if ":" in str(bound_host) else bound_host
        self.url = f"http://{shown!s}:{bound_port}"  # no slash at the end
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="publisher", daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every connection, also those in the middle of an answer. Closing twice does no harm."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()

    def publish(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        status: int = 200,
        etag: str | Literal["auto"] | None = "auto",
        last_modified: datetime | None = None,
        delay: timedelta = timedelta(0),
        gzip: bool = True,
    ) -> None:
        """Put a document at a path, or replace the one there, between one request and the next.

        `etag` "auto" is a strong one over the body; any other string is sent verbatim, quotes and all.
        Conditional requests are answered 304 when the validator equals ours byte for byte: a client that does
        not send it back verbatim (RFC 9110, 8.8) gets the body again. `delay` passes before the answer.
        """
        resource = _Resource(
            status=status,
            body=body,
            gzipped=gziplib.compress(body, 6, mtime=0) if gzip and len(body) >= SMALLEST_GZIP_BYTES else None,
            headers=(("Content-Type", content_type), *(headers or {}).items()),
            etag=_make_etag(body) if etag == "auto" else etag,
            last_modified=format_datetime(last_modified, usegmt=True) if last_modified else None,
            delay=delay,
        )
        self.publish_handler(path, lambda request: self._answer_resource(resource, request))

    def publish_handler(self, path: str, handler: Handler) -> None:
        """Let `handler` answer a path, on the connection's own thread; None drops the connection."""
        with self._lock:
            self._handlers[path] = handler

    def withdraw(self, path: str) -> None:
        """Make a path 404 again."""
        with self._lock:
            self._handlers.pop(path, None)

    @property
    def log(self) -> list[Request]:
        """A copy of every request so far, in the order of arrival."""
        with self._lock:
            return list(self._records.values())

    def clear_log(self) -> None:
        """Forget all requests, those still going on too."""
        with self._lock:
            self._records.clear()

    def max_parallel(self, path_prefix: str = "/") -> int:
        """How many requests for paths under the prefix were being answered at once, at the worst moment."""
        steps: list[tuple[datetime, int]] = []
        for request in self.log:
            if request.path.startswith(path_prefix):
                steps.append((request.at, 1))
                steps.append((request.ended_at or datetime.max.replace(tzinfo=UTC), -1))
        level = highest = 0
        for _, step in sorted(steps):
            level += step
            highest = max(highest, level)
        return highest

    def now(self) -> datetime:
        """The publisher's clock: it never goes back, whatever happens to the machine's."""
        return self._origin_at + timedelta(seconds=time.monotonic() - self._origin)

    def begin(self, request: Request) -> tuple[int, Handler]:
        """Log a request; returns its number in the log and who answers it."""
        with self._lock:
            number = next(self._numbers)
            self._records[number] = request
            handler = self._handlers.get(request.path) or self._handlers.get(request.path.partition("?")[0])
        return number, handler or _answer_missing

    def record_answer(self, number: int, *, status: int | None, ended: bool) -> None:
        """Complete a request in the log, unless the log was cleared meanwhile."""
        with self._lock:
            if request := self._records.get(number):
                self._records[number] = replace(
                    request, status=status, ended_at=self.now() if ended else None
                )

    def _answer_resource(self, resource: _Resource, request: Request) -> Answer:
        if resource.delay:
            self._closing.wait(resource.delay.total_seconds())
        headers = resource.headers
        if resource.etag is not None:
            headers = (*headers, ("ETag", resource.etag))
        if resource.last_modified is not None:
            headers = (*headers, ("Last-Modified", resource.last_modified))
        if resource.gzipped is not None:
            headers = (*headers, ("Vary", "Accept-Encoding"))
        if resource.status == HTTPStatus.OK and _is_unchanged(resource, request):
            return Answer(status=304, headers=tuple(h for h in headers if h[0] != "Content-Type"))
        if resource.gzipped is not None and _accepts_gzip(request):
            headers = (*headers, ("Content-Encoding", "gzip"))
            return Answer(status=resource.status, body=resource.gzipped, headers=headers)
        return Answer(status=resource.status, body=resource.body, headers=headers)


class _Server(socketserver.ThreadingTCPServer):
    """ThreadingTCPServer, not HTTPServer: that one looks up its own host's name while it binds."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 1024
    publisher: Publisher

    def __init__(self, address: tuple[str, int]) -> None:
        self.connection_numbers = count(1)
        self._connections: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(address, _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._connections.discard(request)
                self._changed.notify_all()

    def end_connections(self) -> None:
        """Wake every thread that waits on its client, and wait until they are gone."""
        with self._changed:
            for connection in self._connections:
                with suppress(OSError):  # closed already, where the client went away first
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._connections, CLOSE_WAIT_SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are everyday life; anything else is a bug in a handler and is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.number = next(self.server.connection_numbers)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the log is a list."""

    def do_GET(self) -> None:
        publisher = self.server.publisher
        request = Request(
            method=self.command,
            path=self.path,
            headers=tuple((name.lower(), value) for name, value in self.headers.items()),
            at=publisher.now(),
            connection=self.number,
        )
        number, handler = publisher.begin(request)
        answer = handler(request)
        if answer is None:
            self.close_connection = True
            publisher.record_answer(number, status=None, ended=True)
            return
        self._send(answer, number)

    def do_HEAD(self) -> None:
        self.do_GET()

    def _send(self, answer: Answer, number: int) -> None:
        publisher = self.server.publisher
        if answer.close or self.request_version != "HTTP/1.1":
            self.close_connection = True
        whole = isinstance(answer.body, bytes)
        head = _render_head(answer, date=publisher.now(), closes=self.close_connection)
        publisher.record_answer(number, status=answer.status, ended=whole or self.command == "HEAD")
        if self.command == "HEAD" or answer.status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            self.wfile.write(head)
        elif isinstance(answer.body, bytes):
            self.wfile.write(head + answer.body)
        else:
            self.wfile.write(head)
            chunked = not self.close_connection and not _has(answer, "content-length")
            for chunk in answer.body:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked and chunk else chunk)
            publisher.record_answer(number, status=answer.status, ended=True)
            self.wfile.write(b"0\r\n\r\n" if chunked else b"")


def _make_server(publisher: Publisher, host: str, port: int) -> _Server:
    kind = type("_Server6", (_Server,), {"address_family": socket.AF_INET6}) if ":" in host else _Server
    server: _Server = kind((host, port))
    server.publisher = publisher
    return server


def _render_head(answer: Answer, *, date: datetime, closes: bool) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_find_phrase(answer.status)}"]
    if not _has(answer, "date"):
        lines.append(f"Date: {format_datetime(date, usegmt=True)}")
    lines += [f"{name}: {value}" for name, value in answer.headers]
    if not _has(answer, "content-length") and answer.status != HTTPStatus.NOT_MODIFIED:
        if isinstance(answer.body, bytes):
            lines.append(f"Content-Length: {len(answer.body)}")
        elif not closes:
            lines.append("Transfer-Encoding: chunked")
    if closes:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _find_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _has(answer: Answer, name: str) -> bool:
    return any(key.lower() == name for key, _ in answer.headers)


def _is_unchanged(resource: _Resource, request: Request) -> bool:
    sent = request.header("if-none-match")
    if sent is not None:  # RFC 9110, 13.2.2: then If-Modified-Since does not count
        return sent == resource.etag
    since = request.header("if-modified-since")
    return since is not None and since == resource.last_modified


def _accepts_gzip(request: Request) -> bool:
    names = (part.partition(";")[0].strip() for part in (request.header("accept-encoding") or "").split(","))
    return "gzip" in names


def _make_etag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _answer_missing(request: Request) -> Answer:
    return Answer(
        status=404,
        body=f"Nothing is published at {request.path}\n".encode(),
        headers=(("Content-Type", "text/plain"),),
    )
