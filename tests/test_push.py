"""The poller and the web together against a hub: a real store, client, workers and servers, no clock."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from aggregator import ops, push, subscribing
from aggregator.demo.hub import Hub
from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.fetch.client import Client
from aggregator.hub import sign
from aggregator.model import Payload, PollResult, Subscription
from aggregator.parse.sandbox import Sandbox
from aggregator.reading import read_document
from aggregator.refresh import Line, poll_bucket
from aggregator.saving import save_results
from aggregator.store import articles, subscriptions
from aggregator.web import create_app
from tests.harness import find_free_port, make_item, wait_until
from tests.site_samples import HEAD, POLICY, Bench, Clock, open_bench, source_table
from tests.websub_samples import publish_pushed, render_pushed
from tests.websub_samples import push as push_by_hand

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ONE, TWO, THREE = make_item(1), make_item(2), make_item(3)
LONG = "7d"


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(POLICY) as opened:
        yield opened


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, timeout=timedelta(seconds=10), max_memory_bytes=256 * 1024 * 1024) as opened:
        opened.submit(bool, read_document, url="").result()  # a worker takes a second to start
        yield opened


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as running:
        yield running


@dataclass(kw_only=True)
class Site:
    """A store, the poller's line and the web on one configuration, and the source "a" at the publisher."""

    bench: Bench
    publisher: Publisher
    port: int = field(default_factory=find_free_port)
    line: Line = field(init=False)

    def configure(self, *, every: str | None = LONG, callback: bool = True, head: str = HEAD) -> None:
        keys = {} if every is None else {"every": f'"{every}"'}
        table = source_table("a", f"{self.publisher.url}/a", **keys)
        websub = f'\n[websub]\ncallback = "http://127.0.0.1:{self.port}/websub/"\n' if callback else ""
        self.line = self.bench.configure(table, websub, head=head)

    @contextmanager
    def serving(self) -> Iterator[None]:
        app = create_app(self.line.settings, self.bench.store)
        server = make_server("127.0.0.1", self.port, app, threaded=True, request_handler=_Quiet)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def poll(self) -> None:
        self.bench.poll(self.line)

    def find(self) -> Subscription | None:
        with self.bench.store.read() as tx:
            return subscriptions.list_subscriptions(tx).get("a")

    @property
    def subscription(self) -> Subscription:
        found = self.find()
        assert found is not None
        return found

    def subscribe(self) -> Subscription:
        """Poll, ask the hub and wait until it has verified."""
        self.poll()
        assert push.ask_hubs(self.line) == 1
        wait_until(lambda: self.subscription.state == "active", "the hub to verify")
        return self.subscription

    def receive(self, body: bytes) -> None:
        """A document of the hub's, as the web takes it in."""
        known = self.subscription
        assert push_by_hand(known.callback, body, sign(body, known.secret)) == 202

    def problems(self) -> tuple[str, ...]:
        (row,) = ops.list_status(self.line.settings, now=self.bench.clock())
        return row.problems

    def guids(self) -> list[str]:
        return sorted(entry.guid for entry in self.bench.entries())


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def site(tmp_path: Path, client: Client, sandbox: Sandbox, publisher: Publisher) -> Iterator[Site]:
    with open_bench(tmp_path, client, sandbox) as bench:
        made = Site(bench=replace(bench, clock=Clock(datetime.now(UTC))), publisher=publisher)
        made.configure()
        with made.serving():
            yield made


def render(site: Site, hub: Hub, *items: object) -> bytes:
    return render_pushed(items, hub_url=hub.url, topic=f"{site.publisher.url}/a")  # type: ignore[arg-type]


# --- subscribing ----------------------------------------------------------------------------------


