"""What entries are compared by: which differences count and which do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedupe.fingerprint import MIN_TEXT_LETTERS, fingerprint_entries
from aggregator.model import Entry, Fingerprint
from tests.dedupe.samples import TEXT, TITLE, make_entry, write_otherwise

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def fingerprint(**changes: Any) -> Fingerprint:
    (found,) = fingerprint_entries([make_entry(**changes)])
    return found


# --- URLs -----------------------------------------------------------------------------------------

PAGE = "https://harbour.example/news/1"
SAME_URL = {
    "tracking parameters": f"{PAGE}?utm_source=rss&utm_medium=feed&fbclid=x",
    "http and www": "http://www.harbour.example/news/1",
    "a slash at the end": f"{PAGE}/",
    "a fragment": f"{PAGE}#comments",
    "the AMP page": f"{PAGE}/amp",
    "the host in capitals": "https://HARBOUR.example/news/1",
}
OTHER_URL = {
    "another number": "https://harbour.example/news/2",
    "a parameter that names the article": f"{PAGE}?id=7",
    "another site": "https://ferry.example/news/1",
}


@pytest.mark.parametrize("url", SAME_URL.values(), ids=SAME_URL.keys())
def test_addresses_of_one_page_have_one_key(url: str) -> None:
    assert fingerprint(url=url).url_key == fingerprint(url=PAGE).url_key is not None


@pytest.mark.parametrize("url", OTHER_URL.values(), ids=OTHER_URL.keys())
def test_addresses_of_other_pages_have_other_keys(url: str) -> None:
    assert fingerprint(url=url).url_key != fingerprint(url=PAGE).url_key


NO_URL_KEY = {
    "no URL": None,
    "the site's home page": "https://harbour.example/",
    "the home page with tracking": "https://www.harbour.example?utm_source=rss",
    "no web address": "mailto:desk@harbour.example",
}


@pytest.mark.parametrize("url", NO_URL_KEY.values(), ids=NO_URL_KEY.keys())
def test_what_names_no_article_is_no_key(url: str | None) -> None:
    assert fingerprint(url=url).url_key is None


SHARED = {
    "all items link to one page": [PAGE, PAGE, PAGE],
    "the page spelled in different ways": [
        f"{PAGE}?utm_source=a",
        f"{PAGE}/",
        "http://www.harbour.example/news/1",
    ],
}


@pytest.mark.parametrize("urls", SHARED.values(), ids=SHARED.keys())
def test_a_url_that_several_items_of_a_document_share_is_no_key(urls: list[str]) -> None:
    other = "https://harbour.example/news/2"
    found = fingerprint_entries([make_entry(guid=str(n), url=url) for n, url in enumerate([*urls, other])])
    assert [f.url_key for f in found[:-1]] == [None] * len(urls)
    assert found[-1].url_key == fingerprint(url=other).url_key


OTHER_URLS = {
    "an item that is not given has the same page": ([f"{PAGE}/?utm_source=a"], False),
    "items that are not given have other pages": (["https://harbour.example/news/2", None], True),
    "items that are not given share a page of their own": (["https://harbour.example/2"] * 2, True),
}


@pytest.mark.parametrize(("others", "known"), OTHER_URLS.values(), ids=OTHER_URLS.keys())
def test_items_of_the_document_that_are_not_given_count_as_well(
    others: list[str | None], known: bool
) -> None:
    (found,) = fingerprint_entries([make_entry(url=PAGE)], other_urls=others)
    assert found.url_key == (fingerprint(url=PAGE).url_key if known else None)


def test_items_without_url_do_not_share_one() -> None:
    found = fingerprint_entries([make_entry(url=None), make_entry(url=None), make_entry()])
    assert [f.url_key is None for f in found] == [True, True, False]


def test_fingerprints_come_in_the_order_of_the_document() -> None:
    entries = [make_entry(url=f"{PAGE}{n}", title=f"{TITLE} {n}") for n in range(5)]
    assert fingerprint_entries(entries) == tuple(fingerprint(url=e.url, title=e.title) for e in entries)
    assert fingerprint_entries([]) == ()


# --- words ----------------------------------------------------------------------------------------

SAME_WORDS: dict[str, Entry] = {
    "another keyboard and another style book": make_entry(
        title=write_otherwise(TITLE), text=write_otherwise(TEXT)
    ),
    "vowel marks": make_entry(text=TEXT.replace("السفينة", "السَّفِينَةُ")),
    "tatweel": make_entry(title=TITLE.replace("ميناء", "مينـــاء")),
    "Arabic digits": make_entry(text=TEXT.replace("20", "٢٠")),
    "Persian digits": make_entry(text=TEXT.replace("20", "۲۰")),
    "without hamza": make_entry(text=TEXT.replace("إ", "ا").replace("ألف", "الف")),
    "punctuation and lines": make_entry(text=TEXT.replace("،", " —\n")),
    "another source, address and date": make_entry(
        source_id="ferry", guid="x", url="https://ferry.example/a"
    ),
}
OTHER_WORDS: dict[str, Entry] = {
    "another number in the text": make_entry(text=TEXT.replace("20", "30")),
    "another number in the title": make_entry(title=f"{TITLE} 2"),
    "one word more": make_entry(text=f"{TEXT} انتهى"),
    "another order": make_entry(text=" ".join(reversed(TEXT.split()))),
    "a word of the text in the title": make_entry(
        title=f"{TITLE} {TEXT.split()[0]}", text=" ".join(TEXT.split()[1:])
    ),
}


@pytest.mark.parametrize("entry", SAME_WORDS.values(), ids=SAME_WORDS.keys())
def test_the_same_words_have_one_key_however_they_are_written(entry: Entry) -> None:
    (found,) = fingerprint_entries([entry])
    assert (found.title_key, found.text_key) == (fingerprint().title_key, fingerprint().text_key)
    assert found.text_key is not None


@pytest.mark.parametrize("entry", OTHER_WORDS.values(), ids=OTHER_WORDS.keys())
def test_other_words_have_other_keys(entry: Entry) -> None:
    (found,) = fingerprint_entries([entry])
    assert found.text_key is not None
    assert found.text_key != fingerprint().text_key


LONG_ENOUGH = "ميناء " * 13 + "اب"
LENGTHS = {
    "nothing": ("", False),
    "a caption": ("صورة: الميناء صباح اليوم", False),
    "a letter too short": (LONG_ENOUGH[:-1], False),
    "just long enough": (LONG_ENOUGH, True),
    "long only by its vowel marks and dots": (LONG_ENOUGH[:-1].replace("م", "مَّ") + "...", False),
}


@pytest.mark.parametrize(("text", "known"), LENGTHS.values(), ids=LENGTHS.keys())
def test_a_text_that_says_too_little_is_no_key(text: str, known: bool) -> None:
    assert len(LONG_ENOUGH) == MIN_TEXT_LETTERS
    assert (fingerprint(text=text).text_key is not None) is known


def test_keys_are_the_same_in_every_process() -> None:
    """They are stored: another hash would part every old article from its new copies."""
    found = fingerprint()
    assert found.url_key == 2_912_339_699_124_831_311
    assert found.title_key == 7_347_917_585_097_693_845
    assert found.text_key == 7_290_879_634_458_876_530
    assert found.sketch[:3] == (86_390_630, 169_100_298, 253_850_689)
    assert found.folded.startswith("رسو سفينه القمح في ميناء طرابلس\nرست السفينه في")


@given(ANY_TEXT, ANY_TEXT, st.none() | ANY_TEXT)
def test_keys_fit_a_bigint_whatever_the_publisher_writes(title: str, text: str, url: str | None) -> None:
    found = fingerprint(title=title, text=text, url=url)
    keys = [found.url_key, found.title_key, found.text_key]
    assert all(key is None or 0 <= key < 2**63 for key in keys)
