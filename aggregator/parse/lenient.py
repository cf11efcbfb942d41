"""feedparser, kept in: text -> plain dicts, whatever the text is like."""

from __future__ import annotations

import io
import re
import xml.sax
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import feedparser
from feedparser.api import StrictFeedParser

from aggregator.errors import ParseError
from aggregator.parse.document import drop_bad_references, strip_illegal

# Plain dicts: feedparser's own answer `updated` with `published` and warn while they do it.
Raw = dict[str, Any]

# feedparser resolves every link against the address of the document, and a guid too: then the identity of all
# entries would change with that address. So it is given an address that is recognised and taken back.
_STAND_IN = "http://document.invalid/"
_LEVELS = "1/2/3/4/5/6/7/8/"
DOCUMENT = _STAND_IN + _LEVELS
_EXTRA_SLASHES = re.compile(r"\A([A-Za-z][A-Za-z0-9+,.-]*://)/+")

# What strict.py must know of feedparser to tell what it would do: asked of feedparser itself.
NAMESPACES: dict[str, str] = {uri.lower(): prefix for uri, prefix in StrictFeedParser.namespaces.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a document says, in the keys of feedparser; texts hold no characters that XML forbids."""

    version: str  # as feedparser has it; "" if it is no feed
    head: Raw
    entries: tuple[Raw, ...]
    problems: tuple[str, ...]
    schedule: str = (
        ""  # where <skipHours> and <skipDays> stand, of which feedparser keeps the last child only
    )


def read_leniently(text: str, *, url: str) -> Reading:
    """What feedparser makes of a feed: its links and bases absolute against `url`, ids as written.

    Never opens a file or URL. Raises ParseError where feedparser fails altogether.
    """
    repaired: tuple[str, ...] = ()
    try:
        result = _call_feedparser(text)
    except MemoryError:
        raise
    except Exception:
        result = _call_again(drop_bad_references(text), url)
        repaired = ("references to characters that do not exist were removed",)
    return Reading(
        version=str(result["version"]),
        head=_make_plain(result["feed"], url),
        entries=tuple(_make_plain(entry, url) for entry in result["entries"]),
        problems=(*repaired, *_describe_bozo(result)),
        schedule=text,
    )


def has_handler(name: str, *events: str) -> bool:
    """Whether feedparser does something of its own at the "start" or "end" of an element of that name."""
    return any(hasattr(StrictFeedParser, f"_{event}_{name}") for event in events)


def looks_like_html(text: str) -> bool:
    """feedparser's guess for texts that are not said to be HTML."""
    return bool(StrictFeedParser.looks_like_html(text))


def resolve(reference: str, base: str) -> str:
    """What feedparser makes of an address in an element with that base."""
    if base == DOCUMENT and reference.startswith("https://") and not reference.startswith("https:///"):
        return reference
    try:
        return urljoin(base, _EXTRA_SLASHES.sub(r"\1", reference))
    except ValueError:
        return ""


def make_absolute(resolved: str, url: str) -> str:
    """An address that feedparser has resolved, where the document is at `url`."""
    return _join(url, take_back(resolved)) if resolved.startswith(_STAND_IN) else resolved


def take_back(resolved: str) -> str:
    """The reference that resolves to `resolved`: what was written, where that was relative to the document."""
    if not resolved.startswith(_STAND_IN):
        return resolved
    path = resolved.removeprefix(_STAND_IN)
    for ups in range(len(_LEVELS) // 2):
        level = _LEVELS[: len(_LEVELS) - 2 * ups]
        if path.startswith(level):
            return "../" * ups + path.removeprefix(level)
    return f"/{path}"


def _call_feedparser(text: str) -> Any:
    # A bare string or bytes would make feedparser open files and URLs of that name.
    return feedparser.parse(
        io.BytesIO(text.encode()),
        sanitize_html=False,
        resolve_relative_uris=False,
        response_headers={
            "content-type": "application/xml; charset=utf-8",
            "content-location": DOCUMENT,
        },
    )


def _call_again(text: str, url: str) -> Any:
    try:
        return _call_feedparser(text)
    except MemoryError:
        raise
    except Exception as error:
        raise ParseError(f"feedparser cannot read it: {type(error).__name__}: {error}", url=url) from error


def _describe_bozo(result: Any) -> tuple[str, ...]:
    error = result.get("bozo_exception")
    if error is None:
        return ()
    if isinstance(error, xml.sax.SAXParseException):
        reason = f"near line {error.getLineNumber()} ({error.getMessage()})"
        return (f"not well-formed XML {reason}: read leniently",)
    return (f"not well-formed XML ({error}): read leniently",)


def _make_plain(value: Any, url: str, key: str = "") -> Any:
    if isinstance(value, str):
        return strip_illegal(take_back(value) if key == "id" else make_absolute(value, url))
    if isinstance(value, dict):
        return {k: _make_plain(v, url, k) for k, v in value.items()}
    return [_make_plain(item, url) for item in value] if isinstance(value, list) else value


def _join(url: str, reference: str) -> str:
    try:
        return urljoin(url, reference)
    except ValueError:
        return ""
