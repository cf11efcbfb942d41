"""Dates, URLs and caching headers: total, bounded, and the same when read again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from hypothesis import strategies as st

from aggregator.dates import EARLIEST, LATEST, format_http_date, format_rfc3339, parse_date, parse_http_date
from aggregator.fetch.caching import (
    FRESHNESS_MAX,
    RETRY_AFTER_MAX,
    conditional_headers,
    freshness,
    parse_retry_after,
)
from aggregator.model import FetchResult, Validators
from aggregator.urls import MAX_URL_CHARS, absolute_url, canonical_url, host_bucket, is_root_url, url_path
from tests.fuzz.documents import NASTY, texts
from tests.fuzz.profile import fuzz, in_time

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

# --- dates -----------------------------------------------------------------------------------------

DATE_PARTS = (
    *"Tue, Tuesday 24 31 00 2026 26 99 Nov November Sept. 12:00:00 25:61:99 T Z GMT +0300 -99:99 EST".split(),
    *"PM a.m. (AST) W53 -7 366 / - . , : 1764000000 1764000000000 20261124 202611241200 0 24:00".split(),
    *"الثلاثاء نوفمبر تشرين الثاني جانفي ٢٤ ٢٠٢٦ م صباحا الموافق août févr. mardi 23:59:60 12:60 +".split(),
)
written = st.one_of(
    st.lists(st.sampled_from(DATE_PARTS), max_size=9).flatmap(
        lambda parts: st.sampled_from(("", " ", "-")).map(lambda joint: joint.join(parts))
    ),
    texts,
    st.from_regex(r"\A[0-9]{1,4}[-/. ][0-9]{1,3}[-/. ][0-9]{1,4}[T ]?[0-9:.]{0,12}[Z+-]?[0-9:]{0,5}\Z"),
)
moments = st.timedeltas(timedelta(days=1), timedelta(days=80_000)).map(lambda age: EARLIEST + age)


@fuzz(written)
def test_any_date_is_an_instant_in_range_or_none(text: str) -> None:
    with in_time():
        at, http = parse_date(text), parse_http_date(text)
    if at is not None:
        assert at.utcoffset() == timedelta(0)
        assert EARLIEST <= at < LATEST
        assert parse_date(format_rfc3339(at)) == at.replace(microsecond=0)
    assert http is None or http.utcoffset() == timedelta(0)


@fuzz(moments)
def test_what_is_written_is_read_back(at: datetime) -> None:
    whole = at.replace(microsecond=0)
    assert parse_http_date(format_http_date(at)) == whole
    assert parse_date(format_http_date(at)) == whole
    assert parse_date(format_rfc3339(at)) == whole


# --- URLs ------------------------------------------------------------------------------------------

URL_PARTS = (
    *"http https HTTP javascript data file ftp : // / \\ ? # & = ; @ a.example WWW. m. [::1] 127.1".split(),
    *"[::ffff:1.2.3.4] موقع.example xn--4gbrim ß localhost user:pw :80 :443 :99999 :0 .. . %2e %2F".split(),
    *"0x7f % %zz %C3%A9 é خبر + utm_source=x fbclid=1 amp amp; id=1 ! | { <".split(),
    *(" ", "\t", "\n", "\x00", "\u200b", "\u3002", "\ud800", '"'),
)
urls = st.one_of(
    st.lists(st.sampled_from(URL_PARTS), max_size=12).map("".join),
    st.builds("https://a.example{}".format, st.lists(st.sampled_from(URL_PARTS), max_size=8).map("".join)),
    texts,
)


@fuzz(base=urls, reference=urls)
def test_any_reference_becomes_a_safe_web_address_or_none(base: str, reference: str) -> None:
    with in_time():
        url = absolute_url(base, reference)
    if url is None:
        return
    parts = urlsplit(url)
    assert parts.scheme in ("http", "https")
    assert parts.hostname
    assert "@" not in parts.netloc
    assert url.isascii()
    assert len(url) <= MAX_URL_CHARS
    assert not set(url) & set(' \t\r\n"<>\\^`{|}')
    assert absolute_url("", url) == url
    assert canonical_url(url) is not None


@fuzz(urls)
def test_any_url_has_one_key_or_none(url: str) -> None:
    with in_time():
        key, bucket, path, root = canonical_url(url), host_bucket(url), url_path(url), is_root_url(url)
    assert (key is None) == (bucket == "") == (path == "")
    if key is None:
        assert not root
        return
    assert canonical_url(key) == key
    assert key.startswith("https://")
    absolute = absolute_url("", url)
    if absolute is not None:
        assert canonical_url(absolute) == key
        assert host_bucket(absolute) == bucket


# --- caching headers -------------------------------------------------------------------------------

CACHE_PARTS = (
    *"max-age= s-maxage= no-cache no-store private public must-revalidate = , ; 0 -1 600 1.5 1e9".split(),
    *(
        '="',
        '"',
        " ",
        "9" * 400,
        "inf",
        "nan",
        "٣",
        "\\",
        "é",
        "Tue, 24 Nov 2026 12:00:00 GMT",
        "Thu, 01 Jan 1970",
    ),
    *("Sun Nov  6 08:49:37 1994", "Sunday, 06-Nov-94 08:49:37 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"),
)
values = st.one_of(
    st.lists(st.sampled_from(CACHE_PARTS), max_size=8).map("".join), texts, st.sampled_from(NASTY)
)
HEADERS = ("cache-control", "expires", "date", "age", "pragma", "vary", "retry-after")


@fuzz(st.lists(st.tuples(st.sampled_from(HEADERS), values), max_size=6))
def test_any_caching_headers_are_borne_and_bounded(headers: list[tuple[str, str]]) -> None:
    result = FetchResult(
        status=200,
        url="http://a.example/",
        redirects=(),
        headers=tuple(headers),
        validators=Validators(),
        body=b"",
    )
    with in_time():
        fresh = freshness(result, now=NOW)
        waits = [parse_retry_after(value, now=NOW) for _, value in headers]
    assert fresh is None or timedelta(0) <= fresh <= FRESHNESS_MAX
    assert all(wait is None or timedelta(0) <= wait <= RETRY_AFTER_MAX for wait in waits)


@fuzz(etag=st.one_of(st.none(), values), date=st.one_of(st.none(), values))
def test_any_validators_go_back_as_they_came_or_not_at_all(etag: str | None, date: str | None) -> None:
    for name, value in conditional_headers(Validators(etag=etag, last_modified=date)):
        assert value == {"If-None-Match": etag, "If-Modified-Since": date}[name]
        assert not set(value) & set("\r\n\x00")
        value.encode("latin-1")
