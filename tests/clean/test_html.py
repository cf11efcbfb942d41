"""Sanitising, plain text, excerpts and images."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree
from lxml import html as lxml_html

from aggregator.clean.html import (
    excerpt,
    find_images,
    html_to_text,
    is_decoration,
    sanitize_html,
    text_to_html,
)
from aggregator.clean.policy import ELEMENTS, POLICY
from aggregator.model import Image
from aggregator.plain import read_text

BASE = "https://news.example/world/feed.xml"


def clean(markup: str) -> str:
    return sanitize_html(markup, base_url=BASE)


def assert_harmless(html: str) -> None:
    """Everything a browser would make of it is in the policy."""
    root = lxml_html.fragment_fromstring(html, create_parent="div")
    for element in root.iterdescendants():
        assert element.tag in ELEMENTS, html
        allowed = POLICY[str(element.tag)] | {"dir", "lang", "rel", "controls"}
        assert set(element.attrib) <= allowed, html
        for name in ("src", "poster", "href"):
            value = element.get(name)
            assert value is None or re.match("https?://", value) or (name, value[:7]) == ("href", "mailto:")
    lowered = html.lower()
    assert "<script" not in lowered
    assert "<!--" not in lowered
    assert not re.search(r"<[^>]*\son\w+\s*=", lowered)
    assert not re.search(r"""(?:href|src)=["']?\s*(?:javascript|vbscript|data):""", lowered)


