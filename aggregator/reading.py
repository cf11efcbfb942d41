"""What happens to a body in a worker process: bytes in, entries ready for the store out.

Parse, clean, fingerprint and classify in one call, so that a document crosses the border between processes
once each way. Apart from refresh.py so that a worker loads no database and no HTTP client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from time import process_time

from aggregator.classify import describe_rule, find_skip, place_entry
from aggregator.clean.entries import clean_entries
from aggregator.clean.words import plain_line
from aggregator.dedupe.boilerplate import learn_boilerplate
from aggregator.dedupe.essence import find_essence, pack_essence
from aggregator.dedupe.fingerprint import fingerprint_entries
from aggregator.model import (
    Boilerplate,
    Entry,
    Fingerprint,
    ParsedFeed,
    ReadEntry,
    Rule,
    SearchWords,
    Source,
    SourceReading,
)
from aggregator.parse.feeds import parse_feed
from aggregator.stems import find_visible, stem_article


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """A document as an admin looks at it before it is polled."""

    format: str  # as in ParsedFeed
    title: str  # plain text; "" where it has none
    lang: str | None  # of the feed, else of its first entry
    reading: SourceReading
    unwanted: tuple[tuple[Entry, Rule], ...]  # what skip rules drop, each with the rule


def read_document(
    body: bytes,
    url: str,
    *,
    content_type: str | None,
    source: Source,
    seen_at: datetime,
    known: Collection[bytes] = frozenset(),
    boilerplate: Boilerplate | None = None,
    trust_guids: bool = True,
) -> SourceReading:
    """Read one document of a source: what is new in it or changed, given the raw hashes of what is `known`
    and the `boilerplate` that was learned of its documents before.

    Without `trust_guids` its items are told apart by their links, or their words, as in a feed without guids.
    Raises ParseError when it is not a feed that can be read.
    """
    began = process_time()
    feed = _parse(body, url, content_type=content_type, source=source, trust_guids=trust_guids)
    reading, _ = _read_feed(feed, source=source, seen_at=seen_at, known=known, boilerplate=boilerplate)
    return replace(reading, cpu_seconds=process_time() - began)


def inspect_document(
    body: bytes,
    url: str,
    *,
    content_type: str | None,
    source: Source,
    seen_at: datetime,
    trust_guids: bool = True,
) -> Inspection:
    """Read one document of a source as if nothing of it were known, and say what it is.

    Raises ParseError when it is not a feed that can be read.
    """
    feed = _parse(body, url, content_type=content_type, source=source, trust_guids=trust_guids)
    reading, unwanted = _read_feed(feed, source=source, seen_at=seen_at)
    entries = (*(read.entry for read in reading.entries), *(entry for entry, _ in unwanted))
    return Inspection(
        format=feed.format,
        title=plain_line(feed.title),
        lang=feed.lang or next((entry.lang for entry in entries), None),
        reading=reading,
        unwanted=unwanted,
    )


def _parse(
    body: bytes, url: str, *, content_type: str | None, source: Source, trust_guids: bool
) -> ParsedFeed:
    feed = parse_feed(body, url=url, content_type=content_type, max_entries=source.max_entries)
    if trust_guids:
        return feed
    return replace(feed, entries=tuple(replace(entry, guid=None) for entry in feed.entries))


def _read_feed(
    feed: ParsedFeed,
    *,
    source: Source,
    seen_at: datetime,
    known: Collection[bytes] = frozenset(),
    boilerplate: Boilerplate | None = None,
) -> tuple[SourceReading, tuple[tuple[Entry, Rule], ...]]:
    """The reading, and what skip rules have dropped of it."""
    cleaned = clean_entries(feed, source=source, seen_at=seen_at, known=known)
    wanted, unwanted = _drop_unwanted(cleaned.entries, source)
    skipped = Counter(describe_rule(rule) for _, rule in unwanted)
    learned = learn_boilerplate([entry.text for entry in wanted], boilerplate or Boilerplate())
    prints = fingerprint_entries(wanted, other_urls=cleaned.known_urls, boilerplate=learned)
    reading = SourceReading(
        site_url=feed.site_url,
        icon_url=feed.icon_url,
        hints=feed.hints,
        entries=tuple(_read_entry(e, f, source) for e, f in zip(wanted, prints, strict=True)),
        unchanged=len(cleaned.known_urls),
        skipped=cleaned.dropped + sum(skipped.values()),
        problems=feed.problems
        + cleaned.problems
        + tuple(f"{count} skipped by the rule {rule}" for rule, count in skipped.items()),
        boilerplate=learned,
    )
    return reading, unwanted


def _drop_unwanted(
    entries: tuple[Entry, ...], source: Source
) -> tuple[tuple[Entry, ...], tuple[tuple[Entry, Rule], ...]]:
    wanted, unwanted = [], []
    for entry in entries:
        rule = find_skip(source, title=entry.title, url=entry.url, categories=entry.categories)
        if rule is None:
            wanted.append(entry)
        else:
            unwanted.append((entry, rule))
    return tuple(wanted), tuple(unwanted)


def _read_entry(entry: Entry, fingerprint: Fingerprint, source: Source) -> ReadEntry:
    placement = place_entry(source, title=entry.title, url=entry.url, categories=entry.categories)
    visible = find_visible(source.content, full=entry.text, excerpt=entry.excerpt)
    lang, title, body = stem_article(entry.title, visible, entry.lang)
    words = SearchWords(content=source.content, lang=lang, title=title, body=body)
    essence = pack_essence(find_essence(entry, fingerprint))
    return ReadEntry(entry=entry, fingerprint=fingerprint, placement=placement, words=words, essence=essence)