def test_a_hub_is_asked_once_and_its_word_is_kept(site: Site, hub: Hub) -> None:
    topic = publish_pushed(site.publisher, hub.url, [ONE])
    known = site.subscribe()
    wait_until(lambda: len(hub.subscribers) == 1, "the hub to note it")
    (request,), (subscriber,) = hub.requests, hub.subscribers
    assert (request.mode, request.topic, request.status) == ("subscribe", topic, 202)
    assert (subscriber.callback, subscriber.secret) == (known.callback, known.secret)
    assert len(known.token) == len(known.secret) == 43
    assert known.lease_until is not None
    assert abs(known.lease_until - site.bench.clock() - 10 * DAY) < MINUTE
    site.poll()
    assert push.ask_hubs(site.line) == 0
    assert site.subscription.token == known.token


def test_the_hub_of_a_link_header_counts_before_the_document(site: Site, hub: Hub) -> None:
    """And is remembered when a 304 does not repeat it."""
    body = render_pushed([ONE], hub_url="https://wrong.example/", topic="https://wrong.example/feed")
    links = f'<{hub.url}>; rel="hub", <{site.publisher.url}/self>; rel="self"'
    asked: list[Request] = []

    def answer(request: Request) -> Answer:
        asked.append(request)
        if len(asked) > 1:
            return Answer(status=304)
        return Answer(body=body, headers=(("Link", links), ("ETag", '"1"'), ("Content-Type", "text/xml")))

    site.publisher.publish_handler("/a", answer)
    known = site.subscribe()
    assert (known.hub, known.topic) == (hub.url, f"{site.publisher.url}/self")
    site.poll()
    assert site.subscription.token == known.token


def test_a_json_feed_names_its_hubs_too(site: Site, hub: Hub) -> None:
    body = (
        '{"version": "https://jsonfeed.org/version/1.1", "title": "t", "items": [], '
        f'"feed_url": "{site.publisher.url}/a", "hubs": ['
        f'{{"type": "rssCloud", "url": "https://x.example/"}}, {{"type": "WebSub", "url": "{hub.url}"}}]}}'
    )
    site.publisher.publish("/a", body.encode(), content_type="application/feed+json")
    assert site.subscribe().topic == f"{site.publisher.url}/a"


def test_without_a_callback_nothing_is_noted_and_nobody_asked(site: Site, hub: Hub) -> None:
    site.configure(callback=False)
    publish_pushed(site.publisher, hub.url, [ONE])
    site.poll()
    assert site.find() is None
    assert push.ask_hubs(site.line) == 0


def test_a_renewal_goes_out_at_two_thirds_of_the_lease_and_keeps_the_callback(site: Site) -> None:
    with Hub(lease=HOUR) as hub:
        publish_pushed(site.publisher, hub.url, [ONE])
        known = site.subscribe()
        site.bench.clock.at = known.next_at - timedelta(seconds=1)
        assert push.ask_hubs(site.line) == 0
        site.bench.clock.advance(timedelta(seconds=1))
        assert known.lease_until is not None
        assert site.bench.clock() == known.lease_until - 20 * MINUTE
        assert push.ask_hubs(site.line) == 1
        wait_until(lambda: not site.subscription.awaiting, "the hub to verify again")
        assert site.subscription.active_since == known.active_since
        wait_until(lambda: bool(hub.subscribers), "the hub to note it")
        assert {request.mode for request in hub.requests} == {"subscribe"}
        assert [s.callback for s in hub.subscribers] == [known.callback]


def test_a_lease_that_nobody_renews_ends_and_polling_goes_on_as_before(site: Site, hub: Hub) -> None:
    site.configure(every="1h")
    publish_pushed(site.publisher, hub.url, [ONE])
    known = site.subscribe()
    site.poll()
    start = site.bench.clock()
    assert site.bench.state("a").next_poll_at == start + 12 * HOUR
    hub.close()
    for at in (known.next_at, known.lease_until):
        assert at is not None
        site.bench.clock.at = at
        push.ask_hubs(site.line)
    assert site.subscription.state == "pending"
    assert site.bench.state("a").next_poll_at == min(start + 12 * HOUR, site.bench.clock())
    assert any("refuses the connection" in problem for problem in site.problems())


