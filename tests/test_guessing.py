"""Sections from content: what is learned from entries that rules have placed, and what is done with it."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from aggregator.classify import SLOTS
from aggregator.errors import LearnerMissing
from aggregator.guessing import LEARNED_EVERY, LEAST_OF_A_SECTION, guess_sections, learn_sections
from aggregator.model import Decision, Placement, ReadEntry
from aggregator.store import Store, entries, placing, tables
from aggregator.store.ids import encode_id
from aggregator.store.reasons import find_explanation
from tests.harness import make_source
from tests.store.samples import DAY, HOUR, NOON, id_of, make_read, open_sample
from tests.test_saving import save

pytestmark = pytest.mark.usefixtures("each_store")

WORDS = {
    "ar/sports": "المنتخب مباراة هدف الدوري لاعب مدرب ملعب بطولة كرة فريق نقاط حارس".split(),
    "ar/economy": "البنك أسعار النفط سوق أسهم تجارة استثمار دينار ميزانية مصرف صادرات ضرائب".split(),
}
SOURCES = (make_source("harbour"), make_source("ferry", guess_sections=True), make_source("tower"))
EXCERPTS = {name: " ".join(words[:8]) for name, words in WORDS.items()}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_sample(tmp_path, *SOURCES) as opened:
        yield opened


def write_item(guid: str, source_id: str, excerpt: str, **changes: object) -> ReadEntry:
    return make_read(guid, source_id, title=f"خبر {guid}", text=excerpt, excerpt=excerpt, **changes)


def make_ruled(count: int = LEAST_OF_A_SECTION) -> list[ReadEntry]:
    """As many entries of each section as asked for, which rules of one source have placed."""
    chance = random.Random(1)
    return [
        replace(
            write_item(f"{name}-{number}", "harbour", " ".join(chance.sample(words, 6))),
            placement=Placement(section=name, decision=Decision(rule="rule", evidence='path "/x"')),
        )
        for name, words in WORDS.items()
        for number in range(count)
    ]


def guess(store: Store, now: datetime = NOON + HOUR) -> int:
    return guess_sections(store, SOURCES, now=now, stopping=threading.Event())


def get_section(store: Store, read: ReadEntry) -> tuple[str, str, str]:
    with store.read() as tx:
        explanation = find_explanation(tx, encode_id(id_of(read)))
    assert explanation is not None
    return explanation.section.id, explanation.section.rule, explanation.section.evidence


def test_what_no_rule_places_goes_where_its_words_point(store: Store) -> None:
    match = write_item("match", "ferry", EXCERPTS["ar/sports"])
    prices = write_item("prices", "ferry", EXCERPTS["ar/economy"])
    save(store, *make_ruled(), match, prices)
    assert guess(store) == 2
    section, rule, evidence = get_section(store, match)
    assert (section, rule) == ("ar/sports", "learned")
    assert "% sure that it is ar/sports; needed is 70%" in evidence
    assert get_section(store, prices)[:2] == ("ar/economy", "learned")
    with store.read() as tx:
        listed = set(
            tx.execute(select(tables.article_sections.c.section, tables.article_sections.c.article_id))
        )
        assert ("ar/sports", id_of(match)) in listed
        assert ("ar/libya", id_of(match)) not in listed
        assert [e.sections for e in entries.list_entries(tx, section="ar/economy", source_id="ferry")] == [
            ("ar/economy",)
        ]


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        pytest.param(
            write_item("x", "ferry", "قصيدة شاعر معرض رسام متحف لوحة"),
            ("ar/libya", "unsure"),
            id="words that point nowhere leave it in the section of its source",
        ),
        pytest.param(
            write_item("x", "tower", EXCERPTS["ar/sports"]),
            ("ar/libya", "source"),
            id="a source that did not ask for it",
        ),
        pytest.param(
            replace(
                write_item("x", "ferry", EXCERPTS["ar/sports"]),
                placement=Placement(
                    section="ar/economy", decision=Decision(rule="rule", evidence='path "/money"')
                ),
            ),
            ("ar/economy", "rule"),
            id="never against a rule",
        ),
        pytest.param(
            write_item("x", "ferry", EXCERPTS["ar/sports"], first_seen_at=NOON - 8 * DAY),
            ("ar/libya", "source"),
            id="what came a week ago stays where readers know it",
        ),
    ],
)
def test_who_is_guessed_at(store: Store, read: ReadEntry, expected: tuple[str, str]) -> None:
    save(store, *make_ruled(), read)
    assert guess(store) == 0
    assert get_section(store, read)[:2] == expected


def test_too_few_samples_teach_nothing(store: Store) -> None:
    match = write_item("match", "ferry", EXCERPTS["ar/sports"])
    save(store, *make_ruled(LEAST_OF_A_SECTION - 1), match)
    assert guess(store) == 0
    assert get_section(store, match)[1] == "source"


def test_it_is_learned_once_a_day_and_kept(store: Store) -> None:
    save(store, *make_ruled())
    with store.read() as tx:
        assert placing.find_model(tx, "ar") is None
    learned = []
    for at in (NOON, NOON + LEARNED_EVERY - HOUR, NOON + LEARNED_EVERY):
        guess(store, now=at)
        with store.read() as tx:
            model = placing.find_model(tx, "ar")
            assert model is not None
            learned.append(model.learned_at)
    assert learned == [NOON, NOON, NOON + LEARNED_EVERY]
    assert [len(row) for row in model.weights] == [SLOTS, SLOTS]


def test_the_same_samples_in_another_order_make_the_same_model(store: Store) -> None:
    save(store, *make_ruled())
    with store.read() as tx:
        samples = placing.list_ruled(tx, edition="ar", limit=1000)
        assert placing.list_ruled(tx, edition="en", limit=1000) == []
    shuffled = random.Random(2).sample(samples, len(samples))
    model = learn_sections(samples, now=NOON)
    assert model is not None
    assert model == learn_sections(shuffled, now=NOON)


def test_without_the_library_the_message_names_the_cure(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    save(store, *make_ruled())
    with pytest.raises(LearnerMissing, match=r"pip install 'aggregator\[learn\]'"):
        guess(store)
