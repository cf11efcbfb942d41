"""Feeds as nobody would write them on purpose, then torn: strategies for bodies, texts and markup."""

from __future__ import annotations

import json
from xml.sax.saxutils import escape, quoteattr

from hypothesis import strategies as st

NASTY = (
    *("<![CDATA[", "]]>", "<!--", "-->", "<?xml version='1.0'?>", "<?php ?>", "</item>", "</channel>"),
    *("<item>", "<entry/>", "<b>", "</p>", "<svg><style>", "<table><tr><td>", "<p dir=rtl>", "<br/>"),
    *("<title>", "<div>" * 40, "<script>alert(1)</script>", "<img src=x onerror=alert(1)>"),
    *("<a href='javascript:alert(1)'>x</a>", "javascript:alert(1)", "data:text/html,x", "mailto:a@b"),
    *("&nbsp;", "&#0;", "&#xD800;", "&#x110000;", "&#1;", "&", "&amp;lt;b&amp;gt;", "&lol;", "&amp;#0;"),
    *(
        "http://",
        "//host/a",
        "http://[::1",
        "http://a b/",
        "http://0x7f.1/",
        "../../a",
        "?q",
        "#",
        "urn:uuid:1",
    ),
    *(
        "https://press.example/أخبار?x=%zz#f",
        "tag:x,2026:1",
        "Tue, 24 Nov 2026 12:00:00 GMT",
        "٢٤ نوفمبر ٢٠٢٦",
    ),
    *("2026-11-24T12:00:00+99:99", "9" * 400, "0", "-1", "1e999", "a@b.example (Name)", "(" * 300, "<" * 200),
    *("\u202e", "\u200f", "\ufeff", "\ufffe", "\x00", "\x0b", "\x85", "\u2028", "\U0001f600", "e\u0301" * 30),
    *("a" * 5000, " " * 3000, "\n" * 200, "ى" * 500, "خبر عاجل", "word " * 300),
)

texts = st.one_of(
    st.text(max_size=40),
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(NASTY), max_size=4).map("".join),
)

_FIELDS = """
    title link guid description content:encoded dc:creator author category pubDate dc:date enclosure
    media:content media:thumbnail media:group source comments itunes:image atom:link id updated published
    summary content name uri email image url language ttl skipHours hour skipDays day sy:updatePeriod
    sy:updateFrequency cloud logo icon generator rights contributor dc:language lastBuildDate item entry x:y
""".split()
_ATTRIBUTES = """
    rel href src url type length isPermaLink xml:base xml:lang mode width height medium term label scheme
    xmlns xmlns:x rdf:about rdf:resource domain xml:space
""".split()
_VALUES = st.one_of(
    texts, st.sampled_from("self hub alternate enclosure html xhtml text image/jpeg false 1".split())
)
_RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"'
_ROOTS = (
    ('<rss version="2.0" {ns}><channel>{head}{items}</channel></rss>', "item"),
    ('<rss version="0.91"><channel>{head}{items}</channel></rss>', "item"),
    ('<feed xmlns="http://www.w3.org/2005/Atom" {ns}>{head}{items}</feed>', "entry"),
    ('<feed version="0.3" xmlns="http://purl.org/atom/ns#">{head}{items}</feed>', "entry"),
    (f'<rdf:RDF {_RDF} {{ns}}><channel rdf:about="a">{{head}}</channel>{{items}}</rdf:RDF>', "item"),
    ("<html><body>{head}{items}</body></html>", "item"),
)
_USUAL = 3  # times as likely as the rest: most examples are to get far
_NAMESPACES = " ".join(
    f'xmlns:{prefix}="{uri}"'
    for prefix, uri in {
        "content": "http://purl.org/rss/1.0/modules/content/",
        "dc": "http://purl.org/dc/elements/1.1/",
        "sy": "http://purl.org/rss/1.0/modules/syndication/",
        "media": "http://search.yahoo.com/mrss/",
        "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
        "atom": "http://www.w3.org/2005/Atom",
    }.items()
)
_CODECS = "utf-8 utf-8-sig utf-16 utf-16-be utf-32 windows-1256 iso-8859-6 latin-1 utf-7".split()
_DECLARED = (*_CODECS, "", "ascii", "x-unknown", "utf8", "cp1252")


