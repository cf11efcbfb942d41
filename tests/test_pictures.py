"""Pictures that we pass on: fetched once for all readers, under the guard of feeds, kept within bounds."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from aggregator.config import Settings
from aggregator.demo.publisher import Publisher
from aggregator.pictures import (
    BUSY,
    MAX_BYTES,
    MISSED_FOR,
    NoPicture,
    Picture,
    Pictures,
    find_folder,
    list_picture_notices,
)
from tests.site_samples import HEAD, NOON, POLICY, make_settings

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 1000
PROXY = HEAD.replace("[site]", '[site]\nimages = "proxy"')


@pytest.fixture
def settings(tmp_path: Path, publisher: Publisher) -> Settings:
    policy = replace(POLICY, ports=frozenset({("127.0.0.1", urlsplit(publisher.url).port or 80)}), per_host=8)
    return replace(make_settings(tmp_path, head=PROXY), fetch=policy)


@contextmanager
def opened(settings: Settings, *, waiting: int = 8, **options: int) -> Iterator[Pictures]:
    with closing(Pictures(settings, waiting=waiting, **options)) as pictures:
        yield pictures


def publish(
    publisher: Publisher, path: str, body: bytes = PNG, *, status: int = 200, delay: float = 0
) -> str:
    wait = timedelta(seconds=delay)
    publisher.publish(path, body, content_type="image/png", status=status, delay=wait)
    return publisher.url + path


def date_files(settings: Settings, at: float) -> None:
    """As if all that is kept had been written then: files are dated by the machine's clock."""
    for path in find_folder(settings).glob("*/*"):
        os.utime(path, (at, at))


def test_a_picture_is_fetched_once_for_all_readers_of_all_processes(
    settings: Settings, publisher: Publisher
) -> None:
    url = publish(publisher, "/a.png", delay=0.3)
    with opened(settings) as one, opened(settings) as other, ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda n: (one, other)[n % 2].get(url, now=NOON), range(12)))
    assert set(found) - {BUSY} == {Picture(body=PNG, type="image/png")}
    with opened(settings, waiting=0) as later:
        assert later.get(url, now=NOON + timedelta(days=400)) == found[0], "kept, and nobody has to wait"
    assert len(publisher.log) == 1


@pytest.mark.parametrize(
    ("body", "answered", "status", "reason"),
    [
        pytest.param(b"<html>", 200, 404, "no image", id="a page that says it is an image"),
        pytest.param(b"<svg/>", 200, 404, "no image", id="SVG"),
        pytest.param(b"x", 404, 404, "answered by 404", id="it is gone"),
        pytest.param(b"x", 503, 502, "answered by 503", id="the publisher is down"),
        pytest.param(PNG + b"\0" * MAX_BYTES, 200, 404, "too large", id="more than anybody should wait for"),
    ],
)
def test_what_cannot_be_had_is_not_asked_for_again_for_a_while(
    settings: Settings, publisher: Publisher, body: bytes, answered: int, status: int, reason: str
) -> None:
    url = publish(publisher, "/a.png", body, status=answered)
    generous = replace(settings, fetch=replace(settings.fetch, max_body_bytes=10 * MAX_BYTES))
    missed = NoPicture(status=status, reason=reason)
    with opened(generous) as pictures:
        assert pictures.get(url, now=NOON) == missed
        date_files(settings, NOON.timestamp())
        publish(publisher, "/a.png")
        assert pictures.get(url, now=NOON + MISSED_FOR / 2) == missed
        assert len(publisher.log) == 1
        (notice,) = list_picture_notices(settings, now=NOON + MISSED_FOR / 2)
        assert notice == f"0 kept, 0 of 524 MB; not to be had in the last 60 minutes: 1 {reason}"
        assert isinstance(pictures.get(url, now=NOON + MISSED_FOR), Picture)
    (notice,) = list_picture_notices(settings, now=NOON + MISSED_FOR)
    assert notice.startswith("1 kept, ")
    assert notice.endswith("minutes: none")


def test_pictures_go_by_the_guard_of_feeds(settings: Settings, publisher: Publisher) -> None:
    publish(publisher, "/a.png")
    to = {"Location": f"{publisher.url}/a.png"}
    publisher.publish("/to", b"", content_type="text/plain", status=302, headers=to)
    guarded = replace(settings, fetch=replace(settings.fetch, allow_networks=()))
    other_port = replace(settings, fetch=replace(settings.fetch, ports=frozenset()))
    refused = NoPicture(status=404, reason="refused")
    with opened(guarded) as pictures:
        assert pictures.get(f"{publisher.url}/a.png", now=NOON) == refused, "a private address"
    with opened(other_port) as pictures:
        assert pictures.get(f"{publisher.url}/b.png", now=NOON) == refused, "a port of other services"
        assert pictures.get("file:///etc/passwd", now=NOON) == NoPicture(status=502, reason="not reached")
    assert publisher.log == []
    with opened(settings) as pictures:
        assert isinstance(pictures.get(f"{publisher.url}/to", now=NOON), Picture), "a redirect is followed"


def test_readers_beyond_those_that_may_wait_are_sent_away_at_once(
    settings: Settings, publisher: Publisher
) -> None:
    url = publish(publisher, "/a.png")
    with opened(settings, waiting=0) as pictures:
        assert pictures.get(url, now=NOON) == BUSY
    with opened(settings) as pictures:
        pictures.close()
        assert pictures.get(url, now=NOON) == BUSY, "its process is ending"
    assert publisher.log == []


def test_the_folder_is_bounded_and_what_is_used_least_goes_first(
    settings: Settings, publisher: Publisher
) -> None:
    old = [publish(publisher, f"/{number}.png") for number in range(32)]
    with opened(settings, kept_bytes=10 * len(PNG)) as pictures:
        for url in old:
            pictures.get(url, now=NOON)
        date_files(settings, NOON.timestamp())
        later = NOON + timedelta(days=2)
        pictures.get(old[5], now=later)
        pictures.get(publish(publisher, "/new.png"), now=later)
    with opened(settings, waiting=0) as pictures:
        kept = [url for url in (*old, f"{publisher.url}/new.png") if pictures.get(url, now=later) != BUSY]
    assert len(kept) == 9
    assert {old[5], f"{publisher.url}/new.png"} <= set(kept)


def test_without_a_folder_to_write_to_readers_have_pictures_all_the_same(
    settings: Settings, publisher: Publisher, caplog: pytest.LogCaptureFixture
) -> None:
    find_folder(settings).write_bytes(b"")
    with opened(settings) as pictures:
        assert isinstance(pictures.get(publish(publisher, "/a.png"), now=NOON), Picture)
    assert "cannot be kept" in caplog.text


def test_a_site_that_passes_nothing_on_says_nothing(tmp_path: Path) -> None:
    assert list_picture_notices(make_settings(tmp_path), now=NOON) == ()
