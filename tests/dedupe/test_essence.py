"""What the search for stories is given comes out of the store as it went in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedupe.essence import find_essence, make_essence, pack_essence, unpack_essence
from aggregator.dedupe.fingerprint import fingerprint_entries
from aggregator.model import Entry, Image
from tests.dedupe.samples import TEXT, TITLE
from tests.store.samples import make_read

FERRY = make_read("ferry", title=TITLE, text=TEXT).entry
PICTURE = Image(url="https://img.example/1.jpg", alt=None, width=None, height=None)

ENTRIES = {
    "an article": FERRY,
    "with numbers and a picture": replace(FERRY, text=f"{TEXT} 2210 37 41", image=PICTURE),
    "a headline of two words": replace(FERRY, title="Ferry 2-1", text="", lang="en"),
    "at no address": replace(FERRY, url=None),
    "a title many times over": replace(FERRY, title=" ".join([TITLE] * 60)),
    "nothing": replace(FERRY, title="", text="", url=None, image=None, lang="und"),
}


@pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES.keys())
def test_what_is_packed_comes_out_to_the_bit(entry: Entry) -> None:
    (fingerprint,) = fingerprint_entries([entry])
    essence = find_essence(entry, fingerprint)
    again = unpack_essence(pack_essence(essence))
    assert again == essence
    assert list(again.terms.weights) == list(essence.terms.weights)


@given(st.text(), st.text(), st.sampled_from(["ar", "en-GB", "und", "zh"]))
def test_any_words_come_out_to_the_bit(title: str, text: str, lang: str) -> None:
    essence = make_essence(f"{title}\n{text}", lang=lang, url=None, image_url=None)
    assert unpack_essence(pack_essence(essence)) == essence
