"""Conditional GET and freshness as RFC 9110 and RFC 9111 have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.fetch.caching import (
    FRESHNESS_MAX,
    RETRY_AFTER_MAX,
    conditional_headers,
    freshness,
    parse_retry_after,
)
from aggregator.model import FetchResult, Validators

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
DATE = "Tue, 24 Nov 2026 12:00:00 GMT"
HOUR_LATER = "Tue, 24 Nov 2026 13:00:00 GMT"
HOUR_AGO = "Tue, 24 Nov 2026 11:00:00 GMT"


CONDITIONAL = {
    "nothing known, nothing asked": (Validators(), ()),
    "the entity tag as it came": (Validators(etag='W/"a b"'), (("If-None-Match", 'W/"a b"'),)),
    "a tag without quotes stays so": (Validators(etag="abc"), (("If-None-Match", "abc"),)),
    "a date that is none stays so": (
        Validators(last_modified="gestern"),
        (("If-Modified-Since", "gestern"),),
    ),
    "both where both are known": (
        Validators(etag='"é"', last_modified=DATE),
        (("If-None-Match", '"é"'), ("If-Modified-Since", DATE)),
    ),
    "an empty tag is none": (Validators(etag=""), ()),
    "a line break is never sent": (Validators(etag='"a"\r\nX: y', last_modified=DATE + "\n"), ()),
    "a NUL is never sent": (Validators(etag="a\0b"), ()),
    "what no header can carry is never sent": (Validators(etag='"خبر"'), ()),
}


@pytest.mark.parametrize(("validators", "expected"), CONDITIONAL.values(), ids=CONDITIONAL.keys())
def test_conditional_headers(validators: Validators, expected: tuple[tuple[str, str], ...]) -> None:
    assert conditional_headers(validators) == expected


RETRY_AFTER = {
    "seconds": ("120", timedelta(seconds=120)),
    "space around is nothing": (" 120 ", timedelta(seconds=120)),
    "zero": ("0", timedelta(0)),
    "a fraction, as some rate limiters write it": ("1.5", timedelta(seconds=1.5)),
    "a negative number is zero": ("-5", timedelta(0)),
    "a date to come": (HOUR_LATER, timedelta(hours=1)),
    "a date gone by is zero": (HOUR_AGO, timedelta(0)),
    "more than seven days is seven days": ("99999999", RETRY_AFTER_MAX),
    "a date far away is seven days": ("Tue, 24 Nov 2054 12:00:00 GMT", RETRY_AFTER_MAX),
    "a number beyond all measure is seven days": ("9" * 5000, RETRY_AFTER_MAX),
    "nonsense is nothing": ("soon", None),
    "nothing is nothing": ("", None),
    "Arabic digits are not HTTP": ("١٢٠", None),
}


@pytest.mark.parametrize(("value", "expected"), RETRY_AFTER.values(), ids=RETRY_AFTER.keys())
def test_parse_retry_after(value: str, expected: timedelta | None) -> None:
    assert parse_retry_after(value, now=NOW) == expected


FRESHNESS: dict[str, tuple[list[tuple[str, str]], timedelta | None]] = {
    "no word, no lifetime": ([], None),
    "max-age": ([("cache-control", "max-age=600")], timedelta(minutes=10)),
    "max-age in capitals among others": ([("cache-control", "public, MAX-AGE=600")], timedelta(minutes=10)),
    "max-age in quotes": ([("cache-control", 'max-age="600"')], timedelta(minutes=10)),
    "max-age in a second header": (
        [("cache-control", "public"), ("cache-control", "max-age=600")],
        timedelta(minutes=10),
    ),
    "the first max-age counts": ([("cache-control", "max-age=600, max-age=5")], timedelta(minutes=10)),
    "a comma inside quotes parts nothing": (
        [("cache-control", 'private="a, max-age=5", max-age=600')],
        timedelta(minutes=10),
    ),
    "s-maxage is for shared caches": ([("cache-control", "s-maxage=600")], None),
    "s-maxage does not hide max-age": (
        [("cache-control", "s-maxage=5, max-age=600")],
        timedelta(minutes=10),
    ),
    "max-age outranks Expires": (
        [("cache-control", "max-age=600"), ("date", DATE), ("expires", HOUR_LATER)],
        timedelta(minutes=10),
    ),
    "max-age that is no number is stale": ([("cache-control", "max-age=soon")], timedelta(0)),
    "a negative max-age is stale": ([("cache-control", "max-age=-1")], timedelta(0)),
    "max-age for ever is a year": ([("cache-control", "max-age=99999999999999999999")], FRESHNESS_MAX),
    "no-store is stale": ([("cache-control", "no-store, max-age=600")], timedelta(0)),
    "no-cache is stale": ([("cache-control", "no-cache, max-age=600")], timedelta(0)),
    "no-cache with field names is about these alone": (
        [("cache-control", 'no-cache="set-cookie", max-age=600')],
        timedelta(minutes=10),
    ),
    "Expires after Date": ([("date", DATE), ("expires", HOUR_LATER)], timedelta(hours=1)),
    "Expires by the server's own clock": (
        [("date", "Mon, 01 Jun 2026 10:00:00 GMT"), ("expires", "Mon, 01 Jun 2026 10:05:00 GMT")],
        timedelta(minutes=5),
    ),
    "Expires without Date is measured from now": ([("expires", HOUR_LATER)], timedelta(hours=1)),
    "Expires gone by is stale": ([("date", DATE), ("expires", HOUR_AGO)], timedelta(0)),
    "Expires 0 is stale": ([("date", DATE), ("expires", "0")], timedelta(0)),
    "Expires -1 is stale": ([("expires", "-1")], timedelta(0)),
    "Expires far away is a year": ([("expires", "Tue, 24 Nov 2054 12:00:00 GMT")], FRESHNESS_MAX),
    "Age is taken off": ([("cache-control", "max-age=600"), ("age", "60")], timedelta(minutes=9)),
    "Age beyond the lifetime is stale": ([("cache-control", "max-age=600"), ("age", "900")], timedelta(0)),
    "Age that is no number is nothing": (
        [("cache-control", "max-age=600"), ("age", "old")],
        timedelta(minutes=10),
    ),
    "Pragma is no answer's word": ([("pragma", "no-cache")], None),
}


def answer(headers: list[tuple[str, str]]) -> FetchResult:
    return FetchResult(
        status=200,
        url="http://example.org/",
        redirects=(),
        headers=tuple(headers),
        validators=Validators(),
        body=b"",
    )


@pytest.mark.parametrize(("headers", "expected"), FRESHNESS.values(), ids=FRESHNESS.keys())
def test_freshness(headers: list[tuple[str, str]], expected: timedelta | None) -> None:
    assert freshness(answer(headers), now=NOW) == expected


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=20))
def test_whatever_servers_write_is_borne_and_kept_within_bounds(cache: str, expires: str, age: str) -> None:
    headers = [("cache-control", cache), ("expires", expires), ("age", age)]
    found = freshness(answer(headers), now=NOW)
    assert found is None or timedelta(0) <= found <= FRESHNESS_MAX
    retry = parse_retry_after(cache, now=NOW)
    assert retry is None or timedelta(0) <= retry <= RETRY_AFTER_MAX
