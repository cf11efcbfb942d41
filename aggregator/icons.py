"""The icons of sources' sites, asked for one after the other, rarely, and kept in the store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urljoin

from aggregator.addresses import is_web_port
from aggregator.errors import FetchError, Interrupted
from aggregator.model import FetchRequest
from aggregator.parse.discovery import find_icons
from aggregator.publish.pictures import ICON_ENDINGS, identify_icon
from aggregator.refresh import Line
from aggregator.store import icons

MAX_BYTES = 64 * 1024
ASKED_EVERY = timedelta(days=30)
AGAIN_AFTER = timedelta(days=7)  # where there was none

_TIMEOUT = timedelta(seconds=10)
_CANDIDATES = 3


def fetch_due_icon(line: Line) -> bool:
    """Ask the site of one source for its icon, if any is due; whether one was."""
    if not line.settings.site.images or line.stopping.is_set():
        return False
    with line.store.read() as tx:
        site = icons.find_due_site(tx, now=line.now())
    if site is None:
        return False
    try:
        body = _find_icon(line, site.site_url)
    except Interrupted:
        return False
    now = line.now()
    with line.store.write() as tx:
        if body is None:
            words = f"{site.site_url} has no icon of up to {MAX_BYTES // 1024} KB that browsers show (no SVG)"
            icons.record_failure(tx, site, words, next_at=now + AGAIN_AFTER)
        else:
            ending = ICON_ENDINGS[str(identify_icon(body))]
            icons.record_icon(tx, site, body, ending=ending, next_at=now + ASKED_EVERY, now=now)
    return True


def _find_icon(line: Line, site_url: str) -> bytes | None:
    for address in _list_candidates(line, site_url):
        body = _fetch(line, address)
        if body and len(body) <= MAX_BYTES and identify_icon(body):
            return body
    return None


def _list_candidates(line: Line, site_url: str) -> Iterator[str]:
    page = _fetch(line, site_url)
    named = find_icons((page or b"").decode("utf-8", "replace"), url=site_url)
    yield from named[:_CANDIDATES]
    yield urljoin(site_url, "/favicon.ico")


def _fetch(line: Line, url: str) -> bytes | None:
    try:
        if not is_web_port(url, line.settings.fetch.ports):
            return None
        answer = line.client.fetch(FetchRequest(url=url, timeout=_TIMEOUT, headers=(("Accept", "*/*"),)))
    except (FetchError, ValueError):
        return None
    return answer.body if answer.status == 200 else None
