"""The time by which all processes of a store go."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from datetime import UTC, datetime

from sqlalchemy import func, select

from aggregator.errors import StoreError
from aggregator.store.engine import Store

COMPARED_EVERY_SECONDS = 15.0

# Goes on while the machine is suspended, which CLOCK_MONOTONIC does not.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock:
    """Tells the time, aware UTC, for any number of threads.

    With PostgreSQL it is the database's, asked for every 15 s and counted on steadily between: leases that
    processes of several machines hold end at one moment for all of them, however their own clocks go. With
    SQLite it is the machine's.

    Raises StoreError when it is made and the database cannot be asked; later it counts on.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._ahead = 0.0  # of the database, from the steady clock
        self._asked_at = 0.0
        self._shared = store.engine.dialect.name == "postgresql"
        if self._shared:
            self._compare()

    def __call__(self) -> datetime:
        if not self._shared:
            return datetime.now(UTC)
        due = _read_steady() - self._asked_at >= COMPARED_EVERY_SECONDS
        if due and self._lock.acquire(blocking=False):
            try:
                with suppress(StoreError):
                    self._compare()
            finally:
                self._lock.release()
        return datetime.fromtimestamp(_read_steady() + self._ahead, UTC)

    def _compare(self) -> None:
        self._asked_at = _read_steady()
        with self._store.read() as tx:
            before = _read_steady()
            told: datetime = tx.execute(select(func.clock_timestamp())).scalar_one()
            self._ahead = told.timestamp() - (before + _read_steady()) / 2


def _read_steady() -> float:
    return time.clock_gettime(_STEADY)
