"""Matches are marked in the text as it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.model import SearchTerm
from aggregator.publish.snippets import SNIPPET_CHARS, make_snippet, mark_words
from aggregator.stems import stem_words
from aggregator.text import collapse_space, fold


def term(text: str, lang: str = "ar", *, excluded: bool = False) -> SearchTerm:
    return SearchTerm(readings=(tuple(stem_words(fold(text).split(), lang)),), excluded=excluded)


def show(pieces: tuple[tuple[str, bool], ...]) -> str:
    return "".join(f"[{text}]" if marked else text for text, marked in pieces)


@pytest.mark.parametrize(
    ("lang", "asked", "text", "marked"),
    [
        pytest.param("ar", "مدرسة", "في المَدْرَسَةِ، اليوم", "في [المَدْرَسَةِ]، اليوم", id="vowel marks and article"),
        pytest.param("ar", "احمد", "قال أحمد: «لا»", "قال [أحمد]: «لا»", id="a hamza form"),
        pytest.param("ar", "جسر", "ﺟﺴﺮ وجـــسر", "[ﺟﺴﺮ] [وجـــسر]", id="presentation forms and tatweel"),
        pytest.param("ar", "الامة", "مجلس الأُمّة", "مجلس [الأُمّة]", id="shadda and damma"),
        pytest.param("en", "bridge", "Bridges, bridge-head", "[Bridges], [bridge]-head", id="another form"),
        pytest.param("en", "cafe", "the CAFÉ.", "the [CAFÉ].", id="an accent"),
        pytest.param("en", "red line", "a red  line, a red dot", "a [red  line], a red dot", id="a phrase"),
        pytest.param("en", "3.5", "from 3.5 to 35", "from [3.5] to 35", id="a number"),
        pytest.param("en", "none", "<b>nothing</b>", "<b>nothing</b>", id="no match"),
    ],
)
def test_the_letters_that_match_are_marked(lang: str, asked: str, text: str, marked: str) -> None:
    assert show(mark_words(text, [term(asked, lang)], lang)) == marked


def test_what_must_not_occur_is_not_marked() -> None:
    assert show(mark_words("a b", [term("a", "en"), term("b", "en", excluded=True)], "en")) == "[a] b"


def test_a_snippet_is_cut_around_the_first_match() -> None:
    text = "word " * 300 + "needle " + "word " * 300
    snippet = show(make_snippet(text, [term("needle", "en")], "en"))
    assert snippet.startswith("… word")
    assert "[needle]" in snippet
    assert snippet.endswith("word …")
    assert len(snippet) < SNIPPET_CHARS + 20


def test_a_snippet_without_a_match_is_the_beginning() -> None:
    assert show(make_snippet("one\n two", [], "en")) == "one two"
    assert show(make_snippet("word " * 100, [], "en")).startswith("word word")
    assert make_snippet("", [term("a", "en")], "en") == ()


@given(st.text(max_size=400), st.text(max_size=10), st.sampled_from(["ar", "en"]))
def test_marking_changes_no_letter(text: str, asked: str, lang: str) -> None:
    terms = [term(asked, lang)] if fold(asked) else []
    assert "".join(piece.text for piece in mark_words(text, terms, lang)) == text
    snippet = "".join(piece.text for piece in make_snippet(text, terms, lang))
    assert snippet.removeprefix("… ").removesuffix(" …") in collapse_space(text) or not snippet
