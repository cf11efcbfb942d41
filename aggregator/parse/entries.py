"""One entry of feedparser's result -> ParsedEntry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from aggregator.dates import parse_date
from aggregator.model import Enclosure, Image, Markup, ParsedEntry
from aggregator.parse.fields import (
    MAX_CONTENT,
    MAX_DATE,
    MAX_TITLE,
    Notes,
    as_authors,
    as_categories,
    as_dict,
    as_dicts,
    as_enclosure,
    as_image,
    as_lang,
    as_markup,
    as_text,
    as_web_url,
    is_image,
    unique_enclosures,
    unique_images,
)
from aggregator.parse.lenient import Raw

_KINDS: dict[str, Literal["text", "html"]] = {
    "text/plain": "text",
    "text/html": "html",
    "application/xhtml+xml": "html",
}

_ADDRESS = re.compile(r"<[^<>]{0,200}>")  # what is left of "Jane <jane@n.example>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an entry inherits from its feed."""

    atom: bool
    base_url: str
    lang: str | None
    authors: tuple[str, ...]  # Atom only (RFC 4287, 4.2.1)


def map_entry(raw: Raw, feed: Surroundings, notes: Notes) -> ParsedEntry | None:
    """None for an entry that says nothing: no id, link, title, text or enclosure."""
    base = find_base(raw) or feed.base_url
    lang = as_lang(raw.get("language")) or _find_lang(raw)
    summary, content = _map_texts(raw, base, lang, notes)
    published, updated = _map_dates(raw, feed)
    enclosures = _map_enclosures(raw, base, notes)
    entry = ParsedEntry(
        guid=as_text(raw.get("id")),
        url=_find_url(raw, base, notes),
        title=map_markup(raw, "title", base, lang, MAX_TITLE, notes),
        summary=summary,
        content=content,
        authors=map_authors(raw, notes) or map_authors(as_dict(raw.get("source")), notes) or feed.authors,
        categories=as_categories(_list_terms(raw), notes),
        published=published,
        updated=updated,
        enclosures=enclosures,
        images=_map_images(raw, base, feed, enclosures, notes),
        lang=lang,
        base_url=base if base != feed.base_url else None,
    )
    if entry.guid or entry.url or entry.title or summary or content or enclosures:
        return entry
    notes["entry without id, link, title and text: skipped"] += 1
    return None


def find_base(raw: Raw) -> str | None:
    """The base in force: that of xml:base or of the document; None where it is not http(s)."""
    return next((base for detail in _list_details(raw) if (base := _as_base(detail))), None)


def map_markup(raw: Raw, key: str, base: str, lang: str | None, limit: int, notes: Notes) -> Markup | None:
    detail = as_dict(raw.get(f"{key}_detail"))
    return _map_construct(raw.get(key), detail, key, base, lang, limit, notes)


def map_authors(raw: Raw, notes: Notes) -> tuple[str, ...]:
    """Names only: an address without a name is no byline, and not ours to spread."""
    names = (as_text(author.get("name")) or "" for author in as_dicts(raw.get("authors")))
    return as_authors((_ADDRESS.sub("", name) for name in names), notes)


def _list_details(raw: Raw) -> Iterator[Raw]:
    yield as_dict(raw.get("title_detail"))
    yield from as_dicts(raw.get("content"))
    yield as_dict(raw.get("summary_detail"))
    yield as_dict(raw.get("subtitle_detail"))


def _as_base(detail: Raw) -> str | None:
    base = as_text(detail.get("base"))
    return base if base and base.startswith(("http://", "https://")) else None


def _find_lang(raw: Raw) -> str | None:
    return next((lang for detail in _list_details(raw) if (lang := as_lang(detail.get("language")))), None)


def _map_construct(
    value: object,
    detail: Raw,
    what: str,
    base: str,
    lang: str | None,
    limit: int,
    notes: Notes,
) -> Markup | None:
    own_base = _as_base(detail)
    own_lang = as_lang(detail.get("language"))
    return as_markup(
        value,
        _KINDS.get(str(detail.get("type", "text/plain")).lower(), "html"),
        limit=limit,
        what=what,
        notes=notes,
        base_url=own_base if own_base != base else None,
        lang=own_lang if own_lang != lang else None,
    )


