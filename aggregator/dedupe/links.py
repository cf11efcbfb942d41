"""Explicit evidence that articles of two languages tell one event, as keys that a store can look up."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from zlib import crc32

from aggregator.text import fold

LINK_NUMBERS = 6


def list_links(pages: Iterable[str], image: str | None, text: str) -> frozenset[int]:
    """Keys of which one in common says that two articles of different languages tell one event.

    They are the canonical URLs of the article and of its translations (hreflang), and its picture together
    with any two of the first numbers of its text. Years and single digits do not count, nor a picture alone.
    """
    return find_links(pages, image, fold(text).split() if image else ())


def find_links(pages: Iterable[str], image: str | None, words: Iterable[str]) -> frozenset[int]:
    """Do the same for the folded words of the text."""
    keys = {f"page {page}" for page in pages}
    if image:
        numbers = list(filter(_tells, filter(str.isdigit, words)))
        first = sorted(dict.fromkeys(numbers), key=numbers.index)[:LINK_NUMBERS]
        keys.update(f"image {image} {' '.join(pair)}" for pair in combinations(sorted(first), 2))
    return frozenset(crc32(key.encode()) >> 1 for key in keys)


def _tells(number: str) -> bool:
    return len(number) > 1 and not (len(number) == 4 and number.startswith(("19", "20")))
