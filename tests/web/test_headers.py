"""What every answer carries, what none does, and that no answer repeats what a forged Host header says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from aggregator.store import articles
from tests.site_samples import Portal

# One of every kind of answer.
PATHS = [
    "/",
    "/ar/",
    "/en/s/world/",
    "/ar/s/sports/page/2/",
    "/feeds/",
    "/feeds.opml",
    "/feeds/ar/all.rss",
    "/feeds/ar/sports.atom",
    "/feeds/source/wire.json",
    "/healthz",
    "/readyz",
    "/metrics",
    "/static/site.css",
    "/robots.txt",
    "/sitemap.xml",
    "/sitemap/ar.xml",
    "/sitemap/ar-news.xml",
    "/none",
    "/fr/",
    "/static/none",
    "/ar",
    "/ar/s/sports",
    "/feeds",
    "/ar/s/sport/",
    "/ar/s/sport",
    "/ar/s/sports/page/1/",
    "/feeds/ar/sport.rss",
]
SHARED = ["/feeds.opml", "/feeds/ar/all.rss", "/feeds/ar/sports.atom", "/feeds/source/wire.json"]


def ask_everything(client: FlaskClient, **headers: str) -> Iterator[tuple[str, TestResponse]]:
    """Every path by every method, new and already known."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    for path in PATHS:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            yield f"{method} {path}", client.open(path, method=method, headers=names, buffered=True)
        yield f"known {path}", client.get(path, headers=names | {"If-None-Match": "*"}, buffered=True)


def test_every_answer_is_guarded(client: FlaskClient) -> None:
    for what, answer in ask_everything(client):
        headers = answer.headers
        assert headers["X-Content-Type-Options"] == "nosniff", what
        assert headers["Referrer-Policy"] == "no-referrer", what
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'", what
        assert policy["style-src"] == "'self'", what
        assert policy["base-uri"] == "'none'", what
        assert policy["frame-ancestors"] == "'self'", what
        assert policy["script-src"] == "'self'", what
        assert "unsafe" not in headers["Content-Security-Policy"], what


def test_no_answer_sets_a_cookie_or_varies_by_one(client: FlaskClient) -> None:
    for what, answer in ask_everything(client, Cookie="session=abc; theme=dark"):
        assert "Set-Cookie" not in answer.headers, what
        assert answer.headers.get("Vary", "Accept-Encoding") == "Accept-Encoding", what


def test_other_sites_may_read_feeds_and_nothing_else(client: FlaskClient) -> None:
    origin = {"Origin": "https://reader.example"}
    for path in PATHS:
        for headers in (origin, origin | {"If-None-Match": "*"}):
            answer = client.get(path, headers=headers, buffered=True)
            allowed = "*" if path in SHARED or path == "/feeds/ar/sport.rss" else None
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed, path
            assert "Access-Control-Allow-Credentials" not in answer.headers


def test_the_tag_of_a_feed_may_be_read_by_other_sites(client: FlaskClient) -> None:
    for path in SHARED:
        assert client.get(path).headers["Access-Control-Expose-Headers"] == "ETag"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8080"},
        {"Host": "news.example", "X-Forwarded-Host": "evil.example"},
        {"Host": "news.example", "Forwarded": "host=evil.example"},
        {"Host": "news.example", "X-Forwarded-Prefix": "//evil.example"},
        {"Host": "news.example", "X-Original-URL": "//evil.example/"},
    ],
    ids=str,
)
def test_a_forged_host_is_repeated_nowhere(client: FlaskClient, headers: dict[str, str]) -> None:
    for path in PATHS:
        answer = client.get(path, headers=headers, buffered=True)
        assert b"evil.example" not in answer.data, path
        assert "evil.example" not in str(answer.headers), path


def test_the_same_bytes_under_any_host(client: FlaskClient) -> None:
    for path in PATHS:
        if path == "/metrics":  # which says how late polls are at this moment
            continue
        answers = [
            client.get(path, headers={"Host": host}, buffered=True)
            for host in ("news.example", "10.0.0.1:8000")
        ]
        assert answers[0].data == answers[1].data, path
        assert answers[0].headers == answers[1].headers, path


@pytest.mark.parametrize("host", ["", "bad host", "[::1", "a\\b", "x" * 300, "@", "evil.example/path"])
def test_a_host_that_is_none_does_no_harm(client: FlaskClient, host: str) -> None:
    for path in ("/ar/", "/ar", "/none"):
        assert client.get(path, headers={"Host": host}).status_code in (200, 308, 400, 404)


@given(
    st.lists(
        st.sampled_from(["/", "//", "\\", "..", "ar", "s", "sports", "sport", "page", "1", "evil.example"])
    )
)
@settings(max_examples=200)
def test_no_path_is_ever_sent_to_another_host(client: FlaskClient, parts: list[str]) -> None:
    """A browser reads `//host` and `/\\host` as another host, whatever the path behind it."""
    raw = "/" + "".join(parts)
    answer = client.get("/", environ_overrides={"PATH_INFO": raw}, headers={"Host": "evil.example"})
    assert answer.status_code in (200, 301, 308, 404)
    location = answer.headers.get("Location")
    if location is not None:
        assert location.startswith("/")
        assert location[1:2] not in ("/", "\\")


def test_every_article_page_is_guarded_too(portal: Portal, client: FlaskClient) -> None:
    with portal.store.read() as tx:
        (article,) = articles.list_articles(tx, "en/world", limit=1)
    answer = client.get(f"/article/{article.id}")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Access-Control-Allow-Origin" not in answer.headers
