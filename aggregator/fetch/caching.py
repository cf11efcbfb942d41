"""Conditional GET and freshness: what HTTP says of asking again (RFC 9110, 13; RFC 9111, 4.2)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from aggregator.dates import parse_http_date
from aggregator.model import FetchResult, Validators

RETRY_AFTER_MAX = timedelta(days=7)
FRESHNESS_MAX = timedelta(
    days=365
)  # RFC 9111, 1.2.2 asks for a cap; a year is what servers mean by "for ever"

_UNSENDABLE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?", re.ASCII)
_DIRECTIVE = re.compile(r'([^\s=,;"]+)(?:\s*=\s*("(?:[^"\\]|\\.)*"|[^\s,;"]*))?')


def conditional_headers(validators: Validators) -> tuple[tuple[str, str], ...]:
    """The headers that ask for an answer only if something changed, the values verbatim.

    Both are sent where both are known: servers that know entity tags ignore the date (RFC 9110, 13.1.3).
    A validator that cannot stand in a header (control characters, beyond Latin-1) is left out: better a full
    answer than none.
    """
    pairs = (("If-None-Match", validators.etag), ("If-Modified-Since", validators.last_modified))
    return tuple((name, value) for name, value in pairs if value and not _UNSENDABLE.search(value))


def parse_retry_after(value: str, *, now: datetime) -> timedelta | None:
    """How long to stay away (RFC 9110, 10.2.3), from seconds or an HTTP date; None if it says neither.

    Negative numbers and dates in the past are zero; anything longer than seven days is seven days.
    """
    text = value.strip()
    if _NUMBER.fullmatch(text):
        return _seconds(text, RETRY_AFTER_MAX)
    date = parse_http_date(text)
    if date is None:
        return None
    return min(max(date - now, timedelta(0)), RETRY_AFTER_MAX)


def freshness(result: FetchResult, *, now: datetime) -> timedelta | None:
    """How much longer the answer may be used without asking again (RFC 9111, 4.2); None if it does not say.

    Zero means "stale already": no-store, no-cache (without field names), `max-age` that is no number,
    `Expires` that is no date or has passed. `max-age` outranks `Expires`; `s-maxage` is for shared caches and
    ignored. The time the answer spent in caches on the way (`Age`) is taken off.
    """
    directives = _parse_cache_control(result)
    if "no-store" in directives or directives.get("no-cache", "field") == "":
        return timedelta(0)
    lifetime = _lifetime(result, directives, now)
    return None if lifetime is None else max(lifetime - _age(result), timedelta(0))


def _lifetime(result: FetchResult, directives: dict[str, str], now: datetime) -> timedelta | None:
    max_age = directives.get("max-age")
    if max_age is not None:
        return _seconds(max_age, FRESHNESS_MAX) if _NUMBER.fullmatch(max_age) else timedelta(0)
    expires = result.header("expires")
    if expires is None:
        return None
    end = parse_http_date(expires)
    if end is None:
        return timedelta(0)  # RFC 9111, 5.3: "0" and other non-dates mean already expired
    return min(end - (parse_http_date(result.header("date") or "") or now), FRESHNESS_MAX)


def _age(result: FetchResult) -> timedelta:
    age = result.header("age") or ""
    return _seconds(age, FRESHNESS_MAX) if _NUMBER.fullmatch(age) else timedelta(0)


def _parse_cache_control(result: FetchResult) -> dict[str, str]:
    """Names in lower case to values without quotes; the first of a name counts (RFC 9111, 4.2.1)."""
    found: dict[str, str] = {}
    text = ",".join(value for name, value in result.headers if name == "cache-control")
    for match in _DIRECTIVE.finditer(text):
        found.setdefault(match[1].lower(), (match[2] or "").strip('"').strip())
    return found


def _seconds(number: str, longest: timedelta) -> timedelta:
    # By way of float: thousands of digits become infinity instead of an error.
    return timedelta(seconds=min(max(float(number), 0.0), longest.total_seconds()))
