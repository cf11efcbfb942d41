"""What an article gives to the search for its story, made of itself alone: its terms and its links."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from aggregator.dedupe.links import find_links
from aggregator.dedupe.terms import Terms, count_terms, list_read
from aggregator.model import Entry, Fingerprint
from aggregator.text import fold
from aggregator.urls import canonical_url

_HEAD = struct.Struct("<3sHH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Essence:
    terms: Terms
    links: frozenset[int]


def find_essence(entry: Entry, fingerprint: Fingerprint) -> Essence:
    """That of an article which the entry leads."""
    image_url = None if entry.image is None else entry.image.url
    folded = fingerprint.folded if fingerprint.sketch else f"{entry.title}\n"
    return make_essence(folded, lang=entry.lang, url=entry.url, image_url=image_url)


def make_essence(folded: str, *, lang: str, url: str | None, image_url: str | None) -> Essence:
    """`folded` is as in Fingerprint: title, line end, text; a title alone need not be folded."""
    title, _, text = folded.partition("\n")
    pages = [page] if url and (page := canonical_url(url)) else []
    terms = count_terms(fold(title).split(), list_read(text), lang)
    return Essence(terms=terms, links=find_links(pages, image_url, text.split() if image_url else ()))


def pack_essence(essence: Essence) -> bytes:
    terms, links = essence.terms, sorted(essence.links)
    head = _HEAD.pack(terms.lang.encode(), len(terms.weights), len(links))
    counts = (round(math.expm1(weight)) for weight in terms.weights.values())
    numbers = struct.pack(f"<{2 * len(terms.weights) + len(links)}I", *terms.weights, *counts, *links)
    return head + numbers + " ".join(terms.words[term] for term in terms.weights).encode()


def unpack_essence(packed: bytes) -> Essence:
    """What `pack_essence` made, to the bit."""
    lang, count, linked = _HEAD.unpack_from(packed)
    numbers = struct.unpack_from(f"<{2 * count + linked}I", packed, _HEAD.size)
    words = packed[_HEAD.size + 4 * len(numbers) :].decode().split(" ")
    terms = numbers[:count]
    return Essence(
        terms=Terms(
            lang=lang.rstrip(b"\0").decode(),
            weights=dict(zip(terms, map(math.log1p, numbers[count : 2 * count]), strict=True)),
            words=dict(zip(terms, words, strict=False)),
        ),
        links=frozenset(numbers[2 * count :]),
    )
