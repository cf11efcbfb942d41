"""Images from our own address: what a browser gets, and what pages allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from aggregator.demo.publisher import Publisher
from aggregator.places import find_shown_site
from aggregator.publish.pictures import image_src
from aggregator.refresh import apply_configuration
from aggregator.store import open_store
from aggregator.web import close_app, create_app
from tests.harness import make_item
from tests.site_samples import HEAD, NOON, POLICY, make_settings, save_feed, source_table

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
PROXY = HEAD.replace("[site]", '[site]\nimages = "proxy"')


@pytest.fixture
def served(tmp_path: Path, publisher: Publisher) -> Iterator[tuple[FlaskClient, str]]:
    """A site of one article with a picture, and where its page has that from."""
    url = f"{publisher.url}/a.png"
    publisher.publish("/a.png", PNG, content_type="text/html")
    settings = make_settings(tmp_path, source_table("wire", "https://wire.example/feed"), head=PROXY)
    policy = replace(POLICY, ports=frozenset({("127.0.0.1", urlsplit(publisher.url).port or 80)}))
    store = open_store(settings.store_url)
    apply_configuration(store, settings, now=NOON)
    save_feed(store, settings, "wire", [make_item(1, image_url=url)])
    with store.read() as tx:
        src = image_src(find_shown_site(tx, settings.site), url)
    app = create_app(replace(settings, fetch=policy), store)
    yield app.test_client(), src
    close_app(app)
    store.close()


def test_a_page_gets_its_images_from_us_and_may_from_nobody_else(served: tuple[FlaskClient, str]) -> None:
    client, src = served
    for _ in range(2):  # made, then kept
        page = client.get("/en/")
        assert f'src="{src}"' in page.text
        assert "img-src 'self';" in page.headers["Content-Security-Policy"]
    box = client.get("/embed/en/world?images=1")
    assert f'src="https://news.example{src}"' in box.text
    assert "img-src https://news.example;" in box.headers["Content-Security-Policy"]


def test_feeds_name_the_publisher_as_ever(served: tuple[FlaskClient, str]) -> None:
    for form in ("rss", "atom", "json"):
        assert "/picture/" not in served[0].get(f"/feeds/en/all.{form}").text


def test_a_picture_is_an_image_for_ever(served: tuple[FlaskClient, str], publisher: Publisher) -> None:
    client, src = served
    for _ in range(2):
        answer = client.get(src)
        assert (answer.status_code, answer.data) == (200, PNG)
        assert answer.content_type == "image/png", "whatever the publisher calls it"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(publisher.log) == 1


def test_nobody_else_decides_what_we_fetch(served: tuple[FlaskClient, str], publisher: Publisher) -> None:
    client, src = served
    for forged in (src + "x", src.replace("/picture/", "/picture/A"), src.partition("?")[0]):
        assert client.get(forged).status_code == 404
    assert publisher.log == []


def test_what_cannot_be_had_is_said_in_a_word(served: tuple[FlaskClient, str], publisher: Publisher) -> None:
    client, src = served
    publisher.publish("/a.png", b"<svg/>", content_type="image/png")
    answer = client.get(src)
    assert (answer.status_code, answer.text, answer.mimetype) == (404, "no image\n", "text/plain")
