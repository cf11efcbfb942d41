"""The digest from a server's own schedule to a mailbox, and as Chromium shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Browser

from aggregator.demo.publisher import Publisher
from tests.harness import Site, make_item, publish, wait_until, write_config
from tests.mailbox import open_mailbox

# A word that no line holds, and a headline that would leave its place.
LONG = f"A bridge with the name {'Llanfairpwll' * 9} opens"
HOSTILE = "</a></h3><img src=x onerror=alert(1)> opens"


def prepare(site: Site, publisher: Publisher) -> datetime:
    """A site with news of yesterday."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    titles = ["The bridge opens", LONG, HOSTILE]
    publish(
        publisher,
        "/feed",
        [make_item(n, title=title, published_at=yesterday) for n, title in enumerate(titles)],
    )
    write_config(site, publisher, {"press": "/feed"})
    return yesterday


def test_a_server_sends_the_news_of_yesterday_and_after_a_restart_nothing(
    site: Site, publisher: Publisher
) -> None:
    yesterday = prepare(site, publisher)
    with open_mailbox() as box:
        digest = f'to = ["reader@x.example"]\nfrom = "news@x.example"\nsmtp = "smtp://127.0.0.1:{box.port}"'
        text = site.config.read_text(encoding="utf-8")
        site.config.write_text(f'{text}\n\n[digest]\nat = "00:00"\n{digest}\n', encoding="utf-8")
        site.poll("--all")
        with site.serving():
            wait_until(lambda: bool(box.mails), "the digest")
        assert box.mails[0]["Message-ID"] == f"<digest.en.{yesterday:%Y-%m-%d}@[127.0.0.1]>"
        assert box.mails[0]["To"] == "reader@x.example"
        assert f"digest: that of {yesterday:%Y-%m-%d} in en was sent" in site.run("status").stdout
        site.run("poll")
        assert len(box.mails) == 1


def test_the_page_fits_every_width_and_asks_for_nothing(
    browser: Browser, site: Site, publisher: Publisher
) -> None:
    yesterday = prepare(site, publisher)
    site.poll("--all")
    page_file = site.folder / "digest.html"
    done = site.run("digest", "--edition", "en", "--date", f"{yesterday:%Y-%m-%d}")
    page_file.write_text(done.stdout, encoding="utf-8")
    asked: list[str] = []
    for width in (320, 640):
        page = browser.new_page(viewport={"width": width, "height": 800})
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_file.as_uri())
        sizes = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert sizes[0] <= sizes[1]
        assert page.locator("h3 img").count() == 0
        page.close()
    assert set(asked) == {page_file.as_uri()}
