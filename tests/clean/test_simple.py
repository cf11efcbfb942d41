"""Simple markup is read as nh3 reads it, and everything else is left to nh3."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aggregator.clean.html import make_cleaner, sanitize_by_parser, sanitize_html
from aggregator.clean.simple import rewrite_simple
from aggregator.text import strip_controls

BASE = "https://news.example/world/feed.xml"


def rewrite(markup: str) -> str | None:
    return rewrite_simple(markup, base_url=BASE)


REWRITTEN = {
    "text is escaped, references are decoded": (
        'A&B &copy; &#8217; &nbsp;\xa0 "x"',
        'A&amp;B © ’ &nbsp;&nbsp; "x"',
    ),
    "attributes go but for those of the policy": (
        '<p class="a" dir="RTL" onclick="x()">a</p>',
        '<p dir="rtl">a</p>',
    ),
    "the first attribute of a name counts": ('<p lang="ar" lang="en">a</p>', '<p lang="ar">a</p>'),
    "addresses become absolute": (
        '<a href=\'../x?a=1&amp;b=2&c=3\'>a</a><a title="t" HREF="https://E.example">b</a>',
        '<a href="https://news.example/x?a=1&amp;b=2&amp;c=3" rel="noopener">a</a>'
        '<a title="t" href="https://e.example/" rel="noopener">b</a>',
    ),
    "a script for an address goes, and the link with it": ('<a href="javascript:x">a</a>', "a"),
    "lazy images get their address, pixels go": (
        '<img src="data:x" data-src="/a.jpg" alt="A &amp; B"/><img src="/p.gif" width="1"></img>',
        '<img src="https://news.example/a.jpg" alt="A &amp; B">',
    ),
    "headings and landmarks are renamed": ("<section><h1>a</h1></section>", "<div><h2>a</h2></div>"),
    "what the policy does not know as an element leaves its content": ('<font color="red">a</font>', "a"),
    "comments go": ("a<!-- b -->c", "ac"),
    "what is left empty goes": ("<div><p> </p></div>a<p>b<br></p>", "a<p>b</p>"),
}


@pytest.mark.parametrize(("markup", "expected"), REWRITTEN.values(), ids=REWRITTEN.keys())
def test_simple_markup_is_rewritten_as_by_the_parser(markup: str, expected: str) -> None:
    assert rewrite(markup) == expected
    assert sanitize_by_parser(markup, base_url=BASE) == expected


LEFT_ALONE = {
    "a tag that is not closed": "<p>a",
    "a tag that is not opened": "a</b>",
    "elements that overlap": "<b><i>a</b></i>",
    "a paragraph within a paragraph": "<p><b><p>a</p></b></p>",
    "a block that would close a paragraph": "<p>a<ul><li>b</li></ul></p>",
    "a rule that would close a paragraph": "<p>a<hr></p>",
    "a link within a link": '<a href="/x"><b><a href="/y">a</a></b></a>',
    "a heading within a heading": "<h2><div><h3>a</h3></div></h2>",
    "an item outside a list": "<div><li>a</li></div>",
    "tables": "<table><tbody><tr><td>a</td></tr></tbody></table>",
    "foreign elements": "<svg></svg>",
    "raw text": "<style>a</style>",
    "players": '<iframe src="/x"></iframe>',
    "controls": "<select></select>",
    "a name that nobody knows": "<x-y>a</x-y>",
    "a name with a colon": "<o:p>a</o:p>",
    "values without quotes": "<p dir=rtl>a</p>",
    "values that run into each other": '<p dir="rtl"lang="ar">a</p>',
    "a `<` that opens nothing": "1 < 2",
    "a `>` in a value": '<p title="a>b">c</p>',
    "a quote that does not end": '<p title="a>b</p>',
    "a comment that ends in another way": "<!-- a --!>b",
    "a declaration": "<!DOCTYPE html>a",
    "a processing instruction": "<?xml version='1.0'?>a",
    "a break that is closed": "a</br>b",
    "a reference without its semicolon": "&copy 2026",
    "a reference to a control character": "&#1;",
    "a reference to a character that is none": "&#xfdd0;",
    "a reference that a value cuts short": '<abbr title="&notit;">a</abbr>',
    "a carriage return": "a\rb",
    "a host that is a number": '<a href="http://127.1/">a</a>',
    "a host that is encoded": '<a href="http://xn--a/">a</a>',
    "an address with a backslash": r'<a href="\\e.example">a</a>',
    "a scheme without slashes": '<a href="http:e.example">a</a>',
    "more formatting than the parser is given": "<b><i><u><s>" * 2 + "a" + "</s></u></i></b>" * 2,
    "depth": "<div>" * 40 + "a" + "</div>" * 40,
    "a tag without end": "<p " + 'a="b" ' * 500 + ">x</p>",
}


@pytest.mark.parametrize("markup", LEFT_ALONE.values(), ids=LEFT_ALONE.keys())
def test_what_is_not_simple_is_left_to_the_parser(markup: str) -> None:
    assert rewrite(markup) is None
    assert sanitize_html(markup, base_url=BASE) == sanitize_by_parser(markup, base_url=BASE)


NAMES = st.sampled_from(
    """a b i em strong u s small code span sub sup mark q time abbr p div h1 h3 blockquote pre ul ol dl figure
    figcaption details summary section font big tt nobr ruby table td button object""".split()
)
ATTRIBUTES = st.sampled_from(
    [
        *('href="/x"', "href='http://Ex.Example:80/a b?x=1&y=2#f'", 'href="javascript:x"', 'href=""'),
        *('href="http://1.2.3.4.5/"', 'href="mailto:A@b.c"', 'href="//h.example/x"', 'href="tel:1"'),
        *('href="x:y"', r'href="a\b"', 'href="http:e"', 'href="mailto://[x"', 'href="?a&copy=1&lt;"'),
        *('href="&#106;avascript:x"', 'href="http://a..b/"', 'href="https://مثال.example/س"'),
        *('title="a&quot;b&nbsp;c&#8217;"', "title='a\"b'", 'title="a&#1;b"', 'dir="RTL"', "dir=rtl"),
        *('lang="ar-LY"', "lang", 'width="64px"', 'height="1"', 'src="/a.jpg"', 'src="data:x"'),
        *('src="https://e.example/b.gif?x&y"', 'srcset="/q 2x"', 'data-src="/l.jpg"', 'alt="x\ny"', "alt"),
        *('class="c" style="display:none"', 'rel="me"', 'value="3"', 'onclick="x"', "id='\"'", 'a:b="c"'),
    ]
)
TEXTS = st.sampled_from(
    [
        *("x", " ", "\n", "&amp;", "&lt;b&gt;", "&nbsp;", "\xa0", "&copy", "&copy;", "&notit;", "& ", "&"),
        *(
            "&#8217;",
            "&#10;",
            "&#13;",
            "&#0;",
            "&#",
            "&unknown;",
            "&fjlig;",
            "تجربة",
            "a&b=c",
            "\u2003",
            "'",
            '"',
        ),
        *("mp;", "&zwj;", "&Tab;", "<!--x-->", "<br>", "<hr/>", "<wbr>", "</img>", "<img src='/i.png' />"),
    ]
)


def render_element(name: str, attributes: list[str], content: str) -> str:
    if name in ("ul", "ol"):
        content = f"<li>{content}</li>"
    if name == "dl":
        content = f"<dt>{content}</dt><dd>x</dd>"
    return f"<{' '.join([name, *attributes])}>{content}</{name}>"


ELEMENTS = st.recursive(
    TEXTS,
    lambda inner: st.one_of(
        st.builds(
            render_element, NAMES, st.lists(ATTRIBUTES, max_size=3), st.lists(inner, max_size=4).map("".join)
        ),
        st.lists(ATTRIBUTES, max_size=4).map(lambda attributes: f"<img {' '.join(attributes)}>"),
    ),
    max_leaves=12,
)


# Elements whose places matter, mostly closed where they were opened.
PLACED = st.sampled_from("p a b div h2 h3 ul li dl dt blockquote span".split())


def nest(names: list[str], closed: list[str]) -> str:
    opening = "".join(f"<{name}>x" for name in names)
    return opening + "".join(f"</{name}>" for name in closed or reversed(names)) + "y"


@given(st.builds(nest, st.lists(PLACED, max_size=5), st.one_of(st.just([]), st.lists(PLACED, max_size=3))))
@settings(max_examples=500)
def test_elements_nest_as_nh3_nests_them(markup: str) -> None:
    html = rewrite(markup)
    if html is not None:
        assert html == sanitize_by_parser(markup, base_url=BASE)
        assert make_cleaner(BASE).clean(html) == html


def in_order(html: str) -> str:
    """nh3 moves the last attribute to where one was refused."""
    return re.sub(
        r'(?: [a-z]+="[^"]*")+', lambda found: "".join(sorted(re.findall(r' .*?"', found[0]))), html
    )


@given(st.lists(ELEMENTS, max_size=4).map("".join))
@example("<pre>\n\na</pre><pre><!--x-->\nb</pre>")
@example("<p>&nbsp;<br></p><div>\u2003</div>&am<!--x-->p;")
@example('<img lang src="/x.jpg" title="T">')
@example("<b><p>a</p></b><a href='/x'><h2>b</h2></a>")
@settings(max_examples=250)
def test_simple_markup_comes_out_as_nh3_writes_it_and_stays_as_it_is(markup: str) -> None:
    markup = strip_controls(markup)
    html = rewrite(markup)
    if html is not None:
        assert in_order(html) == in_order(sanitize_by_parser(markup, base_url=BASE))
        assert make_cleaner(BASE).clean(html) == html
        assert rewrite(html) == html


def test_a_tag_kept_from_another_document_is_resolved_against_the_base_of_this_one() -> None:
    markup = '<a href="x">a</a>'
    assert (
        rewrite_simple(markup, base_url="https://a.example/")
        == '<a href="https://a.example/x" rel="noopener">a</a>'
    )
    assert (
        rewrite_simple(markup, base_url="https://b.example/")
        == '<a href="https://b.example/x" rel="noopener">a</a>'
    )
