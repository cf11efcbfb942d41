"""Who has a store open, told by a lock that ends with its process: `restore` must not pull it from under one.

A file beside the store and not the store itself: closing any handle of SQLite's own file would drop the locks
that SQLite has on it (POSIX, fcntl).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from aggregator.errors import StoreError

SUFFIX = ".lock"


def join_users(path: str) -> int | None:
    """Count this process among the users of the store at `path` until the number returned is closed.

    None where no lock can be had: in a folder that is read-only or is not there. Waits while the store is
    being replaced.
    """
    try:
        handle = _open(path)
    except OSError:
        return None
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle


@contextmanager
def sole_use(path: str) -> Iterator[None]:
    """Keep everybody else from the store at `path` meanwhile. Raises StoreError when it is in use."""
    try:
        handle = _open(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StoreError(
            f"cannot lock the store {path} ({reason}): is its folder there and writable?"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise StoreError(
            f"the store {path} is in use: stop `aggregator serve` and every other command on it first"
        ) from None
    finally:
        os.close(handle)


def _open(path: str) -> int:
    return os.open(path + SUFFIX, os.O_RDWR | os.O_CREAT, 0o644)
