"""The page on which partners put their box together, and the code that it gives them to copy."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import jinja2

from aggregator.model import Edition, Section, Site
from aggregator.publish.embed import (
    DEFAULT_COUNT,
    MAX_COUNT,
    THEMES,
    Box,
    EmbedOptions,
    frame_height,
    render_query,
)

SANDBOX = "allow-popups allow-popups-to-escape-sandbox"
DEFAULT_ACCENT = "e9a53a"  # as --ne-accent in box.css


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """What a partner copies."""

    frame: str
    element: str
    include: str  # server-side include
    fragment_url: str
    json_url: str
    feed_url: str
    oembed_url: str  # the page to paste into WordPress and its like


def render_builder(
    env: jinja2.Environment,
    *,
    site: Site,
    edition: Edition,
    languages: Sequence[Edition],
    box: Box,
    options: EmbedOptions,
    integrity: str,
    problem: str = "",
) -> str:
    """Return the builder in the language of `edition`; `problem` is what is wrong with the query."""
    return env.get_template("embed/builder.html").render(
        site=site,
        edition=edition,
        section=None,
        box=box,
        options=options,
        codes=make_codes(site, box, options, integrity=integrity),
        preview=_join(f"/embed/{box.path}", render_query(options, edition=box.edition)),
        height=frame_height(box, options),
        sandbox=SANDBOX,
        choices=_list_choices(site),
        languages=languages,
        themes=THEMES,
        max_count=MAX_COUNT,
        default_count=DEFAULT_COUNT,
        accent=_spell_accent(options.accent),
        problem=problem,
    )


def make_codes(site: Site, box: Box, options: EmbedOptions, *, integrity: str) -> Codes:
    """The code for a box. `integrity` is the hash of our script, as in `<script integrity>`."""
    root, query = f"{site.url}/embed/{box.path}", render_query(options, edition=box.edition)
    url, title = html.escape(_join(root, query)), html.escape(name_frame(site, box))
    height = frame_height(box, options)
    home = html.escape(site.url + box.home_path)
    # The height is a minimum where browsers fit frames to their content, and all there is where they do not.
    style = f"border:0;width:100%;height:auto;min-height:{height}px;frame-sizing:content-height"
    frame = (
        f'<iframe src="{url}" title="{title}" width="100%" height="{height}" style="{style}" loading="lazy" '
        f'referrerpolicy="no-referrer" sandbox="{SANDBOX}"></iframe>'
    )
    script = html.escape(f"{site.url}/embed/v1.js")
    element = (
        f'<news-embed src="{url}" title="{title}"><a href="{home}">{title}</a></news-embed>\n'
        f'<script async src="{script}" integrity="{integrity}" crossorigin="anonymous"></script>'
    )
    fragment = _join(f"{root}.html", query)
    return Codes(
        frame=frame,
        element=element,
        include=f'<!--#include virtual="{_path_of(fragment)}" -->',
        fragment_url=fragment,
        json_url=_join(f"{root}.json", f"n={options.n}" if options.n != DEFAULT_COUNT else ""),
        feed_url=f"{site.url}{box.feed_path}" if box.feed_path else "",
        oembed_url=site.url + box.home_path,
    )


def name_frame(site: Site, box: Box) -> str:
    """What a frame with the box is called, for who cannot see it."""
    return box.title if box.title == site.title else f"{box.title} – {site.title}"


def _list_choices(site: Site) -> list[tuple[Edition, tuple[Section, ...]]]:
    return [(edition, site.list_sections(edition.id)) for edition in site.editions]


def _spell_accent(accent: str | None) -> str:
    """As <input type=color> wants it: six digits."""
    return "#" + ("".join(digit * 2 for digit in accent) if accent else DEFAULT_ACCENT)


def _path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _join(url: str, query: str) -> str:
    return f"{url}?{query}" if query else url
