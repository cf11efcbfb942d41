"""Single values out of feed documents: of any type, of any length, made what the model says or None."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal
from urllib.parse import urljoin

from aggregator.model import Enclosure, Image, Markup

MAX_TITLE = 4096  # characters, as all limits here
MAX_CONTENT = 1_000_000
MAX_AUTHOR = 200
MAX_CATEGORY = 200
MAX_CATEGORIES = 50
MAX_AUTHORS = 20
MAX_MEDIA = 50
MAX_URL = 4096
MAX_DATE = 100
MAX_PIXELS = 20_000

# How often each repair was made: the same sentence for a thousand entries is said once.
Notes = Counter[str]

_LANG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_LINE_BREAK = re.compile(r"[\r\n\t]+ *")
_IMAGE_PATH = re.compile(r"\.(?:jpe?g|png|webp|gif|avif)$", re.IGNORECASE)


def render_notes(notes: Notes) -> tuple[str, ...]:
    return tuple(
        sentence if count == 1 else f"{sentence} ({count} times)" for sentence, count in notes.items()
    )


def as_text(value: object) -> str | None:
    """None for what is no text or blank. Characters that XML forbids are gone before texts get here."""
    return (value.strip() or None) if isinstance(value, str) else None


def as_line(value: object) -> str | None:
    text = as_text(value)
    return " ".join(text.split()) if text else None


def as_dicts(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def as_lang(value: object) -> str | None:
    """A BCP 47 tag, or None for anything that cannot be one."""
    text = as_text(value)
    if text is None:
        return None
    tag = text.replace("_", "-")
    return tag if len(tag) <= 35 and _LANG.fullmatch(tag) else None


def as_size(value: object) -> int | None:
    """Pixels of an image: "640", "640px", 640.0; None beyond MAX_PIXELS and for nonsense."""
    match = re.match(r"\s*(\d{1,6})", str(value)) if isinstance(value, str | int | float) else None
    size = int(match[1]) if match else 0
    return size if 0 < size <= MAX_PIXELS else None


def as_length(value: object) -> int | None:
    """Bytes of an enclosure. None for 0 too: publishers write it for "unknown"."""
    match = (
        re.fullmatch(r"\s*(\d{1,15})(?:\.0*)?\s*", str(value))
        if isinstance(value, str | int | float)
        else None
    )
    return int(match[1]) or None if match else None


def cut(text: str, limit: int, what: str, notes: Notes) -> str:
    if len(text) <= limit:
        return text
    notes[f"{what} of more than {limit} characters: cut"] += 1
    return text[:limit]


def as_url(value: object, base: str, notes: Notes) -> str | None:
    """Absolute against `base`, line breaks inside removed. None where it is too long or no URL at all."""
    text = as_text(value)
    if text is None:
        return None
    if len(text) > MAX_URL and not text.startswith("data:"):
        notes[f"URL of more than {MAX_URL} characters: dropped"] += 1
    if len(text) > MAX_URL:
        return None
    try:
        return urljoin(base, _LINE_BREAK.sub("", text).replace(" ", "%20")) or None
    except ValueError:
        return None


def as_web_url(value: object, base: str, notes: Notes) -> str | None:
    """As `as_url`, but None for anything that is not http or https."""
    url = as_url(value, base, notes)
    return url if url and url[:8].lower().startswith(("http://", "https://")) else None


def as_markup(
    value: object,
    kind: Literal["text", "html"],
    *,
    limit: int,
    what: str,
    notes: Notes,
    base_url: str | None = None,
    lang: str | None = None,
) -> Markup | None:
    text = as_text(value)
    if text is None:
        return None
    return Markup(value=cut(text, limit, what, notes), kind=kind, base_url=base_url, lang=lang)


def as_authors(names: Iterable[object], notes: Notes) -> tuple[str, ...]:
    lines = [cut(line, MAX_AUTHOR, "author", notes) for name in names if (line := as_line(name))]
    return _cut_list(lines, MAX_AUTHORS, "authors", notes)


def as_categories(terms: Iterable[object], notes: Notes) -> tuple[str, ...]:
    lines = [cut(line, MAX_CATEGORY, "category", notes) for term in terms if (line := as_line(term))]
    return _cut_list(lines, MAX_CATEGORIES, "categories", notes)


def as_enclosure(url: object, type_: object, length: object, *, base: str, notes: Notes) -> Enclosure | None:
    absolute = as_web_url(url, base, notes)
    media_type = as_line(type_)
    return Enclosure(url=absolute, type=media_type, length=as_length(length)) if absolute else None


def as_image(
    url: object, *, base: str, notes: Notes, width: object = None, height: object = None
) -> Image | None:
    absolute = as_web_url(url, base, notes)
    return Image(url=absolute, width=as_size(width), height=as_size(height)) if absolute else None


def unique_images(images: Iterable[Image | None]) -> tuple[Image, ...]:
    """In order, one per URL, at most MAX_MEDIA."""
    by_url: dict[str, Image] = {}
    for image in images:
        if image is not None:
            by_url.setdefault(image.url, image)
    return tuple(by_url.values())[:MAX_MEDIA]


def unique_enclosures(enclosures: Iterable[Enclosure | None]) -> tuple[Enclosure, ...]:
    """In order, one per URL, at most MAX_MEDIA."""
    by_url: dict[str, Enclosure] = {}
    for enclosure in enclosures:
        if enclosure is not None:
            by_url.setdefault(enclosure.url, enclosure)
    return tuple(by_url.values())[:MAX_MEDIA]


def is_image(url: object, type_: object, medium: object = None) -> bool:
    """By its type or medium; by the end of its path where it names neither."""
    type_text, medium_text = as_text(type_), as_text(medium)
    if type_text or medium_text:
        return (type_text or "").lower().startswith("image/") or (medium_text or "").lower() == "image"
    path = (as_text(url) or "").partition("?")[0]
    return bool(_IMAGE_PATH.search(path))


def _cut_list(values: list[str], limit: int, what: str, notes: Notes) -> tuple[str, ...]:
    unique = tuple(dict.fromkeys(values))
    if len(unique) > limit:
        notes[f"more than {limit} {what}: cut"] += 1
    return unique[:limit]
