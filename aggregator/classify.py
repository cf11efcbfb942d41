"""Which section an entry belongs to, and which entries a source's admin does not want.

The rules of its source decide. Where none matches, and the source's admin asked for it, a model that has
learned from what rules have placed may guess, never without saying how sure it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from zlib import crc32

from aggregator.model import Decision, Placement, Rule, SectionModel, Source
from aggregator.stems import find_language, stem_words
from aggregator.text import fold
from aggregator.urls import url_path

SLOTS = 16_384  # of a model: one byte for each and section
SURE = 0.7  # less is no reason to move an entry out of its source's section


def place_entry(source: Source, *, title: str, url: str | None, categories: Sequence[str]) -> Placement:
    """The section of the first rule that matches, else the source's own section."""
    for rule in source.rules:
        if rule.section is not None and _matches(rule, title=title, url=url, categories=categories):
            return Placement(
                section=rule.section, decision=Decision(rule="rule", evidence=describe_rule(rule))
            )
    evidence = f"the section of source {source.id}"
    return Placement(section=source.section, decision=Decision(rule="source", evidence=evidence))


def guess_section(model: SectionModel, title: str, excerpt: str, lang: str, *, own: str) -> Placement:
    """The section that the words of an entry speak for, else `own`, that of its source."""
    slots = list_slots(title, excerpt, lang)
    each = model.scale / math.sqrt(max(1, len(slots)))
    odds = []
    for bias, row in zip(model.biases, model.weights, strict=True):
        weights = memoryview(row).cast("b")
        odds.append(_squash(bias + each * sum(weights[slot] for slot in slots)))
    total = sum(odds)
    share, best = max(zip((value / total for value in odds), model.sections, strict=True))
    evidence = f"its words: {share:.0%} sure that it is {best}; needed is {SURE:.0%}"
    sure = share >= SURE
    decision = Decision(rule="learned" if sure else "unsure", evidence=evidence)
    return Placement(section=best if sure else own, decision=decision)


def list_slots(title: str, excerpt: str, lang: str) -> list[int]:
    """The slots of a model that the words of an entry fall into, each once, in order."""
    headline, words = fold(title).split(), fold(excerpt).split()
    language = find_language(lang, headline + words)
    stems = {
        *stem_words(headline + words, language),
        *(f"^{stem}" for stem in stem_words(headline, language)),
    }
    return sorted({crc32(stem.encode("utf-8", "surrogatepass")) % SLOTS for stem in stems})


def find_skip(source: Source, *, title: str, url: str | None, categories: Sequence[str]) -> Rule | None:
    """The first of the source's skip rules that matches; None: the entry is wanted."""
    for rule in source.skip:
        if _matches(rule, title=title, url=url, categories=categories):
            return rule
    return None


def _squash(value: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, value))))


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
