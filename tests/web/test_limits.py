"""Whoever asks too much of us is told to wait, and nobody else is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from aggregator.web import create_app
from aggregator.web.limits import LIMITS, SHARED
from tests.site_samples import Portal, open_portal

SEARCH = "/en/search?q="  # asks for words, and costs nothing more
MOST = LIMITS["reference.search_page"]
ONE, OTHER = {"REMOTE_ADDR": "203.0.113.9"}, {"REMOTE_ADDR": "203.0.113.10"}


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with open_portal(tmp_path_factory.mktemp("portal")) as opened:
        settings = replace(opened.settings, admin_password="x", websub_hub="https://news.example/hub")
        yield replace(opened, settings=settings)


def make_client(portal: Portal, proxies: int = 0) -> FlaskClient:
    return create_app(portal.settings, portal.store, proxies=proxies).test_client()


def ask(client: FlaskClient, path: str, times: int, by: dict[str, str], **headers: str) -> list[int]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return [client.get(path, environ_base=by, headers=named).status_code for _ in range(times)]


def test_search_is_answered_so_often_a_minute_and_then_says_when_again(portal: Portal) -> None:
    client = make_client(portal)
    assert set(ask(client, SEARCH, MOST, ONE)) == {200}
    answer = client.get(SEARCH, environ_base=ONE)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 61
    assert "Please wait a minute" in answer.get_data(as_text=True)
    assert answer.headers["Cache-Control"] == "no-store"
    assert not any(name.startswith("X-RateLimit") for name in answer.headers.keys())  # noqa: SIM118
    assert ask(client, SEARCH, 1, OTHER) == [200]
    assert ask(client, "/oembed?url=https://news.example/en/", 1, ONE) == [200], "each has its own limit"


@pytest.mark.parametrize("path", ["/feeds/en/world.rss", "/en/", "/en/s/world/", "/feeds.opml", "/healthz"])
def test_feeds_and_pages_are_never_held_back(portal: Portal, path: str) -> None:
    client = make_client(portal)
    assert set(ask(client, path, max(LIMITS.values()) + 1, ONE)) == {200}


@pytest.mark.parametrize(
    ("path", "most"), [("/oembed?url=x", LIMITS["embeds.oembed_answer"]), ("/admin/", LIMITS["admin"])]
)
def test_what_else_is_limited(portal: Portal, path: str, most: int) -> None:
    *answers, last = ask(make_client(portal), path, most + 1, ONE, Authorization="Bearer x")
    assert 429 not in answers
    assert last == 429


@pytest.mark.parametrize(
    ("proxies", "most", "same"),
    [
        pytest.param(
            0, MOST * SHARED, True, id="a proxy that we were not told of: all its visitors together"
        ),
        pytest.param(1, MOST, False, id="one that we were told of: each visitor"),
    ],
)
def test_visitors_behind_a_proxy(portal: Portal, proxies: int, most: int, same: bool) -> None:
    client = make_client(portal, proxies)
    *answers, last = ask(client, SEARCH, most + 1, ONE, X_Forwarded_For="198.51.100.1")
    assert (set(answers), last) == ({200}, 429)
    (other,) = ask(client, SEARCH, 1, ONE, X_Forwarded_For="198.51.100.2")
    assert (other == 429) == same
    (forged,) = ask(client, SEARCH, 1, ONE, X_Forwarded_For="198.51.100.3, 198.51.100.1")
    assert forged == 429, "what a visitor says of itself before the proxy does is not believed"
