"""The servers that run: what other processes and admins want to know of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, insert, select, update

from aggregator.store.engine import Transaction
from aggregator.store.service_tables import processes

_FORGOTTEN_AFTER = timedelta(days=1)  # of other machines one cannot know whether they are dead


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A server. A configuration that it could not take leaves the one in force and its problems here."""

    owner: str
    polls: bool
    started_at: datetime
    beat_at: datetime
    config_number: int
    config_digest: str
    configured_at: datetime
    config_problems: tuple[str, ...]

    @property
    def host(self) -> str:
        """The name of its machine."""
        return self.owner.split(" ", 1)[0]


class ConfigMark(NamedTuple):
    number: int
    digest: str


def record_start(
    tx: Transaction, owner: str, *, polls: bool, digest: str, now: datetime, is_dead: Callable[[str], bool]
) -> None:
    """Enter a server with its first configuration; those that are no more are taken out."""
    known = tx.execute(select(processes.c.owner, processes.c.beat_at)).all()
    gone = [row.owner for row in known if is_dead(row.owner) or now - row.beat_at > _FORGOTTEN_AFTER]
    tx.execute(delete(processes).where(processes.c.owner.in_([*gone, owner])))
    tx.execute(
        insert(processes).values(
            owner=owner,
            polls=polls,
            started_at=now,
            beat_at=now,
            config_number=1,
            config_digest=digest,
            configured_at=now,
            config_problems=[],
        )
    )


def record_beat(tx: Transaction, owner: str, *, now: datetime) -> None:
    tx.execute(update(processes).where(processes.c.owner == owner).values(beat_at=now))


def record_configuration(tx: Transaction, owner: str, *, digest: str, now: datetime) -> None:
    """The server has taken over a configuration; there is nothing wrong with it."""
    values = {"config_digest": digest, "configured_at": now, "config_problems": []}
    number = processes.c.config_number + 1
    tx.execute(update(processes).where(processes.c.owner == owner).values(values | {"config_number": number}))


def record_problems(tx: Transaction, owner: str, problems: Sequence[str]) -> None:
    """The server has been given a configuration that it could not take; none: it has been taken back."""
    tx.execute(update(processes).where(processes.c.owner == owner).values(config_problems=list(problems)))


def remove_process(tx: Transaction, owner: str) -> None:
    tx.execute(delete(processes).where(processes.c.owner == owner))


def find_mark(tx: Transaction, owner: str) -> ConfigMark | None:
    """Which configuration a server has in force."""
    columns = (processes.c.config_number, processes.c.config_digest)
    row = tx.execute(select(*columns).where(processes.c.owner == owner)).first()
    return None if row is None else ConfigMark(*row)


def list_processes(tx: Transaction) -> tuple[Process, ...]:
    """Those that have not ended in order, the newest last; some may be dead."""
    rows = tx.execute(select(processes).order_by(processes.c.started_at, processes.c.owner)).mappings()
    return tuple(Process(**{**row, "config_problems": tuple(row["config_problems"])}) for row in rows)
