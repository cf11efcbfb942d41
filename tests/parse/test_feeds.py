"""What each format says comes out of parse_feed, and so does what publishers get wrong."""

from __future__ import annotations

import pickle
import re
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.errors import NotAFeed, ParseError
from aggregator.model import Enclosure, Image, Markup, ParsedEntry, ParsedFeed
from aggregator.parse.feeds import parse_feed

URL = "https://news.example/feeds/all.xml"

NAMESPACES = " ".join(
    (
        'xmlns:dc="http://purl.org/dc/elements/1.1/"',
        'xmlns:content="http://purl.org/rss/1.0/modules/content/"',
        'xmlns:media="http://search.yahoo.com/mrss/"',
        'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"',
        'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"',
        'xmlns:atom="http://www.w3.org/2005/Atom"',
        'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0"',
    )
)


def rss(item: str = "", channel: str = "<title>Feed</title>") -> str:
    return f'<rss version="2.0" {NAMESPACES}><channel>{channel}<item>{item}</item></channel></rss>'


def atom(entry: str = "", feed: str = "<title>Feed</title>", attributes: str = "") -> str:
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:media="http://search.yahoo.com/mrss/" {attributes}>'
        f"{feed}<entry>{entry}</entry></feed>"
    )


def read(document: str | bytes, **options: Any) -> ParsedFeed:
    body = document if isinstance(document, bytes) else document.encode()
    return parse_feed(body, **{"url": URL, **options})


def read_entry(document: str) -> ParsedEntry:
    (entry,) = read(document).entries
    return entry


def titled(document: str) -> str:
    """An entry that says nothing but a date or an author is skipped; so these have a title too."""
    return re.sub("<(?:item|entry)>", r"\g<0><title>t</title>", document)


# --- formats --------------------------------------------------------------------------------------

RDF = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
  xmlns:dc="http://purl.org/dc/elements/1.1/"><channel rdf:about="https://news.example/"><title>Feed</title>
  <link>https://news.example/</link></channel>
<item rdf:about="urn:1"><title>One</title><link>https://news.example/1</link><dc:date>2026-11-24T08:00:00Z</dc:date>
</item></rdf:RDF>"""
RDF_090 = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
  xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel><title>Feed</title></channel>
<item><title>One</title><link>https://news.example/1</link></item></rdf:RDF>"""
ATOM_03 = """<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Feed</title><entry><id>urn:1</id>
<title>One</title><link rel="alternate" type="text/html" href="https://news.example/1"/>
<issued>2026-11-24T08:00:00Z</issued></entry></feed>"""
ONE = "<title>One</title><link>https://news.example/1</link>"


@pytest.mark.parametrize(
    ("document", "name"),
    [
        pytest.param(rss(ONE), "rss20", id="RSS 2.0"),
        pytest.param(rss(ONE).replace('"2.0"', '"0.91"'), "rss091", id="RSS 0.91"),
        pytest.param(rss(ONE).replace('"2.0"', '"0.92"'), "rss092", id="RSS 0.92"),
        pytest.param(rss(ONE).replace('version="2.0"', ""), "rss", id="RSS that names no version"),
        pytest.param(RDF, "rss10", id="RSS 1.0"),
        pytest.param(RDF_090, "rss090", id="RSS 0.90"),
        pytest.param(ATOM_03, "atom03", id="Atom 0.3"),
        pytest.param(
            atom('<title>One</title><link href="https://news.example/1"/>'), "atom10", id="Atom 1.0"
        ),
    ],
)
def test_every_format_is_read(document: str, name: str) -> None:
    feed = read(document)
    assert feed.format == name
    assert feed.title == Markup(value="Feed", kind="text")
    assert [(e.title and e.title.value, e.url) for e in feed.entries] == [("One", "https://news.example/1")]
    assert feed.problems == ()
    assert pickle.loads(pickle.dumps(feed)) == feed


def test_json_is_told_from_xml_by_its_first_character() -> None:
    document = b'\xef\xbb\xbf \n{"version": "https://jsonfeed.org/version/1.1", "items": [{"id": 1}]}'
    feed = read(document, content_type="text/xml")
    assert (feed.format, feed.entries[0].guid) == ("json11", "1")


# --- fields of an entry ---------------------------------------------------------------------------


def html(value: str, **rest: str) -> Markup:
    return Markup(value=value, kind="html", **rest)


def text(value: str) -> Markup:
    return Markup(value=value, kind="text")


