"""No statement of the hot paths reads a growing table from end to end, on either database.

Every statement that polling, grouping, serving and pruning send is written down as it is sent, and its plan
asked for. What a plan looks like does not hang on how much is stored: SQLite has no statistics, and
PostgreSQL is told to read a whole table only where nothing else is possible. `status` and /admin/ are left
out: they count all entries, in an index, and nobody asks them every few seconds.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import event

from aggregator.grouping import group_new
from aggregator.store import Store, tables
from aggregator.store.prune import prune_store
from aggregator.web import create_app
from aggregator.web.paths import list_paths
from tests.harness import make_item
from tests.site_samples import HOUR, NOON, Portal, open_portal, save_feed

pytestmark = pytest.mark.usefixtures("each_store")

# As many rows as there are sources, processes, subscribers or decisions of an admin.
SMALL = {"counters", "digests", "hosts", "meta", "processes", "sources", "story_rulings"}
SMALL |= {"subscribers", "subscriptions", "topics", "pings", "payloads"}
GROWING = {table.name for table in tables.metadata.sorted_tables} - SMALL

Statements = dict[str, Any]  # with the parameters of the last time


@contextmanager
def written_down() -> Iterator[Statements]:
    found: Statements = {}

    def note(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        found[statement] = parameters[0] if many and parameters else parameters

    event.listen(sqlalchemy.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(sqlalchemy.Engine, "before_cursor_execute", note)


@pytest.fixture(scope="module")
def portal(each_store: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with open_portal(tmp_path_factory.mktemp("plans")) as opened:
        yield opened


def find_whole_reads(store: Store, statements: Statements) -> list[str]:
    """The statements that can only be answered by reading a growing table whole, with that table."""
    found = []
    explain, pattern = {
        "sqlite": ("EXPLAIN QUERY PLAN ", r"^SCAN (\w+)(?! VIRTUAL TABLE)"),
        "postgresql": ("EXPLAIN ", r"Seq Scan on (\w+)"),
    }[store.engine.dialect.name]
    with store.read() as tx:
        if tx.dialect.name == "postgresql":
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
        for statement, parameters in statements.items():
            if not re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)\b", statement):
                continue
            plan = [str(row[-1]) for row in tx.exec_driver_sql(explain + statement, parameters)]
            for line in plan:
                match = re.search(pattern, line)
                table = match and re.sub(r"_\d+$", "", match[1])
                if table in GROWING:
                    found.append(f"{line.strip()} | {' '.join(statement.split())}")
    return found


def test_a_poll_and_the_grouping_after_it(portal: Portal) -> None:
    with written_down() as statements:
        now = NOON + HOUR
        save_feed(portal.store, portal.settings, "wire", [make_item(n) for n in (200, 203)], now=now)
        edited = make_item(201, title="The bridge is closed again")
        save_feed(portal.store, portal.settings, "herald", [edited, make_item(203, guid="h")], now=now)
        group_new(portal.store, now=now, stopping=threading.Event())
    assert find_whole_reads(portal.store, statements) == []


def test_every_public_page(portal: Portal) -> None:
    group_new(portal.store, now=NOON, stopping=threading.Event())
    with portal.store.read() as tx:
        paths = [listed.path for listed in list_paths(tx, portal.settings) if listed.kind != "static"]
    client = create_app(portal.settings, portal.store).test_client()
    with written_down() as statements:
        for path in (*paths, "/en/search?q=bridge", "/ar/search?q=source:madar", "/healthz", "/readyz"):
            assert client.get(path).status_code == 200, path
    assert find_whole_reads(portal.store, statements) == []


def test_the_figures_that_are_asked_for_every_few_seconds(portal: Portal) -> None:
    client = create_app(portal.settings, portal.store).test_client()
    with written_down() as statements:
        assert client.get("/metrics").status_code == 200
    assert find_whole_reads(portal.store, statements) == []


def test_pruning(portal: Portal) -> None:
    with written_down() as statements:
        prune_store(portal.store, keep=timedelta(days=400), now=NOON, stopping=threading.Event())
    assert find_whole_reads(portal.store, statements) == []


def test_the_test_sees_a_whole_read(portal: Portal) -> None:
    found = find_whole_reads(portal.store, {"SELECT count(*) FROM entries WHERE title = 'x'": ()})
    assert [line.split(" | ")[0].split()[-1] for line in found]
