"""Foreign HTML -> HTML that is safe to publish, and plain text <-> HTML.

Whatever the policy does not have goes, by nh3 (ammonia, html5ever), unless the markup is simple enough that
every parser reads it in one way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from html import unescape

import nh3

from aggregator.clean.policy import (
    ATTRIBUTES,
    DROPPED_WITH_CONTENT,
    ELEMENTS,
    EMOJI,
    FORCED,
    LINK_REL,
    PIXEL,
    PORTRAIT,
    SCHEMES,
    clean_value,
    escape_lines,
    replace_image,
)
from aggregator.clean.prepare import RAW_ELEMENTS, bound_depth, prepare_markup, read_attributes, read_tags
from aggregator.clean.simple import rewrite_simple
from aggregator.clean.tidy import tidy_html
from aggregator.cutting import truncate_words
from aggregator.model import Image
from aggregator.plain import join_lines, make_lines
from aggregator.text import collapse_space, strip_controls

EXCERPT_CHARS = 300
MAX_ROUNDS = 6
MIN_IMAGE_PIXELS = 50

# They read the output of nh3 only, where `<` and `>` delimit tags and nothing else.
_IMG = re.compile("<img[^>]*>")
_ATTRIBUTE = re.compile(' ([a-z]+)="([^"]*)"')
# Tags without `<` or `>` in them, where prepare.read_tags would see the same.
_CLEAR_TAG = re.compile(
    r"""</?([a-zA-Z][^\s/<>]*+)(?:[^<>"'=]++|=\s*+(?:"[^"<>]*+"|'[^'<>]*+')|=(?!\s*+["']))*+>"""
)

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*+\n)++")


def sanitize_html(markup: str, *, base_url: str) -> str:
    """Give the content with nothing in it but POLICY, every address absolute http(s) or, in links, mailto:.

    The result parses back to itself (so a browser sees what we saw), closes all it opens, holds no control
    characters and may stand in any block of a page. Lazy images get their real address, players of
    known video hosts become links, tracking pixels and empty paragraphs go. Markup that will not
    settle down in a few rounds is given as its plain text. `base_url` is an absolute http(s) URL.
    """
    html = strip_controls(markup)
    simple = rewrite_simple(html, base_url=base_url)
    return sanitize_by_parser(html, base_url=base_url) if simple is None else simple


def sanitize_by_parser(markup: str, *, base_url: str) -> str:
    """Do what `sanitize_html` promises to markup without control characters, simple or not."""
    html = prepare_markup(markup)
    for _ in range(MAX_ROUNDS):
        again = _clean_once(html, make_cleaner(base_url))
        if again == html:
            return html
        simple = rewrite_simple(again, base_url=base_url)
        if simple is not None:
            return simple
        html = again
    return text_to_html(html_to_text(html))


@lru_cache(maxsize=8)
def make_cleaner(base_url: str) -> nh3.Cleaner:
    """Give nh3 with our policy; addresses are resolved against `base_url`."""
    return nh3.Cleaner(
        tags=ELEMENTS,
        attributes=ATTRIBUTES,
        attribute_filter=_make_filter(base_url),
        clean_content_tags=DROPPED_WITH_CONTENT,
        url_schemes=SCHEMES,
        link_rel=LINK_REL,
        set_tag_attribute_values=FORCED,
        strip_comments=True,
    )


def _make_filter(base_url: str) -> Callable[[str, str, str], str | None]:
    return lambda element, attribute, value: clean_value(attribute, value, base_url=base_url)


def _clean_once(markup: str, cleaner: nh3.Cleaner) -> str:
    html = cleaner.clean(bound_depth(markup))
    if "&#" in markup:  # numeric references may bring control characters that the markup itself did not have
        html = strip_controls(html)
    if "<img" in html:
        html = _IMG.sub(_keep_image, html)
    return tidy_html(html)


def _keep_image(found: re.Match[str]) -> str:
    replaced = replace_image(next(map(read_attributes, read_tags(found[0]))))
    return found[0] if replaced is None else replaced


def html_to_text(html: str) -> str:
    """Give the words of any HTML as plain text: a line per block, references decoded, scripts, styles gone.

    Takes linear time and never interprets its result again: `&amp;lt;` becomes `&lt;`.
    """
    html = strip_controls(html)
    lines = _list_lines(html) if "<" in html else [unescape(html)]
    # A reference may bring another control character.
    return join_lines(map(strip_controls, lines) if "&#" in html else lines)


def _list_lines(html: str) -> list[str]:
    parts = _CLEAR_TAG.split(html)
    if len(parts) // 2 == html.count("<") == html.count(">"):
        names = [name.lower() for name in parts[1::2]]
        if RAW_ELEMENTS.isdisjoint(names):
            return make_lines(parts[::2], names)
    texts, names, position = [], [], 0
    for tag in read_tags(html):
        texts.append(html[position : tag.start])
        names.append(tag.name)
        position = tag.end
    return make_lines([*texts, html[position:]], names)


def text_to_html(text: str) -> str:
    """Give plain text as HTML: blank lines part paragraphs, other line ends are breaks, nothing is a tag."""
    text = strip_controls(text.replace("\r\n", "\n").replace("\r", "\n"))
    paragraphs = (paragraph.strip() for paragraph in _BLANK_LINES.split(text))
    return "\n".join(f"<p>{escape_lines(paragraph)}</p>" for paragraph in paragraphs if paragraph)


def excerpt(text: str, limit: int = EXCERPT_CHARS) -> str:
    """Give the start of plain text on one line, cut between words, at most `limit` characters."""
    # A long text is not collapsed as a whole; words are never longer than this on average.
    start = collapse_space(text[: limit * 2])
    return truncate_words(start if len(start) > limit else collapse_space(text[: limit * 8]), limit)


def is_decoration(image: Image) -> bool:
    """Tell images that show nothing of the article: pixels that count readers, spacers, icons, portraits."""
    sizes = [size for size in (image.width, image.height) if size is not None]
    if min(sizes, default=MIN_IMAGE_PIXELS) < MIN_IMAGE_PIXELS:
        return True
    return any(pattern.search(image.url) for pattern in (PIXEL, EMOJI, PORTRAIT))


def find_images(html: str) -> Iterator[Image]:
    """Give the images of sanitised HTML, in order."""
    for tag in _IMG.finditer(html):
        attributes = {name: unescape(value).strip() for name, value in _ATTRIBUTE.findall(tag[0])}
        width, height = (attributes.get(name, "") for name in ("width", "height"))
        yield Image(
            url=attributes["src"],
            alt=attributes.get("alt") or None,
            width=int(width) if width else None,
            height=int(height) if height else None,
        )