PAYLOADS = [
    "<script>alert(1)</script>",
    "<ScRiPt>alert(1)</sCrIpT>",
    "<script/x>alert(1)</script >",
    "<script\n>alert(1)</script\n>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<scr\x00ipt>alert(1)</scr\x00ipt>",
    "<<script>alert(1);//<</script>",
    "<script>alert(1)",
    "<script src=//evil.example/x.js>",
    "<img src=x onerror=alert(1)>",
    "<IMG SRC=x OnErRoR=alert(1)>",
    "<img/src=x/onerror=alert(1)>",
    "<img src=x onerror\n=\nalert(1)>",
    "<img src=x\x0conerror=alert(1)>",
    "<img src='x'onerror='alert(1)'>",
    '<img src="x` `<script>alert(1)</script>"` `>',
    '<img """><script>alert(1)</script>">',
    "<img src=javascript:alert(1)>",
    "<img srcset='javascript:alert(1) 2x'>",
    "<img data-src='javascript:alert(1)'>",
    "<img src=x data-src='x\" onerror=\"alert(1)'>",
    '<img srcset="&quot;onerror=alert(1)// 2x">',
    "<a href=javascript:alert(1)>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href=' javascript:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='java&#x0a;script:alert(1)'>x</a>",
    "<a href='&#106;&#97;&#118;&#97;&#115;cript:alert(1)'>x</a>",
    "<a href='&#0000106avascript&colon;alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href='&#1;javascript:alert(1)'>x</a>",
    "<a href='javascript&NewLine;:alert(1)'>x</a>",
    "<a href=vbscript:msgbox(1)>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=='>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='blob:https://news.example/x'>x</a>",
    "<a href='mailto:a@b.example' onclick=alert(1)>x</a>",
    "<a ping='javascript:alert(1)' href='https://a.example/' target=_top>x</a>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)//",
    "<svg><script>alert(1)</script></svg>",
    "<svg><script xlink:href='data:,alert(1)'/></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg><animate attributeName=href values='javascript:alert(1)'/></svg>",
    "<svg><foreignObject><img src=x onerror=alert(1)></foreignObject></svg>",
    "<svg></p><style><a id='</style><img src=x onerror=alert(1)>'>",
    "<svg><desc><noscript><a title='</noscript><img src=x onerror=alert(1)>'></desc></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",
    "<math href='javascript:alert(1)'>x</math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<noembed><img src='</noembed><img src=x onerror=alert(1)>'>",
    "<xmp><p title='</xmp><svg/onload=alert(1)>'>",
    "<title><a title='</title><img src=x onerror=alert(1)>'>",
    "<textarea></textarea><img src=x onerror=alert(1)>",
    "<plaintext><script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<select><style></select><img src=x onerror=alert(1)></style>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe src='javascript:alert(1)' allowfullscreen></iframe>",
    "<iframe src='https://www.youtube.com/embed/a\"onclick=\"alert(1)' title='\"><script>x'></iframe>",
    "<iframe><img src=x onerror=alert(1)></iframe>",
    "<object data='javascript:alert(1)'><param name=code value=x></object>",
    "<embed src='javascript:alert(1)'>",
    "<embed src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<applet code=x><script>alert(1)</script></applet>",
    "<video poster='javascript:alert(1)' src='javascript:alert(1)' onplay=alert(1)></video>",
    "<video><source onerror=alert(1) src='javascript:alert(1)'></video>",
    "<audio src=x onerror=alert(1) autoplay>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<form action='javascript:alert(1)'><button formaction='javascript:alert(1)'>x</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<isindex type=image src=1 onerror=alert(1)>",
    "<body onload=alert(1)>x",
    "<base href='javascript:alert(1)//'>",
    "<link rel=stylesheet href='javascript:alert(1)'>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<style>@import 'javascript:alert(1)';</style>",
    "<p style='width:expression(alert(1))'>x</p>",
    "<p style='background:url(javascript:alert(1))'>x</p>",
    "<div class='</div><script>alert(1)</script>'>x</div>",
    "<table background='javascript:alert(1)'><td>x</table>",
    "<p dir='\"onmouseover=alert(1)' lang='\"><script>'>x</p>",
    "<time datetime='\"><script>alert(1)</script>'>x</time>",
    "<abbr title='\"onmouseover=\"alert(1)'>x</abbr>",
    "<!--><script>alert(1)</script>-->",
    "<!-- --!><script>alert(1)</script> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<!DOCTYPE html [<!ENTITY x '<script>'>]>&x;",
    "</p title='><script>alert(1)</script>'>",
    "<a<b onclick=alert(1)>x",
    "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
    "\u2028<script\u2028>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<p>\ud800<img src=x onerror=alert(1)></p>",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_an_attack_comes_out_harmless_alone_and_inside_allowed_elements(payload: str) -> None:
    assert "alert(1)</script>" not in clean(payload).replace("&lt;script&gt;alert(1)&lt;/script&gt;", "")
    for markup in (payload, f"<p>{payload}</p>", f"<table><tr><td>{payload}", f"<pre>{payload}</pre>"):
        html = clean(markup)
        assert_harmless(html)
        assert clean(html) == html


CASES = {
    "paragraphs and emphasis stay": (
        "<p>One <em>two</em> <strong>three</strong></p>",
        "<p>One <em>two</em> <strong>three</strong></p>",
    ),
    "a heading of the first level makes room for the page's own": (
        "<h1>Head</h1><H1 class=x>Two</H1>",
        "<h2>Head</h2><h2>Two</h2>",
    ),
    "landmarks of a page become plain blocks": (
        "<article><header>a</header><section>b</section></article>",
        "<div><div>a</div><div>b</div></div>",
    ),
    "unknown elements go, their text stays": ("<font color=red>a</font><blink>b</blink>", "ab"),
    "forms lose their controls": (
        "<form action=/x>Name<input name=n><button>Send</button></form>",
        "<div>Name</div>",
    ),
    "style, class, id and handlers go": (
        '<p style="color:red" class="x" id="y" onclick="z()">a</p>',
        "<p>a</p>",
    ),
    "direction and language stay, in lower case": (
        '<p dir=RTL lang="ar-LY">س <bdi>x</bdi> <span dir="ltr" class=c>y</span></p>',
        '<p dir="rtl" lang="ar-LY">س <bdi>x</bdi> <span dir="ltr">y</span></p>',
    ),
    "a direction that is none goes": ('<p dir="up" lang="a b">x</p>', "<p>x</p>"),
    "links become absolute and give the page behind no handle": (
        '<a href="../a b.html?x=1&amp;y=2" target="_blank" rel="me">x</a>',
        '<a href="https://news.example/a%20b.html?x=1&amp;y=2" rel="noopener">x</a>',
    ),
    "mail links stay": (
        '<a href="MAILTO:a@b.example">x</a>',
        '<a href="MAILTO:a@b.example" rel="noopener">x</a>',
    ),
    "links to nowhere become their text": (
        '<a name="top">a <b>b</b></a><a href="tel:1">c</a>',
        "a <b>b</b>c",
    ),
    "a protocol-relative image gets the scheme of the base": (
        '<img src="//i.example/a.jpg" alt="A &quot;b&quot;">',
        '<img src="https://i.example/a.jpg" alt="A &quot;b&quot;">',
    ),
    "sizes are whole numbers of pixels": (
        '<img src="/a.jpg" width="640px" height="auto">',
        '<img src="https://news.example/a.jpg" width="640">',
    ),
    "an image without a usable address goes": (
        '<img alt="x"><img src=""><img src="data:image/png;base64,AA">y',
        "y",
    ),
    "a lazy image gets its real address": (
        '<img src="data:image/gif;base64,R0lGOD" data-src="/a.jpg" alt="A">',
        '<img src="https://news.example/a.jpg" alt="A">',
    ),
    "so does one of another loader": (
        '<img src="/blank.gif" data-lazy-src="/b.jpg">',
        '<img src="https://news.example/b.jpg">',
    ),
    "an image with nothing but a srcset gets the widest of a sensible width": (
        '<img srcset="/s.jpg 320w, /m,1.jpg 1200w, /l.jpg 4000w">',
        '<img src="https://news.example/m,1.jpg">',
    ),
    "a lazy srcset will do as well": (
        '<img src="data:," data-srcset="/a.jpg 1x, /b.jpg 2x">',
        '<img src="https://news.example/b.jpg">',
    ),
    "a picture becomes its image": (
        '<picture><source srcset="/a.webp 800w"><img src="/a.jpg" alt="A"></picture>',
        '<img src="https://news.example/a.jpg" alt="A">',
    ),
    "a picture whose image is empty gives its first source": (
        '<picture><source srcset="/a.webp 800w"><img alt="A"></picture>',
        '<img src="https://news.example/a.webp" alt="A">',
    ),
    "pixels go by their size": (
        '<img src="/p?x" width="1" height="1"><img src="/q" height=0>x',
        "x",
    ),
    "pixels go by their host": (
        '<img src="https://ad.doubleclick.net/x"><img src="http://pixel.wp.com/b.gif?x">x',
        "x",
    ),
    "pixels go by their style": (
        '<img src="/p" style="display: none">x<img src="/q" style="width:1px">',
        "x",
    ),
    "the row of sharing buttons FeedBurner adds goes as a whole": (
        '<p>x</p><div class="feedflare">\n<a href="http://feeds.feedburner.com/~ff/x?a=1"><img '
        'src="http://feeds.feedburner.com/~ff/x?d=1" border="0"></img></a> <a href="http://feeds.feedburner.com/'
        '~ff/x?a=2"><img src="http://feeds.feedburner.com/~ff/x?i=2" border="0"></img></a>\n</div>'
        '<img src="http://feeds.feedburner.com/~r/x/~4/y" height="1" width="1" alt=""/>',
        "<p>x</p>",
    ),
    "emoji that WordPress made images of are text again": (
        'Hi <img src="https://s.w.org/images/core/emoji/14.0.0/72x72/1f600.png" alt="😀" class="wp-smiley">',
        "Hi 😀",
    ),
    "a YouTube player becomes a link to the page of the video": (
        '<iframe width=5 src="https://www.youtube.com/embed/a-B_9?rel=0" title="Tour &amp; more"></iframe>',
        '<p><a href="https://www.youtube.com/watch?v=a-B_9" rel="noopener">Tour &amp; more</a></p>',
    ),
    "so does the old Flash form, by its address": (
        '<object><embed src="http://www.youtube.com/v/abc&hl=en"></embed></object>',
        '<p><a href="https://www.youtube.com/watch?v=abc" rel="noopener">https://www.youtube.com/watch?v=abc</a></p>',
    ),
    "a lazily loaded player too": (
        '<iframe src="about:blank" data-src="//player.vimeo.com/video/12?h=1" title="V"></iframe>',
        '<p><a href="https://vimeo.com/12" rel="noopener">V</a></p>',
    ),
    "a Facebook player names its video": (
        '<iframe title="V" src="https://www.facebook.com/plugins/video.php?href=https%3A%2F%2Fwww.facebook.com'
        '%2Fx%2Fvideos%2F1%2F&show_text=0"></iframe>',
        '<p><a href="https://www.facebook.com/x/videos/1/" rel="noopener">V</a></p>',
    ),
    "a player of an unknown host that wants the full screen is linked": (
        '<iframe src="https://tv.example/p/1" allowfullscreen title="V"></iframe>',
        '<p><a href="https://tv.example/p/1" rel="noopener">V</a></p>',
    ),
    "any other frame goes": ('a<iframe src="https://ads.example/1">no frames</iframe>b', "ab"),
    "video keeps its sources and gets controls": (
        '<video autoplay poster="/p.jpg"><source src="/v.mp4" type="video/mp4"></video>',
        '<video poster="https://news.example/p.jpg" controls=""><source src="https://news.example/v.mp4" '
        'type="video/mp4"></video>',
    ),
    "a player with nothing to play goes": ("a<video></video><audio src='blob:x'></audio>b", "ab"),
    "tables keep their shape": (
        '<table border=1><tr><th scope="col" width=9>a</th><td colspan="2">b</td></tr></table>',
        '<table><tbody><tr><th scope="col">a</th><td colspan="2">b</td></tr></tbody></table>',
    ),
    "empty paragraphs go, whatever they hold": ("<p>&nbsp;</p><p><b> </b><br></p><div><p></p></div>x", "x"),
    "line breaks at the ends go, runs become two": (
        "<br><br>a<br><br/><br><br>b<p>c<br></p><br> <br>",
        "a<br><br>b<p>c</p>",
    ),
    "comments, scripts and styles go with what they hold": (
        "a<!-- b --><script>c</script><style>d</style>e",
        "ae",
    ),
    "control characters go, also those written as references": ("a\x00b&#1;c&#x1f;d\x85e", "abcd e"),
    "a lone `<` is text": ("1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"),
    "all that is opened is closed": ("<ul><li>a<li><b>b", "<ul><li>a</li><li><b>b</b></li></ul>"),
    "nothing gives nothing": (" \n ", ""),
}


@pytest.mark.parametrize(("markup", "expected"), CASES.values(), ids=CASES.keys())
def test_sanitize_html(markup: str, expected: str) -> None:
    assert clean(markup) == expected
    assert clean(expected) == expected


PIECES = st.sampled_from(
    [
        *("<p>", "</p>", "<div>", "</div>", "<b>", "</b>", "<i>", "</i>", "<a href='/x'>", "<a>", "</a>"),
        *("<ul>", "<li>", "</li>", "</ul>", "<table>", "<tr>", "<td>", "</td>", "</table>", "<caption>"),
        *("<pre>", "\n", "</pre>", "<br>", "<h1>", "<h2>", "</h2>", "<h3>", "<blockquote>", "</blockquote>"),
        *("<svg>", "</svg>", "<math>", "<mi>", "<mtext>", "<style>", "</style>", "<script>", "</script>"),
        *("<!--", "-->", "<noscript>", "</noscript>", "<template>", "</template>", "<select>", "<option>"),
        *("<object>", "</object>", "<button>", "</button>", "<font a=1>", "<font a=2>", "<nobr>", "<form>"),
        *(
            "<img src=x>",
            "<img>",
            "<img src=y onerror=z>",
            "<ruby>",
            "<rt>",
            "<dl>",
            "<dt>",
            "<dd>",
            "<details>",
        ),
        *(
            "<span dir=rtl>",
            "</span>",
            "<video>",
            "<source src=v>",
            "</video>",
            "<iframe src=x>",
            "</iframe>",
        ),
        *(
            "&amp;",
            "&lt;",
            "&#1;",
            "&nbsp;",
            "\x00",
            "x",
            " ",
            "text ",
            "'",
            '"',
            "<",
            ">",
            "<title>",
            "</title>",
        ),
        *("<img srcset='a 2x'>", "<img data-src='javascript:x'>", "<x", "=", "</", "<frameset>", "<col>"),
    ]
)
MARKUP = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join))


