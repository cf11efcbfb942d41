"""One value each: a TOML value in, what it means out, or Bad with the words for the admin."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, timedelta, tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo, available_timezones

from aggregator.model import Direction, Edition, Network

from .problems import Bad, build_wrong_type, render_choices, render_suggestion

UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
SIZES = {
    "B": 1,
    "KB": 1_000,
    "MB": 1_000_000,
    "GB": 1_000_000_000,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
}
OWN_HUB = "own"
RIGHT_TO_LEFT = frozenset(("ar", "fa", "ur", "he", "ps", "sd", "ug", "yi", "dv", "ckb"))
RESERVED_IDS = ("s", "all", "top", "stories", "search", "source", "page")  # words of our own URLs
# Set by the HTTP client itself, per connection (RFC 9110, 7.6.1) or per conditional request (13.1).
OWN_HEADERS = frozenset(
    (
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "upgrade",
        "accept-encoding",
        "if-none-match",
        "if-modified-since",
    )
)

SLUG = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"

_SLUG = re.compile(SLUG)
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")  # the BCP 47 forms that name a written language
_AMOUNT = re.compile(r"([0-9]{1,9}) ?([A-Za-z]{1,3})")
EMAIL = re.compile(r"[^\s@()<>;,\"]+@[^\s@()<>;,\"]+\.[^\s@()<>;,\"]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_URL_SAFE = ":/?#[]@!$&'()*+,;=%~"


def read_text(value: object, *, example: str = '"…"') -> str:
    """A text of one line, without the blanks around it."""
    if not isinstance(value, str):
        raise build_wrong_type("a text in double quotes", value, example)
    if not value.strip():
        raise Bad(f"is empty; write {example}")
    if _CONTROL.search(value.strip()):
        raise Bad(f"has a line break or another control character in it; write one line: {example}")
    return value.strip()


def read_flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise build_wrong_type("true or false", value, "true or false, without quotes")
    return value


def build_number_reader(low: int, high: int) -> Callable[[object], int]:
    def read_number(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise build_wrong_type("a whole number without quotes", value, f"a number from {low} to {high}")
        if not low <= value <= high:
            raise Bad(f"is out of range; write a number from {low} to {high}")
        return value

    return read_number


def build_choice_reader(*choices: str) -> Callable[[object], str]:
    def read_choice(value: object) -> str:
        text = read_text(value, example=render_choices(choices))
        if text not in choices:
            raise Bad(
                f'"{text}" is not known; write {render_choices(choices)}{render_suggestion(text, choices)}'
            )
        return text

    return read_choice


def read_duration(value: object, *, example: str = '"20m"') -> timedelta:
    """`"90s"`, `"20m"`, `"6h"`, `"7d"`, `"2w"`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Bad(f"is a number without a unit; write a duration in quotes: {example} (units: s m h d w)")
    text = read_text(value, example=example)
    amount = _AMOUNT.fullmatch(text)
    if amount is None or amount[2] not in UNITS:
        raise Bad(f'"{text}" is no duration; write a whole number and one of s m h d w: {example}')
    try:
        return timedelta(seconds=int(amount[1]) * UNITS[amount[2]])
    except OverflowError:
        raise Bad(f'"{text}" is longer than any calendar; write less: {example}') from None


def build_duration_reader(low: str, high: str, *, example: str = '"20m"') -> Callable[[object], timedelta]:
    shortest, longest = read_duration(low), read_duration(high)

    def read_limited(value: object) -> timedelta:
        duration = read_duration(value, example=example)
        if not shortest <= duration <= longest:
            raise Bad(f'is out of range; write a duration from "{low}" to "{high}"')
        return duration

    return read_limited


def render_duration(duration: timedelta) -> str:
    """The shortest way to write whole seconds, in the form `read_duration` reads: 1,200 s is `20m`."""
    seconds = duration // timedelta(seconds=1)
    unit = next(unit for unit, size in UNITS.items() if seconds % size == 0 and (seconds or unit == "s"))
    return f"{seconds // UNITS[unit]}{unit}"


def read_keep(value: object) -> timedelta | None:
    """A duration of at least a day; None is for ever."""
    if value == "forever":
        return None
    return build_duration_reader("1d", "5200w", example='"90d" or "forever"')(value)


