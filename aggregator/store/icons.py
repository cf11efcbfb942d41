"""The icons of sources' sites."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert

from aggregator.store.engine import Transaction
from aggregator.store.entries import bump_revision
from aggregator.store.service_tables import icons
from aggregator.store.tables import POLLED, sources


@dataclass(frozen=True, slots=True, kw_only=True)
class IconSite:
    """A source whose site is to be asked for its icon."""

    source_id: str
    site_url: str


def find_due_site(tx: Transaction, *, now: datetime) -> IconSite | None:
    """A source that has worked and whose icon is to be asked for by now; None: there is none."""
    due = or_(icons.c.next_at.is_(None), icons.c.next_at <= now)
    row = tx.execute(
        select(sources.c.id, sources.c.site_url)
        .outerjoin(icons, icons.c.source_id == sources.c.id)
        .where(POLLED, sources.c.failures == 0, sources.c.site_url.is_not(None), due)
        .order_by(sources.c.id)
        .limit(1)
    ).one_or_none()
    return None if row is None else IconSite(source_id=row.id, site_url=row.site_url)


def record_icon(
    tx: Transaction, site: IconSite, body: bytes, *, ending: str, next_at: datetime, now: datetime
) -> None:
    """Keep an icon in the place of the source's former one. `ending` is that of its file."""
    name = f"{sha256(body).hexdigest()[:16]}.{ending}"
    before = tx.execute(select(icons.c.name).where(icons.c.source_id == site.source_id)).scalar_one_or_none()
    _save(tx, site, {"name": name, "body": body, "error": None, "next_at": next_at})
    if name != before:
        bump_revision(tx, now=now)


def record_failure(tx: Transaction, site: IconSite, error: str, *, next_at: datetime) -> None:
    """The former icon stays, if there is one."""
    _save(tx, site, {"error": error, "next_at": next_at})


def list_icons(tx: Transaction, source_ids: Collection[str]) -> dict[str, str]:
    """The names of icons by source; sources without one are left out."""
    found = select(icons.c.source_id, icons.c.name).where(
        icons.c.source_id.in_(source_ids), icons.c.name.is_not(None)
    )
    return {row.source_id: row.name for row in tx.execute(found)}


def list_icon_names(tx: Transaction) -> tuple[str, ...]:
    return tuple(tx.execute(select(icons.c.name).where(icons.c.name.is_not(None)).distinct()).scalars())


def find_icon(tx: Transaction, name: str) -> bytes | None:
    return tx.execute(select(icons.c.body).where(icons.c.name == name).limit(1)).scalar_one_or_none()


def list_errors(tx: Transaction) -> dict[str, str]:
    """Why sources have no icon, or still their former one."""
    failed = select(icons.c.source_id, icons.c.error).where(icons.c.error.is_not(None))
    return {row.source_id: row.error for row in tx.execute(failed.order_by(icons.c.source_id))}


def _save(tx: Transaction, site: IconSite, values: dict[str, object]) -> None:
    row = insert(icons).values({"source_id": site.source_id} | values)
    tx.execute(row.on_conflict_do_update(index_elements=["source_id"], set_=values))
