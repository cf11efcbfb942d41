"""The polls of a source: the last ones, in one column of its row, and one that an admin asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import ColumnElement, String, func, literal, select, update

from aggregator.model import PastPoll, PollOutcome, PollResult
from aggregator.store.engine import Transaction
from aggregator.store.tables import POLLED, hosts, sources

KEPT = 30

# A poll is seconds since 1970, a letter and the number of new entries, the numbers hexadecimal and of one
# width each: so a new one is put before the others, and the oldest cut off, without reading them.
_LETTERS: dict[PollOutcome, str] = {"new_body": "b", "same_body": "s", "not_modified": "n", "failed": "f"}
_OUTCOMES = {letter: outcome for outcome, letter in _LETTERS.items()}
_WIDTH, _TIME_WIDTH, _MOST = 8 + 1 + 4, 8, 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPoll:
    """What came of an admin's wish to have a source polled."""

    at: datetime  # when it is polled at the earliest
    held_by: Literal["publisher", "host"] | None  # who wants to be left alone until then; None: nobody


def prepend_poll(result: PollResult, *, new: int) -> ColumnElement[str]:
    """The new value of `sources.polls` after a poll that brought so many new entries."""
    seconds = int(result.polled_at.timestamp())
    text = f"{seconds:0{_TIME_WIDTH}x}{_LETTERS[result.outcome]}{min(new, _MOST):04x}"
    return func.substr(literal(text, String) + func.coalesce(sources.c.polls, ""), 1, KEPT * _WIDTH)


def parse_polls(kept: str | None) -> tuple[PastPoll, ...]:
    """The polls that `sources.polls` tells of, the newest first."""
    kept = kept or ""
    return tuple(_parse_poll(kept[start : start + _WIDTH]) for start in range(0, len(kept), _WIDTH))


def ask_poll(tx: Transaction, source_id: str, *, now: datetime) -> AskedPoll | None:
    """Have a source polled as soon as its publisher and its host allow; None: it is polled no more.

    The publisher's wishes are those of its last answer: freshness, ttl, Retry-After. Hours that it excludes,
    and the rest of its host, are kept by whoever polls.
    """
    query = select(
        sources.c.next_poll_at,
        sources.c.last_polled_at,
        sources.c.not_before,
        hosts.c.not_before.label("rest"),
    ).join(hosts, hosts.c.host == sources.c.host)
    row = tx.execute(query.where(POLLED, sources.c.id == source_id)).one_or_none()
    if row is None:
        return None
    # What a source asked for is not known of polls that an older version made: then as planned.
    wish = row.not_before or (row.next_poll_at if row.last_polled_at else now)
    at = min(row.next_poll_at, max(wish, now))
    if at < row.next_poll_at:
        tx.execute(update(sources).where(sources.c.id == source_id).values(next_poll_at=at))
    if row.rest is not None and row.rest > max(at, now):
        return AskedPoll(at=row.rest, held_by="host")
    return AskedPoll(at=max(at, now), held_by="publisher" if at > now else None)


def _parse_poll(text: str) -> PastPoll:
    seconds, letter, new = text[:_TIME_WIDTH], text[_TIME_WIDTH], text[_TIME_WIDTH + 1 :]
    return PastPoll(
        at=datetime.fromtimestamp(int(seconds, 16), UTC), outcome=_OUTCOMES[letter], new=int(new, 16)
    )
