"""JSON Feed 1.0 and 1.1 (jsonfeed.org) -> ParsedFeed."""

from __future__ import annotations

import json
import re
from typing import Any

from aggregator.errors import NotAFeed, ParseError
from aggregator.model import Enclosure, Hints, Image, Markup, ParsedEntry, ParsedFeed
from aggregator.parse.document import LOOK, TELL, strip_illegal
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
    render_notes,
    unique_enclosures,
    unique_images,
)

Raw = dict[str, Any]

_VERSION = re.compile(r"https?://(?:www\.)?jsonfeed\.org/version/(1(?:\.1)?)/?")


def parse_json_feed(text: str, *, url: str, max_entries: int, problems: tuple[str, ...] = ()) -> ParsedFeed:
    """What a JSON Feed says; `problems` are those found on the way here.

    Values of the wrong type count as missing, items that are no objects are skipped.
    Raises NotAFeed for other JSON and for text that only starts like it, ParseError for broken JSON.
    """
    head = _load(text, url=url)
    version = _VERSION.fullmatch(as_text(head.get("version")) or "")
    if not version:
        what = "this is JSON, but not a JSON Feed (its `version` names no version of it)"
        raise NotAFeed(f"{what}: {LOOK}", url=url)
    notes: Notes = Notes()
    items = head.get("items")
    raw_entries = as_dicts(items)
    if isinstance(items, list) and len(raw_entries) < len(items):
        notes["item that is no object: skipped"] += len(items) - len(raw_entries)
    if len(raw_entries) > max_entries:
        notes[f"only the first {max_entries} of {len(raw_entries)} entries were read"] += 1
    lang = as_lang(head.get("language"))
    authors = _map_authors(head, notes)
    entries = tuple(
        entry for raw in raw_entries[:max_entries] if (entry := _map_item(raw, url, lang, authors, notes))
    )
    icon = as_web_url(head.get("icon"), url, notes) or as_web_url(head.get("favicon"), url, notes)
    return ParsedFeed(
        format="json" + version[1].replace(".", "").ljust(2, "0"),
        title=as_markup(head.get("title"), "text", limit=MAX_TITLE, what="title", notes=notes),
        site_url=as_web_url(head.get("home_page_url"), url, notes),
        icon_url=icon,
        lang=lang,
        hints=_map_hints(head, url, notes),
        entries=entries,
        problems=(*problems, *render_notes(notes)),
        base_url=url,
    )


def _load(text: str, *, url: str) -> Raw:
    try:
        document = _strip(json.loads(text))
    except json.JSONDecodeError as error:
        if '"version"' not in text[:2000]:
            raise NotAFeed(f"this is neither XML nor JSON ({error}): {LOOK}", url=url) from None
        raise ParseError(f"not valid JSON near line {error.lineno} ({error.msg}): {TELL}", url=url) from None
    except RecursionError:
        raise ParseError(f"its JSON is nested too deeply: {TELL}", url=url) from None
    except ValueError as error:  # a number of more than 4300 digits
        raise ParseError(f"not readable JSON ({error}): {TELL}", url=url) from None
    if not isinstance(document, dict):
        raise NotAFeed(f"this is a JSON list, not a JSON Feed: {LOOK}", url=url)
    return document


def _strip(value: Any) -> Any:
    """Without the characters that XML forbids: JSON allows them all."""
    if isinstance(value, str):
        return strip_illegal(value)
    if isinstance(value, list):
        return [_strip(item) for item in value]
    return {key: _strip(item) for key, item in value.items()} if isinstance(value, dict) else value


def _map_item(
    raw: Raw, url: str, feed_lang: str | None, feed_authors: tuple[str, ...], notes: Notes
) -> ParsedEntry | None:
    lang = as_lang(raw.get("language"))
    enclosures = _map_attachments(raw, url, notes)
    entry = ParsedEntry(
        guid=_as_id(raw.get("id")),
        url=as_web_url(raw.get("url"), url, notes) or as_web_url(raw.get("external_url"), url, notes),
        title=as_markup(raw.get("title"), "text", limit=MAX_TITLE, what="title", notes=notes),
        summary=as_markup(raw.get("summary"), "text", limit=MAX_CONTENT, what="summary", notes=notes),
        content=_map_content(raw, notes),
        authors=_map_authors(raw, notes) or feed_authors,
        categories=as_categories(_as_list(raw.get("tags")), notes),
        published=_as_date(raw.get("date_published")),
        updated=_as_date(raw.get("date_modified")),
        enclosures=enclosures,
        images=_map_images(raw, url, enclosures, notes),
        lang=lang or feed_lang,
    )
    if entry.guid or entry.url or entry.title or entry.summary or entry.content:
        return entry
    notes["entry without id, link, title and text: skipped"] += 1
    return None


def _as_id(value: object) -> str | None:
    """Numbers too: the specification asks readers to take them as text."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if is_number else as_text(value)


def _as_date(value: object) -> str | None:
    return (as_text(value) or "")[:MAX_DATE] or None


def _as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _map_content(raw: Raw, notes: Notes) -> Markup | None:
    html = as_markup(raw.get("content_html"), "html", limit=MAX_CONTENT, what="content", notes=notes)
    return html or as_markup(raw.get("content_text"), "text", limit=MAX_CONTENT, what="content", notes=notes)


def _map_authors(raw: Raw, notes: Notes) -> tuple[str, ...]:
    """`authors` of 1.1, then `author` of 1.0: feeds of the transition carry both."""
    people = as_dicts(raw.get("authors")) or [as_dict(raw.get("author"))]
    return as_authors((person.get("name") for person in people), notes)


def _map_attachments(raw: Raw, url: str, notes: Notes) -> tuple[Enclosure, ...]:
    return unique_enclosures(
        as_enclosure(a.get("url"), a.get("mime_type"), a.get("size_in_bytes"), base=url, notes=notes)
        for a in as_dicts(raw.get("attachments"))
    )


def _map_images(raw: Raw, url: str, enclosures: tuple[Enclosure, ...], notes: Notes) -> tuple[Image, ...]:
    addresses = [raw.get("image"), raw.get("banner_image")]
    addresses += [e.url for e in enclosures if is_image(e.url, e.type)]
    return unique_images(as_image(address, base=url, notes=notes) for address in addresses)


def _map_hints(head: Raw, url: str, notes: Notes) -> Hints:
    hubs = (hub.get("url") for hub in as_dicts(head.get("hubs")) if str(hub.get("type")).lower() == "websub")
    return Hints(
        hub_url=next((found for hub in hubs if (found := as_web_url(hub, url, notes))), None),
        self_url=as_web_url(head.get("feed_url"), url, notes),
    )
