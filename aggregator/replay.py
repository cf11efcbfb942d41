"""`aggregator replay`: what the feeds would list under another configuration, from what is stored."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from aggregator.classify import find_skip, place_entry
from aggregator.config import Settings
from aggregator.errors import StoreError
from aggregator.model import Site, Source
from aggregator.publish.mixing import DEPTH, FEED_ITEMS, mix_newest
from aggregator.store import Transaction, articles, listings
from aggregator.store.engine import find_store
from aggregator.store.members import Member, list_listed_sections, list_members, list_rights


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    diff: str  # "" where nothing would differ
    feeds: int
    changed: int
    left_out: Mapping[str, int]  # entries stored of sources that the configuration does not have, by source


class _Listed(NamedTuple):
    """An article as a feed would list it."""

    published_at: datetime
    article_id: int
    source_id: str
    title: str


def replay(settings: Settings) -> Replay:
    """Compare the feeds as they are with those that this configuration would have made of the same entries.

    Sections, rules, skips, rights and sources are taken as if they had always been in force; which entries
    are one article stays. Nothing is written. A line is an article: title, source and right of the entry that
    leads it. Raises StoreError where nothing is stored.
    """
    store = find_store(settings.store_url)
    if store is None:
        raise StoreError(
            f"nothing is stored yet where [store] url of {settings.path} leads to: a relative file is looked "
            "for beside the configuration, so put that beside the present one"
        )
    try:
        with store.read() as tx:
            new, left_out = _list_new(settings, list_members(tx))
            return _compare(settings, tx, new, left_out)
    finally:
        store.close()


def _compare(
    settings: Settings, tx: Transaction, new: Mapping[str, Sequence[_Listed]], left_out: Mapping[str, int]
) -> Replay:
    rights = list_rights(tx)
    by_id = {source.id: source for source in settings.sources}
    parts, changed = [], 0
    pairs = list(_pair_feeds(settings.site, list_listed_sections(tx)))
    for old, ref in pairs:
        before = _list_present(tx, old, rights) if old else []
        after = (
            [] if ref is None else [_describe(by_id[one.source_id], one) for one in _mix(new.get(ref, ()))]
        )
        diff = list(unified_diff(before, after, old or "(nothing)", ref or "(nothing)", lineterm=""))
        parts += diff
        changed += bool(diff)
    return Replay(diff="\n".join(parts), feeds=len(pairs), changed=changed, left_out=left_out)


def _list_new(
    settings: Settings, members: Iterator[Member]
) -> tuple[Mapping[str, list[_Listed]], Mapping[str, int]]:
    by_id = {source.id: source for source in settings.sources}
    found: defaultdict[str, list[_Listed]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    for article_id, group in groupby(members, key=attrgetter("article_id")):
        placed = []
        for member in group:
            if member.source_id not in by_id:
                left_out[member.source_id] += 1
            elif section := _place(by_id[member.source_id], member):
                placed.append((member, section))
        if not placed:
            continue
        lead = placed[0][0]
        listed = _Listed(lead.article_at, article_id, lead.source_id, lead.title)
        refs = {section for _, section in placed}
        for ref in refs | {f"{section.partition('/')[0]}/{articles.ALL}" for section in refs}:
            _keep_newest(found[ref], listed)
    return found, left_out


def _place(source: Source, member: Member) -> str | None:
    """The section of an entry; None where a skip rule drops it."""
    title, url, categories = member.title, member.url, member.categories
    if find_skip(source, title=title, url=url, categories=categories) is not None:
        return None
    return place_entry(source, title=title, url=url, categories=categories).section


def _keep_newest(listed: list[_Listed], one: _Listed) -> None:
    """Add an article; of an archive of years no more is kept than a feed can be chosen from."""
    listed.append(one)
    if len(listed) > 2 * DEPTH * FEED_ITEMS:
        listed.sort(reverse=True)
        del listed[DEPTH * FEED_ITEMS :]


def _mix(listed: Sequence[_Listed]) -> tuple[_Listed, ...]:
    newest = sorted(listed, reverse=True)
    return mix_newest(lambda count: newest[:count], attrgetter("source_id"), limit=FEED_ITEMS)


def _list_present(tx: Transaction, section: str, rights: Mapping[str, str]) -> list[str]:
    chosen = mix_newest(
        lambda count: listings.list_newest(tx, section, limit=count),
        attrgetter("source_id"),
        limit=FEED_ITEMS,
    )
    found = articles.get_articles(tx, [one.article_id for one in chosen])
    return [_render_line(a.title, a.origin.name, rights[a.origin.id]) for a in found]


def _describe(source: Source, one: _Listed) -> str:
    return _render_line(one.title, source.name, source.content)


def _render_line(title: str, source_name: str, right: str) -> str:
    return f"{title} ({source_name}, {right})"


def _pair_feeds(site: Site, stored: frozenset[str]) -> Iterator[tuple[str | None, str | None]]:
    """Each feed as it is named now and as it would be; None: there is none. A former id names its section."""
    left = set(stored)
    for edition in site.editions:
        names: list[tuple[str, tuple[str, ...]]] = [(f"{edition.id}/{articles.ALL}", ())]
        names += [
            (s.ref, tuple(f"{edition.id}/{old}" for old in s.old_ids)) for s in site.list_sections(edition.id)
        ]
        for ref, former in names:
            old = next((name for name in (ref, *former) if name in left), None)
            left.discard(old or "")
            yield old, ref
    for gone in sorted(left):
        yield gone, None
