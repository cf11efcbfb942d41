"""Public ids: every number has one spelling, every other text is nobody's."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.store.ids import decode_id, encode_id, entry_id

NUMBERS = st.integers(0, 2**63 - 1)
ANY_TEXT = st.text(st.characters(exclude_categories=()))
NEARLY_IDS = st.text(string.ascii_lowercase + "234567", min_size=13, max_size=13)
SPOILT_IDS = st.text(string.ascii_letters + string.digits + "=-é\0ſ", min_size=12, max_size=14)


@given(NUMBERS)
def test_every_number_comes_back_from_its_public_form(number: int) -> None:
    text = encode_id(number)
    assert decode_id(text) == number
    assert len(text) == 13
    assert set(text) <= set(string.ascii_lowercase + "234567")


@given(ANY_TEXT | NEARLY_IDS | SPOILT_IDS)
def test_decoding_is_total_and_knows_one_spelling_of_each_number(text: str) -> None:
    number = decode_id(text)
    assert number is None or (0 <= number < 2**63 and encode_id(number) == text)


@given(NUMBERS, NUMBERS)
def test_two_numbers_never_share_a_public_form(one: int, other: int) -> None:
    assert (encode_id(one) == encode_id(other)) == (one == other)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        pytest.param(0, "aaaaaaaaaaaaa", id="zero"),
        pytest.param(1, "aaaaaaaaaaaac", id="one: the last character has one bit of its own to spare"),
        pytest.param(2**63 - 1, "p777777777776", id="the largest id"),
    ],
)
def test_the_public_form_is_fixed_for_ever(number: int, text: str) -> None:
    assert encode_id(number) == text
    assert decode_id(text) == number


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("aaaaaaaaaaaa", id="too short"),
        pytest.param("aaaaaaaaaaaaaa", id="too long"),
        pytest.param("AAAAAAAAAAAAC", id="upper case: one address, one page"),
        pytest.param("aaaaaaaaaaaab", id="bits beyond the 64th"),
        pytest.param("7777777777776", id="more than a signed BIGINT holds"),
        pytest.param("aaaaaaaaaaaa=", id="padding"),
        pytest.param("aaaaaaa aaaaa", id="a space"),
        pytest.param("aaaaaaaaaaa01", id="digits base32 has not"),
        pytest.param("aaaaaaaaaaaaſ", id="a letter that becomes S in upper case"),
        pytest.param("١١١١١١١١١١١١١", id="Arabic digits"),
        pytest.param("../../etc/pass", id="a path"),
        pytest.param("\ud800" * 13, id="lone surrogates"),
    ],
)
def test_what_is_no_id_is_nobodys(text: str) -> None:
    assert decode_id(text) is None


@given(ANY_TEXT, ANY_TEXT)
def test_an_entry_id_fits_a_bigint_whatever_the_publisher_writes(source_id: str, guid: str) -> None:
    assert 0 <= entry_id(source_id, guid) < 2**63


def test_an_entry_id_is_the_same_in_every_process_and_every_year() -> None:
    assert encode_id(entry_id("harbour", "https://harbour.example/?p=7")) == "g57remx4nqxy6"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(("harbour", "7"), ("ferry", "7"), id="two sources count from 1"),
        pytest.param(("harbour", "7"), ("harbour", "8"), id="two items of one source"),
        pytest.param(("harbour", "1x"), ("harbour1", "x"), id="source and guid do not run together"),
        pytest.param(("harbour", "a"), ("harbour", "A"), id="guids are compared as they are (RSS 2.0)"),
        pytest.param(("harbour", "a"), ("harbour", "a "), id="white space within a guid counts"),
    ],
)
def test_different_items_have_different_ids(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert entry_id(*one) != entry_id(*other)
