"""Words of one stem are found by each other; function words tell an unknown language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.stems import find_language, stem_word, stem_words
from aggregator.text import fold


@pytest.mark.parametrize(
    ("lang", "one", "other"),
    [
        pytest.param("ar", "مباراة", "المباراة", id="an article before it, an ending behind it"),
        pytest.param("ar", "الجسر", "والجسر", id="a conjunction before the article"),
        pytest.param("ar", "الحكومة", "للحكومة", id="a preposition that swallows the article"),
        pytest.param("ar", "حكوميّة", "الحكومية", id="vowel marks"),
        pytest.param("en", "bridge", "bridges", id="an English plural"),
        pytest.param("fr", "élection", "élections", id="a French one, folded before"),
        pytest.param("en", "الجسر", "جسر", id="an Arabic word in an English text"),
        pytest.param("ar", "bridge", "bridges", id="an English word in an Arabic one"),
        pytest.param("xx", "same", "Same", id="a language without a stemmer: folding alone"),
    ],
)
def test_forms_of_a_word_have_one_stem(lang: str, one: str, other: str) -> None:
    assert stem_words(fold(one).split(), lang) == stem_words(fold(other).split(), lang)


def test_what_is_left_of_a_word_is_never_less_than_three_letters() -> None:
    assert stem_words(["الله", "ال", "والد"], "ar") != stem_words(["له", "", "د"], "ar")
    assert all(stem_words(["الله", "ال", "والد"], "ar"))


@pytest.mark.parametrize(
    ("tag", "text", "lang"),
    [
        ("ar-LY", "", "ar"),
        ("und", "the minister said that it was not in the law and will not be", "en"),
        ("und", "zyx wvu", "und"),
        ("und", "", "und"),
    ],
)
def test_the_language_is_the_tags_or_that_of_the_function_words(tag: str, text: str, lang: str) -> None:
    assert find_language(tag, text.split()) == lang


@given(st.text(max_size=60), st.sampled_from(["ar", "en", "fr", "und"]))
def test_every_word_keeps_a_stem_of_its_own_place(text: str, lang: str) -> None:
    """As many stems as words, none with a space in it: else phrases would not match."""
    words = fold(text).split()
    stems = stem_words(words, lang)
    assert len(stems) == len(words)
    assert all(stem and " " not in stem for stem in stems)
    assert stems == stem_words(words, lang)
    assert all(stem_word(word, "und") == word for word in words)
