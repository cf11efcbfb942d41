"""What robots read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from lxml import etree

from aggregator.publish import sitemaps
from aggregator.publish.sitemaps import MAX_ADDRESSES, MAX_NEWS, NewsPage, PublicPage
from tests.publish.page_samples import AR, EN, NOON, SITE

NAMES = {
    "s": "http://www.sitemaps.org/schemas/sitemap/0.9",
    "n": "http://www.google.com/schemas/sitemap-news/0.9",
}


def read(text: str, path: str) -> list[str]:
    return [node.text or "" for node in etree.fromstring(text.encode()).iterfind(path, NAMES)]


def test_the_index_names_two_maps_for_each_edition() -> None:
    assert read(sitemaps.render_index(SITE), "s:sitemap/s:loc") == [
        f"https://news.example/sitemap/{name}.xml" for name in ("ar", "ar-news", "en", "en-news")
    ]


def test_robots_may_read_everything_but_the_administration_and_are_told_of_the_map() -> None:
    assert sitemaps.render_robots(SITE).splitlines() == [
        "User-agent: *",
        "Disallow: /admin/",
        "",
        "Sitemap: https://news.example/sitemap.xml",
    ]


def test_a_map_begins_with_the_front_page_and_the_sections() -> None:
    pages = sitemaps.list_fixed_pages(SITE, AR)
    assert [page.path for page in pages] == ["/ar/", "/ar/s/sports/", "/ar/s/libya/"]
    text = sitemaps.render_map(SITE, (*pages, PublicPage("/article/a&b", NOON)))
    assert read(text, "s:url/s:loc")[-1] == "https://news.example/article/a&b"
    assert read(text, "s:url/s:lastmod") == ["2026-11-24T12:00:00+00:00"]


def test_a_map_holds_no_more_than_robots_take() -> None:
    def list_endless() -> Iterator[PublicPage]:
        while True:
            yield PublicPage("/ar/")

    assert sitemaps.render_map(SITE, list_endless()).count("<url>") == MAX_ADDRESSES == 50_000
    news = [NewsPage("/article/a", NOON, "t", "ar")] * (MAX_NEWS + 1)
    assert sitemaps.render_news_map(SITE, AR, news).count("<url>") == MAX_NEWS == 1000


@pytest.mark.parametrize(
    ("lang", "said"),
    [("ar", "ar"), ("en-GB", "en"), ("und", "en"), ("zh-Hant", "zh-tw"), ("zh-CN", "zh-cn")],
)
def test_news_say_their_name_language_date_and_title(lang: str, said: str) -> None:
    text = sitemaps.render_news_map(SITE, EN, [NewsPage("/article/a", NOON, "Cats & <dogs>\x08", lang)])
    assert read(text, "s:url/n:news/n:publication/n:name") == ["بوابة الأنباء"]
    assert read(text, "s:url/n:news/n:publication/n:language") == [said]
    assert read(text, "s:url/n:news/n:publication_date") == ["2026-11-24T12:00:00+00:00"]
    assert read(text, "s:url/n:news/n:title") == ["Cats & <dogs>"]


def test_news_are_those_of_two_days() -> None:
    assert timedelta(hours=48) == sitemaps.NEWS_WITHIN
