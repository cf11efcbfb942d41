"""What we make of a document: entries, and what is decided about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from aggregator.model.documents import Enclosure, Hints, Image
from aggregator.model.settings import ContentRight, Direction


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
    sketch: tuple[int, ...] = ()  # 32-bit hashes of word triples: near-duplicates share some of them
    folded: str = ""  # title, line end, and the text's first words, folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Why something was decided: kept beside what was decided, shown by `explain`."""

    rule: str
    evidence: str
    score: float | None = None  # None: the rule knows only yes and no
    threshold: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The section an entry was sorted into, and the rule that did it."""

    section: str  # section reference
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchWords:
    """What an article that this entry leads is searched by: stems with single spaces between them."""

    content: ContentRight  # of the source: what of the text readers may see, and find
    lang: str  # whose stems these are
    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionModel:
    """What words speak for which section of an edition, learned from entries that rules have placed."""

    learned_at: datetime
    sections: tuple[str, ...]  # section references, sorted
    biases: tuple[float, ...]  # one a section
    scale: float  # what one unit of a weight is worth
    weights: tuple[bytes, ...]  # one row a section, a signed byte for each slot of classify.py


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEntry:
    entry: Entry
    fingerprint: Fingerprint
    placement: Placement
    # Of an article that the entry founds. None: made when they are needed.
    words: SearchWords | None = None
    essence: bytes | None = None  # packed by dedupe.essence


@dataclass(frozen=True, slots=True, kw_only=True)
class Boilerplate:
    """What the texts of a source begin and end with, whatever they are about: folded words."""

    heads: tuple[str, ...] = ()
    tails: tuple[str, ...] = ()  # from the last word to the first


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading:
    """One document after parse, clean, fingerprint and classify: what goes to the store."""

    site_url: str | None
    icon_url: str | None
    hints: Hints
    entries: tuple[ReadEntry, ...]
    unchanged: int  # items that the store has as they are: not among the entries
    skipped: int  # entries dropped by skip rules, by max_entries or because nothing of them could be used
    problems: tuple[str, ...]
    boilerplate: Boilerplate = field(default_factory=Boilerplate)  # what is known now of the source's
    cpu_seconds: float = field(default=0.0, compare=False)  # what reading it took


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A stored entry that might be the same article as a new one."""

    entry_id: int
    article_id: int
    source_id: str
    fingerprint: Fingerprint
    published_at: datetime
    rank: int = 0  # of its source among those of the configuration; the first counts for most
    ruled: bool = False  # an admin has put it into its article
    settled: bool = False  # whatever comes in, it stays where it is: ruled, edited, or too old to be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The article a new entry belongs to. `article_id` None: it founds an article of its own."""

    article_id: int | None
    decision: Decision
    entry_id: int | None = None  # the entry of that article which decided it
