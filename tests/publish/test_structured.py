"""What pages tell search engines, read back out of the pages."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from aggregator.model import Article
from aggregator.publish import pages
from aggregator.publish.digest import build_front_page
from aggregator.publish.structured import describe_article, describe_list
from aggregator.publish.templates import make_environment
from tests.publish.page_samples import (
    AR,
    HOSTILE_TITLE,
    PICTURE,
    SITE,
    SPORTS,
    make_article,
    make_bare,
    make_stories,
    parse_page,
)


def read_data(text: str) -> Any:
    (block,) = parse_page(text).xpath("//script[@type='application/ld+json']")
    return json.loads(block.text)


def render_article(article: Article) -> str:
    return pages.render_article(make_environment(AR), site=SITE, edition=AR, article=article, section=SPORTS)


def test_a_front_page_lists_its_articles_in_their_order() -> None:
    articles = [make_article(f"a{n}", hours_old=n) for n in range(3)]
    front = build_front_page(site=SITE, edition=AR, stories=make_stories(articles))
    data = read_data(pages.render_front(make_environment(AR), site=SITE, page=front))
    assert data["@type"] == "ItemList"
    assert [(item["position"], item["url"]) for item in data["itemListElement"]] == [
        (n + 1, f"https://news.example/article/a{n}") for n in range(3)
    ]


def test_a_section_page_lists_its_articles() -> None:
    articles = [make_article("b"), make_article("a")]
    text = pages.render_section(
        make_environment(AR), site=SITE, section=SPORTS, articles=articles, page=2, pages=3
    )
    assert read_data(text) == describe_list(SITE, articles)


def test_an_article_page_describes_an_article_of_its_publisher() -> None:
    article = replace(make_article(image=PICTURE), authors=("سالم",))
    publisher = {"@type": "NewsMediaOrganization", "name": "صحيفة s0"}
    assert read_data(render_article(article)) == {
        "@context": "https://schema.org",
        "@type": "NewsArticle",
        "headline": "خبر رقم a1",
        "description": "مقتطف من الخبر",
        "url": "https://news.example/article/a1",
        "mainEntityOfPage": "https://news.example/article/a1",
        "isBasedOn": "https://s0.example/a1",
        "image": PICTURE.url,
        "datePublished": "2026-11-24T12:00:00+00:00",
        "dateModified": "2026-11-24T12:00:00+00:00",
        "inLanguage": "ar",
        "articleSection": "رياضة",
        "author": [{"@type": "Person", "name": "سالم"}],
        "publisher": publisher,
    }


def test_what_is_not_known_or_not_allowed_is_left_out() -> None:
    data = describe_article(SITE, replace(make_bare(make_article()), lang="und"), None)
    assert not {"description", "isBasedOn", "image", "inLanguage", "articleSection"} & set(data)
    assert data["author"] == [data["publisher"]]
    evil = replace(make_article(image=replace(PICTURE, url="data:x")), url="javascript:alert(1)")
    assert not {"isBasedOn", "image"} & set(describe_article(SITE, evil, SPORTS))
    assert "image" not in describe_article(replace(SITE, images=False), make_article(image=PICTURE), None)


def test_a_hostile_headline_does_not_leave_the_block() -> None:
    text = render_article(make_article(title=HOSTILE_TITLE))
    assert read_data(text)["headline"] == HOSTILE_TITLE
    assert '<script>alert("x")' not in text