IDENTITY = [
    (
        "a guid is kept as written, also where RSS makes it a relative permalink",
        rss("<guid>12345</guid>"),
        "guid",
        "12345",
    ),
    ("a guid that is no URL is no link", rss("<guid>12345</guid>"), "url", None),
    ("a permalink guid is the link", rss("<guid>https://n.example/1</guid>"), "url", "https://n.example/1"),
    (
        "a guid that says it is no permalink is no link",
        rss('<guid isPermaLink="false">https://n.example/1</guid>'),
        "url",
        None,
    ),
    (
        "the link wins over the guid",
        rss("<guid>https://n.example/g</guid><link>https://n.example/l</link>"),
        "url",
        "https://n.example/l",
    ),
    (
        "the address behind FeedBurner's wins",
        rss(
            "<link>https://feedproxy.example/x</link>"
            "<feedburner:origLink>https://n.example/real</feedburner:origLink>"
        ),
        "url",
        "https://n.example/real",
    ),
    (
        "an alternate link wins over other relations, wherever it stands",
        atom(
            '<link rel="self" href="https://n.example/self"/><link rel="via" href="https://n.example/via"/>'
            '<link rel="alternate" href="https://n.example/page"/><link rel="edit" href="https://n.example/e"/>'
        ),
        "url",
        "https://n.example/page",
    ),
    (
        "a page wins over another rendering of it",
        atom(
            '<link rel="alternate" type="application/json" href="https://n.example/j"/>'
            '<link rel="alternate" type="text/html" href="https://n.example/page"/>'
        ),
        "url",
        "https://n.example/page",
    ),
    ("an Atom id is no link", atom("<id>tag:n.example,2026:1</id>"), "url", None),
    (
        "a relative link is resolved against the document",
        rss("<link>story/1.html</link>"),
        "url",
        "https://news.example/feeds/story/1.html",
    ),
    (
        "a link upwards is resolved against the document",
        atom('<link href="../story/1.html"/>'),
        "url",
        "https://news.example/story/1.html",
    ),
    (
        "a relative link is resolved against xml:base",
        atom('<link href="1.html"/>', attributes='xml:base="/blog/"'),
        "url",
        "https://news.example/blog/1.html",
    ),
    ("a script is no link", rss("<title>t</title><link>javascript:alert(1)</link>"), "url", None),
    (
        "white space round a link goes",
        rss("<link>\n https://n.example/1\n </link>"),
        "url",
        "https://n.example/1",
    ),
    (
        "a link broken over lines is joined",
        rss("<link>https://n.example/\n   long/1</link>"),
        "url",
        "https://n.example/long/1",
    ),
    ("a link without a host does no harm", rss("<title>t</title><link>http://[::1</link>"), "url", None),
    (
        "an entry that lies elsewhere links there",
        atom('<id>x</id><content type="text/html" src="https://n.example/out"/>'),
        "url",
        "https://n.example/out",
    ),
]

