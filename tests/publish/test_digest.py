"""What stands where on a front page."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import Article, Section, Site
from aggregator.publish import digest
from aggregator.publish.digest import (
    BOX,
    LATEST,
    MOST_COVERED,
    SECONDS,
    FrontPage,
    Placed,
    build_front_page,
    count_sources,
    list_outlets,
)
from tests.publish.page_samples import AR, LIBYA, PICTURE, SITE, SPORTS, make_article, make_stories


def build(articles: Sequence[Article], *, site: Site = SITE, **options: Any) -> FrontPage:
    """The front page of articles, each a story of its own unless it names one."""
    return build_front_page(site=site, edition=AR, stories=make_stories(articles), **options)


def list_shown(page: FrontPage) -> list[Article]:
    return get_articles(page.list_placed())


def get_articles(placed: Sequence[Placed]) -> list[Article]:
    return [p.article for p in placed]


def get_ids(placed: Sequence[Placed]) -> list[str]:
    return [p.article.id for p in placed]


def make_many(count: int, section: Section = SPORTS, prefix: str = "a", sources: int = 1) -> list[Article]:
    """Articles an hour apart, by as many sources, the newest first."""
    made = [
        make_article(f"{prefix}{n:03d}", section=section, hours_old=n, sources=sources) for n in range(count)
    ]
    return [lead_by(article, f"of-{article.id}") for article in made]


def lead_by(article: Article, source_id: str) -> Article:
    """The same article, led by that source."""
    own = replace(article.coverage[0], source_id=source_id)
    origin = replace(article.origin, id=source_id)
    return replace(article, origin=origin, coverage=(own, *article.coverage[1:]))


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
    assert page.lead.article.id == "better"


def test_the_lead_has_an_image_where_one_of_the_five_best_has_one() -> None:
    articles = make_many(8)
    articles[4] = replace(articles[4], image=PICTURE)
    page = build(articles)
    assert get_articles(page.list_placed())[:2] == [articles[4], articles[0]]


def test_an_image_does_not_count_on_a_site_without_images() -> None:
    plain, pictured = make_article("plain"), make_article("pictured", image=PICTURE, hours_old=1)
    page = build([plain, pictured], site=replace(SITE, images=False))
    assert list_shown(page)[0] == plain


def test_a_busy_page_fills_every_place() -> None:
    page = build([*make_many(40, SPORTS, "a", sources=2), *make_many(40, LIBYA, "b")])
    assert len(page.seconds) == SECONDS
    assert len(page.latest) == LATEST
    assert len(page.most_covered) == MOST_COVERED
    assert [(box.section.id, len(box.stories)) for box in page.boxes] == [("sports", BOX), ("libya", BOX)]


def test_at_most_two_of_a_section_stand_on_top_while_others_have_news() -> None:
    older = [make_article(f"b{n}", section=LIBYA, hours_old=100 + n) for n in range(2)]
    page = build([*make_many(20, SPORTS, "a"), *older])
    assert get_ids(page.list_placed()[:5]) == ["a000", "a001", "a002", "b0", "b1"]


def test_one_section_alone_fills_the_top_by_itself() -> None:
    assert len(build(make_many(20)).seconds) == SECONDS


def test_a_box_opens_with_its_best_article_that_has_an_image() -> None:
    articles = make_many(60)
    known = build(articles).boxes[0].stories
    pictured = replace(known[2].article, image=PICTURE)
    page = build([pictured if a.id == pictured.id else a for a in articles])
    assert page.boxes[0].stories[0].article == pictured


def test_the_latest_are_the_newest_that_have_no_place_above() -> None:
    page = build(make_many(40))
    assert get_ids(page.latest) == [f"a{n:03d}" for n in range(5, 5 + LATEST)]


def test_most_covered_lists_only_what_several_sources_carry_most_first() -> None:
    articles = make_many(40)
    for place, sources in ((30, 3), (31, 5), (32, 2)):
        articles[place] = make_article(f"a{place:03d}", hours_old=23, sources=sources)
    assert get_ids(build(articles).most_covered) == ["a031", "a030", "a032"]


def test_the_lists_leave_a_small_site_its_sections() -> None:
    page = build(make_many(9))
    assert len(page.latest) == 1
    assert [len(box.stories) for box in page.boxes] == [3]


def test_an_article_of_two_sections_stands_in_the_first_one_only() -> None:
    both = replace(make_article("both", hours_old=90), sections=(LIBYA.ref, SPORTS.ref))
    page = build([*make_many(4), both, *make_many(4, LIBYA, "b")])
    assert [box.section.id for box in page.boxes if both in get_articles(box.stories)] == ["sports"]


def test_two_articles_with_the_same_headline_are_shown_once() -> None:
    page = build([make_article("a", title="Same  headline"), make_article("b", title="same headline")])
    assert get_ids(page.list_placed()) == ["b"]


def test_no_articles_make_an_empty_page() -> None:
    page = build([])
    assert list_shown(page) == []
    assert page.newest_at is None


def test_a_source_that_carries_an_article_twice_counts_once() -> None:
    article = make_article(sources=3)
    doubled = replace(article, coverage=(*article.coverage, *article.coverage))
    assert count_sources(doubled) == 3
    assert [c.source_id for c in list_outlets(doubled)] == ["s1", "s2"]


def test_an_article_whose_coverage_is_gone_has_its_own_source() -> None:
    assert count_sources(replace(make_article(), coverage=())) == 1


# --- stories --------------------------------------------------------------------------------------


def test_a_story_of_several_articles_stands_once_and_names_all_its_sources() -> None:
    first, second = (
        lead_by(replace(make_article(id, sources=2, hours_old=2), story="s"), f"of-{id}") for id in ("a", "b")
    )
    (placed,) = build([first, second]).list_placed()
    assert placed.article == second, "of equals the one of the greater id"
    assert [c.source_id for c in placed.others] == ["s1", "of-a"]
    assert placed.sources == 3


def test_the_best_article_of_a_story_stands_for_it() -> None:
    old = replace(make_article("old", sources=4, hours_old=11), story="s")
    new = replace(lead_by(make_article("new"), "other"), story="s")
    assert get_ids(build([old, new]).list_placed()) == ["old"], "three more sources are twelve hours"


def test_sources_of_all_articles_of_a_story_raise_it() -> None:
    told = [lead_by(replace(make_article(f"t{n}", hours_old=3), story="s"), f"of-{n}") for n in range(2)]
    assert get_ids(build([make_article("alone"), *told]).list_placed())[0] == "t1"


def test_in_a_section_a_story_is_told_by_an_article_of_it() -> None:
    here = replace(make_article("here", section=LIBYA, hours_old=90), story="s")
    there = replace(make_article("there", hours_old=89), story="s")
    page = build([*make_many(40), here, there])
    assert [get_ids(box.stories) for box in page.boxes if box.section == LIBYA] == [["here"]]


def test_only_sources_of_the_last_day_make_a_story_most_covered() -> None:
    stale = make_article("stale", sources=9, hours_old=25)
    fresh = make_article("fresh", sources=2, hours_old=20)
    page = build([*make_many(20), stale, fresh])
    assert get_ids(page.most_covered) in (["fresh"], [])
    assert "stale" not in get_ids(page.most_covered)


def test_no_source_fills_the_latest_while_others_have_news() -> None:
    busy = [lead_by(make_article(f"b{n:02d}", hours_old=n / 100), "busy") for n in range(40)]
    page = build([*busy, *make_many(20)])
    assert [p.article.origin.id for p in page.latest].count("busy") == 2
    dates = [p.article.published_at for p in page.latest]
    assert dates == sorted(dates, reverse=True)
    assert len(build(busy).latest) == LATEST, "alone it may"


@pytest.mark.parametrize(("points", "leads"), [(0, "new"), (2, "new"), (4, "old")])
def test_a_section_of_weight_and_a_source_of_priority_stand_higher(points: int, leads: str) -> None:
    old, new = lead_by(make_article("old", section=LIBYA, hours_old=3), "own"), make_article("new")
    heavy = replace(SITE, sections=(SPORTS, replace(LIBYA, weight=points)))
    assert get_ids(build([old, new], site=heavy).list_placed())[0] == leads
    assert get_ids(build([old, new], priorities={"own": points}).list_placed())[0] == leads


def test_the_formula_in_the_documentation_is_the_one_that_ranks() -> None:
    text = (Path(__file__).parents[2] / "docs/front-page.md").read_text(encoding="utf-8")
    hours = {
        "further source": digest.WORTH_OF_SOURCE,
        "image": digest.WORTH_OF_IMAGE,
        "point": digest.WORTH_OF_WEIGHT,
    }
    for what, worth in hours.items():
        assert f"| {what} | {worth // timedelta(hours=1)} h |" in text
    assert f"at most {digest.MAX_FURTHER_SOURCES} further sources" in text
    assert f"{digest.COVERED_WITHIN // timedelta(hours=1)} hours" in text


articles_strategy = st.lists(
    st.builds(
        lambda story, title, source, **values: lead_by(
            replace(make_article(title=title, **values), story=story), source
        ),
        story=st.sampled_from([None, "x", "y", "z"]),
        title=st.sampled_from(["خبر", "خبرٌ", "Goal", "GOAL ", "…", "Rain", None]),
        source=st.sampled_from(["p", "q", "r"]),
        id=st.integers(0, 60).map(lambda n: f"a{n}"),
        section=st.sampled_from([SPORTS, LIBYA]),
        sources=st.integers(1, 4),
        image=st.sampled_from([None, PICTURE]),
        hours_old=st.integers(0, 48),
    ),
    unique_by=lambda a: a.id,
    max_size=60,
)


@given(articles_strategy)
def test_no_story_and_no_headline_ever_stands_twice(articles: list[Article]) -> None:
    placed = build(articles).list_placed()
    assert len({p.id for p in placed}) == len(placed)
    assert len({p.article.id for p in placed}) == len(placed)
    titles = [" ".join(p.article.title.casefold().split()) for p in placed]
    assert len(set(titles)) == len(titles)


@given(articles_strategy)
def test_a_story_names_each_source_once(articles: list[Article]) -> None:
    for placed in build(articles).list_placed():
        sources = [placed.article.origin.id, *(c.source_id for c in placed.others)]
        assert len(set(sources)) == len(sources) == placed.sources


@given(articles_strategy, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(articles: list[Article], rnd: random.Random) -> None:
    stories = make_stories(articles)
    shuffled = rnd.sample(stories, len(stories))
    assert build_front_page(site=SITE, edition=AR, stories=shuffled) == build(articles)


@given(articles_strategy)
def test_there_is_a_lead_whenever_there_is_an_article(articles: list[Article]) -> None:
    assert (build(articles).lead is not None) == bool(articles)
