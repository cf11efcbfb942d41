"""The problems that a webhook is told of, each until it has been told that it is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, case, delete, func, insert, select, update

from aggregator.model import Trouble
from aggregator.store.engine import Transaction
from aggregator.store.service_tables import problems

FIRST_RETRY, LAST_RETRY = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    key: str
    since: datetime
    text: str
    ended_at: datetime | None  # None: it lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Untold:
    """What the webhook has not taken so far."""

    count: int
    since: datetime
    error: str


def note_problems(tx: Transaction, current: Sequence[Trouble], *, now: datetime) -> None:
    """Note what has begun and what is over. What nobody was told of, and is over, is forgotten."""
    present = {(trouble.key, trouble.since): trouble.text for trouble in current}
    known = {(row.key, row.since): row for row in tx.execute(select(problems))}
    for (key, since), text in present.items():
        if (key, since) not in known:
            begun = {"key": key, "since": since, "text": text, "next_at": now, "attempts": 0}
            tx.execute(insert(problems).values(begun))
    for found, row in known.items():
        if found in present or row.ended_at is not None:
            continue
        if row.next_at is not None and row.attempts == 0:
            tx.execute(delete(problems).where(_is(*found)))
        else:
            ended = {"ended_at": now, "next_at": now, "attempts": 0}
            tx.execute(update(problems).where(_is(*found)).values(ended))


def claim_untold(tx: Transaction, *, now: datetime) -> tuple[Problem, ...]:
    """What is to be told now, the oldest first; each again later unless `settle` says it was told."""
    rows = tx.execute(select(problems).where(problems.c.next_at <= now).order_by(problems.c.since)).all()
    for row in rows:
        wait = min(FIRST_RETRY * (1 << min(row.attempts, 10)), LAST_RETRY)
        later = {"next_at": now + wait, "attempts": row.attempts + 1}
        tx.execute(update(problems).where(_is(row.key, row.since)).values(later))
    return tuple(Problem(key=r.key, since=r.since, text=r.text, ended_at=r.ended_at) for r in rows)


def settle(tx: Transaction, problem: Problem, *, error: str | None) -> None:
    """Note whether the webhook took it: why not, or None."""
    same = and_(_is(problem.key, problem.since), problems.c.ended_at.is_not_distinct_from(problem.ended_at))
    if error is not None:
        tx.execute(update(problems).where(same).values(error=error))
    elif problem.ended_at is None:
        tx.execute(update(problems).where(same).values(next_at=None, error=None, attempts=1))
    else:
        tx.execute(delete(problems).where(same))


def find_untold(tx: Transaction) -> Untold | None:
    """None: the webhook has taken everything that it was sent."""
    since = func.min(case((problems.c.ended_at.is_(None), problems.c.since), else_=problems.c.ended_at))
    failed = and_(problems.c.next_at.is_not(None), problems.c.error.is_not(None))
    count, at, error = tx.execute(select(func.count(), since, func.max(problems.c.error)).where(failed)).one()
    return Untold(count=count, since=at, error=error) if count else None


def _is(key: str, since: datetime) -> ColumnElement[bool]:
    return and_(problems.c.key == key, problems.c.since == since)
