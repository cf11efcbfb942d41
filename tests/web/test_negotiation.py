"""Which coding a client gets (RFC 9110, 12.5.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.publish.encodings import ENCODERS
from aggregator.web.negotiation import choose_encoding


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        pytest.param("gzip", "gzip", id="the one it knows"),
        pytest.param("GZIP", "gzip", id="in any case"),
        pytest.param("gzip, deflate", "gzip", id="of two the one we have"),
        pytest.param("gzip, deflate, br", "br", id="a browser of yesterday"),
        pytest.param("gzip, deflate, br, zstd", "br", id="a browser of today"),
        pytest.param("zstd, gzip", "zstd", id="whatever the order"),
        pytest.param("br;q=0.5, gzip", "gzip", id="the weight counts before our taste"),
        pytest.param("br, gzip;q=0.5", "br", id="the heavier one"),
        pytest.param("br;q=0.8,zstd;q=0.9 , gzip;q=0.8", "zstd", id="the heaviest of three"),
        pytest.param("br ; q=0.1 , gzip ; Q=0.2", "gzip", id="blanks and capitals"),
        pytest.param("identity;q=0.5, gzip;q=0.1", "identity", id="who prefers plain bytes gets them"),
        pytest.param("identity, gzip", "gzip", id="plain bytes as welcome as gzip"),
        pytest.param("identity;q=0, gzip;q=0.1", "gzip", id="no plain bytes"),
        pytest.param("*", "gzip", id="a star knows gzip, if anything"),
        pytest.param("br, *;q=0.1", "br", id="a star besides"),
        pytest.param("gzip;q=0, *", "identity", id="a star without gzip"),
        pytest.param("br;q=0, gzip", "gzip", id="what is refused"),
        pytest.param("gzip;q=0", "identity", id="refused"),
        pytest.param("gzip;q=0.000", "identity", id="refused in full"),
        pytest.param("*;q=0", "identity", id="nothing is acceptable: plain bytes all the same"),
        pytest.param("identity;q=0", "identity", id="not even those"),
        pytest.param("identity", "identity", id="plain"),
        pytest.param("deflate", "identity", id="one we do not have"),
        pytest.param("xgzip", "identity", id="one that nobody has"),
        pytest.param("gzip;q=nonsense", "identity", id="a weight that is none"),
        pytest.param("gzip;q=2, br;q=0.1", "br", id="a weight too heavy"),
        pytest.param("gzip;q=-1", "identity", id="a weight below nothing"),
        pytest.param("gzip;level=9", "gzip", id="a parameter of another kind"),
        pytest.param("gzip;q=0, gzip", "identity", id="the first of two counts"),
        pytest.param(",,;q=1, ,gzip", "gzip", id="empty elements"),
        pytest.param(";;;===,,,", "identity", id="rubbish"),
    ],
)
def test_the_coding_that_is_chosen(accepted: str, chosen: str) -> None:
    assert choose_encoding(accepted) == chosen


@given(st.text(alphabet="gzipbrstd*,;q=01. ", max_size=300))
def test_a_coding_is_one_that_was_named(accepted: str) -> None:
    chosen = choose_encoding(accepted)
    assert chosen == "identity" or chosen in accepted or (chosen == "gzip" and "*" in accepted)


def test_a_field_of_any_length_is_read() -> None:
    assert choose_encoding(", ".join(f"x{n}" for n in range(5000)) + ", br") == "br"
    assert set(ENCODERS) == {"br", "zstd", "gzip"}
