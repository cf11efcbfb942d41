"""The write side of entries and their articles, and the plain listing of entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Integer,
    Select,
    String,
    and_,
    cast,
    delete,
    func,
    literal,
    select,
    true,
    union,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from aggregator.model import Assignment, Decision, Entry, Placement, ReadEntry, SearchWords
from aggregator.store import ids
from aggregator.store.engine import Transaction, insert_rows, write_rows
from aggregator.store.ids import batched_ids
from aggregator.store.search import Founded, index_articles, index_founded
from aggregator.store.tables import (
    article_sections,
    articles,
    entries,
    essences,
    meta,
    revisions,
    tombstones,
)
from aggregator.store.values import find_value, save_value

RULING = "ruling"  # the rule of what an admin has decided
_NO_STORY = {column.name: None for column in articles.c if column.name.startswith("story_")}
_INSERT_ARTICLE, _INSERT_ENTRY, _INSERT_ESSENCE = insert(articles), insert(entries), insert(essences)
_LIST = insert(article_sections).on_conflict_do_nothing()
_SLUG = "abcdefghijklmnopqrstuvwxyz0123456789-_"  # characters of a section's id


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEntry:
    id: int
    raw_hash: bytes
    content_hash: bytes
    article_id: int
    article_rule: str
    published_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEntry:
    id: int
    read: ReadEntry
    assignment: Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """One line of `aggregator entries`."""

    id: str
    guid: str
    source: str
    sections: tuple[str, ...]
    title: str
    url: str | None
    author: str | None
    published_at: datetime
    updated_at: datetime
    first_seen_at: datetime
    lang: str
    dir: str
    article: str
    story: str | None  # None: not decided yet


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedEntry:
    """What classify needs to place a stored entry anew."""

    id: int
    article_id: int
    title: str
    url: str | None
    categories: tuple[str, ...]


def find_known(tx: Transaction, entry_ids: Collection[int]) -> dict[int, KnownEntry]:
    """Those of the entries that are stored, by id."""
    columns = (
        entries.c.id,
        entries.c.raw_hash,
        entries.c.content_hash,
        entries.c.article_id,
        entries.c.article_rule,
        entries.c.published_at,
        entries.c.updated_at,
    )
    found = {}
    for chunk in batched_ids(entry_ids):
        for row in tx.execute(select(*columns).where(entries.c.id.in_(chunk))):
            found[row.id] = KnownEntry(**row._mapping)
    return found


def list_raw_hashes(tx: Transaction, source_id: str, *, limit: int) -> frozenset[bytes]:
    """The raw hashes of a source's newest entries: an item that has one of them is stored as it is."""
    newest = select(entries.c.raw_hash).where(entries.c.source_id == source_id)
    return frozenset(tx.execute(newest.order_by(entries.c.published_at.desc()).limit(limit)).scalars())


def find_pruned(tx: Transaction, entry_ids: Collection[int]) -> set[int]:
    """Those of the entries that were pruned."""
    found: set[int] = set()
    for chunk in batched_ids(entry_ids):
        found.update(
            tx.execute(select(tombstones.c.entry_id).where(tombstones.c.entry_id.in_(chunk))).scalars()
        )
    return found


def touch_tombstones(tx: Transaction, entry_ids: Collection[int], *, now: datetime) -> set[int]:
    """Those of the entries that were pruned. A feed lists them still, so their tombstones start anew."""
    found = find_pruned(tx, entry_ids)
    for chunk in batched_ids(found):
        tx.execute(update(tombstones).where(tombstones.c.entry_id.in_(chunk)).values(last_seen_at=now))
    return found


def insert_entries(tx: Transaction, new: Sequence[NewEntry]) -> None:
    """Store new entries, and the articles that they found."""
    if not new:
        return
    founded = [n for n in new if n.assignment.article_id is None]
    insert_rows(tx, _INSERT_ARTICLE, [_article_row(n) for n in founded])
    insert_rows(tx, _INSERT_ENTRY, [_entry_row(n) for n in new])
    essences_at_hand = [(n.id, n.read.essence) for n in founded if n.read.essence is not None]
    write_rows(tx, _INSERT_ESSENCE, essences_at_hand)
    places: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
    for n in new:
        places[_find_article(n)].add((n.read.entry.source_id, n.read.placement.section))
    grown = places.keys() - {n.id for n in founded}
    _list_founded(tx, founded, places)
    _list_in_sections(tx, grown)
    ready = [_describe(n, n.read.words, places[n.id]) for n in founded if n.read.words is not None]
    index_articles(tx, places.keys() - index_founded(tx, ready))


def _find_article(new: NewEntry) -> int:
    return new.id if new.assignment.article_id is None else new.assignment.article_id


