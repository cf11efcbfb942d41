"""Whatever a publisher sends: a feed within all bounds or a ParseError, in time, and fit for the store."""

from __future__ import annotations

import pickle
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.model import Hints
from aggregator.parse.feeds import parse_feed
from aggregator.parse.opml import parse_opml
from aggregator.reading import read_document
from tests.fuzz.documents import bodies, content_types, elements, tears
from tests.fuzz.markup import find_harm
from tests.fuzz.profile import fuzz, in_time
from tests.harness import make_source

URL = "https://press.example/a/feed.xml"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
LEAST_ENTRIES = 3


def list_texts(value: Any) -> list[str]:
    """Every string anywhere inside."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return (
        [t for one in value for t in list_texts(one)] if isinstance(value, list | tuple | frozenset) else []
    )


def is_web_url(url: str | None) -> bool:
    return url is None or (urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname))


def check_hints(hints: Hints) -> None:
    for span in (hints.ttl, hints.update_every):
        assert span is None or timedelta(0) < span <= timedelta(days=366)
    assert hints.skip_hours <= frozenset(range(24))
    assert hints.skip_days <= frozenset(range(7))
    assert is_web_url(hints.hub_url)
    assert is_web_url(hints.self_url)


@fuzz(body=bodies(), content_type=content_types)
def test_any_body_is_a_feed_within_bounds_or_a_parse_error(body: bytes, content_type: str | None) -> None:
    with in_time():
        try:
            feed = parse_feed(body, url=URL, content_type=content_type, max_entries=LEAST_ENTRIES)
        except ParseError:
            return
    assert len(feed.entries) <= LEAST_ENTRIES
    check_hints(feed.hints)
    assert is_web_url(feed.site_url)
    assert is_web_url(feed.icon_url)
    for text in list_texts(asdict(feed)):
        text.encode()
        assert "\x00" not in text
    assert pickle.loads(pickle.dumps(feed)) == feed


@fuzz(body=bodies(), content_type=content_types)
def test_any_body_is_read_to_entries_that_are_safe_to_store_and_publish(
    body: bytes, content_type: str | None
) -> None:
    with in_time():
        try:
            reading = read_document(body, URL, content_type=content_type, source=make_source(), seen_at=NOW)
        except ParseError:
            return
    guids = [read.entry.guid for read in reading.entries]
    assert len(guids) == len(set(guids))
    for read in reading.entries:
        entry, prints = read.entry, read.fingerprint
        assert entry.guid
        assert entry.title.strip()
        assert is_web_url(entry.url)
        assert all(is_web_url(e.url) for e in entry.enclosures)
        assert is_web_url(entry.image and entry.image.url)
        assert len(entry.excerpt) <= 300
        assert entry.published_at <= entry.updated_at or entry.updated_at <= NOW
        assert max(entry.published_at, entry.updated_at) <= NOW
        assert all(
            key is None or 0 <= key < 2**63 for key in (prints.url_key, prints.title_key, prints.text_key)
        )
        assert find_harm(entry.content_html) == []
        for text in list_texts(asdict(entry)):
            text.encode()
            assert not any(ord(char) < 32 and char not in "\t\n" for char in text), repr(text)
    for text in reading.problems:
        text.encode()


@st.composite
def opml(draw: st.DrawFn) -> bytes:
    names = ("xmlUrl", "XMLURL", "text", "title", "htmlUrl", "language", "type")
    outline = st.dictionaries(st.sampled_from(names), st.text(max_size=30), max_size=5)
    parts = []
    for attributes in draw(st.lists(outline, max_size=8)):
        written = "".join(f' {name}="{value}"' for name, value in attributes.items())
        parts.append(
            f"<outline{written}" + draw(st.sampled_from(("/>", ">", "></outline>", "></outline></outline>")))
        )
    parts += draw(st.lists(elements(), max_size=2))
    body = f"<opml version='2.0'><body>{''.join(parts)}</body></opml>"
    return draw(tears(body.encode(draw(st.sampled_from(("utf-8", "utf-16", "latin-1"))), "replace")))


@fuzz(body=opml())
def test_any_opml_is_a_list_of_subscriptions_or_a_parse_error(body: bytes) -> None:
    with in_time():
        try:
            outlines = parse_opml(body)
        except ParseError:
            return
    for outline in outlines:
        assert outline.xml_url
        for text in list_texts(asdict(outline)):
            text.encode()
            assert "\x00" not in text
