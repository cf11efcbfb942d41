"""The digest of a day is sent once: after restarts, by two servers, and again when it failed."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from aggregator import digests
from aggregator.config import Settings
from aggregator.errors import ConfigError, NothingPublished
from aggregator.refresh import apply_configuration
from aggregator.store import Store, open_store
from aggregator.store.digests import find_digest, record_claim
from tests.harness import make_item
from tests.mailbox import Mailbox, open_mailbox
from tests.site_samples import HEAD, Clock, make_settings, save_feed, source_table
from tests.store.samples import run_at_once
from tests.stores import make_store_url

pytestmark = pytest.mark.usefixtures("each_store")

DAY = date(2026, 11, 20)  # of make_item
SEVEN = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)  # on the next morning in Tripoli
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TO = '["one@readers.example", "two@readers.example"]'

SCRIPT = """
import json, os, sys, threading
from datetime import datetime
from pathlib import Path
from aggregator.config import load_settings
from aggregator.digests import send_due
from aggregator.store import open_store
settings = load_settings(Path(sys.argv[1]), environ=os.environ)
store = open_store(settings.store_url)
at = datetime.fromisoformat(sys.argv[2])
WAIT
send_due(store, settings, clock=lambda: at, stopping=threading.Event())
print(json.dumps("done"))
"""


class Office:
    """A store with two editions' articles of DAY, and a mail server."""

    def __init__(self, settings: Settings, store: Store, box: Mailbox) -> None:
        self.settings, self.store, self.box = settings, store, box
        self.clock = Clock(SEVEN)

    def send(self) -> list[str]:
        """Whatever is due; returns the Message-IDs of what came."""
        before = len(self.box.envelopes)
        digests.send_due(self.store, self.settings, clock=self.clock, stopping=threading.Event())
        return [str(mail["Message-ID"]) for mail in self.box.mails[before:]]

    def notices(self) -> tuple[str, ...]:
        return digests.list_digest_notices(self.settings, now=self.clock())


@contextmanager
def open_office(folder: Path, *, at: str = "07:00", user: str = "") -> Iterator[Office]:
    with open_mailbox(auth_require_tls=False) as box:
        smtp = f"smtp://{user}127.0.0.1:{box.port}"
        store_url = make_store_url(folder, "aggregator")
        settings = make_settings(
            folder,
            f'\n[store]\nurl = "{store_url}"\n',
            f'\n[digest]\nat = "{at}"\nto = {TO}\nfrom = "news@news.example"\nsmtp = "{smtp}"\n',
            source_table("herald", "https://herald.example/feed"),
            source_table("madar", "https://madar.example/feed", "libya"),
            head=HEAD,
        )
        store = open_store(settings.store_url)
        try:
            apply_configuration(store, settings, now=SEVEN)
            save_feed(store, settings, "herald", [make_item(1), make_item(2)])
            save_feed(
                store, settings, "madar", [make_item(3, title="افتتاح الجسر الثالث في المدينة القديمة")]
            )
            yield Office(settings, store, box)
        finally:
            store.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        yield opened


BOTH = ["<digest.ar.2026-11-20@news.example>", "<digest.en.2026-11-20@news.example>"]


def test_each_edition_is_sent_once_when_it_is_time_and_not_before(office: Office) -> None:
    office.clock.at = SEVEN - MINUTE
    assert office.send() == []
    assert office.notices() == ()
    office.clock.at = SEVEN
    assert office.send() == BOTH
    for later in (MINUTE, HOUR, 16 * HOUR):
        office.clock.at = SEVEN + later
        assert office.send() == []
    assert office.notices()[0] == "that of 2026-11-20 in ar was sent 2026-11-21 05:00 UTC"


def test_what_is_sent_is_what_the_command_writes(office: Office) -> None:
    office.send()
    written = digests.make_digest(office.settings, "en", DAY, "eml", now=office.clock())
    assert office.box.envelopes[1].original_content == written
    assert [e.rcpt_tos for e in office.box.envelopes] == [["one@readers.example", "two@readers.example"]] * 2


def test_a_server_that_starts_late_sends_it_that_day_and_a_second_start_does_not(
    office: Office,
) -> None:
    office.clock.at = SEVEN + 10 * HOUR
    assert office.send() == BOTH
    store = open_store(office.settings.store_url)
    digests.send_due(store, office.settings, clock=office.clock, stopping=threading.Event())
    store.close()
    assert len(office.box.envelopes) == 2


def test_from_noon_on_it_is_that_of_the_day_itself(tmp_path: Path) -> None:
    with open_office(tmp_path, at="18:00") as office:
        office.clock.at = datetime(2026, 11, 20, 15, 59, tzinfo=UTC)
        assert office.send() == []
        office.clock.advance(MINUTE)
        assert office.send() == BOTH


