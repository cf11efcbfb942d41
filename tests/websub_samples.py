"""Feeds that name a hub, and what is pushed by hand, for tests of WebSub."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterable, Sequence
from urllib.error import HTTPError, URLError

from aggregator.demo.documents import DemoItem
from aggregator.demo.publisher import Publisher
from tests.site_samples import render_feed


def render_pushed(items: Sequence[DemoItem], *, hub_url: str | None, topic: str) -> bytes:
    """An RSS feed that says where it is pushed."""
    links = f'<atom:link rel="self" href="{topic}"/>'
    if hub_url is not None:
        links += f'<atom:link rel="hub" href="{hub_url}"/>'
    channel = f'<channel xmlns:atom="http://www.w3.org/2005/Atom">{links}'
    return render_feed(items).replace(b"<channel>", channel.encode(), 1)


def publish_pushed(publisher: Publisher, hub_url: str | None, items: Sequence[DemoItem]) -> str:
    """Publish such a feed at /a; returns its topic."""
    topic = f"{publisher.url}/a"
    body = render_pushed(items, hub_url=hub_url, topic=topic)
    publisher.publish("/a", body, content_type="application/rss+xml")
    return topic


def push(callback: str, body: bytes | Iterable[bytes], signature: str | None) -> int:
    """POST a document as a hub would; the status of the answer, 413 too where we hang up on one too long."""
    headers = {"Content-Type": "application/rss+xml"}
    if signature is not None:
        headers["X-Hub-Signature"] = signature
    request = urllib.request.Request(callback, body, headers)  # type: ignore[arg-type]
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            status: int = response.status
            return status
    except HTTPError as error:
        with error:
            return error.code
    except URLError as error:
        if isinstance(error.reason, BrokenPipeError | ConnectionResetError):
            return 413
        raise
