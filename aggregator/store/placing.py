"""What sections are learned from, what is learned, and which entries wait for it."""

from __future__ import annotations

import json
from base64 import b85decode, b85encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from aggregator.model import SectionModel
from aggregator.store.engine import Transaction
from aggregator.store.tables import entries
from aggregator.store.values import find_value, save_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """An entry as sections are learned from and guessed by."""

    id: int
    article_id: int
    section: str
    title: str
    excerpt: str
    lang: str


_COLUMNS = (
    entries.c.id,
    entries.c.article_id,
    entries.c.section,
    entries.c.title,
    entries.c.excerpt,
    entries.c.lang,
)


def list_ruled(tx: Transaction, *, edition: str, limit: int) -> list[Wording]:
    """The newest entries of an edition that rules have placed."""
    query = select(*_COLUMNS).where(
        entries.c.section_rule == "rule", entries.c.section.startswith(f"{edition}/", autoescape=True)
    )
    newest = query.order_by(entries.c.first_seen_at.desc(), entries.c.id).limit(limit)
    return [Wording(**row._mapping) for row in tx.execute(newest)]


def list_unplaced(
    tx: Transaction, source_ids: Collection[str], *, since: datetime, limit: int
) -> list[Wording]:
    """Entries of these sources that no rule has placed and nobody has guessed at."""
    query = select(*_COLUMNS).where(
        entries.c.source_id.in_(source_ids),
        entries.c.section_rule == "source",
        entries.c.first_seen_at >= since,
    )
    return [Wording(**row._mapping) for row in tx.execute(query.order_by(entries.c.id).limit(limit))]


def find_model(tx: Transaction, edition: str) -> SectionModel | None:
    value = find_value(tx, _key(edition))
    if value is None:
        return None
    found = json.loads(value)
    return SectionModel(
        learned_at=datetime.fromisoformat(found["learned_at"]),
        sections=tuple(found["sections"]),
        biases=tuple(found["biases"]),
        scale=found["scale"],
        weights=tuple(map(b85decode, found["weights"])),
    )


def save_model(tx: Transaction, edition: str, model: SectionModel) -> None:
    value = {
        "learned_at": model.learned_at.isoformat(),
        "sections": model.sections,
        "biases": model.biases,
        "scale": model.scale,
        "weights": _encode(model.weights),
    }
    save_value(tx, _key(edition), json.dumps(value))


def _encode(weights: Sequence[bytes]) -> list[str]:
    return [b85encode(row).decode() for row in weights]


def _key(edition: str) -> str:
    return f"sections:{edition}"
