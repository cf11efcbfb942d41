"""The table [digest]: what is read, and what is wrong in which words."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from aggregator.config import Settings, parse_settings
from aggregator.errors import ConfigError
from aggregator.model import Mailing, MailServer

ENVIRON = {"MAIL": "smtps://news:p%40ss%2Fword@mail.example"}


def parse(table: str) -> Settings:
    return parse_settings(f"[digest]\n{table}\n", path=Path("c.toml"), environ=ENVIRON)


def test_without_it_nothing_is_sent() -> None:
    assert parse("").mailing == Mailing(at=time(7), to=(), sender=None, server=None)


def test_all_of_it() -> None:
    table = 'at = "18:30"\nto = ["a@x.example", "b@x.example"]\nfrom = "news@x.example"\nsmtp = "env:MAIL"'
    mailing = parse(table).mailing
    assert (mailing.at, mailing.to) == (time(18, 30), ("a@x.example", "b@x.example"))
    assert mailing.sender == "news@x.example"
    assert mailing.server == MailServer(
        host="mail.example", port=465, security="tls", user="news", password="p@ss/word"
    )
    assert "p@ss" not in repr(parse(table))


@pytest.mark.parametrize(
    ("url", "port", "security"),
    [
        ("smtp://mail.example", 587, "starttls"),
        ("smtp://mail.example:25", 25, "starttls"),
        ("smtps://mail.example", 465, "tls"),
        ("smtps://127.0.0.1:1465", 1465, "tls"),
        ("smtp://localhost:25", 25, "none"),
        ("smtp://127.0.0.1:25", 25, "none"),
        ("smtp://[::1]:25/", 25, "none"),
        ("smtp://10.0.0.1:25", 25, "starttls"),
        ("smtp://localhost.mail.example", 587, "starttls"),
    ],
)
def test_only_to_this_machine_mail_goes_without_tls(url: str, port: int, security: str) -> None:
    server = parse(f'smtp = "{url}"').mailing.server
    assert server is not None
    assert (server.port, server.security) == (port, security)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('at = "7"', 'c.toml:2:1: digest.at: "7" is no time of day'),
        ('at = "24:00"', '"24:00" is no time of day'),
        ("at = 07:00:00", 'is no text; write it in quotes: "07:00"'),
        ('to = "a@x.example"', "digest.to: needs a list"),
        ('to = ["a@x.example\\nBcc: b@x.example"]', "has a line break or another control character in it"),
        ('from = "News <a@x.example>"', "is no e-mail address; write it alone and in ASCII"),
        ('from = "أخبار@x.example"', "is no e-mail address; write it alone and in ASCII"),
        ('to = ["a@x.example"]\nsmtp = "env:MAIL"', "digest.from: is missing, and to is not empty"),
        ('to = ["a@x.example"]\nfrom = "a@x.example"', "digest.smtp: is missing, and to is not empty"),
        ('smtp = "mail.example:587"', "digest.smtp: is no smtp or smtps URL with a host"),
        ('smtp = "smtp://mail.example:mail"', "is no URL that can be read"),
        ('smtp = "smtp://news@mail.example"', "has a user name without a password"),
        ('smtp = "smtp://news:se/cret@mail.example"', "is no URL that can be read"),
        ('smtp = "smtp://news:secret@mail.example/inbox"', "has more than user, host and port in it"),
        ('smtp = "env:NOBODY"', "the environment variable NOBODY is not set"),
    ],
)
def test_what_is_wrong_is_told_with_the_cure_and_without_the_password(table: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(table)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
