"""The feeds that a web page names, for the admin who has written the page's address in place of the feed's.

The page is a stranger's: it is read once, from left to right, in time linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import unquote

from aggregator.urls import absolute_url

MAX_FEEDS = 5
MAX_LINKS = 100  # looked at; a page of a thousand is an attempt on us
MAX_TAG_CHARS = 8192
MAX_FEED_URL_CHARS = 500  # longer than any feed's, and a message of several would be no message

_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/json"}
)
# What is in these is no markup (HTML, 13.2.5) or not part of the page.
_OPAQUE = "script|style|title|textarea|template|noembed|noframes|iframe|xmp"
_OPENING = re.compile(rf"<(?:(!--)|({_OPAQUE})(?=[\s/>])|(link|base)(?=[\s/]))", re.IGNORECASE)
_COMMENT_END = re.compile("--!?>")
_OPAQUE_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _OPAQUE.split("|")}
# A quote quotes only where a value begins; one without an end quotes nothing.
_REST_OF_TAG = re.compile(r"""(?:[^>"'=]++|=\s*+(?:"[^"]*+"|'[^']*+')|["'=])*+>""")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++)))?""")
_SIZE = re.compile("([0-9]{1,4})[xX]")
_COMMENTS = re.compile(r"comments?\b|تعليقات", re.IGNORECASE)

_Attributes = dict[str, str]


def find_feeds(page: str, *, url: str) -> tuple[str, ...]:
    """The absolute http(s) addresses of the feeds that an HTML page at `url` names, at most MAX_FEEDS.

    They are its `<link rel="alternate">` of a feed's type (HTML, 4.6.7.1), resolved against its `<base>` and
    in its order; `application/json` may be anything and comes after the others, feeds of comments come last.
    The page's own address is not among them. Never raises.
    """
    base, links = _read_head(page, url, _is_feed)
    own = absolute_url(url, "")
    ranks: dict[str, int] = {}
    for link in links:
        found = absolute_url(base, link["href"])
        if found and found != own and len(found) <= MAX_FEED_URL_CHARS and "/wp-json/" not in found:
            ranks.setdefault(found, _rank(link, found))
    return tuple(sorted(ranks, key=ranks.__getitem__)[:MAX_FEEDS])


def find_icons(page: str, *, url: str) -> tuple[str, ...]:
    """The absolute http(s) addresses of the icons that an HTML page at `url` names, the best one first.

    Those of 32 to 192 pixels come first, then those of unsaid and other sizes, then those for the screens of
    telephones; SVG is left out. Never raises.
    """
    base, links = _read_head(page, url, _is_icon)
    ranks: dict[str, int] = {}
    for link in links:
        if found := absolute_url(base, link["href"]):
            ranks.setdefault(found, _rank_icon(link))
    return tuple(sorted(ranks, key=ranks.__getitem__))


def _is_icon(link: _Attributes) -> bool:
    relations = link.get("rel", "").lower().split()
    vector = "svg" in link.get("type", "").lower() or link["href"].partition("?")[0].lower().endswith(".svg")
    return not vector and bool({"icon", "apple-touch-icon"} & set(relations))


def _rank_icon(link: _Attributes) -> int:
    if "icon" not in link["rel"].lower().split():
        return 2
    size = _SIZE.match(link.get("sizes", ""))
    return 0 if size and 32 <= int(size[1]) <= 192 else 1


def _read_head(
    page: str, url: str, is_wanted: Callable[[_Attributes], bool]
) -> tuple[str, list[_Attributes]]:
    """What relative addresses refer to, and the links that are wanted."""
    base: str | None = None
    links: list[_Attributes] = []
    for name, attributes in _read_tags(page):
        href = attributes.get("href", "")
        if name == "base" and base is None and href:  # the first one counts (HTML, 4.2.3)
            base = absolute_url(url, href)
        elif name == "link" and href and is_wanted(attributes):
            links.append(attributes)
            if len(links) == MAX_LINKS:
                break
    return base or url, links


def _is_feed(link: _Attributes) -> bool:
    relations = link.get("rel", "").lower().split()
    media_type = link.get("type", "").partition(";")[0].strip().lower()
    return "alternate" in relations and media_type in _TYPES


def _rank(link: _Attributes, found: str) -> int:
    if _COMMENTS.search(link.get("title", "")) or _COMMENTS.search(unquote(found)):
        return 2
    return 1 if link["type"].lower().startswith("application/json") else 0


def _read_tags(page: str) -> Iterator[tuple[str, _Attributes]]:
    """Every `<link>` and `<base>`; one without an end reaches to the end of the page, as in a browser."""
    position = 0
    while opening := _OPENING.search(page, position):
        comment, opaque, name = opening.groups()
        if name is None:
            pattern = _COMMENT_END if comment else _OPAQUE_END[opaque.lower()]
            end = pattern.search(page, opening.start() + 2)  # <!--> is a whole comment
        else:
            end = _REST_OF_TAG.match(page, opening.end())
            if end and len(end[0]) <= MAX_TAG_CHARS:
                yield name.lower(), _read_attributes(end[0])
        if end is None:
            return
        position = end.end()


def _read_attributes(tag: str) -> _Attributes:
    """Names in lower case, values unescaped; the first of a name wins."""
    attributes: _Attributes = {}
    for name, *values in _ATTRIBUTE.findall(tag):
        attributes.setdefault(name.lower(), unescape("".join(values)).strip())
    return attributes
