"""Handing mail in, to a real server on loopback: with TLS or not at all, and never a password in words."""

from __future__ import annotations

import base64
import ssl
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator import mailing
from aggregator.errors import MailFailed
from aggregator.mailing import send_mail
from aggregator.model import MailServer
from tests.fault_publishers import make_certificates
from tests.harness import find_free_port
from tests.mailbox import Mailbox, open_mailbox

MESSAGE = b"From: news@news.example\r\nSubject: x\r\n\r\n.dot\r\n"
TO = ("one@readers.example", "two@readers.example")


def make_server(box: Mailbox, **changes: object) -> MailServer:
    return replace(MailServer(host="127.0.0.1", port=box.port, security="none"), **changes)  # type: ignore[arg-type]


def send(server: MailServer, stopping: threading.Event | None = None) -> Mapping[str, str]:
    return send_mail(
        server,
        MESSAGE,
        sender="news@news.example",
        to=TO,
        local_name="news.example",
        stopping=stopping or threading.Event(),
    )


def fail(server: MailServer) -> str:
    with pytest.raises(MailFailed) as caught:
        send(server)
    return str(caught.value).removeprefix(f"127.0.0.1:{server.port} ")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def make_tls(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / "key.pem")
    return context


def test_all_get_it_in_one_exchange_byte_for_byte() -> None:
    with open_mailbox() as box:
        assert send(make_server(box)) == {}
    (envelope,) = box.envelopes
    assert envelope.original_content == MESSAGE
    assert (envelope.mail_from, envelope.rcpt_tos) == ("news@news.example", list(TO))


def test_who_is_refused_is_told_and_the_others_get_it() -> None:
    with open_mailbox() as box:
        box.answers[TO[0]] = "550 no such mailbox"
        assert send(make_server(box)) == {TO[0]: "550 no such mailbox"}
    assert [envelope.rcpt_tos for envelope in box.envelopes] == [[TO[1]]]


def test_a_server_that_takes_nothing_is_quoted() -> None:
    with open_mailbox() as box:
        box.answers["DATA"] = "451 try\tlater"
        assert fail(make_server(box)) == "does not take the mail (451 try later)"
        box.answers |= dict.fromkeys(TO, "550 no such mailbox")
        assert fail(make_server(box)).startswith(
            "takes mail for none of the addresses: one@readers.example (550"
        )
    assert box.envelopes == []


def test_nobody_there() -> None:
    server = MailServer(host="127.0.0.1", port=find_free_port(), security="none")
    assert fail(server) == "cannot be reached: Connection refused"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_proves_who_it_is_gets_user_and_mail(
    certificates: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    certificate = make_own(certificates)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with open_mailbox(tls=make_tls(certificates, "own"), implicit=security == "tls") as box:
        send(make_server(box, security=security, user="news", password="right"))
    assert box.logins == [("news", "right")]
    assert len(box.envelopes) == 1


def make_own(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that is valid, and is its own authority."""
    names = "-addext subjectAltName=IP:127.0.0.1"
    command = f"openssl req -x509 -key key.pem -days 2 -subj /CN=own {names} -out own.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "own.pem"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_proves_nothing_gets_nothing(certificates: Path, security: str) -> None:
    with open_mailbox(tls=make_tls(certificates, "other"), implicit=security == "tls") as box:
        words = fail(make_server(box, security=security, user="news", password="right"))
    assert words.startswith("has no certificate that we trust (")
    assert box.logins == []
    assert box.envelopes == []


def test_a_server_without_tls_gets_no_password_where_tls_is_demanded() -> None:
    with open_mailbox(auth_require_tls=False) as box:
        assert "offers no TLS" in fail(make_server(box, security="starttls", user="news", password="right"))
        assert "does not speak TLS" in fail(make_server(box, security="tls", user="news", password="right"))
    assert box.logins == []
    assert box.envelopes == []


def test_a_wrong_password_is_told_without_it() -> None:
    with open_mailbox(auth_require_tls=False) as box:
        words = fail(make_server(box, user="news", password="s3cret"))
    assert words.startswith("does not take user name and password of [digest] smtp (535")
    assert "s3cret" not in words


def test_a_server_that_repeats_the_password_is_not_quoted_with_it() -> None:
    with open_mailbox(auth_require_tls=False) as box:
        encoded = base64.b64encode(b"right").decode()
        box.answers["DATA"] = f"554 user readernews, right, {encoded}"
        words = fail(make_server(box, user="readernews", password="right"))
    assert words == "does not take the mail (554 user ***, ***, ***)"


def test_a_server_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailing, "MOST_SECONDS", 0.3)
    with open_mailbox() as box:
        box.answering.clear()
        assert "breaks off" in fail(make_server(box))


def test_a_stop_does_not_wait_for_a_slow_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailing, "_STOPPING_SECONDS", 0.3)
    stopping = threading.Event()
    stopping.set()
    with open_mailbox() as box:
        box.answering.clear()
        with pytest.raises(MailFailed):
            send(make_server(box), stopping)
