"""Opening the store, its transactions and its schema."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError

from aggregator.errors import SchemaMismatch, StoreError
from aggregator.store import postgresql
from aggregator.store.usage import join_users

Transaction = sqlalchemy.Connection

HEAD = "0011"  # the newest migration; a test compares it with migrations/versions

_BUSY_TIMEOUT_MS = 30_000
_CACHE_KIB = 8 * 1024  # of each connection; a poller has up to fifteen
_WAL_PAGES = 8000  # of 4 KiB: pages that each batch of entries writes again are copied home once for many
_IDS_AT_ONCE = 1024  # in one IN list: far below SQLite's limit of 32,766 variables


@dataclass(frozen=True, slots=True)
class Store:
    """A handle on the database, for any number of threads."""

    engine: sqlalchemy.Engine
    write_lock: threading.Lock
    leave: Callable[[], object]  # ends the use that usage.py counts; again does no harm

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        """One consistent view. Raises StoreError when the database cannot be read."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except DBAPIError as error:
            _raise_bug(error)
            raise StoreError(f"cannot read the store {_where(self)}: {error.orig}") from error

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        """One transaction, committed at the end, rolled back on any exception.

        There is one writer: threads of this process queue on a lock, which is fairer and cheaper than
        SQLite's polling; other processes wait up to 30 s. Raises StoreError when that was not enough.
        """
        with self.write_lock:
            try:
                writer = self.engine.connect().execution_options(writes=True)
                with writer as connection, connection.begin():
                    yield connection
            except DBAPIError as error:
                _raise_bug(error)
                raise StoreError(f"cannot write to the store {_where(self)}: {error.orig}") from error

    @contextmanager
    def unlogged(self) -> Iterator[Any]:
        """The driver's own connection, in no transaction: for what may not run in one."""
        with self.engine.connect() as connection:
            driver = connection.connection.driver_connection
            try:
                yield driver
            except sqlite3.Error as error:
                raise StoreError(f"cannot read the store {_where(self)}: {error}") from error

    def close(self) -> None:
        self.engine.dispose()
        self.leave()


@dataclass(frozen=True, slots=True)
class View(Store):
    """A store as it was when the view was opened, whatever others write meanwhile; for one thread."""

    tx: Transaction

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        yield self.tx


@contextmanager
def open_view(store: Store) -> Iterator[View]:
    """Many reads that see the same. Raises StoreError when the database cannot be read."""
    with store.read() as tx:
        yield View(store.engine, store.write_lock, store.leave, tx)


def open_store(url: str, *, migrate: bool = True) -> Store:
    """Open the store at a SQLAlchemy URL; with `migrate`, bring its schema up to date first.

    Raises SchemaMismatch when the schema is newer than this version, or older and `migrate` is False.
    """
    store = connect(url)
    try:
        if migrate:
            bring_up_to_date(store)
        elif (version := find_version(store)) != HEAD:
            raise SchemaMismatch(
                f"the store is at schema {version}, needed is {HEAD}: run aggregator migrate"
            )
    except BaseException:
        store.close()
        raise
    return store


def find_store(url: str) -> Store | None:
    """The store at a URL, to read from: its schema is not touched. None where there is none yet.

    Raises SchemaMismatch when its schema is not the one this version needs.
    """
    parsed = sqlalchemy.make_url(url)
    if parsed.get_backend_name() == "sqlite" and not Path(parsed.database or "").exists():
        return None  # connecting would create the file
    store = connect(url)
    try:
        version = find_version(store)
        if version is not None:
            check_version(version)
            return store
    except BaseException:
        store.close()
        raise
    store.close()
    return None


def connect(url: str, *, shared: bool = True) -> Store:
    """A handle on whatever is at the URL, its schema unseen; `shared`: `restore` refuses while it is open."""
    backend = sqlalchemy.make_url(url).get_backend_name()  # before the engine: it would import the driver
    if backend == "postgresql":
        return Store(postgresql.create_engine(url), threading.Lock(), lambda: None)
    if backend != "sqlite":
        raise StoreError(
            f"[store] url: {backend} is no database of ours: write sqlite:///FILE or "
            "postgresql+psycopg://USER@HOST/DATABASE"
        )
    engine = sqlalchemy.create_engine(url)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    user = join_users(engine.url.database) if shared and engine.url.database else None
    leave = weakref.finalize(engine, lambda: None if user is None else os.close(user))
    return Store(engine, threading.Lock(), leave)


def has_file(url: str) -> bool:
    """Whether the store is in SQLite."""
    return sqlalchemy.make_url(url).get_backend_name() == "sqlite"


def find_file(url: str) -> Path:
    """The file of a store in SQLite. Raises StoreError for another database."""
    parts = sqlalchemy.make_url(url)
    if parts.get_backend_name() != "sqlite" or not parts.database:
        raise StoreError(f"{parts.get_backend_name()} keeps no file: back it up by its own tools")
    return Path(parts.database)


