"""Opening the store: its schema, its transactions, and several who open it at once."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, literal, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from aggregator.errors import SchemaMismatch, StoreError
from aggregator.store import Store, Transaction, engine, migrations, open_store
from aggregator.store.engine import HEAD, bring_up_to_date, connect, find_version
from aggregator.store.service_tables import metadata
from aggregator.store.tables import UtcDateTime, meta
from tests.store.samples import NOON, run_at_once


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/x.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


def read_schema(tx: Transaction) -> dict[str, str]:
    """The statements SQLite keeps of its tables and indexes, alike but for white space and quotes.

    Without the index that search has of its own: what it does is tested in test_search.py.
    """
    rows = tx.execute(
        text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('table', 'index')")
    )
    kept = {name: sql for name, sql in rows if is_ours(name) and name != "alembic_version"}
    return {name: re.sub(r'[\s"]+', " ", sql).strip() for name, sql in kept.items()}


def is_ours(name: str | None) -> bool:
    """Not what SQLite's full-text search keeps for itself."""
    return not (name or "").startswith("search_index")


def read_meta(store: Store) -> dict[str, str]:
    with store.read() as tx:
        rows = tx.execute(select(meta.c.key, meta.c.value)).all()
    return {row.key: row.value for row in rows}


def write_meta(tx: Transaction, key: str, value: str = "1") -> None:
    tx.execute(insert(meta).values(key=key, value=value))


def set_version(url: str, version: str) -> None:
    store = connect(url)
    with store.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": version})
    store.close()


# --- the schema -----------------------------------------------------------------------------------


def test_the_migrations_make_the_tables_that_the_code_knows(store: Store) -> None:
    with store.read() as tx:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_name": lambda name, kind, _parents: kind != "table" or is_ours(name),
        }
        context = MigrationContext.configure(tx, opts=options)
        assert compare_metadata(context, metadata) == []


def test_the_migrations_make_them_exactly_so(store: Store, tmp_path: Path) -> None:
    """What Alembic does not compare as well: rowid tables, primary keys, the order of columns."""
    fresh = connect(f"sqlite:///{tmp_path}/fresh.db")
    with fresh.write() as tx:
        metadata.create_all(tx)
        wanted = read_schema(tx)
    fresh.close()
    with store.read() as tx:
        assert read_schema(tx) == wanted


def test_head_is_the_newest_migration(store: Store) -> None:
    (folder,) = migrations.__path__
    numbers = [file.name.partition("_")[0] for file in Path(folder, "versions").glob("*.py")]
    assert max(numbers) == HEAD
    assert all(re.fullmatch("[0-9]{4}", number) for number in numbers), "versions are compared as text"
    assert find_version(store) == HEAD


def test_opening_again_changes_nothing(url: str, store: Store) -> None:
    with store.write() as tx:
        write_meta(tx, "kept")
    with store.read() as tx:
        before = read_schema(tx)
    again = open_store(url)
    bring_up_to_date(again)
    with again.read() as tx:
        assert read_schema(tx) == before
    assert read_meta(again) == {"kept": "1"}
    again.close()


@pytest.mark.parametrize("migrate", [True, False])
def test_a_newer_schema_is_refused_and_left_alone(url: str, store: Store, migrate: bool) -> None:
    set_version(url, "9999")
    with pytest.raises(SchemaMismatch, match="9999") as caught:
        open_store(url, migrate=migrate)
    assert HEAD in str(caught.value)
    assert find_version(store) == "9999"


def test_a_newer_schema_is_refused_with_a_cure(url: str, store: Store) -> None:
    set_version(url, "9999")
    with pytest.raises(SchemaMismatch, match=r"newer aggregator; install that one, or restore a backup"):
        open_store(url)


def test_an_empty_store_is_refused_by_who_may_not_migrate(url: str) -> None:
    with pytest.raises(SchemaMismatch, match="run aggregator migrate"):
        open_store(url, migrate=False)
    bystander = connect(url)
    assert find_version(bystander) is None
    bystander.close()


