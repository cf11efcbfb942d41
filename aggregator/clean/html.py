"""Foreign HTML -> HTML that is safe to publish, and plain text <-> HTML.

The policy is one table of elements with their attributes; whatever is not in it goes, by nh3 (ammonia,
html5ever), which always has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from html import escape, unescape

import nh3

from aggregator.clean.prepare import (
    RAW_ELEMENTS,
    Tag,
    bound_depth,
    prepare_markup,
    read_attributes,
    read_tags,
)
from aggregator.model import Image
from aggregator.text import collapse_space, strip_controls, truncate_words
from aggregator.urls import absolute_url

EXCERPT_CHARS = 300
MAX_ROUNDS = 6
MIN_IMAGE_PIXELS = 50

POLICY: dict[str, set[str]] = {
    **{name: set() for name in "p br hr wbr div h2 h3 h4 h5 h6 blockquote pre details summary".split()},
    **{name: set() for name in "em strong b i u s sub sup small mark cite q code kbd samp var dfn".split()},
    **{name: set() for name in "bdi bdo span ruby rt rp ul dl dt dd figure figcaption".split()},
    **{name: set() for name in "table caption thead tbody tfoot tr colgroup".split()},
    "a": {"href", "title"},
    "abbr": {"title"},
    "audio": {"src"},
    "col": {"span"},
    "del": {"datetime"},
    "img": {"src", "alt", "title", "width", "height"},
    "ins": {"datetime"},
    "li": {"value"},
    "ol": {"start", "reversed"},
    "source": {"src", "type"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
    "video": {"src", "poster", "width", "height"},
}
ELEMENTS = set(POLICY)
ATTRIBUTES = {element: attributes for element, attributes in POLICY.items() if attributes}
ATTRIBUTES["*"] = {"dir", "lang"}
DROPPED_WITH_CONTENT = {*RAW_ELEMENTS, "svg", "math", "template", "select", "button", "canvas", "datalist"}
SCHEMES = {"http", "https", "mailto"}
# One attribute an element at most: nh3 appends several in an order of its own, anew in every process.
FORCED = {"audio": {"controls": ""}, "video": {"controls": ""}}
LINK_REL = "noopener"

VALUE_PATTERNS = {
    "dir": re.compile("rtl|ltr|auto"),
    "lang": re.compile("[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}"),
    "width": re.compile(r"[0-9]{1,5}"),
    "height": re.compile(r"[0-9]{1,5}"),
    "colspan": re.compile(r"[0-9]{1,3}"),
    "rowspan": re.compile(r"[0-9]{1,3}"),
    "span": re.compile(r"[0-9]{1,3}"),
    "start": re.compile(r"-?[0-9]{1,9}"),
    "value": re.compile(r"-?[0-9]{1,9}"),
    "scope": re.compile("row|col|rowgroup|colgroup"),
    "type": re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}"),
    "reversed": re.compile(""),
}

# Images that count readers, divide or decorate; nobody is meant to look at them.
PIXEL = re.compile(
    r"""://(?:[^/]*\.)?(?:
        feedsportal\.com|doubleclick\.net|google-analytics\.com|quantserve\.com|scorecardresearch\.com
        |chartbeat\.net|statcounter\.com|sitemeter\.com|pheedo\.com|amazon-adsystem\.com|imrworldwide\.com
        |feeds\.feedburner\.com/~|feeds\.wordpress\.com/|facebook\.com/tr\b|assoc-amazon\.com/e/
        |stats\.wordpress\.com/|pixel\.(?:wp|wordpress)\.com/|list-manage\.com/track|counter\.theconversation\.
        |blogger\.googleusercontent\.com/tracker|blogblog\.com/.*?blank
    )|/(?:pixel|1x1|spacer|blank|transparent|clear|count)\.(?:gif|png)(?:[?\#]|$)""",
    re.VERBOSE | re.IGNORECASE,
)
PORTRAIT = re.compile(r"://(?:[^/]*\.)?gravatar\.com/avatar/", re.IGNORECASE)
EMOJI = re.compile(r"://s\d*\.w(?:p|ordpress)?\.(?:org|com)/.*?(?:emoji|smilies)/", re.IGNORECASE)

# What follows reads the output of nh3 only, where `<` and `>` delimit tags and nothing else.
_IMG = re.compile("<img[^>]*>")
_EMPTY = re.compile(
    r"<(p|a|div|span|figure|figcaption|h[2-6]|b|i|u|s|em|strong|small|blockquote|ul|ol|li)(?: [^>]*)?>"
    r"(?:\s|&nbsp;|<br>)*+</\1>"
)
_BARE_LINK = re.compile(rf'<a rel="{LINK_REL}">((?:[^<]++|<(?!/?a[ >]))*+)</a>')
_BREAKS = re.compile(r"<br>(?:(?:\s|&nbsp;)*+<br>){2,}+")
_LAST_BREAKS = re.compile(r"(?:<br>\s*+){1,2}(?=</(?:p|div|li|blockquote|h[2-6]|td|figcaption)>|\Z)")
_FIRST_BREAKS = re.compile(r"\A(?:\s|<br>)++")
_PRE_NEWLINES = re.compile(r"(<pre[^>]*>)\n++")
_NAME = re.compile(r"</?(\w+)[^>]*>")
_DEAD_SOURCE = re.compile(r'<source(?![^>]* src=")[^>]*>')
_DEAD_PLAYER = re.compile(r'<(video|audio)(?![^>]* src=")[^>]*>\s*+</\1>')

_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*+\n)++")
_BLOCKS = frozenset(
    """address article aside audio blockquote br caption center dd details div dl dt fieldset figcaption
    figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody tfoot
    thead title tr ul video""".split()
)
_CELLS = frozenset(["td", "th"])


