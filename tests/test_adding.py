"""`add`: the feed is found, shown and written once; what is there already is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator.adding import Proposal, add_source, propose_source
from aggregator.config import Settings, load_settings
from aggregator.config.editing import NewSource
from aggregator.demo.publisher import Publisher
from aggregator.errors import AggregatorError, ConfigError
from aggregator.probe import Prober, open_prober
from tests.harness import make_item, publish
from tests.site_samples import NOON, make_settings, source_table

NEW = NewSource(id="new", name="New", url="https://new.example/feed", section="en/world")


@pytest.fixture(scope="module")
def press() -> Iterator[Publisher]:
    page = '<!doctype html><link rel="alternate" type="application/rss+xml" href="{}">'
    with Publisher() as opened:
        publish(opened, "/feed", [make_item(n) for n in range(8)])
        publish(opened, "/here", [make_item(1)])
        opened.publish("/page", page.format("/feed").encode(), content_type="text/html")
        opened.publish("/known", page.format("/here?utm_source=x").encode(), content_type="text/html")
        for path, target, status in [
            ("/moved", "/feed", 308),
            ("/away", "/feed", 302),
            ("/back", "/here", 301),
        ]:
            opened.publish(path, b"", status=status, content_type="x/x", headers={"Location": target})
        yield opened


@pytest.fixture
def settings(tmp_path: Path, press: Publisher) -> Settings:
    return make_settings(tmp_path, source_table("press", f"{press.url}/here"))


@pytest.fixture(scope="module")
def prober(press: Publisher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prober]:
    folder = tmp_path_factory.mktemp("prober")
    with open_prober(make_settings(folder, source_table("press", f"{press.url}/here"))) as opened:
        yield opened


def propose(settings: Settings, prober: Prober, url: str) -> Proposal:
    return propose_source(settings, prober, url, environ={}, now=NOON, choose=lambda feeds: feeds[0])


FOUND = [
    pytest.param("/feed", "/feed", id="a feed"),
    pytest.param("/page", "/feed", id="a page that names one"),
    pytest.param("/moved", "/feed", id="where it has moved to for good"),
    pytest.param("/away", "/away", id="one that redirects for the time being"),
]


@pytest.mark.parametrize(("path", "written"), FOUND)
def test_the_feed_is_found_and_a_name_suggested(
    settings: Settings, prober: Prober, press: Publisher, path: str, written: str
) -> None:
    before = settings.path.read_bytes()
    proposal = propose(settings, prober, press.url + path)
    assert proposal.url == press.url + written
    assert (proposal.id, proposal.name) == ("press-2", "Press"), "press is taken"
    assert [e.title for e in proposal.newest] == [f"Bridge number {n} opens" for n in (7, 6, 5, 4, 3)]
    assert proposal.finding.items == 8
    assert settings.path.read_bytes() == before


REFUSED = [
    pytest.param("/here", "source press has that URL already", id="a source"),
    pytest.param("/here/?utm_source=x#top", "source press has that URL already", id="one spelled otherwise"),
    pytest.param("/known", "source press has that URL already", id="a page that names one"),
    pytest.param("/back", "source press has that URL already", id="one that has moved there"),
    pytest.param("/none", "answered 404", id="nothing"),
]


@pytest.mark.parametrize(("path", "words"), REFUSED)
def test_what_cannot_be_added_is_told(
    settings: Settings, prober: Prober, press: Publisher, path: str, words: str
) -> None:
    with pytest.raises(AggregatorError, match=words):
        propose(settings, prober, press.url + path)


def test_an_address_that_is_none_is_told(settings: Settings, prober: Prober) -> None:
    with pytest.raises(ConfigError, match="is no http or https URL"):
        propose(settings, prober, "press.example/feed")


def test_what_was_written_is_a_source_and_is_not_written_twice(settings: Settings) -> None:
    add_source(settings, NEW, environ={})
    again = load_settings(settings.path, environ={})
    assert (again.get_source("new").url, again.get_source("new").section) == (NEW.url, "en/world")
    text = settings.path.read_bytes()
    for other, words in [
        (
            NewSource(id="x", name="X", url="http://new.example/feed/", section="world"),
            "has that URL already",
        ),
        (
            NewSource(id="new", name="X", url="https://x.example/", section="world"),
            'is a source "new" already',
        ),
        (NewSource(id="X y", name="X", url="https://x.example/", section="world"), 'write letters.*"x-y"'),
        (NewSource(id="x", name="X", url="https://x.example/", section="wrld"), "did you mean 'world'"),
    ]:
        with pytest.raises(ConfigError, match=words):
            add_source(again, other, environ={})
    assert settings.path.read_bytes() == text


def test_what_an_editor_has_saved_meanwhile_stays(settings: Settings) -> None:
    text = settings.path.read_text(encoding="utf-8") + "# a thought of the admin's\n"
    settings.path.write_text(text, encoding="utf-8")
    add_source(settings, NEW, environ={})
    assert settings.path.read_text(encoding="utf-8").startswith(text)
