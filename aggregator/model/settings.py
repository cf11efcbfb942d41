"""What the admin wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time, timedelta, tzinfo
from typing import Literal

Direction = Literal["rtl", "ltr"]
ContentRight = Literal["title", "summary", "full"]
SourceInTitle = Literal["off", "prefix", "suffix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    id: str  # as in URLs: "ar"
    locale: str  # BCP 47: "ar-LY"
    dir: Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    id: str  # ASCII slug, unique within its edition
    edition: str
    name: str
    old_ids: tuple[str, ...] = ()
    weight: int = 0  # hours by which its stories count as newer on the front page

    @property
    def ref(self) -> str:
        return f"{self.edition}/{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    title: str
    url: str  # the public root, no slash at the end; every absolute link of ours starts with it
    timezone: tzinfo
    editions: tuple[Edition, ...]  # the first one is also at /
    sections: tuple[Section, ...]  # in the order of the configuration
    digits: Literal["arab", "latn"] | None  # None: as the edition's locale has them
    images: bool  # whether pages show images
    source_in_title: SourceInTitle = "off"  # where titles in feeds name the outlet
    hijri: bool = False  # whether front pages show the Hijri date too
    images_proxied: bool = False  # whether images come from our own address
    # What these are signed with, added by whoever has the store; None: images as publishers have them.
    picture_key: str | None = field(default=None, repr=False)

    def find_edition(self, edition_id: str) -> Edition | None:
        return next((e for e in self.editions if e.id == edition_id), None)

    def list_sections(self, edition_id: str) -> tuple[Section, ...]:
        return tuple(s for s in self.sections if s.edition == edition_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """All conditions that are not None must hold. In `skip` lists `section` is None."""

    section: str | None = None  # section reference
    category: str | None = None  # equals one of the entry's categories, folded
    title: str | None = None  # stands in the title as whole words, folded
    path: str | None = None  # the path of the entry's URL starts with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    id: str
    name: str
    url: str
    section: str  # section reference
    every: timedelta | None  # None: as often as it publishes
    timeout: timedelta
    content: ContentRight
    lang: str | None  # overrides what the feed says
    headers: tuple[tuple[str, str], ...]
    skip: tuple[Rule, ...]
    rules: tuple[Rule, ...]
    max_entries: int
    priority: int = 0  # hours by which its stories count as newer on the front page
    guess_sections: bool = False  # whether words decide where no rule does

    @property
    def edition(self) -> str:
        """The id of the edition that its section is in."""
        return self.section.partition("/")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]  # none: on this machine only
    user: str | None = field(default=None, repr=False)  # None: it lets everybody in
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """How the digests of a day are sent."""

    at: time  # on the site's clocks
    to: tuple[str, ...]  # (): they are not sent
    sender: str | None  # None only where they are not sent
    server: MailServer | None  # likewise
