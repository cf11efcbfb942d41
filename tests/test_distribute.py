"""The hub at work: a real store, client, subscribers and a hub elsewhere; the clock stands still."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.demo.hub import Hub
from aggregator.distribute import Distributor
from aggregator.fetch.client import Client
from aggregator.grouping import group_new
from aggregator.hub import sign
from aggregator.parse.sandbox import Sandbox
from aggregator.refresh import Line
from aggregator.statuses import list_hub_notices
from aggregator.store import subscribers
from aggregator.web import create_app
from tests.harness import make_item, wait_until
from tests.site_samples import HOUR, POLICY, Bench, open_bench, save_feed, source_table
from tests.websub_samples import Subscriber, open_subscriber

SITE = "https://news.example"
WORLD = f"{SITE}/feeds/en/world.rss"
DAY = timedelta(days=1)
ONE, TWO, THREE = make_item(1), make_item(2), make_item(3)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(POLICY) as opened:
        yield opened


@dataclass(kw_only=True)
class Site:
    """A site whose source "a" publishes, its hub and web in this process, and its subscribers."""

    bench: Bench
    stack: ExitStack
    hub: str = "own"
    ports: list[Subscriber] = field(default_factory=list)
    line: Line = field(init=False)
    distributor: Distributor = field(init=False)

    def start(self) -> None:
        """With the present configuration, as a process that begins."""
        tables = [source_table("a", "https://a.example/feed")]
        tables += [source_table(f"port{n}", f"{one.root}/feed") for n, one in enumerate(self.ports)]
        self.line = self.bench.configure(*tables, f'\n[websub]\nhub = "{self.hub}"\n')
        self.distributor = Distributor(self.line, owner="test")
        self.stack.callback(self.distributor.close)
        self.web = create_app(self.line.settings, self.bench.store).test_client()

    def open_subscriber(self, host: str = "127.0.0.1") -> Subscriber:
        self.ports.append(self.stack.enter_context(open_subscriber(host)))
        self.start()
        return self.ports[-1]

    def publish(self, *items: object) -> None:
        save_feed(self.bench.store, self.line.settings, "a", items, now=self.bench.clock())  # type: ignore[arg-type]

    def ask(self, subscriber: Subscriber, mode: str = "subscribe", topic: str = WORLD, **form: str) -> int:
        form = {"mode": mode, "topic": topic, "callback": subscriber.url} | form
        return self.web.post("/hub", data={f"hub.{k}": v for k, v in form.items()}).status_code

    def work(self) -> None:
        """A heartbeat, and all calls that it begins."""
        self.distributor.work()
        wait_until(lambda: all(call.done() for call in self.distributor._calls), "the calls to end")

    def rest(self, by: timedelta) -> None:
        self.bench.clock.advance(by)

    def subscribe(self, subscriber: Subscriber, topic: str = WORLD, **form: str) -> None:
        assert self.ask(subscriber, topic=topic, **form) == 202
        before = self.count()
        self.work()
        assert self.count() == before + 1

    def count(self) -> int:
        with self.bench.store.read() as tx:
            return subscribers.count_running(tx, now=self.bench.clock())

    def notices(self) -> tuple[str, ...]:
        return list_hub_notices(self.line.settings, now=self.bench.clock())


@contextmanager
def open_site(folder: Path, client: Client) -> Iterator[Site]:
    with ExitStack() as stack:
        sandbox: Sandbox = None  # type: ignore[assignment]  # nothing is read in these tests
        bench = stack.enter_context(open_bench(folder, client, sandbox))
        # The web stamps requests by the real clock, so this one starts a little after it.
        bench.clock.at = datetime.now(UTC) + timedelta(minutes=1)
        yield Site(bench=bench, stack=stack)


@pytest.fixture
def site(tmp_path: Path, client: Client) -> Iterator[Site]:
    with open_site(tmp_path, client) as opened:
        yield opened


@pytest.mark.parametrize(
    "path", ["en/world.rss", "en/all.atom", "en/top.json", "en/stories/all.rss", "source/a.atom"]
)
def test_what_is_delivered_is_what_the_server_answers(site: Site, path: str) -> None:
    subscriber, topic = site.open_subscriber(), f"{SITE}/feeds/{path}"
    site.subscribe(subscriber, topic, secret="s3cret")
    site.publish(ONE)
    group(site)
    site.work()
    ((headers, body),) = subscriber.deliveries
    answer = site.web.get(f"/feeds/{path}")
    assert ONE.title.encode() in body
    assert body == answer.data
    assert headers["content-type"] == answer.headers["Content-Type"]
    assert headers["link"] == answer.headers["Link"] == f'<{SITE}/hub>; rel="hub", <{topic}>; rel="self"'
    assert headers["x-hub-signature"] == sign(body, "s3cret")
    site.work()
    assert len(subscriber.deliveries) == 1, "nothing is delivered twice"


def group(site: Site) -> None:
    group_new(site.bench.store, now=site.bench.clock(), stopping=threading.Event())


def test_a_subscription_counts_once_it_is_confirmed(site: Site) -> None:
    subscriber = site.open_subscriber()
    subscriber.agrees = False
    assert site.ask(subscriber) == 202
    site.work()
    assert site.count() == 0
    assert site.ask(subscriber, mode="unsubscribe") == 404, "nothing of it is left"
    subscriber.agrees = True
    site.subscribe(subscriber, lease_seconds="3600")
    challenges = [question.pop("hub.challenge") for question in subscriber.questions]
    assert challenges[0] != challenges[1]
    expected = {"mine": "1", "hub.mode": "subscribe", "hub.topic": WORLD}
    assert subscriber.questions[1] == expected | {"hub.lease_seconds": "3600"}
    site.publish(ONE)
    site.work()
    ((headers, _),) = subscriber.deliveries
    assert "x-hub-signature" not in headers, "no secret was given"


def test_only_those_are_called_whose_feed_has_changed(site: Site) -> None:
    subscriber = site.open_subscriber()
    site.subscribe(subscriber, f"{SITE}/feeds/ar/sports.rss")
    site.publish(ONE)
    site.work()
    assert subscriber.deliveries == []


def test_a_delivery_that_fails_is_made_again_with_the_newest_document(site: Site) -> None:
    subscriber = site.open_subscriber()
    site.subscribe(subscriber)
    subscriber.statuses = [500]
    site.publish(ONE)
    site.work()
    site.publish(ONE, TWO)
    site.work()
    assert len(subscriber.deliveries) == 1, "a change does not cut the wait short"
    (_, told) = site.notices()
    assert told.startswith(f"{site.ports[0].root.removeprefix('http://')} has not taken {WORLD} since ")
    assert told.endswith("(failing, 1 times): it answered 500")
    site.rest(timedelta(seconds=5))
    site.work()
    assert b"Bridge number 2" in subscriber.deliveries[1][1]
    assert site.notices() == ("subscriptions: 1, failing: 0",)
    site.rest(DAY)
    site.work()
    assert len(subscriber.deliveries) == 2


def test_who_does_not_answer_for_a_day_is_given_up_until_it_subscribes_anew(site: Site) -> None:
    subscriber = site.open_subscriber()
    site.subscribe(subscriber)
    subscriber.statuses = [500] * 100
    site.publish(ONE)
    for _ in range(60):
        site.work()
        site.rest(HOUR)
    tried = len(subscriber.deliveries)
    assert 20 < tried < 40
    assert "given up until it subscribes anew" in site.notices()[1]
    subscriber.statuses = []
    site.publish(ONE, TWO)
    site.work()
    assert len(subscriber.deliveries) == tried
    assert site.ask(subscriber) == 202
    site.work()
    assert site.notices() == ("subscriptions: 1, failing: 0",)
    site.publish(ONE, TWO, THREE)
    site.work()
    assert len(subscriber.deliveries) == tried + 1


def test_410_ends_a_subscription_and_so_does_the_lease(site: Site) -> None:
    subscriber = site.open_subscriber()
    site.subscribe(subscriber)
    subscriber.statuses = [410]
    site.publish(ONE)
    site.work()
    assert site.count() == 0
    site.subscribe(subscriber, lease_seconds="3600")
    site.rest(HOUR + timedelta(seconds=1))
    site.publish(ONE, TWO)
    site.work()
    assert (site.count(), len(subscriber.deliveries)) == (0, 1)


def test_unsubscribing_is_confirmed_too(site: Site) -> None:
    subscriber = site.open_subscriber()
    site.subscribe(subscriber)
    subscriber.agrees = False
    assert site.ask(subscriber, mode="unsubscribe") == 202
    site.work()
    assert site.count() == 1, "anybody may ask in the name of another"
    subscriber.agrees = True
    assert site.ask(subscriber, mode="unsubscribe") == 202
    site.work()
    site.publish(ONE)
    site.work()
    assert (site.count(), subscriber.deliveries) == (0, [])
    assert "hub.lease_seconds" not in subscriber.questions[-1]


def test_a_renewal_brings_its_own_secret_once_it_is_confirmed(site: Site) -> None:
    subscriber = site.open_subscriber()
    site.subscribe(subscriber, secret="one")
    subscriber.agrees = False
    assert site.ask(subscriber, secret="forged") == 202
    site.work()
    site.publish(ONE)
    site.work()
    subscriber.agrees = True
    assert site.ask(subscriber, secret="two") == 202
    site.work()
    site.publish(ONE, TWO)
    site.work()
    signatures = [headers["x-hub-signature"] for headers, _ in subscriber.deliveries]
    (_, one), (_, two) = subscriber.deliveries
    assert signatures == [sign(one, "one"), sign(two, "two")]


def test_a_slow_subscriber_holds_up_nobody_else(site: Site) -> None:
    slow, quick = site.open_subscriber("127.0.0.2"), site.open_subscriber()
    site.subscribe(slow)
    site.subscribe(quick)
    answering = threading.Event()
    slow.before_answer = lambda: answering.wait(10)
    site.publish(ONE)
    site.distributor.work()
    wait_until(lambda: len(quick.deliveries) == 1, "the quick one")
    site.publish(ONE, TWO)
    site.distributor.work()
    wait_until(lambda: len(quick.deliveries) == 2, "the quick one again")
    assert len(slow.deliveries) == 1
    answering.set()
    wait_until(lambda: all(call.done() for call in site.distributor._calls), "the slow one")
    site.work()
    assert b"Bridge number 2" in slow.deliveries[1][1], "what changed meanwhile is not lost"


def test_a_process_that_dies_loses_nothing(site: Site) -> None:
    subscriber = site.open_subscriber()
    site.subscribe(subscriber)
    site.publish(ONE)
    site.distributor.compare()
    with site.bench.store.write() as tx:
        subscribers.claim_due(tx, now=site.line.now(), limit=1, lease=HOUR, owner="killed")
    site.start()
    site.work()
    assert subscriber.deliveries == [], "somebody may be calling it"
    with site.bench.store.write() as tx:
        subscribers.release_dead(tx, is_dead=lambda owner: owner == "killed", now=site.line.now())
    site.work()
    assert len(subscriber.deliveries) == 1


def test_a_callback_that_may_not_be_connected_to_is_not(site: Site, tmp_path: Path) -> None:
    """By its address, whatever name it goes by: the guard of every fetch."""
    subscriber = site.open_subscriber()
    with Client(replace(POLICY, allow_networks=())) as guarded:
        site.line = replace(site.line, client=guarded)
        site.distributor = Distributor(site.line, owner="test")
        assert site.ask(subscriber) == 202
        site.work()
        site.distributor.close()
    assert (site.count(), subscriber.questions) == (0, [])


def test_a_feed_that_is_published_no_more_ends_its_subscriptions(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    subscriber = site.open_subscriber()
    gone = site.open_subscriber("127.0.0.2")
    site.subscribe(subscriber, f"{SITE}/feeds/source/port1.rss")
    site.ports.remove(gone)
    site.start()
    with caplog.at_level(logging.WARNING):
        site.work()
    assert site.count() == 0
    assert "their feeds are not published any more" in caplog.text


def test_the_gap_of_a_host_is_kept(site: Site) -> None:
    subscriber = site.open_subscriber()
    settings = replace(site.line.settings, host_gap=timedelta(seconds=3))
    site.distributor = Distributor(replace(site.line, settings=settings), owner="test")
    assert site.ask(subscriber) == 202
    assert site.ask(subscriber, topic=f"{SITE}/feeds/en/all.rss") == 202
    site.work()
    site.work()
    assert len(subscriber.questions) == 1
    site.rest(timedelta(seconds=3))
    site.work()
    assert len(subscriber.questions) == 2


# --- a hub elsewhere ------------------------------------------------------------------------------


@pytest.fixture
def elsewhere() -> Iterator[Hub]:
    with Hub() as running:
        yield running


def list_told(elsewhere: Hub) -> list[str]:
    return sorted(request.topic for request in elsewhere.requests)


def test_a_hub_elsewhere_is_told_of_each_document_that_has_changed(site: Site, elsewhere: Hub) -> None:
    site.hub = elsewhere.url
    site.start()
    site.work()
    assert elsewhere.requests == (), "what there was before is no change"
    site.publish(ONE)
    for _ in range(3):
        site.rest(timedelta(seconds=1))
        site.work()
    names = ["en/all", "en/stories/all", "en/stories/world", "en/top", "en/world", "source/a"]
    before_grouping = [name for name in names if "stories" not in name]
    assert list_told(elsewhere) == [
        f"{SITE}/feeds/{name}.{form}" for name in before_grouping for form in ("atom", "json", "rss")
    ]
    assert {request.mode for request in elsewhere.requests} == {"publish"}
    group(site)
    for _ in range(3):
        site.rest(timedelta(seconds=1))
        site.work()
    assert {topic for topic in list_told(elsewhere) if topic.endswith(".rss")} == {
        f"{SITE}/feeds/{name}.rss" for name in names
    }


def test_a_hub_that_is_down_is_told_later_and_admins_are_told_now(site: Site, elsewhere: Hub) -> None:
    site.hub = elsewhere.url
    site.start()
    site.work()
    port = int(elsewhere.url.rstrip("/").rpartition(":")[2])
    elsewhere.close()
    site.publish(ONE)
    site.rest(timedelta(seconds=1))
    site.work()
    (told,) = site.notices()
    assert told.startswith(f"{elsewhere.url} is not told of changes since ")
    assert "(1 times: " in told
    with Hub(port=port) as again:
        site.work()
        assert again.requests == (), "not before the wait is over"
        site.rest(timedelta(seconds=6))
        site.work()
        assert f"{SITE}/feeds/en/world.rss" in list_told(again)
    assert site.notices() == ()