def test_of_two_servers_at_once_one_sends_it(office: Office) -> None:
    arguments = [(str(office.settings.path), SEVEN.isoformat())] * 2
    assert run_at_once(SCRIPT, arguments) == ["done", "done"]
    assert sorted(str(mail["Message-ID"]) for mail in office.box.mails) == BOTH


def test_a_server_that_is_killed_while_it_sends_sends_it_again_under_the_same_id(office: Office) -> None:
    office.box.answering.clear()
    command = [sys.executable, "-c", SCRIPT.replace("WAIT", ""), str(office.settings.path), SEVEN.isoformat()]
    process = subprocess.Popen(command)
    assert office.box.received.wait(30)
    process.send_signal(signal.SIGKILL)
    process.wait()
    office.box.answering.set()
    office.clock.advance(MINUTE)
    assert office.notices() == ("that of 2026-11-20 in ar is being sent since 2026-11-21 05:00 UTC",)
    assert office.send() == BOTH[1:]
    office.clock.advance(digests.CLAIMED)
    assert office.send() == BOTH[:1]
    first, _, again = office.box.envelopes
    assert first.original_content == again.original_content


def test_a_server_that_is_killed_before_it_sends_loses_nothing(office: Office) -> None:
    with office.store.write() as tx:
        record_claim(tx, "ar", DAY, now=SEVEN)
    office.clock.at = SEVEN + digests.CLAIMED
    assert office.send() == BOTH
    assert office.send() == []


def test_what_fails_is_told_and_tried_again_less_and_less_often_until_the_day_is_over(office: Office) -> None:
    office.box.answers["DATA"] = "451 the disk is full"
    tried = []
    while office.clock() < SEVEN + 4 * HOUR:
        office.send()
        with office.store.read() as tx:
            record = find_digest(tx, "ar", DAY)
        assert record is not None
        if record.attempts > len(tried):
            tried.append((record.claimed_at - SEVEN) // MINUTE)
        office.clock.advance(5 * MINUTE)
    assert tried == [0, 5, 15, 35, 75, 135, 195]
    where = f"127.0.0.1:{office.box.port}"
    assert office.notices()[0] == (
        f"that of 2026-11-20 in ar is not sent, tried 7 times: {where} does not take the mail "
        "(451 the disk is full); it is tried again 09:15 UTC"
    )
    office.clock.advance(24 * HOUR)
    assert "was not sent, tried 7 times, and is given up: " in office.notices()[0]


def test_once_the_mail_server_is_well_it_is_sent(office: Office) -> None:
    office.box.answers["DATA"] = "451 the disk is full"
    assert office.send() == []
    office.box.answers.clear()
    office.clock.advance(4 * MINUTE)
    assert office.send() == []
    office.clock.advance(MINUTE)
    assert office.send() == BOTH
    assert "was sent" in office.notices()[0]


def test_whom_the_server_does_not_know_is_told_and_the_others_are_not_sent_it_twice(office: Office) -> None:
    office.box.answers["two@readers.example"] = "550 no such mailbox"
    assert office.send() == BOTH
    assert office.notices()[1] == (
        "that of 2026-11-20 in ar was not taken for two@readers.example (550 no such mailbox): "
        "correct to of [digest]"
    )
    office.clock.advance(HOUR)
    assert office.send() == []


def test_a_day_without_articles_is_told_and_not_sent(office: Office) -> None:
    office.clock.advance(24 * HOUR)
    assert office.send() == []
    assert "nothing was published in ar on 2026-11-21" in office.notices()[0]


def test_no_password_in_logs_or_in_what_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with open_office(tmp_path, user="news:s3cret@") as office, caplog.at_level(logging.DEBUG):
        assert office.send() == []
        assert set(office.box.logins) == {("news", "s3cret")}
        assert "does not take user name and password of [digest] smtp" in office.notices()[0]
        assert "s3cret" not in caplog.text + "".join(office.notices()) + repr(office.settings)


def test_the_command_names_what_there_is(office: Office) -> None:
    with pytest.raises(ConfigError, match='there is no edition "fr"; there are: ar, en'):
        digests.make_digest(office.settings, "fr", DAY, "html", now=SEVEN)
    with pytest.raises(NothingPublished, match="nothing was published in ar on 2026-11-21"):
        digests.make_digest(office.settings, "ar", None, "html", now=SEVEN)
    late = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)  # half past midnight on DAY in Tripoli
    assert b"2026/11/20/" in digests.make_digest(office.settings, "ar", None, "html", now=late)