def sanitize_html(markup: str, *, base_url: str) -> str:
    """Give the content with nothing in it but POLICY, every address absolute http(s) or, in links, mailto:.

    The result parses back to itself (so a browser sees what we saw), closes all it opens, holds no control
    characters and may stand in any block of a page. Lazy images get their real address, players of
    known video hosts become links, tracking pixels and empty paragraphs go. Markup that will not
    settle down in a few rounds is given as its plain text. `base_url` is an absolute http(s) URL.
    """
    cleaner = make_cleaner(base_url)
    html = prepare_markup(strip_controls(markup))
    for _ in range(MAX_ROUNDS):
        again = _clean_once(html, cleaner)
        if again == html:
            return html
        html = again
    return text_to_html(html_to_text(html))


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
    # What comes out of one round is looked up, not resolved, in the next.
    addresses: dict[str, str | None] = {"": None}

    def filter_attribute(element: str, attribute: str, value: str) -> str | None:
        if attribute == "rel":
            return value
        value = value.strip()
        if attribute in ("href", "src", "poster"):
            if attribute == "href" and value[:7].lower() == "mailto:":
                return strip_controls(value)
            if value not in addresses:
                address = addresses[value] = absolute_url(base_url, value)
                addresses[address or ""] = address
            return addresses[value]
        pattern = VALUE_PATTERNS.get(attribute)
        if pattern is None:
            return value
        if attribute != "lang":
            value = value.lower().removesuffix("px")
        return value if pattern.fullmatch(value) else None

    return filter_attribute


def _clean_once(markup: str, cleaner: nh3.Cleaner) -> str:
    html = cleaner.clean(bound_depth(markup))
    # Numeric references may bring control characters that the markup itself did not have.
    return _tidy(strip_controls(html) if "&#" in markup else html)


def _tidy(html: str) -> str:
    if "<img" in html:
        html = _IMG.sub(_keep_image, html)
    if "<source" in html or "<video" in html or "<audio" in html:
        html = _DEAD_PLAYER.sub("", _DEAD_SOURCE.sub("", html))
    if f'<a rel="{LINK_REL}">' in html:
        html = _BARE_LINK.sub(r"\1", html)
    if "<pre" in html:
        html = _PRE_NEWLINES.sub(r"\1", html)
    if "<br>" in html:
        html = _BREAKS.sub("<br><br>", html)
        html = _FIRST_BREAKS.sub("", _LAST_BREAKS.sub("", html))
    while (fuller := _EMPTY.sub("", html)) != html:
        html = fuller
    return html.strip()


