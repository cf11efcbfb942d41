"""The judges of our feeds see the faults they are there for."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.model import Article, FeedHead
from aggregator.publish.feeds import render_atom, render_rss
from aggregator.publish.jsonfeed import render_json
from tests.publish.feed_samples import BARE, DAWN, FULL, HEADS, SUMMARY
from tests.publish.judges import GRAMMAR, judge_feed, judge_with_xmllint

HEAD: FeedHead = HEADS["ar"]
NOW = DAWN + timedelta(hours=3)
ARTICLES: tuple[Article, ...] = (FULL, BARE, SUMMARY)
URLS = {"rss": HEAD.rss_url, "atom": HEAD.atom_url, "json": HEAD.json_url}
DOCUMENTS = {
    "rss": render_rss(HEAD, ARTICLES).decode(),
    "atom": render_atom(HEAD, ARTICLES).decode(),
    "json": render_json(HEAD, ARTICLES).decode(),
}

PREVIOUS = '<link rel="prev-archive" href="https://a.example/"/>'
MARK = '<fh:archive xmlns:fh="http://purl.org/syndication/history/1.0"/>'
COMPLETE = MARK.replace("archive", "complete")
GONE = (
    '<at:deleted-entry xmlns:at="http://purl.org/atompub/tombstones/1.0" '
    'ref="tag:news.example,2026:x9" when="2026-11-24T05:30:00Z"/>'
)

# What is in the document, what a fault puts in its place, and a word of the complaint.
RSS_FAULTS = {
    "a year of two digits": ("Nov 2026 05:30", "Nov 26 05:30", "date"),
    "a wrong day of the week": ("Tue, 24 Nov 2026 05", "Mon, 24 Nov 2026 05", "date"),
    "a date to come": ("24 Nov 2026 05:30:00", "24 Nov 2026 09:30:00", "implausible"),
    "no language": ("<language>ar-LY</language>", "", "language"),
    "a language that is none": (">ar-LY<", ">arabic_LY<", "language"),
    "no link of the channel": ("<link>https://news.example/ar/s/sports/</link>", "", "link"),
    "a ttl of nothing": ("<ttl>20<", "<ttl>0<", "integer"),
    "another self": ('sports.rss" rel="self"', 'sport.rss" rel="self"', "self"),
    "self not first": ('rel="self"', 'rel="via"', "self"),
    "a guid taken for a link": ('isPermaLink="false"', 'isPermaLink="true"', "guid"),
    "a guid twice": ("2026:b2<", "2026:s3<", "guid twice"),
    "an enclosure without length": (' length="4096"', "", "integer"),
    "an enclosure without type": (' type="audio/mpeg"', "", "media type"),
    "an empty category": ("<category>رياضة<", "<category> <", "blank"),
    "dc:date beside pubDate": ("<pubDate>", "<dc:date>2026</dc:date><pubDate>", "date"),
    "two titles": ("<title>", "<title>a</title><title>", "twice"),
    "an author as text": ("<pubDate>", "<author>Ann</author><pubDate>", "<author>"),
    "no description": ("<description>حقق فريق الميناء فوزاً كبيراً.</description>", "", "description"),
    "a script": ("&lt;p&gt;اقرأ", "&lt;script&gt;1&lt;/script&gt;&lt;p&gt;اقرأ", "<script>"),
    "a handler": ("&lt;p&gt;اقرأ", '&lt;p onclick="1"&gt;اقرأ', "onclick"),
    "a style": ("&lt;p&gt;اقرأ", '&lt;p style="a"&gt;اقرأ', "style"),
    "a relative image": ('src="https://harbour.example/img', 'src="/img', "absolute"),
    "a link that runs": ('href="https://harbour.example/m', 'href="javascript:m', "absolute"),
    "an open element": ("&lt;p&gt;اقرأ", "&lt;b&gt;&lt;p&gt;اقرأ", "closes nothing"),
    "brackets in an address": ("/rss?section", "/rss[]?section", "URI"),
    "a title to be decoded twice": ("Rain delays", "&lt;b&gt;Rain&lt;/b&gt;", "hexadecimal"),
    "a letter lost": ("Rain delays", "R\ufffdin delays", "bad character"),
    "a channel's element last": ("</channel>", "<docs>https://a.example</docs></channel>", "behind"),
    "XML that is none": ("</channel>", "", "no XML"),
    "XHTML in the channel": ("<generator>", '<div xmlns="http://www.w3.org/1999/xhtml"/><generator>', ""),
    "XHTML in an item": ("<pubDate>", '<div xmlns="http://www.w3.org/1999/xhtml"/><pubDate>', "div"),
}
ATOM_FAULTS = {
    "no id": ("<id>tag:news.example,2026:k7Qm</id>", "", "RFC 4287"),
    "two titles": ('<title type="text">', '<title>a</title><title type="text">', "RFC 4287"),
    "a date without zone": ("05:30:00+00:00</published>", "05:30:00</published>", "RFC 3339"),
    "a date to come": ("2026-11-24T05:30:00+00:00</pub", "2027-11-24T05:30:00+00:00</pub", "implausible"),
    "a date of another century": ("2026-11-24T05:30:00+00:00</pub", "1970-01-01T00:00:00Z</pub", "implaus"),
    "an element of its own": ("<generator>", "<foo/><generator>", "RFC 4287"),
    "an unknown attribute": ("<entry ", '<entry foo="1" ', "RFC 4287"),
    "an element of another namespace": ("<generator>", '<x:a xmlns:x="urn:x:y"/><generator>', ""),
    "something behind the entries": ("</feed>", '<x:a xmlns:x="urn:x:y"/></feed>', "RFC 4287"),
    "self elsewhere": ('sports.atom" rel="self"', 'sport.atom" rel="self"', "self"),
    "an id twice": ("2026:b2<", "2026:s3<", "twice"),
    "two pages": (
        "<link rel=",
        '<link rel="alternate" type="text/html" href="https://a.example/"/><link rel=',
        "twice",
    ),
    "no author": ("author>", "contributor>", "author"),
    "a relation of feeds": ('rel="enclosure"', 'rel="prev-archive"', "in an entry"),
    "a relation that nobody knows": ('rel="enclosure"', 'rel="foo"', "registered"),
    "HTML in a title": ("Rain delays", "&lt;b&gt;Rain&lt;/b&gt;", "HTML in plain"),
    "an entity in a title": ("Rain delays", "Rain &amp;amp;", "entity"),
    "a source without time": ("<updated>2026-11-24T06:01:00+00:00</updated>", "", "source without updated"),
    "a relative image": ('src="https://harbour.example/img', 'src="/img', "absolute"),
    "a language that is none": ('xml:lang="und"', 'xml:lang="not a tag"', "RFC 4287"),
    "XHTML in the feed": ("<generator>", '<div xmlns="http://www.w3.org/1999/xhtml"/><generator>', ""),
    "an entry newer than the feed": (
        "2026-11-24T07:30:00+00:00",
        "2026-11-24T05:30:00+00:00",
        "after the feed",
    ),
}
# What RFC 5005 and RFC 6721 let stand in the head of a feed, and the complaint.
HISTORIES = {
    "an archive before": (PREVIOUS, ""),
    "two of them": (PREVIOUS + PREVIOUS, "rel=prev-archive twice"),
    "an archive after a feed": (PREVIOUS.replace("prev", "next"), "of which feed"),
    "an archive that is the feed": (
        PREVIOUS.replace("https://a.example/", URLS["atom"]),
        "the document itself",
    ),
    "an archive of no feed": (MARK, "of which feed"),
    "an archive of two kinds": (MARK + COMPLETE, "or both"),
    "a complete feed with archives": (PREVIOUS + COMPLETE, "section 2"),
    "a mark that says something": (MARK.replace("/>", ">yes</fh:archive>"), "not empty"),
    "what is gone": (GONE, ""),
    "what is gone and there": (GONE.replace("x9", "b2"), "to be gone"),
    "what is gone at no time": (GONE.replace("2026-11-24T05:30:00Z", "today"), "RFC 3339"),
}
JSON_FAULTS: dict[str, tuple[Callable[[Any], object], str]] = {
    "another version": (lambda f: f.update(version="1.1"), "version"),
    "no title": (lambda f: f.pop("title"), "no title"),
    "an unknown key": (lambda f: f.update(foo=1), "unknown key"),
    "an extension": (lambda f: f.update(_foo={}), ""),
    "an extension that is no object": (lambda f: f.update(_foo=1), "unknown key"),
    "another address": (lambda f: f.update(feed_url="https://a.example/"), "feed_url"),
    "the one author of 1.0": (lambda f: f.update(author={"name": "a"}), "unknown key"),
    "an id that is a number": (lambda f: f["items"][0].update(id=7), "no string"),
    "an id twice": (lambda f: f["items"][0].update(id=f["items"][1]["id"]), "id twice"),
    "no content": (lambda f: f["items"][0].pop("content_html"), "content_html"),
    "a date of RSS": (lambda f: f["items"][0].update(date_published="Tue, 24 Nov 2026"), "RFC 3339"),
    "a relative address": (lambda f: f["items"][0].update(url="/a"), "URI"),
    "an empty list": (lambda f: f["items"][0].update(tags=[]), "empty"),
    "a tag that is a number": (lambda f: f["items"][0].update(tags=[1]), "no string"),
    "an author of nothing": (lambda f: f["items"][0].update(authors=[{}]), "author"),
    "an attachment without type": (lambda f: f["items"][0]["attachments"][0].pop("mime_type"), "mime_type"),
    "a size as text": (lambda f: f["items"][0]["attachments"][0].update(size_in_bytes="1"), "no number"),
    "a script": (lambda f: f["items"][0].update(content_html="<script></script>"), "<script>"),
}


@pytest.mark.parametrize("form", DOCUMENTS)
def test_a_good_feed_is_met_with_silence(form: str) -> None:
    assert judge_feed(form, DOCUMENTS[form].encode(), url=URLS[form], now=NOW) == []


@pytest.mark.parametrize(
    ("form", "old", "new", "complaint"),
    [pytest.param("rss", *row, id=f"rss: {name}") for name, row in RSS_FAULTS.items()]
    + [pytest.param("atom", *row, id=f"atom: {name}") for name, row in ATOM_FAULTS.items()]
    + [
        pytest.param("atom", "<generator>", f"{head}<generator>", complaint, id=f"atom: {name}")
        for name, (head, complaint) in HISTORIES.items()
    ],
)
def test_a_fault_in_xml_is_named(form: str, old: str, new: str, complaint: str) -> None:
    assert old in DOCUMENTS[form]
    spoilt = DOCUMENTS[form].replace(old, new)
    found = judge_feed(form, spoilt.encode(), url=URLS[form], now=NOW)
    assert any(complaint in line for line in found) if complaint else found == []


@pytest.mark.parametrize(("spoil", "complaint"), JSON_FAULTS.values(), ids=JSON_FAULTS)
def test_a_fault_in_json_is_named(spoil: Callable[[Any], object], complaint: str) -> None:
    feed = json.loads(DOCUMENTS["json"])
    spoil(feed)
    found = judge_feed("json", json.dumps(feed).encode(), url=URLS["json"], now=NOW)
    assert any(complaint in line for line in found) if complaint else found == []


@pytest.mark.skipif(not shutil.which("xmllint"), reason="xmllint (libxml2-utils) is not installed")
def test_xmllint_speaks_up(tmp_path: Path) -> None:
    file = tmp_path / "a.xml"
    file.write_text("<a>")
    assert judge_with_xmllint([GRAMMAR]) == ""
    assert "parser error" in judge_with_xmllint([file])
