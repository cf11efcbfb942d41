"""Names, titles at the start and tails at the end of texts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.clean.words import cut_tail, cut_title, plain_author

AUTHORS = {
    "the RSS form: address, then name": ("lawyer@boyer.example (Lawyer Boyer)", "Lawyer Boyer"),
    "the mail form: name, then address": ('"Salma Haddad" <s@news.example>', "Salma Haddad"),
    "an address in brackets": ("Salma [s@news.example]", "Salma"),
    "a link round the name": ('<a href="mailto:s@news.example">Salma</a>', "Salma"),
    "no address at all": ("  محمد   علي ", "محمد علي"),
    "nothing but an address": ("mailto:s@news.example", ""),
    "an account is no address": ("Salma @salma", "Salma @salma"),
}


@pytest.mark.parametrize(("written", "name"), AUTHORS.values(), ids=AUTHORS.keys())
def test_plain_author(written: str, name: str) -> None:
    assert plain_author(written) == name


@pytest.mark.parametrize("written", ["a@" * 8000, "(" * 16000, "a@b (" * 4000, "<a " * 6000, "@" * 16000])
def test_a_hostile_author_takes_no_time(written: str) -> None:
    start = time.process_time()
    plain_author(written)
    assert time.process_time() - start < 0.5


HEADS = {
    "a line of its own": ("Title\nText", "Title", "Text"),
    "a clause of its own, in other letters": ("TITLE – text", "Title", "text"),
    "a sentence of its own": ("Title. Text", "Title", "Text"),
    "nothing else": ("Title", "Title", ""),
    "the beginning of a sentence stays": ("Title and text", "Title", "Title and text"),
    "the beginning of a word stays": ("Titles\nText", "Title", "Titles\nText"),
    "no title, no cut": ("Text", "", "Text"),
}


@pytest.mark.parametrize(("text", "title", "rest"), HEADS.values(), ids=HEADS.keys())
def test_cut_title(text: str, title: str, rest: str) -> None:
    assert cut_title(text, title) == rest


TAILS = {
    "after a full stop": ("Text. Read more", "Text."),
    "on a line of its own": ("Text\nContinue reading →", "Text"),
    "after a cut text": ("Text […] Read more…", "Text…"),
    "in Arabic": ("نص الخبر.. للمزيد", "نص الخبر.."),
    "alone": ("Read More", ""),
    "what WordPress adds": ("Text. The post A on B appeared first on C.", "Text."),
    "what it adds in French": ("Texte. L’article A est apparu en premier sur C.", "Texte."),
    "both": ("Text.\nRead more\nThe post A first appeared on C", "Text."),
    "the same words within a sentence stay": ("He wants to read more", "He wants to read more"),
    "the same words before the end stay": ("Read more. Then sleep", "Read more. Then sleep"),
}


@pytest.mark.parametrize(("text", "rest"), TAILS.values(), ids=TAILS.keys())
def test_cut_tail(text: str, rest: str) -> None:
    assert cut_tail(text) == rest


@given(st.text(), st.text(max_size=10))
def test_what_is_cut_is_cut_from_the_ends(text: str, title: str) -> None:
    assert text.endswith(cut_title(text, title))
    assert text.startswith(cut_tail(text).removesuffix("…"))
