"""What happens to foreign markup before nh3 sees it: its depth is bounded, its media are rescued.

Nothing here makes markup safe: all of it is sanitised afterwards. What counts here is that every step
takes linear time on any input (html5ever needs 80 s for 100,000 nested `<div>`), hence a reader of tags
that gives up at the first tag without an end, and possessive patterns only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from html import escape, unescape
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

MAX_MARKUP_CHARS = 1_000_000
MAX_DEPTH = 100
MAX_FORMATTING_DEPTH = 6  # html5ever opens all of them again in every new paragraph
MAX_TAG_CHARS = 16_384  # html5ever compares every attribute of a tag with every other
WIDEST_IMAGE = 1600  # pixels: of several sizes, the widest up to this one is taken

# Their content is no markup, or nothing that a reader is meant to see.
RAW_ELEMENTS = frozenset("script style iframe noscript noembed noframes textarea title xmp plaintext".split())
VOID_ELEMENTS = frozenset(
    "area base br col embed frame hr img input link meta param source track wbr".split()
)
# A new one closes the one before it (HTML, 13.1.2.4), so that they are no sign of depth.
OPTIONAL_END = frozenset(
    "p li dt dd tr td th thead tbody tfoot colgroup caption option optgroup rb rt rtc rp".split()
)
FORMATTING = frozenset("a b big code em font i nobr s small strike strong tt u".split())

# Names that a page of ours uses for itself, or that are long obsolete.
RENAMED = {
    "h1": "h2",
    "acronym": "abbr",
    "strike": "s",
    "tt": "code",
    "dir": "ul",
    "menu": "ul",
    **dict.fromkeys(
        "address article aside center fieldset footer form header hgroup main nav section".split(), "div"
    ),
}
RENAMED_TAG = re.compile(rf"<(/?)({'|'.join(RENAMED)})(?=[\s/>])", re.IGNORECASE)

MEDIA_ELEMENTS = frozenset(["img", "iframe", "embed"])
# The marks of players, of lazy and of hidden images. A name that ends in src is data-src, data-lazy-src ...
MEDIA_MARK = re.compile(
    r"<(?:iframe|embed|(?:img|source)[\s/][^<>]*?"
    r"(?:(?<![\s\"'])src\s*=|srcset|data-(?:lazy|original|url)|display:\s*none|:\s*[01]px))",
    re.IGNORECASE,
)
HIDDEN_STYLE = re.compile(r"display:\s*+none|(?<![\w-])(?:width|height):\s*+[01]px")
LAZY_ATTRIBUTE = re.compile(r"data-(?:[a-z-]*src|original|lazy|url)")
DESCRIPTOR = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)[wx],*")
EMBED_ID = re.compile(r"[\w-]{1,64}")
VIDEO_HOSTS = frozenset(
    """archive.org bitchute.com brightcove.net dailymotion.com facebook.com jwplatform.com jwplayer.com
    kaltura.com ok.ru odysee.com rumble.com rutube.ru soundcloud.com spotify.com streamable.com ted.com
    tiktok.com twitch.tv vimeo.com vk.com wistia.net youku.com youtu.be youtube-nocookie.com
    youtube.com""".split()
)

_OPENED = re.compile("<([a-zA-Z][a-zA-Z0-9]*+)")
_VALUE = r"""=\s*+(?:"[^"]*+"|'[^']*+')"""
_TAG = re.compile(rf"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^>"'=]++|{_VALUE}|["'=])*+)>""")
_ATTRIBUTE = re.compile(r"""([^\s"'<>/=]++)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>][^\s>]*+)))?""")
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])[^>]*+>", re.IGNORECASE) for name in RAW_ELEMENTS}
_COMMENT_END = re.compile(r"--!?>")


class Tag(NamedTuple):
    """A tag, or a whole raw element such as `<script>...</script>`; a comment has the name ""."""

    name: str  # in lower case
    closing: bool
    attributes: str  # as written
    start: int
    end: int


def prepare_markup(markup: str) -> str:
    """Give the same content with bounded depth and size, present media and names that the policy knows."""
    names = {name.lower() for name in set(_OPENED.findall(markup))}
    if not names.isdisjoint(RENAMED):
        markup = RENAMED_TAG.sub(lambda found: f"<{found[1]}{RENAMED[found[2].lower()]}", markup)
    markup = bound_depth(markup)
    if not names.isdisjoint(MEDIA_ELEMENTS) and MEDIA_MARK.search(markup):
        markup = rescue_media(markup)
    return markup