def _keep_image(found: re.Match[str]) -> str:
    attributes = next(map(read_attributes, read_tags(found[0])))
    src = attributes.get("src")
    if src is None or PIXEL.search(src) or {attributes.get("width"), attributes.get("height")} & {"0", "1"}:
        return ""
    if EMOJI.search(src):
        return _escape_lines(attributes.get("alt", ""))
    return found[0]


def html_to_text(html: str) -> str:
    """Give the words of any HTML as plain text: a line per block, references decoded, scripts, styles gone.

    Takes linear time and never interprets its result again: `&amp;lt;` becomes `&lt;`.
    """
    if "<" not in html:
        return collapse_space(strip_controls(unescape(html)))
    pieces: list[tuple[str, str]] = []
    position = 0
    for tag in read_tags(html):
        pieces.append((html[position : tag.start], tag.name))
        position = tag.end
    return _join_lines(strip_controls(unescape(line)) for line in _make_lines(pieces, html[position:]))


def read_text(html: str) -> str:
    """Do what `html_to_text` does, in a quarter of the time, for HTML that `sanitize_html` has returned."""
    parts = _NAME.split(html)
    lines = _make_lines(zip(parts[::2], parts[1::2], strict=False), parts[-1])
    return _join_lines(map(unescape, lines))


def _make_lines(pieces: Iterable[tuple[str, str]], rest: str) -> Iterator[str]:
    """Join texts, each with the name of the tag after it, to lines."""
    line = ""
    for text, name in pieces:
        line += text
        if name in _BLOCKS:
            yield line
            line = ""
        elif name in _CELLS:
            line += " "
    yield line + rest


def _join_lines(lines: Iterable[str]) -> str:
    return "\n".join(filter(None, map(collapse_space, lines)))


def text_to_html(text: str) -> str:
    """Give plain text as HTML: blank lines part paragraphs, other line ends are breaks, nothing is a tag."""
    text = strip_controls(text.replace("\r\n", "\n").replace("\r", "\n"))
    paragraphs = (paragraph.strip() for paragraph in _BLANK_LINES.split(text))
    return "\n".join(f"<p>{_escape_lines(paragraph)}</p>" for paragraph in paragraphs if paragraph)


def _escape_lines(text: str) -> str:
    # As html5ever writes it.
    return escape(text, quote=False).replace("\xa0", "&nbsp;").replace("\n", "<br>")


def excerpt(text: str, limit: int = EXCERPT_CHARS) -> str:
    """Give the start of plain text on one line, cut between words, at most `limit` characters."""
    # Words are never longer than this on average, so a long text is not collapsed as a whole.
    return truncate_words(collapse_space(text[: limit * 8]), limit)


def is_decoration(image: Image) -> bool:
    """Tell images that show nothing of the article: pixels that count readers, spacers, icons, portraits."""
    sizes = [size for size in (image.width, image.height) if size is not None]
    if min(sizes, default=MIN_IMAGE_PIXELS) < MIN_IMAGE_PIXELS:
        return True
    return any(pattern.search(image.url) for pattern in (PIXEL, EMOJI, PORTRAIT))


def find_images(html: str) -> tuple[Image, ...]:
    """Give the images of sanitised HTML in order, each address once."""
    images: dict[str, Image] = {}
    for tag in read_tags(html) if "<img" in html else ():
        image = _read_image(tag) if tag.name == "img" else None
        if image:
            images.setdefault(image.url, image)
    return tuple(images.values())


def _read_image(tag: Tag) -> Image | None:
    attributes = read_attributes(tag)
    url = attributes.get("src")
    if not url:
        return None
    width, height = (attributes.get(name, "") for name in ("width", "height"))
    return Image(
        url=url,
        alt=attributes.get("alt") or None,
        width=int(width) if VALUE_PATTERNS["width"].fullmatch(width) else None,
        height=int(height) if VALUE_PATTERNS["height"].fullmatch(height) else None,
    )
