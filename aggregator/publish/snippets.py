"""Where in a text the words of a search stand: the original text, cut to what is around them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

from aggregator.model import SearchTerm
from aggregator.stems import stem_words
from aggregator.text import collapse_space, split_words

SNIPPET_CHARS = 240
READ_CHARS = 20_000  # of a text
_BEFORE = 60  # characters before the first match


class Piece(NamedTuple):
    """A stretch of text; all pieces together are the text that is shown. Not markup: to be escaped."""

    text: str
    marked: bool


def mark_words(text: str, terms: Collection[SearchTerm], lang: str) -> tuple[Piece, ...]:
    """All of the text, with the words and phrases marked as a search would find them in language `lang`.

    The marks are on the letters as they are written, vowel marks, hamza forms and all.
    """
    return _cut_pieces(text, _find_spans(text, terms, lang), 0, len(text))


def make_snippet(text: str, terms: Collection[SearchTerm], lang: str) -> tuple[Piece, ...]:
    """The text around its first match, or its beginning: one line of at most some SNIPPET_CHARS."""
    text = collapse_space(text[:READ_CHARS])
    spans = _find_spans(text[: 2 * SNIPPET_CHARS], terms, lang)
    if not spans or spans[0][1] > SNIPPET_CHARS:  # most texts have their words near the beginning
        spans = _find_spans(text, terms, lang)
    start = 0
    if spans and spans[0][1] > SNIPPET_CHARS:
        start = _find_edge(text, spans[0][0] - _BEFORE)
    end = len(text)
    if end - start > SNIPPET_CHARS:
        end = max(text.rfind(" ", start, start + SNIPPET_CHARS), start + SNIPPET_CHARS // 2)
    inside = [span for span in spans if start <= span[0] and span[1] <= end]
    pieces = _cut_pieces(text, inside, start, end)
    opening = [Piece("… ", False)] if start else []
    closing = [Piece(" …", False)] if end < len(text) else []
    return (*opening, *pieces, *closing)


def _find_edge(text: str, near: int) -> int:
    space = text.find(" ", max(0, near))
    return 0 if near <= 0 else space + 1


def _find_spans(text: str, terms: Collection[SearchTerm], lang: str) -> list[tuple[int, int]]:
    """Where terms stand, in order, none overlapping another."""
    readings = {reading for term in terms if not term.excluded for reading in term.readings}
    if not readings:
        return []
    spans: list[tuple[int, int]] = []
    stems: list[str] = []
    for start, end, folded in split_words(text):
        for stem in _stem(folded, lang):
            spans.append((start, end))
            stems.append(stem)
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for reading in sorted(readings, key=len, reverse=True):
        by_first.setdefault(reading[0], []).append(reading)
    found: list[tuple[int, int]] = []
    index = 0
    while index < len(stems):
        length = _match(stems, index, by_first.get(stems[index], ()))
        if length:
            found.append((spans[index][0], spans[index + length - 1][1]))
        index += length or 1
    return found


def _match(stems: Sequence[str], index: int, readings: Sequence[tuple[str, ...]]) -> int:
    """How many words the longest of the readings takes here; 0: none stands here."""
    for reading in readings:
        if tuple(stems[index : index + len(reading)]) == reading:
            return len(reading)
    return 0


@lru_cache(maxsize=65_536)
def _stem(folded: str, lang: str) -> tuple[str, ...]:
    return tuple(stem_words(folded.split(), lang))


def _cut_pieces(text: str, spans: Sequence[tuple[int, int]], start: int, end: int) -> tuple[Piece, ...]:
    pieces = []
    for first, last in spans:
        if first < start:  # two words of one character, as of "½"
            continue
        pieces += [Piece(text[start:first], False), Piece(text[first:last], True)]
        start = last
    pieces.append(Piece(text[start:end], False))
    return tuple(piece for piece in pieces if piece.text)
