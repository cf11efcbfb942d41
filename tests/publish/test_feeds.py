from __future__ import annotations

import html
import io
import locale
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from aggregator.model import Archive, Article, FeedHead, Notice
from aggregator.publish.body import strip_all
from aggregator.publish.feeds import render_atom, render_rss
from tests.publish.feed_samples import (
    ARTICLES,
    BARE,
    DAWN,
    FERRY,
    FULL,
    HEADS,
    HOSTILE,
    SUMMARY,
    check_golden,
)

Render = Callable[[FeedHead, Sequence[Article]], bytes]

RENDERERS: dict[str, Render] = {"rss": render_rss, "atom": render_atom}
NS = {
    "a": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "media": "http://search.yahoo.com/mrss/",
}
URI = re.compile(
    r"https?://[A-Za-z0-9.:\[\]-]+(?:[/?#](?:[A-Za-z0-9/?#:@!$&'()*+,;=._~-]|%[0-9A-Fa-f]{2})*)?"
)
RFC822 = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT")
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|\+00:00)")

every_format = pytest.mark.parametrize("kind", RENDERERS)
every_document = pytest.mark.parametrize(
    ("edition", "kind"), [(edition, kind) for edition in HEADS for kind in RENDERERS]
)


def parse(document: bytes) -> Any:
    return etree.fromstring(document)


def read(document: bytes) -> Any:
    result = feedparser.parse(io.BytesIO(document))
    assert not result.bozo, result.get("bozo_exception")
    return result


def item_of(article: Article, edition: str = "ar") -> Any:
    return parse(render_rss(HEADS[edition], [article])).find("channel/item")


def entry_of(article: Article, edition: str = "ar") -> Any:
    return parse(render_atom(HEADS[edition], [article])).find("a:entry", NS)


def title_of(entry: Any) -> str:
    """As a reader shows it that heeds Atom's type."""
    title = next(child for child in entry if str(child.tag).rpartition("}")[2] == "title")
    return html.unescape(title.text or "") if title.get("type") == "html" else title.text or ""


def tags_of(element: Any) -> Counter[str]:
    return Counter(str(etree.QName(child).localname) for child in element)


@every_document
def test_documents_are_what_the_golden_files_say(edition: str, kind: str) -> None:
    check_golden(f"{edition}.{kind}", RENDERERS[kind](HEADS[edition], ARTICLES))


@pytest.fixture
def far_timezone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@every_document
def test_rendering_twice_gives_the_same_bytes(edition: str, kind: str) -> None:
    first = RENDERERS[kind](HEADS[edition], ARTICLES)
    assert RENDERERS[kind](HEADS[edition], ARTICLES) == first


@every_document
@pytest.mark.usefixtures("far_timezone")
def test_the_time_zone_of_the_machine_changes_nothing(edition: str, kind: str) -> None:
    check_golden(f"{edition}.{kind}", RENDERERS[kind](HEADS[edition], ARTICLES))


@every_format
def test_the_zone_in_which_an_instant_is_given_changes_nothing(kind: str) -> None:
    zone = FULL.published_at.astimezone().replace(tzinfo=None).astimezone().tzinfo
    moved = replace(FULL, published_at=FULL.published_at.astimezone(zone))
    render = RENDERERS[kind]
    assert render(HEADS["ar"], [moved]) == render(HEADS["ar"], [FULL])


