"""SIGKILL at any moment of a command that writes: nothing lost, doubled or half written, no help needed.

One moment of each command is tried, or AGGREGATOR_TEST_KILLS of them. That of `restore`
is in test_backups.py, that of `serve` in test_serve.py.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from alembic import command as alembic
from alembic.config import Config

from aggregator.demo.publisher import Publisher
from aggregator.publish.manifest import parse_manifest
from aggregator.store.backup import check_copy
from aggregator.store.engine import HEAD, connect
from aggregator.web.tree import MANIFEST
from tests.harness import COMMAND, Site, make_item, publish, write_config

KILLS = int(os.environ.get("AGGREGATOR_TEST_KILLS", "1"))
RECOVERY_SECONDS = 60.0
ITEMS = 15
LONG_AGO = 100 * 24 * 3600 * 1_000_000  # microseconds


def find_store(site: Site) -> Path:
    (path,) = site.folder.glob("*.db")
    return path


def read(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def check_store(site: Site) -> None:
    """Every entry is in one article, every article has its entries, and no guid is there twice."""
    path = find_store(site)
    assert read(path, "PRAGMA integrity_check") == [("ok",)]
    homeless = "SELECT id FROM entries WHERE article_id NOT IN (SELECT id FROM articles)"
    empty = "SELECT id FROM articles WHERE id NOT IN (SELECT article_id FROM entries)"
    twice = "SELECT guid FROM entries GROUP BY source_id, guid HAVING count(*) > 1"
    unlisted = "SELECT id FROM articles WHERE id NOT IN (SELECT article_id FROM article_sections)"
    for query in (homeless, empty, twice, unlisted):
        assert read(path, query) == [], query


def list_guids(site: Site) -> dict[object, object]:
    return dict(read(find_store(site), "SELECT guid, id FROM entries"))  # type: ignore[arg-type]


class Polled:
    """`poll`: each time there are other items to read."""

    arguments = ("poll", "--all")

    def __init__(self, site: Site, publisher: Publisher) -> None:
        self.site, self.publisher = site, publisher
        self.count = 0
        self.known: dict[object, object] = {}

    def prepare(self) -> None:
        self.known = list_guids(self.site)
        self.count += 1
        items = [make_item(self.count * 1000 + n) for n in range(ITEMS)]
        for path in ("/a", "/b"):
            publish(self.publisher, path, items)

    def check(self) -> None:
        check_store(self.site)
        assert self.known.items() <= list_guids(self.site).items(), "no guid has changed, none is lost"

    def check_end(self) -> None:
        self.check()
        assert len(list_guids(self.site)) == len(self.known) + ITEMS


class Published(Polled):
    """`publish`: the folder shows one version, whole."""

    arguments = ("publish", "out")

    def prepare(self) -> None:
        super().prepare()
        self.site.run("poll", "--all")

    def check(self) -> None:
        check_store(self.site)
        folder = self.site.folder / "out"
        if not folder.exists():
            return
        manifest = parse_manifest((folder / MANIFEST).read_bytes())
        for page in manifest.pages:
            assert sha256((folder / page.file).read_bytes()).hexdigest() == page.sha256, page.path

    def check_end(self) -> None:
        assert (self.site.folder / "out").exists()
        self.check()


class Pruned(Polled):
    """`prune`: an entry is there, or has left its tombstone."""

    arguments = ("prune",)

    def prepare(self) -> None:
        super().prepare()
        self.site.run("poll", "--all")
        with closing(sqlite3.connect(find_store(self.site))) as connection, connection:
            for table in ("entries", "articles"):
                aged = ", ".join(
                    f"{name} = {name} - {LONG_AGO}"
                    for name in ("first_seen_at", "published_at", "updated_at")
                )
                connection.execute(f"UPDATE {table} SET {aged}")
            connection.execute(f"UPDATE article_sections SET published_at = published_at - {LONG_AGO}")
        self.before = {row[0] for row in self._list_all()}

    def check(self) -> None:
        check_store(self.site)
        assert {row[0] for row in self._list_all()} == self.before
        both = "SELECT id FROM entries WHERE id IN (SELECT entry_id FROM tombstones)"
        assert read(find_store(self.site), both) == []

    def check_end(self) -> None:
        self.check()
        assert list_guids(self.site) == {}

    def _list_all(self) -> list[tuple[object, ...]]:
        return read(find_store(self.site), "SELECT id FROM entries UNION SELECT entry_id FROM tombstones")


class BackedUp(Polled):
    """`backup`: the file is not there, or is whole."""

    arguments = ("backup", "--overwrite", "kept.backup")

    def prepare(self) -> None:
        self.site.run("poll")
        self.known = list_guids(self.site)

    def check(self) -> None:
        check_store(self.site)
        kept = self.site.folder / "kept.backup"
        if kept.exists():
            assert check_copy(kept) == HEAD
            assert dict(read(kept, "SELECT guid, id FROM entries")) == self.known  # type: ignore[arg-type]

    def check_end(self) -> None:
        assert (self.site.folder / "kept.backup").exists()
        self.check()


class Migrated(Polled):
    """`migrate`: the schema is the former one or the new one, and nothing that was in it is lost."""

    arguments = ("migrate",)

    def prepare(self) -> None:
        path = find_store(self.site)
        old = self.site.folder / "old"
        if not old.exists():
            path.unlink()
            store, config = connect(f"sqlite:///{path}"), Config()
            config.set_main_option("script_location", "aggregator:store/migrations")
            with store.write() as tx:
                config.attributes["connection"] = tx
                alembic.upgrade(config, "0001")
                tx.exec_driver_sql("INSERT INTO meta VALUES ('authority', 'news.example')")
            store.close()
            shutil.copy(path, old)
        for leftover in self.site.folder.glob("*.db*"):
            leftover.unlink()
        shutil.copy(old, path)

    def check(self) -> None:
        path = find_store(self.site)
        assert read(path, "SELECT version_num FROM alembic_version") in ([("0001",)], [(HEAD,)])
        assert read(path, "SELECT value FROM meta WHERE key = 'authority'") == [("news.example",)]

    def check_end(self) -> None:
        self.check()
        check_store(self.site)
        assert read(find_store(self.site), "SELECT version_num FROM alembic_version") == [(HEAD,)]


# By themselves only those that no other module kills; a longer run is of all.
ALWAYS = (Published, BackedUp)
CASES = (*ALWAYS, Polled, Pruned, Migrated) if "AGGREGATOR_TEST_KILLS" in os.environ else ALWAYS


@pytest.mark.timeout(240 + 120 * KILLS)
@pytest.mark.parametrize("make", CASES)
def test_killed_at_any_moment(
    make: Callable[[Site, Publisher], Polled], publisher: Publisher, site: Site
) -> None:
    publish(publisher, "/a", [])
    publish(publisher, "/b", [])
    write_config(site, publisher, {"a": "/a", "b": "/b"})
    site.run("poll", "--all")
    case = make(site, publisher)
    command = [*COMMAND, *case.arguments, "--config", str(site.config)]
    chance = random.Random(20261124)

    def start() -> subprocess.Popen[bytes]:
        case.prepare()
        return subprocess.Popen(command, cwd=site.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    with start() as process:
        began = time.monotonic()
        _, complaint = process.communicate()
        whole = time.monotonic() - began
    assert process.returncode == 0, complaint
    case.check_end()
    for _ in range(KILLS):
        with start() as process:
            # Most of a short command is Python's own start: the second half is where it writes.
            time.sleep(chance.uniform(0.4, 1.1) * whole)
            process.send_signal(signal.SIGKILL)
        case.check()
        began = time.monotonic()
        done = subprocess.run(command, cwd=site.folder, capture_output=True, check=False, timeout=240)
        assert done.returncode == 0, done.stderr
        assert time.monotonic() - began < RECOVERY_SECONDS
        case.check_end()