TEXTS = [
    ("a plain title is text", rss("<title>A &lt; B &amp; C</title>"), "title", text("A < B & C")),
    ("a title with tags is HTML", rss("<title>&lt;b&gt;Big&lt;/b&gt;</title>"), "title", html("<b>Big</b>")),
    ("a title escaped twice is HTML", rss("<title>AT&amp;amp;T</title>"), "title", html("AT&amp;T")),
    (
        "an Atom title of type text stays text",
        atom('<title type="text">&lt;b&gt;</title>'),
        "title",
        text("<b>"),
    ),
    (
        "an Atom title of type html is HTML",
        atom('<title type="html">&lt;b&gt;x&lt;/b&gt;</title>'),
        "title",
        html("<b>x</b>"),
    ),
    (
        "an Atom title of type xhtml is HTML without its div",
        atom('<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">a <em>b</em></div></title>'),
        "title",
        html("a <em>b</em>"),
    ),
    ("a description is a summary", rss("<description>Short</description>"), "summary", html("Short")),
    ("a description alone is no content", rss("<description>Short</description>"), "content", None),
    (
        "a script is left to the cleaner",
        rss("<description>&lt;script&gt;x&lt;/script&gt;</description>"),
        "summary",
        html("<script>x</script>"),
    ),
    (
        "links in a text are left to the cleaner",
        rss('<description>&lt;a href="x.html"&gt;x&lt;/a&gt;</description>'),
        "summary",
        html('<a href="x.html">x</a>'),
    ),
    (
        "content:encoded is content",
        rss(
            "<description>Short</description><content:encoded><![CDATA[<p>Long text</p>]]></content:encoded>"
        ),
        "content",
        html("<p>Long text</p>"),
    ),
    (
        "content and summary are told apart",
        rss(
            "<description>Short</description><content:encoded><![CDATA[<p>Long text</p>]]></content:encoded>"
        ),
        "summary",
        html("Short"),
    ),
    (
        "content:encoded alone is not said again as summary",
        rss("<content:encoded>Text</content:encoded>"),
        "summary",
        None,
    ),
    (
        "the same text in both places is said once",
        rss("<description>Same</description><content:encoded>Same</content:encoded>"),
        "summary",
        None,
    ),
    (
        "a photo caption is not taken for content",
        rss("<description>A whole story</description><media:description>Caption</media:description>"),
        "content",
        None,
    ),
    (
        "the longest of several contents wins",
        atom('<content type="text">s</content><content type="html">&lt;p&gt;long&lt;/p&gt;</content>'),
        "content",
        html("<p>long</p>"),
    ),
    ("an Atom content of type text is text", atom("<content>1 &lt; 2</content>"), "content", text("1 < 2")),
    (
        "content of another media type is none",
        atom('<id>x</id><content type="image/png">iVBORw0KGgo=</content>'),
        "content",
        None,
    ),
    (
        "content that lies elsewhere is none",
        atom('<id>x</id><content type="text/html" src="https://n.example/out"/>'),
        "content",
        None,
    ),
    (
        "a text keeps the xml:base that is its own",
        atom('<title>t</title><content type="html" xml:base="https://c.example/">x</content>'),
        "content",
        html("x", base_url="https://c.example/"),
    ),
    (
        "the base of one text does not leak into the next",
        atom('<content type="html" xml:base="https://c.example/">x</content><title>t</title>'),
        "title",
        text("t"),
    ),
    (
        "a text keeps the language that is its own",
        atom('<title>t</title><content type="html" xml:lang="ar">x</content>', attributes='xml:lang="en"'),
        "content",
        html("x", lang="ar"),
    ),
]

PEOPLE = [
    (
        "a name in brackets behind an address",
        rss("<author>ed@n.example (Jane Doe)</author>"),
        "authors",
        ("Jane Doe",),
    ),
    ("an address alone is no name", rss("<title>t</title><author>ed@n.example</author>"), "authors", ()),
    ("dc:creator", rss("<dc:creator>سارة علي</dc:creator>"), "authors", ("سارة علي",)),
    (
        "several creators, each once",
        rss("<dc:creator>A</dc:creator><dc:creator>B</dc:creator><itunes:author>A</itunes:author>"),
        "authors",
        ("A", "B"),
    ),
    (
        "a name before an address",
        rss("<author>Jane Doe &lt;j@n.example&gt;</author>"),
        "authors",
        ("Jane Doe",),
    ),
    (
        "a name and an address in CDATA",
        rss("<author><![CDATA[ j@n.example (J & D) ]]></author>"),
        "authors",
        ("J & D",),
    ),
    (
        "several Atom authors",
        atom("<author><name>A</name><email>a@n.example</email></author><author><name>B</name></author>"),
        "authors",
        ("A", "B"),
    ),
    (
        "an Atom entry inherits the author of its feed",
        atom("<title>t</title>", feed="<author><name>Desk</name></author>"),
        "authors",
        ("Desk",),
    ),
    (
        "an Atom entry copied from elsewhere has the author of there",
        atom(
            "<title>t</title><source><author><name>Origin</name></author></source>",
            feed="<author><name>Desk</name></author>",
        ),
        "authors",
        ("Origin",),
    ),
    (
        "the editor of a channel did not write its items",
        rss("<title>t</title>", channel="<managingEditor>e@n.example (Editor)</managingEditor>"),
        "authors",
        (),
    ),
    (
        "categories in order, each once, none split",
        rss(
            "<category>رياضة, كرة</category><category>B</category>"
            "<category>B</category><dc:subject>C</dc:subject>"
        ),
        "categories",
        ("رياضة, كرة", "B", "C"),
    ),
    (
        "a label is what people read, a term what machines read",
        atom('<category term="t1" label="Sport"/><category term="t2"/>'),
        "categories",
        ("Sport", "t2"),
    ),
]

