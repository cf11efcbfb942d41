"""JSON Feed 1.0 and 1.1, also where publishers put the wrong type of value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import NotAFeed, ParseError
from aggregator.model import Enclosure, Image, Markup, ParsedEntry, ParsedFeed
from aggregator.parse.jsonfeed import parse_json_feed

URL = "https://news.example/feeds/all.json"
V1 = "https://jsonfeed.org/version/1"
V11 = "https://jsonfeed.org/version/1.1"


def read(items: Any = (), max_entries: int = 1000, **head: Any) -> ParsedFeed:
    text = json.dumps({"version": V11, "items": items} | head)
    return parse_json_feed(text, url=URL, max_entries=max_entries)


def text(value: str) -> Markup:
    return Markup(value=value, kind="text")


ITEM = {
    "id": "1",
    "url": "/1",
    "external_url": "https://elsewhere.example/",
    "title": "عنوان <b>",
    "content_html": "<p>x</p>",
    "content_text": "x",
    "summary": "short",
    "image": "/i.jpg",
    "banner_image": "https://n.example/b.jpg",
    "date_published": "2026-11-24T08:00:00Z",
    "date_modified": "2026-11-25T08:00:00Z",
    "authors": [{"name": "A"}, {"name": "B", "url": "https://n.example/b"}, {"url": "no name"}],
    "tags": ["t1", "t2", "t1"],
    "language": "ar",
    "attachments": [
        {"url": "https://n.example/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 123},
        {"url": "https://n.example/c.png", "mime_type": "image/png"},
    ],
}


def test_every_field_of_an_item() -> None:
    assert read([ITEM]).entries == (
        ParsedEntry(
            guid="1",
            url="https://news.example/1",
            title=text("عنوان <b>"),
            summary=text("short"),
            content=Markup(value="<p>x</p>", kind="html"),
            authors=("A", "B"),
            categories=("t1", "t2"),
            published="2026-11-24T08:00:00Z",
            updated="2026-11-25T08:00:00Z",
            enclosures=(
                Enclosure(url="https://n.example/a.mp3", type="audio/mpeg", length=123),
                Enclosure(url="https://n.example/c.png", type="image/png"),
            ),
            images=(
                Image(url="https://news.example/i.jpg"),
                Image(url="https://n.example/b.jpg"),
                Image(url="https://n.example/c.png"),
            ),
            lang="ar",
        ),
    )


def test_every_field_of_a_feed() -> None:
    feed = read(
        [{"id": 1}],
        title="Feed",
        home_page_url="https://n.example/",
        feed_url="https://n.example/f.json",
        favicon="/f.ico",
        language="en",
        authors=[{"name": "Desk"}],
        hubs=[
            {"type": "rssCloud", "url": "https://c.example/"},
            {"type": "WebSub", "url": "https://h.example/"},
        ],
    )
    assert (feed.format, feed.title, feed.site_url) == ("json11", text("Feed"), "https://n.example/")
    assert (feed.icon_url, feed.lang, feed.base_url) == ("https://news.example/f.ico", "en", URL)
    assert (feed.hints.self_url, feed.hints.hub_url) == ("https://n.example/f.json", "https://h.example/")
    assert feed.entries == (ParsedEntry(guid="1", authors=("Desk",), lang="en"),)
    assert feed.problems == ()


@pytest.mark.parametrize(
    ("item", "field", "expected"),
    [
        pytest.param(
            {"id": 5, "author": {"name": "Old"}}, "authors", ("Old",), id="the author of version 1.0"
        ),
        pytest.param({"id": 12.5}, "guid", "12.5", id="an id that is a number"),
        pytest.param({"id": True, "title": "t"}, "guid", None, id="an id that is neither text nor number"),
        pytest.param(
            {"external_url": "https://e.example/"}, "url", "https://e.example/", id="only a link elsewhere"
        ),
        pytest.param({"content_text": "a < b"}, "content", text("a < b"), id="only plain text"),
        pytest.param(
            {"id": "1", "title": 5, "content_html": None}, "title", None, id="a title that is a number"
        ),
        pytest.param({"id": "1", "tags": "sport"}, "categories", (), id="tags that are no list"),
        pytest.param({"id": "1", "tags": [1, None, "a"]}, "categories", ("a",), id="tags that are no text"),
        pytest.param({"id": "1", "authors": {"name": "A"}}, "authors", (), id="authors that are no list"),
        pytest.param(
            {"id": "1", "title": "a\ud800b\x00"}, "title", text("ab"), id="characters that cannot be"
        ),
        pytest.param({"id": "1", "url": "javascript:x"}, "url", None, id="a script for a link"),
    ],
)
def test_a_field_of_an_item(item: dict[str, Any], field: str, expected: object) -> None:
    assert getattr(read([item]).entries[0], field) == expected


def test_version_1_0_is_named() -> None:
    assert read([{"id": "1"}], version=V1).format == "json10"


def test_items_that_cannot_be_used_are_skipped_and_counted() -> None:
    feed = read([{"id": "1"}, "two", None, {}])
    assert [e.guid for e in feed.entries] == ["1"]
    assert feed.problems == (
        "item that is no object: skipped (2 times)",
        "entry without id, link, title and text: skipped",
    )


def test_only_so_many_items_are_read() -> None:
    feed = read([{"id": n} for n in range(20)], max_entries=3)
    assert [e.guid for e in feed.entries] == ["0", "1", "2"]
    assert feed.problems == ("only the first 3 of 20 entries were read",)


@pytest.mark.parametrize(
    ("document", "error", "words"),
    [
        pytest.param('{"a": 1}', NotAFeed, "not a JSON Feed", id="other JSON"),
        pytest.param(
            '{"version": "https://jsonfeed.org/version/9"}',
            NotAFeed,
            "not a JSON Feed",
            id="a version to come",
        ),
        pytest.param('{"version": ["x"]}', NotAFeed, "not a JSON Feed", id="a version that is no text"),
        pytest.param("[]", NotAFeed, "JSON list", id="a list"),
        pytest.param("{", NotAFeed, "neither XML nor JSON", id="a lone brace"),
        pytest.param(
            f'{{"version": "{V11}",\n "items": [', ParseError, "not valid JSON near line 2", id="cut off"
        ),
        pytest.param(
            f'{{"version": "{V11}", "x": ' + "[" * 100_000, ParseError, "nested too deeply", id="nesting"
        ),
        pytest.param(
            f'{{"version": "{V11}", "x": ' + "[" * 900 + "]" * 900 + "}",
            ParseError,
            "nested too deeply",
            id="nesting that comes to an end",
        ),
        pytest.param(
            f'{{"version": "{V11}", "x": {"1" * 5000}}}', ParseError, "not readable JSON", id="a mad number"
        ),
    ],
)
def test_what_is_no_json_feed_is_named(document: str, error: type[ParseError], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        parse_json_feed(document, url=URL, max_entries=10)
    assert type(caught.value) is error


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ITEM, "name"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(
    st.lists(JSON, max_size=3), st.dictionaries(st.sampled_from(["title", "authors", "hubs", "icon"]), JSON)
)
def test_values_of_any_type_are_read(items: list[Any], head: dict[str, Any]) -> None:
    assert read(items, **head).format == "json11"
