from __future__ import annotations

import json
from dataclasses import replace

import lxml.etree
import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Article, Enclosure, Image, SourceInTitle
from aggregator.publish.body import (
    article_link,
    article_title,
    as_uri,
    byline,
    find_enclosure,
    list_other_outlets,
    list_tags,
    media_type,
    render_body,
    strip_all,
    titled,
)
from aggregator.publish.feeds import render_atom, render_rss
from aggregator.publish.jsonfeed import render_json
from tests.publish.feed_samples import BARE, FERRY, FULL, HEADS, HOSTILE, SUMMARY

HEAD = HEADS["ar"]


def test_the_first_line_of_a_body_names_the_outlet_and_links_to_its_page() -> None:
    first, second = render_body(HEAD, FULL).splitlines()[:2]
    link = article_link(HEAD, FULL).replace("&", "&amp;")
    assert first == '<div dir="rtl" lang="ar">'
    assert second == f'<p dir="rtl" lang="ar"><a href="{link}"><bdi>صحيفة الميناء</bdi></a></p>'


def test_a_body_without_rights_to_text_holds_the_outlet_and_nothing_else() -> None:
    assert lxml.html.fromstring(render_body(HEAD, BARE)).text_content().strip() == "The Ferry & Post"


def test_a_body_of_a_summary_shows_the_excerpt_as_the_plain_text_it_is() -> None:
    paragraphs = lxml.html.fromstring(render_body(HEAD, SUMMARY)).findall("p")
    assert [p.text_content() for p in paragraphs] == ["The Ferry & Post", SUMMARY.excerpt]


def test_hostile_names_addresses_and_texts_make_no_markup() -> None:
    body = lxml.html.fromstring(render_body(HEAD, strip_all(HOSTILE)))
    assert not body.xpath("//script")
    assert not body.xpath("//ferry")
    assert body.xpath("//img/@alt") == ['"><script>']
    assert body.xpath("//a/@href") == ["https://ferry.example/a%20b?q=%22%3Cx%3E%22&y='1'"]


@pytest.mark.parametrize(
    ("content", "image", "count"),
    [
        pytest.param("<p>x</p>", "https://a.example/i.jpg", 1, id="the content has no picture"),
        pytest.param(
            '<img src="https://a.example/j.jpg">', "https://a.example/i.jpg", 2, id="it has another"
        ),
        pytest.param(
            '<img src="https://a.example/i.jpg">', "https://a.example/i.jpg", 1, id="it has this one"
        ),
        pytest.param('<img src="http://a.example/i.jpg">', "https://a.example/i.jpg", 1, id="over http"),
        pytest.param(
            '<img alt="a > b" src="https://a.example/i.jpg?w=8&amp;h=6">',
            "https://a.example/i.jpg?fit=1200",
            1,
            id="in another size",
        ),
        pytest.param(
            '<img src="https://a.example/image?id=1">',
            "https://a.example/image?id=2",
            2,
            id="another picture told apart by the query",
        ),
    ],
)
def test_the_lead_picture_is_shown_once(content: str, image: str, count: int) -> None:
    article = replace(BARE, content_html=content, image=Image(url=image))
    assert render_body(HEAD, article).count("<img ") == count


def test_a_lead_picture_keeps_its_alternative_text_and_size() -> None:
    (img,) = lxml.html.fromstring(render_body(HEAD, FULL)).xpath("//img")
    assert dict(img.attrib) == {
        "src": "https://harbour.example/img/cup.jpg",
        "alt": 'الكأس "الذهبية"',
        "width": "1200",
        "height": "800",
    }


@pytest.mark.parametrize(
    ("iri", "uri"),
    [
        pytest.param("https://a.example/x?y=1#z", "https://a.example/x?y=1#z", id="a URI stays"),
        pytest.param(
            "https://a.example/%D9%85?q=%20", "https://a.example/%D9%85?q=%20", id="no double encoding"
        ),
        pytest.param(
            "https://a.example/م", "https://a.example/%D9%85", id="path letters are UTF-8 in percent"
        ),
        pytest.param("https://a.example/a b|c", "https://a.example/a%20b%7Cc", id="spaces and bars too"),
        pytest.param(
            "https://bücher.example:8080/ü", "https://xn--bcher-kva.example:8080/%C3%BC", id="host by IDNA"
        ),
        pytest.param("https://[::1]:80/ü", "https://[::1]:80/%C3%BC", id="an address in brackets stays"),
        pytest.param(
            "https://ü..example/", "https://%C3%BC..example/", id="what is no host is encoded all the same"
        ),
        pytest.param("https://[ü/", "https://[%C3%BC/", id="broken brackets do not stop the feed"),
        pytest.param(
            "https://[::1]/a[1]?q[]=[", "https://[::1]/a%5B1%5D?q%5B%5D=%5B", id="brackets only round a host"
        ),
        pytest.param(
            "https://a.example/?p=9%&q=%zz%20", "https://a.example/?p=9%25&q=%25zz%20", id="a lone %"
        ),
        pytest.param("https://a.example/#a#b#c", "https://a.example/#a%23b%23c", id="one fragment"),
    ],
)
def test_addresses_become_uris(iri: str, uri: str) -> None:
    assert as_uri(iri) == uri


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_uri_is_ascii_and_making_it_twice_changes_nothing(text: str) -> None:
    uri = as_uri("https://a.example/" + text)
    assert uri.isascii()
    assert as_uri(uri) == uri


