"""The digest of a day, as a page and as plain text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Article, Edition, Site
from aggregator.publish import daily
from aggregator.publish.templates import make_environment
from tests.publish.page_samples import (
    AR,
    EN,
    HOSTILE_TITLE,
    LIBYA,
    PICTURE,
    SITE,
    make_article,
    make_stories,
    parse_page,
)

DAY = date(2026, 11, 24)


def make_digest(articles: list[Article], *, edition: Edition = AR, site: Site = SITE) -> daily.DailyDigest:
    digest = daily.build_digest(site=site, edition=edition, day=DAY, stories=make_stories(articles))
    assert digest is not None
    return digest


def render_page(articles: list[Article], *, edition: Edition = AR, site: Site = SITE) -> str:
    digest = make_digest(articles, edition=edition, site=site)
    return daily.render_page(make_environment(edition), site=site, digest=digest)


def render_text(articles: list[Article], *, edition: Edition = AR) -> str:
    digest = make_digest(articles, edition=edition)
    return daily.render_text(make_environment(edition), site=SITE, digest=digest)


def render_subject(articles: list[Article]) -> str:
    return daily.render_subject(make_environment(AR), site=SITE, digest=make_digest(articles))


def show(digest: daily.DailyDigest) -> dict[str | None, list[str]]:
    return {g.section.id if g.section else None: [i.article.id for i in g.items] for g in digest.groups}


# --- what is in it --------------------------------------------------------------------------------


def test_a_day_without_articles_has_no_digest() -> None:
    assert daily.build_digest(site=SITE, edition=AR, day=DAY, stories=[]) is None


def test_the_lead_comes_first_then_the_sections_each_in_the_order_of_the_front_page() -> None:
    digest = make_digest(
        [
            make_article("old", hours_old=5, section=LIBYA),
            make_article("covered", hours_old=6, section=LIBYA, sources=4),
            make_article("lead", sources=6, image=PICTURE),
            make_article("match", hours_old=2),
        ]
    )
    assert digest.lead.article.id == "lead"
    assert show(digest) == {"sports": ["match"], "libya": ["covered", "old"]}


def test_a_story_of_two_sections_stands_in_the_first_and_one_of_none_at_the_end() -> None:
    both = replace(make_article("both", hours_old=1), sections=("ar/libya", "ar/sports"))
    gone = replace(make_article("gone", hours_old=2), sections=("ar/gone",))
    digest = make_digest([make_article("lead", sources=3), gone, both])
    assert list(show(digest).items()) == [("sports", ["both"]), (None, ["gone"])]


def test_a_headline_stands_there_once() -> None:
    one = make_article("one", sources=2)
    same = make_article("three", hours_old=2, title=f" {one.title}  ", section=LIBYA)
    assert make_digest([one, same]).groups == ()


def test_what_a_section_has_beyond_its_places_is_counted() -> None:
    articles = [make_article(f"a{n}", hours_old=n / 10) for n in range(daily.PER_SECTION + 5)]
    (group,) = make_digest(articles).groups
    assert (len(group.items), group.further) == (daily.PER_SECTION, 4)
    for document in (render_page(articles), render_text(articles)):
        assert "4 أخبار أخرى في هذا القسم" in document


def test_outlets_beyond_three_are_counted() -> None:
    articles = [make_article("a", sources=5)]
    assert "واثنان آخران" in render_page(articles)
    assert "صحيفة s0، صحيفة s1، صحيفة s2 واثنان آخران" in render_text(articles)


@given(st.permutations(range(7)))
def test_it_is_the_same_in_whatever_order_the_articles_come(order: list[int]) -> None:
    articles = [make_article(f"a{n}", hours_old=n % 3, sources=1 + n % 2) for n in range(7)]
    assert make_digest([articles[n] for n in order]) == make_digest(articles)


def test_an_excerpt_is_cut_and_left_out_where_there_is_no_right_to_it_or_it_is_the_headline() -> None:
    long = replace(make_article("a", hours_old=1), excerpt="كلمة " * 300)
    bare = replace(make_article("b", hours_old=2), excerpt="")
    twin = replace(make_article("c", hours_old=3, title="سبق"), excerpt="سبق")
    digest = make_digest([make_article("lead", sources=5), long, bare, twin])
    first, *others = [item.excerpt for item in digest.groups[0].items]
    assert len(first) <= daily.EXCERPT_CHARS
    assert first.endswith("…")
    assert others == ["", ""]


# --- the page -------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", [AR, EN], ids=lambda e: e.id)
def test_the_page_needs_no_other_document(edition: Edition) -> None:
    articles = [make_article(f"a{n}", hours_old=n / 9, image=PICTURE) for n in range(20)]
    page = parse_page(render_page(articles, edition=edition, site=replace(SITE, images=False)))
    assert page.xpath("//*[self::link or self::script or self::img or self::iframe or @background]") == []
    assert "url(" not in page.xpath("string(//style)")
    assert {href for href in page.xpath("//a/@href") if not href.startswith("https://news.example/")} == set()
    assert page.get("lang") == page.xpath("string(//body/div/@lang)") == edition.locale
    assert page.get("dir") == page.xpath("string(//body/div/@dir)") == edition.dir


def test_only_the_lead_has_an_image_where_the_site_has_any() -> None:
    articles = [make_article(f"a{n}", hours_old=n, image=PICTURE) for n in range(4)]
    assert parse_page(render_page(articles)).xpath("//img/@src") == [PICTURE.url]
    assert parse_page(render_page(articles, site=replace(SITE, images=False))).xpath("//img") == []


def test_the_hijri_date_stands_beside_where_the_site_shows_it() -> None:
    articles = [make_article("a")]
    assert "جمادى" in render_page(articles, site=replace(SITE, hijri=True))
    assert "جمادى" not in render_page(articles)


def test_each_item_says_its_language_and_names_are_set_apart() -> None:
    page = parse_page(render_page([make_article("a"), make_article("e", lang="en", hours_old=1)]))
    (english,) = page.xpath("//h3[a[contains(@href, '/article/e')]]")
    assert (english.get("lang"), english.get("dir")) == ("en", "ltr")
    assert page.xpath("//h2[a[contains(@href, '/article/a')]]/@dir") == []
    assert page.xpath("//p/bdi/text()") == ["صحيفة s0", "صحيفة s0"]


def test_hostile_headlines_stay_text() -> None:
    hostile = make_article("b", title=f"{HOSTILE_TITLE}2", hours_old=1)
    page = parse_page(render_page([make_article("a", title=HOSTILE_TITLE), hostile]))
    assert page.xpath("//script | //*[@onmouseover]") == []
    assert page.xpath("string(//h3)").strip() == f"{HOSTILE_TITLE}2"


# --- plain text -----------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", [AR, EN], ids=lambda e: e.id)
def test_lines_of_plain_text_are_short_and_links_are_whole(edition: Edition) -> None:
    articles = [make_article(f"a{n}", title=f"{'كلمة وأخرى ' * 12}{n}", hours_old=n / 9) for n in range(5)]
    lines = render_text(articles, edition=edition).splitlines()
    assert [line for line in lines if len(line) > daily.WIDTH + 1 and "https://" not in line] == []
    links = [line.strip() for line in lines if "https://" in line]
    assert all(re.fullmatch(r"https://news\.example/\S+", link) for link in links)
    assert len([link for link in links if "/article/" in link]) == 5


def find_direction(line: str) -> str:
    """As a reader finds it: by the first strong character that is not isolated (UAX 9, P2)."""
    outside = re.sub("\u2068.*?\u2069", "", line)
    return next((d for c in outside if (d := unicodedata.bidirectional(c)) in ("L", "R", "AL")), "")


def test_lines_run_as_their_language_does_though_they_begin_with_other_letters() -> None:
    arabic = make_article("a", title="BBC: خبر يبدأ بحروف لاتينية", sources=2)
    arabic = replace(arabic, origin=replace(arabic.origin, name="BBC"))
    english = make_article("e", title="A headline", lang="en", hours_old=1)
    text = render_text([arabic, replace(english, excerpt="")])
    for line in filter(re.compile(r"\w").search, text.splitlines()):
        from_the_left = line.strip().startswith(("https", "* A headline"))
        assert (find_direction(line) == "L") == from_the_left, line
    assert "\u2068BBC\u2069" in text


def test_plain_text_is_not_escaped() -> None:
    articles = [make_article("a", title="A & <B>")]
    assert "A & <B>" in render_text(articles)
    assert render_subject(articles) == "الثلاثاء، 24 نوفمبر 2026: A & <B>"


def test_its_date_is_that_of_the_newest_article() -> None:
    articles = [make_article("a", hours_old=3, sources=4), make_article("b", hours_old=1)]
    assert make_digest(articles).dated_at == articles[1].published_at
