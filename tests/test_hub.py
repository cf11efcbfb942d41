"""What our hub may be asked, what it grants, owes and gives up: pure, over tables of cases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import hub
from aggregator.errors import BadParameter
from aggregator.model import FetchResult, HubRequest, Redirect, Subscriber, Validators

TOPIC = "https://news.example/feeds/ar/all.rss"
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GOOD = {"hub.mode": "subscribe", "hub.topic": TOPIC, "hub.callback": "https://reader.example/cb?a=1"}
ONE = Subscriber(
    id=1, callback=GOOD["hub.callback"], topic=TOPIC, feed="ar/all", host="reader.example", asked_at=NOW
)
ACTIVE = replace(ONE, lease_until=NOW + DAY, delivered=b"old", secret="s")
ASKED = replace(ONE, asked="subscribe", asked_secret="new", asked_lease=HOUR)


def parse(**changes: str | None) -> HubRequest:
    form = GOOD | {f"hub.{name}": value for name, value in changes.items()}
    return hub.parse_request(
        {name: value for name, value in form.items() if value is not None},
        topics={TOPIC},
        networks=[ip_network("10.1.0.0/16")],
        ports={("reader.example", 8443)},
    )


def test_a_request_is_read_with_the_lease_that_is_granted() -> None:
    request = parse(secret="x" * 200, lease_seconds="86400", verify="async")
    assert request == HubRequest(
        mode="subscribe", callback=GOOD["hub.callback"], topic=TOPIC, secret="x" * 200, lease=DAY
    )
    assert parse(mode="unsubscribe", secret="").secret is None


BAD = {
    "no mode": ({"mode": None}, "hub.mode"),
    "a publisher's mode": ({"mode": "publish"}, "hub.mode"),
    "no topic": ({"topic": None}, "hub.topic"),
    "a topic of another site": ({"topic": "https://other.example/feed"}, "hub.topic"),
    "a page of ours that is no feed": ({"topic": "https://news.example/ar/"}, "hub.topic"),
    "a feed with a query": ({"topic": TOPIC + "?a=1"}, "hub.topic"),
    "no callback": ({"callback": None}, "hub.callback"),
    "a file": ({"callback": "file:///etc/passwd"}, "hub.callback"),
    "a script": ({"callback": "javascript:alert(1)"}, "hub.callback"),
    "no host": ({"callback": "https:///cb"}, "hub.callback"),
    "brackets": ({"callback": "http://[x/"}, "hub.callback"),
    "a port that is none": ({"callback": "http://reader.example:99999/"}, "hub.callback"),
    "a line end": ({"callback": "https://reader.example/\r\nHost: a"}, "hub.callback"),
    "letters beyond ASCII": ({"callback": "https://reader.example/ا"}, "ASCII"),
    "a user name": ({"callback": "https://u:p@reader.example/"}, "user name"),
    "a fragment": ({"callback": "https://reader.example/#a"}, "fragment"),
    "too long": ({"callback": "https://reader.example/" + "x" * 2000}, "2000 characters"),
    "the port of a mail server": ({"callback": "http://reader.example:25/"}, "port 80 or 443"),
    "a configured port of another host": ({"callback": "http://x.example:8443/"}, "port 80 or 443"),
    "loopback": ({"callback": "http://127.0.0.1/cb"}, "public address"),
    "localhost": ({"callback": "http://localhost/cb"}, "public address"),
    "loopback as a number": ({"callback": "http://2130706433/cb"}, "public address"),
    "loopback of IPv6": ({"callback": "http://[::1]/cb"}, "public address"),
    "a private address": ({"callback": "http://10.0.0.1/cb"}, "public address"),
    "a cloud's metadata": ({"callback": "http://169.254.169.254/latest"}, "public address"),
    "a secret of 201 bytes": ({"secret": "س" * 100 + "x"}, "200 bytes"),
    "a lease of words": ({"lease_seconds": "ten"}, "hub.lease_seconds"),
    "a negative lease": ({"lease_seconds": "-1"}, "hub.lease_seconds"),
    "no lease": ({"lease_seconds": "0"}, "hub.lease_seconds"),
    "a lease without end": ({"lease_seconds": "9" * 50}, "hub.lease_seconds"),
    "other digits": ({"lease_seconds": "١٢"}, "hub.lease_seconds"),
}


@pytest.mark.parametrize(("changes", "words"), BAD.values(), ids=BAD.keys())
def test_what_is_wrong_is_told(changes: dict[str, str | None], words: str) -> None:
    with pytest.raises(BadParameter, match=words):
        parse(**changes)


@pytest.mark.parametrize(
    "callback", ["http://10.1.2.3/cb", "https://reader.example:8443/", "http://A.example"]
)
def test_what_the_admin_admits_may_be_called(callback: str) -> None:
    assert parse(callback=callback).callback == callback


@given(st.dictionaries(st.sampled_from([*GOOD, "hub.secret", "hub.lease_seconds"]), st.text()))
def test_junk_raises_nothing_but_bad_parameter(form: dict[str, str]) -> None:
    try:
        hub.parse_request(GOOD | form, topics={TOPIC}, networks=[], ports=[])
    except BadParameter as error:
        assert str(error).startswith("hub.")  # noqa: PT017 - either outcome is right, but not without words


LEASES = {
    "nothing": (None, timedelta(days=10)),
    "an empty value": ("", timedelta(days=10)),
    "a second": ("1", timedelta(minutes=5)),
    "an hour": ("3600", HOUR),
    "a year": (str(365 * 86_400), timedelta(days=30)),
}


@pytest.mark.parametrize(("wanted", "granted"), LEASES.values(), ids=LEASES.keys())
def test_leases_have_limits(wanted: str | None, granted: timedelta) -> None:
    assert hub.grant_lease(wanted) == granted


def test_a_callback_keeps_its_query() -> None:
    query = hub.verification_query("subscribe", TOPIC, "c", HOUR)
    assert hub.ask_url("https://a.example/cb", {"hub.mode": "x"}) == "https://a.example/cb?hub.mode=x"
    url = hub.ask_url("https://a.example/cb?a=1", query)
    assert url.startswith("https://a.example/cb?a=1&hub.mode=subscribe&hub.topic=https%3A")
    assert url.endswith("hub.challenge=c&hub.lease_seconds=3600")
    assert "hub.lease_seconds" not in hub.verification_query("unsubscribe", TOPIC, "c", HOUR)


ANSWERS = {
    "the challenge": (200, b"c", (), True),
    "another success": (204, b"c", (), True),
    "with a line end": (200, b"c\n", (), True),
    "something else": (200, b"d", (), False),
    "more than that": (200, b"c and more", (), False),
    "nothing": (200, b"", (), False),
    "not found": (404, b"c", (), False),
    "behind a redirect": (200, b"c", (Redirect(status=302, url="https://b.example/"),), False),
}


@pytest.mark.parametrize(("status", "body", "redirects", "confirmed"), ANSWERS.values(), ids=ANSWERS.keys())
def test_only_the_challenge_confirms(
    status: int, body: bytes, redirects: tuple[Redirect, ...], confirmed: bool
) -> None:
    fetched = FetchResult(
        status=status, url="", redirects=redirects, headers=(), validators=Validators(), body=body
    )
    assert hub.is_confirmed(fetched, "c") is confirmed


def test_what_is_confirmed_is_owed_what_changes_from_then_on() -> None:
    settled = hub.settle_verification(ASKED, confirmed=True, digest=b"now", now=NOW)
    assert settled == replace(ONE, secret="new", lease_until=NOW + HOUR, delivered=b"now", asked_lease=HOUR)
    assert hub.release(settled, current=b"now", now=NOW).next_at is None
    assert hub.release(settled, current=b"newer", now=NOW).next_at == NOW


def test_a_renewal_does_not_forget_what_is_owed() -> None:
    renewed = replace(ACTIVE, asked="subscribe", asked_secret=None, asked_lease=HOUR, failures=3, next_at=NOW)
    settled = hub.settle_verification(renewed, confirmed=True, digest=b"now", now=NOW)
    assert settled is not None
    assert (settled.delivered, settled.secret, settled.failures) == (b"old", None, 0)
    assert hub.release(settled, current=b"now", now=NOW).next_at == NOW


def test_what_is_not_confirmed_leaves_all_as_it_was() -> None:
    assert hub.settle_verification(ASKED, confirmed=False, digest=b"", now=NOW) is None
    for mode in hub.MODES:
        asked = replace(ACTIVE, asked=mode, asked_secret="x")
        assert hub.settle_verification(asked, confirmed=False, digest=b"", now=NOW) == ACTIVE
    gone = replace(ACTIVE, asked="unsubscribe")
    assert hub.settle_verification(gone, confirmed=True, digest=b"", now=NOW) is None


def test_deliveries_are_tried_again_ever_more_slowly_for_a_day() -> None:
    """Some thirty times; the time between two grows from 5 s to an hour."""
    known, now, waits = ACTIVE, NOW, []
    while known.given_up_at is None:
        known = hub.settle_failure(known, "it answered 500", now=now, jitter=0.0)
        if known.next_at is not None:
            waits.append((known.next_at - now).total_seconds())
            now = known.next_at
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) == 3600
    assert 25 <= len(waits) <= 40
    assert DAY <= now - NOW < DAY + HOUR
    assert hub.release(known, current=b"new", now=now).next_at is None
    again = hub.settle_verification(replace(known, asked="subscribe"), confirmed=True, digest=b"n", now=now)
    assert again is not None
    assert (again.given_up_at, again.failures, again.delivered) == (None, 0, b"n")


def test_a_success_forgets_the_failures() -> None:
    failed = hub.settle_failure(ACTIVE, "it answered 500", now=NOW, jitter=0.0)
    settled = hub.settle_delivery(failed, digest=b"new")
    assert settled == replace(ACTIVE, delivered=b"new")
    assert hub.release(settled, current=b"new", now=NOW) == settled


def test_who_asks_for_rest_has_it_up_to_a_day() -> None:
    def wait(retry_after: timedelta) -> timedelta:
        failed = hub.settle_failure(ACTIVE, "it answered 503", now=NOW, jitter=0.0, retry_after=retry_after)
        assert failed.next_at is not None
        return failed.next_at - NOW

    assert [wait(HOUR), wait(timedelta()), wait(9 * DAY)] == [HOUR, hub.FIRST_RETRY, DAY]


def test_what_was_asked_meanwhile_is_done_at_once() -> None:
    failed = hub.settle_failure(ACTIVE, "it answered 500", now=NOW, jitter=0.0)
    assert hub.release(replace(failed, asked="unsubscribe"), current=b"", now=NOW).next_at == NOW
    assert hub.release(replace(failed, owner="me"), current=b"", now=NOW) == failed


def test_the_signature_is_that_of_rfc_4231() -> None:
    """Test case 2 of HMAC-SHA-256."""
    digest = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert hub.sign(b"what do ya want for nothing?", "Jefe") == f"sha256={digest}"
