"""SIGKILL in the middle of care: what is done is whole, what is not done is as before.

AGGREGATOR_TEST_KILLS=200 tries as many moments; the default keeps the suite quick. Polls, backups and
restores are killed in test_serve.py and test_backups.py.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from aggregator.store import open_store
from aggregator.store.engine import HEAD, connect, find_version
from tests.harness import make_source
from tests.store.samples import NOON, insert_reads, make_read, open_sample

KILLS = int(os.environ.get("AGGREGATOR_TEST_KILLS", "3"))
ARTICLES = 1000

PRUNE = """
import sys, threading
from datetime import datetime, timedelta
from aggregator.store import open_store
from aggregator.store.prune import prune_store
store = open_store(sys.argv[1])
print(flush=True)
now = datetime.fromisoformat(sys.argv[2])
prune_store(store, keep=timedelta(days=30), now=now, stopping=threading.Event())
"""

MIGRATE = """
import sys
from aggregator.store.engine import bring_up_to_date, connect
store = connect(sys.argv[1])
print(flush=True)
bring_up_to_date(store)
"""


def kill(script: str, *arguments: str, after_seconds: float) -> None:
    """Run a script, and kill it some time after it has said that it begins."""
    with subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after_seconds)
        process.kill()


def list_moments(most_seconds: float) -> Iterator[float]:
    chance = random.Random(20261124)
    return (chance.uniform(0, most_seconds) for _ in range(KILLS))


def read_ids(path: Path, query: str) -> set[int]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute(query)}


def test_prune_killed_leaves_no_half_of_an_article(tmp_path: Path) -> None:
    with open_sample(tmp_path, make_source()) as store, store.write() as tx:
        insert_reads(tx, *(make_read(f"item-{n}", first_seen_at=NOON) for n in range(ARTICLES)))
    (path,) = tmp_path.glob("*.db")
    before = read_ids(path, "SELECT id FROM entries")
    now = NOON + timedelta(days=100)
    assert len(before) == ARTICLES
    for moment in list_moments(0.3):
        kill(PRUNE, f"sqlite:///{path}", now.isoformat(), after_seconds=moment)
        entries, graves = (
            read_ids(path, "SELECT id FROM entries"),
            read_ids(path, "SELECT entry_id FROM tombstones"),
        )
        assert entries | graves == before, "none is lost"
        assert not entries & graves, "none is there twice"
        assert read_ids(path, "SELECT id FROM articles") == entries, "each was an article of its own"
        assert read_ids(path, "SELECT DISTINCT article_id FROM article_sections") == entries
        assert read_ids(path, "SELECT lead_entry_id FROM articles") == entries


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_a_migration_killed_has_happened_or_not(tmp_path: Path, version: str) -> None:
    old, path = tmp_path / "old.db", tmp_path / "x.db"
    store, config = connect(f"sqlite:///{old}"), Config()
    config.set_main_option("script_location", "aggregator:store/migrations")
    with store.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, version)
        tx.exec_driver_sql("INSERT INTO meta VALUES ('authority', 'news.example')")
    store.close()
    for moment in list_moments(0.15):
        shutil.copy(old, path)
        kill(MIGRATE, f"sqlite:///{path}", after_seconds=moment)
        killed = connect(f"sqlite:///{path}")
        assert find_version(killed) in (version, HEAD)
        killed.close()
        mended = open_store(f"sqlite:///{path}")
        with mended.read() as tx:
            assert (
                tx.exec_driver_sql("SELECT value FROM meta WHERE key = 'authority'").scalar()
                == "news.example"
            )
        mended.close()
        for leftover in tmp_path.glob("x.db*"):
            leftover.unlink()