def read_tags(markup: str) -> Iterator[Tag]:
    """Yield every tag in order, in linear time; what lies between two of them is text.

    A tag or comment without an end reaches to the end of the markup, as in a browser (HTML, 13.2.5); only a
    quote without an end quotes nothing, so that the text after it is not lost.
    """
    position = 0
    while (start := markup.find("<", position)) >= 0:
        if found := _TAG.match(markup, start):
            name = found[2].lower()
            position = found.end()
            if name in RAW_ELEMENTS and not found[1]:
                position = _find_end(markup, _RAW_END[name], position)
            yield Tag(name, bool(found[1]), found[3], start, position)
        elif markup.startswith("<!--", start):
            position = _find_end(markup, _COMMENT_END, start + 2)
            yield Tag("", False, "", start, position)
        elif markup.startswith(("<!", "<?", "</"), start):
            position = markup.find(">", start) + 1 or len(markup)
            yield Tag("", False, "", start, position)
        elif markup[start + 1 : start + 2].isascii() and markup[start + 1 : start + 2].isalpha():
            yield Tag("", False, "", start, len(markup))
            return
        else:
            position = start + 1


def _find_end(markup: str, pattern: re.Pattern[str], position: int) -> int:
    found = pattern.search(markup, position)
    return found.end() if found else len(markup)


def read_attributes(tag: Tag) -> dict[str, str]:
    """Give a tag's attributes, names in lower case, values unescaped; the first of a name wins."""
    attributes: dict[str, str] = {}
    for name, *values in _ATTRIBUTE.findall(tag.attributes):
        attributes.setdefault(name.lower(), unescape("".join(values)).strip())
    return attributes


def bound_depth(markup: str) -> str:
    """Balance the tags and leave out those that nest too deep, are too long or lie past the size limit.

    Only tags go, and raw elements with their content; the text stays. Small markup is given as it is.
    """
    # Fewer tags than this cannot cost html5ever more than some milliseconds, however they are nested.
    if len(markup) <= MAX_TAG_CHARS and markup.count("<") <= MAX_DEPTH * 2:
        return markup
    markup = markup[:MAX_MARKUP_CHARS]
    # Inside SVG and MathML nothing closes by itself.
    unnested = VOID_ELEMENTS if re.search("<(?:svg|math)", markup, re.IGNORECASE) else _UNNESTED
    pieces: list[str] = []
    opened: list[str] = []
    left_out: Counter[str] = Counter()
    position = 0
    for tag in read_tags(markup):
        pieces.append(markup[position : tag.start])
        position = tag.end
        if tag.name == "iframe" and not tag.closing and len(tag.attributes) < MAX_TAG_CHARS:
            pieces.append(f"<iframe{tag.attributes}></iframe>")
        elif tag.name in RAW_ELEMENTS or not tag.name:
            continue
        elif tag.closing and tag.name not in unnested:
            pieces.extend(_close(tag.name, opened, left_out))
        elif len(tag.attributes) > MAX_TAG_CHARS or not _may_open(tag.name, opened, unnested):
            left_out[tag.name] += tag.name not in unnested
        else:
            pieces.append(markup[tag.start : tag.end])
            if tag.name not in unnested:
                opened.append(tag.name)
    pieces.append(markup[position:])
    pieces.extend(f"</{name}>" for name in reversed(opened))
    return "".join(pieces)


_UNNESTED = VOID_ELEMENTS | OPTIONAL_END


def _may_open(name: str, opened: list[str], unnested: frozenset[str]) -> bool:
    if name in unnested:
        return True
    if name in FORMATTING and sum(other in FORMATTING for other in opened) >= MAX_FORMATTING_DEPTH:
        return False
    return len(opened) < MAX_DEPTH


def _close(name: str, opened: list[str], left_out: Counter[str]) -> Iterator[str]:
    if left_out[name]:
        left_out[name] -= 1
    elif name in opened:
        while (innermost := opened.pop()) != name:
            yield f"</{innermost}>"
        yield f"</{name}>"


