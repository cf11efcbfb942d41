"""Which section an entry belongs to, and which entries a source's admin does not want."""

from __future__ import annotations

from collections.abc import Sequence

from aggregator.model import Decision, Placement, Rule, Source
from aggregator.text import fold
from aggregator.urls import url_path


def place_entry(source: Source, *, title: str, url: str | None, categories: Sequence[str]) -> Placement:
    """The section of the first rule that matches, else the source's own section."""
    for rule in source.rules:
        if rule.section is not None and _matches(rule, title=title, url=url, categories=categories):
            return Placement(
                section=rule.section, decision=Decision(rule="rule", evidence=describe_rule(rule))
            )
    evidence = f"the section of source {source.id}"
    return Placement(section=source.section, decision=Decision(rule="source", evidence=evidence))


def find_skip(source: Source, *, title: str, url: str | None, categories: Sequence[str]) -> Rule | None:
    """The first of the source's skip rules that matches; None: the entry is wanted."""
    for rule in source.skip:
        if _matches(rule, title=title, url=url, categories=categories):
            return rule
    return None


def _matches(rule: Rule, *, title: str, url: str | None, categories: Sequence[str]) -> bool:
    """All conditions that the rule states hold; words are compared folded, as readers see them equal."""
    if rule.category is not None:
        wanted = fold(rule.category)
        if all(fold(category) != wanted for category in categories):
            return False
    if rule.title is not None and f" {fold(rule.title)} " not in f" {fold(title)} ":
        return False
    return rule.path is None or (url is not None and url_path(url).startswith(rule.path))


def describe_rule(rule: Rule) -> str:
    """The conditions of a rule as its admin wrote them."""
    conditions = (("category", rule.category), ("title", rule.title), ("path", rule.path))
    return ", ".join(f'{name} "{value}"' for name, value in conditions if value is not None)