@every_format
def test_the_locale_of_the_process_is_left_alone(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("other threads would see the change")

    monkeypatch.setattr(locale, "setlocale", refuse)
    RENDERERS[kind](HEADS["ar"], ARTICLES)


@every_document
@pytest.mark.skipif(not shutil.which("xmllint"), reason="xmllint (libxml2-utils) is not installed")
def test_xmllint_finds_documents_well_formed(edition: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"feed.{kind}"
    file.write_bytes(RENDERERS[kind](HEADS[edition], ARTICLES))
    done = subprocess.run(
        ["xmllint", "--noout", "--nonet", str(file)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_module_can_be_imported_first_of_all() -> None:
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", "import aggregator.publish.feeds"], cwd=root, check=True)


@every_format
def test_a_stylesheet_stands_before_the_root(kind: str) -> None:
    lines = RENDERERS[kind](HEADS["en"], []).splitlines()
    assert lines[1] == b'<?xml-stylesheet type="text/css" href="/static/feed.css"?>'


@every_format
def test_namespaces_are_declared_once_at_the_root(kind: str) -> None:
    document = RENDERERS[kind](HEADS["ar"], ARTICLES).decode()
    root = re.search(r"<(rss|feed) [^>]*>", document)
    assert root
    assert document.count("xmlns") == root.group().count("xmlns")
    assert len(set(re.findall(r'xmlns[^=]*="[^"]*"', document))) == document.count("xmlns")


@every_format
def test_the_order_is_the_order_given(kind: str) -> None:
    backward = tuple(reversed(ARTICLES))
    assert [e.id for e in read(RENDERERS[kind](HEADS["ar"], backward)).entries] == [a.guid for a in backward]


@every_format
def test_guids_are_the_articles_own_and_unique(kind: str) -> None:
    ids = [entry.id for entry in read(RENDERERS[kind](HEADS["ar"], ARTICLES)).entries]
    assert ids == [article.guid for article in ARTICLES]
    assert len(set(ids)) == len(ids)


@every_format
def test_every_address_is_absolute_and_ascii(kind: str) -> None:
    root = parse(RENDERERS[kind](HEADS["ar"], ARTICLES))
    found = [str(v) for v in root.xpath("//@url | //@href | //link[not(@href)]/text() | //url/text()")]
    found += [str(v) for v in root.xpath("//a:icon/text() | //a:source/a:id/text()", namespaces=NS)]
    assert len(found) > 15
    assert [address for address in found if not URI.fullmatch(address)] == []


@every_format
def test_no_element_carries_a_made_up_type(kind: str) -> None:
    document = RENDERERS[kind](HEADS["ar"], ARTICLES)
    assert b"CDATA" not in document
    assert set(parse(document).xpath("//*[local-name()='content' and not(@url)]/@type")) <= {"html"}


@every_format
def test_no_media_is_wrapped_in_a_group(kind: str) -> None:
    root = parse(RENDERERS[kind](HEADS["ar"], [FULL]))
    assert root.find(".//media:group", NS) is None
    (content,) = root.findall(".//media:content", NS)
    assert dict(content.attrib) == {
        "url": "https://harbour.example/img/cup.jpg",
        "type": "image/jpeg",
        "medium": "image",
        "width": "1200",
        "height": "800",
    }


HOSTILE_TEXTS = {
    "control characters": "a\x00b\x08c\x0bd\x1fe",
    "a lone high surrogate": "a\ud83d",
    "a lone low surrogate": "\udea2a",
    "noncharacters": "a\ufffe\uffffb",
    "the end of a CDATA section": "a ]]> b <![CDATA[ c",
    "an ampersand and entities": "a & b &amp; c &nbsp; &#0;",
    "markup": "<b>a</b> </title></item> <!-- b",
    "direction marks": "\u200fa\u202eb\u2067c\u2069\u061c",
    "emoji": "\U0001f6a2 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "line ends": "a\r\nb\u2028c\u0085d",
    "ten kilobytes": "كلمة <&> " * 700,
}


@every_format
@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
def test_hostile_text_in_every_field_is_read_back_as_it_was_but_for_what_xml_forbids(
    kind: str, text: str
) -> None:
    head = replace(HEADS["ar"], title=text, description=text)
    article = replace(
        FULL,
        title=text,
        excerpt=text,
        authors=(text,),
        categories=(text,),
        content_html=text,
        origin=replace(FULL.origin, name=text),
    )
    kept = strip_all(text).strip()
    root = parse(RENDERERS[kind](head, [article]))
    feed, entry = (root[0], root[0].find("item")) if kind == "rss" else (root, root.find("a:entry", NS))
    assert feed.xpath("string(*[local-name()='title'])").strip() == kept
    assert title_of(entry) == kept
    assert (
        entry.xpath("string(*[local-name()='category'][not(@term)])") + entry.xpath("string(*/@term)") == kept
    )


@every_format
@settings(max_examples=60)
@given(text=st.text(st.characters(exclude_categories=()), max_size=40))
def test_no_text_at_all_makes_a_document_unreadable(kind: str, text: str) -> None:
    article = replace(FULL, title=text, excerpt=text, content_html=text, authors=(text,), lang="en")
    root = parse(RENDERERS[kind](HEADS["ar"], [article]))
    (entry,) = root.xpath("//*[local-name()='item' or local-name()='entry']")
    assert title_of(entry) == (strip_all(text).strip() or FULL.origin.name)


@every_format
def test_a_title_only_right_lets_nothing_of_the_text_out(kind: str) -> None:
    (entry,) = read(RENDERERS[kind](HEADS["en"], [BARE])).entries
    body = re.sub(r"<[^>]*>", " ", entry.content[0].value)
    assert body.split() == ["The", "Ferry", "&amp;", "Post"]
    document = parse(RENDERERS[kind](HEADS["en"], [BARE]))
    assert document.xpath("//item/description/text()") in ([], ["The Ferry &amp; Post"])
    assert document.xpath("//*[local-name()='summary']") == []


# --- RSS ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", HEADS)
def test_the_channel_has_each_element_once_and_all_that_rss_requires(edition: str) -> None:
    head = HEADS[edition]
    (channel,) = parse(render_rss(head, ARTICLES))
    counts = tags_of(channel)
    once = {"title", "description", "generator", "language", "lastBuildDate", "ttl"}
    assert {name: counts[name] for name in once} == dict.fromkeys(once, 1)
    assert channel.findall("link")[0].text == head.home_url
    assert len(channel.findall("link")) == 1
    assert channel.findtext("title") == head.title
    assert channel.findtext("description") == head.description
    assert channel.findtext("language") == head.lang
    assert channel.findtext("ttl") == "20"
    assert channel.findtext("generator") == "aggregator"
    assert channel.findtext("lastBuildDate") == "Tue, 24 Nov 2026 07:30:00 GMT"


def test_the_channel_links_to_itself_and_to_its_twins() -> None:
    head = HEADS["ar"]
    links = parse(render_rss(head, [])).findall("channel/a:link", NS)
    assert [(link.get("rel"), link.get("type"), link.get("href")) for link in links] == [
        ("self", "application/rss+xml", head.rss_url),
        ("alternate", "application/atom+xml", head.atom_url),
        ("alternate", "application/feed+json", head.json_url),
    ]


def test_the_channel_image_repeats_title_and_link_of_the_channel() -> None:
    image = parse(render_rss(HEADS["ar"], [])).find("channel/image")
    assert {child.tag: child.text for child in image} == {
        "url": HEADS["ar"].icon_url,
        "title": HEADS["ar"].title,
        "link": HEADS["ar"].home_url,
    }
    assert parse(render_rss(HEADS["en"], [])).find("channel/image") is None


def test_a_ttl_is_whole_minutes_and_never_zero() -> None:
    for ttl, minutes in ((timedelta(seconds=5), "1"), (timedelta(minutes=7, seconds=59), "7")):
        assert parse(render_rss(replace(HEADS["en"], ttl=ttl), [])).findtext("channel/ttl") == minutes


def test_a_channel_without_description_describes_itself_by_its_title() -> None:
    channel = parse(render_rss(replace(HEADS["en"], description=""), []))[0]
    assert channel.findtext("description") == HEADS["en"].title


@pytest.mark.parametrize("article", ARTICLES, ids=["full", "bare", "summary", "hostile"])
def test_an_item_has_each_element_once(article: Article) -> None:
    counts = tags_of(item_of(article))
    del counts["category"]
    once = {"title", "link", "description", "encoded", "guid", "source", "pubDate", "creator"}
    assert once <= set(counts) <= once | {"enclosure", "content"}
    assert set(counts.values()) == {1}


def test_an_item_says_all_that_its_article_says() -> None:
    item = item_of(FULL)
    assert item.findtext("title") == FULL.title
    assert item.findtext("link").startswith("https://harbour.example/%D8%B1")
    assert item.findtext("guid") == FULL.guid
    assert item.find("guid").get("isPermaLink") == "false"
    assert item.findtext("pubDate") == "Tue, 24 Nov 2026 05:30:00 GMT"
    assert item.findtext("dc:creator", namespaces=NS) == "سالم الورفلي، هدى بن عامر (صحيفة الميناء)"
    assert [c.text for c in item.findall("category")] == ["رياضة", "كرة القدم"]
    assert (item.find("source").get("url"), item.findtext("source")) == (
        FULL.origin.feed_url,
        FULL.origin.name,
    )
    assert item.findtext("description") == FULL.excerpt
    assert FULL.content_html in item.findtext("content:encoded", namespaces=NS)


def test_an_item_bears_no_author_and_no_dublin_core_title_or_date() -> None:
    document = render_rss(HEADS["ar"], ARTICLES)
    for name in (b"<author", b"dc:title", b"dc:date"):
        assert name not in document


def test_the_description_comes_before_the_body() -> None:
    tags = [child.tag for child in item_of(FULL)]
    assert tags.index("description") < tags.index(f"{{{NS['content']}}}encoded")


def test_plain_text_in_a_description_is_escaped_for_the_html_that_readers_take_it_for() -> None:
    assert (
        item_of(SUMMARY).findtext("description") == "Crews waited as 3 &lt; 4 boats &amp; a tug left harbour."
    )
    assert item_of(SUMMARY).findtext("title") == "Tide & time: is 3 < 4?"


def test_what_looks_like_markup_in_a_plain_text_of_rss_is_a_hexadecimal_reference() -> None:
    article = replace(BARE, title="</b> &amp;", categories=("<i>",), origin=replace(FERRY, name="<&>"))
    document = render_rss(HEADS["en"], [article])
    assert b"<title>&#x3C;/b&gt; &#x26;amp;</title>" in document
    assert b"<category>&#x3C;i&gt;</category>" in document
    assert b">&#x3C;&#x26;&gt;</source>" in document


def test_an_article_without_address_links_to_our_page() -> None:
    assert item_of(BARE).findtext("link") == "https://news.example/article/b2"


def test_one_enclosure_with_type_and_length_is_published() -> None:
    (enclosure,) = item_of(FULL).findall("enclosure")
    assert dict(enclosure.attrib) == {
        "url": "https://harbour.example/audio/match.mp3",
        "length": "4096",
        "type": "audio/mpeg",
    }


def test_an_enclosure_of_unknown_type_and_length_still_has_both() -> None:
    (enclosure,) = item_of(SUMMARY).findall("enclosure")
    assert (enclosure.get("type"), enclosure.get("length")) == ("application/octet-stream", "0")


@pytest.mark.parametrize("edition", HEADS)
def test_dates_of_rss_have_days_of_two_and_years_of_four_digits(edition: str) -> None:
    early = replace(FULL, published_at=DAWN.replace(year=2027, month=1, day=3))
    root = parse(render_rss(HEADS[edition], [*ARTICLES, early]))
    dates = root.xpath("//pubDate/text() | //lastBuildDate/text()")
    assert len(dates) == len(ARTICLES) + 2
    assert all(RFC822.fullmatch(date) for date in dates)
    assert "Sun, 03 Jan 2027 05:30:00 GMT" in dates


def test_feedparser_reads_an_item_back() -> None:
    feed = read(render_rss(HEADS["ar"], [FULL]))
    (entry,) = feed.entries
    assert (feed.version, feed.feed.title, feed.feed.link) == (
        "rss20",
        HEADS["ar"].title,
        HEADS["ar"].home_url,
    )
    assert feed.feed.language == "ar-LY"
    assert entry.title == FULL.title
    assert entry.author == "سالم الورفلي، هدى بن عامر (صحيفة الميناء)"
    assert entry.summary == FULL.excerpt
    assert entry.published_parsed[:6] == (2026, 11, 24, 5, 30, 0)
    assert [tag.term for tag in entry.tags] == ["رياضة", "كرة القدم"]
    assert (entry.source.href, entry.source.title) == (FULL.origin.feed_url, FULL.origin.name)
    assert [e.href for e in entry.enclosures] == ["https://harbour.example/audio/match.mp3"]
    assert [m["url"] for m in entry.media_content] == ["https://harbour.example/img/cup.jpg"]
    assert not entry.guidislink


# --- Atom -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", HEADS)
def test_the_feed_has_each_element_once_and_all_that_atom_requires(edition: str) -> None:
    head = HEADS[edition]
    feed = parse(render_atom(head, ARTICLES))
    assert feed.tag == f"{{{NS['a']}}}feed"
    counts = tags_of(feed)
    once = {"id", "title", "subtitle", "updated", "author", "generator"}
    assert {name: counts[name] for name in once} == dict.fromkeys(once, 1)
    assert feed.findtext("a:id", namespaces=NS) == head.id
    assert feed.findtext("a:title", namespaces=NS) == head.title
    assert feed.findtext("a:author/a:name", namespaces=NS) == head.title
    assert feed.findtext("a:generator", namespaces=NS) == "aggregator"
    assert feed.findtext("a:updated", namespaces=NS) == "2026-11-24T07:30:00+00:00"
    assert feed.findtext("a:icon", namespaces=NS) == head.icon_url
    assert feed.get("{http://www.w3.org/XML/1998/namespace}lang") == head.lang


def test_the_feed_links_to_itself_to_the_page_and_to_its_twins() -> None:
    head = HEADS["ar"]
    links = parse(render_atom(head, [])).findall("a:link", NS)
    assert [(link.get("rel"), link.get("type"), link.get("href")) for link in links] == [
        ("self", "application/atom+xml", head.atom_url),
        ("alternate", "text/html", head.home_url),
        ("alternate", "application/rss+xml", head.rss_url),
        ("alternate", "application/feed+json", head.json_url),
    ]


def test_an_entry_says_all_that_its_article_says() -> None:
    entry = entry_of(FULL)
    assert entry.findtext("a:id", namespaces=NS) == FULL.guid
    assert entry.findtext("a:title", namespaces=NS) == FULL.title
    assert entry.findtext("a:published", namespaces=NS) == "2026-11-24T05:30:00+00:00"
    assert entry.findtext("a:updated", namespaces=NS) == "2026-11-24T06:30:05+00:00"
    assert entry.findtext("a:author/a:name", namespaces=NS) == "سالم الورفلي، هدى بن عامر (صحيفة الميناء)"
    assert [c.get("term") for c in entry.findall("a:category", NS)] == ["رياضة", "كرة القدم"]
    assert entry.findtext("a:summary", namespaces=NS) == FULL.excerpt
    assert FULL.content_html in entry.findtext("a:content", namespaces=NS)
    types = {name: entry.find(f"a:{name}", NS).get("type") for name in ("title", "summary", "content")}
    assert types == {"title": "text", "summary": "html", "content": "html"}
    assert entry.find("media:thumbnail", NS).get("url") == "https://harbour.example/img/cup.jpg"


def test_links_of_an_entry_keep_relation_and_type() -> None:
    page, media = entry_of(FULL).findall("a:link", NS)
    assert (page.get("rel"), page.get("type")) == ("alternate", "text/html")
    assert dict(media.attrib) == {
        "rel": "enclosure",
        "type": "audio/mpeg",
        "href": "https://harbour.example/audio/match.mp3",
        "length": "4096",
    }


def test_an_unknown_length_is_left_out_of_atom() -> None:
    assert "length" not in entry_of(SUMMARY).findall("a:link", NS)[1].attrib


def test_the_source_of_an_entry_is_the_feed_it_was_copied_from() -> None:
    source = entry_of(FULL).find("a:source", NS)
    assert source.findtext("a:id", namespaces=NS) == FULL.origin.feed_url
    assert source.findtext("a:title", namespaces=NS) == FULL.origin.name
    assert source.findtext("a:updated", namespaces=NS) == "2026-11-24T06:01:00+00:00"
    links = {link.get("rel"): link.get("href") for link in source.findall("a:link", NS)}
    assert links == {"self": FULL.origin.feed_url, "alternate": FULL.origin.site_url}
    bare = entry_of(BARE).find("a:source", NS)
    assert [link.get("rel") for link in bare.findall("a:link", NS)] == ["self"]


def test_only_an_entry_in_another_language_names_its_own() -> None:
    key = "{http://www.w3.org/XML/1998/namespace}lang"
    assert entry_of(FULL, "ar").get(key) == "ar"
    assert entry_of(BARE, "en").get(key) == "und"
    assert entry_of(SUMMARY, "en").get(key) is None


def test_an_entry_without_rights_to_text_has_no_summary() -> None:
    assert entry_of(BARE).find("a:summary", NS) is None


@pytest.mark.parametrize("article", ARTICLES, ids=["full", "bare", "summary", "hostile"])
def test_an_entry_has_what_atom_requires_and_nothing_twice(article: Article) -> None:
    counts = tags_of(entry_of(article))
    for several in ("category", "link"):
        del counts[several]
    assert {"id", "title", "updated", "published", "author", "content", "source"} <= set(counts)
    media = counts.pop("content") - 1  # media:content has the same local name
    assert media == (1 if article.image else 0)
    assert set(counts.values()) == {1}


def test_dates_of_atom_are_rfc_3339() -> None:
    dates = parse(render_atom(HEADS["ar"], ARTICLES)).xpath(
        "//a:updated/text() | //a:published/text()", namespaces=NS
    )
    assert len(dates) == 1 + 3 * len(ARTICLES)
    assert all(RFC3339.fullmatch(date) for date in dates)


def test_feedparser_reads_an_entry_back() -> None:
    feed = read(render_atom(HEADS["ar"], [FULL]))
    (entry,) = feed.entries
    assert (feed.version, feed.feed.title, feed.feed.link) == (
        "atom10",
        HEADS["ar"].title,
        HEADS["ar"].home_url,
    )
    assert entry.title == FULL.title
    assert entry.author == "سالم الورفلي، هدى بن عامر (صحيفة الميناء)"
    assert entry.link.startswith("https://harbour.example/%D8%B1")
    assert entry.summary == FULL.excerpt
    assert entry.source.id == FULL.origin.feed_url
    assert [e.href for e in entry.enclosures] == ["https://harbour.example/audio/match.mp3"]


@pytest.mark.parametrize(
    ("text", "type_", "written"),
    [
        pytest.param("3 < 4 & 5 > 2; AT&T", "text", "3 < 4 & 5 > 2; AT&T", id="marks that are just marks"),
        pytest.param("Why <b> fell", "html", "Why &lt;b&gt; fell", id="the name of a tag"),
        pytest.param("Say &amp; twice", "html", "Say &amp;amp; twice", id="the name of an entity"),
    ],
)
def test_a_title_that_looks_like_markup_is_said_as_html_in_atom(text: str, type_: str, written: str) -> None:
    title = entry_of(replace(FULL, title=text)).find("a:title", NS)
    assert (title.get("type"), title.text) == (type_, written)


def test_the_summary_in_atom_is_html_like_the_description_in_rss() -> None:
    summary = entry_of(SUMMARY).find("a:summary", NS)
    assert summary.get("type") == "html"
    assert summary.text == item_of(SUMMARY).findtext("description")


def test_both_formats_carry_the_same_body() -> None:
    for article in ARTICLES:
        rss = item_of(article).findtext("content:encoded", namespaces=NS)
        assert rss == entry_of(article).findtext("a:content", namespaces=NS)


NOTICE = Notice(
    lang="ar-LY",
    dir="rtl",
    text="هذه خلاصة & <more>:",
    page="الصفحة",
    feeds="كل الخلاصات",
    feeds_url="https://news.example/feeds/",
)


@every_format
def test_a_person_is_told_what_a_feed_is_before_its_items(kind: str) -> None:
    head = replace(HEADS["ar"], notice=NOTICE)
    document = RENDERERS[kind](head, ARTICLES)
    assert document.count(b'<div xmlns="http://www.w3.org/1999/xhtml" ') == 1, "without a prefix"
    (block,) = parse(document).iter("{http://www.w3.org/1999/xhtml}div")
    assert (block.get("lang"), block.get("dir")) == ("ar-LY", "rtl")
    own = head.rss_url if kind == "rss" else head.atom_url
    assert [text.strip() for text in block.itertext() if text.strip()] == [
        NOTICE.text,
        own,
        NOTICE.page,
        NOTICE.feeds,
    ]
    assert [link.get("href") for link in block.iter("{*}a")] == [head.home_url, NOTICE.feeds_url]
    assert etree.QName(block.getnext()).localname in ("item", "entry")


@every_format
def test_what_is_said_to_people_changes_nothing_for_readers(kind: str) -> None:
    plain, told = (
        read(RENDERERS[kind](replace(HEADS["ar"], notice=notice), ARTICLES)) for notice in (None, NOTICE)
    )
    assert [dict(entry) for entry in told.entries] == [dict(entry) for entry in plain.entries]
    names = ("title", "subtitle", "link", "links", "language", "updated", "id")
    assert {name: told.feed.get(name) for name in names} == {name: plain.feed.get(name) for name in names}


def test_an_archive_tells_the_address_of_its_feed() -> None:
    archive = Archive(url="https://news.example/feeds/ar/sports/2026-10.atom", previous_url=None)
    document = render_atom(replace(HEADS["ar"], notice=NOTICE, archive=archive), ARTICLES)
    assert parse(document).findtext(".//{*}code") == HEADS["ar"].atom_url


def test_hostile_markup_in_a_title_is_read_as_text() -> None:
    title = item_of(HOSTILE).findtext("title")
    assert title == "]]> <script>alert(1)</script> &amp; \u202e\U0001f6a2"
