"""WebSub as pure decisions: what is discovered, asked, believed, renewed and given up."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import process_time
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator import websub
from aggregator.model import FetchResult, Hints, HubOffer, Subscription, Validators

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
URL = "https://press.example/feed/rss.xml"
HUB = "https://hub.example/"
PENDING = Subscription(
    token="t0ken",
    source_id="press",
    hub=HUB,
    topic=URL,
    callback="https://news.example/websub/t0ken",
    secret="s3cret",
    awaiting=True,
    asked_at=NOON - MINUTE,
    next_at=NOON,
)
ACTIVE = replace(
    PENDING,
    state="active",
    awaiting=False,
    active_since=NOON - DAY,
    lease_until=NOON + DAY,
    next_at=NOON + HOUR,
)
ENDED = replace(PENDING, state="ended", awaiting=False)


def fetch(*links: str) -> FetchResult:
    return FetchResult(
        status=200,
        url=URL,
        redirects=(),
        headers=(("content-type", "text/xml"), *(("link", link) for link in links)),
        validators=Validators(),
        body=b"",
    )


def merge(*links: str, hub: str | None = None, topic: str | None = None) -> tuple[str | None, str | None]:
    merged = websub.merge_links(Hints(hub_url=hub, self_url=topic), fetch(*links))
    return merged.hub_url, merged.self_url


# --- discovery ------------------------------------------------------------------------------------

LINKS = {
    "no header": ((), (None, None)),
    "hub and self in one header": ((f'<{HUB}>; rel="hub", <{URL}>; rel="self"',), (HUB, URL)),
    "each in a header of its own": ((f"<{HUB}>; rel=hub", f"<{URL}>; rel=self"), (HUB, URL)),
    "several relations of one link": ((f'<{HUB}>; rel="preload HUB"',), (HUB, None)),
    "the first of several hubs": ((f"<{HUB}>;rel=hub,<https://b.example/>;rel=hub",), (HUB, None)),
    "relative targets": (('</hub>; rel="hub", <rss.xml>; rel="self"',), ("https://press.example/hub", URL)),
    "parameters before it, with our marks in quotes": (
        (f'<{HUB}>; title="a, b; rel=next <x> \\"q\\""; rel=hub',),
        (HUB, None),
    ),
    "white space everywhere": ((f'  < {HUB} >  ;  rel = "hub"  ',), (HUB, None)),
    "the second rel of a link does not count": ((f"<{HUB}>; rel=next; rel=hub",), (None, None)),
    "a statement about another resource": ((f'<{HUB}>; rel=hub; anchor="/else"',), (None, None)),
    "no web address": (("<mailto:me@press.example>; rel=hub",), (None, None)),
    "a self alone tells of no hub": ((f"<{URL}>; rel=self",), (None, None)),
    "a topic as it was written": ((f"<{HUB}>;rel=hub,<HTTPS://Press.example:443/a%7eb>;rel=self",),
        (HUB, "HTTPS://Press.example:443/a%7eb")),
    "junk": ((';;,,=="<<>>', f"<{HUB}>"), (None, None)),
}  # fmt: skip


@pytest.mark.parametrize(("links", "expected"), LINKS.values(), ids=LINKS.keys())
def test_link_headers(links: tuple[str, ...], expected: tuple[str | None, str | None]) -> None:
    assert merge(*links) == expected


def test_headers_come_before_the_document_and_only_where_they_name_a_hub() -> None:
    assert merge("<https://b.example/>; rel=hub", hub=HUB, topic=URL) == ("https://b.example/", URL)
    assert merge("<https://b.example/>; rel=self", hub=HUB, topic=URL) == (HUB, URL)
    assert merge('<https://b.example/x>; rel="next"', hub=HUB, topic=URL) == (HUB, URL)


@given(st.lists(st.text(alphabet='<>";,=\\ relhub/.a\xe9', max_size=60), max_size=5))
def test_no_header_is_too_strange(links: list[str]) -> None:
    merge(*links)


@pytest.mark.parametrize(
    "link", ["<" * 60_000, '"' * 60_001, '"\\' * 30_000, "<a>;" * 15_000], ids=lambda x: x[:4]
)
def test_no_header_takes_long(link: str) -> None:
    start = process_time()
    merge(link)
    assert process_time() - start < 1


OFFERS = {
    "no hub": (Hints(self_url=URL), None),
    "hub and topic": (
        Hints(hub_url=HUB, self_url="http://x.example/"),
        HubOffer(hub=HUB, topic="http://x.example/"),
    ),
    "no topic: the URL it is polled at": (Hints(hub_url=HUB), HubOffer(hub=HUB, topic=URL)),
    "a hub that is no usable URL": (Hints(hub_url="http://[x/", self_url=URL), None),
    "a hub with an impossible port": (Hints(hub_url="http://hub.example:99999/"), None),
}


@pytest.mark.parametrize(("hints", "expected"), OFFERS.values(), ids=OFFERS.keys())
def test_what_a_source_offers(hints: Hints, expected: HubOffer | None) -> None:
    assert websub.find_offer(hints, poll_url=URL) == expected


PORTS = {
    "https": ("https://hub.example/", "https://press.example/", True),
    "80 and 443 written out": ("http://hub.example:443/", "https://press.example/", True),
    "a database's": ("http://hub.example:6379/", "https://press.example/", False),
    "that of a configured URL": ("http://hub.example:8080/", "https://press.example/", True),
    "that of another host": ("http://other.example:8080/", "https://press.example/", False),
    "any at the source's own host": ("http://press.example:9000/", "https://press.example/", True),
    "any at the source's own address": ("http://localhost:9000/", "http://127.0.0.1:8000/", True),
    "another address of loopback": ("http://127.0.0.2:9000/", "http://127.0.0.1:8000/", False),
    "two names with no address": ("http://a.example:9000/", "http://b.example:9000/", False),
}  # fmt: skip


@pytest.mark.parametrize(("hub", "home", "expected"), PORTS.values(), ids=PORTS.keys())
def test_which_ports_a_hub_may_have(hub: str, home: str, expected: bool) -> None:
    assert websub.may_reach(hub, poll_url=home, ports={("hub.example", 8080)}) is expected


# --- subscribing ----------------------------------------------------------------------------------

OFFER = HubOffer(hub=HUB, topic=URL)
STEPS = {
    "nothing known, nothing offered": (None, None, "keep"),
    "a hub is offered": (None, OFFER, "subscribe"),
    "as before": (ACTIVE, OFFER, "keep"),
    "as before, though denied": (replace(PENDING, state="denied"), OFFER, "keep"),
    "another hub": (ACTIVE, replace(OFFER, hub="https://b.example/"), "subscribe"),
    "another topic": (ACTIVE, replace(OFFER, topic="https://b.example/"), "subscribe"),
    "no hub any more": (ACTIVE, None, "end"),
}


@pytest.mark.parametrize(("known", "offer", "expected"), STEPS.values(), ids=STEPS.keys())
def test_what_is_made_of_an_offer(known: Subscription | None, offer: HubOffer | None, expected: str) -> None:
    assert websub.decide(known, offer) == expected


def test_the_form_is_that_of_the_recommendation() -> None:
    odd = replace(PENDING, topic="https://press.example/؟a=1&b=2+3")
    assert parse_qs(websub.render_request(odd).decode("ascii")) == {
        "hub.callback": ["https://news.example/websub/t0ken"],
        "hub.mode": ["subscribe"],
        "hub.topic": ["https://press.example/؟a=1&b=2+3"],
        "hub.lease_seconds": ["864000"],
        "hub.secret": ["s3cret"],
    }


QUESTIONS: dict[str, tuple[Subscription, dict[str, Any], bool]] = {
    "what was asked for": (PENDING, {}, True),
    "a renewal": (replace(ACTIVE, awaiting=True), {}, True),
    "another topic": (PENDING, {"topic": URL + "?"}, False),
    "no topic": (PENDING, {"topic": ""}, False),
    "another mode": (PENDING, {"mode": "publish"}, False),
    "no mode": (PENDING, {"mode": ""}, False),
    "what was never asked for": (replace(PENDING, awaiting=False), {}, False),
    "what was verified before": (ACTIVE, {}, False),
    "what was given up": (replace(ENDED, awaiting=True), {}, False),
    "an end that we want": (ENDED, {"mode": "unsubscribe"}, True),
    "an end that we do not want": (ACTIVE, {"mode": "unsubscribe"}, False),
    "an end of what is pending": (PENDING, {"mode": "unsubscribe"}, False),
    "an end of another topic": (ENDED, {"mode": "unsubscribe", "topic": "x"}, False),
}


@pytest.mark.parametrize(("known", "query", "expected"), QUESTIONS.values(), ids=QUESTIONS.keys())
def test_what_a_hub_is_told_that_asks(known: Subscription, query: dict[str, Any], expected: bool) -> None:
    asked = {"mode": "subscribe", "topic": URL, "lease_seconds": "3600"} | query
    assert (websub.confirm(known, **asked, now=NOON) is not None) is expected


LEASES = {
    "an hour": ("3600", HOUR, 40 * MINUTE),
    "ten days": ("864000", 10 * DAY, 160 * HOUR),
    "none, as old hubs have it": (None, DAY, 16 * HOUR),
    "no number": ("for ever", DAY, 16 * HOUR),
    "a negative one": ("-5", DAY, 16 * HOUR),
    "other digits": ("٣٦٠٠", DAY, 16 * HOUR),
    "a thousand years": ("31536000000", websub.LONGEST_LEASE, 60 * DAY),
    "more digits than a number has": ("9" * 5000, DAY, 16 * HOUR),
    "three seconds, renewed after five at the soonest": ("3", timedelta(seconds=3), timedelta(seconds=5)),
}


@pytest.mark.parametrize(("said", "lease", "renewed_after"), LEASES.values(), ids=LEASES.keys())
def test_a_lease_is_renewed_at_two_thirds(
    said: str | None, lease: timedelta, renewed_after: timedelta
) -> None:
    failed = replace(PENDING, failures=3, last_error="down")
    active = websub.confirm(failed, mode="subscribe", topic=URL, lease_seconds=said, now=NOON)
    assert active == replace(
        PENDING,
        state="active",
        awaiting=False,
        active_since=NOON,
        lease_until=NOON + lease,
        next_at=NOON + renewed_after,
    )


def test_a_renewal_stays_active_all_the_while_and_since_when_is_remembered() -> None:
    asked = websub.ask(replace(ACTIVE, next_at=NOON), now=NOON, jitter=0)
    assert (asked.state, asked.awaiting, asked.asked_at) == ("active", True, NOON)
    renewed = websub.confirm(asked, mode="subscribe", topic=URL, lease_seconds="86400", now=NOON + MINUTE)
    assert renewed is not None
    assert (renewed.active_since, renewed.lease_until) == (ACTIVE.active_since, NOON + MINUTE + DAY)


def test_a_lease_that_ran_out_is_over_and_asked_for_again() -> None:
    late = ACTIVE.lease_until or NOON
    assert not websub.is_lapsed(ACTIVE, late - MINUTE)
    assert websub.is_lapsed(ACTIVE, late)
    asked = websub.ask(ACTIVE, now=late, jitter=0)
    assert (asked.state, asked.active_since, asked.lease_until) == ("pending", None, None)


def test_failures_back_off_to_a_day() -> None:
    known, now, waits = replace(PENDING, awaiting=False), NOON, []
    for _ in range(12):
        known = websub.refuse(websub.ask(known, now=now, jitter=0), "down", now=now, jitter=0)
        waits.append((known.next_at - now) / MINUTE)
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440, 1440, 1440]
    assert (known.failures, known.last_error, known.state) == (12, "down", "pending")


def test_what_is_accepted_and_never_verified_backs_off_too() -> None:
    known, now, waits = replace(PENDING, awaiting=False), NOON, []
    for _ in range(4):
        known = websub.accept(websub.ask(known, now=now, jitter=0))
        waits.append((known.next_at - now) / MINUTE)
        now = known.next_at
    assert waits == [5, 10, 20, 40]


def test_jitter_spreads_by_a_tenth_and_retry_after_is_a_floor() -> None:
    early, late = (websub.refuse(PENDING, "down", now=NOON, jitter=j).next_at for j in (-1, 1))
    assert (early, late) == (NOON + 9 * MINUTE, NOON + 11 * MINUTE)
    asked = websub.refuse(PENDING, "busy", now=NOON, jitter=0, retry_after=3 * HOUR)
    assert asked.next_at == NOON + 3 * HOUR


def test_a_renewal_that_fails_is_tried_again_before_the_lease_ends() -> None:
    ending = replace(ACTIVE, awaiting=True, lease_until=NOON + 3 * MINUTE, failures=5)
    failed = websub.refuse(ending, "down", now=NOON, jitter=0)
    assert (failed.state, failed.lease_until, failed.next_at) == (
        "active",
        NOON + 3 * MINUTE,
        NOON + 3 * MINUTE,
    )


def test_a_denial_is_kept_with_its_reason_and_asked_again_in_a_week() -> None:
    denied = websub.deny(ACTIVE, topic=URL, reason="not\r\n\x1b[31mfor you" + "!" * 999, now=NOON)
    assert denied is not None
    assert (denied.state, denied.next_at, denied.lease_until) == ("denied", NOON + 7 * DAY, None)
    assert (denied.last_error or "").startswith("not [31mfor you!")
    assert len(denied.last_error or "") == 200
    assert websub.ask(denied, now=denied.next_at, jitter=0).state == "pending"


def test_a_denial_of_something_else_is_none() -> None:
    assert websub.deny(ACTIVE, topic=URL + "x", reason=None, now=NOON) is None
    assert websub.deny(ENDED, topic=URL, reason=None, now=NOON) is None


def test_what_is_given_up_is_remembered_until_the_hub_must_have_forgotten_it() -> None:
    assert websub.end(PENDING, now=NOON).next_at == NOON + 10 * DAY
    long = replace(ACTIVE, awaiting=True, lease_until=NOON + 30 * DAY)
    ended = websub.end(long, now=NOON)
    assert (ended.state, ended.awaiting, ended.next_at) == ("ended", False, NOON + 30 * DAY)


RELIED = {
    "none": (None, False),
    "pending": (PENDING, False),
    "active": (ACTIVE, True),
    "active while it is renewed": (replace(ACTIVE, awaiting=True, failures=2), True),
    "lapsed": (replace(ACTIVE, lease_until=NOON), False),
    "in doubt": (replace(ACTIVE, doubt="unsigned"), False),
    "denied": (replace(PENDING, state="denied"), False),
    "ended before its lease": (replace(ACTIVE, state="ended"), False),
}


@pytest.mark.parametrize(("known", "expected"), RELIED.values(), ids=RELIED.keys())
def test_on_which_polling_relies(known: Subscription | None, expected: bool) -> None:
    assert websub.is_relied_on(known, NOON) is expected


MISSED = {
    "nothing new": (0, NOON, False),
    "new since the poll before": (1, NOON, True),
    "new in the first poll since it is active": (1, NOON - 2 * DAY, False),
    "new in the first poll of all": (1, None, False),
}


@pytest.mark.parametrize(("new", "last_polled_at", "expected"), MISSED.values(), ids=MISSED.keys())
def test_when_a_poll_shows_that_a_hub_fails(
    new: int, last_polled_at: datetime | None, expected: bool
) -> None:
    assert websub.has_missed(ACTIVE, new=new, last_polled_at=last_polled_at) is expected


# --- signatures -----------------------------------------------------------------------------------

BODY = "<rss>خبر</rss>".encode()


def sign(algorithm: str, *, body: bytes = BODY, secret: str = "s3cret") -> str:
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


SIGNATURES = {
    "sha256": (f"sha256={sign('sha256')}", True),
    "sha384": (f"sha384={sign('sha384')}", True),
    "sha512": (f"sha512={sign('sha512')}", True),
    "in capitals": (f"SHA256={sign('sha256').upper()}", True),
    "sha1": (f"sha1={sign('sha1')}", False),
    "md5": (f"md5={sign('md5')}", False),
    "an algorithm there is not": (f"sha999={sign('sha256')}", False),
    "one of Python's but not the Recommendation's": (f"sha3_256={sign('sha3_256')}", False),
    "the name of another algorithm": (f"sha512={sign('sha256')}", False),
    "another secret": (f"sha256={sign('sha256', secret='S3cret')}", False),
    "another body": (f"sha256={sign('sha256', body=BODY + b' ')}", False),
    "a plain hash": (f"sha256={hashlib.sha256(BODY).hexdigest()}", False),
    "cut short": (f"sha256={sign('sha256')[:-1]}", False),
    "with more behind it": (f"sha256={sign('sha256')}0", False),
    "no algorithm": (sign("sha256"), False),
    "no signature": ("sha256=", False),
    "an empty header": ("", False),
    "no header": (None, False),
    "letters beyond ASCII": ("sha256=é\udcff", False),
}


@pytest.mark.parametrize(("signature", "expected"), SIGNATURES.values(), ids=SIGNATURES.keys())
def test_which_signatures_are_ours(signature: str | None, expected: bool) -> None:
    assert websub.is_signed(BODY, signature, secret="s3cret") is expected


@given(st.text(max_size=80))
def test_no_other_signature_is(signature: str) -> None:
    assert not websub.is_signed(BODY, signature, secret="s3cret")
