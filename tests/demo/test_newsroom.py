"""The demo's world looks the same to everyone at the same moment, and keeps what the demo promises."""

from __future__ import annotations

import io
import re
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import feedparser
import pytest

from aggregator.config import parse_settings
from aggregator.demo.documents import FORMATS, DemoFeed
from aggregator.demo.newsroom import (
    EDIT_EVERY,
    FAILING_PATH,
    MAX_ITEMS,
    Newsroom,
    demo_config,
    list_feeds,
    make_world,
)
from aggregator.demo.outlets import Outlet, list_articles, list_outlets
from aggregator.demo.pictures import get_picture_path, render_png, render_svg
from aggregator.demo.publisher import Publisher

STARTED_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
RELEASE_EVERY = timedelta(seconds=4)
LATER = STARTED_AT + timedelta(minutes=20)
WORLD = make_world(seed=1, started_at=STARTED_AT, release_every=RELEASE_EVERY)
SECTIONS = {
    *(f"ar/{name}" for name in ("libya", "world", "sports", "economy", "arts", "stars", "health")),
    *(f"en/{name}" for name in ("world", "technology", "science")),
}


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as one:
        yield one


def get(url: str) -> bytes:
    with urlopen(Request(url), timeout=10) as answer:
        body: bytes = answer.read()
        return body


def get_feeds(now: datetime, seed: int = 1) -> tuple[tuple[Outlet, DemoFeed], ...]:
    world = make_world(seed=seed, started_at=STARTED_AT, release_every=RELEASE_EVERY)
    return list_feeds(world, now=now, base_url="http://127.0.0.1:1")


def count_items(now: datetime) -> int:
    return sum(len(feed.items) for _, feed in get_feeds(now))


# --- texts ----------------------------------------------------------------------------------------


def test_there_are_texts_enough_in_every_section() -> None:
    articles = list_articles()
    languages = Counter(a.section[:2] for a in articles if len(a.outlet_ids) == 1)
    assert languages["ar"] >= 60
    assert languages["en"] >= 30
    assert {a.section for a in articles} == SECTIONS
    assert sum(len(a.outlet_ids) > 1 for a in articles) >= 12
    assert all(2 <= len(a.text.strip().split("\n\n")) <= 5 for a in articles)
    for field in ("id", "title", "summary", "text"):
        assert len({getattr(a, field) for a in articles}) == len(articles)


def test_every_text_is_in_the_language_of_those_who_carry_it() -> None:
    langs = {outlet.id: outlet.lang for outlet in list_outlets()}
    for article in list_articles():
        assert {langs[outlet_id] for outlet_id in article.outlet_ids} == {article.section[:2]}
        arabic = len(re.findall(r"[\u0621-\u064a]", article.text))
        latin = len(re.findall(r"[A-Za-z]", article.text))
        assert (arabic > latin) == article.section.startswith("ar/")


def test_all_formats_and_a_legacy_encoding_are_spoken() -> None:
    assert {outlet.format for outlet in list_outlets()} == set(FORMATS)
    assert "windows-1256" in {outlet.encoding for outlet in list_outlets()}
    assert any(outlet.xhtml for outlet in list_outlets())
    assert len(list_outlets()) + 1 >= 8


# --- the world ------------------------------------------------------------------------------------


def test_the_same_seed_start_and_time_give_the_same_feeds() -> None:
    assert get_feeds(LATER) == get_feeds(LATER)
    assert get_feeds(LATER) != get_feeds(LATER, seed=2)


def test_the_larger_part_is_out_at_the_start_with_dates_of_the_day_before() -> None:
    dates = [item.published_at for _, feed in get_feeds(STARTED_AT) for item in feed.items]
    assert 0.55 <= len(dates) / len(WORLD.appearances) <= 0.7
    assert STARTED_AT - timedelta(hours=24) <= min(dates) < STARTED_AT - timedelta(hours=20)
    assert STARTED_AT - timedelta(hours=4) < max(dates) <= STARTED_AT


def test_something_new_comes_every_few_seconds_until_all_is_out() -> None:
    moments = sorted({a.published_at for a in WORLD.appearances if a.published_at > STARTED_AT})
    gaps = [later - earlier for earlier, later in zip([STARTED_AT, *moments], moments, strict=False)]
    assert max(gaps) <= 3 * RELEASE_EVERY
    assert count_items(WORLD.exhausted_at) == len(WORLD.appearances) == count_items(LATER)
    assert count_items(WORLD.exhausted_at - timedelta(seconds=1)) < len(WORLD.appearances)


