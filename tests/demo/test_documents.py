"""What the documents say is read back with feedparser, and with ElementTree where bytes matter."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from time import struct_time
from typing import Any
from xml.etree import ElementTree

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.demo.documents import (
    FORMATS,
    DemoEnclosure,
    DemoFeed,
    DemoItem,
    Format,
    make_items,
    render_document,
)

XML_FORMATS = tuple(one for one in FORMATS if not one.startswith("json"))
DATED = ("rss20", "rss10", "atom10", "atom03")

FULL = DemoItem(
    guid="tag:waha.example,2026:1",
    url="https://waha.example/a?b=1&c=2",
    title='عنوان فيه «اقتباس» & <زاوية> و"علامة"',
    summary="ملخص < قصير & واضح",
    html="<p>نص &amp; <em>فيه</em> وسم.</p>\n<ul><li>واحد</li></ul>",
    author="قسم الأخبار",
    categories=("محليات", "R&D"),
    published_at=datetime(2026, 11, 24, 14, 30, 5, tzinfo=timezone(timedelta(hours=2))),
    updated_at=datetime(2026, 11, 24, 13, 0, tzinfo=UTC),
    image_url="https://waha.example/p.png?x=1&y=2",
    enclosure=DemoEnclosure(url="https://waha.example/s.wav", type="audio/wav", length=8044),
)
BARE = DemoItem(
    guid="https://waha.example/b",
    url="https://waha.example/b",
    title="Plain",
    summary="Only a summary",
    html="<p>Short</p>",
    published_at=datetime(2026, 1, 2, tzinfo=UTC),
    updated_at=datetime(2026, 1, 2, tzinfo=UTC),
)
FEED = DemoFeed(
    title="صحيفة الواحة & الميناء",
    link="https://waha.example/",
    lang="ar",
    description="يومية",
    items=(FULL, BARE),
)


def read(document: bytes) -> Any:
    found = feedparser.parse(io.BytesIO(document), sanitize_html=False, resolve_relative_uris=False)
    assert not found.bozo, found.get("bozo_exception")
    return found


def moment(parsed: struct_time) -> datetime:
    return datetime(*parsed[:6], tzinfo=UTC)


@pytest.mark.parametrize("format", XML_FORMATS)
def test_titles_links_and_versions_read_back(format: Format) -> None:
    found = read(render_document(format, FEED))
    versions = {"rss091": "rss091u", "rss10": "rss10"}
    assert found.version == versions.get(format, format)
    assert found.feed.title == FEED.title
    assert found.feed.link == FEED.link
    assert found.feed.language == "ar"
    assert [(e.title, e.link) for e in found.entries] == [(i.title, i.url) for i in FEED.items]


@pytest.mark.parametrize("format", DATED)
def test_dates_identities_and_authors_read_back(format: Format) -> None:
    found = read(render_document(format, FEED))
    key = "updated_parsed" if format == "rss10" else "published_parsed"
    assert [moment(entry[key]) for entry in found.entries] == [item.published_at for item in FEED.items]
    assert [entry.id for entry in found.entries] == [item.guid for item in FEED.items]
    assert found.entries[0].author == FULL.author
    assert [tag.term for tag in found.entries[0].tags] == list(FULL.categories)
    assert [entry.summary for entry in found.entries] == [item.summary for item in FEED.items]
    assert "author" not in found.entries[1]


@pytest.mark.parametrize("format", ["atom10", "atom03"])
def test_atom_says_when_an_entry_was_changed(format: Format) -> None:
    found = read(render_document(format, FEED))
    assert moment(found.entries[0].updated_parsed) == FULL.updated_at
    assert moment(found.feed.updated_parsed) == FULL.updated_at


@pytest.mark.parametrize("format", DATED)
def test_the_text_reads_back_as_html(format: Format) -> None:
    found = read(render_document(format, FEED))
    assert found.entries[0].content[0].value.strip() == FULL.html


def test_xhtml_content_holds_the_same_elements() -> None:
    document = render_document("atom10", replace(FEED, xhtml=True))
    content = read(document).entries[0].content[0]
    assert content.type == "application/xhtml+xml"
    assert "<em>فيه</em>" in content.value
    assert b'<div xmlns="http://www.w3.org/1999/xhtml"><p>' in document


def test_old_formats_say_no_more_than_they_can() -> None:
    oldest = read(render_document("rss091", FEED)).entries[0]
    old = read(render_document("rss092", FEED)).entries[0]
    assert oldest.summary == FULL.summary
    assert old.summary == FULL.html
    assert "tags" not in oldest
    assert [tag.term for tag in old.tags] == list(FULL.categories)
    assert "published" not in oldest
    assert "published" not in old


@pytest.mark.parametrize("format", ["rss20", "rss092", "atom10"])
def test_enclosures_read_back(format: Format) -> None:
    (enclosure,) = read(render_document(format, FEED)).entries[0].enclosures
    assert (enclosure.href, enclosure.type, enclosure.length) == (
        "https://waha.example/s.wav",
        "audio/wav",
        "8044",
    )


@pytest.mark.parametrize("format", ["rss20", "rss10", "atom10"])
def test_pictures_read_back(format: Format) -> None:
    first, second = read(render_document(format, FEED)).entries
    assert [media["url"] for media in first.media_content] == [FULL.image_url]
    assert "media_content" not in second


def test_a_guid_is_a_permalink_only_where_it_is_the_url() -> None:
    document = render_document("rss20", FEED).decode()
    assert re.findall(r'isPermaLink="(\w+)"', document) == ["false", "true"]


def test_ttl_is_in_minutes_and_only_where_asked_for() -> None:
    assert read(render_document("rss20", replace(FEED, ttl=timedelta(hours=1)))).feed.ttl == "60"
    assert b"<ttl" not in render_document("rss20", FEED)


@pytest.mark.parametrize(("format", "version"), [("json10", "1"), ("json11", "1.1")])
def test_json_feeds(format: Format, version: str) -> None:
    document = json.loads(render_document(format, FEED, encoding="windows-1256"))
    first, second = document["items"]
    assert document["version"] == f"https://jsonfeed.org/version/{version}"
    assert (document["title"], document["home_page_url"]) == (FEED.title, FEED.link)
    assert (first["id"], first["url"], first["title"]) == (FULL.guid, FULL.url, FULL.title)
    assert (first["content_html"], first["summary"]) == (FULL.html, FULL.summary)
    assert (first["date_published"], first["date_modified"]) == (
        "2026-11-24T12:30:05Z",
        "2026-11-24T13:00:00Z",
    )
    assert (first["tags"], first["image"]) == (list(FULL.categories), FULL.image_url)
    assert first["attachments"][0]["size_in_bytes"] == 8044
    assert not {"attachments", "image", "tags", "author", "authors"} & set(second)


def test_authors_and_language_are_where_each_json_version_has_them() -> None:
    older, newer = (json.loads(render_document(one, FEED)) for one in ("json10", "json11"))
    assert older["items"][0]["author"] == {"name": FULL.author}
    assert newer["items"][0]["authors"] == [{"name": FULL.author}]
    assert "language" not in older
    assert newer["language"] == "ar"


@pytest.mark.parametrize("format", XML_FORMATS)
def test_windows_1256_is_declared_written_and_read_back(format: Format) -> None:
    feed = replace(FEED, items=(replace(FULL, title="خبر — ٢٠٢٦ 🌴"), BARE))
    document = render_document(format, feed, encoding="windows-1256")
    assert document.startswith(b'<?xml version="1.0" encoding="windows-1256"?>')
    assert "خبر — &#1634;".encode("windows-1256") in document
    found = read(document)
    assert found.encoding == "windows-1256"
    assert [entry.title for entry in found.entries] == ["خبر — ٢٠٢٦ 🌴", "Plain"]


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_feed_is_a_feed(format: Format) -> None:
    document = render_document(format, replace(FEED, items=()))
    if format.startswith("json"):
        assert json.loads(document)["items"] == []
    else:
        assert read(document).entries == []


@given(title=st.text(), format=st.sampled_from(XML_FORMATS), encoding=st.sampled_from(["utf-8", "cp1256"]))
def test_any_title_survives_but_for_what_xml_cannot_hold(title: str, format: Format, encoding: str) -> None:
    feed = DemoFeed(title="t", link="https://a.example/", lang="en", items=(replace(BARE, title=title),))
    root = ElementTree.fromstring(
        render_document(format, feed, encoding=encoding).decode(encoding).split("\n", 1)[1]
    )
    titles = [element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == "title"]
    holdable = re.sub(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", title)
    assert titles == ["t", holdable]


@given(html=st.text(st.sampled_from("]>&<a [\n")))
def test_any_text_survives_cdata(html: str) -> None:
    feed = replace(FEED, items=(replace(BARE, html=html),))
    root = ElementTree.fromstring(render_document("rss20", feed))
    assert root.findtext(".//{http://purl.org/rss/1.0/modules/content/}encoded") == html


@pytest.mark.parametrize("lang", ["ar", "en"])
def test_filler_is_the_same_for_the_same_arguments(lang: Any) -> None:
    assert make_items(30, 3000, seed=7, lang=lang) == make_items(30, 3000, seed=7, lang=lang)


@pytest.mark.parametrize("lang", ["ar", "en"])
def test_filler_is_distinct_and_of_the_size_asked_for(lang: Any) -> None:
    items = [item for seed in range(40) for item in make_items(30, 3000, seed=seed, lang=lang)]
    for field in ("guid", "url", "title", "html"):
        assert len({getattr(item, field) for item in items}) == len(items)
    assert all(3000 <= len(item.html.encode()) < 4000 for item in items)


def test_filler_comes_newest_first() -> None:
    dates = [item.published_at for item in make_items(30, 100, seed=1, lang="en")]
    assert dates == sorted(dates, reverse=True)
    assert len(set(dates)) == 30
