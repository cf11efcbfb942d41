"""The feeds that a web page names, and pages that would take a reader for ever."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.errors import NotAFeed
from aggregator.parse.discovery import MAX_FEED_URL_CHARS, MAX_FEEDS, find_feeds, find_icons
from aggregator.parse.feeds import parse_feed

URL = "https://press.example/news/index.html"
RSS = 'type="application/rss+xml"'


def find(head: str) -> list[str]:
    return list(find_feeds(f"<!doctype html><html><head>{head}</head><body></body></html>", url=URL))


@pytest.mark.parametrize(
    ("head", "feeds"),
    [
        pytest.param(f'<link rel="alternate" {RSS} href="/feed">', ["https://press.example/feed"], id="RSS"),
        pytest.param(
            "<link rel=alternate type=application/atom+xml href=feed.atom>",
            ["https://press.example/news/feed.atom"],
            id="Atom, without quotes, relative",
        ),
        pytest.param(
            "<LINK HREF='//cdn.example/f.json' TYPE='Application/Feed+JSON' REL='home  ALTERNATE' />",
            ["https://cdn.example/f.json"],
            id="JSON Feed, in capitals, one of several relations, without a scheme",
        ),
        pytest.param(
            '<link rel="alternate" type="application/rss+xml; charset=utf-8" href="/a?b=1&amp;c=2">',
            ["https://press.example/a?b=1&c=2"],
            id="a type with a parameter, an escaped address",
        ),
        pytest.param(
            f'<link rel="alternate" {RSS} href="f"><base href="/a/"><base href="/b/">',
            ["https://press.example/a/f"],
            id="the first base counts, wherever it stands",
        ),
        pytest.param(
            f'<base href="javascript:x"><link rel="alternate" {RSS} href="f">',
            ["https://press.example/news/f"],
            id="a base that is none",
        ),
        pytest.param(
            f'<link rel="alternate" title="A > B" {RSS} href="/feed"\n>',
            ["https://press.example/feed"],
            id="an angle bracket in a value",
        ),
        pytest.param(
            f'<link rel="alternate"" {RSS} href="/feed"><p title="x">',
            ["https://press.example/feed"],
            id="a quote too many",
        ),
        pytest.param(f'<link rel="alternate" {RSS} href="javascript:alert(1)">', [], id="not http(s)"),
        pytest.param(f'<link rel="alternate" {RSS} href="file:///etc/passwd">', [], id="a file"),
        pytest.param(f'<link rel="alternate" {RSS} href="">', [], id="nothing"),
        pytest.param(f'<link rel="alternate" {RSS} href="index.html">', [], id="the page itself"),
        pytest.param(f'<link rel="stylesheet" {RSS} href="/feed">', [], id="another relation"),
        pytest.param('<link rel="alternate" type="text/html" href="/ar/">', [], id="another type"),
        pytest.param('<link rel="alternate" hreflang="ar" href="/ar/">', [], id="no type"),
        pytest.param(
            '<link rel="alternate" type="application/json" href="/wp-json/wp/v2/pages/2">',
            [],
            id="WordPress's programming interface is no feed",
        ),
        pytest.param(
            f'<link rel="alternate" {RSS} href="/{"f" * MAX_FEED_URL_CHARS}">', [], id="longer than any"
        ),
        pytest.param(f'<!-- <link rel="alternate" {RSS} href="/old"> -->', [], id="in a comment"),
        pytest.param(f'<script>"<link rel=alternate {RSS} href=/x>"</script>', [], id="in a script"),
        pytest.param(f'<linkage rel="alternate" {RSS} href="/x">', [], id="another element"),
    ],
)
def test_a_page_names_its_feeds(head: str, feeds: list[str]) -> None:
    assert find(head) == feeds


def test_feeds_come_in_order_comments_last_and_each_once() -> None:
    links = (
        ("Comments on Press", "application/rss+xml", "/c/feed"),
        ("Press", "application/json", "/api"),
        ("Press", "application/atom+xml", "/b"),
        ("Press", "application/rss+xml", "/a"),
        ("Press", "application/rss+xml", "/b"),
        ("الصحيفة &raquo; التعليقات", "application/rss+xml", "/d"),
        ("Press", "application/rss+xml", "/2026/11/bridge/comments/feed"),
    )
    head = "".join(f'<link rel="alternate" title="{t}" type="{k}" href="{h}">' for t, k, h in links)
    paths = [url.removeprefix("https://press.example") for url in find(head)]
    assert paths == ["/b", "/a", "/api", "/c/feed", "/d"], "five at most"


def test_the_error_says_what_to_write() -> None:
    links = "".join(f'<link rel="alternate" {RSS} href="/{n}">' for n in "abc")
    with pytest.raises(NotAFeed) as caught:
        parse_feed(f"<html><head>{links}</head>".encode(), url=URL)
    assert str(caught.value) == (
        'this is a web page, not a feed: write the feed that it names, url = "https://press.example/a", '
        "or one of its others: https://press.example/b, https://press.example/c"
    )


def test_an_address_cannot_break_out_of_the_sentence() -> None:
    head = f"""<link rel="alternate" {RSS} href='/a"\nsection = "x"&#10;&quot;\\'>"""
    assert find(head) == ["https://press.example/a%22section%20=%20%22x%22%22/"]


HOSTILE: dict[str, Callable[[int], str]] = {
    "links that are never closed": lambda n: "<link rel=alternate href=" * n,
    "values that are never closed": lambda n: f'<link {RSS} rel="' * n,
    "values in turn": lambda n: "<link rel=\"<link rel='" * n,
    "equals signs": lambda n: "<link " + "=" * n * 20,
    "spaces": lambda n: "<link rel=" + " " * n * 20,
    "comments that are never closed": lambda n: "<!--" * n,
    "scripts that are never closed": lambda n: "<script " * n,
    "attributes": lambda n: "<link " + "a='1' " * n + ">",
    "links": lambda n: f'<link rel="alternate" {RSS} href="/a">' * n,
    "bases": lambda n: "<base href='/a/'>" * n,
    "brackets": lambda n: "<" * n * 20,
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_page_is_read_in_linear_time(make: Callable[[int], str]) -> None:
    def cost(n: int) -> float:
        page = make(n)
        began = time.process_time()
        find_feeds(page, url=URL)
        return time.process_time() - began

    small, large = min(cost(5_000) for _ in range(3)), min(cost(50_000) for _ in range(2))
    assert large < 30 * small + 0.05, "ten times the page"


PIECES = """<link |<base |rel=alternate | href="|href=/a|"|'|>|<!--|-->|<script>|</script>|<title>|&#0;|//[|http://
| |=|/"""


@settings(max_examples=200)
@given(st.lists(st.sampled_from((*PIECES.split("|"), RSS, "\x00", "\ud800")), max_size=30))
def test_any_page_gives_a_few_web_addresses_or_none(pieces: list[str]) -> None:
    found = find_feeds("".join(pieces), url=URL)
    assert len(found) <= MAX_FEEDS
    assert all(url.startswith(("http://", "https://")) and url.isprintable() for url in found)


@pytest.mark.parametrize(
    ("page", "icons"),
    [
        pytest.param("<link rel=icon href=a.png>", ["/a.png"], id="plain"),
        pytest.param('<link rel="SHORTCUT ICON" href=/b.ico>', ["/b.ico"], id="the old way"),
        pytest.param(
            "<link rel=apple-touch-icon href=t.png><link rel=icon href=16.png sizes=16x16>"
            "<link rel=icon href=32.png sizes=32x32>",
            ["/32.png", "/16.png", "/t.png"],
            id="the one made for a line of text first",
        ),
        pytest.param('<link rel=icon href="a.svg?1"><link rel=icon type=image/svg+xml href=b>', [], id="SVG"),
        pytest.param("<link rel=mask-icon href=m.png><link rel=stylesheet href=icon.css>", [], id="others"),
        pytest.param('<link rel=icon href="data:image/png;base64,AA==">', [], id="in the page itself"),
        pytest.param("<script>'<link rel=icon href=a.png>'</script>", [], id="in a script"),
    ],
)
def test_a_page_names_its_icons(page: str, icons: list[str]) -> None:
    assert find_icons(page, url="https://a.example/x") == tuple(f"https://a.example{icon}" for icon in icons)
