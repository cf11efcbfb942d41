"""/admin/: who is let in, what the page and the feed say, and what neither gives away."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import etree, html

from aggregator.config import Settings
from aggregator.model import PollResult
from aggregator.refresh import apply_configuration
from aggregator.store import Store, open_store, processes, search, sources
from aggregator.store.articles import ensure_identity
from aggregator.web import access, create_app
from tests.publish.page_samples import HOSTILE_TITLE
from tests.site_samples import HOUR, NOON, Portal, make_settings, open_portal, save_feed, source_table

PASSWORD = "فتح correct horse"
FEED = "/admin/problems.rss"
BEARER = {"Authorization": "Bearer " + PASSWORD.encode().decode("latin-1")}
ADDRESSES = count()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """One source fails for long and with a secret, one failed once, one works."""
    with open_portal(tmp_path_factory.mktemp("portal")) as opened:
        with opened.store.write() as tx:
            ensure_identity(tx, authority="news.example", now=NOON)
            for hour in range(4):
                fail(tx, "wire", NOON + hour * HOUR, f"{HOSTILE_TITLE} at https://h.example/?token=s3cret")
            fail(tx, "herald", NOON + HOUR, "HTTP 500: wait")
        named = tuple(
            replace(source, name=HOSTILE_TITLE) if source.id == "wire" else source
            for source in opened.settings.sources
        )
        settings = replace(opened.settings, admin_password=PASSWORD, sources=named)
        yield Portal(settings=settings, store=opened.store)


@pytest.fixture(scope="module")
def app(portal: Portal) -> Flask:
    return create_app(portal.settings, portal.store)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """At an address of its own in every test, since wrong guesses are held against it."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = f"10.0.{next(ADDRESSES)}.1"
    return client


@pytest.fixture
def fresh(portal: Portal) -> FlaskClient:
    """Of a server at which nobody has guessed yet."""
    return create_app(portal.settings, portal.store).test_client()


def fail(tx: object, source_id: str, at: datetime, error: str) -> None:
    result = PollResult(
        source_id=source_id, outcome="failed", polled_at=at, next_poll_at=at + HOUR, error=error
    )
    sources.record_poll(tx, result)  # type: ignore[arg-type]


def basic(password: str, user: str = "anybody") -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def read_page(client: FlaskClient, path: str = "/admin/") -> html.HtmlElement:
    answer = client.get(path, headers=basic(PASSWORD))
    assert answer.status_code == 200
    return html.document_fromstring(answer.get_data(as_text=True))


def read_feed(client: FlaskClient, password: str) -> list[dict[str, str]]:
    answer = client.get(FEED, headers=basic(password))
    assert answer.status_code == 200
    items = etree.fromstring(answer.data).iter("item")
    return [{child.tag: child.text or "" for child in item} for item in items]


def find_token(client: FlaskClient) -> str:
    (address,) = read_page(client).xpath("//code[@class='secret-address']/text()")
    assert address.startswith(f"https://news.example{FEED}?token=")
    return str(address).partition("=")[2]


