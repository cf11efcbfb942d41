"""The tables. A change here needs a migration in migrations/versions; a test compares the two."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import zstandard
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    and_,
)
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LEAST_PACKED = 200  # characters


def to_microseconds(at: datetime) -> int:
    """How UtcDateTime writes it."""
    return (at - _EPOCH) // _MICROSECOND


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime kept as microseconds since 1970: one integer, ordered, on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class Seconds(TypeDecorator[timedelta]):
    """A span of time kept as whole seconds."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: timedelta | None, dialect: Dialect) -> int | None:
        return None if value is None else value // timedelta(seconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> timedelta | None:
        return None if value is None else timedelta(seconds=value)


class _Codec(threading.local):
    """Of each thread its own: making one takes longer than packing a text."""

    def __init__(self) -> None:
        self.pack = zstandard.ZstdCompressor(level=1).compress
        self.unpack = zstandard.ZstdDecompressor().decompress


class PackedText(TypeDecorator[str]):
    """A long text. SQLite keeps it as a zstd frame, a third of the size; PostgreSQL packs by itself.

    A text that is short, or that an earlier version wrote, stands there as it is.
    """

    impl = Text
    cache_ok = True

    _codec = _Codec()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | bytes | None:
        if value is None or len(value) < _LEAST_PACKED or dialect.name != "sqlite":
            return value
        return self._codec.pack(value.encode())

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return self._codec.unpack(value).decode() if isinstance(value, bytes) else value


# "BIGINT PRIMARY KEY" would cost SQLite a second B-tree; "INTEGER PRIMARY KEY" is its rowid.
BigId = BigInteger().with_variant(Integer, "sqlite")

# Ids and addresses sort by their bytes, as SQLite sorts them: a database's own collation may pass over "-".
Label = String().with_variant(String(collation="C"), "postgresql")

metadata = MetaData()

meta = Table(
    "meta",
    metadata,
    Column("key", Label, primary_key=True),
    Column("value", Label, nullable=False),
)

hosts = Table(
    "hosts",
    metadata,
    Column("host", Label, primary_key=True),
    Column("lease_token", Label),
    Column("lease_owner", Label),
    Column("lease_until", UtcDateTime),
    Column("not_before", UtcDateTime),  # the host has asked to be left alone until then
    sqlite_with_rowid=False,
)

sources = Table(
    "sources",
    metadata,
    Column("id", Label, primary_key=True),
    Column("configured", Boolean, nullable=False),  # False: no longer in config.toml
    Column("name", Label, nullable=False),
    Column("url", Label, nullable=False),
    Column("poll_url", Label, nullable=False),  # url, unless it has moved for good
    Column("host", Label, nullable=False),
    Column("disabled_at", UtcDateTime),  # gone for good; NULL: polled
    Column("pace", JSON, nullable=False),
    Column("content", Label, nullable=False),  # the right to publish: title, summary, full
    # Hashes of the settings that placing and reading entries depend on, to see when they change.
    Column("placing", LargeBinary, nullable=False),
    Column("reading", LargeBinary, nullable=False),
    Column("site_url", Label),
    Column("icon_url", Label),
    Column("etag", Label),
    Column("last_modified", Label),
    Column("body_hash", LargeBinary),
    Column("next_poll_at", UtcDateTime, nullable=False),
    Column("last_polled_at", UtcDateTime),
    Column("last_success_at", UtcDateTime),
    Column("last_read_at", UtcDateTime),  # when a body was last read to its end: not by a 304
    Column("failing_since", UtcDateTime),
    Column("failures", Integer, nullable=False),
    Column("last_error", Label),
    Column("problems", JSON, nullable=False),  # what was repaired or dropped in the last body
    Column("skipped", Integer, nullable=False),
    Column("boilerplate", JSON),  # what its texts begin and end with; NULL: nothing is known
    Column("polls", Label),  # the last ones, as polls.py writes them; NULL: none yet
    Column("not_before", UtcDateTime),  # nobody may have it polled earlier; NULL: than is planned
    Index("ix_sources_due", "host", "next_poll_at"),
    sqlite_with_rowid=False,
)

POLLED = and_(sources.c.configured, sources.c.disabled_at.is_(None))

