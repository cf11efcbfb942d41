"""A store as one file: copied while it is written to, refused when it is not whole, put back in one step."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from aggregator import backups
from aggregator.config import Settings
from aggregator.errors import AggregatorError, StoreError
from aggregator.refresh import apply_configuration
from aggregator.store import open_store
from aggregator.store.engine import HEAD, connect
from tests.site_samples import NOON, make_settings, source_table

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = make_settings(tmp_path, source_table("herald", "https://herald.example/feed"))
    store = open_store(made.store_url)
    apply_configuration(store, made, now=NOON)
    store.close()
    return made


def find_file(settings: Settings) -> Path:
    return Path(settings.store_url.removeprefix("sqlite:///"))


def list_sources(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM sources ORDER BY id")]


def run_sql(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def list_names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_backup_comes_back_and_the_former_store_stays(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "monday.db"
    file.parent.mkdir()
    made = backups.back_up(settings, file, overwrite=False)
    run_sql(find_file(settings), "DELETE FROM sources")
    before = list_names(tmp_path)

    done = backups.restore(settings, file, now=NOW)

    assert (made.size_bytes, made.version) == (file.stat().st_size, HEAD)
    assert list_names(file.parent) == {"monday.db"}
    assert list_sources(find_file(settings)) == ["herald"]
    assert done.kept is not None
    assert list_sources(done.kept) == []
    assert list_names(tmp_path) - before == {done.kept.name}, "and nothing else is left behind"


def test_a_backup_is_one_moment_of_a_store_that_is_written_to(settings: Settings, tmp_path: Path) -> None:
    """Two tables that a writer always changes together agree in every copy."""
    path = find_file(settings)
    run_sql(path, "INSERT INTO meta VALUES ('one', '0'), ('two', '0')")
    stopping = threading.Event()

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            while not stopping.is_set():
                connection.execute("BEGIN IMMEDIATE")
                for key in ("one", "two"):
                    connection.execute("UPDATE meta SET value = value + 1 WHERE key = ?", (key,))
                connection.execute("COMMIT")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = set()
        for n in range(5):
            backups.back_up(settings, tmp_path / f"{n}.db", overwrite=False)
            with closing(sqlite3.connect(tmp_path / f"{n}.db")) as copy:
                one, two = copy.execute(
                    "SELECT value FROM meta WHERE key IN ('one', 'two') ORDER BY key"
                ).fetchall()
            assert one == two
            seen.add(one)
    finally:
        stopping.set()
        writer.join()
    assert len(seen) > 1, "it was written to meanwhile"


def test_a_backup_replaces_a_file_only_when_told_to(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "monday.db"
    file.write_text("my thesis")
    with pytest.raises(StoreError, match="--overwrite"):
        backups.back_up(settings, file, overwrite=False)
    assert file.read_text() == "my thesis"
    backups.back_up(settings, file, overwrite=True)
    assert list_sources(file) == ["herald"]
    with pytest.raises(StoreError, match="the store itself"):
        backups.back_up(settings, find_file(settings), overwrite=True)


def test_a_backup_before_an_upgrade_does_not_migrate_and_restore_does(
    settings: Settings, tmp_path: Path
) -> None:
    old = tmp_path / "old.db"
    make_old(find_file(settings), "0002")
    assert backups.back_up(settings, old, overwrite=False).version == "0002"
    done = backups.restore(settings, old, now=NOW)
    assert (done.version, done.migrated_to) == ("0002", HEAD)
    open_store(settings.store_url, migrate=False).close()


def make_old(path: Path, version: str) -> None:
    """An empty store as a former version left it."""
    path.unlink()
    store, config = connect(f"sqlite:///{path}"), Config()
    config.set_main_option("script_location", "aggregator:store/migrations")
    with store.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, version)
    store.close()


def test_nothing_is_backed_up_where_there_is_no_store(settings: Settings, tmp_path: Path) -> None:
    find_file(settings).unlink()
    with pytest.raises(StoreError, match="no store"):
        backups.back_up(settings, tmp_path / "x.db", overwrite=False)
    assert not find_file(settings).exists()


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-8192])


def _scribble(path: Path) -> None:
    body = bytearray(path.read_bytes())
    for page in range(4096 * 3, len(body), 4096):
        body[page : page + 64] = b"\xff" * 64
    path.write_bytes(body)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.write_bytes(b""), "none of the aggregator"),
        (lambda path: path.write_text("-- SQL dump\n" * 500), "cannot be read"),
        (_cut, "damaged|cannot be read"),
        (_scribble, "damaged|cannot be read"),
        (lambda path: run_sql(path, "UPDATE alembic_version SET version_num = '9999'"), "newer"),
        (lambda path: run_sql(path, "DROP TABLE entries"), "none of the aggregator"),
    ],
    ids=["an empty file", "text", "cut short", "scribbled over", "of a newer version", "another database"],
)
def test_what_is_no_whole_store_of_ours_changes_nothing(
    settings: Settings, tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    file = tmp_path / "monday.db"
    backups.back_up(settings, file, overwrite=False)
    spoil(file)
    before, body = list_names(tmp_path), file.read_bytes()
    with pytest.raises(AggregatorError, match=words):
        backups.restore(settings, file, now=NOW)
    assert list_sources(find_file(settings)) == ["herald"]
    assert list_names(tmp_path) == before
    assert file.read_bytes() == body


def test_a_store_in_use_is_not_replaced(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "monday.db"
    backups.back_up(settings, file, overwrite=False)
    hold = (
        "import sys; from aggregator.store import open_store; s = open_store(sys.argv[1]); print(flush=True)"
    )
    hold += "; sys.stdin.read()"
    arguments = [sys.executable, "-c", hold, settings.store_url]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        user.stdout.readline()
        with pytest.raises(StoreError, match="in use"):
            backups.restore(settings, file, now=NOW)
        user.kill()  # which gives no chance to tidy up
        user.wait()
        backups.restore(settings, file, now=NOW)


def test_a_damaged_store_gives_way_to_its_backup(settings: Settings, tmp_path: Path) -> None:
    """The log of a killed writer is put aside with it: read into the backup it would spoil that too."""
    file, path = tmp_path / "monday.db", find_file(settings)
    backups.back_up(settings, file, overwrite=False)
    write = (
        "import os, sys; from aggregator.store import open_store\n"
        "s = open_store(sys.argv[1])\n"
        "with s.write() as tx: tx.exec_driver_sql('DELETE FROM sources')\n"
        "os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", write, settings.store_url], check=False).returncode == -9
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    path.write_bytes(b"fsck was here" * 1000)
    done = backups.restore(settings, file, now=NOW)
    assert list_sources(path) == ["herald"]
    assert done.kept is not None
    assert done.kept.read_bytes().startswith(b"fsck")


@pytest.mark.parametrize("what", ["backup", "restore"])
def test_killed_at_any_moment_there_is_a_whole_store(settings: Settings, tmp_path: Path, what: str) -> None:
    """AGGREGATOR_TEST_KILLS=200 tries as many moments; the default keeps the suite quick."""
    file = tmp_path / "monday.db"
    backups.back_up(settings, file, overwrite=False)
    call = {
        "backup": "backups.back_up(settings, Path(sys.argv[2]), overwrite=True)",
        "restore": "backups.restore(settings, Path(sys.argv[2]), now=datetime.now(UTC))",
    }[what]
    script = (
        "import os, sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from aggregator import backups; from aggregator.config import load_settings\n"
        "settings = load_settings(Path(sys.argv[1]), environ=os.environ); print(flush=True)\n"
        f"while True:\n    {call}\n"
    )
    for n in range(int(os.environ.get("AGGREGATOR_TEST_KILLS", "3"))):
        arguments = [sys.executable, "-c", script, str(settings.path), str(file)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.003 + 0.013 * n % 0.1)
            process.send_signal(signal.SIGKILL)
        for path in (file, find_file(settings)):
            assert list_sources(path) == ["herald"]
            with closing(sqlite3.connect(path)) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
