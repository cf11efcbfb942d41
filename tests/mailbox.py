"""A mail server on loopback that keeps what it is given."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from tests.harness import find_free_port


@dataclass(kw_only=True)
class Mailbox:
    """What the server has taken, and how it answers where not with 250."""

    port: int = 0
    envelopes: list[Envelope] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)  # by "DATA" or by recipient
    logins: list[tuple[str, str]] = field(default_factory=list)
    received: threading.Event = field(default_factory=threading.Event)  # a mail is there
    answering: threading.Event = field(default_factory=threading.Event)  # cleared: it waits with its answer

    @property
    def mails(self) -> list[EmailMessage]:
        return [parse_mail(envelope.original_content or b"") for envelope in self.envelopes]


def parse_mail(raw: bytes) -> EmailMessage:
    parsed = message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert not parsed.defects
    return parsed


class _Handler:
    def __init__(self, box: Mailbox) -> None:
        self._box = box

    async def handle_RCPT(self, _s: Any, _session: Any, envelope: Envelope, address: str, _o: Any) -> str:
        answer = self._box.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Envelope) -> str:
        answer = self._box.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            self._box.envelopes.append(envelope)
        self._box.received.set()
        if not self._box.answering.is_set():
            await server.loop.run_in_executor(None, self._box.answering.wait)
        return answer


@contextmanager
def open_mailbox(
    *, tls: ssl.SSLContext | None = None, implicit: bool = False, **options: Any
) -> Iterator[Mailbox]:
    """`tls` begins by STARTTLS, or before the greeting."""
    box = Mailbox()
    box.answering.set()

    def authenticate(_s: Any, _session: Any, _e: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
        box.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"right", handled=False)

    if tls is not None:
        # Of TLS before the greeting it knows nothing when it is asked to log somebody in.
        before = {"ssl_context": tls, "auth_require_tls": False}
        options |= before if implicit else {"tls_context": tls, "require_starttls": True}
    controller = Controller(
        _Handler(box), hostname="127.0.0.1", port=find_free_port(), authenticator=authenticate, **options
    )
    box.port = controller.port
    controller.start()
    try:
        yield box
    finally:
        box.answering.set()
        controller.stop()
