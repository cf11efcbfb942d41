"""How sources, servers and hubs fare, read at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.config import Settings
from aggregator.refresh import apply_configuration
from aggregator.statuses import SILENT_AFTER, list_hub_notices, read_situation
from aggregator.store import Store, open_store, processes, subscribers
from tests.harness import make_item
from tests.site_samples import HOUR, NOON, make_settings, save_feed, source_table

HUB = "https://hub.example/?token=s3cret"

pytestmark = pytest.mark.usefixtures("each_store")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Settings, Store]]:
    written = make_settings(tmp_path, *(source_table(s, f"https://{s}.example/feed") for s in "ab"))
    settings = replace(written, websub_hub=HUB)
    store = open_store(settings.store_url)
    apply_configuration(store, settings, now=NOON)
    yield settings, store
    store.close()


def test_where_nothing_is_wrong_there_are_sources_alone(site: tuple[Settings, Store]) -> None:
    settings, store = site
    for source_id in "ab":
        save_feed(store, settings, source_id, [make_item(1)])
    with store.read() as tx:
        situation = read_situation(tx, settings, now=NOON)
    assert [(row.id, row.state, row.entries) for row in situation.sources] == [("a", "ok", 1), ("b", "ok", 1)]
    assert sum(sum(row.merged.values()) for row in situation.sources) == 1
    assert situation.troubles == ()
    assert situation.unindexed == 0
    assert list_hub_notices(settings, now=NOON) == ()


def test_a_trouble_keeps_its_key_while_its_words_change(site: tuple[Settings, Store]) -> None:
    settings, store = site
    with store.write() as tx:
        processes.record_start(tx, "me", polls=True, digest="", now=NOON, is_dead=lambda _: False)
        processes.record_problems(tx, "me", ["c.toml:7: wrong"])
    found = []
    for failures in (1, 2):
        now = NOON + SILENT_AFTER + failures * HOUR
        ping = subscribers.Ping(
            hub=HUB, next_at=now + HOUR, failures=failures, failing_since=NOON, last_error="HTTP 500"
        )
        with store.write() as tx:
            subscribers.save_ping(tx, ping)
        with store.read() as tx:
            found.append(read_situation(tx, settings, now=now).troubles)
    first, second = found
    assert [(t.key, t.since) for t in first] == [(t.key, t.since) for t in second]
    assert [t.since for t in first] == [NOON] * 3
    configuration, silence, hub = (trouble.text for trouble in second)
    assert configuration.endswith("because of c.toml:7: wrong")
    assert "polls has not been heard of since 12:00 UTC" in silence
    assert "(2 times: HTTP 500)" in hub
    assert "s3cret" not in hub
    assert list_hub_notices(settings, now=NOON + timedelta(days=1)) == (hub,)
