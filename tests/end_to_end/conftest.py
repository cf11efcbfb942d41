"""A browser, and the demo's newsroom polled once and served, for the tests that look at pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from aggregator.demo.newsroom import Newsroom, demo_config
from aggregator.demo.publisher import Publisher
from tests.harness import Site, find_free_port, wait_until

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The demo's newsroom, polled once and served."""
    site = Site(folder=tmp_path_factory.mktemp("demo"), port=find_free_port())
    with Publisher() as publisher:
        newsroom = Newsroom(publisher, started_at=publisher.now())
        text = demo_config(publisher.url, site_url=site.url, store_path="demo.db")
        site.config.write_text(text, encoding="utf-8")
        newsroom.advance(publisher.now())
        site.poll("--all")
        with site.serving("--no-poll"):
            wait_until(lambda: site.get("/ar/").body.count(b"/article/") > 20, "the front page")
            yield site
