"""Save pictures of both front pages: python docs/screenshots.py http://127.0.0.1:8000 OUTDIR

Writes front-ar.png and front-en.png as a desk shows them (1280 wide) and front-ar-320.png and
front-en-320.png as the smallest phone does. Needs a running server (`make demo`) and Chromium.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

EDITIONS = ("ar", "en")
# Width and height of the window, and what the file name says of it.
WINDOWS = ((1280, 960, ""), (320, 720, "-320"))
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")


def main() -> int:
    parser = argparse.ArgumentParser(description="Save pictures of both front pages.")
    parser.add_argument("url", help="where the server answers, such as http://127.0.0.1:8000")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    arguments = parser.parse_args()

    chromium = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if chromium is None:
        print(f"no Chromium on the PATH (looked for {', '.join(CHROMIUM_NAMES)})", file=sys.stderr)
        return 1
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(CHROMIUM_OPTIONS))
        for edition in EDITIONS:
            for width, height, suffix in WINDOWS:
                path = arguments.folder / f"front-{edition}{suffix}.png"
                save_picture(browser, f"{arguments.url.rstrip('/')}/{edition}/", path, width, height)
                print(path)
        browser.close()
    return 0


def save_picture(browser: Browser, url: str, path: Path, width: int, height: int) -> None:
    """Save what a window of this size shows of `url` before anyone scrolls.

    Raises RuntimeError if the server does not answer with a page.
    """
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="light", reduced_motion="reduce"
    )
    response = page.goto(url, wait_until="networkidle")
    if response is None or not response.ok:
        raise RuntimeError(f"{url}: no page there ({response.status if response else 'no answer'})")
    page.screenshot(path=path)
    page.close()


if __name__ == "__main__":
    sys.exit(main())