def bring_up_to_date(store: Store) -> None:
    """Bring the schema to HEAD in one transaction; of two processes at once one does it.

    Raises SchemaMismatch when it is newer than this version.
    """
    version = find_version(store)
    if version == HEAD:
        return
    refuse_newer(version)
    # Here, because it takes as long to load as SQLAlchemy, and a store is up to date at nearly every start.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "aggregator:store/migrations")
    with store.write() as tx:
        config.attributes["connection"] = tx
        try:
            command.upgrade(config, HEAD)
        except CommandError as error:
            raise SchemaMismatch(f"{_where(store)}: its schema {version} is none of ours: {error}") from error


def check_version(version: str | None) -> None:
    """Raises SchemaMismatch, with the cure, unless the schema is the one this version needs."""
    refuse_newer(version)
    if version != HEAD:
        raise SchemaMismatch(f"the store is at schema {version}, needed is {HEAD}: run aggregator migrate")


def refuse_newer(version: str | None) -> None:
    """Raises SchemaMismatch, with the cure, for a schema that this version cannot bring up to date."""
    if version is not None and version > HEAD:
        raise SchemaMismatch(
            f"the store is at schema {version}, this version knows {HEAD}: it was written by a newer "
            "aggregator; install that one, or restore a backup made before the upgrade"
        )


def find_version(store: Store) -> str | None:
    """The schema's version; None for an empty database. Raises StoreError when it is no database at all."""
    with store.read() as tx:
        if not sqlalchemy.inspect(tx).has_table("alembic_version"):
            return None
        version: str | None = tx.execute(sqlalchemy.text("SELECT version_num FROM alembic_version")).scalar()
        return version


def write_rows(
    tx: Transaction, statement: sqlalchemy.UpdateBase, rows: Sequence[tuple[int | float | str | bytes, ...]]
) -> None:
    """Execute a statement of the module for many rows, in the order of its parameters and as the driver
    takes them.

    For the indexes, of which an entry has a hundred rows: converting them would cost what SQLite costs.
    """
    if rows:
        tx.exec_driver_sql(_compile(statement, tx.dialect), list(rows))


def insert_rows(tx: Transaction, statement: sqlalchemy.Insert, rows: Sequence[Mapping[str, Any]]) -> None:
    """The same for rows of all columns of a table, as Python has them."""
    converters = _list_converters(statement.table, tx.dialect)
    write_rows(
        tx,
        statement,
        [
            tuple(row[name] if convert is None else convert(row[name]) for name, convert in converters)
            for row in rows
        ],
    )


@lru_cache(maxsize=64)
def _list_converters(
    table: sqlalchemy.FromClause, dialect: sqlalchemy.Dialect
) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    types = ((column.name, column.type.dialect_impl(dialect)) for column in table.c)
    return tuple((name, kind.bind_processor(dialect)) for name, kind in types)


def read_rows(
    tx: Transaction, statement: sqlalchemy.Select[*tuple[Any, ...]], ids: Collection[int], *parameters: int
) -> Iterator[tuple[Any, ...]]:
    """What a statement of the module selects for the ids, as the driver gives it: for the indexes, likewise.

    The last parameter of the statement is the list `ids`, the others come before it.
    """
    ordered = sorted(ids)
    for start in range(0, len(ordered), _IDS_AT_ONCE):
        chunk = ordered[start : start + _IDS_AT_ONCE]
        length = 1 << (len(chunk) - 1).bit_length()  # few lengths, so that the driver knows the statement
        chunk += chunk[-1:] * (length - len(chunk))
        result = tx.exec_driver_sql(_compile(statement, tx.dialect, length), (*parameters, *chunk))
        assert result.cursor is not None
        yield from result.cursor.fetchall()
        result.close()


@lru_cache(maxsize=64)
def _compile(statement: sqlalchemy.Executable, dialect: sqlalchemy.Dialect, length: int = 0) -> str:
    assert isinstance(statement, sqlalchemy.ClauseElement)
    if dialect.name == "postgresql":
        dialect = postgresql.POSITIONAL
    filled = statement.params(ids=[0] * length) if length else statement
    return str(filled.compile(dialect=dialect, compile_kwargs={"render_postcompile": True}))


def _raise_bug(error: DBAPIError) -> None:
    """A locked or malformed file and a lost connection are the world's doing; a broken constraint or
    statement is a bug.
    """
    if type(error) not in (DatabaseError, OperationalError) and not error.connection_invalidated:
        raise error


def _where(store: Store) -> str:
    return store.engine.url.render_as_string(hide_password=True)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Transactions are begun by _begin_sqlite: the driver must not begin any by itself.
    connection.isolation_level = None
    for pragma in (
        "synchronous=NORMAL",
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        f"cache_size=-{_CACHE_KIB}",
        "temp_store=MEMORY",
        f"wal_autocheckpoint={_WAL_PAGES}",
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    _switch_to_wal(connection)


def _switch_to_wal(connection: Any) -> None:
    # The switch wants the write lock while it holds the read lock: SQLite then fails at once instead of
    # waiting, since two who did so would wait for each other.
    end = time.monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: sqlalchemy.Connection) -> None:
    # A deferred transaction that turns into a writer fails at once when another one wrote meanwhile
    # (SQLITE_BUSY_SNAPSHOT, no waiting): writers say so from the beginning.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN DEFERRED")
