"""Publishers for fault_cases.py and fault_exchanges.py: healthy first, spoilt when they are told to."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from aggregator.demo.publisher import Publisher
from aggregator.errors import ParseError
from aggregator.reading import read_document
from tests.fault_cases import Fault, Talk, answering, healthy
from tests.harness import make_source

SEEN_AT = datetime(2026, 11, 24, tzinfo=UTC)


class Talker:
    """A server that reads a request and does with the connection what `talk` says, then closes it."""

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None = None) -> None:
        self.talk = talk
        self._tls = tls
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._spawn(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _spawn(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            if self._tls is not None:
                with self._tls.wrap_socket(connection, server_side=True) as safe:
                    self.talk(safe)
            elif connection.recv(65536):
                self.talk(connection)


class Publishers:
    """All publishers of a run; `url_of` says where each source is."""

    def __init__(self, certificates: Path) -> None:
        self.url_of: dict[str, str] = {}
        self._certificates = certificates
        self._stack = ExitStack()
        self.shared = self._stack.enter_context(Publisher())
        self._publishers: dict[str, Publisher] = {}
        self._talkers: dict[str, Talker] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def open_publisher(self) -> Publisher:
        return self._stack.enter_context(Publisher())

    def add(self, fault: Fault) -> None:
        """Open the publisher of a source, if it has one; it is healthy unless it can never be."""
        if fault.handler is not None:
            publisher = self.open_publisher() if fault.alone else self.shared
            self._publishers[fault.id] = publisher
            self.url_of[fault.id] = f"{publisher.url}/{fault.id}"
            publisher.publish_handler(f"/{fault.id}", answering(healthy(fault.id), ("ETag", '"before"')))
        elif fault.talk is not None:
            talker = Talker(_send_healthy(fault.id), self._make_context(fault.certificate))
            self._talkers[fault.id] = self._stack.enter_context(talker)
            self.url_of[fault.id] = f"{talker.url}/{fault.id}"
        else:
            assert fault.url is not None
            self.url_of[fault.id] = fault.url
        if not fault.healthy_first:
            self.spoil(fault)

    def spoil(self, fault: Fault) -> None:
        if fault.handler is not None:
            self._publishers[fault.id].publish_handler(f"/{fault.id}", fault.handler)
        elif fault.talk is not None:
            self._talkers[fault.id].talk = fault.talk
            if fault.refused:
                self._talkers[fault.id].close()

    def _make_context(self, certificate: str | None) -> ssl.SSLContext | None:
        if certificate is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificates / f"{certificate}.pem", self._certificates / "key.pem")
        return context


def _send_healthy(fault_id: str) -> Talk:
    body = healthy(fault_id)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return lambda connection: connection.sendall(head.encode() + body)


def make_certificates(folder: Path) -> Path:
    """A key, certificates for it that are expired and of another name, and the file that trusts them."""

    def openssl(command: str) -> None:
        subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)

    (folder / "names").write_text("subjectAltName=IP:127.0.0.1", encoding="ascii")
    openssl("ecparam -name prime256v1 -genkey -noout -out key.pem")
    names = "-addext subjectAltName=DNS:feeds.example"
    openssl(f"req -x509 -key key.pem -days 2 -subj /CN=other {names} -out other.pem")
    openssl("req -new -key key.pem -subj /CN=expired -out expired.csr")
    openssl("x509 -req -in expired.csr -signkey key.pem -days -1 -extfile names -out expired.pem")
    trusted = [(folder / f"{name}.pem").read_bytes() for name in ("expired", "other")]
    (folder / "trusted.pem").write_bytes(b"".join(trusted))
    return folder


def list_touched(body: bytes, url: str) -> list[str]:
    """Files opened, names looked up and connections made while a body is read; to be run in a worker.

    An audit hook cannot be taken out again, so this one dies with its process.
    """
    touched: list[str] = []
    watched = ("open", "socket.", "urllib.", "http.", "ftplib.", "subprocess.", "os.", "shutil.", "ctypes.")

    def watch(event: str, args: tuple[object, ...]) -> None:
        if event.startswith(watched):
            touched.append(f"{event} {args[0] if args else ''}")

    def read(document: bytes) -> None:
        with suppress(ParseError):
            read_document(
                document, url, content_type=None, source=make_source("watched", url=url), seen_at=SEEN_AT
            )

    for usual in (healthy("watched"), healthy("watched")[:-9], b"<html><p>Hello", b'{"version": ""}'):
        read(usual)  # each reader imports what it needs at first sight
    sys.addaudithook(watch)
    read(body)
    return touched
