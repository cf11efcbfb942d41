"""A story as one item: what it says, whose words it uses, and which dates it bears."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import lxml.html

from aggregator.model import Coverage, Story
from aggregator.publish.body import render_body
from aggregator.publish.feeds import render_atom, render_rss
from aggregator.publish.stories import MAX_HEADLINES, present_story
from tests.publish.feed_samples import BARE, DAWN, FULL, HEADS, HOSTILE

FOLLOW_UP = Coverage(
    source_id="ferry",
    source_name="The Ferry & Post",
    title="Cup for <harbour> & crew",
    url="https://ferry.example/كأس?a=1&b=2",
    lang="en",
    dir="ltr",
    published_at=DAWN + timedelta(hours=3),
)
STORY = Story(
    guid="tag:news.example,2026:story/k7Qm",
    lead=FULL,
    coverage=(*FULL.coverage[:2], FULL.coverage[3], FOLLOW_UP),
    published_at=DAWN - timedelta(hours=5),
    updated_at=DAWN + timedelta(hours=4),
)


def read_body(story: Story) -> lxml.html.HtmlElement:
    return lxml.html.fromstring(render_body(HEADS["ar"], present_story(story)))


def test_the_body_lists_every_outlets_headline_with_its_link() -> None:
    items = read_body(STORY).findall(".//li")
    assert [item.text_content() for item in items] == [
        "فوز كبير لفريق الميناء في ختام الدوري (صحيفة الميناء)",
        "الميناء يفوز (المنارة)",
        "Harbour wins (Buoy)",
        "Cup for <harbour> & crew (The Ferry & Post)",
    ]
    assert [[a.get("href") for a in item.findall("a")] for item in items] == [
        [
            "https://harbour.example/%D8%B1%D9%8A%D8%A7%D8%B6%D8%A9/%D9%81%D9%88%D8%B2-%D9%83%D8%A8%D9%8A%D8%B1"
        ],
        ["https://lighthouse.example/7"],
        [],
        ["https://ferry.example/%D9%83%D8%A3%D8%B3?a=1&b=2"],
    ]
    assert [item.get("dir") for item in items] == ["rtl", "rtl", "ltr", "ltr"]


def test_of_the_lead_the_excerpt_is_shown_and_never_the_text() -> None:
    body = read_body(STORY)
    assert FULL.excerpt in body.text_content()
    assert "التفاصيل" not in body.text_content()
    assert body.xpath("//img/@src") == ["https://harbour.example/img/cup.jpg"]


def test_where_the_rights_leave_a_title_only_the_headlines_are_all() -> None:
    body = read_body(replace(STORY, lead=BARE))
    assert [p.text_content() for p in body.findall(".//p")] == ["The Ferry & Post"]
    assert not body.xpath("//img")


def test_a_story_bears_its_own_guid_and_dates() -> None:
    item = present_story(STORY)
    assert (item.guid, item.title) == (STORY.guid, FULL.title)
    assert (item.published_at, item.updated_at) == (STORY.published_at, STORY.updated_at)
    assert item.enclosures == ()


def test_a_story_without_end_lists_a_bounded_number_of_headlines() -> None:
    body = read_body(replace(STORY, coverage=(FOLLOW_UP,) * 500))
    assert len(body.findall(".//li")) == MAX_HEADLINES


def test_hostile_headlines_make_no_markup_and_break_no_document() -> None:
    bad = replace(FOLLOW_UP, title="]]> <script>alert(1)</script>\x00", source_name="</li><b>\x0b\ud800")
    story = replace(STORY, lead=HOSTILE, coverage=(bad,))
    item = present_story(story)
    body = lxml.html.fromstring(item.content_html)
    assert not body.xpath("//script | //b")
    for render in (render_rss, render_atom):
        lxml.etree.fromstring(render(HEADS["ar"], [item]))