DATES = [
    (
        "pubDate as written",
        rss("<pubDate>Tue, 24 Nov 2026 10:00:00 +0200</pubDate>"),
        ("Tue, 24 Nov 2026 10:00:00 +0200", None),
    ),
    ("no date is no date", rss("<title>t</title>"), (None, None)),
    (
        "days and months that do not exist stay as written, whatever feedparser makes of them",
        rss("<pubDate>2005-26-12T20:00:00Z</pubDate><dc:date>2025-02-30T10:00:00Z</dc:date>"),
        ("2005-26-12T20:00:00Z", "2025-02-30T10:00:00Z"),
    ),
    (
        "published is not updated",
        atom("<published>2026-11-24T08:00:00Z</published>"),
        ("2026-11-24T08:00:00Z", None),
    ),
    (
        "updated is not published",
        atom("<updated>2026-11-24T08:00:00Z</updated>"),
        (None, "2026-11-24T08:00:00Z"),
    ),
    (
        "both",
        atom("<published>2026-11-24T08:00:00Z</published><updated>2026-11-25T08:00:00Z</updated>"),
        ("2026-11-24T08:00:00Z", "2026-11-25T08:00:00Z"),
    ),
    (
        "dc:date alone is when RSS was published",
        rss("<dc:date>2026-11-24T08:00:00Z</dc:date>"),
        ("2026-11-24T08:00:00Z", None),
    ),
    (
        "words that are no date stay as written",
        rss("<pubDate>this  morning</pubDate>"),
        ("this morning", None),
    ),
]

MEDIA = [
    (
        "an enclosure with type and length",
        rss('<enclosure url="https://n.example/a.mp3" type="audio/mpeg" length="123"/>'),
        "enclosures",
        (Enclosure(url="https://n.example/a.mp3", type="audio/mpeg", length=123),),
    ),
    (
        "a length of zero or of words is unknown",
        rss(
            '<enclosure url="https://n.example/a.mp3" type="audio/mpeg" length="0"/>'
            '<enclosure url="https://n.example/b.mp3" type="audio/mpeg" length="big"/>'
        ),
        "enclosures",
        (
            Enclosure(url="https://n.example/a.mp3", type="audio/mpeg"),
            Enclosure(url="https://n.example/b.mp3", type="audio/mpeg"),
        ),
    ),
    (
        "an Atom enclosure without a type has none",
        atom('<link rel="enclosure" href="https://n.example/a.mp3" length="9"/>'),
        "enclosures",
        (Enclosure(url="https://n.example/a.mp3", length=9),),
    ),
    (
        "an enclosure without a URL is none",
        rss('<title>t</title><enclosure type="audio/mpeg"/>'),
        "enclosures",
        (),
    ),
    (
        "media:content by its medium, with its size",
        rss('<media:content url="https://n.example/a" medium="image" width="640" height="480px"/>'),
        "images",
        (Image(url="https://n.example/a", width=640, height=480),),
    ),
    (
        "media:content by its type; not what is no image",
        rss(
            '<title>t</title><media:group><media:content url="https://n.example/v.mp4" type="video/mp4"/>'
            '<media:content url="https://n.example/a.webp" type="image/webp"/></media:group>'
        ),
        "images",
        (Image(url="https://n.example/a.webp"),),
    ),
    (
        "media:content that names neither, by its path; a mad size is none",
        rss('<media:content url="https://n.example/a.jpg?w=1" width="999999" height="-1"/>'),
        "images",
        (Image(url="https://n.example/a.jpg?w=1"),),
    ),
    (
        "a thumbnail, behind the contents, each image once",
        rss(
            '<media:thumbnail url="https://n.example/t.jpg" width="90"/>'
            '<media:content url="https://n.example/a.jpg"/><media:content url="https://n.example/a.jpg"/>'
        ),
        "images",
        (Image(url="https://n.example/a.jpg"), Image(url="https://n.example/t.jpg", width=90)),
    ),
    (
        "itunes:image",
        rss('<title>t</title><itunes:image href="https://n.example/i.jpg"/>'),
        "images",
        (Image(url="https://n.example/i.jpg"),),
    ),
    (
        "an image inside an item",
        rss("<title>t</title><image><url>https://n.example/i.jpg</url></image>"),
        "images",
        (Image(url="https://n.example/i.jpg"),),
    ),
    (
        "an image inside an item that forgot its url element",
        rss("<title>t</title><image> https://n.example/i.jpg </image>"),
        "images",
        (Image(url="https://n.example/i.jpg"),),
    ),
    (
        "an enclosure that is an image",
        rss('<enclosure url="https://n.example/e.png" type="image/png"/>'),
        "images",
        (Image(url="https://n.example/e.png"),),
    ),
    (
        "the home page of an author is no image",
        atom("<title>t</title><author><name>A</name><uri>https://n.example/a</uri></author>"),
        "images",
        (),
    ),
    (
        "a relative image is resolved",
        rss('<title>t</title><media:thumbnail url="/t.jpg"/>'),
        "images",
        (Image(url="https://news.example/t.jpg"),),
    ),
]


