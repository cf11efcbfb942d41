"""What stands where on a front page."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Article, Section
from aggregator.publish.digest import (
    BOX,
    LATEST,
    MOST_COVERED,
    SECONDS,
    FrontPage,
    build_front_page,
    count_sources,
    list_outlets,
)
from tests.publish.page_samples import AR, LIBYA, PICTURE, SITE, SPORTS, make_article


def build(articles: Sequence[Article]) -> FrontPage:
    by_section = {s.ref: [a for a in articles if s.ref in a.sections] for s in (SPORTS, LIBYA)}
    return build_front_page(site=SITE, edition=AR, articles_by_section=by_section, latest=articles)


def list_shown(page: FrontPage) -> list[Article]:
    lead = [page.lead] if page.lead else []
    boxed = [a for box in page.boxes for a in box.articles]
    return [*lead, *page.seconds, *page.most_covered, *page.latest, *boxed]


def make_many(count: int, section: Section = SPORTS, prefix: str = "a", sources: int = 1) -> list[Article]:
    return [
        make_article(f"{prefix}{n:03d}", section=section, hours_old=n, sources=sources) for n in range(count)
    ]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param({"hours_old": 1}, {"hours_old": 2}, id="the newer of two equals leads"),
        pytest.param({"sources": 2, "hours_old": 3}, {}, id="a second source is worth more than three hours"),
        pytest.param({}, {"sources": 2, "hours_old": 5}, id="a second source is worth less than five hours"),
        pytest.param({"sources": 4, "hours_old": 11}, {}, id="three more sources are worth twelve hours"),
        pytest.param(
            {}, {"sources": 30, "hours_old": 25}, id="from the seventh further source on none counts"
        ),
        pytest.param({"image": PICTURE, "hours_old": 1}, {}, id="an image is worth more than an hour"),
    ],
)
def test_the_article_of_better_standing_leads(better: dict[str, object], worse: dict[str, object]) -> None:
    page = build([make_article("worse", **worse), make_article("better", **better)])
    assert page.lead is not None
    assert page.lead.id == "better"


def test_the_lead_has_an_image_where_one_of_the_five_best_has_one() -> None:
    articles = make_many(8)
    articles[4] = replace(articles[4], image=PICTURE)
    page = build(articles)
    assert page.lead == articles[4]
    assert page.seconds[0] == articles[0]


def test_an_image_does_not_count_on_a_site_without_images() -> None:
    plain, pictured = make_article("plain"), make_article("pictured", image=PICTURE, hours_old=1)
    site = replace(SITE, images=False)
    page = build_front_page(
        site=site, edition=AR, articles_by_section={SPORTS.ref: [plain, pictured]}, latest=[]
    )
    assert page.lead == plain


def test_a_busy_page_fills_every_place() -> None:
    page = build([*make_many(40, SPORTS, "a", sources=2), *make_many(40, LIBYA, "b")])
    assert len(page.seconds) == SECONDS
    assert len(page.latest) == LATEST
    assert len(page.most_covered) == MOST_COVERED
    assert [(box.section.id, len(box.articles)) for box in page.boxes] == [("sports", BOX), ("libya", BOX)]


def test_at_most_two_of_a_section_stand_on_top_while_others_have_news() -> None:
    older = [make_article(f"b{n}", section=LIBYA, hours_old=100 + n) for n in range(2)]
    page = build([*make_many(20, SPORTS, "a"), *older])
    assert page.lead is not None
    assert [a.id for a in (page.lead, *page.seconds)] == ["a000", "a001", "a002", "b0", "b1"]


def test_one_section_alone_fills_the_top_by_itself() -> None:
    assert len(build(make_many(20)).seconds) == SECONDS


def test_a_box_opens_with_its_best_article_that_has_an_image() -> None:
    articles = make_many(60)
    known = build(articles).boxes[0].articles
    pictured = replace(known[2], image=PICTURE, published_at=known[2].published_at)
    page = build([pictured if a.id == pictured.id else a for a in articles])
    assert page.boxes[0].articles[0].id == pictured.id


def test_the_latest_are_the_newest_that_have_no_place_above() -> None:
    page = build(make_many(40))
    assert [a.id for a in page.latest] == [f"a{n:03d}" for n in range(5, 5 + LATEST)]


def test_most_covered_lists_only_what_several_sources_carry_most_first() -> None:
    articles = make_many(40)
    for place, sources in ((30, 3), (31, 5), (32, 2)):
        articles[place] = make_article(f"a{place:03d}", hours_old=100, sources=sources)
    assert [a.id for a in build(articles).most_covered] == ["a031", "a030", "a032"]


def test_the_lists_leave_a_small_site_its_sections() -> None:
    page = build(make_many(9))
    assert len(page.latest) == 1
    assert [len(box.articles) for box in page.boxes] == [3]


def test_an_article_of_two_sections_stands_in_the_first_one_only() -> None:
    both = replace(make_article("both", hours_old=90), sections=(LIBYA.ref, SPORTS.ref))
    page = build([*make_many(4), both, *make_many(4, LIBYA, "b")])
    assert [box.section.id for box in page.boxes if both in box.articles] == ["sports"]


def test_two_articles_with_the_same_headline_are_shown_once() -> None:
    page = build([make_article("a", title="Same  headline"), make_article("b", title="same headline")])
    assert [a.id for a in list_shown(page)] == ["b"]


def test_no_articles_make_an_empty_page() -> None:
    page = build_front_page(site=SITE, edition=AR, articles_by_section={}, latest=[])
    assert list_shown(page) == []
    assert page.newest_at is None


def test_a_source_that_carries_an_article_twice_counts_once() -> None:
    article = make_article(sources=3)
    doubled = replace(article, coverage=(*article.coverage, *article.coverage))
    assert count_sources(doubled) == 3
    assert [c.source_id for c in list_outlets(doubled)] == ["s1", "s2"]


def test_an_article_whose_coverage_is_gone_has_its_own_source() -> None:
    assert count_sources(replace(make_article(), coverage=())) == 1


articles_strategy = st.lists(
    st.builds(
        make_article,
        st.integers(0, 60).map(lambda n: f"a{n}"),
        section=st.sampled_from([SPORTS, LIBYA]),
        sources=st.integers(1, 4),
        image=st.sampled_from([None, PICTURE]),
        hours_old=st.integers(0, 48),
    ),
    unique_by=lambda a: a.id,
    max_size=60,
)


@given(articles_strategy)
def test_no_article_ever_stands_twice(articles: list[Article]) -> None:
    shown = [a.id for a in list_shown(build(articles))]
    assert len(shown) == len(set(shown))


@given(articles_strategy, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(articles: list[Article], rnd: random.Random) -> None:
    shuffled = rnd.sample(articles, len(articles))
    assert build(shuffled) == build(articles)


@given(articles_strategy)
def test_there_is_a_lead_whenever_there_is_an_article(articles: list[Article]) -> None:
    assert (build(articles).lead is not None) == bool(articles)
