"""Texts as sets of word triples: how much of one stands in another, and who might share any.

Containment and bottom-k sketches are those of Broder, "On the resemblance and containment of documents"
(1997).
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import accumulate
from zlib import crc32

Triple = int  # a hash of three words, good in this process alone: it costs half of what the words do

SKETCH_SIZE = 40


def list_triples(words: Sequence[str]) -> list[Triple]:
    """Every three words in a row."""
    return list(map(hash, zip(words, words[1:], words[2:], strict=False)))


def find_containment(one: Set[Triple], other: Set[Triple]) -> float:
    """How much of the lesser text stands in the greater: 0 to 1."""
    least = min(len(one), len(other))
    return len(one & other) / least if least else 0.0


def make_sketch(words: Sequence[str]) -> tuple[int, ...]:
    """The SKETCH_SIZE smallest 32-bit hashes of a text's triples, the same in every process.

    Texts that share much share some of these, whatever their lengths.
    """
    encoded = [word.encode("utf-8", "surrogatepass") for word in words]
    ends = list(accumulate(len(word) + 1 for word in encoded))
    joined = b" ".join(encoded)
    hashes = {crc32(joined[start : end - 1]) for start, end in zip([0, *ends], ends[2:], strict=False)}
    return tuple(sorted(hashes)[:SKETCH_SIZE])
