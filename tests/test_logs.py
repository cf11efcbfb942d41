"""One line a record, in UTC, without credentials."""

from __future__ import annotations

import json
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.logs import redact, setup_logging

REDACTED = [
    ("user and password", "GET http://me:secret@example.com/feed", "GET http://***@example.com/feed"),
    ("a user alone", "https://token@example.com/", "https://***@example.com/"),
    ("a password with an at sign", "postgresql://me:p@ss@db/feeds", "postgresql://***@db/feeds"),
    ("several URLs", "http://a:b@c/ and http://d:e@f/", "http://***@c/ and http://***@f/"),
    ("an at sign in the path stays", "https://example.com/@name", "https://example.com/@name"),
    ("an address in a sentence stays", "write to me@example.com", "write to me@example.com"),
    ("a token", "/feed?token=abc&n=1", "/feed?token=***&n=1"),
    ("an access token", "/feed?n=1&access_token=abc", "/feed?n=1&access_token=***"),
    ("an API key", "/feed?apikey=abc#x", "/feed?apikey=***#x"),
    ("an API key with a hyphen", "/feed?api-key=abc", "/feed?api-key=***"),
    ("a secret", "/feed?client_secret=abc", "/feed?client_secret=***"),
    ("a password", "/feed?Password=abc", "/feed?Password=***"),
    ("a signature", "/a?X-Amz-Signature=0f&X-Amz-Date=1", "/a?X-Amz-Signature=***&X-Amz-Date=1"),
    ("a short signature", "/a?sig=0f", "/a?sig=***"),
    ("an escaped ampersand", "/a?n=1&amp;key=0f", "/a?n=1&amp;key=***"),
    ("a token in the fragment", "/a#access_token=abc", "/a#access_token=***"),
    ("an encoded value", "/a?token=%61%20b", "/a?token=***"),
    ("a value up to the quote", "'/a?token=abc' failed", "'/a?token=***' failed"),
    ("words that only begin like one stay", "/a?keyword=libya&tokens=3", "/a?keyword=libya&tokens=3"),
    ("an empty value stays", "/a?token=&n=1", "/a?token=&n=1"),
    ("a setting in a sentence stays", "unknown key=sections", "unknown key=sections"),
]


@pytest.mark.parametrize(
    ("text", "expected"), [row[1:] for row in REDACTED], ids=[row[0] for row in REDACTED]
)
def test_credentials_are_hidden(text: str, expected: str) -> None:
    assert redact(text) == expected
    assert redact(expected) == expected


@given(
    st.text()
    | st.lists(st.sampled_from([*"?&;#=@/ a", "://", "token", "key=", "***"]), max_size=20).map("".join)
)
def test_redacting_is_total_and_idempotent(text: str) -> None:
    assert redact(redact(text)) == redact(text)


@given(st.text("abcdef0123456789", min_size=8))
def test_a_secret_does_not_survive(secret: str) -> None:
    text = f"https://me:{secret}@example.com/feed?api_key={secret}&signature={secret}"
    assert secret not in redact(text)


def test_a_record_is_one_line_with_utc_time_level_and_logger(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging("info")
    logging.getLogger("aggregator.fetch").info("polled %s in %d ms", "bbc", 12)
    line = capsys.readouterr().err
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO aggregator\.fetch: polled bbc in 12 ms\n", line
    )


def test_line_ends_and_controls_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging("info")
    logging.getLogger("a").warning("one\ntwo\r\x1b[31m\u2028خبر")
    assert capsys.readouterr().err.endswith("WARNING a: one\\ntwo\\r\\x1b[31m\\u2028خبر\n")


def test_a_traceback_stays_on_the_line_and_hides_credentials(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging("info")
    try:
        raise ValueError("cannot read http://me:hunter2@example.com/")
    except ValueError:
        logging.getLogger("a").exception("failed")
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "ERROR a: failed\\nTraceback" in line
    assert "ValueError: cannot read http://***@example.com/" in line
    assert "hunter2" not in line


def test_credentials_in_arguments_are_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging("info")
    logging.getLogger("a").info("%s gave %d", "https://example.com/?token=hunter2", 403)
    assert capsys.readouterr().err.endswith("INFO a: https://example.com/?token=*** gave 403\n")


def test_arguments_that_do_not_fit_are_shown_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers.clear()  # pytest's own raise on such a record
    setup_logging("info")
    logging.getLogger("a").info("%d entries", "many")
    assert capsys.readouterr().err.endswith("INFO a: %d entries ('many',)\n")


def test_setting_up_twice_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging("debug")
    setup_logging("INFO")
    logging.getLogger("a").info("once")
    logging.getLogger("a").debug("never")
    assert capsys.readouterr().err.count("\n") == 1


def test_the_scheduler_is_quiet_unless_debugging(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging("info")
    logging.getLogger("apscheduler.executors").info("ran the heartbeat")
    assert capsys.readouterr().err == ""
    setup_logging("debug")
    logging.getLogger("apscheduler.executors").info("ran the heartbeat")
    assert "ran the heartbeat" in capsys.readouterr().err


def test_an_unknown_level_is_refused_with_the_levels_there_are() -> None:
    with pytest.raises(ValueError, match="'loud'; write debug, info"):
        setup_logging("loud")


def test_json_is_one_object_a_line_with_what_the_record_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging("INFO", form="json")
    fields = {"source": "wire", "bucket": "wire.example", "lease": "0f"}
    logging.getLogger("aggregator.x").info("polled %s", "http://me:secret@wire.example/", extra=fields)
    try:
        raise ValueError("no\nhttps://a.example/?token=abc")
    except ValueError:
        logging.getLogger("aggregator.y").exception("a bug")
    polled, bug = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", polled.pop("at"))
    message = {"level": "INFO", "logger": "aggregator.x", "message": "polled http://***@wire.example/"}
    assert polled == message | fields
    assert bug["trace"].endswith("https://a.example/?token=***")
    assert {"source", "bucket", "lease"}.isdisjoint(bug)
