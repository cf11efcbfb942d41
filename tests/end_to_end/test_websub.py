"""WebSub from end to end: `aggregator serve`, a publisher and a hub that pushes to it."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from aggregator.demo.hub import Hub, Subscriber
from aggregator.demo.publisher import Publisher
from aggregator.hub import sign
from tests.harness import Site, make_item, wait_until, write_config
from tests.websub_samples import publish_pushed, push, render_pushed

LONG = "7d"  # no test lives to see a second poll
ONE, TWO, THREE = make_item(1), make_item(2), make_item(3)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


def configure(site: Site, publisher: Publisher, *, callback: str | None = "/websub/") -> None:
    write_config(site, publisher, {"a": "/a"}, every=LONG)
    text = site.config.read_text(encoding="utf-8").replace("[fetch]", '[fetch]\nmax_body_bytes = "2MB"')
    if callback is not None:
        text = f'[websub]\ncallback = "{site.url}{callback}"\n\n{text}'
    site.config.write_text(text, encoding="utf-8")


def ping(hub_url: str, topic: str) -> None:
    """What a publisher tells its hub."""
    body = f"hub.mode=publish&hub.url={topic}".encode()
    with urllib.request.urlopen(hub_url, data=body, timeout=10) as response:
        assert response.status == 202


def read_feed(site: Site) -> str:
    return site.get("/feeds/en/world.rss").body.decode()


def ask_store(site: Site, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(site.folder / "aggregator.db")) as connection:
        return connection.execute(query).fetchall()


def wait_for_hub(hub: Hub) -> Subscriber:
    wait_until(lambda: len(hub.subscribers) == 1, "the hub to verify the subscription")
    return hub.subscribers[0]


def test_what_a_publisher_tells_its_hub_is_in_our_feed_within_seconds(
    publisher: Publisher, site: Site
) -> None:
    """The hub is a process of its own; the poll after it asks for what has changed since the poll before."""
    configure(site, publisher)
    command = [sys.executable, "-m", "aggregator.demo.hub"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            hub_url = process.stdout.readline().strip()
            topic = publish_pushed(publisher, hub_url, [ONE])
            with site.serving():
                active = "SELECT 1 FROM subscriptions WHERE state = 'active'"
                wait_until(lambda: bool(ask_store(site, active)), "the hub to verify the subscription")
                assert "Bridge number 2" not in read_feed(site)
                polls = len(publisher.log)
                publish_pushed(publisher, hub_url, [ONE, TWO])
                ping(hub_url, topic)
                wait_until(lambda: "Bridge number 2" in read_feed(site), "the article that was pushed")
        finally:
            process.terminate()
    polled = [r for r in publisher.log if (r.header("user-agent") or "").startswith("aggregator/")]
    assert (polls, len(polled)) == (1, 1), "it was pushed, not polled"
    status = site.status()["a"]
    assert (status["push"], status["problems"], status["entries"]) == ("active", [], 2)


JUNK = {
    "a web page": b"<!DOCTYPE html><html><body><p>Welcome</p></body></html>",
    "nothing at all": b"",
    "entities that explode": b'<!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10 if n else b"&a;" * 10) for n in range(9))
    + b"]><rss><channel><title>&a8;</title></channel>",
    "elements nested 300,000 deep": b"<rss><channel>" + b"<a>" * 300_000,
    "a megabyte of zeros": bytes(1_000_000),
}


def test_forgeries_junk_and_bombs_change_nothing_and_are_told_of(
    publisher: Publisher, site: Site, hub: Hub
) -> None:
    topic = publish_pushed(publisher, hub.url, [ONE])
    configure(site, publisher)
    forged = render_pushed([ONE, make_item(666, title="Forged")], hub_url=hub.url, topic=topic)
    with site.serving():
        subscriber = wait_for_hub(hub)
        callback, secret = subscriber.callback, subscriber.secret or ""
        before = read_feed(site)
        signatures = [
            None,
            f"sha256={'0' * 64}",
            sign(forged, "another secret"),
            sign(forged, secret, algorithm="sha1"),
            sign(forged + b" ", secret),
        ]
        assert [push(callback, forged, s) for s in signatures] == [202] * len(signatures)
        assert push(callback[:-4] + "AAAA", forged, sign(forged, secret)) == 404
        for body in JUNK.values():
            assert push(callback, body, sign(body, secret)) == 202
        large = bytes(3_000_000)
        assert push(callback, large, sign(large, secret)) == 413
        assert push(callback, (bytes(300_000) for _ in range(10)), "sha256=0") == 413, "in chunks"
        wait_until(lambda: not ask_store(site, "SELECT 1 FROM payloads"), "all of it to be read")
        assert read_feed(site) == before
        told = site.status()["a"]["problems"]
        body = render_pushed([ONE, TWO], hub_url=hub.url, topic=topic)
        hub.distribute(topic, body, content_type="application/rss+xml")
        wait_until(lambda: "Bridge number 2" in read_feed(site), "what was pushed after it")
    dropped = f"pushed without the right signature, and dropped: {len(signatures)}"
    assert told[0].startswith("its hub pushed what cannot be read: ")
    assert told[1:] == site.status()["a"]["problems"] == [dropped]
    assert "a bug" not in site.log


def test_with_the_callback_goes_all_that_was_agreed(publisher: Publisher, site: Site, hub: Hub) -> None:
    """It may have a path of its own; a token of the past is 410, and no hub is asked again."""
    topic = publish_pushed(publisher, hub.url, [ONE])
    configure(site, publisher, callback="/of/hubs")
    with site.serving():
        subscriber = wait_for_hub(hub)
    assert subscriber.callback.startswith(f"{site.url}/of/hubs/")
    asked = hub.requests
    configure(site, publisher, callback=None)
    body = render_pushed([ONE, TWO], hub_url=hub.url, topic=topic)
    token = subscriber.callback.rpartition("/")[2]
    with site.serving():
        assert push(f"{site.url}/websub/{token}", body, sign(body, subscriber.secret or "")) == 410
        site.poll("--all")
        assert "Bridge number 2" not in read_feed(site)
    assert hub.requests == asked
    assert site.status()["a"]["push"] is None


def test_a_subscription_is_renewed_at_two_thirds_of_its_lease(publisher: Publisher, site: Site) -> None:
    with Hub(lease=timedelta(seconds=9)) as hub:
        publish_pushed(publisher, hub.url, [ONE])
        configure(site, publisher)
        with site.serving():
            wait_until(lambda: len(hub.requests) == 2, "the renewal")
            wait_until(lambda: not ask_store(site, "SELECT 1 FROM subscriptions WHERE awaiting"), "its end")
            assert ask_store(site, "SELECT state FROM subscriptions") == [("active",)]
    first, second = hub.requests
    assert timedelta(seconds=5.8) <= second.at - first.at < timedelta(seconds=8.9)
