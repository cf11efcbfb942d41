"""The hub's address: what it takes down, what it refuses; and the links of the feeds that name it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from lxml import etree

from aggregator.refresh import apply_configuration
from aggregator.store import open_store, subscribers
from aggregator.web import create_app
from aggregator.web.documents import Documents
from tests.harness import make_item, wait_until
from tests.publish.judges import judge_feed
from tests.site_samples import NOON, Portal, make_settings, save_feed, source_table

SITE = "https://news.example"
HUB = f"{SITE}/hub"
TOPIC = f"{SITE}/feeds/en/world.rss"
FEEDS = ["en/world", "en/all", "en/top", "en/stories/world", "en/stories/all", "source/a"]
FORMS = ["rss", "atom", "json"]


def open_site(folder: Path, hub: str) -> Iterator[Portal]:
    tables = [source_table("a", "https://a.example/feed")]
    settings = make_settings(folder, *tables, hub)
    store = open_store(settings.store_url)
    apply_configuration(store, settings, now=NOON)
    save_feed(store, settings, "a", [make_item(1)])
    yield Portal(settings=settings, store=store)
    store.close()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    yield from open_site(tmp_path_factory.mktemp("own"), '\n[websub]\nhub = "own"\n')


@pytest.fixture
def client(portal: Portal) -> FlaskClient:
    return create_app(portal.settings, portal.store).test_client()


def ask(client: FlaskClient, **form: str) -> tuple[int, str]:
    good = {"mode": "subscribe", "topic": TOPIC, "callback": "https://reader.example/cb"}
    answer = client.post("/hub", data={f"hub.{k}": v for k, v in (good | form).items()})
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.text


def list_hubs(body: bytes, form: str) -> list[str]:
    if form == "json":
        return [hub["url"] for hub in json.loads(body).get("hubs", [])]
    return etree.fromstring(body).xpath("//*[local-name()='link'][@rel='hub']/@href")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", FEEDS)
def test_every_feed_names_its_hub_and_itself(client: FlaskClient, name: str, form: str) -> None:
    path = f"/feeds/{name}.{form}"
    answer = client.get(path)
    links = f'<{HUB}>; rel="hub", <{SITE}{path}>; rel="self"'
    assert list_hubs(answer.data, form) == [HUB]
    assert judge_feed(form, answer.data, url=SITE + path, now=NOON) == []
    known = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (known.status_code, known.headers["Link"]) == (304, links)
    assert [answer.headers["Link"], client.head(path).headers["Link"]] == [links, links]


def test_the_links_are_also_sent_where_flask_is_not_asked(portal: Portal) -> None:
    documents, stopping = Documents(portal.store), threading.Event()
    app = create_app(portal.settings, portal.store, documents=documents)
    thread = threading.Thread(target=documents.follow, args=(stopping,))
    thread.start()
    try:
        client, path = app.test_client(), "/feeds/en/world.rss"
        slow = client.get(path)
        wait_until(lambda: documents.find(path) is not None, "the document to be known as current")
        app.full_dispatch_request = lambda: pytest.fail("Flask was asked")  # type: ignore[method-assign]
        quick = client.get(path)
        known = client.get(path, headers={"If-None-Match": quick.headers["ETag"]})
    finally:
        stopping.set()
        thread.join()
    assert quick.headers["Link"] == known.headers["Link"] == slow.headers["Link"]
    assert known.status_code == 304


def test_without_a_hub_none_is_named_and_there_is_none(tmp_path: Path) -> None:
    for portal in open_site(tmp_path, ""):
        client = create_app(portal.settings, portal.store).test_client()
        for form in FORMS:
            answer = client.get(f"/feeds/en/world.{form}")
            assert list_hubs(answer.data, form) == []
            assert "Link" not in answer.headers
        assert client.post("/hub", data={"hub.mode": "subscribe"}).status_code == 404


def test_a_hub_elsewhere_is_named_and_ours_is_closed(tmp_path: Path) -> None:
    for portal in open_site(tmp_path, '\n[websub]\nhub = "https://hub.example/push"\n'):
        client = create_app(portal.settings, portal.store).test_client()
        answer = client.get("/feeds/en/world.rss")
        assert list_hubs(answer.data, "rss") == ["https://hub.example/push"]
        assert '<https://hub.example/push>; rel="hub"' in answer.headers["Link"]
        assert client.post("/hub", data={"hub.mode": "subscribe"}).status_code == 404


def test_archives_are_not_pushed(client: FlaskClient) -> None:
    answer = client.get("/feeds/en/world/2026-11.atom")
    assert answer.status_code == 200
    assert list_hubs(answer.data, "atom") == []
    assert ask(client, topic=f"{SITE}/feeds/en/world/2026-11.atom")[0] == 400


def test_a_good_request_is_accepted_and_the_poller_does_the_rest(client: FlaskClient, portal: Portal) -> None:
    assert ask(client) == (202, "accepted: hub.callback is asked to confirm it within seconds\n")
    with portal.store.read() as tx:
        assert subscribers.has_due(tx, now=NOON.replace(year=2100))


# What is wrong with single values is in tests/test_hub.py.
REFUSED = {
    "another mode": ({"mode": "publish"}, 400, "hub.mode must be subscribe or unsubscribe"),
    "another topic": ({"topic": f"{SITE}/"}, 400, "hub.topic must be the address of a feed of this site"),
    "a private callback": ({"callback": "http://192.168.0.1/"}, 400, "not at a public address"),
    "no such subscription": (
        {"mode": "unsubscribe", "callback": "https://x.example/"},
        404,
        "no subscription",
    ),
}


@pytest.mark.parametrize(("form", "status", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused_is_told_why(
    client: FlaskClient, form: dict[str, str], status: int, words: str
) -> None:
    answered, text = ask(client, **form)
    assert answered == status
    assert words in text


def test_who_has_too_many_is_told_so(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscribers, "MAX_OF_HOST", 0)
    assert ask(client, callback="https://full.example/")[0] == 429
    monkeypatch.setattr(subscribers, "MAX_SUBSCRIBERS", 0)
    assert ask(client, callback="https://full.example/")[0] == 503


JUNK = {
    "nothing": (b"", "application/x-www-form-urlencoded", 400),
    "bytes": (bytes(range(256)), "application/x-www-form-urlencoded", 400),
    "JSON": (b'{"hub.mode": "subscribe"}', "application/json", 400),
    "a broken multipart form": (b"--a\r\nContent-", "multipart/form-data; boundary=a", 400),
    "no boundary": (b"--a", "multipart/form-data", 400),
    "too much": (b"hub.secret=" + b"x" * 20_000, "application/x-www-form-urlencoded", 413),
}


@pytest.mark.parametrize(("body", "kind", "status"), JUNK.values(), ids=JUNK.keys())
def test_junk_is_refused(client: FlaskClient, body: bytes, kind: str, status: int) -> None:
    assert client.post("/hub", data=body, content_type=kind).status_code == status


def test_the_hub_is_posted_to(client: FlaskClient) -> None:
    assert client.get("/hub").status_code == 405
