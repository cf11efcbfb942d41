"""What may stand in the HTML that we publish: one table of elements with their attributes, and their values.

Whatever is not in it goes. `html.py` applies it to any markup by way of nh3, `simple.py` to markup that can
be read in one way only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

from aggregator.clean.prepare import RAW_ELEMENTS
from aggregator.text import strip_controls
from aggregator.urls import absolute_url

POLICY: dict[str, set[str]] = {
    **{name: set() for name in "p br hr wbr div h2 h3 h4 h5 h6 blockquote pre details summary".split()},
    **{name: set() for name in "em strong b i u s sub sup small mark cite q code kbd samp var dfn".split()},
    **{name: set() for name in "bdi span ruby rt rp ul dl dt dd figure figcaption".split()},
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

ADDRESSES = frozenset(["href", "src", "poster"])
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


def clean_value(attribute: str, value: str, *, base_url: str) -> str | None:
    """Give the value that an attribute of POLICY is published with; None: the attribute goes.

    Both values are unescaped. Addresses become absolute; `rel` is ours and stays.
    """
    if attribute == "rel":
        return value
    value = value.strip()
    if attribute in ADDRESSES:
        if attribute == "href" and value[:7].lower() == "mailto:":
            return strip_controls(value)
        return absolute_url(base_url, value) if value else None
    pattern = VALUE_PATTERNS.get(attribute)
    if pattern is None:
        return value
    if attribute != "lang":
        value = value.lower().removesuffix("px")
    return value if pattern.fullmatch(value) else None


def replace_image(attributes: Mapping[str, str]) -> str | None:
    """Give the HTML that stands for an image nobody is meant to look at; None: the image stays.

    `attributes` are those that `clean_value` has let through.
    """
    src = attributes.get("src")
    if src is None or PIXEL.search(src) or {attributes.get("width"), attributes.get("height")} & {"0", "1"}:
        return ""
    if EMOJI.search(src):
        return escape_lines(attributes.get("alt", ""))
    return None


def escape_lines(text: str) -> str:
    """Give plain text as HTML the way html5ever writes it; line ends become breaks."""
    return escape(text, quote=False).replace("\xa0", "&nbsp;").replace("\n", "<br>")
