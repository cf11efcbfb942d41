"""The HTML pages, read back by a parser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from lxml import html

from aggregator.model import Article, Decision, Edition, Image, Section, Site
from aggregator.publish import pages
from aggregator.publish.digest import build_front_page
from aggregator.publish.templates import make_environment
from tests.harness import make_source
from tests.publish.page_samples import (
    AR,
    EN,
    FR,
    HOSTILE_TITLE,
    LIBYA,
    PICTURE,
    SITE,
    SPORTS,
    WORLD,
    get_text,
    list_article_links,
    make_article,
    make_bare,
    make_stories,
    parse_page,
)


def render_front(articles: list[Article], *, site: Site = SITE, edition: Edition = AR) -> html.HtmlElement:
    page = build_front_page(site=site, edition=edition, stories=make_stories(articles))
    return parse_page(pages.render_front(make_environment(edition), site=site, page=page))


def render_article(
    article: Article,
    *,
    site: Site = SITE,
    edition: Edition = AR,
    section: Section | None = SPORTS,
    related: list[Article] | None = None,
    latest: list[Article] | None = None,
    more: list[Article] | None = None,
) -> html.HtmlElement:
    return parse_page(
        pages.render_article(
            make_environment(edition),
            site=site,
            edition=edition,
            article=article,
            section=section,
            related=related or [],
            latest=latest or [],
            more=more or [],
        )
    )


def render_section(articles: list[Article], *, page: int = 1, pages_: int = 1) -> html.HtmlElement:
    return parse_page(
        pages.render_section(
            make_environment(AR), site=SITE, section=SPORTS, articles=articles, page=page, pages=pages_
        )
    )


SOURCES = (make_source("harbour"), make_source("ferry", section="en/world"))


def render_feeds(edition: Edition = AR) -> html.HtmlElement:
    return parse_page(
        pages.render_feeds(make_environment(edition), site=SITE, edition=edition, sources=SOURCES)
    )


def render_error(status: int, message: str = "") -> html.HtmlElement:
    return parse_page(
        pages.render_error(make_environment(AR), site=SITE, edition=AR, status=status, message=message)
    )


def make_many() -> list[Article]:
    sports = [make_article(f"a{n:02d}", hours_old=n, sources=1 + n % 3, image=PICTURE) for n in range(20)]
    return sports + [make_article(f"b{n:02d}", hours_old=n, section=LIBYA) for n in range(20)]


def list_scripts(page: html.HtmlElement) -> list[str]:
    """What a browser would run but our own file."""
    return [s.text for s in page.xpath("//script") if s.get("src") != "/static/site.js" and not s.get("type")]


def list_every_page() -> Iterator[tuple[str, html.HtmlElement]]:
    articles = make_many()
    yield "front", render_front(articles)
    yield "section", render_section(articles, page=2, pages_=3)
    yield "article", render_article(articles[0], related=articles[1:3], latest=articles[3:6], more=articles)
    yield "feeds", render_feeds()
    yield "error", render_error(404)


EVERY_PAGE = dict(list_every_page())
every_page = pytest.mark.parametrize("page", EVERY_PAGE.values(), ids=EVERY_PAGE.keys())


# --- what holds for every page --------------------------------------------------------------------


@every_page
def test_a_page_says_its_language_and_direction(page: html.HtmlElement) -> None:
    assert page.get("lang") == "ar-LY"
    assert page.get("dir") == "rtl"


@every_page
def test_a_page_runs_our_scripts_alone_and_has_no_inline_style(page: html.HtmlElement) -> None:
    scripts = page.xpath("//script[not(@type='application/ld+json')]")
    own = {"/static/feeds.js", "/static/site.js"} if page is EVERY_PAGE["feeds"] else {"/static/site.js"}
    assert {script.get("src") for script in scripts} == own
    assert all("defer" in script.attrib and not script.text for script in scripts)
    assert page.xpath("//style | //iframe | //@style") == []
    assert [a for a in page.xpath("//@*") if a.attrname.startswith("on")] == []


@every_page
def test_a_page_loads_only_our_own_files_and_the_images_of_articles(page: html.HtmlElement) -> None:
    loaded = page.xpath("//link[@rel='stylesheet' or @rel='icon']/@href | //img/@src")
    assert {u for u in loaded if not u.startswith("/static/")} <= {PICTURE.url}


@every_page
def test_a_page_has_one_heading_of_the_first_rank_and_skips_none(page: html.HtmlElement) -> None:
    ranks = [int(h.tag[1]) for h in page.xpath("//h1 | //h2 | //h3 | //h4")]
    assert ranks.count(1) == 1
    assert ranks[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(ranks))


@every_page
def test_a_page_has_landmarks_and_a_way_past_them(page: html.HtmlElement) -> None:
    assert (
        len(page.xpath("//main")) == len(page.xpath("//body/header")) == len(page.xpath("//body/footer")) == 1
    )
    assert page.xpath("//body/*[1]/@href") == ["#main"]
    assert page.xpath("//main/@id") == ["main"]
    assert all(nav.get("aria-label") for nav in page.xpath("//nav"))


@every_page
def test_ids_are_unique_and_every_label_points_to_one(page: html.HtmlElement) -> None:
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert set(page.xpath("//@aria-labelledby")) <= set(ids)


@every_page
def test_links_within_the_site_are_root_relative(page: html.HtmlElement) -> None:
    hrefs = page.xpath("//body//a/@href")
    assert not [h for h in hrefs if h.startswith(SITE.url)]
    assert all(h.startswith(("/", "#", "https://s")) for h in hrefs)


@every_page
def test_the_editions_stand_beside_each_other_in_their_own_words(page: html.HtmlElement) -> None:
    links = page.xpath("//nav[@class='editions']//a")
    assert [(a.get("href"), a.text, a.get("lang"), a.get("dir")) for a in links] == [
        ("/ar/", "العربية", None, None),
        ("/en/", "English", "en-GB", "ltr"),
    ]
    assert [a.get("aria-current") for a in links] == ["true", None]


@every_page
def test_the_feeds_of_the_edition_are_announced(page: html.HtmlElement) -> None:
    announced = {(e.get("type"), e.get("href")) for e in page.xpath("//link[@rel='alternate'][@type]")}
    assert announced >= {
        ("application/rss+xml", "/feeds/ar/all.rss"),
        ("application/atom+xml", "/feeds/ar/all.atom"),
        ("application/feed+json", "/feeds/ar/all.json"),
    }


# --- the front page -------------------------------------------------------------------------------


def test_no_article_stands_on_the_front_page_twice() -> None:
    links = list_article_links(render_front(make_many()))
    assert len(links) > 20
    assert len(links) == len(set(links))


def test_each_section_has_its_box_and_its_place_in_the_navigation() -> None:
    page = render_front(make_many())
    assert page.xpath("//section[@class='box']/h2/a/@href") == ["/ar/s/sports/", "/ar/s/libya/"]
    assert page.xpath("//nav[@class='sections']//a/@href") == [
        "/ar/",
        "/ar/s/sports/",
        "/ar/s/libya/",
        "/ar/about/",
    ]
    assert page.xpath("//nav[@class='sections']//a[@aria-current='page']/@href") == ["/ar/"]


def test_the_date_of_the_front_page_is_that_of_its_newest_article() -> None:
    day = get_text(render_front([make_article(hours_old=48)]), "//p[@class='today']")
    assert day == "الأحد، 22 نوفمبر 2026 آخر خبر 2:00 م، توقيت شرق أوروبا الرسمي"


@pytest.mark.parametrize(
    ("edition", "words"),
    [(AR, "14 جمادى الآخرة 1448 هـ"), (EN, "14 Jumada II 1448 AH"), (FR, "14 joumada ath-thania 1448 H")],
)
def test_the_hijri_date_stands_beside_where_the_admin_wants_it(edition: Edition, words: str) -> None:
    articles = [make_article(section=replace(SPORTS, edition=edition.id))]
    site = replace(SITE, hijri=True)
    assert words in get_text(render_front(articles, site=site, edition=edition), "//p[@class='today']")
    assert words not in get_text(render_front(articles, edition=edition), "//p[@class='today']")


def test_a_day_outside_the_tables_of_the_hijri_calendar_has_no_hijri_date() -> None:
    page = render_front([make_article(hours_old=24 * 365 * 110)], site=replace(SITE, hijri=True))
    assert len(page.xpath("//p[@class='today']/span")) == 1


def test_the_date_of_the_front_page_leads_to_its_day_and_the_masthead_to_search_and_about() -> None:
    page = render_front([make_article(hours_old=14.5)])
    assert page.xpath("//p[@class='today']/a/@href") == ["/ar/2026/11/23/"], "where the site is"
    (form,) = page.xpath("//form[@role='search']")
    assert (form.get("action"), form.get("method")) == ("/ar/search", None)
    assert form.xpath(".//input/@name") == ["q"]
    assert "/ar/about/" in page.xpath("//header//a/@href")


def test_a_story_shows_source_time_excerpt_and_image() -> None:
    page = render_front([make_article(image=PICTURE)])
    (story,) = page.xpath("//article")
    assert story.xpath(".//h2/a/@href") == ["/article/a1"]
    assert story.xpath(".//bdi[@class='outlet']/text()") == ["صحيفة s0"]
    assert story.xpath(".//p[@class='excerpt']/text()") == ["مقتطف من الخبر"]
    (time,) = story.xpath(".//time")
    assert time.get("datetime") == "2026-11-24T14:00:00+02:00"
    assert time.get("title") == "الثلاثاء، 24 نوفمبر 2026، 2:00 م (توقيت شرق أوروبا الرسمي)"
    (image,) = story.xpath(".//img")
    assert dict(image.attrib) == {
        "src": PICTURE.url,
        "alt": "",
        "width": "800",
        "height": "450",
        "fetchpriority": "high",
        "decoding": "async",
        "referrerpolicy": "no-referrer",
    }


def test_the_image_of_the_lead_is_fetched_first_and_all_others_when_they_come_near() -> None:
    images = render_front(make_many()).xpath("//main//img")
    assert len(images) > 5
    assert [image.get("loading") for image in images] == [None] + ["lazy"] * (len(images) - 1)
    assert {image.get("referrerpolicy") for image in images} == {"no-referrer"}


@pytest.mark.parametrize(
    ("sources", "words", "folded"),
    [
        (2, "مصدران", None),
        (3, "3 مصادر", None),
        (4, "4 مصادر", None),
        (5, "5 مصادر", "ومصدر آخر"),
        (6, "6 مصادر", "ومصدران آخران"),
        (11, "11 مصدرًا", "و7 مصادر أخرى"),
        (100, "100 مصدر", "و96 مصدرًا آخر"),
    ],
)
def test_a_story_names_three_outlets_and_folds_the_rest(sources: int, words: str, folded: str | None) -> None:
    page = render_front([make_article(sources=sources)])
    assert get_text(page, "//*[@class='sources']") == words
    outlets = page.xpath("//div[@class='outlets']//bdi/..")
    assert len(outlets) == sources - 1
    assert len(page.xpath("//div[@class='outlets']/p/a")) == min(3, sources - 1)
    assert (outlets[0].get("href"), outlets[0].xpath("bdi/text()")) == ("https://s1.example/a1", ["صحيفة s1"])
    assert [get_text(summary, ".") for summary in page.xpath("//details/summary")] == [folded] * bool(folded)


def test_the_number_of_sources_leads_to_the_story_where_there_is_one() -> None:
    page = render_front([replace(make_article(sources=3), story="abc")])
    assert page.xpath("//a[@class='sources']/@href") == ["/story/abc"]
    assert render_front([make_article(sources=3)]).xpath("//a[@class='sources']") == []


def test_a_story_of_one_source_has_no_list_of_others() -> None:
    assert render_front([make_article()]).xpath("//details") == []


def test_a_site_without_images_shows_none() -> None:
    page = render_front(make_many(), site=replace(SITE, images=False))
    assert page.xpath("//main//img") == []


def test_counts_and_dates_take_the_digits_of_the_site() -> None:
    page = render_front([make_article("a9", sources=3)], site=replace(SITE, digits="arab"))
    assert get_text(page, "//*[@class='sources']") == "٣ مصادر"
    assert get_text(page, "//p[@class='today']").startswith("الثلاثاء، ٢٤ نوفمبر ٢٠٢٦")
    assert get_text(page, "//article//h2") == "خبر رقم a9", "headlines are the publisher's, digits and all"


def test_an_empty_front_page_says_so_in_plain_words() -> None:
    page = render_front([])
    assert get_text(page, "//main//h2") == "لا أخبار بعد"
    assert page.xpath("//p[@class='today']") == []


def test_the_front_page_names_its_translations_to_search_engines() -> None:
    page = render_front(make_many())
    assert {(e.get("hreflang"), e.get("href")) for e in page.xpath("//link[@hreflang]")} == {
        ("ar-LY", "https://news.example/ar/"),
        ("en-GB", "https://news.example/en/"),
        ("x-default", "https://news.example/"),
    }
    assert page.xpath("//link[@rel='canonical']/@href") == ["https://news.example/ar/"]


def test_alternates_can_be_fewer_than_the_editions() -> None:
    front = build_front_page(site=SITE, edition=AR, stories=[])
    text = pages.render_front(make_environment(AR), site=SITE, page=front, alternates=[])
    assert parse_page(text).xpath("//link[@hreflang]") == []


def test_the_english_edition_is_left_to_right_and_english() -> None:
    page = render_front([make_article(section=WORLD, lang="en", title="Rain")], edition=EN)
    assert (page.get("lang"), page.get("dir")) == ("en-GB", "ltr")
    assert page.xpath("//nav[@class='sections']//a/text()") == ["Home", "World", "About"]
    assert page.xpath("//article//h2/@dir") == []


def test_an_item_in_another_language_says_so() -> None:
    page = render_front([make_article(lang="en", title="Goal! هدف in Tripoli")])
    (headline,) = page.xpath("//article//h2")
    assert (headline.get("lang"), headline.get("dir")) == ("en", "ltr")
    assert page.xpath("//p[@class='excerpt']/@dir") == ["ltr"]


def test_the_same_values_make_the_same_bytes() -> None:
    assert html.tostring(render_front(make_many())) == html.tostring(render_front(make_many()))


# --- hostile and missing values -------------------------------------------------------------------


def test_a_hostile_headline_stays_text_wherever_it_stands() -> None:
    article = replace(
        make_article(title=HOSTILE_TITLE, sources=2),
        excerpt=HOSTILE_TITLE,
        authors=(HOSTILE_TITLE,),
        image=replace(PICTURE, alt=HOSTILE_TITLE),
    )
    article = replace(article, origin=replace(article.origin, name=HOSTILE_TITLE))
    for page in (render_front([article]), render_section([article]), render_article(article)):
        assert list_scripts(page) == []
        assert page.xpath("//@onmouseover") == []
        assert any(HOSTILE_TITLE in text for text in page.xpath("//main//text()"))
    page = render_article(article)
    assert page.xpath("//title/text()") == [f"{HOSTILE_TITLE} – {SITE.title}"]
    assert page.xpath("//meta[@property='og:title']/@content") == [HOSTILE_TITLE]
    assert page.xpath("//figure/img/@alt") == [HOSTILE_TITLE]


def test_a_hostile_section_name_and_site_title_stay_text() -> None:
    section = replace(SPORTS, name=HOSTILE_TITLE)
    site = replace(SITE, title=HOSTILE_TITLE, sections=(section,))
    text = pages.render_section(
        make_environment(AR), site=site, section=section, articles=[], page=1, pages=1
    )
    page = parse_page(text)
    assert list_scripts(page) == []
    assert get_text(page, "//h1") == HOSTILE_TITLE


def test_addresses_that_are_not_of_the_web_are_never_linked() -> None:
    evil = "javascript:alert(1)"
    article = make_article(sources=2, image=Image(url=evil))
    article = replace(article, url=evil, coverage=tuple(replace(c, url=evil) for c in article.coverage))
    for page in (render_front([article]), render_section([article]), render_article(article)):
        assert [v for v in page.xpath("//@*") if "javascript" in v] == []
        assert "صحيفة s1" in page.xpath("//main")[0].text_content()


def test_an_article_with_everything_optional_missing_still_has_its_page() -> None:
    bare = make_bare(make_article())
    page = render_article(bare, section=None)
    assert page.xpath("//figure | //a[@class='button'] | //div[@class='body']") == []
    assert get_text(page, "//p[@class='page-note']") == "لا ينشر صحيفة s0 في خلاصته سوى العنوان."
    assert page.xpath("//nav[@class='crumbs']//a/@href") == ["/ar/"]
    assert render_front([bare]).xpath("//article//h2/a/text()") == [bare.title]


# --- the article page -----------------------------------------------------------------------------


def test_an_article_page_shows_breadcrumb_byline_text_and_the_way_to_the_publisher() -> None:
    article = replace(make_article(), authors=("سالم", "هدى"))
    page = render_article(article)
    assert page.xpath("//nav[@class='crumbs']//a/@href") == ["/ar/", "/ar/s/sports/"]
    assert page.xpath("//h1/text()") == [article.title]
    assert get_text(page, "//div[@class='byline']/p[1]") == "بقلم سالم، هدى"
    assert page.xpath("//div[@class='byline']//time/text()") == [
        "الثلاثاء، 24 نوفمبر 2026، 2:00 م (توقيت شرق أوروبا الرسمي)"
    ]
    assert page.xpath("//div[@class='body']/p/b/text()") == ["الخبر"]
    assert page.xpath("//a[@class='button']/@href") == ["https://s0.example/a1"]
    assert get_text(page, "//a[@class='button']") == "اقرأ الخبر على صحيفة s0"


def test_an_english_button_names_the_publisher() -> None:
    page = render_article(make_article(lang="en"), edition=EN, section=WORLD)
    assert get_text(page, "//a[@class='button']") == "View on صحيفة s0"


def test_an_article_without_a_body_shows_its_excerpt() -> None:
    page = render_article(replace(make_article(), content_html=""))
    assert page.xpath("//div[@class='body']/p/text()") == ["مقتطف من الخبر"]


def test_an_edited_article_says_when() -> None:
    article = make_article()
    edited = replace(article, updated_at=article.published_at + timedelta(hours=1))
    assert len(render_article(article).xpath("//div[@class='byline']//time")) == 1
    assert get_text(render_article(edited), "//div[@class='byline']/p[2]").startswith("حُدّث في الثلاثاء")


def test_other_outlets_are_listed_with_their_own_headline_where_it_differs() -> None:
    article = make_article(sources=3)
    own, same, other = article.coverage
    other = replace(other, title="Another headline", lang="en", dir="ltr")
    page = render_article(replace(article, coverage=(own, same, other)))
    assert page.xpath("//section[@class='also']//li/a/@href") == [
        "https://s1.example/a1",
        "https://s2.example/a1",
    ]
    (title,) = page.xpath("//span[@class='copy-title']")
    assert (title.text, title.get("lang"), title.get("dir")) == ("Another headline", "en", "ltr")


@pytest.mark.parametrize(
    ("rule", "like", "english", "arabic"),
    [
        ("same-url", "Lead", "the same address as at Lead", "الرابط نفسه لدى Lead"),
        ("same-text", "Lead", "the same headline and text as at Lead", "العنوان والنص نفساهما لدى Lead"),
        (
            "headline",
            "Lead",
            "the same headline as at Lead, one of them without a text",
            "العنوان نفسه لدى Lead، وأحدهما بلا نص",
        ),
        (
            "near-copy",
            "Lead",
            "nearly the same text as at Lead; 71% alike, 46% needed",
            "نص يكاد يطابق نص Lead؛ التشابه 71% والمطلوب 46%",
        ),
        ("ruling", None, "an editor decided so", "بقرار من محرر"),
        ("repeated", "Copy", "it carries the same text", "نشر النص نفسه"),
        ("near-copy", None, "it carries the same text", "نشر النص نفسه"),
    ],
)
def test_an_article_page_says_why_a_copy_is_taken_for_the_same_text(
    rule: str, like: str | None, english: str, arabic: str
) -> None:
    article = make_article(sources=2)
    own, copy = article.coverage
    decision = Decision(rule=rule, evidence="words of the text itself", score=0.713, threshold=0.46)
    copy = replace(copy, source_name="Copy", decision=decision, like=like)
    article = replace(article, coverage=(own, copy))
    for edition, words in ((EN, english), (AR, arabic)):
        page = render_article(article, edition=edition)
        assert get_text(page, "//details[@class='why']//li") == f"Copy: {words}"
        assert "words of the text itself" not in page.text_content(), "rights are not known here"


def test_an_article_page_without_copies_gives_no_reasons() -> None:
    assert render_article(make_article()).xpath("//details") == []
    own, copy = make_article(sources=2).coverage
    assert copy.decision is None
    assert render_article(replace(make_article(), coverage=(own, copy))).xpath("//details") == []


def test_the_boxes_of_an_article_page_repeat_nothing() -> None:
    one, two, three = (make_article(id) for id in ("a1", "a2", "a3"))
    page = render_article(one, related=[one, two], latest=[two, one, three])
    assert list_article_links(page) == ["/article/a2", "/article/a3"]


def test_the_boxes_of_an_article_page_repeat_no_headline_either() -> None:
    one, two, three = make_article("a1"), make_article("a2", title="Same"), make_article("a3", title="SAME ")
    page = render_article(one, related=[two, three], more=[replace(three, title=one.title)])
    assert list_article_links(page) == ["/article/a2"]


def test_below_an_article_stands_more_of_its_section_those_with_an_image_first() -> None:
    more = [make_article(f"m{n}", image=PICTURE if n == 3 else None) for n in range(9)]
    page = render_article(make_article(), more=more)
    assert page.xpath("//section[@class='more']//h3/a/@href") == [f"/article/m{n}" for n in (3, 0, 1, 2)]
    assert page.xpath("//section[@class='more']/h2/a/@href") == ["/ar/s/sports/"]
    assert render_article(make_article(), section=None, more=more).xpath("//section[@class='more']") == []


def test_the_images_of_a_text_wait_and_the_one_above_it_is_not_repeated() -> None:
    text = f'<p>a</p><img src="{PICTURE.url}?w=9" alt=""><img src="https://img.example/b.png" alt="b">'
    article = replace(make_article(image=PICTURE), content_html=text)
    (image,) = render_article(article).xpath("//div[@class='body']//img")
    assert image.get("src") == "https://img.example/b.png"
    assert (image.get("loading"), image.get("referrerpolicy")) == ("lazy", "no-referrer")
    hidden = render_article(article, site=replace(SITE, images=False))
    assert hidden.xpath("//main//img") == [], "a site without images shows none"


def test_an_article_in_another_language_says_so_in_headline_and_body() -> None:
    page = render_article(make_article(lang="en"))
    assert page.xpath("//h1/@dir | //div[@class='body']/@dir") == ["ltr", "ltr"]
    assert page.xpath("//h1/@lang | //div[@class='body']/@lang") == ["en", "en"]


def test_an_image_of_unknown_size_gets_a_box_so_that_nothing_jumps() -> None:
    assert render_article(make_article(image=PICTURE)).xpath("//figure/@class") == []
    unsized = make_article(image=replace(PICTURE, width=None, height=None))
    assert render_article(unsized).xpath("//figure/@class") == ["unsized"]


def test_an_article_page_describes_itself_to_those_who_link_to_it() -> None:
    page = render_article(make_article(image=PICTURE))
    meta = {e.get("property"): e.get("content") for e in page.xpath("//meta[@property]")}
    assert meta == {
        "og:type": "article",
        "og:site_name": "بوابة الأنباء",
        "og:title": "خبر رقم a1",
        "og:description": "مقتطف من الخبر",
        "og:url": "https://news.example/article/a1",
        "og:locale": "ar_LY",
        "og:image": PICTURE.url,
        "article:published_time": "2026-11-24T14:00:00+02:00",
    }
    assert page.xpath("//link[@rel='canonical']/@href") == ["https://news.example/article/a1"]


# --- sections, feeds, errors ----------------------------------------------------------------------


def test_a_section_lists_its_articles_in_order_and_counts_them() -> None:
    articles = [make_article(f"a{n}") for n in range(3)]
    page = render_section(articles)
    assert list_article_links(page) == ["/article/a0", "/article/a1", "/article/a2"]
    assert get_text(page, "//p[@class='page-note']").startswith("3 أخبار")
    assert page.xpath("//nav[@class='sections']//a[@aria-current='page']/@href") == ["/ar/s/sports/"]
    assert "/feeds/ar/sports.rss" in page.xpath("//link[@rel='alternate']/@href")
    assert page.xpath("//nav[@class='pager']") == []


@pytest.mark.parametrize(
    ("page", "rels"),
    [
        pytest.param(1, {"next": "/ar/s/sports/page/2/"}, id="the first page leads on"),
        pytest.param(2, {"prev": "/ar/s/sports/", "next": "/ar/s/sports/page/3/"}, id="the second both ways"),
        pytest.param(3, {"prev": "/ar/s/sports/page/2/"}, id="the last page leads back"),
    ],
)
def test_the_pages_of_a_section_lead_to_each_other(page: int, rels: dict[str, str]) -> None:
    document = render_section([make_article()], page=page, pages_=3)
    for place in ("//head/link", "//nav[@class='pager']/a"):
        found = document.xpath(f"{place}[@rel='prev' or @rel='next']")
        assert {e.get("rel"): e.get("href") for e in found} == rels
    assert get_text(document, "//nav[@class='pager']/span") == f"الصفحة {page} من 3"


def test_the_first_page_of_a_section_names_the_sections_of_its_id_in_other_editions() -> None:
    site = replace(SITE, sections=(SPORTS, LIBYA, replace(SPORTS, edition="en", name="Sports")))

    def list_named(section: Section, page: int) -> dict[str, str]:
        text = pages.render_section(
            make_environment(AR), site=site, section=section, articles=[], page=page, pages=2
        )
        return {e.get("hreflang"): e.get("href") for e in parse_page(text).xpath("//link[@hreflang]")}

    assert list_named(SPORTS, 1) == {
        "ar-LY": "https://news.example/ar/s/sports/",
        "en-GB": "https://news.example/en/s/sports/",
    }
    assert list_named(SPORTS, 2) == list_named(LIBYA, 1) == {}


def test_an_empty_section_says_so() -> None:
    assert "ليس في هذا القسم شيء حاليًا." in render_section([]).xpath("//main")[0].text_content()


def test_the_feeds_page_lists_every_feed_of_every_edition_and_the_opml() -> None:
    hrefs = render_feeds().xpath("//main//a/@href")
    names = ["ar/all", "ar/sports", "ar/libya", "ar/top"]
    names += ["ar/stories/all", "ar/stories/sports", "ar/stories/libya", "source/harbour"]
    names += ["en/all", "en/world", "en/top", "en/stories/all", "en/stories/world", "source/ferry"]
    expected = [f"/feeds/{name}.{form}" for name in names for form in ("rss", "atom", "json")]
    assert [h for h in hrefs if h.startswith("/feeds/")] == expected
    assert "/feeds.opml" in hrefs


def test_every_feed_is_there_with_its_whole_address_to_copy() -> None:
    page = render_feeds()
    links = [h for h in page.xpath("//main//a/@href") if h.startswith("/feeds/")]
    addresses = page.xpath("//code[@class='address']")
    assert [address.text for address in addresses] == [f"{SITE.url}{link}" for link in links]
    assert {(address.get("dir"), address.get("tabindex")) for address in addresses} == {("ltr", "0")}
    assert page.xpath("//section/@data-copy") == ["انسخ", "انسخ"]


def test_the_feeds_page_begins_with_its_own_edition() -> None:
    page = render_feeds(EN)
    assert page.xpath("//section[@class='feed-list']/h2/text()") == ["English", "العربية"]
    assert page.xpath("//section[@class='feed-list'][2]/@dir") == ["rtl"]


@pytest.mark.parametrize(
    ("status", "heading"),
    [
        (404, "هذه الصفحة غير موجودة"),
        (410, "هذه الصفحة غير موجودة"),
        (400, "تعذّرت الاستجابة لهذا الطلب"),
        (500, "حدث خطأ لدينا"),
        (503, "حدث خطأ لدينا"),
    ],
)
def test_an_error_speaks_the_readers_language(status: int, heading: str) -> None:
    page = render_error(status)
    assert get_text(page, "//h1") == heading
    assert page.xpath("//title/text()") == [f"{heading} – {SITE.title}"]
    assert page.xpath("//meta[@name='robots']/@content") == ["noindex"]
    assert page.xpath("//main//a/@href") == ["/ar/"]


def test_the_message_of_an_error_is_plain_text() -> None:
    page = render_error(404, HOSTILE_TITLE)
    assert list_scripts(page) == []
    assert HOSTILE_TITLE in page.xpath("//main")[0].text_content()
