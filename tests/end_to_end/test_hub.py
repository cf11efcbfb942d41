"""Our hub from end to end: `aggregator serve` and subscribers that know the Recommendation alone."""

from __future__ import annotations

import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

from flask import Flask
from flask_websub.subscriber import (
    SQLite3SubscriberStorage,
    SQLite3TempSubscriberStorage,
    Subscriber,
    discover,
)
from flask_websub.utils import request_url
from werkzeug.serving import WSGIRequestHandler, make_server

from aggregator.demo.publisher import Publisher
from aggregator.hub import sign
from tests.harness import Site, find_free_port, make_item, publish, wait_until, write_config
from tests.websub_samples import open_subscriber

ONE, TWO = make_item(1), make_item(2)
FEED = "/feeds/en/world.rss"


def configure(site: Site, publisher: Publisher, *roots: str) -> None:
    """A site with a hub of its own. Only ports of configured URLs are called, so subscribers are sources."""
    write_config(site, publisher, {"a": "/a"}, every="1s")
    text = site.config.read_text(encoding="utf-8")
    for number, root in enumerate(roots):
        text += f'\n\n[[source]]\nid = "port{number}"\nurl = "{root}/none"\nsection = "world"\nevery = "7d"'
    site.config.write_text(f'[websub]\nhub = "own"\n\n{text}', encoding="utf-8")


def ask(site: Site, mode: str, callback: str, **form: str) -> int:
    form = {"mode": mode, "topic": site.url + FEED, "callback": callback} | form
    data = urlencode({f"hub.{name}": value for name, value in form.items()}).encode()
    try:
        with urllib.request.urlopen(f"{site.url}/hub", data, timeout=10) as response:
            status: int = response.status
            return status
    except HTTPError as error:
        with error:
            return error.code