def test_another_hub_ends_the_subscription_at_the_first(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    first = site.subscribe()
    with Hub() as other:
        publish_pushed(site.publisher, other.url, [ONE])
        second = site.subscribe()
        assert (second.hub, second.token != first.token) == (other.url, True)
    body = render(site, hub, TWO)
    assert push_by_hand(first.callback, body, sign(body, first.secret)) == 410
    wait_until(lambda: len(hub.subscribers) == 1, "the hub to note it")
    hub.distribute(first.topic, body, content_type="text/xml")
    wait_until(lambda: hub.subscribers == (), "the hub to see that it is over")


@pytest.mark.parametrize("change", ["no hub", "no callback", "gone"])
def test_what_is_not_wanted_any_more_ends(site: Site, hub: Hub, change: str) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    known = site.subscribe()
    if change == "no callback":
        site.configure(callback=False)
    elif change == "no hub":
        publish_pushed(site.publisher, None, [ONE])
        site.poll()
    else:
        site.publisher.publish("/a", b"", content_type="text/plain", status=410)
        for _ in range(3):
            site.poll()
            site.bench.clock.advance(DAY)
    assert site.find() is None
    with site.bench.store.read() as tx:
        ended = subscriptions.find_subscription(tx, known.token)
    assert ended is not None
    assert ended.state == "ended"
    site.bench.clock.at = ended.next_at
    with site.bench.store.write() as tx:
        assert subscribing.take_due(tx, now=site.bench.clock(), hubs=9, jitter=0) == ()
        assert subscriptions.find_subscription(tx, known.token) is None


def test_a_hub_that_refuses_is_told_of_and_backed_off_from(site: Site, publisher: Publisher) -> None:
    with Publisher() as nobody:  # answers no POST
        publish_pushed(publisher, f"{nobody.url}/hub", [ONE])
        site.poll()
        push.ask_hubs(site.line)
    assert site.subscription.next_at == site.bench.clock() + 10 * MINUTE
    (problem,) = site.problems()
    assert "does not take our request (it answered 501)" in problem
    assert push.ask_hubs(site.line) == 0


def test_a_hub_at_the_port_of_something_else_is_not_connected_to(site: Site) -> None:
    with Hub("127.0.0.2") as hub:
        publish_pushed(site.publisher, hub.url, [ONE])
        site.poll()
        assert push.ask_hubs(site.line) == 1
        assert hub.requests == ()
    assert "of ports only 80, 443" in site.problems()[0]


def test_a_hub_in_our_own_network_is_not_connected_to(
    tmp_path: Path, publisher: Publisher, sandbox: Sandbox, hub: Hub
) -> None:
    publish_pushed(publisher, hub.url, [ONE])
    with (
        Client(replace(POLICY, allow_networks=())) as careful,
        open_bench(tmp_path, careful, sandbox) as bench,
    ):
        site = Site(bench=bench, publisher=publisher)
        site.configure()
        known = Subscription(
            token="t", source_id="a", hub=hub.url, topic="x", callback="y", secret="z", next_at=bench.clock()
        )
        with bench.store.write() as tx:
            subscriptions.add_subscription(tx, known)
        push.ask_hubs(site.line)
        assert hub.requests == ()
        assert "not a public address" in (site.subscription.last_error or "")


def test_a_hub_that_accepts_and_does_not_verify_is_told_of_in_time(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    site.port = find_free_port()  # a callback at which nobody listens
    site.configure()
    site.poll()
    push.ask_hubs(site.line)
    assert site.problems() == ()
    site.bench.clock.advance(MINUTE)
    (problem,) = site.problems()
    assert f"can it reach http://127.0.0.1:{site.port}/websub/?" in problem
    assert site.subscription.token not in problem


def test_hubs_are_asked_one_request_at_a_time_and_all_at_once(site: Site, hub: Hub) -> None:
    """Three sources of one hub are no burst; two hubs do not wait for each other."""
    with Hub() as other:
        addresses = [(f"a{n}", hub.url) for n in range(3)] + [("b", other.url)]
        with site.bench.store.write() as tx:
            for token, hub_url in addresses:
                known = Subscription(
                    token=token,
                    source_id="a",
                    hub=hub_url,
                    topic="https://x.example/",
                    callback="http://127.0.0.1:9/",
                    secret="z",
                    next_at=site.bench.clock(),
                )
                subscriptions.add_subscription(tx, known)
        assert [push.ask_hubs(site.line) for _ in range(4)] == [2, 1, 1, 0]
        assert (len(hub.requests), len(other.requests)) == (3, 1)


def test_a_hub_that_asks_for_rest_is_left_alone_for_all_of_its_sources(site: Site) -> None:
    now, hub_url = site.bench.clock(), "https://hub.example/"
    known = Subscription(
        token="a", source_id="a", hub=hub_url, topic="x", callback="y", secret="z", next_at=now, awaiting=True
    )
    others = [replace(known, token="b"), replace(known, token="c", hub="https://other.example/")]
    with site.bench.store.write() as tx:
        for one in (known, *others):
            subscriptions.add_subscription(tx, one)
        subscribing.record_answer(tx, "a", "it answered 503", now=now, jitter=0, retry_after=2 * HOUR)
        found = {t: subscriptions.find_subscription(tx, t) for t in "abc"}
    waits = {t: one.next_at - now for t, one in found.items() if one is not None}
    assert waits == {"a": 2 * HOUR, "b": 2 * HOUR, "c": timedelta(0)}


def test_what_a_hub_says_after_it_has_verified_is_no_failure(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    known = site.subscribe()
    with site.bench.store.write() as tx:
        subscribing.record_answer(tx, known.token, "it answered 500", now=site.bench.clock(), jitter=0)
    assert site.subscription == known


# --- what is pushed -------------------------------------------------------------------------------


def test_a_pushed_document_goes_down_the_line_and_leaves_the_next_poll_alone(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE, TWO])
    site.subscribe()
    before = site.bench.state("a")
    site.receive(render(site, hub, make_item(1, title="An edited title"), THREE))

    (report,) = push.deliver(site.line)

    assert (report.new, report.updated) == (1, 1)
    assert site.guids() == ["item-1", "item-2", "item-3"]
    after = site.bench.state("a")
    assert replace(after, pace=before.pace) == before
    assert after.pace.rate is not None
    assert before.pace.rate is not None
    assert sum(after.pace.rate.hours) == pytest.approx(sum(before.pace.rate.hours) + 1, abs=0.01)
    with site.bench.store.read() as tx:
        listed = articles.list_articles(tx, "en/world", limit=9)
    assert {article.title for article in listed} >= {"An edited title", "Bridge number 3 opens"}
    site.poll()
    assert [request.status for request in site.publisher.log] == [200, 304]
    assert push.deliver(site.line) == ()


def test_the_same_document_again_changes_nothing(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    body = render(site, hub, ONE, TWO)
    for _ in range(3):
        site.receive(body)
    assert [(r.new, r.updated) for r in push.deliver(site.line)] == [(1, 0), (0, 0), (0, 0)]


def test_documents_of_one_source_are_saved_in_their_order(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    for word in ("first", "second", "third"):
        site.receive(render(site, hub, make_item(1, title=f"The {word} title")))
    push.deliver(site.line)
    assert [entry.title for entry in site.bench.entries()] == ["The third title"]


def test_two_pollers_share_the_inbox_and_the_dead_leave_theirs_to_others(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    site.receive(render(site, hub, TWO))
    site.receive(render(site, hub, THREE))
    with site.bench.store.write() as tx:
        (taken,) = subscriptions.take_payloads(tx, now=site.bench.clock(), limit=9, lease=push.READ_LEASE)
    assert isinstance(taken, Payload)
    assert push.deliver(site.line) == (), "the second waits for the first, which another one reads"
    site.bench.clock.advance(push.READ_LEASE)
    assert len(push.deliver(site.line)) == 2
    with site.bench.store.write() as tx:
        assert not subscriptions.remove_payload(tx, taken.id)


def test_a_poll_that_a_push_has_overtaken_does_not_undo_it(site: Site, hub: Hub) -> None:
    """The publisher's server hands out the old document while the hub has the new one already."""
    publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    old = render(site, hub, ONE, TWO)
    new = render(site, hub, make_item(1, title="The newer title"))

    def answer(request: Request) -> Answer:
        site.receive(new)
        push.deliver(site.line)
        return Answer(body=old, headers=(("ETag", '"old"'), ("Content-Type", "text/xml")))

    site.publisher.publish_handler("/a", answer)
    validators = site.bench.state("a").validators
    site.poll()
    titles = {entry.guid: entry.title for entry in site.bench.entries()}
    assert titles == {"item-1": "The newer title", "item-2": "Bridge number 2 opens"}
    assert site.bench.state("a").validators == validators, "the next poll asks for the document again"


def test_a_document_is_saved_while_its_host_is_being_polled(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    (claim,) = site.bench.claim()
    site.receive(render(site, hub, TWO))
    assert len(push.deliver(site.line)) == 1
    assert len(poll_bucket(site.line, claim)) == 1


def test_a_source_taken_out_of_the_configuration_is_saved_no_more(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    site.receive(render(site, hub, TWO))
    site.line = site.bench.configure(source_table("b", f"{site.publisher.url}/b"))
    assert push.deliver(site.line) == ()
    with site.bench.store.read() as tx:
        assert not subscriptions.has_payloads(tx, now=site.bench.clock() + DAY)
    assert site.guids() == ["item-1"]


def test_what_cannot_be_read_is_told_of_until_the_next_that_can(
    site: Site, hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    site.configure(every="1h")
    publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    site.poll()
    assert site.bench.state("a").next_poll_at == site.bench.clock() + 12 * HOUR
    site.receive(b"<html><body>Sorry</body></html>")
    with caplog.at_level(logging.WARNING):
        assert push.deliver(site.line) == ()
    (problem,) = site.problems()
    assert problem.startswith("its hub pushed what cannot be read: ")
    assert site.bench.state("a").next_poll_at == site.bench.clock() + HOUR, "polled as if it were not pushed"
    assert site.bench.state("a").last_error is None, "its own server is in order"
    site.receive(render(site, hub, TWO))
    push.deliver(site.line)
    assert site.problems() == ()


# --- backup polls ---------------------------------------------------------------------------------

EVERY = {
    "as it publishes": (None, 12 * HOUR),
    "every hour": ("1h", 12 * HOUR),
    "every two days": ("2d", 2 * DAY),
}


@pytest.mark.parametrize(("every", "expected"), EVERY.values(), ids=EVERY.keys())
def test_a_source_that_is_pushed_is_polled_every_12_hours(
    site: Site, hub: Hub, every: str | None, expected: timedelta
) -> None:
    site.configure(every=every)
    publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    site.poll()
    assert site.bench.state("a").next_poll_at == site.bench.clock() + expected
    for jitter in (-1.0, 1.0):
        line = replace(site.line, jitter=lambda jitter=jitter: jitter)
        site.bench.poll(line)
        wait = site.bench.state("a").next_poll_at - site.bench.clock()
        assert expected <= wait <= expected * 1.1


def test_what_http_asks_for_holds_for_backups_too(site: Site, hub: Hub) -> None:
    topic = publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    body = render_pushed([ONE], hub_url=hub.url, topic=topic)
    site.configure(every="1h")
    headers = {"Cache-Control": "max-age=72000"}
    site.publisher.publish("/a", body, content_type="text/xml", headers=headers)
    site.poll()
    assert site.bench.state("a").next_poll_at == site.bench.clock() + 20 * HOUR


def test_a_hub_that_misses_articles_is_not_relied_on_until_it_pushes_again(site: Site, hub: Hub) -> None:
    site.configure(every="1h")
    publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    publish_pushed(site.publisher, hub.url, [ONE, TWO])
    site.bench.clock.advance(MINUTE)
    site.poll()
    assert site.problems() == (), "what was published before the hub knew us is no fault of its"
    assert site.bench.state("a").next_poll_at == site.bench.clock() + 12 * HOUR
    publish_pushed(site.publisher, hub.url, [ONE, TWO, THREE])
    site.bench.clock.advance(MINUTE)
    site.poll()
    assert subscribing.MISSED in site.problems()[0]
    assert site.bench.state("a").next_poll_at == site.bench.clock() + HOUR
    site.receive(render(site, hub, make_item(4)))
    push.deliver(site.line)
    site.poll()
    assert site.problems() == ()
    assert site.bench.state("a").next_poll_at == site.bench.clock() + 12 * HOUR


def test_of_an_overtaken_source_the_new_is_saved_and_nothing_edited(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    site.poll()
    source = site.line.settings.get_source("a")
    body = render(site, hub, make_item(1, title="Another"), TWO)
    reading = read_document(body, source.url, content_type=None, source=source, seen_at=site.bench.clock())
    now = site.bench.clock()
    result = PollResult(source_id="a", outcome="new_body", polled_at=now, next_poll_at=now, reading=reading)
    with site.bench.store.write() as tx:
        (report,) = save_results(tx, [result], now=now, overtaken=["a"])
    assert (report.new, report.updated) == (1, 0)


# --- the web --------------------------------------------------------------------------------------


def test_the_inbox_is_bounded_and_says_so(site: Site, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    known = site.subscribe()
    body = render(site, hub, TWO)
    signature = sign(body, known.secret)
    answers = [
        push_by_hand(known.callback, body, signature) for _ in range(subscriptions.MAX_PAYLOADS_OF_ONE + 1)
    ]
    assert answers == [202] * subscriptions.MAX_PAYLOADS_OF_ONE + [503]
    push.deliver(site.line)
    monkeypatch.setattr(subscriptions, "MAX_WAITING_BYTES", 2 * len(body))
    assert [push_by_hand(known.callback, body, signature) for _ in range(3)] == [202, 202, 503]


def test_a_challenge_is_answered_as_bytes_that_no_browser_runs(site: Site, hub: Hub) -> None:
    publish_pushed(site.publisher, hub.url, [ONE])
    site.poll()
    known = replace(site.subscription, awaiting=True)
    with site.bench.store.write() as tx:
        subscriptions.save_subscription(tx, known)
    client = create_app(site.line.settings, site.bench.store).test_client()
    challenge = "<script>alert(1)</script>"
    query = {"hub.mode": "subscribe", "hub.topic": known.topic, "hub.challenge": challenge}
    path = f"/websub/{known.token}"
    answer = client.get(path, query_string=query | {"hub.challenge": "x" * 5000})
    assert answer.status_code == 404
    answer = client.get(path, query_string=query)
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, challenge)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    answer = client.get(path, query_string=query)
    assert answer.status_code == 404, "it is pending no more"


@pytest.mark.parametrize("path", ["/websub/", "/websub/x", "/websub/x/y", "/websub/%00"])
def test_an_unknown_callback_is_not_found(site: Site, path: str) -> None:
    client = create_app(site.line.settings, site.bench.store).test_client()
    assert client.get(path).status_code == 404
    assert client.post(path, data=b"x").status_code in (404, 405)


def test_a_denial_of_an_active_subscription_brings_polling_back(site: Site, hub: Hub) -> None:
    site.configure(every="1h")
    topic = publish_pushed(site.publisher, hub.url, [ONE])
    site.subscribe()
    site.poll()
    wait_until(lambda: len(hub.subscribers) == 1, "the hub to note it")
    hub.deny(topic, "closed")
    wait_until(lambda: site.subscription.state == "denied", "the denial")
    assert site.bench.state("a").next_poll_at <= site.bench.clock() + HOUR
    assert "has denied us (closed), and is asked again in a week" in site.problems()[0]
