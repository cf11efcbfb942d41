"""Polls claimed buckets on threads of this process."""

from __future__ import annotations

import ctypes
import logging
import os
import platform
import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import psutil

from aggregator.config import Settings
from aggregator.errors import LeaseLost, StoreError
from aggregator.fetch.client import Client
from aggregator.model import Claim
from aggregator.parse.sandbox import Sandbox
from aggregator.refresh import LEASE, Line, apply_configuration, poll_bucket
from aggregator.saving import PollReport
from aggregator.store import Store, counters, open_store, sources, subscribers
from aggregator.store.clock import Clock

READ_TIMEOUT = timedelta(seconds=10)
READ_MEMORY_BYTES = 256 * 1024 * 1024

_M_ARENA_MAX = -8  # malloc.h
_OWNER_MARK = " process "

_log = logging.getLogger(__name__)


@contextmanager
def open_line(settings: Settings) -> Iterator[Line]:
    """All that polling needs, from the configuration: opened together, closed together.

    The store is migrated, brought in line with the configuration and freed of the leases of processes of
    this machine that are no more.
    """
    _limit_arenas()
    store = open_store(settings.store_url)
    try:
        now = Clock(store)
        apply_configuration(store, settings, now=now())
        free_dead(store, now=now())
        with Client(settings.fetch) as client, make_sandbox() as sandbox:
            yield Line(
                settings=settings,
                store=store,
                client=client,
                sandbox=sandbox,
                now=now,
                jitter=lambda: random.uniform(-1, 1),  # noqa: S311 - spreads load, guards nothing
            )
    finally:
        store.close()


def free_dead(store: Store, *, now: datetime) -> None:
    """Free what processes of this machine held that are no more."""
    with store.write() as tx:
        freed = sources.release_dead_leases(tx, is_dead=is_dead)
        subscribers.release_dead(tx, is_dead=is_dead, now=now)
    if freed:
        _log.warning("freed %d host buckets whose process had died", freed)


def make_sandbox() -> Sandbox:
    """As many workers as there are processors, each task under the limits of a poll."""
    return Sandbox(workers=os.cpu_count() or 1, timeout=READ_TIMEOUT, max_memory_bytes=READ_MEMORY_BYTES)


def _limit_arenas() -> None:
    """Let threads share the C heap: glibc gives each its own, and what one has freed serves no other.

    With some sixty threads that were 50 MB of nothing (mallopt(3)).
    """
    with suppress(AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


class LocalExecutor:
    """Runs poll_bucket on threads and keeps the leases of what it runs alive."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._threads = line.settings.fetch.concurrency
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="bucket")
        self._lock = threading.Lock()
        self._running: dict[str, Claim] = {}
        self._abandoned: list[Claim] = []  # the store could not be written to, not even to give them back
        self._renewed_at = line.now()

    @property
    def free(self) -> int:
        """How many more buckets could start at once."""
        return self._threads - len(self._running)

    def submit(
        self, claims: Sequence[Claim], *, polite: bool = True
    ) -> tuple[Future[tuple[PollReport, ...]], ...]:
        with self._lock:
            self._running |= {claim.token: claim for claim in claims}
        return tuple(self._pool.submit(self._run, claim, polite) for claim in claims)

    def renew(self) -> None:
        """Prolong the leases of running buckets; to be called at least every LEASE / 3."""
        self._give_back()
        now = self._line.now()
        with self._lock:
            tokens = list(self._running)
        if not tokens or abs(now - self._renewed_at) < LEASE / 4:
            return
        with self._line.store.write() as tx:
            sources.renew_leases(tx, tokens, until=now + LEASE)
        self._renewed_at = now

    def _give_back(self) -> None:
        with self._lock:
            abandoned = self._abandoned
        if abandoned:
            with self._line.store.write() as tx:
                for claim in abandoned:
                    sources.release_lease(tx, claim)
                counters.add_counts(tx, {(counters.STORE_RETRIES, ""): len(abandoned)})
            with self._lock:
                self._abandoned = self._abandoned[len(abandoned) :]

    def close(self) -> None:
        """Let running buckets finish the exchange they are in, save it and give the bucket back."""
        self._line.stopping.set()
        self._pool.shutdown(wait=True)

    def _run(self, claim: Claim, polite: bool) -> tuple[PollReport, ...]:
        try:
            return poll_bucket(self._line, claim, polite=polite)
        except LeaseLost as error:
            _log.warning("%s", error, extra=_describe(claim))
            return ()
        except StoreError as error:
            # Polled again when the lease can be given back, or has run out; nothing of it was half saved.
            _log.error("%s: %s", claim.host, error, extra=_describe(claim))
            with self._lock:
                self._abandoned = [*self._abandoned, claim]
            return ()
        except Exception:
            _log.exception("%s: a bug: please report it", claim.host, extra=_describe(claim))
            raise
        finally:
            with self._lock:
                self._running.pop(claim.token, None)


def _describe(claim: Claim) -> dict[str, str]:
    """What a record of the log has besides its words."""
    return {"bucket": claim.host, "lease": claim.token}


def make_owner() -> str:
    """Names this process so that another one of the same machine can tell whether it still lives."""
    return f"{_machine()}{_OWNER_MARK}{os.getpid()} {_started(psutil.Process())}"


def is_dead(owner: str) -> bool:
    """True when the owner was a process of this machine and is no more; False when one cannot know."""
    machine, _, process = owner.partition(_OWNER_MARK)
    pid, _, created = process.partition(" ")
    if machine != _machine() or not pid.isdecimal():
        return False
    try:
        found = psutil.Process(int(pid))
        return found.status() == psutil.STATUS_ZOMBIE or _started(found) != created
    except psutil.NoSuchProcess:
        return True


def _started(process: psutil.Process) -> str:
    """Seconds from boot: those from 1970 move when the clock is set, and the living would look dead."""
    return f"{process.create_time() - psutil.boot_time():.1f}"


def _machine() -> str:
    """The host and, on Linux, its boot and the namespace of process ids: containers may share the name."""
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    parts = [platform.node()]
    if boot.exists() and namespace.exists():
        parts += [boot.read_text(encoding="ascii").strip(), str(namespace.readlink())]
    return " ".join(parts)
