"""Identity, dates, links, words, media and language of entries."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.clean.entries import Cleaned, clean_entries
from aggregator.clean.hashes import hash_raw
from aggregator.model import (
    Enclosure,
    Entry,
    Hints,
    Image,
    Markup,
    ParsedEntry,
    ParsedFeed,
    Source,
)
from tests.harness import make_source

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SOURCE = make_source("tribune", url="https://news.example/feed.xml", section="en/world", max_entries=100)
LONG = "The harbour of the old town opens again after nine years of repairs."


def text(value: str) -> Markup:
    return Markup(value=value, kind="text")


def html(value: str) -> Markup:
    return Markup(value=value, kind="html")


def feed_of(entries: Sequence[ParsedEntry], *, kind: str = "rss20", lang: str | None = "en") -> ParsedFeed:
    return ParsedFeed(
        format=kind,
        title=None,
        site_url=None,
        icon_url=None,
        lang=lang,
        hints=Hints(),
        entries=tuple(entries),
        problems=(),
        base_url="https://news.example/feeds/feed.xml",
    )


def clean_all(*entries: ParsedEntry, source: Source = SOURCE, lang: str | None = "en") -> Cleaned:
    return clean_entries(feed_of(entries, lang=lang), source=source, seen_at=NOW)


def clean(entry: ParsedEntry, *, source: Source = SOURCE, lang: str | None = "en") -> Entry:
    (cleaned,) = clean_all(entry, source=source, lang=lang).entries
    return cleaned


def item(**fields: object) -> ParsedEntry:
    given = {"guid": "g", "url": "/a", "title": text("Title"), "published": "2026-11-24", **fields}
    return ParsedEntry(**given)  # type: ignore[arg-type]


# --- identity -------------------------------------------------------------------------------------

GUIDS = {
    "the guid, verbatim but for white space round it": (item(guid="\n  Tag:X,1 y \t"), "Tag:X,1 y"),
    "the link where there is no guid": (item(guid=None), "https://news.example/a"),
    "the link where the guid is blank": (item(guid=" "), "https://news.example/a"),
}


@pytest.mark.parametrize(("entry", "guid"), GUIDS.values(), ids=GUIDS.keys())
def test_identity_is(entry: ParsedEntry, guid: str) -> None:
    assert clean(entry).guid == guid


def test_without_guid_and_link_the_folded_words_are_the_identity() -> None:
    one = clean(ParsedEntry(title=text("أخبار ليبيا"), content=html("<p>نص الخبر</p>")))
    same = clean(ParsedEntry(title=text("اخبار  ليبيا"), content=html("<div>نص <b>الخبر</b></div>")))
    other = clean(ParsedEntry(title=text("اخبار ليبيا"), content=html("<p>نص آخر</p>")))
    assert one.guid.startswith("hash:")
    assert one.guid == same.guid != other.guid


def test_the_link_to_the_home_page_identifies_no_item() -> None:
    home = {"guid": None, "url": "https://news.example/"}
    one, two = clean_all(item(title=text("One"), **home), item(title=text("Two"), **home)).entries
    assert one.guid.startswith("hash:")
    assert one.guid != two.guid


def test_an_overlong_guid_is_hashed() -> None:
    one, other = clean(item(guid="x" * 1025)).guid, clean(item(guid="x" * 1024 + "y")).guid
    assert one.startswith("hash:")
    assert one != other
    assert clean(item(guid="x" * 1024)).guid == "x" * 1024


def test_a_guid_shared_by_items_with_different_links_is_told_apart_by_the_link_in_any_order() -> None:
    items = [item(guid="g", url="/a"), item(guid="g", url="/b"), item(guid="h", url="/c")]
    expected = {"g https://news.example/a", "g https://news.example/b", "h"}
    for order in (items, items[::-1]):
        cleaned = clean_all(*order)
        assert {entry.guid for entry in cleaned.entries} == expected
    assert cleaned.problems == ("items that share their guid with others, told apart by link or text: 2",)


def test_an_item_that_says_the_same_twice_is_kept_once() -> None:
    cleaned = clean_all(item(content=html(LONG)), item(content=html(f"<p>{LONG}</p>")))
    assert [entry.guid for entry in cleaned.entries] == ["g"]
    assert cleaned.dropped == 1
    assert cleaned.problems == ("items that repeat another one of the same document, dropped: 1",)


def test_items_with_one_guid_and_link_but_different_words_are_told_apart_by_them_in_any_order() -> None:
    items = [item(title=text("One")), item(title=text("Two"))]
    guids = [sorted(entry.guid for entry in clean_all(*order).entries) for order in (items, items[::-1])]
    assert guids[0] == guids[1]
    assert all(guid.startswith("g hash:") for guid in guids[0])
    assert len(set(guids[0])) == 2


def test_an_item_with_nothing_to_show_is_dropped_and_counted() -> None:
    cleaned = clean_all(
        ParsedEntry(guid="urn:1", title=html(" <b></b> "), content=html("<script>x</script>")),
        item(),
        ParsedEntry(),
    )
    assert [entry.guid for entry in cleaned.entries] == ["g"]
    assert cleaned.dropped == 2
    assert cleaned.problems == ("items without title, text and link, dropped: 2",)


# --- dates ----------------------------------------------------------------------------------------

AT_8 = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
AT_9 = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
DATES = {
    "both as written": ("2026-11-24T10:00:00+02:00", "2026-11-24T09:00:00Z", AT_8, AT_9),
    "published alone": ("Tue, 24 Nov 2026 08:00:00 GMT", None, AT_8, AT_8),
    "updated alone stands for both": (None, "2026-11-24T09:00:00Z", AT_9, AT_9),
    "an update before publication is none": ("2026-11-24T09:00:00Z", "2026-11-24T08:00:00Z", AT_9, AT_9),
    "no date: first sight": (None, None, NOW, NOW),
    "a blank date is none": (" ", "", NOW, NOW),
    "an unreadable date is none": ("soon", None, NOW, NOW),
    "an unreadable date leaves the other": ("soon", "2026-11-24T08:00:00Z", AT_8, AT_8),
    "a date before 1990 is none": ("1985-01-01T00:00:00Z", "2026-11-24T09:00:00Z", AT_9, AT_9),
    "a future date is first sight": ("2027-01-01T00:00:00Z", None, NOW, NOW),
    "a future update is first sight": ("2026-11-24T08:00:00Z", "2026-12-01T00:00:00Z", AT_8, NOW),
}


@pytest.mark.parametrize(
    ("published", "updated", "published_at", "updated_at"), DATES.values(), ids=DATES.keys()
)
def test_dates(
    published: str | None, updated: str | None, published_at: datetime, updated_at: datetime
) -> None:
    entry = clean(item(published=published, updated=updated))
    assert (entry.published_at, entry.updated_at, entry.first_seen_at) == (published_at, updated_at, NOW)


def test_faults_of_dates_are_counted() -> None:
    cleaned = clean_all(
        item(guid="1", published="soon"),
        item(guid="2", published="2027-01-01T00:00:00Z", updated="2027-01-01T00:00:00Z"),
        item(guid="3", published="2028-01-01T00:00:00Z"),
    )
    assert cleaned.problems == (
        "dates in the future, set to the time of first sight: 2",
        "dates that cannot be read or lie before 1990, left out: 1",
        "items without a usable date, dated by first sight: 1",
    )


# --- links ----------------------------------------------------------------------------------------

LINKS = {
    "relative to the document": (item(url="a/b?x=1"), "https://news.example/feeds/a/b?x=1"),
    "relative to xml:base": (item(url="b", base_url="https://cdn.example/x/"), "https://cdn.example/x/b"),
    "relative to an xml:base that is relative itself": (
        item(url="b", base_url="/x/"),
        "https://news.example/x/b",
    ),
    "white space goes": (item(url=" \n https://a.example/x \n"), "https://a.example/x"),
    "a guid that is an address stands for a missing link": (
        item(url=None, guid="https://a.example/?p=1"),
        "https://a.example/?p=1",
    ),
    "also for one that is no web address": (
        item(url="javascript:x()", guid="HTTP://a.example/1"),
        "http://a.example/1",
    ),
    "any other guid does not": (item(url=None, guid="tag:a.example,2026:1"), None),
    "other schemes are no links": (item(url="ftp://a.example/x"), None),
}


@pytest.mark.parametrize(("entry", "url"), LINKS.values(), ids=LINKS.keys())
def test_link(entry: ParsedEntry, url: str | None) -> None:
    assert clean(entry).url == url


BASES = {
    "in RSS to the page of the item": (
        "rss20",
        item(url="/2026/a/", content=html('<img src="i.jpg">')),
        "https://news.example/2026/a/i.jpg",
    ),
    "in Atom to the document": (
        "atom10",
        item(url="/2026/a/", content=html('<img src="i.jpg">')),
        "https://news.example/feeds/i.jpg",
    ),
    "to the entry's xml:base": (
        "rss20",
        item(base_url="https://a.example/b/", content=html('<img src="i.jpg">')),
        "https://a.example/b/i.jpg",
    ),
    "to the text's own xml:base, within the entry's": (
        "atom10",
        item(
            base_url="https://a.example/b/",
            content=Markup(value='<img src="i.jpg">', kind="html", base_url="c/"),
        ),
        "https://a.example/b/c/i.jpg",
    ),
}


@pytest.mark.parametrize(("kind", "entry", "src"), BASES.values(), ids=BASES.keys())
def test_addresses_in_the_text_are_relative(kind: str, entry: ParsedEntry, src: str) -> None:
    (cleaned,) = clean_entries(feed_of([entry], kind=kind), source=SOURCE, seen_at=NOW).entries
    assert f'<img src="{src}">' in cleaned.content_html


# --- words ----------------------------------------------------------------------------------------

TITLES = {
    "text is never read as tags": (text("AT&T <3 <b>you</b>"), "AT&T <3 <b>you</b>"),
    "HTML loses its tags and references": (
        html("<b>Tom</b> &amp; Jerry&#8217;s<br>day"),
        "Tom & Jerry’s day",
    ),
    "what was escaped twice is decoded": (html("Tom&amp;#8217;s &amp;amp; more"), "Tom’s & more"),
    "also in text": (text("Tom&#8217;s &quot;x&quot;"), 'Tom’s "x"'),
    "but no tags come of it": (html("use &amp;lt;b&amp;gt;"), "use &lt;b&gt;"),
    "controls go, space is collapsed": (text(" a\x00b\n\t c\u00a0 d "), "ab c d"),
    "marks of direction stay": (text("\u200fخبر\u200f 24"), "\u200fخبر\u200f 24"),
    "a very long one is cut between words": (text("word " * 200), "word " * 99 + "word…"),
}


@pytest.mark.parametrize(("title", "expected"), TITLES.values(), ids=TITLES.keys())
def test_title(title: Markup, expected: str) -> None:
    assert clean(item(title=title)).title == expected


def test_a_missing_title_is_the_start_of_the_text_or_else_the_address() -> None:
    assert clean(item(title=None, content=html(f"<p>{LONG}</p><p>{LONG}</p>"))).title == f"{LONG} The…"
    assert clean(item(title=html(" "), url="https://a.example/x/y/")).title == "a.example/x/y"


CONTENTS = {
    "content wins over summary": (
        {"content": html("<p>Content</p>"), "summary": html("<p>Summary</p>")},
        "<p>Content</p>",
        "Content",
    ),
    "summary stands in for content": ({"summary": html("<p>Summary</p>")}, "<p>Summary</p>", "Summary"),
    "also for blank content": (
        {"content": html(" "), "summary": html("<p>Summary</p>")},
        "<p>Summary</p>",
        "Summary",
    ),
    "plain text becomes paragraphs": (
        {"content": text("1 < 2\n\nb <i>")},
        "<p>1 &lt; 2</p>\n<p>b &lt;i&gt;</p>",
        "1 < 2\nb <i>",
    ),
    "HTML is sanitised": ({"content": html("<p onclick=x>a<script>b</script></p>")}, "<p>a</p>", "a"),
    "neither gives nothing": ({}, "", ""),
}


@pytest.mark.parametrize(("fields", "content", "words"), CONTENTS.values(), ids=CONTENTS.keys())
def test_content(fields: dict[str, Markup], content: str, words: str) -> None:
    entry = clean(item(**fields))
    assert (entry.content_html, entry.text) == (content, words)


EXCERPTS = {
    "the summary": ({"summary": html(f"<p>{LONG}</p>"), "content": html("<p>Other words</p>")}, LONG),
    "the text where the summary is trivial": (
        {"summary": html("Read more"), "content": html(f"<p>{LONG}</p>")},
        LONG,
    ),
    "the text where the summary is the title": (
        {
            "title": text("A title of some length"),
            "summary": html("A title of some length"),
            "content": html(LONG),
        },
        LONG,
    ),
    "without the title before it": ({"summary": html(f"<h3>TITLE</h3><p>{LONG}</p>")}, LONG),
    "with the title that begins its first sentence": (
        {"title": text("The harbour"), "summary": html(LONG)},
        LONG,
    ),
    "without 'Read more'": ({"summary": html(f'<p>{LONG} <a href="/a">Read more »</a></p>')}, LONG),
    "without the same in Arabic": (
        {"summary": html("<p>افتتح المرفأ القديم بعد تسع سنوات من الترميم. اقرأ المزيد...</p>")},
        "افتتح المرفأ القديم بعد تسع سنوات من الترميم.",
    ),
    "without what WordPress adds": (
        {"summary": html(f"<p>{LONG}</p><p>The post <a>Title</a> appeared first on <a>Tribune</a>.</p>")},
        LONG,
    ),
    "with the sign of a cut text": ({"summary": html(f"{LONG[:39]} [&#8230;]")}, f"{LONG[:39]}…"),
    "a short text as it is": ({"content": html("<p>Short.</p>")}, "Short."),
    "nothing of nothing": ({}, ""),
}


@pytest.mark.parametrize(("fields", "expected"), EXCERPTS.values(), ids=EXCERPTS.keys())
def test_excerpt_is(fields: dict[str, Markup], expected: str) -> None:
    assert clean(item(**fields)).excerpt == expected


def test_the_tails_an_excerpt_loses_stay_in_the_content() -> None:
    markup = f"<p>{LONG}</p><p>The post X appeared first on Tribune.</p>"
    entry = clean(item(content=html(markup)))
    assert entry.excerpt == LONG
    assert entry.content_html == markup


def test_a_long_excerpt_has_at_most_300_characters() -> None:
    entry = clean(item(content=html(f"<p>{LONG * 10}</p>")))
    assert 280 < len(entry.excerpt) <= 300
    assert entry.excerpt.endswith("…")


def test_authors_are_names_without_addresses_each_once_and_ten_at_most() -> None:
    written = (
        "desk@news.example (Salma  Haddad)",
        "Omar Ali <omar@news.example>",
        "salma haddad",
        "only@news.example",
        " ",
        "<b>Lina</b> &amp; co",
        *(f"Writer {n}" for n in range(20)),
    )
    authors = clean(item(authors=written)).authors
    assert authors[:4] == ("Salma Haddad", "Omar Ali", "Lina & co", "Writer 0")
    assert len(authors) == 10


def test_categories_are_plain_each_once_and_fifty_at_most() -> None:
    written = ("رياضة", "رياضه", " Sport ", "SPORT", "R&amp;D", "", *(f"c{n}" for n in range(60)))
    categories = clean(item(categories=written)).categories
    assert categories[:4] == ("رياضة", "Sport", "R&D", "c0")
    assert len(categories) == 50


# --- media ----------------------------------------------------------------------------------------

PICTURE = html('<p><img src="/icon.png" width="16"><img src="/photo.jpg" alt="P"></p>')
IMAGES = {
    "declared": (
        {"images": (Image(url="/d.jpg", alt=" A\nb ", width=-1, height=90),), "content": PICTURE},
        Image(url="https://news.example/d.jpg", alt="A b", height=90),
    ),
    "the second declared where the first is a pixel": (
        {"images": (Image(url="/p.gif", width=1, height=1), Image(url="javascript:x"), Image(url="/d.jpg"))},
        Image(url="https://news.example/d.jpg"),
    ),
    "enclosed": (
        {"enclosures": (Enclosure(url="/a.mp3"), Enclosure(url="/e.JPG?x=1")), "content": PICTURE},
        Image(url="https://news.example/e.JPG?x=1"),
    ),
    "the first in the text that is no icon": (
        {"content": PICTURE},
        Image(url="https://news.example/photo.jpg", alt="P"),
    ),
    "none": ({"content": html(LONG)}, None),
}


@pytest.mark.parametrize(("fields", "expected"), IMAGES.values(), ids=IMAGES.keys())
def test_lead_image_is(fields: dict[str, object], expected: Image | None) -> None:
    assert clean(item(**fields)).image == expected


def test_enclosures_are_absolute_typed_and_each_once_without_the_lead_image() -> None:
    written = (
        Enclosure(url="/a.mp3?x=1", type="", length=-5),
        Enclosure(url="/a.mp3?x=1", type="audio/mpeg"),
        Enclosure(url="/b", type="Video/MP4; codecs=x", length=10),
        Enclosure(url="/c.pdf", type="application/octet-stream", length=2**70),
        Enclosure(url="/d.xyz", type="no type"),
        Enclosure(url="/e.jpg", type="image/jpeg"),
        Enclosure(url=" "),
        Enclosure(url="magnet:?xt=x"),
    )
    assert clean(item(enclosures=written)).enclosures == (
        Enclosure(url="https://news.example/a.mp3?x=1", type="audio/mpeg"),
        Enclosure(url="https://news.example/b", type="video/mp4", length=10),
        Enclosure(url="https://news.example/c.pdf", type="application/pdf"),
        Enclosure(url="https://news.example/d.xyz"),
    )


# --- language -------------------------------------------------------------------------------------

ARABIC = text("افتتاح المرفأ القديم في المدينة")
LANGUAGES = {
    "the admin's word": (item(), replace(SOURCE, lang="en-GB"), "ar", ("en-GB", "ltr")),
    "the entry's word": (item(lang="de"), SOURCE, "en", ("de", "ltr")),
    "the feed's word": (item(), SOURCE, "en-us", ("en-US", "ltr")),
    "the letters against the feed's word": (item(title=ARABIC), SOURCE, "en", ("ar", "rtl")),
    "the letters alone": (item(title=ARABIC), SOURCE, None, ("ar", "rtl")),
    "a headline without letters in an Arabic feed": (item(title=text("2026!")), SOURCE, "ar", ("ar", "rtl")),
    "an English headline of an Arabic source": (item(), replace(SOURCE, lang="ar"), "ar", ("ar", "ltr")),
}


@pytest.mark.parametrize(("entry", "source", "lang", "expected"), LANGUAGES.values(), ids=LANGUAGES.keys())
def test_language_and_direction_follow(
    entry: ParsedEntry, source: Source, lang: str | None, expected: tuple[str, str]
) -> None:
    cleaned = clean(entry, source=source, lang=lang)
    assert (cleaned.lang, cleaned.dir) == expected


# --- hashes ---------------------------------------------------------------------------------------


def test_the_raw_hash_moves_with_every_field_and_the_content_hash_with_what_is_read() -> None:
    base = item(content=html('<p>Text</p><img src="/a.jpg?token=1">'), authors=("A", "B"), updated="x")
    first = clean(base)
    token = clean(replace(base, content=html('<p>Text</p><img src="/a.jpg?token=2">')))
    assert token.raw_hash != first.raw_hash
    assert token.content_hash == first.content_hash
    for change in (
        {"title": text("Other")},
        {"content": html("<p>Other</p>")},
        {"url": "/b"},
    ):
        assert clean(replace(base, **change)).content_hash != first.content_hash  # type: ignore[arg-type]
    others = [
        replace(base, authors=("AB",)),
        replace(base, authors=(), categories=("A", "B")),
        replace(base, updated=None, published="x"),
        replace(base, title=html("Title")),
        replace(base, images=(Image(url="/a"),)),
    ]
    assert len({hash_raw(entry) for entry in (base, *others)}) == 6
    assert (len(first.raw_hash), len(first.content_hash)) == (16, 16)


def test_the_raw_hash_is_the_same_in_every_process() -> None:
    entry = (
        "ParsedEntry(guid='ش', title=Markup(value='<b>', kind='html'), images=(Image(url='/a', width=1),))"
    )
    program = (
        "from aggregator.model import *; from aggregator.clean.hashes import hash_raw;"
        f"print(hash_raw({entry}).hex())"
    )
    expected = hash_raw(
        ParsedEntry(guid="ش", title=html("<b>"), images=(Image(url="/a", width=1),)),
    ).hex()
    for seed in ("1", "2"):
        answer = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
            capture_output=True,
            check=True,
            text=True,
        )
        assert answer.stdout.strip() == expected


# --- laws -----------------------------------------------------------------------------------------

WORDS = st.one_of(
    st.text(alphabet=st.characters(), max_size=40),
    st.text(alphabet=st.characters(categories=["Cs", "Cc", "Cf", "Zs"]), max_size=5),
    st.sampled_from(
        [
            "g",
            "https://a.example/1",
            "/x",
            "//[",
            "http://[::1",
            "2026-11-24",
            "9999-12-31T23:59:59-23:59",
            "<p>x</p>",
            "&#xD800;&#0;",
            "<img src=//[ width=9999999999999>",
            "Wed, 99 Foo 2026",
            "<a href='http://[x'>y</a>",
        ]
    ),
)
MAYBE = st.none() | WORDS
MARKUPS = st.none() | st.builds(
    Markup, value=WORDS, kind=st.sampled_from(["text", "html"]), base_url=MAYBE, lang=MAYBE
)
NUMBERS = st.none() | st.integers()
ENTRIES = st.builds(
    ParsedEntry,
    guid=MAYBE,
    url=MAYBE,
    title=MARKUPS,
    summary=MARKUPS,
    content=MARKUPS,
    authors=st.lists(WORDS, max_size=3).map(tuple),
    categories=st.lists(WORDS, max_size=3).map(tuple),
    published=MAYBE,
    updated=MAYBE,
    enclosures=st.lists(st.builds(Enclosure, url=WORDS, type=MAYBE, length=NUMBERS), max_size=2).map(tuple),
    images=st.lists(st.builds(Image, url=WORDS, alt=MAYBE, width=NUMBERS, height=NUMBERS), max_size=2).map(
        tuple
    ),
    lang=MAYBE,
    base_url=MAYBE,
)


@given(st.lists(ENTRIES, max_size=5))
@settings(max_examples=300)
def test_whatever_items_say_they_become_sound_entries(items: list[ParsedEntry]) -> None:
    cleaned = clean_entries(feed_of(items), source=SOURCE, seen_at=NOW)
    guids = [entry.guid for entry in cleaned.entries]
    assert len(set(guids)) == len(guids)
    assert len(guids) + cleaned.dropped == len(items)
    for entry in cleaned.entries:
        assert entry.published_at <= entry.updated_at <= entry.first_seen_at == NOW
        assert entry.guid
        assert entry.title
        assert len(entry.excerpt) <= 300
        assert entry.url is None or entry.url.startswith(("http://", "https://"))
        for part in (
            entry.guid,
            entry.title,
            entry.content_html,
            entry.text,
            *entry.authors,
            *entry.categories,
        ):
            part.encode()  # no lone surrogates


@given(st.lists(ENTRIES, max_size=4))
@settings(max_examples=100)
def test_the_order_of_items_does_not_change_who_they_are(items: list[ParsedEntry]) -> None:
    there = clean_entries(feed_of(items), source=SOURCE, seen_at=NOW)
    back = clean_entries(feed_of(items[::-1]), source=SOURCE, seen_at=NOW)
    assert {e.guid for e in there.entries} == {e.guid for e in back.entries}