@pytest.mark.parametrize(
    ("document", "field", "expected"),
    [pytest.param(*row[1:], id=row[0]) for row in (*IDENTITY, *TEXTS)],
)
def test_identity_and_texts(document: str, field: str, expected: object) -> None:
    assert getattr(read_entry(document), field) == expected


@pytest.mark.parametrize(
    ("document", "field", "expected"),
    [pytest.param(*row[1:], id=row[0]) for row in (*PEOPLE, *MEDIA)],
)
def test_people_categories_and_media(document: str, field: str, expected: object) -> None:
    assert getattr(read_entry(titled(document)), field) == expected


@pytest.mark.parametrize(("document", "expected"), [pytest.param(*row[1:], id=row[0]) for row in DATES])
def test_dates_as_written(document: str, expected: tuple[str | None, str | None]) -> None:
    entry = read_entry(titled(document))
    assert (entry.published, entry.updated) == expected


def test_a_date_that_only_feedparser_reads_comes_in_iso_8601() -> None:
    entry = read_entry(rss("<title>t</title><pubDate>Κυρ, 11 Ιούλ 2004 12:00:00 EST</pubDate>"))
    assert entry.published == "2004-07-11T17:00:00+00:00"


def test_the_identity_of_an_entry_does_not_depend_on_the_address_of_its_feed() -> None:
    document = rss("<guid>?p=7</guid>").encode()
    guids = {parse_feed(document, url=url).entries[0].guid for url in (URL, "http://other.example/x")}
    assert guids == {"?p=7"}


# --- fields of a feed -----------------------------------------------------------------------------


def test_a_feed_says_where_it_is_at_home_and_what_it_looks_like() -> None:
    feed = read(
        rss(
            channel="<title>أخبار</title><link>/</link><language>ar_LY</language>"
            '<atom:link rel="self" href="/f"/>'
            '<atom:link rel="hub" href="https://hub.example/"/><image><url>/logo.png</url></image>'
        ).replace("<item></item>", "<item><title>t</title></item>")
    )
    assert feed.title == text("أخبار")
    assert feed.site_url == "https://news.example/"
    assert feed.icon_url == "https://news.example/logo.png"
    assert feed.lang == "ar-LY"
    assert feed.hints.self_url == "https://news.example/f"
    assert feed.hints.hub_url == "https://hub.example/"
    assert feed.base_url == URL


def test_an_atom_feed_prefers_its_icon() -> None:
    feed = read(atom("<id>1</id>", feed="<logo>/l.png</logo><icon>/i.ico</icon>", attributes='xml:lang="en"'))
    assert (feed.icon_url, feed.lang) == ("https://news.example/i.ico", "en")


@pytest.mark.parametrize(
    ("channel", "field", "expected"),
    [
        pytest.param("<ttl>40</ttl>", "ttl", timedelta(minutes=40), id="ttl is in minutes"),
        pytest.param("<ttl>0</ttl>", "ttl", None, id="a ttl of nothing asks nothing"),
        pytest.param("<ttl>soon</ttl>", "ttl", None, id="a ttl of words asks nothing"),
        pytest.param("<ttl>9999999999</ttl>", "ttl", None, id="a mad ttl asks nothing"),
        pytest.param(
            "<sy:updatePeriod> hourly </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>",
            "update_every",
            timedelta(minutes=15),
            id="four times an hour",
        ),
        pytest.param(
            "<sy:updatePeriod>weekly</sy:updatePeriod>", "update_every", timedelta(days=7), id="once a week"
        ),
        pytest.param(
            "<sy:updateFrequency>2</sy:updateFrequency>",
            "update_every",
            timedelta(hours=12),
            id="the period is a day where it is missing",
        ),
        pytest.param(
            "<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>",
            "update_every",
            None,
            id="never is not an interval",
        ),
        pytest.param(
            "<skipHours><hour>0</hour><hour> 7 </hour><hour>24</hour><hour>99</hour></skipHours>",
            "skip_hours",
            frozenset({0, 7}),
            id="every hour to skip, 24 being midnight",
        ),
        pytest.param(
            "<skipDays><day>Friday</day><day>saturday</day><day>Someday</day></skipDays>",
            "skip_days",
            frozenset({4, 5}),
            id="every day to skip, Monday being 0",
        ),
    ],
)
def test_what_a_feed_asks_of_its_pollers(channel: str, field: str, expected: object) -> None:
    feed = read(rss("<title>t</title>", channel=channel))
    assert getattr(feed.hints, field) == expected


# --- faults ---------------------------------------------------------------------------------------