@st.composite
def elements(draw: st.DrawFn, depth: int = 0) -> str:
    name = draw(st.sampled_from(_FIELDS))
    attributes = draw(st.dictionaries(st.sampled_from(_ATTRIBUTES), _VALUES, max_size=3))
    if depth < 3 and draw(st.integers(0, 5)) == 0:
        inner = "".join(draw(st.lists(elements(depth + 1), max_size=4)))
    else:
        inner = draw(st.sampled_from((escape, lambda t: f"<![CDATA[{t}]]>", str)))(draw(texts))
    start = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{start}>{inner}</{name}>"


@st.composite
def xml_feeds(draw: st.DrawFn) -> str:
    root, item = draw(st.sampled_from((*_ROOTS[:-1] * _USUAL, _ROOTS[-1])))
    items = draw(st.lists(st.lists(elements(), max_size=8), min_size=1, max_size=5))
    body = root.format(
        ns=draw(st.sampled_from((*(_NAMESPACES,) * _USUAL, ""))),
        head="".join(draw(st.lists(elements(), max_size=5))),
        items="".join(f"<{item}>{''.join(fields)}</{item}>" for fields in items),
    )
    declared = draw(st.sampled_from((*("",) * _USUAL, *_DECLARED)))
    return (f'<?xml version="1.0" encoding="{declared}"?>\n' if declared else "") + body


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=6,
)
_JSON_KEYS = """
    id url external_url title content_html content_text summary image banner_image date_published
    date_modified authors author tags language attachments name mime_type
""".split()
_JSON_HEAD_KEYS = (*_JSON_KEYS, "home_page_url", "hubs", "icon", "feed_url")
_JSON_VERSIONS = ("https://jsonfeed.org/version/1", "https://jsonfeed.org/version/1.1", "2", "")
_JSON_ITEMS = st.dictionaries(st.sampled_from(_JSON_KEYS), st.one_of(texts, _JSON), max_size=8)


@st.composite
def json_feeds(draw: st.DrawFn) -> str:
    head = draw(st.dictionaries(st.sampled_from(_JSON_HEAD_KEYS), _JSON, max_size=4))
    items = draw(st.one_of(st.lists(_JSON_ITEMS, max_size=5), _JSON))
    document = {"version": draw(st.sampled_from(_JSON_VERSIONS)), **head, "items": items}
    return json.dumps(document, ensure_ascii=draw(st.booleans()))


@st.composite
def tears(draw: st.DrawFn, body: bytes) -> bytes:
    """Cut, doubled, overwritten, surrounded: what a network, a disk or a bad template does to a document."""
    for _ in range(draw(st.sampled_from((*(0,) * _USUAL, 1, 2, 4)))):
        at, end = sorted((draw(st.integers(0, len(body))), draw(st.integers(0, len(body)))))
        token = draw(st.one_of(st.binary(max_size=8), st.sampled_from(NASTY).map(str.encode)))
        body = draw(
            st.sampled_from(
                (
                    body[:end],
                    body[:at] + body[end:],
                    body[:end] + body[at:],
                    body[:at] + token + body[at:],
                    body[:at] + token + body[at + len(token) :],
                    token + body,
                    body + token,
                )
            )
        )
    return body


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    text = draw(st.one_of(xml_feeds(), json_feeds(), xml_feeds()))
    lost = draw(st.sampled_from(("xmlcharrefreplace", "replace", "ignore")))
    codec = draw(st.sampled_from((*_CODECS[:1] * 2 * _USUAL, *_CODECS)))
    return draw(tears(text.encode(codec, lost)))


content_types = st.one_of(
    st.none(),
    st.sampled_from(("application/xml", "text/html; charset=utf-8", "application/json")),
    st.builds("text/xml; charset={}".format, st.one_of(st.sampled_from(_DECLARED), texts)),
)
