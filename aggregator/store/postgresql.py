"""What PostgreSQL wants otherwise than SQLite: how connections are made and transactions begin."""

from __future__ import annotations

from contextlib import closing

import psycopg
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError

# Writers queue on it. It guards what SQLite's one writer guards: of two processes that save copies of one
# text at the same moment, the second must see what the first has decided.
_WRITERS_LOCK = 0x61676772
_LOCK_TIMEOUT = "30s"
# A process that is stopped or cut off in the middle of writing must not hold up all others for longer.
_IDLE_TIMEOUT = "10s"
# Without them libpq waits for minutes for a server whose machine has gone.
_CONNECTING = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}

# Writes statements that the driver takes with tuples for parameters.
POSITIONAL: sqlalchemy.Dialect = postgresql.dialect(paramstyle="format")  # type: ignore[no-untyped-call]


def create_engine(url: str) -> sqlalchemy.Engine:
    """Connections that find out, before they are used, whether the server was restarted meanwhile."""
    engine = sqlalchemy.create_engine(url, pool_pre_ping=True, connect_args=_CONNECTING)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: sqlalchemy.Connection) -> None:
    # By a cursor of the driver: the first statement may want its rows one by one, and so would these.
    try:
        with closing(connection.connection.cursor()) as cursor:
            if connection.get_execution_options().get("writes"):
                cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_TIMEOUT}'")
                cursor.execute(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")
            else:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    except psycopg.Error as error:  # SQLAlchemy wraps what its own statements raise, but nothing of events
        raise OperationalError("BEGIN", None, error) from error