GOOD = rss("<title>One</title><guid>1</guid>")
PROLOG = '<?xml version="1.0"?>'


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        pytest.param("\n\n  " + PROLOG + GOOD, None, id="white space before the declaration"),
        pytest.param(
            "Warning: mysql_connect()\n" + PROLOG + GOOD, "before the feed", id="a line of text before it"
        ),
        pytest.param(
            "<br />\n<b>Warning</b>: x in <b>y</b><br />" + PROLOG + GOOD,
            "before the feed",
            id="a warning of PHP",
        ),
        pytest.param(GOOD + "<script>track()</script>", "after the end", id="a script behind it"),
        pytest.param(GOOD + "<!-- 0.3 s -->", None, id="a comment behind it"),
        pytest.param(GOOD.replace("One", "O\x0bn\x00e"), "forbids: 2 removed", id="control characters"),
        pytest.param(GOOD.replace("One", "One &"), "not well-formed XML near line 1", id="a bare ampersand"),
        pytest.param(GOOD.replace("One", "One&nbsp;"), "undefined entity", id="an entity of HTML"),
        pytest.param(
            GOOD.replace("</item></channel></rss>", "<description>cut o"), "not well-formed", id="cut off"
        ),
        pytest.param(
            f"<html><body>{atom('<title>One</title><id>1</id>')}</body></html>",
            "before the feed",
            id="a feed inside a web page",
        ),
        pytest.param(
            GOOD.replace("One", "&#xD800;&#99999999999;One"), "that do not exist", id="impossible characters"
        ),
    ],
)
def test_what_can_be_read_of_a_faulty_document_is_kept(document: str, problem: str | None) -> None:
    feed = read(document)
    (entry,) = feed.entries
    assert entry.guid == "1"
    assert entry.title is not None
    assert entry.title.value.strip("&nbsp; \xa0") == "One"
    assert (problem in " | ".join(feed.problems)) if problem else feed.problems == ()


def test_a_document_that_breaks_off_keeps_the_entries_before() -> None:
    items = "".join(f"<item><guid>{n}</guid><title>t{n}</title></item>" for n in range(3))
    feed = read(f'<rss version="2.0"><channel>{items}<item><guid>3</guid><descr')
    assert [e.guid for e in feed.entries] == ["0", "1", "2", "3"]
    assert any("read leniently" in problem for problem in feed.problems)
    assert feed.problems[0].startswith("the document breaks off")


@pytest.mark.parametrize(
    ("items", "titles"),
    [
        pytest.param("<item><title>b</title><link>http://a.b/</link><gui", ["a"], id="before the guid"),
        pytest.param("<item><title>b</title><guid>2</gui", ["a"], id="in the guid"),
        pytest.param("<item><guid>2</guid><title>b</title><desc", ["a", "b"], id="behind the guid"),
        pytest.param("<item><guid>2</guid><title>b</title></item><it", ["a", "b"], id="between two"),
        pytest.param("</channel></rs", ["a"], id="in the end tag"),
    ],
)
def test_the_entry_in_which_a_document_breaks_off_is_read_if_it_says_which_it_is(
    items: str, titles: list[str]
) -> None:
    """Else it would come again as another when the document is whole."""
    feed = read(f'<rss version="2.0"><channel><item><guid>1</guid><title>a</title></item>{items}')
    assert [e.title and e.title.value for e in feed.entries] == titles
    assert feed.problems[0].startswith("the document breaks off")


@pytest.mark.parametrize("head", ['<rss version="2.0">', '<rss version="2.0"><channel><item><title>a'])
def test_a_document_of_which_nothing_came_is_no_empty_feed(head: str) -> None:
    with pytest.raises(ParseError, match=r"breaks off before its first entry: .* tell the publisher"):
        read(head)


@pytest.mark.parametrize(
    "document", ['<rss version="2.0"/>', f"<feed xmlns='{'http://www.w3.org/2005/Atom'}'/>"]
)
def test_a_feed_without_anything_is_a_feed(document: str) -> None:
    assert read(document).entries == ()


def test_a_link_that_leads_nowhere_is_left_out_and_reported() -> None:
    feed = read(rss("<guid>1</guid><title>a</title><link>javascript:alert(1)</link>"))
    assert feed.entries[0].url is None
    assert feed.problems == ("link that is no http(s) address: left out",)


def test_an_entry_that_says_nothing_is_skipped_and_counted() -> None:
    feed = read(
        "<rss version='2.0'><channel><item/><item> </item><item><title>t</title></item></channel></rss>"
    )
    assert len(feed.entries) == 1
    assert feed.problems == ("entry without id, link, title and text: skipped (2 times)",)


