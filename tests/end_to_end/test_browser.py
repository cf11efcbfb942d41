"""Pages as Chromium shows them: nothing refused by our own policy, nothing wider than the window."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.harness import Site


def paths(site: Site) -> dict[str, str]:
    entry = next(e for e in site.entries("--section", "sports"))
    article = entry["article"]
    return {
        "Arabic front": "/ar/",
        "English front": "/en/",
        "section": "/ar/s/sports/",
        "article": f"/article/{article}",
        "feeds": "/feeds/",
        "search": "/ar/search?q=%D9%81%D9%8A",
        "search help": "/ar/search",
        "refused search": "/ar/search?q=source:nobody",
        "story": f"/story/{entry['story']}",
        "day": f"/ar/{entry['published_at'][:10].replace('-', '/')}/",
        "about": "/ar/about/",
        "error": "/ar/nothing-here",
    }


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways_or_breaks_the_policy(
    browser: Browser, demo: Site, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, path in paths(demo).items():
        page.goto(demo.url + path)
        sizes = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
        assert sizes[0] <= sizes[1], f"the {name} page is {sizes[0]} wide in a window of {sizes[1]}"
        expected = "ltr" if name == "English front" else "rtl"
        assert page.evaluate("document.documentElement.dir") == expected
        assert page.evaluate("document.querySelectorAll('h1').length") == 1, f"one h1 on the {name} page"
    page.close()
    wrong = [text for text in complaints if "404" not in text]  # the error page is one, and says so
    assert wrong == []


def test_an_article_leads_to_its_publisher(browser: Browser, demo: Site) -> None:
    page = browser.new_page()
    page.goto(demo.url + "/ar/")
    page.click("main a[href^='/article/'] >> nth=0")
    assert page.url.startswith(f"{demo.url}/article/")
    link = page.locator("main a[href^='http']:not([href^='" + demo.url + "'])")
    assert link.count() >= 1
    assert page.context.cookies() == []
    page.close()


def test_a_feed_opened_in_the_browser_is_readable(browser: Browser, demo: Site) -> None:
    page = browser.new_page()
    page.goto(demo.url + "/feeds/ar/sports.rss")
    assert page.locator("item title").first.is_visible()
    assert not page.locator("item guid").first.is_visible()
    page.close()


@pytest.mark.parametrize("form", ["rss", "atom"])
@pytest.mark.parametrize(("edition", "direction"), [("ar", "rtl"), ("en", "ltr")])
def test_a_feed_says_what_it_is_and_one_click_selects_its_address(
    browser: Browser, demo: Site, edition: str, direction: str, form: str
) -> None:
    page = browser.new_page(viewport={"width": 320, "height": 800}, java_script_enabled=False)
    page.goto(f"{demo.url}/feeds/{edition}/all.{form}")
    box = page.locator("div")
    assert box.evaluate("e => getComputedStyle(e).direction") == direction
    assert box.evaluate("e => e.getBoundingClientRect().height") > 100
    box.locator("code").click()
    assert page.evaluate("String(getSelection())").strip() == f"{demo.url}/feeds/{edition}/all.{form}"
    box.locator("a").first.click()
    assert page.url == f"{demo.url}/{edition}/"
    page.close()


@pytest.mark.parametrize("scripts", [True, False])
def test_the_address_of_a_feed_is_copied_with_a_script_and_without(
    browser: Browser, demo: Site, scripts: bool
) -> None:
    context = browser.new_context(java_script_enabled=scripts)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=demo.url)
    page = context.new_page()
    page.goto(demo.url + "/feeds/")
    assert page.locator(".copy").count() == (page.locator(".address").count() if scripts else 0)
    if scripts:
        page.locator(".copy").first.click()
        page.get_by_text("نُسخ").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == f"{demo.url}/feeds/ar/all.rss"
    else:
        page.locator(".address").first.click()
        assert page.evaluate("String(getSelection())").strip() == f"{demo.url}/feeds/ar/all.rss"
    context.close()