@given(MARKUP)
@example("<a href='/1'>x<object><a href='/2'>y</object></a>")
@example("<h2><x><h3>a")
@example("<pre>\n\n\na")
@settings(max_examples=400)
def test_any_markup_settles_harmless_and_well_formed(markup: str) -> None:
    html = clean(markup)
    assert clean(html) == html
    assert_harmless(html)
    voids = re.sub(r"<((?:br|hr|img|col|source|wbr)\b[^>]*)>", r"<\1/>", html).replace("&nbsp;", "&#160;")
    etree.fromstring(f"<x>{voids}</x>")


@given(MARKUP)
@settings(max_examples=200)
def test_text_of_sanitised_html_is_the_same_by_the_short_and_the_long_way(markup: str) -> None:
    html = clean(markup)
    assert read_text(html) == html_to_text(html)


@given(st.text(max_size=300))
def test_plain_text_survives_as_html(text: str) -> None:
    html = text_to_html(text)
    assert clean(html) == html
    assert html_to_text(html).split() == html_to_text(text.replace("&", "&amp;").replace("<", "&lt;")).split()


HOSTILE = {
    "blocks nested without an end": "<div>" * 150_000,
    "formatting without an end, opened again in each paragraph": "<p>"
    + "".join(f"<b a={n}>" for n in range(100))
    + "</p><p>x" * 20_000,
    "tags that never end": "<a " * 200_000,
    "quotes that never end": "<a =\"<a ='" * 80_000,
    "comments that never end": "<!--" * 150_000,
    "raw elements that never end": "<script><style>" * 40_000,
    "thousands of attributes": "<a " + " ".join(f"a{n}" for n in range(100_000)) + ">x</a>",
    "breaks without end": "<br>" * 150_000 + "x",
    "empty blocks within empty blocks": ("<div>" * 90 + "</div>" * 90) * 500,
    "foreign cells": "<svg>" + "<td>" * 150_000,
    "tables fostering": "<table>x<b>" * 40_000,
    "a srcset that is one long word": f"<img srcset='{'a' * 15_000} b'>" * 40,
    "references without end": "&#1" * 200_000,
}


