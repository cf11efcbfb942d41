"""The index of near-duplicates: who shares some of an entry's word triples.

Each hash of a sketch keeps at most SLOTS entries, newer ones in the place of older, so that neither a look-
up nor a list grows with the archive, whatever phrase every agency uses. Signatures live as long as copies
of an entry appear, and are forgotten a chunk at a time.
"""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from aggregator.model import Candidate, Fingerprint
from aggregator.store.engine import Transaction, insert_rows, read_rows, write_rows
from aggregator.store.entries import RULING
from aggregator.store.ids import batched_ids
from aggregator.store.tables import entries, revisions, signatures, sketches, to_microseconds

SLOTS = 64
LIFETIME = timedelta(days=7)
FORGOTTEN_AT_ONCE = 200

_COLUMNS = (
    entries.c.id,
    entries.c.article_id,
    entries.c.article_rule,
    entries.c.source_id,
    entries.c.url_key,
    entries.c.title_key,
    entries.c.text_key,
    entries.c.published_at,
    signatures.c.sketch,
    signatures.c.folded,
    select(revisions.c.entry_id).where(revisions.c.entry_id == entries.c.id).exists().label("edited"),
)

_HOLDERS = select(sketches.c.hash, sketches.c.entry_id).where(
    sketches.c.published_at >= bindparam("since", None), sketches.c.hash.in_(bindparam("ids", expanding=True))
)
_signed = insert(signatures)
_SIGN = _signed.on_conflict_do_update(
    index_elements=["entry_id"],
    set_={name: _signed.excluded[name] for name in ("signed_at", "sketch", "folded")},
)
_placed = insert(sketches)
_PLACE = _placed.on_conflict_do_update(
    index_elements=["hash", "slot"],
    set_={name: _placed.excluded[name] for name in ("entry_id", "published_at")},
)
_CLEAR = delete(sketches).where(
    sketches.c.hash == bindparam("hash"),
    sketches.c.slot == bindparam("slot"),
    sketches.c.entry_id == bindparam("entry_id"),
)


def list_candidates(
    tx: Transaction, fresh: Collection[Candidate], *, since: datetime, shared: int, common: int
) -> tuple[Candidate, ...]:
    """Stored entries published since then that might be copies of a fresh one, and their articles' founders.

    They have its URL key or its text key, or at least `shared` of its sketch's hashes, of which those that
    `common` entries have do not count.
    """
    prints = [candidate.fingerprint for candidate in fresh]
    url_keys = {f.url_key for f in prints if f.url_key is not None}
    text_keys = {f.text_key for f in prints if f.text_key is not None}
    found: dict[int, Candidate] = {}
    for column, keys in (
        (entries.c.url_key, url_keys),
        (entries.c.text_key, text_keys),
        (entries.c.id, _list_neighbours(tx, prints, since=since, shared=shared, common=common)),
    ):
        found |= _read(tx, column, keys, since=since)
    founders = {candidate.article_id for candidate in found.values()} - found.keys()
    found |= _read(tx, entries.c.id, founders, since=None)
    return tuple(found.values())


def list_members(tx: Transaction, article_ids: Collection[int]) -> tuple[Candidate, ...]:
    """All entries of these articles."""
    return tuple(_read(tx, entries.c.article_id, article_ids, since=None).values())


def find_candidate(tx: Transaction, entry_id: int) -> Candidate | None:
    return _read(tx, entries.c.id, {entry_id}, since=None).get(entry_id)


def record_signatures(tx: Transaction, signed: Collection[Candidate], *, now: datetime) -> None:
    """Make new entries findable by their words."""
    known = [c for c in signed if c.fingerprint.sketch]
    if not known:
        return
    rows = [
        {
            "entry_id": c.entry_id,
            "signed_at": now,
            "sketch": _pack(c.fingerprint.sketch),
            "folded": c.fingerprint.folded,
        }
        for c in known
    ]
    insert_rows(tx, _SIGN, rows)
    places = []
    for c in known:
        place = (c.entry_id % SLOTS, c.entry_id, to_microseconds(c.published_at))
        places += [(value, *place) for value in c.fingerprint.sketch]
    places.sort(key=itemgetter(0))  # in the order of the table: each page of it is written once
    write_rows(tx, _PLACE, places)


def renew_signature(tx: Transaction, edited: Candidate, *, now: datetime) -> None:
    """Make an edited entry findable by its new words, and by its old ones no more."""
    query = select(signatures.c.entry_id, signatures.c.sketch)
    _drop(tx, tx.execute(query.where(signatures.c.entry_id == edited.entry_id)).all())
    record_signatures(tx, [edited], now=now)


def forget_signatures(tx: Transaction, *, before: datetime, limit: int = FORGOTTEN_AT_ONCE) -> int:
    """Drop some signatures that were recorded before then, the oldest first; how many."""
    old = select(signatures.c.entry_id, signatures.c.sketch).where(signatures.c.signed_at < before)
    rows = tx.execute(old.order_by(signatures.c.signed_at).limit(limit)).all()
    _drop(tx, rows)
    return len(rows)


def _drop(tx: Transaction, rows: Sequence[Row[*tuple[Any, ...]]]) -> None:
    places = [(value, row.entry_id % SLOTS, row.entry_id) for row in rows for value in _unpack(row.sketch)]
    write_rows(tx, _CLEAR, sorted(places))
    for chunk in batched_ids([row.entry_id for row in rows]):
        tx.execute(delete(signatures).where(signatures.c.entry_id.in_(chunk)))


def _list_neighbours(
    tx: Transaction, prints: Sequence[Fingerprint], *, since: datetime, shared: int, common: int
) -> set[int]:
    holders = _list_holders(tx, {value for f in prints for value in f.sketch}, since=since)
    found: set[int] = set()
    for fingerprint in prints:
        holding = [holders[value] for value in fingerprint.sketch if value in holders]
        counts = Counter(chain.from_iterable(held for held in holding if len(held) < common))
        found.update(entry_id for entry_id, count in counts.items() if count >= shared)
    return found


def _list_holders(tx: Transaction, hashes: Collection[int], *, since: datetime) -> Mapping[int, list[int]]:
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for value, entry_id in read_rows(tx, _HOLDERS, hashes, to_microseconds(since)):
        holders[value].append(entry_id)
    return holders


def _read(
    tx: Transaction, column: ColumnElement[Any], keys: Collection[int], *, since: datetime | None
) -> dict[int, Candidate]:
    found = {}
    for chunk in batched_ids(keys):
        query = select(*_COLUMNS).outerjoin(signatures, signatures.c.entry_id == entries.c.id)
        query = query.where(column.in_(chunk))
        if since is not None:
            query = query.where(entries.c.published_at >= since)
        for row in tx.execute(query).all():
            found[row.id] = _candidate(row)
    return found


def _candidate(row: Row[*tuple[Any, ...]]) -> Candidate:
    ruled = row.article_rule == RULING
    return Candidate(
        entry_id=row.id,
        article_id=row.article_id,
        source_id=row.source_id,
        fingerprint=Fingerprint(
            url_key=row.url_key,
            title_key=row.title_key,
            text_key=row.text_key,
            sketch=_unpack(row.sketch or b""),
            folded=row.folded or "",
        ),
        published_at=row.published_at,
        ruled=ruled,
        settled=ruled or row.edited or row.folded is None,
    )


def _pack(sketch: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(sketch)}I", *sketch)


def _unpack(packed: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(packed) // 4}I", packed)
