"""feedparser, kept in: text -> plain dicts, whatever the text is like."""

from __future__ import annotations

import io
import re
import xml.sax
from collections.abc import Sequence
from contextlib import suppress
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

# What strict.py must know of feedparser to tell what it would do: asked of feedparser itself where it says.
NAMESPACES: dict[str, str] = {uri.lower(): prefix for uri, prefix in StrictFeedParser.namespaces.items()}
_ATOM = "http://www.w3.org/2005/atom"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DECLARED_VERSIONS = {"http://purl.org/rss/1.0/": "rss10", _ATOM: "atom10"}
_RSS_VERSIONS = {"0.91": "rss091u", "0.92": "rss092", "0.93": "rss093", "0.94": "rss094"}
_KNOWN_PREFIXES = frozenset(prefix.lower() for prefix in NAMESPACES.values())
_DECLARATION = re.compile(r"""xmlns:([^\s=<>"']+)\s*=\s*["']([^"'<>]*)""")
_USERLAND = "http://backend.userland.com/rss"  # it takes every namespace with this in it for this one
_CP1252 = {code: bytes((code,)).decode("cp1252", "ignore") or chr(code) for code in range(0x80, 0xA0)}
# Names that it has no handler for and keeps under a key that entries.py or feeds.py reads.
_MEANINGFUL = frozenset(
    """authors base content content_detail date date_parsed description_detail feedburner_origlink href icon
    id image issued_parsed language link links logo media_content media_thumbnail modified_parsed
    published_parsed source subtitle_detail summary_detail sy_updatefrequency sy_updateperiod tagline_detail
    tags title_detail ttl updated_parsed created_parsed""".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a document says, in the keys of feedparser; texts hold no characters that XML forbids."""

    version: str  # as feedparser has it; "" if it is no feed
    head: Raw
    entries: tuple[Raw, ...]
    problems: tuple[str, ...]
    schedule: str = ""  # the text with <skipHours> and <skipDays>, of which feedparser keeps one child each


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


def has_meaning(name: str) -> bool:
    """Whether feedparser makes anything of an element of that name that we read."""
    return name in _MEANINGFUL or has_end_handler(name) or hasattr(StrictFeedParser, f"_start_{name}")


def has_end_handler(name: str) -> bool:
    """Whether the end of an element of that name means something even in XHTML content."""
    return hasattr(StrictFeedParser, f"_end_{name}")


def find_version(tag: str, version: str, namespaces: Sequence[str]) -> str | None:
    """The name of the format of a root element; None for formats that strict.py does not read."""
    uris = (uri.lower() for uri in namespaces)
    declared = next((_DECLARED_VERSIONS[uri] for uri in uris if uri in _DECLARED_VERSIONS), None)
    namespace, local = split_tag(tag)
    if local == "rss" and NAMESPACES.get(namespace) == "" and declared != "rss10":
        return _RSS_VERSIONS.get(version) or ("rss20" if version.startswith("2.") else "rss")
    known = ((_RDF, "rdf", "rss10"), (_ATOM, "feed", "atom10"))
    return declared if (namespace, local, declared) in known else None


def has_misleading_prefix(text: str) -> bool:
    """Whether a prefix changes its meaning on the way, or has another one than usual: feedparser maps those.

    Declarations in CDATA sections count too: they are few, and to tell them apart is not worth the time.
    """
    meanings: dict[str, str] = {}
    for prefix, uri in set(_DECLARATION.findall(text)):
        known = NAMESPACES.get(split_tag(f"{{{uri}}}")[0])
        meaning = uri if known is None else known.lower()
        name = prefix.lower()
        if "&" in uri or meanings.setdefault(name, meaning) != meaning:
            return True
        if known is not None and name != meaning and name in _KNOWN_PREFIXES:
            return True
    return False


def split_tag(tag: str) -> tuple[str, str]:
    """Of "{namespace}name" the namespace as feedparser compares it and the local name, in lower case."""
    namespace, _, local = tag.rpartition("}")
    namespace = namespace[1:].lower()
    return (_USERLAND if _USERLAND in namespace else namespace), local.lower()


def repair(text: str, *, may_have_c1: bool) -> str:
    """What feedparser makes of UTF-8 that was taken for ISO-8859-1, and of the characters of windows-1252."""
    if text.isascii():
        return text
    with suppress(UnicodeError):
        text = text.encode("iso-8859-1").decode("utf-8")
    return text.translate(_CP1252) if may_have_c1 else text


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
    """The reference that resolves to that: what was written, where it was relative to the document."""
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