def test_feeds_are_short_and_the_newest_comes_first() -> None:
    for _, feed in get_feeds(LATER):
        dates = [item.published_at for item in feed.items]
        assert dates == sorted(dates, reverse=True)
        assert len(dates) <= MAX_ITEMS
        assert len({item.guid for item in feed.items}) == len({item.url for item in feed.items}) == len(dates)


def test_when_all_is_out_one_item_a_minute_is_edited() -> None:
    def list_all(now: datetime) -> dict[str, Any]:
        return {f"{outlet.id} {item.guid}": item for outlet, feed in get_feeds(now) for item in feed.items}

    for minute in range(6):
        before = list_all(WORLD.exhausted_at + EDIT_EVERY * minute)
        after = list_all(WORLD.exhausted_at + EDIT_EVERY * (minute + 1))
        (edited,) = (key for key in after if after[key] != before[key])
        assert after[edited].published_at == before[edited].published_at
        assert after[edited].updated_at == WORLD.exhausted_at + EDIT_EVERY * (minute + 1)
        assert after[edited].html != before[edited].html
        assert after[edited].title == before[edited].title


def test_a_wire_article_reaches_three_outlets_in_their_own_ways() -> None:
    feeds = {outlet.id: feed for outlet, feed in get_feeds(LATER)}
    copies = {
        name: next(item for item in feed.items if "/repairable-phone-standard.html" in item.url)
        for name, feed in feeds.items()
        if any("/repairable-phone-standard.html" in item.url for item in feed.items)
    }
    assert set(copies) == {"circuit", "lantern", "harbour"}
    first, linked, copied = copies["circuit"], copies["lantern"], copies["harbour"]
    assert linked.url == f"{first.url}?utm_source=lantern&utm_medium=rss&utm_campaign=wire"
    assert linked.title != first.title
    assert linked.title.lower() == first.title.lower()
    assert copied.url != first.url
    assert (copied.title, copied.html) == (first.title, first.html)
    assert first.published_at < linked.published_at
    assert len({item.guid for item in copies.values()}) == 3


def test_every_wire_article_is_in_at_least_three_sources() -> None:
    found = Counter(
        item.url.rpartition("/")[2].partition("?")[0] for _, feed in get_feeds(LATER) for item in feed.items
    )
    wires = [article for article in list_articles() if len(article.outlet_ids) > 1]
    assert all(found[f"{article.id}.html"] == len(article.outlet_ids) >= 3 for article in wires)


def test_one_outlet_writes_other_digits() -> None:
    feeds = {outlet.id: feed for outlet, feed in get_feeds(LATER)}
    (copy,) = (item for item in feeds["maidan"].items if "/desert-cup-final" in item.url)
    (original,) = (item for item in feeds["manara"].items if "/desert-cup-final" in item.url)
    assert "5-4" in original.title
    assert "٥-٤" in copy.title
    assert not re.search(r"[0-9]", copy.html)


def test_quotations_and_lists_become_html_that_xhtml_can_hold() -> None:
    texts = [item.html for _, feed in get_feeds(LATER) for item in feed.items]
    for html in texts:
        ElementTree.fromstring(f"<div>{html}</div>")
        assert not re.search(r"<p>(>|-) ", html.replace("&gt;", ">"))
    assert sum("<blockquote>" in html for html in texts) >= 5
    assert sum("<ul>" in html for html in texts) >= 5


# --- on air ---------------------------------------------------------------------------------------


def test_small_steps_and_one_leap_lead_to_the_same_documents(publisher: Publisher) -> None:
    paths = [outlet.path for outlet in list_outlets()]
    stepping = Newsroom(publisher, started_at=STARTED_AT, release_every=RELEASE_EVERY)
    for seconds in range(0, 1201, 7):
        stepping.advance(STARTED_AT + timedelta(seconds=seconds))
    stepping.advance(LATER)
    stepped = [get(publisher.url + path) for path in paths]
    Newsroom(publisher, started_at=STARTED_AT, release_every=RELEASE_EVERY).advance(LATER)
    assert [get(publisher.url + path) for path in paths] == stepped