@pytest.mark.parametrize("markup", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_markup_takes_linear_time(markup: str) -> None:
    start = time.process_time()
    html = clean(markup)
    html_to_text(markup)
    assert time.process_time() - start < 8  # quadratic ways take minutes
    assert len(html) < 8 * len(markup)


def test_text_below_the_depth_limit_is_kept() -> None:
    html = clean("<p>a</p>" + "<div>" * 3000 + "<p>deep</p>" + "</div>" * 3000 + "<p>z</p>")
    assert html_to_text(html).split() == ["a", "deep", "z"]
    assert html.count("<div>") <= 100


def test_long_articles_keep_their_shape() -> None:
    row = '<h2>Live</h2><p>One <b>two</b> <a href="https://a.example/x" rel="noopener">three</a><br>four</p>'
    article = "\n".join([row] * 2000)
    assert clean(article) == article


def test_long_articles_with_unclosed_paragraphs_and_items_keep_them() -> None:
    html = clean("<ul>" + "<li>item" * 1000 + "</ul>" + "<p>text" * 1000)
    assert (html.count("<li>"), html.count("<p>")) == (1000, 1000)


TEXTS = {
    "one line a block, inner white space collapsed": (
        "<p>One\n two</p><p>three <b>fo</b>ur</p>",
        "One two\nthree four",
    ),
    "breaks and cells part words": ("a<br>b<table><tr><td>c</td><td>d</td></tr></table>", "a\nb\nc d"),
    "references are decoded once": ("&lt;b&gt; &amp;lt; &#8217; &nbsp;x", "<b> &lt; ’ x"),
    "scripts, styles and comments say nothing": ("a<script>b<p></script><style>c</style><!--d-->e", "ae"),
    "what is no tag is text": ("AT&T <3 x > y < z", "AT&T <3 x > y < z"),
    "attributes say nothing, even with a `>` in them": ('<img alt="a > b" title=\'"\'>c', "c"),
    "controls go": ("a\x00b&#2;c", "abc"),
    "nothing gives nothing": ("<p> </p>", ""),
}


@pytest.mark.parametrize(("html", "expected"), TEXTS.values(), ids=TEXTS.keys())
def test_html_to_text(html: str, expected: str) -> None:
    assert html_to_text(html) == expected


PLAIN = {
    "blank lines part paragraphs": ("a\nb\n\n \n c", "<p>a<br>b</p>\n<p>c</p>"),
    "line ends of all systems": ("a\r\nb\rc\r\n\r\nd", "<p>a<br>b<br>c</p>\n<p>d</p>"),
    "nothing is a tag": ("1 < 2 <b>&amp;", "<p>1 &lt; 2 &lt;b&gt;&amp;amp;</p>"),
    "blank gives nothing": (" \n ", ""),
}


@pytest.mark.parametrize(("text", "expected"), PLAIN.values(), ids=PLAIN.keys())
def test_text_to_html(text: str, expected: str) -> None:
    assert text_to_html(text) == expected


def test_excerpt_is_one_line_cut_between_words() -> None:
    assert excerpt("One\ntwo  three") == "One two three"
    assert excerpt("One two three four", 13) == "One two…"
    long = excerpt("كلمة " * 200)
    assert len(long) <= 300
    assert long.endswith("كلمة…")


def test_find_images_gives_them_in_order_with_what_is_known_of_them() -> None:
    html = clean('<p><img src="/a.jpg" alt="A &amp; b" width=640 height=480></p><img src="../b.jpg" alt="">')
    assert list(find_images(html)) == [
        Image(url="https://news.example/a.jpg", alt="A & b", width=640, height=480),
        Image(url="https://news.example/b.jpg"),
    ]


@pytest.mark.parametrize(
    ("image", "decoration"),
    [
        (Image(url="https://a.example/x.jpg"), False),
        (Image(url="https://a.example/x.jpg", width=50, height=50), False),
        (Image(url="https://a.example/x.jpg", width=640, height=16), True),
        (Image(url="https://a.example/spacer.gif?1"), True),
        (Image(url="https://b.scorecardresearch.com/p?c1=2"), True),
        (Image(url="https://2.gravatar.com/avatar/24e7?s=96&d=identicon"), True),
        (Image(url="https://a.example/facebook.com-trial.jpg"), False),
    ],
)
def test_images_that_nobody_looks_at_are_told_apart(image: Image, decoration: bool) -> None:
    assert is_decoration(image) is decoration
