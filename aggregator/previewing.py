"""`aggregator preview`: what a poll of a source would bring, item by item and why; nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aggregator.classify import describe_rule
from aggregator.config import Settings
from aggregator.config.editing import draft_source, find_owner
from aggregator.model import Entry, Placement, Source
from aggregator.outcome import trusts_guids
from aggregator.probe import Finding, Prober, describe_probe
from aggregator.reading import Inspection
from aggregator.saving import Fate, foresee
from aggregator.store import Store, ids, sources
from aggregator.store.engine import find_store

_STORED = {
    "edited": "it is stored, and was edited since",
    "known": "it is stored as it is",
    "pruned": "it was stored once and pruned since, and does not come back",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewItem:
    """One item; the fields are the keys of its JSON."""

    decision: Literal["new", "merged", "edited", "known", "pruned", "dropped"]
    why: str
    title: str
    url: str | None
    published_at: datetime
    section: str | None  # section reference; None: it is dropped
    section_why: str | None
    article: str | None  # the article that a merged one would join


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A source's document as a poll would take it; the fields are the keys of its JSON."""

    configured: bool
    source: Finding
    items: tuple[PreviewItem, ...]  # the newest first


def preview_source(
    settings: Settings,
    prober: Prober,
    name: str,
    *,
    section: str | None,
    environ: Mapping[str, str],
    now: datetime,
    choose: Callable[[tuple[str, ...]], str],
) -> Preview:
    """Fetch a configured source by id or URL, or any feed, and foresee what a poll would make of it.

    A feed that is not configured is taken for a source of `section`, else of the first section there is.
    Raises ConfigError where there is no such source, and whatever is wrong with the feed.
    """

    def make_source(url: str) -> Source:
        return find_owner(settings, url) or draft_source(settings, url, section=section, environ=environ)

    store = find_store(settings.store_url)
    try:
        if "://" in name and find_owner(settings, name) is None:
            probe = prober.find_feed(name, make_source, now=now, choose=choose)
        else:
            source = find_owner(settings, name) or settings.get_source(name)
            probe = prober.probe(source, now=now, trust_guids=_trusts_guids(store, source))
            if probe.error is not None:
                raise probe.error
        assert probe.inspection is not None
        places = {source.id: place for place, source in enumerate(settings.sources)}
        rank = places.get(probe.source.id, len(places))
        items = _list_items(probe.inspection, store, rank=rank)
        return Preview(
            configured=probe.source.id in places,
            source=describe_probe(probe),
            items=tuple(sorted(items, key=lambda item: item.published_at, reverse=True)),
        )
    finally:
        if store is not None:
            store.close()


def _trusts_guids(store: Store | None, source: Source) -> bool:
    if store is None:
        return True
    with store.read() as tx:
        states = sources.list_source_states(tx, [source.id])
    return all(trusts_guids(state.pace) for state in states)


def _list_items(found: Inspection, store: Store | None, *, rank: int) -> Iterator[PreviewItem]:
    read = found.reading.entries
    fates: tuple[Fate, ...] = (Fate(kind="new"),) * len(read)
    if store is not None:
        with store.read() as tx:
            fates = foresee(tx, read, rank=rank)
    for one, fate in zip(read, fates, strict=True):
        yield _describe_kept(one.entry, one.placement, fate)
    for entry, rule in found.unwanted:
        yield PreviewItem(
            decision="dropped",
            why=f"the skip rule {describe_rule(rule)}",
            title=entry.title,
            url=entry.url,
            published_at=entry.published_at,
            section=None,
            section_why=None,
            article=None,
        )


def _describe_kept(entry: Entry, placement: Placement, fate: Fate) -> PreviewItem:
    assignment = fate.assignment
    merged = assignment is not None and assignment.article_id is not None
    why = _STORED.get(fate.kind, "no entry stored is a copy of it")
    if assignment is not None and merged:
        why = f"{assignment.decision.rule}: {assignment.decision.evidence}"
    decided = placement.decision
    return PreviewItem(
        decision="merged" if merged else fate.kind,
        why=why,
        title=entry.title,
        url=entry.url,
        published_at=entry.published_at,
        section=placement.section,
        section_why=f"the rule {decided.evidence}" if decided.rule == "rule" else decided.evidence,
        article=ids.encode_id(assignment.article_id) if assignment and assignment.article_id else None,
    )
