"""Subscriptions out of OPML as readers really write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.errors import ParseError
from aggregator.parse.opml import OpmlOutline, parse_opml


def opml(body: str, head: str = "") -> bytes:
    return f'{head}<opml version="2.0"><head><title>Mine</title></head><body>{body}</body></opml>'.encode()


def outline(xml_url: str, title: str | None = None, **rest: object) -> OpmlOutline:
    return OpmlOutline(
        **{"title": title, "xml_url": xml_url, "html_url": None, "groups": (), "lang": None} | rest
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            opml(
                '<outline type="rss" text="خبر" xmlUrl="https://n.example/f" htmlUrl="https://n.example/" '
                'language="ar" category="/Politics"/>'
            ),
            [
                outline(
                    "https://n.example/f",
                    "خبر",
                    html_url="https://n.example/",
                    lang="ar",
                    categories=("/Politics",),
                )
            ],
            id="all that an outline says",
        ),
        pytest.param(
            opml('<outline text="shown" title="named" xmlUrl="u"/>'),
            [outline("u", "named")],
            id="a title before a text",
        ),
        pytest.param(opml('<outline xmlUrl="u"/>'), [outline("u")], id="no title at all"),
        pytest.param(
            opml('<outline xmlUrl="u" category=" /ar/sports , tag,, "/>'),
            [outline("u", categories=("/ar/sports", "tag"))],
            id="several categories",
        ),
        pytest.param(
            opml(
                '<outline text="A"><outline text="B"><outline text="1" xmlUrl="u1"/></outline>'
                '<outline text="2" xmlUrl="u2"/></outline><outline text="3" xmlUrl="u3"/>'
            ),
            [outline("u1", "1", groups=("A", "B")), outline("u2", "2", groups=("A",)), outline("u3", "3")],
            id="groups, outermost first, in document order",
        ),
        pytest.param(
            opml('<outline text="feed" xmlUrl="u"><outline text="inner" xmlUrl="v"/></outline>'),
            [outline("u", "feed"), outline("v", "inner", groups=("feed",))],
            id="a feed that is a group too",
        ),
        pytest.param(
            b'<OPML><BODY><OUTLINE TEXT="a" XMLURL="u"/><outline title="b" xmlurl="v"/></BODY></OPML>',
            [outline("u", "a"), outline("v", "b")],
            id="names in any case",
        ),
        pytest.param(
            opml('<outline text="a" xmlUrl=" https://n.example/?a=1&b=2&copy=3\n"/>'),
            [outline("https://n.example/?a=1&b=2&copy=3", "a")],
            id="ampersands that nobody escaped",
        ),
        pytest.param(
            opml('<outline text="Caf&eacute; &amp; &lt;Bar&gt; &#233;" xmlUrl="u"/>'),
            [outline("u", "Café & <Bar> é")],
            id="entities of HTML",
        ),
        pytest.param(
            '<?xml version="1.0" encoding="windows-1256"?><opml><body>'
            '<outline text="أخبار ليبيا" xmlUrl="u"/></body></opml>'.encode("cp1256"),
            [outline("u", "أخبار ليبيا")],
            id="windows-1256",
        ),
        pytest.param(
            b'\n <?xml version="1.0"?><opml><body><outline xmlUrl="u"/><outline xmlUrl="v"/><outl',
            [outline("u"), outline("v")],
            id="cut off, with white space before the declaration",
        ),
        pytest.param(opml(""), [], id="no subscriptions"),
        pytest.param(opml('<outline text="a" xmlUrl="  "/>'), [], id="a blank address"),
    ],
)
def test_subscriptions(body: bytes, expected: list[OpmlOutline]) -> None:
    assert list(parse_opml(body)) == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(b"", "an empty document", id="nothing"),
        pytest.param(b"hello", "plain text", id="text"),
        pytest.param(b"<html></html>", "a web page", id="a web page"),
        pytest.param(b"<rss version='2.0'/>", "XML with the root <rss>", id="a feed"),
        pytest.param(b"\x1f\x8b\x08", "compressed data", id="a compressed file"),
    ],
)
def test_what_is_no_opml_is_named(body: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=f"this is {words}, not an OPML list of feeds"):
        parse_opml(body)


def test_entities_are_neither_expanded_nor_loaded() -> None:
    head = (
        '<?xml version="1.0"?><!DOCTYPE opml [<!ENTITY a "laugh"><!ENTITY b "&a;&a;">'
        '<!ENTITY f SYSTEM "file:///etc/hostname"><!ENTITY % n SYSTEM "http://127.0.0.1:9/x"> %n;]>'
    )
    (found,) = parse_opml(opml('<outline text="x &b; &f; y" xmlUrl="u"/>', head))
    assert found.title == "x &b; &f; y"


def test_groups_without_end_take_no_time() -> None:
    body = opml('<outline text="g">' * 50_000 + '<outline xmlUrl="u"/>')
    assert len(parse_opml(body)) <= 1


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(rest: bytes) -> None:
    parse_opml(b'<opml><body><outline xmlUrl="u">' + rest)