def _describe(new: NewEntry, words: SearchWords, places: Collection[tuple[str, str]]) -> Founded:
    return Founded(
        article_id=new.id,
        source_id=new.read.entry.source_id,
        published_at=new.read.entry.published_at,
        words=words,
        places=frozenset(places),
    )


def update_entry(tx: Transaction, known: KnownEntry, read: ReadEntry, *, now: datetime) -> None:
    """Take over an edited entry: its dates of publication and first sight stay, the old text is kept.

    A change no reader would see (another token in an image's address) is taken over in silence.
    """
    values = _text_values(read)
    visible = known.content_hash != read.entry.content_hash
    if visible:
        edited_at = read.entry.updated_at if read.entry.updated_at > known.updated_at else now
        values["updated_at"] = edited_at
        old = select(
            entries.c.id,
            literal(now, revisions.c.replaced_at.type),
            entries.c.title,
            entries.c.url,
            entries.c.content_html,
        ).where(entries.c.id == known.id)
        names = ["entry_id", "replaced_at", "title", "url", "content_html"]
        tx.execute(insert(revisions).from_select(names, old).on_conflict_do_nothing())
        leads = and_(articles.c.id == known.article_id, articles.c.lead_entry_id == known.id)
        tx.execute(update(articles).where(leads).values(updated_at=edited_at))
    tx.execute(update(entries).where(entries.c.id == known.id).values(values))
    tx.execute(delete(essences).where(essences.c.entry_id == known.id))
    relist_articles(tx, {known.article_id})


def list_placed(tx: Transaction, source_id: str) -> Iterator[PlacedEntry]:
    """Every stored entry of a source, as classify sees it."""
    columns = (entries.c.id, entries.c.article_id, entries.c.title, entries.c.url, entries.c.categories)
    for row in tx.execute(select(*columns).where(entries.c.source_id == source_id)):
        values = dict(row._mapping)
        yield PlacedEntry(**values | {"categories": tuple(row.categories)})


def place_entries(tx: Transaction, placements: Mapping[int, Placement]) -> None:
    """Move stored entries to other sections. relist_articles must follow."""
    for entry_id, placement in placements.items():
        tx.execute(update(entries).where(entries.c.id == entry_id).values(_placement_values(placement)))


def move_entry(tx: Transaction, entry_id: int, assignment: Assignment) -> None:
    """Take an entry out of its article, into another or one of its own."""
    row = tx.execute(select(entries).where(entries.c.id == entry_id)).one()
    if assignment.article_id is None:
        names = ("published_at", "updated_at", "first_seen_at")
        dates = {name: row._mapping[name] for name in names}
        tx.execute(insert(articles).values(id=entry_id, lead_entry_id=entry_id, **dates))
    values = _article_values(entry_id, assignment)
    tx.execute(update(entries).where(entries.c.id == entry_id).values(values))
    relist_articles(tx, {row.article_id, values["article_id"]})


def relist_articles(tx: Transaction, article_ids: Collection[int]) -> None:
    """List articles in exactly the sections of their entries, and let search find them there."""
    for chunk in batched_ids(article_ids):
        tx.execute(delete(article_sections).where(article_sections.c.article_id.in_(chunk)))
    _list_in_sections(tx, article_ids)
    index_articles(tx, article_ids)


def rename_section(tx: Transaction, old: str, new: str) -> None:
    """Move whatever is still listed under a section's former reference."""
    listed = select(article_sections.c.article_id).where(article_sections.c.section == old)
    article_ids = tx.execute(listed).scalars().all()
    for chunk in batched_ids(article_ids):
        moved = and_(entries.c.article_id.in_(chunk), entries.c.section == old)
        tx.execute(update(entries).where(moved).values(section=new))
    relist_articles(tx, article_ids)


def bump_revision(tx: Transaction, *, now: datetime) -> None:
    """Say that what is published may have changed: every process renders anew what it is asked for."""
    bumped = cast(cast(meta.c.value, Integer) + 1, String)
    tx.execute(update(meta).where(meta.c.key == "revision").values(value=bumped))
    changed_at = now.isoformat(timespec="microseconds")
    tx.execute(update(meta).where(meta.c.key == "changed_at").values(value=changed_at))


def note_configuration(tx: Transaction, fingerprint: str, *, now: datetime) -> None:
    """Bump the revision if what is published is configured otherwise than when this was last noted."""
    if find_value(tx, "configuration") == fingerprint:
        return
    save_value(tx, "configuration", fingerprint)
    bump_revision(tx, now=now)


