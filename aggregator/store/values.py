"""Single values of the store, each under a name of its own."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from aggregator.store.engine import Transaction
from aggregator.store.tables import meta


def find_value(tx: Transaction, key: str) -> str | None:
    value: str | None = tx.execute(select(meta.c.value).where(meta.c.key == key)).scalar()
    return value


def save_value(tx: Transaction, key: str, value: str) -> None:
    row = insert(meta).values(key=key, value=value)
    tx.execute(row.on_conflict_do_update(index_elements=["key"], set_={"value": row.excluded.value}))


def forget_value(tx: Transaction, key: str) -> None:
    tx.execute(delete(meta).where(meta.c.key == key))
