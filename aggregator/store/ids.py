"""Identities that survive the loss of the store: hashes, not counters.

An entry's id is made from its source and the publisher's guid, an article's is that of the entry that
founded it. So the same input gives the same ids after a restart, a restore or a fresh start, and two
processes that read the same item at once cannot give it two identities.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterator
from hashlib import blake2b

_CHUNK = 500  # ids in one IN list: far below SQLite's limit of 32,766 variables


def entry_id(source_id: str, guid: str) -> int:
    """63 bits, so that it fits a signed BIGINT."""
    digest = blake2b(f"{source_id}\0{guid}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def encode_id(number: int) -> str:
    """The public form: 13 characters of base32 in lower case."""
    return base64.b32encode(number.to_bytes(8)).decode("ascii").rstrip("=").lower()


def decode_id(text: str) -> int | None:
    """The inverse of encode_id; None for anything that it never gives."""
    if len(text) != 13 or not text.isascii() or text != text.lower():
        return None
    try:
        number = int.from_bytes(base64.b32decode(text.upper() + "==="))
    except binascii.Error:
        return None
    return number if encode_id(number) == text and number < 1 << 63 else None


def batched_ids(values: Collection[int]) -> Iterator[list[int]]:
    ordered = sorted(values)
    return (ordered[start : start + _CHUNK] for start in range(0, len(ordered), _CHUNK))
