"""Every coding gives the body back, and the same bytes each time."""

from __future__ import annotations

import gzip
import time

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from aggregator.publish.encodings import ENCODERS, encode

DECODERS = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}


@given(st.binary())
def test_every_coding_gives_the_body_back(body: bytes) -> None:
    encoded = encode(body)
    assert encoded.keys() == DECODERS.keys()
    for name, decode in DECODERS.items():
        assert decode(encoded[name]) == body


def test_the_clock_is_not_in_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    first = encode(b"document" * 1000)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert encode(b"document" * 1000) == first


@pytest.mark.parametrize("name", ENCODERS)
def test_each_is_far_smaller_than_markup(name: str) -> None:
    body = b"".join(b"<item><title>Bridge number %d opens</title></item>" % n for n in range(1000))
    assert len(ENCODERS[name](body)) < len(body) / 8