# --- who is let in ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/admin", "/admin/", FEED, f"{FEED}?token="])
def test_without_a_password_in_the_configuration_there_is_no_such_page(portal: Portal, path: str) -> None:
    settings = replace(portal.settings, admin_password=None)
    answer = create_app(settings, portal.store).test_client().get(path, headers=basic(""))
    assert answer.status_code == 404
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("path", ["/admin/", "/admin/?ui=en", FEED])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="nobody has asked yet"),
        pytest.param(basic("wrong"), 401, id="a wrong password"),
        pytest.param(basic(""), 401, id="an empty one"),
        pytest.param(basic(PASSWORD[:-1]), 401, id="nearly all of it"),
        pytest.param(basic("x", user=PASSWORD), 401, id="it as the user's name"),
        pytest.param({"Authorization": f"Bearer {'x' * 20}"}, 401, id="another bearer token"),
        pytest.param({"Authorization": "Basic %%%"}, 401, id="what is no base64"),
        pytest.param({"Authorization": "Basic " + b64encode(b":\xff").decode()}, 401, id="no UTF-8"),
        pytest.param(basic(PASSWORD), 200, id="the password"),
        pytest.param(basic(PASSWORD, user=""), 200, id="the password without a name"),
        pytest.param(BEARER, 200, id="the password as a bearer token"),
        pytest.param({"Authorization": "Digest x"}, 401, id="another scheme"),
    ],
)
def test_only_the_password_opens(
    client: FlaskClient, path: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(path, headers=headers)
    assert answer.status_code == status
    assert ("Basic" in answer.headers.get("WWW-Authenticate", "")) == (status == 401)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers
    if status == 401:
        assert "s3cret" not in answer.get_data(as_text=True)
        assert "wire" not in answer.get_data(as_text=True)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_changed(client: FlaskClient, method: str) -> None:
    assert client.open("/admin/", method=method, headers=basic(PASSWORD)).status_code == 405


def test_the_token_opens_the_feed_and_nothing_else(client: FlaskClient) -> None:
    token = find_token(client)
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert client.get(f"{FEED}?token={token}").status_code == 200
    for path in (f"{FEED}?token={token[:-1]}", f"{FEED}?token=", f"/admin/?token={token}", f"{FEED}?token=é"):
        assert client.get(path).status_code == 401, path


def test_another_password_or_site_has_another_token() -> None:
    tokens = {
        access.derive_token(password, site_url=url)
        for password in ("one", "two")
        for url in ("https://a.example", "https://b.example")
    }
    assert len(tokens) == 4
    assert access.derive_token("one", site_url="https://a.example") in tokens


def test_guessing_is_held_up_by_address_and_even_the_right_guess_with_it(fresh: FlaskClient) -> None:
    thief, admin = {"REMOTE_ADDR": "203.0.113.9"}, {"REMOTE_ADDR": "127.0.0.1"}
    token = find_token(fresh)
    for _ in range(access.GUESSES):
        assert fresh.get("/admin/", headers=basic("no"), environ_base=thief).status_code == 401
    answer = fresh.get("/admin/", headers=basic(PASSWORD), environ_base=thief)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= access.WINDOW
    assert answer.headers["Cache-Control"] == "no-store"
    assert fresh.get("/admin/", headers=basic(PASSWORD), environ_base=admin).status_code == 200
    assert fresh.get(f"{FEED}?token={token}", environ_base=thief).status_code == 200


def test_who_guesses_through_a_proxy_does_not_lock_out_who_sits_at_the_machine(fresh: FlaskClient) -> None:
    here = {"REMOTE_ADDR": "127.0.0.1"}
    for n in range(access.GUESSES):
        headers = basic("no") | {"X-Forwarded-For": f"203.0.113.{n}"}
        fresh.get("/admin/", headers=headers, environ_base=here)
    proxied = basic(PASSWORD) | {"X-Forwarded-For": "203.0.113.200"}
    assert fresh.get("/admin/", headers=proxied, environ_base=here).status_code == 429
    assert fresh.get("/admin/", headers=basic(PASSWORD), environ_base=here).status_code == 200


def test_guesses_are_forgotten_one_by_one_and_of_few_addresses_at_once() -> None:
    guesses = access.Guesses()
    for second in range(access.GUESSES):
        assert guesses.find_wait("a", now=second) == 0
        guesses.record("a", now=second)
    assert guesses.find_wait("a", now=100) == access.WINDOW - 100
    assert guesses.find_wait("b", now=100) == 0
    assert guesses.find_wait("a", now=access.WINDOW) == 0, "the first is past, so one more is free"
    guesses.record("a", now=access.WINDOW)
    assert guesses.find_wait("a", now=access.WINDOW) == 1
    for n in range(1000):
        guesses.record(f"other {n}", now=access.WINDOW)
    assert guesses.find_wait("a", now=access.WINDOW) == 0, "the memory of it is bounded"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.9", "203.0.113.10", False),
        ("2001:db8::1", "2001:db8::2:3", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:203.0.113.9", "::ffff:203.0.113.10", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
    ],
)
def test_an_ipv6_network_is_one_guesser(fresh: FlaskClient, one: str, other: str, same: bool) -> None:
    for _ in range(access.GUESSES):
        fresh.get("/admin/", headers=basic("no"), environ_base={"REMOTE_ADDR": one})
    answer = fresh.get("/admin/", headers=basic(PASSWORD), environ_base={"REMOTE_ADDR": other})
    assert (answer.status_code == 429) == same


# --- the page --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "lang", "direction", "words"),
    [
        ("/admin/", "ar-LY", "rtl", "متعطل منذ"),
        ("/admin/?ui=en", "en-GB", "ltr", "Failing since"),
        ("/admin/?ui=none", "ar-LY", "rtl", "متعطل منذ"),
    ],
)
def test_the_page_is_of_every_edition_and_has_the_worst_first(
    client: FlaskClient, path: str, lang: str, direction: str, words: str
) -> None:
    page = read_page(client, path)
    assert (page.get("lang"), page.get("dir")) == (lang, direction)
    assert page.xpath("//meta[@name='robots']/@content") == ["noindex"]
    rows = page.xpath("//tbody/tr")
    assert [row.get("id") for row in rows[:2]] == ["source-wire", "source-herald"], "who fails longer first"
    assert {row.get("class") for row in rows[2:]} == {"is-ok"}
    assert words in rows[0].text_content()
    assert "HTTP 500: wait" in page.text_content()


