"""A preview tells what a poll then does, and does nothing itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.config import Settings
from aggregator.demo.publisher import Publisher
from aggregator.errors import ConfigError, HttpStatusError
from aggregator.previewing import Preview, preview_source
from aggregator.probe import Prober, open_prober
from aggregator.refresh import Line
from aggregator.store.prune import prune_store
from tests.harness import make_item, publish
from tests.site_samples import HOUR, NOON, Bench, make_settings, open_bench, source_table


@pytest.fixture(scope="module")
def press() -> Iterator[Publisher]:
    with Publisher() as opened:
        yield opened


def list_tables(press: Publisher) -> tuple[str, str]:
    rules = '[{ section = "ar/libya", title = "number 3" }]'
    return (
        source_table("press", f"{press.url}/press", skip='[{ path = "/advert" }]', rules=rules),
        source_table("wire", f"{press.url}/wire"),
    )


@pytest.fixture(scope="module")
def prober(press: Publisher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prober]:
    settings = make_settings(tmp_path_factory.mktemp("prober"), *list_tables(press))
    with open_prober(settings) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path, press: Publisher) -> Settings:
    return make_settings(tmp_path, *list_tables(press))


@pytest.fixture
def bench(tmp_path: Path, prober: Prober) -> Iterator[Bench]:
    with open_bench(tmp_path, prober.client, prober.sandbox) as opened:
        yield opened


def preview(settings: Settings, prober: Prober, name: str, *, section: str | None = None) -> Preview:
    return preview_source(
        settings, prober, name, section=section, environ={}, now=NOON, choose=lambda feeds: feeds[0]
    )


def decide(found: Preview) -> dict[str, tuple[str, str | None]]:
    return {item.title.split()[2]: (item.decision, item.section) for item in found.items}


def poll(bench: Bench, line: Line) -> tuple[int, int]:
    reports = bench.poll(line).values()
    return sum(report.new for report in reports), sum(report.updated for report in reports)


def test_a_preview_without_a_store_makes_none(
    settings: Settings, prober: Prober, press: Publisher, tmp_path: Path
) -> None:
    advert = make_item(2, url="https://press.example/advert/2")
    publish(press, "/press", [make_item(1), advert, make_item(3)])
    found = preview(settings, prober, "press")
    assert found.configured
    assert decide(found) == {"3": ("new", "ar/libya"), "2": ("dropped", None), "1": ("new", "en/world")}
    three, two, one = found.items
    assert three.section_why == 'the rule title "number 3"'
    assert two.why == 'the skip rule path "/advert"'
    assert one.section_why == "the section of source press"
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]


def test_what_is_foreseen_is_what_a_poll_does(prober: Prober, press: Publisher, bench: Bench) -> None:
    """Copies are merged, what is stored is known, and what is edited is edited."""
    line = bench.configure(*list_tables(press))
    publish(press, "/wire", [make_item(5, guid="wire-5")])
    publish(press, "/press", [make_item(1), make_item(2)])
    assert poll(bench, line) == (3, 0)
    before = bench.entries()
    edited = make_item(2, html="<p>Everything is otherwise now.</p>")
    publish(press, "/press", [make_item(1), edited, make_item(3), make_item(5)])
    found = preview(line.settings, prober, f"{press.url}/press?utm_source=x")
    assert bench.entries() == before
    assert decide(found) == {
        "5": ("merged", "en/world"),
        "3": ("new", "ar/libya"),
        "2": ("edited", "en/world"),
        "1": ("known", "en/world"),
    }
    merged = found.items[0]
    assert merged.why == "same-url: wire carries the same URL"

    assert poll(bench, line) == (2, 1)
    entries = {entry.guid: entry for entry in bench.entries() if entry.source == "press"}
    assert entries["item-5"].article == merged.article
    assert entries["item-3"].sections == ("ar/libya",)
    assert {item.decision for item in preview(line.settings, prober, "press").items} == {"known"}


def test_what_was_pruned_is_foreseen_to_stay_away(prober: Prober, press: Publisher, bench: Bench) -> None:
    line = bench.configure(*list_tables(press))
    publish(press, "/press", [make_item(1)])
    publish(press, "/wire", [])
    poll(bench, line)
    late = NOON + 1000 * HOUR
    assert prune_store(bench.store, keep=HOUR, now=late, stopping=threading.Event()) == 1
    assert [item.decision for item in preview(line.settings, prober, "press").items] == ["pruned"]


def test_any_feed_or_page_can_be_previewed_as_if_it_were_a_source(
    settings: Settings, prober: Prober, press: Publisher
) -> None:
    page = b'<!doctype html><link rel="alternate" type="application/atom+xml" href="/other">'
    press.publish("/page", page, content_type="text/html")
    publish(press, "/other", [make_item(1)], form="atom10")
    found = preview(settings, prober, f"{press.url}/page", section="en/world")
    assert (found.configured, found.source.format) == (False, "Atom 1.0")
    assert [item.section for item in found.items] == ["en/world"]
    found = preview(settings, prober, f"{press.url}/other")
    assert [item.section for item in found.items] == ["ar/sports"], "the first section there is"


def test_what_cannot_be_previewed_is_told(settings: Settings, prober: Prober, press: Publisher) -> None:
    press.withdraw("/wire")
    with pytest.raises(ConfigError, match="did you mean 'press'"):
        preview(settings, prober, "pres")
    with pytest.raises(ConfigError, match="en/world"):
        preview(settings, prober, f"{press.url}/x", section="none")
    with pytest.raises(HttpStatusError, match="404"):
        preview(settings, prober, "wire")
