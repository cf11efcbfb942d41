"""The values that pass between the stages: frozen, keyword-only, aware UTC.

In the order of the line: what the admin wrote (Edition, Section, Rule, Source), what came over the
wire (FetchRequest, FetchResult), what the document says (ParsedFeed, ParsedEntry), what we make of it
(Entry, Fingerprint, Decision, SourceReading), what the store keeps (SourceState, Claim, PollResult) and
what is published (Article, Coverage).

`None` means "the source does not say" wherever a field below allows it, unless its comment says otherwise.
A section is named by a *section reference*, `edition/section`, e.g. `ar/sports`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

Direction = Literal["rtl", "ltr"]
ContentRight = Literal["title", "summary", "full"]
Network = IPv4Network | IPv6Network


# --- what the admin wrote -------------------------------------------------------------------------


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
    every: timedelta
    timeout: timedelta
    content: ContentRight
    lang: str | None  # overrides what the feed says
    headers: tuple[tuple[str, str], ...]
    skip: tuple[Rule, ...]
    rules: tuple[Rule, ...]
    max_entries: int


# --- what came over the wire ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """ETag and Last-Modified exactly as the server sent them (RFC 9110, 8.8): bytes in, same bytes out."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """What holds for every fetch: `[fetch]` of the configuration, in the units of the client."""

    user_agent: str
    connect_timeout: timedelta
    max_body_bytes: int  # decompressed
    max_redirects: int
    concurrency: int  # exchanges at once, over all hosts
    per_host: int  # connections to one host at once
    allow_networks: tuple[Network, ...]  # private networks that may be connected to all the same


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    url: str
    timeout: timedelta  # for the whole exchange, redirects included
    validators: Validators = Validators()
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    status: int
    url: str  # the absolute target


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """Any answer of a server, whatever its status; no answer at all is a FetchError."""

    status: int
    url: str  # the URL that answered, after redirects
    redirects: tuple[Redirect, ...]
    headers: tuple[tuple[str, str], ...]  # of the last answer, names in lower case, in order
    validators: Validators
    body: bytes  # decompressed; empty on 304

    def header(self, name: str) -> str | None:
        """The last value of a header; `name` in lower case."""
        return next((v for k, v in reversed(self.headers) if k == name), None)


# --- what the document says -----------------------------------------------------------------------


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


# --- what we make of it ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One item of one source's feed, cleaned: every text is safe to publish as it stands."""

    source_id: str
    guid: str  # the publisher's identity, unique within the source
    url: str | None  # absolute http(s)
    title: str  # plain text; falls back to the start of the excerpt
    content_html: str  # sanitised; "" where the source gives no text
    text: str  # the same as plain text, for folding, search and counting
    excerpt: str  # plain text, at most 300 characters
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    image: Image | None
    enclosures: tuple[Enclosure, ...]
    lang: str  # BCP 47, "und" if unknown
    dir: Direction
    published_at: datetime
    updated_at: datetime
    first_seen_at: datetime
    raw_hash: bytes  # 16 bytes over the item as the document gives it
    content_hash: bytes  # 16 bytes over title, text and URL: moves only when a reader would see it


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What dedupe compares entries by. None where the entry gives too little to be told apart by it."""

    url_key: int | None  # 63-bit hash of the canonical URL
    title_key: int  # 63-bit hash of the folded title
    text_key: int | None  # 63-bit hash of folded title and text; None for headline-only entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why something was decided: kept beside what was decided, shown by `explain`."""

    rule: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The section an entry was sorted into, and the rule that did it."""

    section: str  # section reference
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEntry:
    entry: Entry
    fingerprint: Fingerprint
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading:
    """One document after parse, clean, fingerprint and classify: what goes to the store."""

    format: str
    title: str | None
    site_url: str | None
    icon_url: str | None
    hints: Hints
    entries: tuple[ReadEntry, ...]
    unchanged: int  # items that the store has as they are: not among the entries
    skipped: int  # entries dropped by skip rules, by max_entries or because nothing of them could be used
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stored entry that might be the same article as a new one."""

    entry_id: int
    article_id: int
    source_id: str
    fingerprint: Fingerprint
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The article a new entry belongs to. `article_id` None: it founds an article of its own."""

    article_id: int | None
    decision: Decision


# --- what the store keeps -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    source_id: str
    url: str
    validators: Validators
    body_hash: bytes | None  # of the last body that was read to its end
    next_poll_at: datetime
    last_polled_at: datetime | None  # None: never
    last_success_at: datetime | None  # None: never
    failing_since: datetime | None  # None: not failing
    failures: int  # in a row
    last_error: str | None  # None: the last poll succeeded
    problems: tuple[str, ...]  # of the last body that was read
    skipped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A host bucket that this process may poll until the lease ends."""

    host: str
    token: str
    source_ids: tuple[str, ...]  # due, most overdue first


PollOutcome = Literal["new_body", "not_modified", "same_body", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PollResult:
    """What one poll of one source came to, with all that the store must keep of it."""

    source_id: str
    outcome: PollOutcome
    polled_at: datetime
    next_poll_at: datetime
    validators: Validators = Validators()
    body_hash: bytes | None = None
    reading: SourceReading | None = None  # only with "new_body"
    error: str | None = None  # only with "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveCounts:
    new: int = 0
    updated: int = 0


# --- what is published ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """One source's copy of an article."""

    source_id: str
    source_name: str
    title: str
    url: str | None
    lang: str
    dir: Direction
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The source whose entry leads an article: RSS <source>, Atom <source>."""

    id: str
    name: str
    feed_url: str
    site_url: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """One text as we publish it: the lead entry's words, cut down to what its source's rights allow."""

    id: str  # opaque, as in /article/{id}
    guid: str  # tag URI (RFC 4151), fixed at first sight
    origin: Origin
    url: str | None
    title: str
    content_html: str  # "" unless the source's content right is "full"
    excerpt: str  # "" where the source's content right is "title"
    authors: tuple[str, ...]
    categories: tuple[str, ...]
    image: Image | None
    enclosures: tuple[Enclosure, ...]
    lang: str
    dir: Direction
    published_at: datetime
    updated_at: datetime
    first_seen_at: datetime
    sections: tuple[str, ...]  # section references, sorted
    coverage: tuple[Coverage, ...]  # every source that carries it, the lead first


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHead:
    """All that a published feed says of itself. URLs are absolute."""

    id: str  # tag URI, permanent
    title: str
    description: str
    lang: str  # BCP 47
    dir: Direction
    home_url: str  # the HTML page of the same content
    article_root: str  # our article page is article_root + article.id
    rss_url: str
    atom_url: str
    json_url: str
    ttl: timedelta
    icon_url: str | None
    updated_at: datetime  # of the last change a reader would see; never the time of rendering