def list_entries(
    tx: Transaction, *, section: str | None = None, source_id: str | None = None
) -> Iterator[StoredEntry]:
    """Stored entries, newest first: all of them, of one section (edition/section) or of one source."""
    query: Select[*tuple[Any, ...]] = (
        select(entries, articles.c.story_id)
        .outerjoin(articles, articles.c.id == entries.c.article_id)
        .order_by(entries.c.published_at.desc(), entries.c.id)
    )
    if section is not None:
        query = query.where(entries.c.section == section)
    if source_id is not None:
        query = query.where(entries.c.source_id == source_id)
    for row in tx.execution_options(yield_per=500).execute(query):
        yield StoredEntry(
            id=ids.encode_id(row.id),
            guid=row.guid,
            source=row.source_id,
            sections=(row.section,),
            title=row.title,
            url=row.url,
            author=", ".join(row.authors) or None,
            published_at=row.published_at,
            updated_at=row.updated_at,
            first_seen_at=row.first_seen_at,
            lang=row.lang,
            dir=row.dir,
            article=ids.encode_id(row.article_id),
            story=None if row.story_id is None else ids.encode_id(row.story_id),
        )


def count_merged(tx: Transaction) -> dict[str, dict[str, int]]:
    """Per source, how many of its stored entries each rule put into another entry's article."""
    # The index on article_id alone tells which these are; the rows of the others stay unread.
    joined = select(entries.c.id).where(entries.c.article_id != entries.c.id)
    groups = (entries.c.source_id, entries.c.article_rule)
    query = select(*groups, func.count()).where(entries.c.id.in_(joined)).group_by(*groups).order_by(*groups)
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for source_id, rule, count in tx.execute(query):
        counts[source_id][rule] = count
    return counts


def _list_founded(
    tx: Transaction, founded: Sequence[NewEntry], places: Mapping[int, Collection[tuple[str, str]]]
) -> None:
    """As _list_in_sections, of articles that are new with all their entries: nothing is read back."""
    rows = set()
    for new in founded:
        for _, section in places[new.id]:
            edition, slash, _ = section.rpartition("/")
            rows |= {(ref, new.read.entry.published_at, new.id) for ref in (section, f"{edition}{slash}all")}
    names = ("section", "published_at", "article_id")
    insert_rows(tx, _LIST, [dict(zip(names, row, strict=True)) for row in sorted(rows)])


def _list_in_sections(tx: Transaction, article_ids: Collection[int]) -> None:
    edition_all = func.rtrim(entries.c.section, _SLUG) + "all"
    for chunk in batched_ids(article_ids):
        member = and_(entries.c.article_id == articles.c.id, articles.c.id.in_(chunk))
        placed = select(entries.c.section, articles.c.published_at, articles.c.id).where(member)
        placed_in_all = select(edition_all, articles.c.published_at, articles.c.id).where(member)
        rows = union(placed, placed_in_all)
        names = ["section", "published_at", "article_id"]
        # SQLite reads "SELECT ... ON CONFLICT" as the start of a join unless the SELECT has a WHERE.
        listed = select(rows.subquery()).where(true())
        tx.execute(insert(article_sections).from_select(names, listed).on_conflict_do_nothing())


def _article_values(entry_id: int, assignment: Assignment) -> dict[str, Any]:
    decision = assignment.decision
    return {
        "article_id": entry_id if assignment.article_id is None else assignment.article_id,
        "article_rule": decision.rule,
        "article_evidence": decision.evidence,
        "article_score": decision.score,
        "article_threshold": decision.threshold,
        "article_match": assignment.entry_id,
    }


def _article_row(new: NewEntry) -> dict[str, object]:
    entry = new.read.entry
    return {
        "id": new.id,
        "lead_entry_id": new.id,
        "published_at": entry.published_at,
        "updated_at": entry.updated_at,
        "first_seen_at": entry.first_seen_at,
        **_NO_STORY,
    }


def _entry_row(new: NewEntry) -> dict[str, object]:
    entry = new.read.entry
    return (
        _text_values(new.read)
        | _article_values(new.id, new.assignment)
        | {
            "id": new.id,
            "source_id": entry.source_id,
            "guid": entry.guid,
            "published_at": entry.published_at,
            "updated_at": entry.updated_at,
            "first_seen_at": entry.first_seen_at,
        }
    )


def _text_values(read: ReadEntry) -> dict[str, object]:
    """The columns that an edit replaces."""
    entry: Entry = read.entry
    return _placement_values(read.placement) | {
        "url_key": read.fingerprint.url_key,
        "title_key": read.fingerprint.title_key,
        "text_key": read.fingerprint.text_key,
        "raw_hash": entry.raw_hash,
        "content_hash": entry.content_hash,
        "lang": entry.lang,
        "dir": entry.dir,
        "url": entry.url,
        "title": entry.title,
        "authors": list(entry.authors),
        "categories": list(entry.categories),
        "image": None if entry.image is None else asdict(entry.image),
        "enclosures": [asdict(e) for e in entry.enclosures],
        "excerpt": entry.excerpt,
        "content_html": entry.content_html,
    }


def _placement_values(placement: Placement) -> dict[str, object]:
    decision: Decision = placement.decision
    return {
        "section": placement.section,
        "section_rule": decision.rule,
        "section_evidence": decision.evidence,
    }
