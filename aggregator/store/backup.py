"""Copies of a SQLite store: made while it is in use, proven whole, put in its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from aggregator.errors import StoreError
from aggregator.store.engine import Store, bring_up_to_date, connect, find_file, refuse_newer
from aggregator.store.usage import sole_use

_OURS = ("alembic_version", "meta", "sources", "entries", "articles")  # tables of every schema there has been


def copy_store(url: str, target: Path) -> str:
    """Write a copy of the store, as it is at this moment, to a file; returns its schema, whichever that is.

    Readers and writers go on meanwhile. The copy is proven whole before it has its name, and is on the disk
    when this returns: a crash leaves no half of it under `target`. Raises StoreError.
    """
    path = find_file(url)
    if not path.exists():
        raise StoreError(f"there is no store at {path} yet: nothing to back up")
    store = connect(url)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _vacuum_into(store, temporary)
        version = check_copy(temporary)
        temporary.chmod(path.stat().st_mode & 0o777)
        _sync(temporary)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        store.close()
        temporary.unlink(missing_ok=True)
    return version


def check_copy(path: Path) -> str:
    """The schema of a file that is a whole store of ours, whichever version wrote it; changes nothing.

    Raises StoreError for anything else, SchemaMismatch when a newer version wrote it.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            (first,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if first != "ok":
                raise StoreError(f"{path} is damaged: {first}")
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if not tables.issuperset(_OURS):
                raise StoreError(f"{path} is a database, but none of the aggregator")
            (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read as a store: {error}") from None
    refuse_newer(version)
    return str(version)


def replace_store(url: str, copy: Path, kept: Path) -> str:
    """Put a copy of `copy` in the place of the store at `url`, which is kept as `kept`; returns its schema.

    It is migrated before it has the store's name. Killed at any moment, there is one whole store under that
    name, the former or the new one. Raises StoreError: when somebody uses the store, or `copy` is no store.
    """
    path = find_file(url)
    with sole_use(str(path)):
        temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            shutil.copyfile(copy, temporary)
            version = check_copy(temporary)
            _migrate(temporary)
            if path.exists():
                temporary.chmod(path.stat().st_mode & 0o777)
                _fold_log(path, kept)
                os.link(path, kept)
            _sync(temporary)
            temporary.replace(path)
            _sync(path.parent)
        finally:
            for leftover in path.parent.glob(f".{path.name}.*.part*"):  # also of those who were killed
                leftover.unlink(missing_ok=True)
    return version


def _vacuum_into(store: Store, target: Path) -> None:
    with store.unlogged() as connection:
        connection.execute("VACUUM INTO ?", (str(target),))


def _migrate(path: Path) -> None:
    store = connect(f"sqlite:///{path}", shared=False)
    try:
        bring_up_to_date(store)
    finally:
        store.close()
    _leave_wal(path)


def _fold_log(path: Path, kept: Path) -> None:
    """Write what is in the write-ahead log into the file: its successor would read a log that stayed."""
    try:
        _leave_wal(path)
    except sqlite3.Error:  # too damaged to be opened, perhaps the reason for restoring: kept as it is
        log = path.with_name(f"{path.name}-wal")
        if log.exists():
            log.replace(kept.with_name(f"{kept.name}-wal"))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)


def _leave_wal(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
