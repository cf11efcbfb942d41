"""The demo's hub against a subscriber of a few lines: what it asks, what it hands on, what it forgets."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from aggregator.demo.hub import MAX_FORM_BYTES, Hub
from aggregator.demo.publisher import Publisher
from aggregator.hub import sign
from tests.harness import wait_until
from tests.websub_samples import Subscriber, open_subscriber

TOPIC = "https://press.example/feed?a=1&b=2"
BODY = b"<rss/>"


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    with open_subscriber() as running:
        yield running


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


def post(hub: Hub, **form: str) -> int:
    data = urlencode({f"hub.{name}": value for name, value in form.items()}).encode()
    try:
        with urllib.request.urlopen(hub.url, data, timeout=10) as response:
            status: int = response.status
            return status
    except HTTPError as error:
        with error:
            return error.code


def subscribe(hub: Hub, subscriber: Subscriber, **form: str) -> None:
    assert post(hub, mode="subscribe", topic=TOPIC, callback=subscriber.url, **form) == 202
    wait_until(lambda: len(hub.subscribers) == 1, "the subscription")


def test_intent_is_verified_and_the_lease_is_told(hub: Hub, subscriber: Subscriber) -> None:
    subscribe(hub, subscriber, lease_seconds="3600")
    (question,) = subscriber.questions
    challenge = question.pop("hub.challenge")
    assert len(challenge) >= 32
    assert question == {"mine": "1", "hub.mode": "subscribe", "hub.topic": TOPIC, "hub.lease_seconds": "3600"}


@pytest.mark.parametrize("wanted", ["99999999", ""])
def test_the_lease_is_the_hubs_own_where_another_is_not_possible(subscriber: Subscriber, wanted: str) -> None:
    with Hub(lease=timedelta(seconds=60)) as hub:
        subscribe(hub, subscriber, lease_seconds=wanted)
    assert subscriber.questions[0]["hub.lease_seconds"] == "60"


def test_who_does_not_agree_is_not_subscribed(hub: Hub, subscriber: Subscriber) -> None:
    subscriber.agrees = False
    assert post(hub, mode="subscribe", topic=TOPIC, callback=subscriber.url) == 202
    wait_until(lambda: bool(subscriber.questions), "the question")
    assert hub.subscribers == ()


def test_a_document_is_delivered_signed_with_its_type_and_links(hub: Hub, subscriber: Subscriber) -> None:
    subscribe(hub, subscriber, secret="s3cret")
    hub.distribute("https://press.example/other", b"other", content_type="text/xml")
    hub.distribute(TOPIC, BODY, content_type="text/xml")
    wait_until(lambda: bool(subscriber.deliveries), "the document")
    ((headers, body),) = subscriber.deliveries
    assert body == BODY
    assert headers["content-type"] == "text/xml"
    assert headers["x-hub-signature"] == sign(BODY, "s3cret")
    assert headers["link"] == f'<{hub.url}>; rel="hub", <{TOPIC}>; rel="self"'


def test_a_publisher_that_tells_of_a_change_has_it_handed_on(
    hub: Hub, subscriber: Subscriber, publisher: Publisher
) -> None:
    publisher.publish("/feed", BODY, content_type="application/rss+xml")
    topic = f"{publisher.url}/feed"
    assert post(hub, mode="subscribe", topic=topic, callback=subscriber.url) == 202
    wait_until(lambda: len(hub.subscribers) == 1, "the subscription")
    assert post(hub, mode="publish", url=topic) == 202
    wait_until(lambda: bool(subscriber.deliveries), "the document")
    headers, body = subscriber.deliveries[0]
    assert (headers["content-type"], body) == ("application/rss+xml", BODY)
    assert "x-hub-signature" not in headers


def test_a_delivery_that_fails_is_tried_again_and_410_ends_it(hub: Hub, subscriber: Subscriber) -> None:
    subscribe(hub, subscriber)
    subscriber.statuses = [503, 410]
    hub.distribute(TOPIC, BODY, content_type="text/xml")
    wait_until(lambda: hub.subscribers == (), "the end of the subscription")
    assert len(subscriber.deliveries) == 2


def test_unsubscribing_is_verified_too(hub: Hub, subscriber: Subscriber) -> None:
    subscribe(hub, subscriber)
    subscriber.agrees = False
    assert post(hub, mode="unsubscribe", topic=TOPIC, callback=subscriber.url) == 202
    wait_until(lambda: len(subscriber.questions) == 2, "the question")
    assert len(hub.subscribers) == 1
    subscriber.agrees = True
    assert post(hub, mode="unsubscribe", topic=TOPIC, callback=subscriber.url) == 202
    wait_until(lambda: hub.subscribers == (), "the end of the subscription")


def test_a_denied_topic_is_told_so_now_and_later(hub: Hub, subscriber: Subscriber) -> None:
    subscribe(hub, subscriber)
    hub.deny(TOPIC, "closed")
    wait_until(lambda: len(subscriber.questions) == 2, "the word of it")
    assert hub.subscribers == ()
    assert post(hub, mode="subscribe", topic=TOPIC, callback=subscriber.url) == 202
    wait_until(lambda: len(subscriber.questions) == 3, "the word of it again")
    denied = {"mine": "1", "hub.mode": "denied", "hub.topic": TOPIC, "hub.reason": "closed"}
    assert subscriber.questions[1:] == [denied, denied]


def test_a_lease_ends(subscriber: Subscriber) -> None:
    with Hub(lease=timedelta(seconds=1)) as hub:
        subscribe(hub, subscriber)
        wait_until(lambda: hub.subscribers == (), "the end of the lease")


BAD_FORMS = {
    "no mode": ({"topic": TOPIC, "callback": "http://x.example/"}, 400),
    "another mode": ({"mode": "denied", "topic": TOPIC, "callback": "http://x.example/"}, 400),
    "no topic": ({"mode": "subscribe", "callback": "http://x.example/"}, 400),
    "a file": ({"mode": "publish", "url": "file:///etc/passwd"}, 400),
    "no callback": ({"mode": "subscribe", "topic": TOPIC}, 400),
    "a callback that is no URL": ({"mode": "subscribe", "topic": TOPIC, "callback": "http://[x/"}, 400),
    "a long secret": (
        {"mode": "subscribe", "topic": TOPIC, "callback": "http://x.example/", "secret": "s" * 201},
        400,
    ),
    "too long a form": ({"mode": "publish", "url": "https://x.example/" + "x" * MAX_FORM_BYTES}, 413),
}


@pytest.mark.parametrize(("form", "status"), BAD_FORMS.values(), ids=BAD_FORMS.keys())
def test_a_form_that_is_wrong_is_refused(hub: Hub, form: dict[str, str], status: int) -> None:
    assert post(hub, **form) == status