def test_a_migrated_store_opens_without_migrating(url: str, store: Store) -> None:
    opened = open_store(url, migrate=False)
    assert find_version(opened) == HEAD
    opened.close()


def test_an_older_store_keeps_what_it_has(url: str) -> None:
    older = connect(url)
    config = Config()
    config.set_main_option("script_location", "aggregator:store/migrations")
    with older.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "0001")
        tx.execute(text("INSERT INTO redirects VALUES ('article', 1, 2)"))
    assert find_version(older) == "0001"
    older.close()
    opened = open_store(url)
    with opened.read() as tx:
        assert tx.execute(text("SELECT * FROM redirects")).all() == [("article", 1, 2, None)]
    opened.close()


def test_a_migration_that_fails_leaves_nothing_behind(url: str) -> None:
    """A table in the way of the last step: the steps before it are undone as well."""
    half = connect(url)
    with half.write() as tx:
        tx.execute(text("CREATE TABLE article_sections (note TEXT)"))
    with pytest.raises(StoreError, match="article_sections"):
        bring_up_to_date(half)
    with half.read() as tx:
        assert sqlalchemy.inspect(tx).get_table_names() == ["article_sections"]
    half.close()


# --- several at once ------------------------------------------------------------------------------

OPEN = """
import json, sys
from aggregator.store.engine import find_version, open_store
WAIT
store = open_store(sys.argv[1])
print(json.dumps(find_version(store)))
store.close()
"""


def test_processes_that_open_an_empty_store_at_once_all_succeed(url: str) -> None:
    assert run_at_once(OPEN, [[url]] * 4) == [HEAD] * 4


def test_threads_that_open_an_empty_store_at_once_all_succeed(tmp_path: Path) -> None:
    count = 4
    together = threading.Barrier(count)

    def open_together(url: str) -> str | None:
        together.wait()
        opened = open_store(url)
        try:
            return find_version(opened)
        finally:
            opened.close()

    with ThreadPoolExecutor(count) as pool:
        for trial in range(5):
            urls = [f"sqlite:///{tmp_path}/{trial}.db"] * count
            assert list(pool.map(open_together, urls)) == [HEAD] * count


def test_a_store_that_another_process_is_just_creating_is_waited_for(url: str) -> None:
    """SQLite does not wait for the lock it needs to switch to WAL: whoever opens must."""
    creator = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False)
    creator.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, creator.execute, ["COMMIT"])
    release.start()
    try:
        opened = open_store(url)
        assert find_version(opened) == HEAD
        opened.close()
    finally:
        release.join()
        creator.close()


def test_writers_of_one_process_take_turns(store: Store) -> None:
    """Each adds one to what it has read: a lost turn would show in the sum."""
    with store.write() as tx:
        write_meta(tx, "sum", "0")

    def add_one(_: int) -> None:
        with store.write() as tx:
            value = int(tx.execute(select(meta.c.value)).scalar_one())
            tx.execute(meta.update().values(value=str(value + 1)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(40)))
    assert read_meta(store) == {"sum": "40"}


ADD = """
import json, sys
from sqlalchemy import select
from aggregator.store.engine import open_store
from aggregator.store.tables import meta
store = open_store(sys.argv[1])
WAIT
for _ in range(40):
    with store.write() as tx:
        value = int(tx.execute(select(meta.c.value)).scalar_one())
        tx.execute(meta.update().values(value=str(value + 1)))
print(json.dumps(None))
store.close()
"""


def test_writers_of_two_processes_take_turns(url: str, store: Store) -> None:
    with store.write() as tx:
        write_meta(tx, "sum", "0")
    run_at_once(ADD, [[url]] * 2)
    assert read_meta(store) == {"sum": "80"}


# --- transactions ---------------------------------------------------------------------------------


