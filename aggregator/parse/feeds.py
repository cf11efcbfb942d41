"""The bytes of a feed -> ParsedFeed: RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0, JSON Feed 1.0 and 1.1."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from aggregator.errors import NotAFeed
from aggregator.model import Hints, ParsedFeed
from aggregator.parse.document import LOOK, find_binary_kind, not_a_feed, prepare_document
from aggregator.parse.encoding import decode_document
from aggregator.parse.entries import Surroundings, find_base, map_authors, map_entry, map_markup
from aggregator.parse.fields import (
    MAX_TITLE,
    Notes,
    as_dict,
    as_dicts,
    as_lang,
    as_text,
    as_web_url,
    render_notes,
)
from aggregator.parse.jsonfeed import parse_json_feed
from aggregator.parse.lenient import Raw, Reading, read_leniently
from aggregator.parse.strict import find_reading

_FORMATS = {"rss091n": "rss091", "rss091u": "rss091", "": "unknown"}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_MAX_TTL = timedelta(days=366)
_SKIP = re.compile(r"<(/?)skip(hours|days)\s*>", re.IGNORECASE)
_HOUR = re.compile(r"<hour\s*>\s*(\d{1,2})\s*</hour\s*>", re.IGNORECASE)
_DAY = re.compile(r"<day\s*>\s*([A-Za-z]{6,9})\s*</day\s*>", re.IGNORECASE)


def parse_feed(
    body: bytes, *, url: str, content_type: str | None = None, max_entries: int = 1000
) -> ParsedFeed:
    """What a feed says, however badly it says it; never touches files or the network.

    `url` is where the body came from: links are made absolute against it and xml:base. `content_type` is the
    HTTP header, None if there was none. Entries are in document order, at most `max_entries`. Texts are
    unescaped once and not sanitised. All that was repaired, dropped or cut is in `problems`.
    Raises NotAFeed for anything else than a feed, ParseError for one that would take too long to read.
    """
    binary = find_binary_kind(body)
    if binary:
        raise NotAFeed(f"this is {binary}, not a feed: {LOOK}", url=url)
    decoded = decode_document(body, content_type=content_type)
    problems: tuple[str, ...] = (decoded.problem,) if decoded.problem else ()
    text = decoded.text.lstrip("\ufeff\x00 \t\r\n")
    if text.startswith(("{", "[")):
        feed = parse_json_feed(text, url=url, max_entries=max_entries, problems=problems)
    else:
        reading = find_reading(text, url=url, max_entries=max_entries)
        if reading is None:
            reading = read_by_feedparser(text, url=url, max_entries=max_entries)
        feed = map_reading(reading, url=url, problems=problems)
    return feed


def read_by_feedparser(text: str, *, url: str, max_entries: int) -> Reading:
    prepared = prepare_document(text, url=url, max_entries=max_entries)
    reading = read_leniently(prepared.text, url=url)
    if not reading.version and not reading.entries:
        raise not_a_feed(text, url=url)
    return replace(
        reading, entries=reading.entries[:max_entries], problems=(*prepared.problems, *reading.problems)
    )


def map_reading(reading: Reading, *, url: str, problems: tuple[str, ...] = ()) -> ParsedFeed:
    """What a document means, whichever of the readers has read it."""
    head, version = reading.head, reading.version
    notes: Notes = Notes()
    base = find_base(head) or url
    lang = as_lang(head.get("language"))
    atom = version.startswith("atom")
    feed = Surroundings(atom=atom, base_url=base, lang=lang, authors=map_authors(head, notes) if atom else ())
    mapped = [map_entry(raw, feed, notes) for raw in reading.entries]
    return ParsedFeed(
        format=_FORMATS.get(version, version),
        title=map_markup(head, "title", base, lang, MAX_TITLE, notes),
        site_url=_find_site(head, base, notes),
        icon_url=_find_icon(head, base, notes),
        lang=lang,
        hints=_map_hints(head, reading.schedule, base, notes),
        entries=tuple(entry for entry in mapped if entry is not None),
        problems=(*problems, *reading.problems, *render_notes(notes)),
        base_url=base,
    )


def _find_site(head: Raw, base: str, notes: Notes) -> str | None:
    pages = [
        link.get("href")
        for link in as_dicts(head.get("links"))
        if link.get("rel", "alternate") == "alternate" and link.get("type", "text/html") == "text/html"
    ]
    return next((url for page in (*pages, head.get("link")) if (url := as_web_url(page, base, notes))), None)


def _find_icon(head: Raw, base: str, notes: Notes) -> str | None:
    image = as_dict(head.get("image"))
    for address in (head.get("icon"), head.get("logo"), image.get("href"), image.get("url")):
        found = as_web_url(address, base, notes)
        if found:
            return found
    return None


def _map_hints(head: Raw, text: str, base: str, notes: Notes) -> Hints:
    links = as_dicts(head.get("links"))
    hubs = (link.get("href") for link in links if link.get("rel") == "hub")
    selves = (link.get("href") for link in links if link.get("rel") == "self")
    return Hints(
        ttl=_map_ttl(head.get("ttl")),
        update_every=_map_update_every(head),
        skip_hours=_find_skip_hours(text),
        skip_days=_find_skip_days(text),
        hub_url=next((url for hub in hubs if (url := as_web_url(hub, base, notes))), None),
        self_url=next((url for link in selves if (url := as_web_url(link, base, notes))), None),
    )


def _map_ttl(value: object) -> timedelta | None:
    match = re.fullmatch(r"(\d{1,7})(?:\.\d+)?", as_text(value) or "")
    ttl = timedelta(minutes=int(match[1])) if match else timedelta()
    return ttl if timedelta() < ttl <= _MAX_TTL else None


def _map_update_every(head: Raw) -> timedelta | None:
    """RSS syndication module: updateFrequency times per updatePeriod; both have defaults (daily, 1)."""
    if "sy_updateperiod" not in head and "sy_updatefrequency" not in head:
        return None
    period = _PERIODS.get((as_text(head.get("sy_updateperiod")) or "daily").lower())
    frequency = re.fullmatch(r"\d{1,6}", as_text(head.get("sy_updatefrequency")) or "1")
    times = int(frequency[0]) if frequency else 0
    return period / times if period and times else None


def _find_skip_hours(text: str) -> frozenset[int]:
    """Out of the text: feedparser keeps only the last of them. RSS 0.91 counts 1 to 24, RSS 2.0 0 to 23."""
    hours = (int(hour) for hour in _HOUR.findall(_find_skipped(text, "hours")))
    return frozenset(hour % 24 for hour in hours if hour <= 24)


def _find_skipped(text: str, what: str) -> str:
    """What stands in the first <skipHours> or <skipDays>; "" if there is none."""
    tags = [tag for tag in _SKIP.finditer(text) if tag[2].lower() == what][:2]
    return text[tags[0].end() : tags[1].start()] if len(tags) == 2 else ""


def _find_skip_days(text: str) -> frozenset[int]:
    days = (day.lower() for day in _DAY.findall(_find_skipped(text, "days")))
    return frozenset(_DAYS.index(day) for day in days if day in _DAYS)
