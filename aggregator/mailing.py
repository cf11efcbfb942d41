"""Handing a mail in at a mail server (RFC 5321, RFC 6409): the only place that speaks SMTP."""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import certifi

from aggregator.errors import MailFailed
from aggregator.logs import HIDDEN, redact
from aggregator.model import MailServer
from aggregator.text import collapse_space, strip_controls

MOST_SECONDS = 120.0  # that the whole exchange may take, once connected
_STEP_SECONDS = 30.0  # likewise connecting, and each answer of the server
_STOPPING_SECONDS = 5.0  # that it may still take when the process stops
_REPLY_CHARS = 300


def send_mail(
    server: MailServer,
    message: bytes,
    *,
    sender: str,
    to: Sequence[str],
    local_name: str,
    stopping: threading.Event,
) -> Mapping[str, str]:
    """Hand the message in for all of `to` at once; returns whom the server has refused, and its words.

    `local_name` is what we call ourselves. Nothing is sent without the TLS that `server` says. Raises
    MailFailed, without password, when the server has taken the mail for nobody or has not said that it has.
    """
    try:
        with _open(server, local_name) as client, _limited(client, stopping):
            if server.security == "starttls":
                client.starttls(context=_make_context())
            if server.user is not None and server.password is not None:
                client.login(server.user, server.password)
            refused = client.sendmail(sender, to, message)
            with suppress(OSError):  # it has the mail, whatever it says to our goodbye
                client.quit()
    except OSError as error:  # which smtplib's exceptions are too
        raise MailFailed(f"{server.host}:{server.port} {_hide(_describe(error, sender), server)}") from None
    return {address: _hide(_show_reply(*reply), server) for address, reply in refused.items()}


@contextmanager
def _open(server: MailServer, local_name: str) -> Iterator[smtplib.SMTP]:
    if server.security == "tls":
        context = _make_context()
        client: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, local_name, timeout=_STEP_SECONDS, context=context
        )
    else:
        client = smtplib.SMTP(server.host, server.port, local_name, timeout=_STEP_SECONDS)
    try:
        yield client
    finally:
        client.close()


@contextmanager
def _limited(client: smtplib.SMTP, stopping: threading.Event) -> Iterator[None]:
    """Cut the connection when it takes too long: a server may send its answer letter by letter."""
    finished = threading.Event()

    def watch() -> None:
        end = time.monotonic() + MOST_SECONDS
        while not finished.wait(0.2) and time.monotonic() < end:
            if stopping.is_set():
                end = min(end, time.monotonic() + _STOPPING_SECONDS)
        while not finished.wait(0.2):
            if client.sock is not None:
                with suppress(OSError):
                    client.sock.shutdown(socket.SHUT_RDWR)

    watcher = threading.Thread(target=watch, name="mail", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


def _make_context() -> ssl.SSLContext:
    """The authorities that this machine trusts, which may be its owner's, and those that everybody does."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _describe(error: OSError, sender: str) -> str:
    match error:
        case smtplib.SMTPNotSupportedError():
            return (
                "offers no TLS, or no way to log in, and without TLS nothing is sent to another machine: "
                "write an address of it that has both to smtp of [digest]"
            )
        case smtplib.SMTPAuthenticationError():
            return f"does not take user name and password of [digest] smtp ({_show_answer(error)})"
        case smtplib.SMTPRecipientsRefused():
            refused = (f"{name} ({_show_reply(*reply)})" for name, reply in error.recipients.items())
            return f"takes mail for none of the addresses: {', '.join(refused)}"
        case smtplib.SMTPSenderRefused():
            return f"takes no mail from {sender} ({_show_answer(error)})"
        case smtplib.SMTPResponseException():
            return f"does not take the mail ({_show_answer(error)})"
        case smtplib.SMTPException():
            return f"breaks off: {_shorten(str(error))}"
        case ssl.SSLCertVerificationError():
            return f"has no certificate that we trust ({error.verify_message}), so nothing is sent to it"
        case ssl.SSLError():
            return f"does not speak TLS ({error.reason}): is its port right, is it smtp:// and not smtps://?"
        case TimeoutError():
            return "does not answer in time"
        case _:
            return f"cannot be reached: {error.strerror or _shorten(str(error))}"


def _show_answer(error: smtplib.SMTPResponseException) -> str:
    return _show_reply(error.smtp_code, error.smtp_error)


def _show_reply(code: int, reply: bytes | str) -> str:
    return f"{code} {_shorten(reply if isinstance(reply, str) else reply.decode(errors='replace'))}"


def _shorten(text: str) -> str:
    return collapse_space(strip_controls(text))[:_REPLY_CHARS]


def _hide(text: str, server: MailServer) -> str:
    """Servers may repeat what they were sent."""
    for secret in filter(None, (server.password, server.user)):
        for form in (secret, base64.b64encode(secret.encode()).decode()):
            text = text.replace(form, HIDDEN)
    return redact(text)
