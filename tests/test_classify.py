"""Sorting entries into sections and skipping what is not wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.classify import describe_rule, find_skip, place_entry
from aggregator.model import Decision, Placement, Rule
from tests.harness import make_source

TITLE = "المنتخب الليبي لكرة القدم يفوز على ضيفه"
URL = "https://harbour.example/رياضة/2026/11/match-7?utm_source=rss"
CATEGORIES = ("أخبار محلية", "Sport")


MATCHES: dict[str, tuple[Rule, bool]] = {
    # category
    "a category as it is written": (Rule(category="أخبار محلية"), True),
    "any of the categories": (Rule(category="Sport"), True),
    "a category in another case": (Rule(category="SPORT"), True),
    "a category from another keyboard, with vowel marks": (Rule(category="اخبـــار محليّه"), True),
    "a part of a category": (Rule(category="أخبار"), False),
    "more than the category": (Rule(category="Sport news"), False),
    "the title is no category": (Rule(category=TITLE), False),
    # title
    "a word of the title": (Rule(title="المنتخب"), True),
    "the last word of the title": (Rule(title="ضيفه"), True),
    "words that follow each other": (Rule(title="لكرة القدم"), True),
    "the whole title": (Rule(title=TITLE), True),
    "a word from another keyboard": (Rule(title="لكرەِ القدم"), True),
    "a part of a word": (Rule(title="منتخب"), False),
    "the beginning of a word": (Rule(title="المنت"), False),
    "words that stand apart": (Rule(title="المنتخب القدم"), False),
    "words in another order": (Rule(title="القدم لكرة"), False),
    "a category is not in the title": (Rule(title="Sport"), False),
    # path
    "the beginning of the path, decoded": (Rule(path="/رياضة/"), True),
    "the whole path": (Rule(path="/رياضة/2026/11/match-7"), True),
    "the root is the beginning of every path": (Rule(path="/"), True),
    "the middle of the path": (Rule(path="/2026/"), False),
    "more than the path": (Rule(path="/رياضة/2026/11/match-7/"), False),
    "the query is not in the path": (Rule(path="/رياضة/2026/11/match-7?utm_source"), False),
    "paths are compared as they are": (Rule(path="/رياضه/"), False),
    # several
    "all conditions hold": (Rule(category="sport", title="القدم", path="/رياضة/"), True),
    "the category alone does not": (Rule(category="arts", title="القدم", path="/رياضة/"), False),
    "the title alone does not": (Rule(category="sport", title="السلة", path="/رياضة/"), False),
    "the path alone does not": (Rule(category="sport", title="القدم", path="/world/"), False),
}


@pytest.mark.parametrize(("rule", "matches"), MATCHES.values(), ids=MATCHES.keys())
def test_a_rule_holds_when_all_its_conditions_do(rule: Rule, matches: bool) -> None:
    there = Rule(section="ar/sports", category=rule.category, title=rule.title, path=rule.path)
    placed = place_entry(make_source(rules=(there,)), title=TITLE, url=URL, categories=CATEGORIES)
    assert placed.section == ("ar/sports" if matches else "ar/libya")
    skipped = find_skip(make_source(skip=(rule,)), title=TITLE, url=URL, categories=CATEGORIES)
    assert skipped == (rule if matches else None)


BARE = {
    "no category is no match": Rule(category="Sport"),
    "no title is no match": Rule(title="المنتخب"),
    "no URL has no path": Rule(path="/"),
}


@pytest.mark.parametrize("rule", BARE.values(), ids=BARE.keys())
def test_an_entry_that_says_nothing_matches_nothing(rule: Rule) -> None:
    assert find_skip(make_source(skip=(rule,)), title="", url=None, categories=()) is None


def test_without_rules_it_is_the_section_of_the_source() -> None:
    assert place_entry(make_source(), title=TITLE, url=URL, categories=CATEGORIES) == Placement(
        section="ar/libya", decision=Decision(rule="source", evidence="the section of source harbour")
    )


def test_the_first_rule_that_matches_wins_and_is_kept() -> None:
    rules = (
        Rule(section="ar/arts", category="فنون"),
        Rule(section="ar/sports", category="sport", title="القدم"),
        Rule(section="ar/world", path="/"),
    )
    assert place_entry(make_source(rules=rules), title=TITLE, url=URL, categories=CATEGORIES) == Placement(
        section="ar/sports", decision=Decision(rule="rule", evidence='category "sport", title "القدم"')
    )
    turned = make_source(rules=rules[::-1])
    assert place_entry(turned, title=TITLE, url=URL, categories=CATEGORIES).section == "ar/world"


def test_a_rule_may_send_an_entry_to_another_edition() -> None:
    source = make_source(rules=(Rule(section="en/sports", category="sport"),))
    assert place_entry(source, title="Cup final", url=None, categories=["Sport"]).section == "en/sports"


def test_skip_rules_do_not_place_and_rules_do_not_skip() -> None:
    rule = Rule(section="ar/sports", path="/")
    assert find_skip(make_source(rules=(rule,)), title=TITLE, url=URL, categories=()) is None
    source = make_source(skip=(Rule(path="/"),))
    assert place_entry(source, title=TITLE, url=URL, categories=()).section == "ar/libya"


def test_the_first_skip_rule_that_matches_is_named() -> None:
    skip = (Rule(title="إعلان"), Rule(path="/رياضة"), Rule(category="sport"))
    assert find_skip(make_source(skip=skip), title=TITLE, url=URL, categories=CATEGORIES) == skip[1]


DESCRIPTIONS = {
    'category "فن", title "فيلم", path "/arts/"': Rule(
        section="ar/arts", category="فن", title="فيلم", path="/arts/"
    ),
    'title "إعلان"': Rule(title="إعلان"),
    'path "/"': Rule(section="ar/world", path="/"),
}


@pytest.mark.parametrize(("words", "rule"), DESCRIPTIONS.items())
def test_a_rule_is_described_as_its_admin_wrote_it(words: str, rule: Rule) -> None:
    assert describe_rule(rule) == words


@given(st.text(), st.none() | st.text(), st.lists(st.text()), st.text(min_size=1))
def test_nothing_that_publishers_or_admins_write_breaks_it(
    title: str, url: str | None, categories: list[str], words: str
) -> None:
    rules = (
        Rule(section="ar/a", category=words),
        Rule(section="ar/b", title=words),
        Rule(section="ar/c", path=words),
    )
    placed = place_entry(make_source(rules=rules), title=title, url=url, categories=categories)
    assert placed.section in {"ar/a", "ar/b", "ar/c", "ar/libya"}


@given(st.text(), st.lists(st.text()))
def test_an_entry_always_matches_its_own_title_and_its_own_categories(
    title: str, categories: list[str]
) -> None:
    for rule in (Rule(title=title), *(Rule(category=category) for category in categories)):
        assert find_skip(make_source(skip=(rule,)), title=title, url=None, categories=categories) == rule