@pytest.mark.parametrize("version", ["rss", "atom"])
def test_only_so_many_entries_are_read(version: str) -> None:
    name = "item" if version == "rss" else "entry"
    wrap = rss if version == "rss" else atom
    document = wrap("<guid>0</guid><id>0</id>").replace(
        f"</{name}>", f"</{name}>" + "".join(f"<{name}><id>{n}</id></{name}>" for n in range(1, 30))
    )
    feed = read(document, max_entries=10)
    assert [e.guid for e in feed.entries] == [str(n) for n in range(10)]
    assert feed.problems == ("only the first 10 of 30 entries were read",)


@pytest.mark.parametrize(
    ("item", "field", "length"),
    [
        pytest.param(f"<title>{'t' * 5000}</title>", "title", 4096, id="a title"),
        pytest.param(
            f"<description>{'d' * 1_000_001}</description>", "summary", 1_000_000, id="a description"
        ),
        pytest.param(f"<dc:creator>{'a' * 250}</dc:creator>", "authors", 200, id="an author"),
        pytest.param(f"<category>{'c' * 250}</category>", "categories", 200, id="a category"),
    ],
)
def test_a_field_beyond_its_limit_is_cut_and_reported(item: str, field: str, length: int) -> None:
    feed = read(titled(rss(item)) if "<title>" not in item else rss(item))
    value = getattr(feed.entries[0], field)
    assert len(value[0] if isinstance(value, tuple) else value.value) == length
    assert any(f"more than {length} characters" in problem for problem in feed.problems)


def test_a_url_without_end_is_dropped_and_reported() -> None:
    feed = read(rss(f"<title>t</title><link>https://n.example/{'x' * 5000}</link>"))
    assert feed.entries[0].url is None
    assert any("URL of more than 4096 characters" in problem for problem in feed.problems)


def test_categories_without_end_are_cut_and_reported() -> None:
    feed = read(titled(rss("".join(f"<category>{n}</category>" for n in range(60)))))
    assert feed.entries[0].categories == tuple(map(str, range(50)))
    assert feed.problems == ("more than 50 categories: cut",)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "this is an empty document", id="nothing"),
        pytest.param(b" \n\t", "this is an empty document", id="white space"),
        pytest.param(b"<!DOCTYPE html><html><head></head></html>", "this is a web page", id="a web page"),
        pytest.param(b"<HTML><BODY>404</BODY></HTML>", "this is a web page", id="a web page in capitals"),
        pytest.param(
            b"<!doctype html><title>x</title><rdf:RDF >licence</rdf:RDF>",
            "not a feed",
            id="a page without a root",
        ),
        pytest.param(b"Not found", "this is plain text", id="plain text"),
        pytest.param(b"feed.xml", "this is plain text", id="a file name"),
        pytest.param(b'{"error": "not found"}', "this is JSON, but not a JSON Feed", id="other JSON"),
        pytest.param(b"[1, 2]", "JSON list", id="a JSON list"),
        pytest.param(b"{oops}", "neither XML nor JSON", id="a brace"),
        pytest.param(b"<opml version='2.0'><body/></opml>", "an OPML list of feeds", id="OPML"),
        pytest.param(
            b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'/>", "a sitemap", id="a sitemap"
        ),
        pytest.param(b"<error>down</error>", "XML with the root <error>", id="other XML"),
        pytest.param(b"<div>Down <b>again", "this is a web page", id="a piece of a web page"),
        pytest.param(b"%PDF-1.7 \x80\x81", "a PDF document", id="a PDF"),
        pytest.param(b"\x1f\x8b\x08\x00\x00", "compressed data", id="what was compressed twice"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "a PNG image", id="an image"),
    ],
)
def test_what_is_no_feed_is_named(body: bytes, words: str) -> None:
    with pytest.raises(NotAFeed, match=words) as caught:
        parse_feed(body, url=URL)
    assert caught.value.url == URL


