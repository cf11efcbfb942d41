"""What a document says, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """A text construct as the document gives it: unescaped once, not sanitised, links not resolved."""

    value: str
    kind: Literal["text", "html"]
    base_url: str | None = None  # xml:base in force, where it differs from the entry's
    lang: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosure:
    url: str
    type: str | None = None
    length: int | None = None  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    url: str
    alt: str | None = None
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedEntry:
    guid: str | None = None
    url: str | None = None  # as written, perhaps relative
    title: Markup | None = None
    summary: Markup | None = None
    content: Markup | None = None
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    published: str | None = None  # as written
    updated: str | None = None  # as written
    enclosures: tuple[Enclosure, ...] = ()
    images: tuple[Image, ...] = ()  # media:content, media:thumbnail, itunes:image, JSON Feed image
    lang: str | None = None
    base_url: str | None = None  # xml:base in force


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a feed asks of its pollers. All None/empty where it asks nothing."""

    ttl: timedelta | None = None  # RSS ttl
    update_every: timedelta | None = None  # sy:updatePeriod / sy:updateFrequency
    skip_hours: frozenset[int] = frozenset()  # 0 to 23, UTC
    skip_days: frozenset[int] = frozenset()  # 0 is Monday
    hub_url: str | None = None
    self_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedFeed:
    format: str  # "rss20", "rss10", "rss091", "atom10", "atom03", "json11" ...
    title: Markup | None
    site_url: str | None
    icon_url: str | None
    lang: str | None
    hints: Hints
    entries: tuple[ParsedEntry, ...]  # in document order
    problems: tuple[str, ...]  # what was repaired, dropped or cut, in plain words
    base_url: str