def read_size(value: object) -> int:
    """Bytes: `"10MB"` and `"512KB"` are decimal, `"10MiB"` is binary."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Bad(
            'is a number without a unit; write a size in quotes: "10MB" (units: B KB MB GB KiB MiB GiB)'
        )
    text = read_text(value, example='"10MB"')
    amount = _AMOUNT.fullmatch(text)
    if amount is None or amount[2] not in SIZES:
        sizes = [f"{amount[1]}{unit}" for unit in SIZES] if amount else []
        near = render_suggestion(text, sizes)
        raise Bad(f'"{text}" is no size; write a whole number and a unit: "10MB" or "10MiB"{near}')
    size = int(amount[1]) * SIZES[amount[2]]
    if not 1_000 <= size <= 1_000_000_000:
        raise Bad('is out of range; write a size from "1KB" to "1GB"')
    return size


def read_slug(value: object) -> str:
    text = read_text(value, example='"sports"')
    if not _SLUG.fullmatch(text) or len(text) > 64:
        better = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64].strip("-")
        raise Bad(
            f'"{text}" is no id for URLs; write letters a to z, digits and hyphens: "{better or "sports"}"'
        )
    return text


def read_section_id(value: object) -> str:
    slug = read_slug(value)
    if slug in RESERVED_IDS:
        raise Bad(f'"{slug}" is a word of our own URLs; write another id, "{slug}-news" for example')
    return slug


def read_tag(value: object) -> str:
    """A BCP 47 language tag, in the usual case: `ar-LY`, `zh-Hant`."""
    text = read_text(value, example='"ar" or "ar-LY"')
    if not _TAG.fullmatch(text):
        raise Bad(
            f'"{text}" is no language tag; write a language, and a country if you like: "ar" or "ar-LY"'
        )
    first, *rest = text.split("-")
    cased = [part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part for part in rest]
    return "-".join([first.lower(), *cased])


def build_edition(tag: str) -> Edition:
    language = tag.partition("-")[0]
    direction: Direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    return Edition(id=language, locale=tag, dir=direction)


def read_timezone(value: object) -> tzinfo:
    name = read_text(value, example='"Africa/Tripoli"')
    if name == "UTC":
        return UTC  # also where the system has no time zone data
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # "Africa" is a folder, "../x" is refused, the rest is unknown
        near = render_suggestion(name, available_timezones()) if "/" in name else ""
        raise Bad(f'"{name}" is no time zone; write one of the IANA list: "Africa/Tripoli"{near}') from None


def read_url(value: object) -> str:
    """An absolute http(s) URL in ASCII: other letters in it are percent-encoded (RFC 3987, 3.1)."""
    text = read_text(value, example='"https://…"')
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise Bad('is no URL that can be read; write "https://host/path"') from None
    if parts.scheme not in {"http", "https"}:
        raise Bad('is no http or https URL; write it in full: "https://host/path"')
    if not host or re.search(r"[\s<>\"\\^`{|}]", text):
        raise Bad('has no host, or a blank or bracket in it; write "https://host/path", a blank as %20')
    if "@" in parts.netloc:
        raise Bad(
            'has a user name in it; write it without, and headers = { Authorization = "env:NAME" } beside it'
        )
    try:
        netloc = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    except UnicodeError:
        raise Bad("has a host name that DNS cannot hold; write it as the browser shows it") from None
    return parts._replace(
        scheme=parts.scheme.lower(),
        netloc=netloc.lower(),
        path=quote(parts.path, safe=_URL_SAFE),
        query=quote(parts.query, safe=_URL_SAFE),
        fragment=quote(parts.fragment, safe=_URL_SAFE),
    ).geturl()


def check_source_url(url: str) -> str:
    """The URL as a source's `url` has it. Raises ValueError with what is wrong and what to write."""
    try:
        return read_url(url)
    except Bad as error:
        raise ValueError(str(error)) from None


def read_site_url(value: object) -> str:
    url = read_url(value)
    if "?" in url or "#" in url:
        raise Bad('has a query or fragment; write only the public root: "https://news.example"')
    return url.rstrip("/")


def read_hub(value: object) -> str:
    """OWN_HUB, or the URL of another one."""
    if value == OWN_HUB:
        return OWN_HUB
    if isinstance(value, str) and value.isalpha():
        raise Bad(f'"{value}" is no hub; write "{OWN_HUB}" for that of this server, or "https://host/path"')
    return read_url(value)


def read_callback(value: object) -> str:
    """The address under which each subscription gets its own: it ends with a slash."""
    url = read_url(value)
    if "?" in url or "#" in url:
        raise Bad('has a query or fragment; write only the address: "https://news.example/websub/"')
    url = url.rstrip("/")
    return f"{url}/" if urlsplit(url).path else f"{url}/websub/"


def read_origin(value: object) -> str:
    url = read_url(value).rstrip("/")
    if urlsplit(url).path or set(url) & set("?#;,"):  # ; and , would part the policy that it goes into
        raise Bad('is more than an origin; write scheme and host only: "https://partner.example"')
    return url


def read_contact(value: object) -> str:
    """An e-mail address or URL, fit for a comment of User-Agent (RFC 9110, 10.1.5)."""
    text = read_text(value, example='"editor@example.org"')
    if EMAIL.fullmatch(text) and text.isascii():
        return text
    if not text.startswith(("http://", "https://")) or re.search(r"[()]", text):
        raise Bad(f'"{text}" is no e-mail address or URL; write "editor@example.org" or "https://…"')
    return read_url(text)


def read_network(value: object) -> Network:
    text = read_text(value, example='"10.0.0.0/8"')
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        loose: IPv4Network | IPv6Network = ip_network(text, strict=False)
    except ValueError:
        raise Bad(
            f'"{text}" is no network; write an address or a range: "192.168.1.5" or "10.0.0.0/8"'
        ) from None
    raise Bad(f'"{text}" has address bits beyond its prefix; write "{loose}"')


def read_path_prefix(value: object) -> str:
    text = read_text(value, example='"/sport/"')
    if not text.startswith("/"):
        raise Bad(f'"{text}" does not start with a slash; write the path without the host: "/sport/"')
    return text
