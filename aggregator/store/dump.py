"""Copies of a PostgreSQL store, by PostgreSQL's own tools: pg_dump's custom format, and back."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from sqlalchemy.exc import DBAPIError

from aggregator.errors import StoreError
from aggregator.store.engine import bring_up_to_date, connect, find_version, refuse_newer

_MAINTENANCE = "postgres"  # a database that every server has, and that nobody keeps anything in


def dump_store(url: str, target: Path) -> str:
    """Write the store, as it is at this moment, to a file; returns its schema. Raises StoreError.

    Readers and writers go on meanwhile. The file is read through before it has its name.
    """
    store = connect(url)
    try:
        version = find_version(store)
    finally:
        store.close()
    if version is None:
        raise StoreError("there is no store in this database yet: nothing to back up")
    temporary = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", str(temporary), url=url)
        _run("pg_restore", "--file", os.devnull, str(temporary))
        temporary.chmod(0o600)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
    return version


def load_dump(url: str, copy: Path, kept: str) -> str:
    """Put what dump_store wrote in the place of the store; returns its schema. Raises StoreError.

    It goes into a database of its own, is migrated there, and then takes the store's name while the former
    takes that of `kept`, both in one transaction. PostgreSQL refuses that while anybody is connected.
    """
    parts = sqlalchemy.make_url(url)
    name, fresh = parts.database or "", f"{kept}_new"
    target = parts.set(database=fresh).render_as_string(hide_password=False)
    with _administer(url) as connection:
        quote = connection.dialect.identifier_preparer.quote
        connection.exec_driver_sql(f"CREATE DATABASE {quote(fresh)} TEMPLATE template0")
        try:
            _run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", str(copy), url=target)
            version = _prepare(target, copy)
            # One statement list is one transaction here: a kill leaves the former names or the new ones.
            connection.exec_driver_sql(
                f"ALTER DATABASE {quote(name)} RENAME TO {quote(kept)}; "
                f"ALTER DATABASE {quote(fresh)} RENAME TO {quote(name)}"
            )
        except BaseException:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {quote(fresh)}")
            raise
    return version


def _prepare(url: str, copy: Path) -> str:
    store = connect(url)
    try:
        version = find_version(store)
        if version is None:
            raise StoreError(f"{copy} is a database, but none of the aggregator")
        refuse_newer(version)
        bring_up_to_date(store)
    finally:
        store.close()
    return version


@contextmanager
def _administer(url: str) -> Iterator[sqlalchemy.Connection]:
    elsewhere = sqlalchemy.make_url(url).set(database=_MAINTENANCE)
    engine = sqlalchemy.create_engine(elsewhere, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise StoreError(
            f"the store cannot be replaced: {reason}; stop every server and command on it, and let its role "
            "create databases (ALTER ROLE ... CREATEDB)"
        ) from error
    finally:
        engine.dispose()


def _run(tool: str, *arguments: str, url: str | None = None) -> None:
    """Run one of PostgreSQL's tools, on the database of a URL if there is one."""
    program = shutil.which(tool)
    if program is None:
        raise StoreError(
            f"{tool} is not installed here: install PostgreSQL's client tools, of the server's version or a "
            "newer one (Debian: postgresql-client)"
        )
    command, environ = [program, *arguments], dict(os.environ)
    if url is not None:
        parts = sqlalchemy.make_url(url)
        bare = sqlalchemy.URL.create(
            "postgresql", parts.username, None, parts.host, parts.port, parts.database, parts.query
        )
        command += ["--dbname", bare.render_as_string()]
        if parts.password:
            environ["PGPASSWORD"] = str(parts.password)  # arguments can be read by every user of the machine
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise StoreError(f"{tool} failed: {lines[0]}")
