"""ParsedFeed -> entries that are safe to publish: identity, dates, links, words, media, language.

Every entry is read by itself: whatever a value holds, it is repaired, replaced or left out, and counted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from aggregator.clean.hashes import hash_raw, hash_values
from aggregator.clean.html import (
    excerpt,
    find_images,
    html_to_text,
    is_decoration,
    sanitize_html,
    text_to_html,
)
from aggregator.clean.words import cut_tail, cut_title, is_trivial, plain_author, plain_line
from aggregator.cutting import truncate_words
from aggregator.dates import parse_date
from aggregator.model import Direction, Enclosure, Entry, Image, Markup, ParsedEntry, ParsedFeed, Source
from aggregator.plain import read_text
from aggregator.text import (
    collapse_space,
    detect_direction,
    detect_language,
    fold,
    strip_controls,
)
from aggregator.urls import absolute_url, is_root_url

MAX_GUID_CHARS = 1024
MAX_TITLE_CHARS = 500
MAX_AUTHORS = 10
MAX_CATEGORIES = 50
MAX_CATEGORY_CHARS = 100
MAX_ENCLOSURES = 50
MAX_LENGTH_BYTES = 2**63 - 1
TITLE_FROM_EXCERPT_CHARS = 80
# Publishing software of the web is younger; older dates are what a broken clock or template prints.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
RTL_LANGUAGES = frozenset("ar arc arz ckb dv fa he iw ks ps sd ug ur yi".split())

NOTHING_TO_SHOW = "items without title, text and link, dropped"
REPEATED = "items that repeat another one of the same document, dropped"
SHARED_GUID = "items that share their guid with others, told apart by link or text"
UNREADABLE_DATE = "dates that cannot be read or lie before 1990, left out"
FUTURE_DATE = "dates in the future, set to the time of first sight"
NO_DATE = "items without a usable date, dated by first sight"
BAD_LINK = "links that are no http(s) addresses, left out"

_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,64}/[a-z0-9.+-]{1,64}")
_EXTENSION = re.compile(r"\.([a-z0-9]{2,5})(?:[?#]|$)", re.IGNORECASE)
_MEDIA_TYPES = dict(
    pair.split("=")
    for pair in """mp3=audio/mpeg m4a=audio/mp4 aac=audio/aac oga=audio/ogg ogg=audio/ogg opus=audio/ogg
    wav=audio/wav flac=audio/flac mp4=video/mp4 m4v=video/mp4 mov=video/quicktime webm=video/webm
    ogv=video/ogg m3u8=application/vnd.apple.mpegurl jpg=image/jpeg jpeg=image/jpeg png=image/png
    gif=image/gif webp=image/webp avif=image/avif svg=image/svg+xml pdf=application/pdf
    epub=application/epub+zip zip=application/zip""".split()
)
# What servers and plugins write when they do not know.
_TYPES_WITHOUT_MEANING = frozenset(["application/octet-stream", "binary/octet-stream", "application/unknown"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    entries: tuple[Entry, ...]  # in document order
    known_urls: tuple[str | None, ...]  # of the items that were known and not cleaned again
    dropped: int
    problems: tuple[str, ...]  # one sentence a kind, with its count


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    title: str
    html: str
    text: str
    excerpt: str


def clean_entries(
    feed: ParsedFeed, *, source: Source, seen_at: datetime, known: Collection[bytes] = frozenset()
) -> Cleaned:
    """Make entries of a document's items; their guids are unique, their dates not later than `seen_at`.

    Never raises for what a document says. An item without title, text and link is dropped, so is one that
    repeats another; both are counted. `seen_at` is aware UTC and stands in for missing and future dates.
    `known` are raw hashes of the source's stored entries: an item that has one of them, and a guid that no
    other item of the document has, is as it was and is left out.
    """
    problems: Counter[str] = Counter()
    found: list[Entry] = []
    known_urls: list[str | None] = []
    guids = Counter(parsed.guid for parsed in feed.entries)
    for parsed in feed.entries:
        if known and parsed.guid and guids[parsed.guid] == 1 and hash_raw(parsed) in known:
            known_urls.append(_find_url(parsed, parsed.base_url or feed.base_url, Counter()))
            continue
        entry = _clean_entry(parsed, feed, source, seen_at, problems)
        if entry is None:
            problems[NOTHING_TO_SHOW] += 1
        else:
            found.append(entry)
    entries = tuple(_tell_apart(found, problems))
    return Cleaned(
        entries=entries,
        known_urls=tuple(known_urls),
        dropped=len(feed.entries) - len(entries) - len(known_urls),
        problems=tuple(f"{problem}: {count}" for problem, count in sorted((+problems).items())),
    )


def _clean_entry(
    parsed: ParsedEntry, feed: ParsedFeed, source: Source, seen_at: datetime, problems: Counter[str]
) -> Entry | None:
    """Make an entry whose guid may still be that of others. None: there is nothing to show."""
    xml_base = _find_base(feed.base_url, parsed.base_url)
    url = _find_url(parsed, xml_base or feed.base_url, problems)
    words = _read_words(parsed, _content_base(feed, xml_base, url))
    if not (words.title or words.text or url):
        return None
    published_at, updated_at = _read_dates(parsed, seen_at, problems)
    base = xml_base or feed.base_url
    enclosures = _clean_enclosures(parsed.enclosures, base)
    image = _find_lead_image(parsed.images, enclosures, words.html, base)
    lang, direction = _find_language(parsed, feed, source, words)
    return Entry(
        source_id=source.id,
        guid=_claim_guid(parsed.guid, url, words),
        url=url,
        title=words.title or truncate_words(words.excerpt or _spell_url(url or ""), TITLE_FROM_EXCERPT_CHARS),
        content_html=words.html,
        text=words.text,
        excerpt=words.excerpt,
        authors=_list_distinct(map(plain_author, parsed.authors), MAX_AUTHORS),
        categories=_list_distinct(map(_plain_category, parsed.categories), MAX_CATEGORIES),
        image=image,
        enclosures=tuple(e for e in enclosures if image is None or e.url != image.url),
        lang=lang,
        dir=direction,
        published_at=published_at,
        updated_at=updated_at,
        first_seen_at=seen_at,
        raw_hash=hash_raw(parsed),
        content_hash=hash_values((words.title, words.text, url)),
    )


# --- identity -------------------------------------------------------------------------------------


def _claim_guid(guid: str | None, url: str | None, words: _Words) -> str:
    """Give the identity an item claims: its guid, else its link, else its words.

    A link to a home page is no identity: feeds without item links repeat it in every item.
    """
    claimed = strip_controls(guid or "").strip()
    if not claimed and url and not is_root_url(url):
        claimed = url
    return _fit_guid(claimed) or _hash_guid(words.title, words.text)


def _tell_apart(entries: list[Entry], problems: Counter[str]) -> Iterator[Entry]:
    """Give every entry a guid of its own that depends on neither the order nor the number of its namesakes.

    Entries that share guid and link and words are one; the first is kept.
    """
    links: dict[str, set[str | None]] = {}
    texts: dict[tuple[str, str | None], set[bytes]] = {}
    for entry in entries:
        links.setdefault(entry.guid, set()).add(entry.url)
        texts.setdefault((entry.guid, entry.url), set()).add(entry.content_hash)
    taken: set[str] = set()
    for entry in entries:
        guid = entry.guid
        if len(links[entry.guid]) > 1 and entry.url:
            guid = f"{guid} {entry.url}"
        if len(texts[entry.guid, entry.url]) > 1 or (guid in taken and guid != entry.guid):
            guid = f"{guid} {_hash_guid(entry.title, entry.text)}"
        guid = _fit_guid(guid)
        if guid in taken:
            problems[REPEATED] += 1
            continue
        taken.add(guid)
        problems[SHARED_GUID] += guid != entry.guid
        yield entry if guid == entry.guid else replace(entry, guid=guid)


def _fit_guid(guid: str) -> str:
    return guid if len(guid) <= MAX_GUID_CHARS else f"hash:{hash_values((guid,)).hex()}"


def _hash_guid(title: str, text: str) -> str:
    return f"hash:{hash_values((fold(title), fold(text))).hex()}"


# --- addresses and dates --------------------------------------------------------------------------


def _find_base(document_url: str, xml_base: str | None) -> str | None:
    return absolute_url(document_url, xml_base) if xml_base else None


def _content_base(feed: ParsedFeed, xml_base: str | None, url: str | None) -> str:
    """Give what relative addresses in an item's text refer to.

    In Atom that is the document (RFC 4287, 2); RSS and JSON Feed do not say, and there publishers copy
    text from the article's page.
    """
    if xml_base:
        return xml_base
    return feed.base_url if feed.format.startswith("atom") else url or feed.base_url


def _find_url(parsed: ParsedEntry, base: str, problems: Counter[str]) -> str | None:
    link = (parsed.url or "").strip()
    if link:
        url = absolute_url(base, link)
        if url:
            return url
        problems[BAD_LINK] += 1
    guid = (parsed.guid or "").strip()
    return absolute_url(base, guid) if guid[:8].lower().startswith(("http://", "https://")) else None


def _read_dates(parsed: ParsedEntry, seen_at: datetime, problems: Counter[str]) -> tuple[datetime, datetime]:
    published = _read_date(parsed.published, seen_at, problems)
    updated = (
        _read_date(parsed.updated, seen_at, problems) if parsed.updated != parsed.published else published
    )
    first = published or updated
    if first is None:
        problems[NO_DATE] += 1
        return seen_at, seen_at
    return first, max(updated or first, first)


def _read_date(text: str | None, seen_at: datetime, problems: Counter[str]) -> datetime | None:
    if not text or not text.strip():
        return None
    at = parse_date(text)
    if at is None or at < EARLIEST:
        problems[UNREADABLE_DATE] += 1
        return None
    if at > seen_at:
        problems[FUTURE_DATE] += 1
        return seen_at
    return at


def _spell_url(url: str) -> str:
    return url.partition("://")[2].rstrip("/")


# --- words ----------------------------------------------------------------------------------------


def _read_words(parsed: ParsedEntry, base: str) -> _Words:
    title = truncate_words(plain_line(parsed.title), MAX_TITLE_CHARS)
    content = _first_filled(parsed.content, parsed.summary)
    html = _render(content, base) if content else ""
    text = read_text(html)
    summary = ""
    if parsed.summary and content is not parsed.summary:
        summary = _read_summary(parsed.summary)
    return _Words(title=title, html=html, text=text, excerpt=_make_excerpt(title, summary, text))


def _first_filled(*markups: Markup | None) -> Markup | None:
    return next((markup for markup in markups if markup and markup.value.strip()), None)


def _render(markup: Markup, base: str) -> str:
    if markup.kind == "text":
        return text_to_html(markup.value)
    return sanitize_html(markup.value, base_url=_find_base(base, markup.base_url) or base)


def _read_summary(summary: Markup) -> str:
    return html_to_text(summary.value) if summary.kind == "html" else strip_controls(summary.value)


def _make_excerpt(title: str, summary: str, text: str) -> str:
    """Give the start of the summary, or of the text where the summary says nothing of its own."""
    for words in (summary, text):
        shown = cut_tail(cut_title(words, title))
        if not is_trivial(shown, title):
            return excerpt(shown)
    return excerpt(cut_tail(cut_title(text or summary, title)))


def _find_language(
    parsed: ParsedEntry, feed: ParsedFeed, source: Source, words: _Words
) -> tuple[str, Direction]:
    sample = f"{words.title} {words.excerpt}"
    content = _first_filled(parsed.content, parsed.summary)
    hint = (content and content.lang) or parsed.lang or feed.lang
    lang = source.lang or detect_language(sample, hint=hint)
    primary = lang.lower().partition("-")[0]
    return lang, detect_direction(sample, default="rtl" if primary in RTL_LANGUAGES else "ltr")


@lru_cache(maxsize=1024)
def _plain_category(category: str) -> str:
    return truncate_words(
        collapse_space(html_to_text(category[: 4 * MAX_CATEGORY_CHARS])), MAX_CATEGORY_CHARS
    )


def _list_distinct(values: Iterable[str], limit: int) -> tuple[str, ...]:
    """Give the values that are not empty and differ when folded, the first spelling of each."""
    distinct: dict[str, str] = {}
    for value in values:
        if value:
            distinct.setdefault(_fold_name(value), value)
        if len(distinct) == limit:
            break
    return tuple(distinct.values())


@lru_cache(maxsize=1024)
def _fold_name(name: str) -> str:
    return fold(name) or name


# --- media ----------------------------------------------------------------------------------------


def _clean_enclosures(enclosures: tuple[Enclosure, ...], base: str) -> tuple[Enclosure, ...]:
    cleaned: dict[str, Enclosure] = {}
    for enclosure in enclosures:
        url = absolute_url(base, enclosure.url) if enclosure.url.strip() else None
        if url:
            length = enclosure.length
            length = length if length is not None and 0 <= length <= MAX_LENGTH_BYTES else None
            media_type = _find_media_type(enclosure.type, url)
            cleaned.setdefault(url, Enclosure(url=url, type=media_type, length=length))
        if len(cleaned) == MAX_ENCLOSURES:
            break
    return tuple(cleaned.values())


def _find_media_type(written: str | None, url: str) -> str | None:
    """Give the media type without parameters, guessed by the file's name where the source does not say."""
    media_type = (written or "").partition(";")[0].strip().lower()
    if _MEDIA_TYPE.fullmatch(media_type) and media_type not in _TYPES_WITHOUT_MEANING:
        return media_type
    extension = _EXTENSION.search(url)
    guessed = _MEDIA_TYPES.get(extension[1].lower()) if extension else None
    return guessed or (media_type if _MEDIA_TYPE.fullmatch(media_type) else None)


def _find_lead_image(
    images: tuple[Image, ...], enclosures: tuple[Enclosure, ...], html: str, base: str
) -> Image | None:
    """Give the first image that is meant to be looked at: declared, enclosed, then in the text."""
    declared = filter(None, (_clean_image(image, base) for image in images))
    enclosed = (Image(url=e.url) for e in enclosures if e.type and e.type.startswith("image/"))
    for candidates in (declared, enclosed, find_images(html)):
        for image in candidates:
            if not is_decoration(image):
                return image
    return None


def _clean_image(image: Image, base: str) -> Image | None:
    url = absolute_url(base, image.url) if image.url.strip() else None
    if url is None:
        return None
    alt = collapse_space(strip_controls(image.alt or "")) or None
    return Image(url=url, alt=alt, width=_pixels(image.width), height=_pixels(image.height))


def _pixels(size: int | None) -> int | None:
    return size if size is not None and 0 <= size < 100_000 else None
