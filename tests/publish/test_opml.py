from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from aggregator.publish.opml import OpmlGroup, OpmlOutline, render_opml
from tests.publish.feed_samples import check_golden

SPORT = OpmlOutline(
    title="رياضة",
    xml_url="https://news.example/feeds/ar/sports.rss",
    html_url="https://news.example/ar/s/sports/",
    lang="ar-LY",
)
SORTED = OpmlOutline(title="s", xml_url="https://a.example/", category="/ar/sports")
BARE = OpmlOutline(title="Ferry & Post", xml_url="https://ferry.example/rss?a=1&b=2")
GROUPS = (
    OpmlGroup(title="العربية", outlines=(SPORT, OpmlGroup(title="قسم", outlines=(SPORT,)))),
    OpmlGroup(title="English", outlines=(BARE,)),
    OpmlGroup(title="Empty", outlines=()),
)


def parse(*groups: OpmlGroup, title: str = "t") -> Any:
    return etree.fromstring(render_opml(title=title, groups=groups))


def test_the_document_is_what_the_golden_file_says() -> None:
    check_golden("feeds.opml", render_opml(title="بوابة الأخبار", groups=GROUPS))


def test_the_document_is_opml_2_with_a_title_and_no_date() -> None:
    root = parse(*GROUPS, title="Feeds")
    assert (root.tag, root.get("version")) == ("opml", "2.0")
    assert [(e.tag, e.text) for e in root.find("head")] == [("title", "Feeds")]


def test_groups_are_folders_in_their_order_and_may_hold_folders() -> None:
    body = parse(*GROUPS).find("body")
    assert [o.get("text") for o in body] == ["العربية", "English", "Empty"]
    assert [o.get("text") for o in body.findall("outline/outline/outline")] == ["رياضة"]
    assert [o.get("type") for o in body] == [None, None, None]


def test_an_outline_has_all_that_it_is_given() -> None:
    assert dict(parse(*GROUPS).find("body/outline/outline").attrib) == {
        "text": "رياضة",
        "title": "رياضة",
        "type": "rss",
        "xmlUrl": "https://news.example/feeds/ar/sports.rss",
        "htmlUrl": "https://news.example/ar/s/sports/",
        "language": "ar-LY",
    }


def test_an_outline_may_say_its_category() -> None:
    outline = parse(OpmlGroup(title="g", outlines=(SORTED,))).find("body/outline/outline")
    assert outline.get("category") == "/ar/sports"


def test_what_an_outline_lacks_is_left_out() -> None:
    assert set(parse(GROUPS[1]).find("body/outline/outline").attrib) == {"text", "title", "type", "xmlUrl"}


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a\x00b\ud800c\x1f", "abc"),
        ('<a> & "b" ]]>', '<a> & "b" ]]>'),
        ("\u202e\U0001f6a2", "\u202e\U0001f6a2"),
    ],
    ids=["what XML forbids is dropped", "markup is text", "marks and emoji stay"],
)
def test_hostile_names_are_read_back(name: str, read: str) -> None:
    root = parse(
        OpmlGroup(title=name, outlines=(OpmlOutline(title=name, xml_url="https://a.example/"),)), title=name
    )
    assert root.findtext("head/title") == read
    assert root.xpath("//@text") == [read, read]
