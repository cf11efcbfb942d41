"""What readers type is understood, or they are told what cannot be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import SearchProblem, SearchQuery
from aggregator.searching import MAX_CHARS, MAX_WORDS, parse_query
from tests.publish.page_samples import SITE, SPORTS

HOME = replace(SITE, sections=(replace(SPORTS, old_ids=("sport",)), *SITE.sections[1:]))


def parse(text: str) -> tuple[SearchQuery, tuple[SearchProblem, ...]]:
    return parse_query(text, site=HOME, edition="ar", source_ids=["wire", "madar"], languages=["ar", "en"])


def understand(text: str) -> SearchQuery:
    query, problems = parse(text)
    assert problems == ()
    return query


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        pytest.param(
            "bridges", [("bridges",), ("bridg",)], id="a word, as it is and as each language stems it"
        ),
        pytest.param('"new bridges"', [("new", "bridges"), ("new", "bridg")], id="a phrase"),
        pytest.param("«new bridges»", [("new", "bridges"), ("new", "bridg")], id="other quotes"),
        pytest.param("“new bridges", [("new", "bridges"), ("new", "bridg")], id="a quote left open"),
        pytest.param("3.5", [("3", "5")], id="what folds to two words is a phrase"),
        pytest.param("١٢", [("12",)], id="the digits of another script"),
        pytest.param("C++", [("c",)], id="symbols are no operators"),
        pytest.param("http://a.b", [("http", "a", "b")], id="a colon makes no operator"),
        pytest.param("source:", [("source",), ("sourc",)], id="nor does an operator without a value"),
    ],
)
def test_a_term_is_looked_for_in_every_form(text: str, terms: list[tuple[str, ...]]) -> None:
    (term,) = understand(text).terms
    assert list(term.readings) == terms
    assert not term.excluded


def test_a_minus_before_a_word_excludes_it_and_one_within_does_not() -> None:
    terms = understand('a -b c-d -"e f"').terms
    assert [(term.readings[0], term.excluded) for term in terms] == [
        (("a",), False),
        (("b",), True),
        (("c", "d"), False),
        (("e", "f"), True),
    ]


def test_places_are_those_of_the_edition() -> None:
    query = understand("source:wire SOURCE:Madar section:sport -section:libya -source:wire")
    assert query.sources == ("wire", "madar")
    assert query.sections == ("ar/sports",), "by a former id too"
    assert (query.not_sections, query.not_sources) == (("ar/libya",), ("wire",))


@pytest.mark.parametrize(
    ("text", "since", "before"),
    [
        ("on:2026-11-24", datetime(2026, 11, 23, 22, tzinfo=UTC), datetime(2026, 11, 24, 22, tzinfo=UTC)),
        ("after:2026-11-24", datetime(2026, 11, 23, 22, tzinfo=UTC), None),
        ("before:2026-11-24", None, datetime(2026, 11, 23, 22, tzinfo=UTC)),
        ("after:٢٠٢٦-١١-٢٤", datetime(2026, 11, 23, 22, tzinfo=UTC), None),
    ],
)
def test_days_are_those_of_the_sites_time_zone(text: str, since: datetime, before: datetime) -> None:
    query = understand(text)
    assert (query.since, query.before) == (since, before)
    assert query.asks


@pytest.mark.parametrize(
    ("text", "trouble", "value"),
    [
        ("source:none", "source", "none"),
        ("section:world", "section", "world"),
        ("on:yesterday", "date", "on:yesterday"),
        ("on:2026-02-30", "date", "on:2026-02-30"),
        ("on:0001-01-01", "date", "on:0001-01-01"),
        ("before:9999-12-31", "date", "before:9999-12-31"),
        ("-on:2026-11-24", "date", "-on:2026-11-24"),
        ("after:2026-11-24 before:2026-11-24", "order", ""),
        (" ".join(["w"] * (MAX_WORDS + 1)), "many", str(MAX_WORDS + 1)),
        ("w" * (MAX_CHARS + 1), "many", "w" * 20 + "…"),
    ],
)
def test_what_cannot_be_is_said(text: str, trouble: str, value: str) -> None:
    assert parse(text)[1] == (SearchProblem(trouble=trouble, value=value),)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "   ", '"', '""', "-", "!!!", "- -", "\x00"])
def test_nothing_asked_for_is_no_mistake(text: str) -> None:
    assert not understand(text).asks


OPERATORS = st.sampled_from(
    ["source:", "section:", "on:", "after:", "before:", "-", '"', "«", " ", "OR", "*"]
)


@given(st.lists(st.one_of(OPERATORS, st.text(max_size=8), st.dates().map(str))).map("".join))
def test_any_text_has_an_answer(text: str) -> None:
    query, _ = parse(text)
    for term in query.terms:
        assert all(word and " " not in word and '"' not in word for r in term.readings for word in r)