class _BehindTls(Subscriber):
    """Flask-WebSub gives secrets to https hubs alone; the proxy with the certificate is left out here."""

    def safe_post_request(self, url: str, **options: Any) -> Any:
        return request_url(self.config, "POST", url.replace("https:", "http:"), **options)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Nothing."""


@dataclass(kw_only=True)
class FlaskSubscriber:
    url: str
    app: Flask
    subscriber: Subscriber
    told: list[tuple[str, str]] = field(default_factory=list)  # mode and topic of what was confirmed
    bodies: list[bytes] = field(default_factory=list)  # of valid signature

    def subscribe(self, **discovered: str) -> str:
        with self.app.app_context():
            callback_id: str = self.subscriber.subscribe(**discovered)
            return callback_id

    def unsubscribe(self, callback_id: str) -> None:
        with self.app.app_context():
            self.subscriber.unsubscribe(callback_id)


@contextmanager
def open_flask_websub(folder: Path) -> Iterator[FlaskSubscriber]:
    port = find_free_port()
    app = Flask(__name__)
    app.config["SERVER_NAME"] = f"127.0.0.1:{port}"
    storages = SQLite3SubscriberStorage(folder / "s.db"), SQLite3TempSubscriberStorage(folder / "t.db")
    subscriber = _BehindTls(*storages, REQUEST_TIMEOUT=10)
    app.register_blueprint(subscriber.build_blueprint(url_prefix="/callbacks"))
    running = FlaskSubscriber(url=f"http://127.0.0.1:{port}", app=app, subscriber=subscriber)
    subscriber.add_success_handler(lambda topic, _id, mode: running.told.append((mode, topic)))
    subscriber.add_listener(lambda _topic, _id, body: running.bodies.append(body))
    server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_flask_websub_subscribes_is_pushed_and_unsubscribes(
    publisher: Publisher, site: Site, tmp_path: Path
) -> None:
    """Independent code finds the hub, proves its intent, checks our signature, and goes."""
    publish(publisher, "/a", [ONE])
    with open_flask_websub(tmp_path) as reader:
        configure(site, publisher, reader.url)
        with site.serving():
            found = discover(site.url + FEED, timeout=10)
            assert found == {"hub_url": f"{site.url}/hub", "topic_url": site.url + FEED}
            wait_until(lambda: b"number 1 " in site.get(FEED).body, "the first article")
            secured = {**found, "hub_url": found["hub_url"].replace("http:", "https:")}
            callback_id = reader.subscribe(**secured, lease_seconds=86_400)
            wait_until(lambda: reader.told == [("subscribe", site.url + FEED)], "the confirmation")
            with reader.app.app_context():
                assert reader.subscriber.get_active_subscription(callback_id)["secret"]
            publish(publisher, "/a", [ONE, TWO])
            wait_until(lambda: any(b"number 2 " in body for body in reader.bodies), "the push")
            wait_until(lambda: site.get(FEED).body == reader.bodies[-1], "the server to answer the same")
            reader.unsubscribe(callback_id)
            wait_until(lambda: len(reader.told) == 2, "the second confirmation")
            assert reader.told[1] == ("unsubscribe", site.url + FEED)
            assert "hub: subscriptions: 0, failing: 0" in site.run("status").stdout


def test_killed_while_it_owes_a_delivery_it_delivers_after_its_restart(
    publisher: Publisher, site: Site
) -> None:
    publish(publisher, "/a", [ONE])
    port = find_free_port()
    with open_subscriber(port=port) as reader:
        configure(site, publisher, reader.root)
        process = site.start()
        try:
            site.wait_until_ready(process)
            wait_until(lambda: b"number 1 " in site.get(FEED).body, "the first article")
            assert ask(site, "subscribe", "http://10.1.2.3/") == 400, "no network of ours is a subscriber's"
            assert ask(site, "subscribe", reader.url, secret="s3cret") == 202
            wait_until(lambda: len(reader.questions) == 1, "the question")
            wait_until(lambda: "subscriptions: 1, failing: 0" in site.run("status").stdout, "it to count")
            reader.statuses = [503] * 3
            publish(publisher, "/a", [ONE, TWO])
            wait_until(lambda: len(reader.deliveries) == 1, "the first try")
            wait_until(lambda: "it answered 503" in site.run("status", "--json").stderr, "it to be told of")
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        reader.statuses = []
        tried = len(reader.deliveries)
        with site.serving():
            wait_until(lambda: len(reader.deliveries) > tried, "the delivery")
            headers, body = reader.deliveries[-1]
            assert b"number 2 " in body
            assert headers["x-hub-signature"] == sign(body, "s3cret")
            assert body == site.get(FEED).body
            wait_until(lambda: "subscriptions: 1, failing: 0" in site.run("status").stdout, "its end")
            assert len(reader.deliveries) == tried + 1


def test_a_second_server_is_pushed_what_the_first_one_publishes(
    publisher: Publisher, site: Site, tmp_path: Path
) -> None:
    """Our subscriber at our hub: an article goes from a publisher through two servers within seconds."""
    publish(publisher, "/a", [ONE])
    folder = tmp_path / "second"
    folder.mkdir()
    second = Site(folder=folder, port=find_free_port())
    configure(site, publisher, second.url)
    second.config.write_text(
        f'[site]\ntitle = "Second"\nurl = "{second.url}"\neditions = ["en"]\n'
        f'[websub]\ncallback = "{second.url}/websub/"\n'
        '[fetch]\nallow_networks = ["127.0.0.0/8"]\nhost_gap = "0s"\n'
        '[[section]]\nid = "world"\nname = "World"\n'
        f'[[source]]\nid = "first"\nurl = "{site.url}{FEED}"\nsection = "world"\nevery = "7d"\n',
        encoding="utf-8",
    )
    with site.serving():
        wait_until(lambda: b"number 1 " in site.get(FEED).body, "the first article")
        with second.serving():
            wait_until(lambda: second.status()["first"]["push"] == "active", "the subscription")
            publish(publisher, "/a", [ONE, TWO])
            wait_until(lambda: b"number 2 " in second.get(FEED).body, "the article that was pushed")
            assert second.status()["first"]["problems"] == []
