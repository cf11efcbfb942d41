from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.model import Article, Notice
from aggregator.publish.body import render_body, strip_all
from aggregator.publish.jsonfeed import render_json
from tests.publish.feed_samples import ARTICLES, BARE, FULL, HEADS, SUMMARY, check_golden


def item_of(article: Article, edition: str = "ar") -> dict[str, Any]:
    (item,) = json.loads(render_json(HEADS[edition], [article]))["items"]
    assert isinstance(item, dict)
    return item


@pytest.mark.parametrize("edition", HEADS)
def test_documents_are_what_the_golden_files_say(edition: str) -> None:
    check_golden(f"{edition}.json", render_json(HEADS[edition], ARTICLES))


def test_rendering_twice_gives_the_same_bytes_in_one_line() -> None:
    document = render_json(HEADS["ar"], ARTICLES)
    assert render_json(HEADS["ar"], ARTICLES) == document
    assert document.count(b"\n") == 1
    assert document.endswith(b"}\n")


def test_letters_stand_as_they_are() -> None:
    assert "فوز كبير".encode() in render_json(HEADS["ar"], [FULL])


def test_a_person_who_opens_the_document_is_told_what_it_is() -> None:
    notice = Notice(lang="en", dir="ltr", text="Copy this:", page="", feeds="", feeds_url="")
    head = replace(HEADS["en"], notice=notice)
    assert json.loads(render_json(head, []))["user_comment"] == f"Copy this: {head.json_url}"
    assert "user_comment" not in json.loads(render_json(HEADS["en"], []))


def test_the_head_says_what_json_feed_asks_for() -> None:
    feed = json.loads(render_json(HEADS["ar"], []))
    head = HEADS["ar"]
    assert feed == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": head.title,
        "home_page_url": head.home_url,
        "feed_url": head.json_url,
        "description": head.description,
        "icon": head.icon_url,
        "authors": [{"name": head.title, "url": head.home_url}],
        "language": "ar-LY",
        "items": [],
    }


def test_an_item_says_all_that_its_article_says() -> None:
    item = item_of(FULL)
    assert item.pop("content_html") == render_body(HEADS["ar"], FULL)
    assert item.pop("url").startswith("https://harbour.example/%D8%B1")
    assert item == {
        "id": FULL.guid,
        "title": FULL.title,
        "summary": FULL.excerpt,
        "image": "https://harbour.example/img/cup.jpg",
        "date_published": "2026-11-24T05:30:00Z",
        "date_modified": "2026-11-24T06:30:05Z",
        "authors": [{"name": "سالم الورفلي، هدى بن عامر (صحيفة الميناء)"}],
        "tags": ["رياضة", "كرة القدم"],
        "language": "ar",
        "attachments": [
            {
                "url": "https://harbour.example/audio/match.mp3",
                "mime_type": "audio/mpeg",
                "size_in_bytes": 4096,
            }
        ],
        "_aggregator": {
            "source": {"id": "harbour", "name": FULL.origin.name, "feed_url": FULL.origin.feed_url},
            "dir": "rtl",
            "also": [
                {"id": "lighthouse", "name": "المنارة", "url": "https://lighthouse.example/7"},
                {"id": "buoy", "name": "Buoy"},
            ],
        },
    }


def test_what_an_article_lacks_is_left_out() -> None:
    assert list(item_of(BARE)) == [
        "id",
        "url",
        "title",
        "content_html",
        "date_published",
        "date_modified",
        "authors",
        "_aggregator",
    ]
    assert item_of(BARE)["url"] == "https://news.example/article/b2"


def test_an_unknown_size_is_left_out() -> None:
    (attachment,) = item_of(SUMMARY)["attachments"]
    assert list(attachment) == ["url", "mime_type"]


def test_the_order_is_the_order_given() -> None:
    items = json.loads(render_json(HEADS["en"], ARTICLES[::-1]))["items"]
    assert [item["id"] for item in items] == [article.guid for article in ARTICLES[::-1]]


@settings(max_examples=60)
@given(text=st.text(st.characters(exclude_categories=()), min_size=1))
def test_any_text_is_read_back_but_for_what_xml_forbids(text: str) -> None:
    item = item_of(replace(FULL, excerpt=text))
    assert item.get("summary", "") == strip_all(text)
