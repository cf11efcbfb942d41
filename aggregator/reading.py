"""What happens to a body in a worker process: bytes in, entries ready for the store out.

Parse, clean, fingerprint and classify in one call, so that a document crosses the border between processes
once each way. Apart from refresh.py so that a worker loads no database and no HTTP client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from aggregator.classify import describe_rule, find_skip, place_entry
from aggregator.clean.entries import clean_entries
from aggregator.dedupe.fingerprint import fingerprint_entries
from aggregator.model import Entry, Fingerprint, ReadEntry, Source, SourceReading
from aggregator.parse.feeds import parse_feed


def read_document(
    body: bytes,
    url: str,
    *,
    content_type: str | None,
    source: Source,
    seen_at: datetime,
    known: Collection[bytes] = frozenset(),
    trust_guids: bool = True,
) -> SourceReading:
    """Read one document of a source: what is new in it or changed, given the raw hashes of what is `known`.

    Without `trust_guids` its items are told apart by their links, or their words, as in a feed without guids.
    Raises ParseError when it is not a feed that can be read.
    """
    feed = parse_feed(body, url=url, content_type=content_type, max_entries=source.max_entries)
    if not trust_guids:
        feed = replace(feed, entries=tuple(replace(entry, guid=None) for entry in feed.entries))
    cleaned = clean_entries(feed, source=source, seen_at=seen_at, known=known)
    wanted, skipped = _drop_unwanted(cleaned.entries, source)
    prints = fingerprint_entries(wanted, other_urls=cleaned.known_urls)
    return SourceReading(
        site_url=feed.site_url,
        icon_url=feed.icon_url,
        hints=feed.hints,
        entries=tuple(_read_entry(e, f, source) for e, f in zip(wanted, prints, strict=True)),
        unchanged=len(cleaned.known_urls),
        skipped=cleaned.dropped + sum(skipped.values()),
        problems=feed.problems
        + cleaned.problems
        + tuple(f"{count} skipped by the rule {rule}" for rule, count in skipped.items()),
    )


def _drop_unwanted(entries: tuple[Entry, ...], source: Source) -> tuple[tuple[Entry, ...], Counter[str]]:
    skipped: Counter[str] = Counter()
    wanted = []
    for entry in entries:
        rule = find_skip(source, title=entry.title, url=entry.url, categories=entry.categories)
        if rule is None:
            wanted.append(entry)
        else:
            skipped[describe_rule(rule)] += 1
    return tuple(wanted), skipped


def _read_entry(entry: Entry, fingerprint: Fingerprint, source: Source) -> ReadEntry:
    placement = place_entry(source, title=entry.title, url=entry.url, categories=entry.categories)
    return ReadEntry(entry=entry, fingerprint=fingerprint, placement=placement)