def _map_texts(raw: Raw, base: str, lang: str | None, notes: Notes) -> tuple[Markup | None, Markup | None]:
    """Summary and content, which never say the same twice.

    feedparser copies content into a missing summary, and calls a second description (media:description,
    itunes:summary) content: so content must be longer than the summary to be kept.
    """
    bodies = [
        body
        for body in as_dicts(raw.get("content"))
        if str(body.get("type", "")).lower() in _KINDS and not body.get("src") and as_text(body.get("value"))
    ]
    summary = map_markup(raw, "summary", base, lang, MAX_CONTENT, notes)
    if not bodies:
        return summary, None
    longest = max(bodies, key=lambda body: len(body["value"]))
    if summary and "summary_detail" in raw and len(summary.value) >= len(longest["value"].strip()):
        if summary.value != longest["value"].strip():
            return summary, None
        summary = None
    if "summary_detail" not in raw:
        summary = None
    return summary, _map_construct(longest["value"], longest, "content", base, lang, MAX_CONTENT, notes)


def _find_url(raw: Raw, base: str, notes: Notes) -> str | None:
    """The page of the entry: the address behind FeedBurner's, then alternates, then a permalink guid."""
    links = [link for link in as_dicts(raw.get("links")) if link.get("rel", "alternate") == "alternate"]
    pages = [link.get("href") for link in links if link.get("type", "text/html") in _KINDS]
    others = [link.get("href") for link in links]
    for address in (raw.get("feedburner_origlink"), *pages, *others):
        found = as_web_url(address, base, notes)
        if found:
            return found
    # feedparser names a permalink guid `link`, also <guid>12345</guid>, which RSS says is one.
    guid = raw.get("id") if raw.get("link") else None
    sources = [body.get("src") for body in as_dicts(raw.get("content"))]
    for text in (guid, *sources):
        found = as_web_url(text, "", notes)
        if found:
            return found
    if any(as_text(address) for address in others):
        notes["link that is no http(s) address: left out"] += 1
    return None


def _list_terms(raw: Raw) -> list[object]:
    return [tag.get("label") or tag.get("term") for tag in as_dicts(raw.get("tags"))]


def _map_dates(raw: Raw, feed: Surroundings) -> tuple[str | None, str | None]:
    published = _map_date(raw, "published") or _map_date(raw, "created")
    updated = _map_date(raw, "updated")
    if not feed.atom and published is None:
        return updated, None  # dc:date, all that RSS 1.0 has, comes as `updated`
    return published, updated


def _map_date(raw: Raw, key: str) -> str | None:
    """As written; in ISO 8601 where only feedparser understands the writing (Korean, Greek ...)."""
    written = as_text(raw.get(key))
    if written is None:
        return None
    written = " ".join(written[:MAX_DATE].split())
    parsed = raw.get(f"{key}_parsed")
    # In ASCII it understands nothing more, but guesses: 26 May 2020 for 2005-26-12, 2 March for 30 February.
    if written.isascii() or not isinstance(parsed, tuple) or len(parsed) < 6 or parse_date(written):
        return written
    year, month, day, hour, minute, second = parsed[:6]
    if (day, hour, minute, second) == (1, 0, 0, 0):
        # "2004년 05월 28일": feedparser takes the year and adds the month that is now.
        return written
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).isoformat()
    except (TypeError, ValueError):
        return written


def _map_enclosures(raw: Raw, base: str, notes: Notes) -> tuple[Enclosure, ...]:
    return unique_enclosures(
        as_enclosure(
            link.get("href"),
            # feedparser gives text/html to Atom links without a type
            link.get("type") if link.get("type") != "text/html" else None,
            link.get("length"),
            base=base,
            notes=notes,
        )
        for link in as_dicts(raw.get("links"))
        if link.get("rel") == "enclosure"
    )


def _map_images(
    raw: Raw, base: str, feed: Surroundings, enclosures: tuple[Enclosure, ...], notes: Notes
) -> tuple[Image, ...]:
    media = as_dicts(raw.get("media_content"))
    found = [m for m in media if is_image(m.get("url"), m.get("type"), m.get("medium"))]
    found += as_dicts(raw.get("media_thumbnail"))
    images = [
        as_image(m.get("url"), base=base, notes=notes, width=m.get("width"), height=m.get("height"))
        for m in found
    ]
    images.append(as_image(as_dict(raw.get("image")).get("href"), base=base, notes=notes))
    if not feed.atom and not any(a.get("href") for a in as_dicts(raw.get("authors"))):
        # <image><url> inside an item; in Atom the same key holds the author's <uri>
        images.append(as_image(raw.get("href"), base=base, notes=notes))
    images += [as_image(e.url, base=base, notes=notes) for e in enclosures if is_image(e.url, e.type)]
    return unique_images(images)
