"""oEmbed 1.0 (oembed.com): what a page of ours looks like inside somebody else's.

`html` is one empty iframe with attributes that WordPress's wp_filter_oembed_result leaves alone. No
blockquote stands before it: WordPress hides a frame that has one until the document in it has spoken.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass, fields

from aggregator.text import strip_controls

MAX_WIDTH = 600
MAX_HEIGHT = 2000
_STEP = 20  # sizes are rounded down to it, so that there are few answers for one page


@dataclass(frozen=True, slots=True, kw_only=True)
class Rich:
    """An answer of type `rich`. Sizes are pixels."""

    title: str
    provider_name: str
    provider_url: str
    src: str  # of the iframe
    frame_title: str
    width: int
    height: int
    cache_age: int  # seconds


def fit_size(wanted: int, allowed: int | None) -> int:
    """At most what is allowed (None: anything), rounded down if that is less than wanted."""
    if allowed is None or allowed >= wanted:
        return wanted
    return max(1, allowed // _STEP * _STEP)


def render_oembed_json(rich: Rich) -> bytes:
    return (json.dumps(_list_values(rich), ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def render_oembed_xml(rich: Rich) -> bytes:
    values = "".join(
        f"<{name}>{html.escape(str(value), quote=False)}</{name}>"
        for name, value in _list_values(rich).items()
    )
    head = '<?xml version="1.0" encoding="utf-8" standalone="yes"?>'
    return f"{head}\n<oembed>{values}</oembed>\n".encode()


def _list_values(rich: Rich) -> dict[str, str | int]:
    own = {field.name: getattr(rich, field.name) for field in fields(rich)}
    kept = {name: value for name, value in own.items() if name not in ("src", "frame_title")}
    values = {"version": "1.0", "type": "rich"} | kept | {"html": _render_frame(rich)}
    return {n: strip_controls(value) if isinstance(value, str) else value for n, value in values.items()}


def _render_frame(rich: Rich) -> str:
    attributes = {
        "src": rich.src,
        "width": rich.width,
        "height": rich.height,
        "frameborder": 0,
        "scrolling": "auto",
        "title": rich.frame_title,
    }
    written = " ".join(f'{name}="{html.escape(str(value))}"' for name, value in attributes.items())
    return f"<iframe {written}></iframe>"