@pytest.mark.parametrize(
    ("authors", "direction", "expected"),
    [
        ((), "ltr", "The Ferry & Post"),
        (("Ann",), "ltr", "Ann (The Ferry & Post)"),
        (("Ann", " Bo "), "ltr", "Ann, Bo (The Ferry & Post)"),
        (("سالم", "هدى"), "rtl", "سالم، هدى (The Ferry & Post)"),
        (("The Ferry & Post", " "), "ltr", "The Ferry & Post"),
    ],
    ids=["no reporter", "one", "two", "two in Arabic", "the outlet itself and a blank"],
)
def test_the_byline_names_reporters_and_outlet(
    authors: tuple[str, ...], direction: str, expected: str
) -> None:
    assert byline(replace(BARE, authors=authors, dir=direction)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("article", "title"),
    [
        (replace(BARE, title=" A "), "A"),
        (replace(BARE, title=" "), "The Ferry & Post"),
        (replace(BARE, title="", origin=replace(FERRY, name="")), "ferry"),
    ],
    ids=["its own", "the outlet's name where it has none", "the source's id at last"],
)
def test_no_title_is_empty(article: Article, title: str) -> None:
    assert article_title(article) == title


AUDIO = Enclosure(url="https://a.example/a", type="audio/mpeg", length=5)
PHOTO = Enclosure(url="https://a.example/p.JPG?x=1")


@pytest.mark.parametrize(
    ("enclosures", "expected"),
    [
        ((), None),
        ((PHOTO,), replace(PHOTO, type="image/jpeg")),
        ((PHOTO, AUDIO), AUDIO),
        (
            (Enclosure(url="https://a.example/x"),),
            Enclosure(url="https://a.example/x", type="application/octet-stream"),
        ),
    ],
    ids=["none", "type by the ending of the path", "what plays goes first", "type unknown"],
)
def test_at_most_one_enclosure_is_chosen(
    enclosures: tuple[Enclosure, ...], expected: Enclosure | None
) -> None:
    assert find_enclosure(replace(BARE, enclosures=enclosures)) == expected


def test_other_outlets_are_listed_once_each_without_the_origin() -> None:
    found = [(c.source_id, c.url) for c in list_other_outlets(FULL)]
    assert found == [("lighthouse", "https://lighthouse.example/7"), ("buoy", None)]


def test_tags_keep_their_order_and_are_neither_blank_nor_double() -> None:
    assert list_tags(FULL) == ["رياضة", "كرة القدم"]


def test_a_type_is_known_by_ending_only() -> None:
    assert media_type("https://a.example/mp3") is None
    assert media_type("https://a.example/x.mp3#t=1") == "audio/mpeg"


def test_stripping_reaches_every_text_and_leaves_clean_values_alone() -> None:
    assert strip_all("a\ufffdb\x85c\x00\ufdd0\U0001fffe") == "ab c"
    stripped = strip_all(HOSTILE)
    assert "\x00" not in stripped.origin.name
    assert "\ud800" not in stripped.origin.name
    assert stripped.categories == ("a&b", "<c>")
    assert stripped.published_at == HOSTILE.published_at
    assert strip_all(FULL) is FULL


@pytest.mark.parametrize(
    ("where", "title"),
    [
        ("off", "Rain delays the regatta"),
        ("prefix", "The Ferry & Post: Rain delays the regatta"),
        ("suffix", "Rain delays the regatta - The Ferry & Post"),
    ],
)
def test_titles_in_feeds_name_the_outlet_where_the_site_wants_it(where: SourceInTitle, title: str) -> None:
    head = replace(HEAD, source_in_title=where)
    assert titled(head, BARE) == title
    (item,) = json.loads(render_json(head, [BARE]))["items"]
    rss = lxml.etree.fromstring(render_rss(head, [BARE])).findtext("channel/item/title")
    atom = lxml.etree.fromstring(render_atom(head, [BARE])).findtext("{*}entry/{*}title")
    assert [item["title"], rss, atom] == [title] * 3


@pytest.mark.parametrize("where", ["prefix", "suffix"])
def test_an_outlet_is_not_named_twice(where: SourceInTitle) -> None:
    assert titled(replace(HEAD, source_in_title=where), replace(BARE, title=" ")) == "The Ferry & Post"