def rescue_media(markup: str) -> str:
    """Put real addresses into lazily loaded images and links in place of embedded players."""
    pieces: list[str] = []
    position = 0
    srcset = ""  # of the <source> elements since the last <img>
    for tag in read_tags(markup):
        replacement: str | None = None
        if tag.closing:
            continue
        if tag.name == "img":
            mended = mend_image(read_attributes(tag), srcset=srcset)
            replacement = None if mended is None else _write_image(mended)
            srcset = ""
        elif tag.name == "source":
            srcset = read_attributes(tag).get("srcset") or srcset
        elif tag.name in ("iframe", "embed"):
            replacement = _link_player(read_attributes(tag))
        if replacement is not None:
            pieces += markup[position : tag.start], replacement
            position = tag.end
    pieces.append(markup[position:])
    return "".join(pieces)


def mend_image(attributes: Mapping[str, str], *, srcset: str) -> dict[str, str] | None:
    """Give an image's attributes with its real address; empty: it is hidden; None: it is good as it is.

    `srcset` is that of the `<source>` elements before it.
    """
    if HIDDEN_STYLE.search(attributes.get("style", "").lower()):
        return {}
    src = _find_lazy_src(attributes)
    if src is None:
        if _is_address(attributes.get("src", "")):
            return None
        src = find_widest(attributes.get("srcset", "")) or find_widest(srcset)
        if src is None:
            return None
    kept = ("alt", "width", "height", "dir", "lang")
    return {"src": src} | {name: attributes[name] for name in kept if name in attributes}


def _write_image(attributes: Mapping[str, str]) -> str:
    pairs = (f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<img{''.join(pairs)}>" if attributes else ""


def _find_lazy_src(attributes: Mapping[str, str]) -> str | None:
    for name, value in attributes.items():
        if LAZY_ATTRIBUTE.fullmatch(name) and _is_address(value):
            return value
    lazy_srcsets = (v for k, v in attributes.items() if k.startswith("data-") and k.endswith("srcset"))
    return next(filter(None, map(find_widest, lazy_srcsets)), None)


def _is_address(value: str) -> bool:
    """Tell an address from the inline placeholders of lazy loaders."""
    return bool(value) and not value.lower().startswith(("data:", "about:", "javascript:", "{", "["))


def find_widest(srcset: str) -> str | None:
    """Give a srcset's widest candidate up to WIDEST_IMAGE, else its narrowest (HTML, 4.8.4.2.1)."""
    sizes: dict[str, float] = {}
    url = ""
    for token in srcset.split():
        descriptor = DESCRIPTOR.fullmatch(token)
        if descriptor:
            sizes[url] = float(descriptor[1])
        elif _is_address(token):
            url = token.strip(",")
            sizes.setdefault(url, 1.0)
    sizes.pop("", None)
    if not sizes:
        return None
    return max(sizes, key=lambda url: sizes[url] if sizes[url] <= WIDEST_IMAGE else -sizes[url])


def _link_player(attributes: dict[str, str]) -> str:
    """Give a link to what an <iframe> or <embed> plays; "" where it is no player."""
    candidates = (attributes.get("src", ""), _find_lazy_src(attributes) or "")
    url = next((url for url in candidates if _is_address(url)), "")
    url = f"https:{url}" if url.startswith("//") else url
    page = find_watch_page(url)
    if page is None and "allowfullscreen" in attributes and re.match("https?://", url):
        page = url
    if page is None:
        return ""
    return f'<p><a href="{escape(page)}">{escape(attributes.get("title") or page)}</a></p>'


def find_watch_page(url: str) -> str | None:
    """Give the page on which people watch an embedded player's video; None if its host is no known one.

    `url` is absolute. Where the page cannot be told from the player's address, that address is the page.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return None
    site = ".".join(host.split(".")[-2:])
    if parts.scheme not in ("http", "https") or site not in VIDEO_HOSTS:
        return None
    ident = parts.path.rstrip("/").rpartition("/")[2].partition("&")[0]
    if site == "facebook.com":
        page = parse_qs(parts.query).get("href", [""])[0]
        return page if "/plugins/" in parts.path and page.startswith("https://") else None
    if EMBED_ID.fullmatch(ident) and ident != "videoseries":
        if site in ("youtube.com", "youtube-nocookie.com") and parts.path.startswith(("/embed/", "/v/")):
            return f"https://www.youtube.com/watch?v={ident}"
        if host == "player.vimeo.com" and parts.path.startswith("/video/"):
            return f"https://vimeo.com/{ident}"
        if site == "dailymotion.com" and "/embed/" in parts.path:
            return f"https://www.dailymotion.com/video/{ident}"
        if site == "archive.org" and parts.path.startswith("/embed/"):
            return f"https://archive.org/details/{ident}"
    return url
