"""Which digests have been sent by e-mail, and which are to be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, func, select, update
from sqlalchemy.dialects.postgresql import insert

from aggregator.store.engine import Transaction
from aggregator.store.service_tables import digests


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestRecord:
    """The digest of a day, from the first attempt to send it on."""

    edition: str
    day: date
    claimed_at: datetime  # when the latest attempt began
    sent_at: datetime | None
    error: str | None  # why the latest attempt failed; once sent, who did not take it
    attempts: int


def find_digest(tx: Transaction, edition: str, day: date) -> DigestRecord | None:
    row = tx.execute(select(digests).where(_is(edition, day))).one_or_none()
    return None if row is None else _read(row._asdict())


def list_latest(tx: Transaction) -> dict[str, DigestRecord]:
    """By edition, that of the latest day."""
    latest = select(digests.c.edition, func.max(digests.c.day).label("day")).group_by(digests.c.edition)
    newest = latest.subquery()
    same = and_(newest.c.edition == digests.c.edition, newest.c.day == digests.c.day)
    rows = tx.execute(select(digests).join(newest, same))
    return {row.edition: _read(row._asdict()) for row in rows}


def record_claim(tx: Transaction, edition: str, day: date, *, now: datetime) -> int:
    """Begin an attempt; returns its number, from 1. Whether it may begin is for the caller to decide."""
    claim = insert(digests).values(edition=edition, day=day.isoformat(), claimed_at=now, attempts=1)
    again = {"claimed_at": now, "error": None, "attempts": digests.c.attempts + 1}
    tx.execute(claim.on_conflict_do_update(index_elements=["edition", "day"], set_=again))
    number: int = tx.execute(select(digests.c.attempts).where(_is(edition, day))).scalar_one()
    return number


def record_sent(tx: Transaction, edition: str, day: date, *, now: datetime, error: str | None) -> None:
    """For good. `error` says who has not been sent it, if anybody."""
    tx.execute(update(digests).where(_is(edition, day)).values(sent_at=now, error=error))


def record_failure(tx: Transaction, edition: str, day: date, *, attempt: int, error: str) -> None:
    """Unless a later attempt has begun: then it is that one's to say how it went."""
    ours = and_(_is(edition, day), digests.c.attempts == attempt, digests.c.sent_at.is_(None))
    tx.execute(update(digests).where(ours).values(error=error))


def _is(edition: str, day: date):  # type: ignore[no-untyped-def]
    return and_(digests.c.edition == edition, digests.c.day == day.isoformat())


def _read(values: dict[str, object]) -> DigestRecord:
    return DigestRecord(**values | {"day": date.fromisoformat(str(values["day"]))})  # type: ignore[arg-type]
