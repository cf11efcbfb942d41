"""Hashes of what a document says: the same in every process and version of Python."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from operator import attrgetter

from aggregator.model import Enclosure, Image, Markup, ParsedEntry

_FIELDS: dict[type, Callable[[object], tuple[object, ...]]] = {
    kind: attrgetter(*kind.__slots__) for kind in (ParsedEntry, Markup, Enclosure, Image)
}


def hash_raw(parsed: ParsedEntry) -> bytes:
    """Give 16 bytes that move when anything in the item does; the same in every process."""
    return hash_values(_FIELDS[ParsedEntry](parsed))


def hash_values(values: tuple[object, ...]) -> bytes:
    """Give 16 bytes over strings, numbers, None, and tuples and parts of a document made of them."""
    return blake2b(_spell(values).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _spell(values: tuple[object, ...]) -> str:
    """Spell values in such a way that no others are spelled the same."""
    pieces: list[str] = []
    for value in values:
        if value is None:
            pieces.append("-")
        elif isinstance(value, str):
            pieces.append(f"{len(value)}:{value}")
        elif isinstance(value, int):
            pieces.append(f"{value};")
        else:
            inner = value if isinstance(value, tuple) else _FIELDS[type(value)](value)
            pieces.append(f"({_spell(inner)})")
    return "".join(pieces)