entries = Table(
    "entries",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("source_id", Label, nullable=False),
    Column("guid", Label, nullable=False),
    Column("article_id", BigInteger, nullable=False),
    Column("article_rule", Label, nullable=False),
    Column("article_evidence", Label, nullable=False),
    Column("article_score", Float),
    Column("article_threshold", Float),
    Column("article_match", BigInteger),  # the entry that decided it
    Column("section", Label, nullable=False),
    Column("section_rule", Label, nullable=False),
    Column("section_evidence", Label, nullable=False),
    Column("url_key", BigInteger),
    Column("title_key", BigInteger, nullable=False),
    Column("text_key", BigInteger),
    Column("raw_hash", LargeBinary, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("lang", Label, nullable=False),
    Column("dir", Label, nullable=False),
    Column("url", Label),
    Column("title", Label, nullable=False),
    Column("authors", JSON, nullable=False),
    Column("categories", JSON, nullable=False),
    Column("image", JSON),
    Column("enclosures", JSON, nullable=False),
    Column("excerpt", Text, nullable=False),
    Column("content_html", PackedText, nullable=False),
    Index("ix_entries_source", "source_id", "published_at"),
    Index("ix_entries_article", "article_id"),
    Index("ix_entries_url_key", "url_key"),
    Index("ix_entries_text_key", "text_key"),
    Index("ix_entries_first_seen", "first_seen_at"),
)

# What near-duplicates are found by, for as long as copies of an entry appear.
signatures = Table(
    "signatures",
    metadata,
    Column("entry_id", BigId, primary_key=True, autoincrement=False),
    Column("signed_at", UtcDateTime, nullable=False),
    Column("sketch", LargeBinary, nullable=False),  # four bytes a hash, little-endian
    Column("folded", PackedText, nullable=False),
    Index("ix_signatures_signed", "signed_at"),
)

# The same by hash. Each hash has so many slots and no more: a new entry takes the place of an old one.
sketches = Table(
    "sketches",
    metadata,
    Column("hash", BigInteger, primary_key=True, autoincrement=False),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("entry_id", BigInteger, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)

revisions = Table(
    "revisions",
    metadata,
    Column("entry_id", BigInteger, primary_key=True),
    Column("replaced_at", UtcDateTime, primary_key=True),
    Column("title", Label, nullable=False),
    Column("url", Label),
    Column("content_html", PackedText, nullable=False),
    sqlite_with_rowid=False,
)

# Pruned entries that a feed may still list: they must not come back as new.
tombstones = Table(
    "tombstones",
    metadata,
    Column("entry_id", BigId, primary_key=True, autoincrement=False),
    Column("source_id", Label, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Index("ix_tombstones_last_seen", "last_seen_at"),
)

articles = Table(
    "articles",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),
    Column("lead_entry_id", BigInteger, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("story_id", BigInteger),  # the id of the article that founded it; NULL: not decided yet
    Column("story_rule", Label),
    Column("story_score", Float),
    Column("story_threshold", Float),
    Column("story_words", Label),  # what it has in common with the others of its story
    Column("story_near", BigInteger),  # the article that it nearly shared a story with; NULL: none
    Index("ix_articles_first_seen", "first_seen_at"),
    Index("ix_articles_story", "story_id", "published_at"),
)

# What stories are decided by, for as long as they grow.
vectors = Table(
    "vectors",
    metadata,
    Column("article_id", BigId, primary_key=True, autoincrement=False),
    Column("source_id", Label, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("weighed_at", UtcDateTime, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("links", JSON, nullable=False),
    Index("ix_vectors_weighed", "weighed_at"),
)

# The terms and links of entries that founded an article, as found where they were read: until it has a story.
essences = Table(
    "essences",
    metadata,
    Column("entry_id", BigId, primary_key=True, autoincrement=False),
    Column("packed", LargeBinary, nullable=False),  # by dedupe.essence
)

# Articles by their salient terms and their links, in so many slots and no more, as in sketches.
story_terms = Table(
    "story_terms",
    metadata,
    Column("term", BigInteger, primary_key=True, autoincrement=False),
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("article_id", BigInteger, nullable=False),
    Column("weight", Float, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)

# In how many articles a term has stood, in units that grow as fast as counts fade: none is ever rewritten.
term_counts = Table(
    "term_counts",
    metadata,
    Column("term", BigInteger, primary_key=True, autoincrement=False),
    Column("count", Float, nullable=False),
    sqlite_with_rowid=False,
)

# An admin's word on two articles, the lesser id first: one story, or never one.
story_rulings = Table(
    "story_rulings",
    metadata,
    Column("one", BigInteger, primary_key=True, autoincrement=False),
    Column("other", BigInteger, primary_key=True, autoincrement=False),
    Column("together", Boolean, nullable=False),
    Column("ruled_at", UtcDateTime, nullable=False),
    Index("ix_story_rulings_other", "other"),
    sqlite_with_rowid=False,
)

# Articles and stories that went into others: their addresses lead there.
redirects = Table(
    "redirects",
    metadata,
    Column("kind", Label, primary_key=True),  # article, story
    Column("from_id", BigInteger, primary_key=True, autoincrement=False),
    Column("into_id", BigInteger, nullable=False),
    Column("withdrawn_at", UtcDateTime),  # when feeds were told of it; NULL: never, as of stories
    sqlite_with_rowid=False,
)

# Which articles a section lists, newest first; the section "edition/all" lists every article of it.
article_sections = Table(
    "article_sections",
    metadata,
    Column("section", Label, primary_key=True),
    Column("published_at", UtcDateTime, primary_key=True),
    Column("article_id", BigInteger, primary_key=True),
    Index("ix_article_sections_article", "article_id"),
    sqlite_with_rowid=False,
)

# Articles as search reads them: stems, of what readers may see. The migration puts an index beside it that
# follows every change by triggers (SQLite) or by a generated column (PostgreSQL).
search_texts = Table(
    "search_texts",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=False),  # in the order of publication
    Column("article_id", BigInteger, nullable=False),
    Column("lang", Label, nullable=False),  # whose stems these are
    Column("title", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("places", Text, nullable=False),  # its edition, sections and sources
    Index("ix_search_texts_article", "article_id", unique=True),
    Index("ix_search_texts_lang", "lang"),
)
