"""What the feeds of sections and editions list, of sources that shout and sources that are dead."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from aggregator.refresh import apply_configuration
from aggregator.store import Store, open_store
from aggregator.web import create_app
from tests.harness import make_item
from tests.site_samples import NOON, make_settings, save_feed, source_table

MINUTE = timedelta(minutes=1)


@contextmanager
def open_site(folder: Path, lengths: dict[str, int]) -> Iterator[tuple[FlaskClient, Store]]:
    """Sources with so many articles each, every one newer than all of the next source."""
    settings = make_settings(folder, *(source_table(n, f"https://{n}.example/feed") for n in lengths))
    store = open_store(settings.store_url)
    try:
        apply_configuration(store, settings, now=NOON)
        age = 0
        for source_id, length in lengths.items():
            items = [
                make_item(
                    age + n,
                    title=f"{source_id} {n}",
                    guid=f"{source_id}-{n}",
                    published_at=NOON - (age + n) * MINUTE,
                )
                for n in range(length)
            ]
            age += length
            save_feed(store, settings, source_id, items)
        yield create_app(settings, store).test_client(), store
    finally:
        store.close()


def list_sources(client: FlaskClient, name: str) -> list[str]:
    items = json.loads(client.get(f"/feeds/{name}.json").data)["items"]
    assert len({item["id"] for item in items}) == len(items)
    return [item["_aggregator"]["source"]["id"] for item in items]


@pytest.mark.parametrize("name", ["en/world", "en/all"])
@pytest.mark.parametrize("flood", [40, 190, 260])
def test_who_floods_does_not_fill_the_feed(tmp_path: Path, name: str, flood: int) -> None:
    """However far back the others' latest articles are."""
    with open_site(tmp_path, {"flood": flood, "brook": 25, "spring": 25}) as (client, _):
        listed = list_sources(client, name)
        assert Counter(listed) == {"flood": 20, "brook": 20, "spring": 10}
        assert max(len(list(run)) for _, run in groupby(listed)) <= 5
        assert listed[:6] == ["flood"] * 5 + ["brook"]
        assert len(list_sources(client, "source/flood")) == min(flood, 50)
        assert set(list_sources(client, "source/flood")) == {"flood"}


def test_two_sources_have_no_quota(tmp_path: Path) -> None:
    with open_site(tmp_path, {"flood": 60, "brook": 25}) as (client, _):
        assert Counter(list_sources(client, "en/world")) == {"flood": 50}


def test_a_section_that_fits_is_listed_whole(tmp_path: Path) -> None:
    with open_site(tmp_path, {"flood": 20, "brook": 1, "spring": 2}) as (client, _):
        assert Counter(list_sources(client, "en/world")) == {"flood": 20, "brook": 1, "spring": 2}


def test_a_source_that_fell_silent_keeps_its_last_articles(tmp_path: Path) -> None:
    with open_site(tmp_path, {"flood": 100, "brook": 100, "spring": 12}) as (client, _):
        assert Counter(list_sources(client, "en/world")) == {"flood": 20, "brook": 20, "spring": 10}