def test_an_exception_undoes_the_whole_transaction(store: Store) -> None:
    def write_twice() -> None:
        with store.write() as tx:
            write_meta(tx, "lost")
            write_meta(tx, "lost")

    with pytest.raises(IntegrityError):
        write_twice()
    with store.write() as tx:
        write_meta(tx, "kept")
    assert read_meta(store) == {"kept": "1"}


def test_a_reader_sees_one_state_while_another_writes(store: Store) -> None:
    count = select(sqlalchemy.func.count()).select_from(meta)
    with store.read() as reader:
        assert reader.execute(count).scalar_one() == 0
        with store.write() as tx:
            write_meta(tx, "new")
        assert reader.execute(count).scalar_one() == 0
    assert read_meta(store) == {"new": "1"}


def test_a_writer_that_waits_in_vain_says_why(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_store(url).close()
    monkeypatch.setattr(engine, "_BUSY_TIMEOUT_MS", 20)
    one, other = open_store(url), open_store(url)
    with one.write() as tx:
        write_meta(tx, "first")
        with pytest.raises(StoreError, match=r"cannot write to the store\b.*: database is locked"):
            other.write().__enter__()
    with other.write() as tx:
        write_meta(tx, "second")
    assert read_meta(one) == {"first": "1", "second": "1"}
    one.close()
    other.close()


def test_commits_survive_a_crash_of_the_process_and_readers_never_block(store: Store) -> None:
    """WAL with synchronous=NORMAL: what SQLite itself says of the connection."""
    with store.read() as tx:
        assert tx.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert tx.execute(text("PRAGMA synchronous")).scalar() == 1


# --- what is no store of ours ---------------------------------------------------------------------


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("[site]\ntitle = 'not a database'\n" * 40, encoding="utf-8")
    with pytest.raises(StoreError, match=r"x\.db: file is not a database"):
        open_store(f"sqlite:///{tmp_path}/x.db")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"missing/x\.db"):
        open_store(f"sqlite:///{tmp_path}/missing/x.db")


def test_a_store_that_cannot_be_read_says_so(url: str, store: Store) -> None:
    raw = sqlite3.connect(url.removeprefix("sqlite:///"))
    raw.execute("DROP TABLE meta")
    raw.close()
    with pytest.raises(StoreError, match=r"cannot read the store\b.*: no such table: meta"):
        read_meta(store)


REFUSED = {
    "mysql://u:secret@127.0.0.1/news": r"mysql is no database of ours: write sqlite:///FILE or postgresql",
    "postgresql+psycopg://u:secret@127.0.0.1:1/news": r"cannot read the store .*: connection .*refused",
}


@pytest.mark.parametrize(("url", "told"), REFUSED.items(), ids=REFUSED.keys())
def test_a_database_that_cannot_be_used_is_told_with_words_and_without_its_password(
    url: str, told: str
) -> None:
    with pytest.raises(StoreError, match=f"(?s){told}") as caught:
        open_store(url)
    assert "secret" not in str(caught.value)


# --- times ----------------------------------------------------------------------------------------

AWARE = st.datetimes(
    NOON.replace(year=2, tzinfo=None), timezones=st.sampled_from([UTC, timezone(timedelta(hours=2))])
)


def test_times_come_back_exact_to_the_microsecond_and_aware(store: Store) -> None:
    with store.read() as tx:

        @given(AWARE)
        def check(value: datetime) -> None:
            found = tx.execute(select(literal(value, UtcDateTime()))).scalar_one()
            assert found == value
            assert found.tzinfo is UTC

        check()


def test_times_are_kept_in_the_order_of_time(store: Store) -> None:
    with store.read() as tx:

        @given(AWARE, AWARE)
        def check(one: datetime, other: datetime) -> None:
            earlier = literal(one, UtcDateTime()) < literal(other, UtcDateTime())
            assert bool(tx.execute(select(earlier)).scalar_one()) == (one < other)

        check()


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with store.read() as tx, pytest.raises(StatementError, match="offset-naive"):
        tx.execute(select(literal(NOON.replace(tzinfo=None), UtcDateTime())))
