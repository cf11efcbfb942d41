"""Every way in which an exchange can go wrong, each a source of its own: see fault_cases.py."""

from __future__ import annotations

import gzip
import socket
import struct
import time
from base64 import b64decode
from collections.abc import Iterator

from aggregator.demo.publisher import Answer, Handler, Request
from tests.fault_cases import Fault, Talk, answering, item, rss

NEWS = rss(item()).encode()
ZIPPED = gzip.compress(NEWS)
OK = b"HTTP/1.1 200 OK\r\n"
XML = ("Content-Type", "application/xml")


# --- what publishers do ---------------------------------------------------------------------------


def drop(_: Request) -> None:
    """Close the connection in place of an answer."""


def spout(_: Request) -> Answer:
    def body() -> Iterator[bytes]:
        yield b"<rss version='2.0'><channel>"
        while True:
            yield b"<!-- more to come -->" * 3000

    return Answer(body=body(), headers=(XML,))


def promising(length: int) -> Handler:
    """A body of another length than it says."""
    answer = Answer(body=NEWS, headers=(("Content-Length", str(length)), XML), close=True)
    return lambda _: answer


def coded(coding: str, body: bytes) -> Handler:
    return answering(body, ("Content-Encoding", coding))


def redirecting(target: str) -> Handler:
    return answering(b"", ("Location", target), status=302)


def say_not_modified(_: Request) -> Answer:
    return Answer(status=304)


def keep_etag(_: Request) -> Answer:
    """A server that tags the template and not what is in it, and never looks at the question."""
    return Answer(body=NEWS, headers=(("ETag", '"before"'), XML))


def sending(data: bytes) -> Talk:
    return lambda connection: connection.sendall(data)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def hang(connection: socket.socket) -> None:
    connection.recv(1)  # until the other side gives up


def dripping(head: bytes, drop: bytes) -> Talk:
    def act(connection: socket.socket) -> None:
        connection.sendall(OK + head)
        while True:
            connection.sendall(drop)
            time.sleep(0.05)

    return act


# --- the cases ------------------------------------------------------------------------------------


def status(code: int, *headers: tuple[str, str], alone: bool = False) -> Fault:
    handler = answering(b"words", *headers, kind="text/plain", status=code)
    return Fault(id=f"status-{code}", handler=handler, alone=alone)


CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n5\r\n<rss>\r\n"
CONNECTIONS = (
    Fault(id="dns", url="http://feeds.nowhere.invalid/feed", healthy_first=False),
    Fault(id="refused", talk=hang, refused=True),
    Fault(id="private-address", url="http://10.0.0.1/feed", healthy_first=False),
    Fault(id="tls-expired", talk=hang, certificate="expired", healthy_first=False),
    Fault(id="tls-wrong-name", talk=hang, certificate="other", healthy_first=False),
    Fault(id="reset", talk=reset),
    Fault(id="no-answer", handler=drop),
    Fault(id="no-http", talk=sending(b"SSH-2.0-x\r\n")),
    Fault(id="hang", talk=hang, timeout="1s"),
    Fault(id="drip-fed-head", talk=dripping(b"", b"X: 1\r\n"), timeout="1s"),
    Fault(id="drip-fed-body", talk=dripping(b"Content-Length: 9999\r\n\r\n", b"<"), timeout="1s"),
    Fault(id="endless-head", talk=sending(OK + b"X-A: 1\r\n" * 300 + b"\r\n")),
    Fault(id="endless-body", handler=spout),
    Fault(id="length-too-long", handler=promising(9999)),
    Fault(id="length-too-short", handler=promising(120)),
    Fault(id="length-beyond-measure", handler=promising(99_999_999_999)),
    Fault(id="chunks-without-end", talk=sending(OK + CHUNKS)),
)

BROTLI_BOMB = b64decode("n/////glQOKxQCD3/h8=")  # 16 MiB of spaces
ZSTD_BOMB = b"\x28\xb5\x2f\xfd\x00\x58" + b"\x02\x00\x10 " * 128 + b"\x01\x00\x00"  # the same
CODINGS = (
    Fault(id="gzip-broken", handler=coded("gzip", ZIPPED[:20] + b"\xff\xff\xff" + ZIPPED[23:])),
    Fault(id="gzip-truncated", handler=coded("gzip", ZIPPED[:-20])),
    Fault(id="gzip-not-at-all", handler=coded("gzip", NEWS)),
    Fault(id="gzip-bomb", handler=coded("gzip", gzip.compress(b" " * 50_000_000))),
    Fault(id="gzip-twice", handler=coded("gzip", gzip.compress(ZIPPED))),
    Fault(id="br-broken", handler=coded("br", b"\xff" * 50)),
    Fault(id="br-truncated", handler=coded("br", BROTLI_BOMB[:6])),
    Fault(id="br-bomb", handler=coded("br", BROTLI_BOMB)),
    Fault(id="zstd-broken", handler=coded("zstd", b"\xff" * 50)),
    Fault(id="zstd-bomb", handler=coded("zstd", ZSTD_BOMB)),
    Fault(id="unknown-coding", handler=coded("utf-8", NEWS)),
)

ANSWERS = (
    status(204),
    status(401),
    status(403),
    status(404),
    status(410),
    status(418),
    status(429, ("Retry-After", "7200"), alone=True),
    status(500),
    status(503, ("Retry-After", "10800")),
    status(522),
    Fault(id="redirect-circle", handler=redirecting("/redirect-circle")),
    Fault(id="redirect-without-target", handler=redirecting("")),
    Fault(id="redirect-to-file", handler=redirecting("file:///etc/hostname")),
    Fault(id="redirect-inside", handler=redirecting("http://10.0.0.1/feed")),
    Fault(id="304-unasked", handler=say_not_modified, healthy_first=False),
    Fault(id="etag-of-another-body", handler=keep_etag),
)

EXCHANGES = CONNECTIONS + CODINGS + ANSWERS