def test_what_others_have_written_is_text_and_secrets_are_hidden(client: FlaskClient) -> None:
    for path in ("/admin/?ui=en", FEED):
        text = client.get(path, headers=basic(PASSWORD)).get_data(as_text=True)
        assert "s3cret" not in text
        assert "token=***" in text
        assert PASSWORD not in text
    page = read_page(client)
    assert HOSTILE_TITLE in page.text_content()
    assert page.xpath("//main//script | //main//img | //main//*[@onerror]") == []


def test_copies_are_counted_by_rule(client: FlaskClient) -> None:
    (cell,) = read_page(client, "/admin/?ui=en").xpath(
        "//tr[@id='source-wire']/td[@data-label='Copies of others, by rule']"
    )
    assert re.fullmatch(r"\s*[a-z-]+ 1\s*", cell.text_content())


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Settings, Store]]:
    settings = replace(make_settings(tmp_path, source_table("a", "https://a.example/f")), admin_password="x")
    store = open_store(settings.store_url)
    with store.write() as tx:
        ensure_identity(tx, authority="news.example", now=NOON)
    yield settings, store
    store.close()


def test_what_is_wrong_beside_the_sources_stands_above_them(own: tuple[Settings, Store]) -> None:
    settings, store = own
    client = create_app(settings, store).test_client()
    path = "/admin/?ui=en"
    page = html.document_fromstring(client.get(path, headers=basic("x")).get_data(as_text=True))
    assert page.xpath("//*[@class='troubles']") == []
    assert "Not polled yet" in page.text_content()

    since = datetime.now(UTC)
    with store.write() as tx:
        processes.record_start(tx, "me", polls=True, digest="", now=since, is_dead=lambda _: False)
        processes.record_problems(tx, "me", ["c.toml:7: a.url: is wrong; write https://u:pw@h.example/"])
    page = html.document_fromstring(client.get(path, headers=basic("x")).get_data(as_text=True))
    (troubles,) = page.xpath("//*[@class='troubles']")
    assert "because of c.toml:7: a.url: is wrong; write https://***@h.example/" in troubles.text_content()
    (item,) = read_feed(client, "x")
    assert "c.toml:7" in item["title"]
    assert "pw@" not in item["title"]


def test_a_search_index_that_is_still_being_built_is_told(portal: Portal, client: FlaskClient) -> None:
    assert "The search index" not in read_page(client, "/admin/?ui=en").text_content()
    with portal.store.write() as tx:
        search.forget_source(tx, "herald")
    assert "no search finds yet: 3" in read_page(client, "/admin/?ui=en").text_content()


# --- the feed --------------------------------------------------------------------------------------


def test_the_feed_has_what_fails_for_long(client: FlaskClient) -> None:
    (item,) = read_feed(client, PASSWORD)
    assert item["title"].startswith(f"{HOSTILE_TITLE} fails: ")
    assert item["pubDate"] == "Tue, 24 Nov 2026 12:00:00 GMT"
    assert item["link"] == "https://news.example/admin/"
    assert item["guid"].startswith("tag:news.example,2026:problem/")


def test_a_guid_stays_as_long_as_the_trouble_lasts(own: tuple[Settings, Store]) -> None:
    settings, store = own
    client = create_app(settings, store).test_client()
    apply_configuration(store, settings, now=NOON)
    counts, items = [], []
    for hour in range(10):
        if hour == 5:
            save_feed(store, settings, "a", [], now=NOON + hour * HOUR)
        else:
            with store.write() as tx:
                fail(tx, "a", NOON + hour * HOUR, f"error {hour}")
        found = read_feed(client, "x")
        counts.append(len(found))
        items += found
    assert counts == [0, 0, 1, 1, 1, 0, 0, 0, 1, 1], "from the third failure in a row to the first success"
    assert ["error" in item["title"] for item in items] == [True] * 5
    guids = [item["guid"] for item in items]
    assert guids == [guids[0]] * 3 + [guids[3]] * 2
    assert guids[0] != guids[3], "what comes back is new"


def test_the_feed_is_the_same_as_long_as_nothing_changes(client: FlaskClient) -> None:
    one, other = (client.get(FEED, headers=basic(PASSWORD)).data for _ in range(2))
    assert one == other
    assert b"application/atom+xml" not in one, "it has no twin in another format"


def test_a_source_that_is_polled_no_more_is_in_the_feed(own: tuple[Settings, Store]) -> None:
    settings, store = own
    at = NOON - timedelta(days=2)
    apply_configuration(store, settings, now=at)
    with store.write() as tx:
        gone = PollResult(
            source_id="a", outcome="failed", polled_at=at, next_poll_at=at, error="HTTP 410", disabled=True
        )
        sources.record_poll(tx, gone)
    client = create_app(settings, store).test_client()
    (item,) = read_feed(client, "x")
    assert "Outlet a is polled no more: the publisher has removed it" in item["title"]
