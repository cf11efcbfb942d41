"""JSON Feed 1.1 (jsonfeed.org/version/1.1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from aggregator.dates import format_rfc3339
from aggregator.model import Article, Coverage, Enclosure, FeedHead
from aggregator.publish.body import (
    UNKNOWN_LANG,
    article_link,
    as_uri,
    byline,
    find_enclosure,
    list_other_outlets,
    list_tags,
    render_body,
    strip_all,
    titled,
)

_VERSION = "https://jsonfeed.org/version/1.1"


def render_json(head: FeedHead, articles: Sequence[Article]) -> bytes:
    """JSON Feed 1.1 in UTF-8, the articles in the order given, the keys always in the same order.

    `url` is the publisher's page and there is no `external_url`: the item is the publisher's text, not our
    remark on it. Each item has an extension `_aggregator`: `source` (`id name feed_url`), `dir` and, where
    others carry the article too, `also` (a list of `id name url`).
    """
    head = strip_all(head)
    feed = _without_nothing(
        {
            "version": _VERSION,
            "user_comment": f"{head.notice.text} {head.json_url}" if head.notice else None,
            "title": head.title,
            "home_page_url": head.home_url,
            "feed_url": head.json_url,
            "description": head.description,
            "icon": head.icon_url,
            "hubs": [{"type": "WebSub", "url": head.hub_url}] if head.hub_url else None,
            "authors": [{"name": head.title, "url": head.home_url}],
            "language": head.lang,
        }
    )
    feed["items"] = [_render_item(head, strip_all(article)) for article in articles]
    return (json.dumps(feed, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _render_item(head: FeedHead, article: Article) -> dict[str, Any]:
    enclosure = find_enclosure(article)
    return _without_nothing(
        {
            "id": article.guid,
            "url": article_link(head, article),
            "title": titled(head, article),
            "content_html": render_body(head, article),
            "summary": article.excerpt,
            "image": as_uri(article.image.url) if article.image else None,
            "date_published": format_rfc3339(article.published_at),
            "date_modified": format_rfc3339(article.updated_at),
            "authors": [{"name": byline(article)}],
            "tags": list_tags(article),
            "language": article.lang if article.lang != UNKNOWN_LANG else None,
            "attachments": [_render_attachment(enclosure)] if enclosure else None,
            "_aggregator": _render_extension(article),
        }
    )


def _render_attachment(enclosure: Enclosure) -> dict[str, Any]:
    return _without_nothing(
        {
            "url": as_uri(enclosure.url),
            "mime_type": enclosure.type,
            "size_in_bytes": enclosure.length,
        }
    )


def _render_extension(article: Article) -> dict[str, Any]:
    origin = article.origin
    return _without_nothing(
        {
            "source": {"id": origin.id, "name": origin.name, "feed_url": as_uri(origin.feed_url)},
            "dir": article.dir,
            "also": [_render_outlet(coverage) for coverage in list_other_outlets(article)],
        }
    )


def _render_outlet(coverage: Coverage) -> dict[str, Any]:
    return _without_nothing(
        {
            "id": coverage.source_id,
            "name": coverage.source_name,
            "url": as_uri(coverage.url) if coverage.url else None,
        }
    )


def _without_nothing(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}
