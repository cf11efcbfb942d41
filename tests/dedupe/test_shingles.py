"""Texts as sets of word triples."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedupe.shingles import SKETCH_SIZE, find_containment, list_triples, make_sketch

WORDS = st.lists(st.sampled_from([f"w{number}" for number in range(30)]), max_size=80)
LONG = [f"كلمة{number}" for number in range(400)]

CONTAINMENT: dict[str, tuple[str, str, float]] = {
    "the same": ("a b c d e", "a b c d e", 1),
    "a cut copy stands in the other whole": ("a b c d e f g h", "c d e f", 1),
    "half of the shorter": ("a b c d x y", "q a b c d z z z z", 0.5),
    "the same words in another order": ("a b c d", "d c b a", 0),
    "nothing": ("a b c d", "e f g h", 0),
    "too short for a triple": ("a b", "a b c d", 0),
    "empty": ("", "", 0),
}


@pytest.mark.parametrize(("one", "other", "share"), CONTAINMENT.values(), ids=CONTAINMENT.keys())
def test_containment_is_what_the_lesser_has_in_common_with_the_greater(
    one: str, other: str, share: float
) -> None:
    sets = [frozenset(list_triples(text.split())) for text in (one, other)]
    assert find_containment(sets[0], sets[1]) == find_containment(sets[1], sets[0]) == share


@given(WORDS)
def test_a_text_has_two_triples_less_than_words(words: list[str]) -> None:
    triples = list_triples(words)
    assert len(triples) == max(0, len(words) - 2)
    assert triples == [hash(tuple(words[place : place + 3])) for place in range(len(words) - 2)]


@given(WORDS)
def test_a_sketch_is_a_few_hashes_in_order_and_fewer_only_of_a_short_text(words: list[str]) -> None:
    sketch = make_sketch(words)
    assert list(sketch) == sorted(set(sketch))
    assert len(sketch) == min(SKETCH_SIZE, len(set(list_triples(words))))
    assert all(0 <= value < 2**32 for value in sketch)


def test_sketches_of_copies_share_more_than_chance_whatever_is_cut() -> None:
    whole = set(make_sketch(LONG))
    assert whole & set(make_sketch([f"x{word}" for word in LONG])) == set()
    assert len(whole & set(make_sketch(LONG[:200]))) >= 10
    assert len(whole & set(make_sketch([*LONG[:50], "word", *LONG[50:]]))) >= SKETCH_SIZE - 3
    assert len(whole & set(make_sketch([*LONG[200:], *LONG[:200]]))) >= SKETCH_SIZE - 3


def test_a_sketch_is_the_same_in_every_process() -> None:
    """It is stored: Python's own hash() of a string differs from process to process."""
    words = "رسو سفينة القمح في ميناء طرابلس".split()
    script = (
        "import sys\nfrom aggregator.dedupe.shingles import make_sketch\nprint(*make_sketch(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert tuple(map(int, done.stdout.split())) == make_sketch(words)


def test_half_of_an_emoji_is_a_word_like_others() -> None:
    assert len(make_sketch(["\ud83d", "b", "c", "d"])) == 2