# --- hostile documents ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "words"),
    [
        pytest.param(rss("<b>" * 300 + "</b>" * 300), "nested more than 200 deep", id="nesting"),
        pytest.param(
            rss("<a " + " ".join(f'a{n}="x"' for n in range(5000)) + "/>"),
            "more than 256 attributes",
            id="attributes",
        ),
        pytest.param(
            rss("<category " + " ".join(f'a{n}="x"' for n in range(80_000)) + "/>"),
            "more than 256 attributes",
            id="a megabyte of attributes",
        ),
    ],
)
def test_what_would_take_too_long_is_refused(document: str, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        read(document)


def test_tags_that_are_never_closed_are_not_nesting() -> None:
    feed = read(rss("<description>" + "line<br>" * 1000 + "</description><guid>1</guid>"))
    assert feed.entries[0].guid == "1"


def test_an_author_without_end_takes_no_time() -> None:
    feed = read(rss(f"<guid>1</guid><author>{'a' * 200_000}</author>"))
    assert feed.entries[0].authors == ("a" * 200,)
    assert any("1 cut" in problem for problem in feed.problems)


ENTITIES = """<?xml version="1.0"?><!DOCTYPE rss [
<!ENTITY a "laugh"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
<!ENTITY file SYSTEM "file:///etc/hostname"><!ENTITY % net SYSTEM "http://127.0.0.1:9/x.dtd"> %net; ]>
<rss version="2.0"><channel><item><guid>1</guid><title>x &c; y</title><description>&file;</description></item>
</channel></rss>"""


def list_touched(body: bytes) -> list[tuple[str, str]]:
    """Files and sockets that reading `body` touches; modules that Python imports do not count."""
    touched: list[tuple[str, str]] = []
    watching = True

    def watch(event: str, args: tuple[object, ...]) -> None:
        if watching and (
            event == "open" or event.startswith(("socket.", "urllib.", "subprocess.", "os.system"))
        ):
            touched.append((event, str(args[0])))

    sys.addaudithook(watch)
    try:
        with suppress(ParseError):
            parse_feed(body, url=URL)
    finally:
        watching = False
    return [(event, name) for event, name in touched if not name.endswith((".py", ".pyc"))]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            str(Path(__file__).with_name("corpus_counts.tsv")).encode(), id="the path of a file that exists"
        ),
        pytest.param(b"file:///etc/hostname", id="a file URL"),
        pytest.param(b"http://127.0.0.1:9/feed.xml", id="a web address"),
        pytest.param(ENTITIES.encode(), id="entities that name files and addresses"),
        pytest.param(
            b'<!DOCTYPE rss SYSTEM "http://127.0.0.1:9/rss.dtd"><rss version="2.0"><channel/></rss>',
            id="a DTD elsewhere",
        ),
        pytest.param(
            b'<?xml-stylesheet href="http://127.0.0.1:9/s.xsl"?><rss version="2.0"><channel/></rss>',
            id="a stylesheet elsewhere",
        ),
        pytest.param(
            b'<rss version="2.0" xmlns:xi="http://www.w3.org/2001/XInclude"><channel><item><title>t</title>'
            b'<xi:include href="file:///etc/hostname" parse="text"/></item></channel></rss>',
            id="XInclude",
        ),
    ],
)
def test_nothing_a_document_says_opens_a_file_or_a_socket(body: bytes) -> None:
    assert list_touched(body) == []


def test_entities_of_a_doctype_are_never_expanded() -> None:
    feed = read(ENTITIES)
    (entry,) = feed.entries
    assert entry.title is not None
    assert "laugh" not in entry.title.value
    assert "its DOCTYPE declares entities: none was expanded" in feed.problems


MARKUP = (
    "<rss version='2.0'> <channel> </channel> <item> </item> <title> </title> <author> </author> <name> "
    "<link> <link/> <guid> <image> <source> <entry> </feed> &#xFFFF; &#0; &bogus; & < > ]]> <![CDATA[ "
    "<!-- --> <?x <media:content/> خبر a@b.c \"' \x00"
)
# feedparser keeps unknown elements under their names: these take the place of its own lists and dates.
IMPOSTORS = (
    "<links a='1'>",
    "<tags b='2'/>",
    "<id c='3'>",
    "<published_parsed d='4'/>",
    "<category term=''/>",
)
BROKEN = (
    "<content src=''>",
    "<!DOCTYPE a [",
    "<a b=",
    "<feed xmlns='http://www.w3.org/2005/Atom'>",
    " xml:base='x'",
)
PIECES = st.sampled_from((*MARKUP.split(" "), *IMPOSTORS, *BROKEN))


@settings(max_examples=150)
@given(st.lists(PIECES, max_size=25))
@example(["<rss version='2.0'>", "<channel>", "<item>", "<links a='1'>", "<link>"])
def test_any_document_is_read_or_refused_in_words(pieces: list[str]) -> None:
    try:
        feed = read("<rss version='2.0'><channel>" + "".join(pieces))
    except ParseError:
        return
    assert pickle.loads(pickle.dumps(feed)) == feed


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(body: bytes) -> None:
    with suppress(ParseError):
        parse_feed(body, url=URL)
