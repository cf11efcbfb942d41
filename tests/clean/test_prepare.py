"""Reading tags, bounding depth, rescuing media."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aggregator.clean.prepare import (
    MAX_DEPTH,
    bound_depth,
    find_watch_page,
    find_widest,
    read_attributes,
    read_tags,
)

TAGS = {
    "names in lower case, closing tags told apart": ("<P>a</p >", [("p", False), ("p", True)]),
    "a `>` in a quoted value ends nothing": ("<a x='>' y=\">\">b", [("a", False)]),
    "a quote that begins no value quotes nothing": ('<a "x>y">b', [("a", False)]),
    "a raw element is one tag": ("<script>if (a<b) '<p>'</SCRIPT><p>", [("script", False), ("p", False)]),
    "a raw element without an end reaches to the end": ("<style>a<p>b", [("style", False)]),
    "comments and declarations have no name": (
        "<!-- <p> --><!doctype x><?xml y?></>",
        [("", False), ("", False), ("", False), ("", False)],
    ),
    "a tag without an end reaches to the end": ("a<p x='>' b<b", [("", False)]),
    "a quote without an end quotes nothing": ("<p x='a>b<b>", [("p", False), ("b", False)]),
    "what begins with no letter is text": ("1 < 2 <3 <-", []),
}


@pytest.mark.parametrize(("markup", "expected"), TAGS.values(), ids=TAGS.keys())
def test_read_tags(markup: str, expected: list[tuple[str, bool]]) -> None:
    assert [(tag.name, tag.closing) for tag in read_tags(markup)] == expected


@given(st.text(alphabet="<>/!-='\" abpstyle&#x", max_size=200))
def test_tags_follow_each_other_to_the_end(markup: str) -> None:
    position = 0
    for tag in read_tags(markup):
        assert position <= tag.start < tag.end <= len(markup)
        assert markup[tag.start] == "<"
        position = tag.end


def test_the_first_of_equal_attributes_wins_and_values_are_unescaped() -> None:
    (tag,) = read_tags('<img SRC = "a&amp;b" src=c alt=\'d e\' width=5 checked / data-x="">')
    assert read_attributes(tag) == {
        "src": "a&b",
        "alt": "d e",
        "width": "5",
        "checked": "",
        "data-x": "",
    }


def test_small_markup_is_left_alone_and_large_is_balanced() -> None:
    assert bound_depth("<div><b>x</div>") == "<div><b>x</div>"
    filler = "<br>" * 300
    assert bound_depth(f"{filler}<div><b>x</div>y</i>") == f"{filler}<div><b>x</b></div>y"
    assert bound_depth(f"{filler}<table><div>") == f"{filler}<table><div></div></table>"


@given(
    st.lists(st.sampled_from(["<div>", "</div>", "<b>", "</b>", "<table>", "</table>", "x"]), min_size=400)
)
@settings(suppress_health_check=[HealthCheck.too_slow])  # drawing 400 pieces on a busy machine
def test_large_markup_is_balanced_and_no_deeper_than_the_limit(pieces: list[str]) -> None:
    markup = "".join(pieces)
    if markup.count("<") <= 2 * MAX_DEPTH:
        return
    opened: list[str] = []
    bounded = bound_depth(markup)
    for tag in read_tags(bounded):
        if tag.closing:
            assert opened.pop() == tag.name
        else:
            opened.append(tag.name)
        assert len(opened) <= MAX_DEPTH
    assert not opened
    assert bounded.count("x") == markup.count("x")


SRCSETS = {
    "the widest by width": ("/a 300w, /b 1200w, /c 600w", "/b"),
    "the widest up to what a page shows": ("/a 300w, /b 1600w, /c 4000w", "/b"),
    "the narrowest of those that are all too wide": ("/a 3000w, /b 2000w", "/b"),
    "the densest": ("/a, /b 1.5x, /c 2x", "/c"),
    "addresses with commas": ("/w_300,h_2/a.jpg 300w,\n /w_600,h_4/a.jpg 600w", "/w_600,h_4/a.jpg"),
    "a lone address": ("/a.jpg", "/a.jpg"),
    "placeholders are no addresses": ("data:image/gif;base64,AA== 1w", None),
    "nothing": (" , ", None),
}


@pytest.mark.parametrize(("srcset", "url"), SRCSETS.values(), ids=SRCSETS.keys())
def test_find_widest(srcset: str, url: str | None) -> None:
    assert find_widest(srcset) == url


PLAYERS = [
    ("https://www.youtube.com/embed/abc?start=5", "https://www.youtube.com/watch?v=abc"),
    ("https://www.youtube-nocookie.com/embed/abc", "https://www.youtube.com/watch?v=abc"),
    (
        "https://www.youtube.com/embed/videoseries?list=PL1",
        "https://www.youtube.com/embed/videoseries?list=PL1",
    ),
    ("http://player.vimeo.com/video/12#t=1", "https://vimeo.com/12"),
    ("https://www.dailymotion.com/embed/video/x1?ui=0", "https://www.dailymotion.com/video/x1"),
    ("https://archive.org/embed/item-1", "https://archive.org/details/item-1"),
    ("https://w.soundcloud.com/player/?url=x", "https://w.soundcloud.com/player/?url=x"),
    ("https://www.facebook.com/plugins/like.php?href=x", None),
    ("https://notyoutube.com/embed/abc", None),
    ("javascript:youtube.com", None),
    ("https://[youtube.com/", None),
]


@pytest.mark.parametrize(("url", "page"), PLAYERS)
def test_find_watch_page(url: str, page: str | None) -> None:
    assert find_watch_page(url) == page