def test_advance_names_the_feeds_that_changed_and_leaves_the_others(publisher: Publisher) -> None:
    newsroom = Newsroom(publisher, started_at=STARTED_AT, release_every=RELEASE_EVERY)
    before = {outlet.path: get(publisher.url + outlet.path) for outlet in list_outlets()}
    assert newsroom.advance(STARTED_AT) == ()
    changed = newsroom.advance(STARTED_AT + RELEASE_EVERY)
    after = {outlet.path: get(publisher.url + outlet.path) for outlet in list_outlets()}
    assert changed
    assert {path for path in before if before[path] != after[path]} == set(changed)


@pytest.mark.parametrize("outlet", [o for o in list_outlets() if "json" not in o.format], ids=lambda o: o.id)
def test_feedparser_reads_what_is_on_air(publisher: Publisher, outlet: Outlet) -> None:
    Newsroom(publisher, started_at=STARTED_AT).advance(LATER)
    body = get(publisher.url + outlet.path)
    found = feedparser.parse(io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False)
    (feed,) = (feed for one, feed in list_feeds(WORLD, now=LATER, base_url=publisher.url) if one == outlet)
    assert not found.bozo
    assert found.feed.title == outlet.name
    assert found.encoding == outlet.encoding
    assert [(e.title, e.link) for e in found.entries] == [(i.title, i.url) for i in feed.items]


def test_pages_pictures_and_sounds_are_there(publisher: Publisher) -> None:
    Newsroom(publisher, started_at=STARTED_AT).advance(LATER)
    for outlet, feed in list_feeds(WORLD, now=LATER, base_url=publisher.url):
        assert f'href="{outlet.path}"'.encode() in get(feed.link)
        for item in feed.items:
            assert b"<h1>" in get(item.url)
            inline = re.search(r'<img src="([^"]+)"', item.html)
            picture = item.image_url or (inline and inline[1])
            assert picture
            assert get(picture)[:4] in (b"\x89PNG", b"<svg")
            if item.enclosure:
                assert len(get(item.enclosure.url)) == item.enclosure.length


def test_one_source_fails_in_two_ways(publisher: Publisher) -> None:
    newsroom = Newsroom(publisher, started_at=STARTED_AT)
    with pytest.raises(HTTPError, match="503") as caught:
        get(publisher.url + FAILING_PATH)
    caught.value.close()
    newsroom.advance(STARTED_AT + timedelta(seconds=61))
    assert get(publisher.url + FAILING_PATH).startswith(b"<!doctype html>")


def test_a_started_newsroom_follows_the_clock_until_it_is_stopped(publisher: Publisher) -> None:
    started_at = datetime.now(UTC) - timedelta(minutes=10)
    newsroom = Newsroom(publisher, started_at=started_at)
    path = publisher.url + list_outlets()[0].path
    first = get(path)
    newsroom.start()
    deadline = time.monotonic() + 5
    while get(path) == first and time.monotonic() < deadline:
        time.sleep(0.02)
    newsroom.stop()
    newsroom.stop()
    assert get(path) != first


# --- config and pictures --------------------------------------------------------------------------


def test_the_configuration_is_valid_and_reaches_every_section() -> None:
    text = demo_config("http://127.0.0.1:8123", site_url="http://127.0.0.1:8000", store_path="/data/demo.db")
    settings = parse_settings(text, path=Path("demo.toml"), environ={})
    assert {section.ref for section in settings.site.sections} == SECTIONS
    assert len(settings.sources) == len(list_outlets()) + 1
    assert {source.every for source in settings.sources} == {timedelta(seconds=5)}
    reached = {source.section for source in settings.sources}
    reached |= {rule.section for source in settings.sources for rule in source.rules if rule.section}
    assert reached == SECTIONS
    assert "/data/demo.db" in settings.store_url


def test_pictures_are_of_both_kinds_and_all_different() -> None:
    paths = [get_picture_path(article.id) for article in list_articles()]
    assert {path.rpartition(".")[2] for path in paths} == {"png", "svg"}
    assert len(set(paths)) == len(paths)
    assert render_svg("a") == render_svg("a") != render_svg("b")
    assert ElementTree.fromstring(render_svg("a")).get("width") == "640"


def test_a_png_holds_the_pixels_its_head_promises() -> None:
    png = render_png("a", width=64, height=36)
    assert struct.unpack(">II", png[16:24]) == (64, 36)
    at = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[at - 4 : at])
    assert len(zlib.decompress(png[at + 4 : at + 4 + length])) == 36 * (64 + 1)
    (checksum,) = struct.unpack(">I", png[at + 4 + length : at + 8 + length])
    assert checksum == zlib.crc32(png[at : at + 4 + length])
