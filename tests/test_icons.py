"""The icons of sources' sites: found, guarded, rarely asked for, and shown from our own address."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from aggregator.demo.documents import DemoFeed, render_document
from aggregator.demo.publisher import Publisher
from aggregator.fetch.client import Client
from aggregator.icons import AGAIN_AFTER, ASKED_EVERY, MAX_BYTES, fetch_due_icon
from aggregator.parse.sandbox import Sandbox
from aggregator.refresh import Line
from aggregator.statuses import list_icon_notices
from aggregator.web import create_app
from tests.harness import make_item
from tests.site_samples import HEAD, POLICY, Bench, open_bench, source_table

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
ICO = b"\0\0\1\0" + b"\0" * 100


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(POLICY) as opened:
        yield opened


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, timeout=timedelta(seconds=10), max_memory_bytes=1 << 28) as opened:
        yield opened


@pytest.fixture
def bench(tmp_path: Path, client: Client, sandbox: Sandbox) -> Iterator[Bench]:
    with open_bench(tmp_path, client, sandbox) as opened:
        yield opened


@pytest.fixture
def line(bench: Bench, publisher: Publisher) -> Line:
    """A source that has been polled once, whose site is the publisher's."""
    return start(bench, publisher, HEAD)


def start(bench: Bench, publisher: Publisher, head: str) -> Line:
    feed = DemoFeed(title="Press", link=f"{publisher.url}/", lang="en", items=(make_item(1),))
    publisher.publish("/feed", render_document("rss20", feed), content_type="application/xml")
    line = bench.configure(source_table("wire", f"{publisher.url}/feed"), head=head)
    ports = frozenset({("127.0.0.1", urlsplit(publisher.url).port or 80)})
    settings = replace(line.settings, fetch=replace(line.settings.fetch, ports=ports))
    bench.poll(line)
    publisher.clear_log()
    return replace(line, settings=settings)


def give(publisher: Publisher, path: str, body: bytes | str) -> None:
    body = body.encode() if isinstance(body, str) else body
    publisher.publish(path, body, content_type="text/html")


def browse(line: Line) -> FlaskClient:
    return create_app(line.settings, line.store).test_client()


def test_an_icon_that_the_page_names_is_shown_beside_the_name(
    bench: Bench, line: Line, publisher: Publisher
) -> None:
    give(publisher, "/", '<link rel="shortcut icon" href=/i.png><link rel=icon href=/i.svg>')
    give(publisher, "/i.png", PNG)
    assert fetch_due_icon(line)
    assert [request.path for request in publisher.log] == ["/", "/i.png"]
    web = browse(line)
    article = bench.entries()[0].article
    for page in ("/en/about/", f"/article/{article}"):
        assert 'class="icon" src="/icon/' in web.get(page).text, page
    address = web.get("/en/about/").text.partition('class="icon" src="')[2].partition('"')[0]
    icon = web.get(address)
    assert (icon.data, icon.content_type) == (PNG, "image/png")
    assert "immutable" in icon.headers["Cache-Control"]
    assert list_icon_notices(line.settings) == ("1 kept, 0 not to be had",)


def test_a_site_is_asked_once_a_month(bench: Bench, line: Line, publisher: Publisher) -> None:
    give(publisher, "/favicon.ico", ICO)
    assert fetch_due_icon(line)
    asked = len(publisher.log)
    bench.clock.advance(ASKED_EVERY - timedelta(hours=1))
    assert not fetch_due_icon(line)
    assert len(publisher.log) == asked
    bench.clock.advance(timedelta(hours=2))
    give(publisher, "/favicon.ico", PNG)
    assert fetch_due_icon(line)
    assert ".png" in browse(line).get("/en/about/").text.partition("/icon/")[2][:40]


@pytest.mark.parametrize(
    "icon",
    [
        pytest.param(b"<svg/>", id="SVG"),
        pytest.param(PNG + b"\0" * MAX_BYTES, id="a poster"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_is_no_small_image_is_not_kept(
    bench: Bench, line: Line, publisher: Publisher, icon: bytes
) -> None:
    give(publisher, "/favicon.ico", icon)
    assert fetch_due_icon(line)
    assert 'class="icon"' not in browse(line).get("/en/about/").text
    assert list_icon_notices(line.settings) == ("0 kept, 1 not to be had (wire)",)
    assert not fetch_due_icon(line), "not before a week is over"
    bench.clock.advance(AGAIN_AFTER)
    assert fetch_due_icon(line)


def test_a_page_cannot_aim_us_at_other_services(line: Line, publisher: Publisher) -> None:
    elsewhere = replace(line.settings.fetch, ports=frozenset())
    blind = replace(line, settings=replace(line.settings, fetch=elsewhere))
    assert fetch_due_icon(blind)
    assert publisher.log == []


def test_a_site_without_images_asks_for_none(bench: Bench, publisher: Publisher) -> None:
    line = start(bench, publisher, HEAD.replace("[site]", '[site]\nimages = "none"'))
    assert not fetch_due_icon(line)
    assert publisher.log == []
