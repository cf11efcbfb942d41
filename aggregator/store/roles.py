"""What one process does for all: who has it to do, until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from aggregator.store.engine import Transaction
from aggregator.store.values import find_value, forget_value, save_value

_KEY = "scheduler"


class Holder(NamedTuple):
    owner: str  # as in hosts.lease_owner
    until: datetime


def find_scheduler(tx: Transaction) -> Holder | None:
    """The process that does the periodic work, or did until it died."""
    value = find_value(tx, _KEY)
    if value is None:
        return None
    until, _, owner = value.partition(" ")
    return Holder(owner=owner, until=datetime.fromtimestamp(float(until), UTC))


def is_open(
    holder: Holder | None, owner: str, *, now: datetime, lease: timedelta, is_dead: Callable[[str], bool]
) -> bool:
    """Whether `owner` may take the role, or has it and should renew it, half of the lease being over.

    A lease that ends later than any taken now was taken by a clock that has been set back since.
    """
    if holder is None or not now < holder.until <= now + lease:
        return True
    if holder.owner == owner:
        return holder.until - now < lease / 2
    return is_dead(holder.owner)


def take_scheduler(
    tx: Transaction, owner: str, *, now: datetime, lease: timedelta, is_dead: Callable[[str], bool]
) -> Holder:
    """Take or renew the role if it is open; returns who has it now."""
    holder = find_scheduler(tx)
    if holder is None or is_open(holder, owner, now=now, lease=lease, is_dead=is_dead):
        holder = Holder(owner=owner, until=now + lease)
        save_value(tx, _KEY, f"{holder.until.timestamp()!r} {owner}")
    return holder


def leave_scheduler(tx: Transaction, owner: str) -> None:
    """Let another process have the role at once, if it is this one's."""
    holder = find_scheduler(tx)
    if holder is not None and holder.owner == owner:
        forget_value(tx, _KEY)
