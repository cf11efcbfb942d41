"""JSON Feed 1.1 (jsonfeed.org/version/1.1) as a table: what each object may hold, and which values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from tests.publish.judge_values import (
    complain_of_html,
    complain_of_language,
    complain_of_media_type,
    complain_of_repeats,
    complain_of_rfc3339,
    complain_of_tag_uri,
    complain_of_text,
    complain_of_web_uri,
)

VERSION = "https://jsonfeed.org/version/1.1"

Judge = Callable[[Any], Iterator[str]]

_EXTENSION = re.compile(r"_[A-Za-z][A-Za-z0-9_]*")  # letters after the underscore, and no dots


def complain_of_json(document: bytes, *, url: str, now: datetime) -> Iterator[str]:
    """`url` is where the document was found, `now` the latest that it may speak of."""
    try:
        feed = json.loads(document.decode("utf-8"), object_pairs_hook=_refuse_repeats)
    except ValueError as error:
        yield f"no JSON in UTF-8: {error}"
        return
    yield from _complain_of_object(feed, _describe_feed(now), required=("version", "title", "items"))
    if not isinstance(feed, dict):
        return
    if feed.get("feed_url") != url:
        yield f"feed_url is {feed.get('feed_url')} and not {url}"
    items = [item for item in feed.get("items", ()) if isinstance(item, dict)]
    yield from complain_of_repeats([str(item.get("id")) for item in items], "id")


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def _describe_feed(now: datetime) -> Mapping[str, Judge]:
    return {
        "version": partial(_complain_of_value, VERSION),
        "title": _string(complain_of_text),
        "home_page_url": _string(complain_of_web_uri),
        "feed_url": _string(complain_of_web_uri),
        "description": _string(complain_of_text),
        "user_comment": _string(complain_of_text),
        "next_url": _string(complain_of_web_uri),
        "icon": _string(complain_of_web_uri),
        "favicon": _string(complain_of_web_uri),
        "authors": _list(_complain_of_author),
        "language": _string(complain_of_language),
        "expired": _complain_of_flag,
        "hubs": _list(
            partial(
                _complain_of_object,
                keys={"type": _string(complain_of_text), "url": _string(complain_of_web_uri)},
                required=("type", "url"),
            )
        ),
        "items": _list(partial(_complain_of_item, now=now), may_be_empty=True),
    }


def _complain_of_item(item: Any, *, now: datetime) -> Iterator[str]:
    date = _string(partial(complain_of_rfc3339, now=now))
    keys = {
        "id": _string(complain_of_tag_uri),
        "url": _string(complain_of_web_uri),
        "external_url": _string(complain_of_web_uri),
        "title": _string(complain_of_text),
        "content_html": _string(complain_of_html),
        "content_text": _string(complain_of_text),
        "summary": _string(complain_of_text),
        "image": _string(complain_of_web_uri),
        "banner_image": _string(complain_of_web_uri),
        "date_published": date,
        "date_modified": date,
        "authors": _list(_complain_of_author),
        "tags": _list(_string(complain_of_text)),
        "language": _string(complain_of_language),
        "attachments": _list(_complain_of_attachment),
    }
    found = _complain_of_object(item, keys, required=("id", "url", "title", "content_html", "date_published"))
    yield from (f"item {item.get('id') if isinstance(item, dict) else item}: {c}" for c in found)


def _complain_of_attachment(attachment: Any) -> Iterator[str]:
    keys = {
        "url": _string(complain_of_web_uri),
        "mime_type": _string(complain_of_media_type),
        "title": _string(complain_of_text),
        "size_in_bytes": _complain_of_number,
        "duration_in_seconds": _complain_of_number,
    }
    yield from _complain_of_object(attachment, keys, required=("url", "mime_type"))


def _complain_of_author(author: Any) -> Iterator[str]:
    address = _string(complain_of_web_uri)
    keys = {"name": _string(complain_of_text), "url": address, "avatar": address}
    yield from _complain_of_object(author, keys, required=())
    if not author:
        yield "an author of nothing"


def _complain_of_object(value: Any, keys: Mapping[str, Judge], required: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"no object: {value!r}"
        return
    yield from (f"no {key}" for key in required if key not in value)
    for key, part in value.items():
        if key in keys:
            yield from (f"{key}: {complaint}" for complaint in keys[key](part))
        elif not _EXTENSION.fullmatch(key) or not isinstance(part, dict):
            yield f"unknown key {key!r}"


def _string(judge: Callable[[str], Iterator[str]]) -> Judge:
    def complain(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield from judge(value)
        else:
            yield f"no string: {value!r}"

    return complain


def _list(judge: Judge, *, may_be_empty: bool = False) -> Judge:
    def complain(value: Any) -> Iterator[str]:
        if not isinstance(value, list) or (not value and not may_be_empty):
            yield f"no list, or an empty one: {value!r}"
        else:
            for part in value:
                yield from judge(part)

    return complain


def _complain_of_value(wanted: Any, value: Any) -> Iterator[str]:
    if value != wanted:
        yield f"{value!r} and not {wanted!r}"


def _complain_of_flag(value: Any) -> Iterator[str]:
    if not isinstance(value, bool):
        yield f"neither true nor false: {value!r}"


def _complain_of_number(value: Any) -> Iterator[str]:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        yield f"no number: {value!r}"
