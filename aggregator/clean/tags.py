"""Single tags of simple markup: read where they are spelled clearly, and written anew by the policy.

What "simple" means, and why that is safe, stands in `simple.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import unescape
from html.entities import html5
from typing import NamedTuple

from aggregator.clean.policy import ADDRESSES, ATTRIBUTES, ELEMENTS, LINK_REL, clean_value, replace_image
from aggregator.clean.prepare import RENAMED, mend_image
from aggregator.urls import is_plain_url

MAX_TAG_CHARS = 2048

# How a tag acts on the elements that are open: the last two are void elements, and comments.
OPENS, STANDS, CLOSES, VOID, VOID_BLOCK = range(5)

HEADINGS = frozenset(["h2", "h3", "h4", "h5", "h6"])
# Where they open matters: blocks, and links, which hold no links.
_STANDING = HEADINGS | frozenset(
    "a blockquote dd details div dl dt figcaption figure li ol p pre summary ul".split()
)
_INLINE = frozenset(
    "abbr b bdi cite code del dfn em i ins kbd mark q s samp small span strong sub sup time u var".split()
)
# The standard knows them as inline elements, the policy leaves nothing of them but their content.
_DROPPED = frozenset(["bdo", "big", "font"])
_VOIDS = frozenset(["br", "img", "wbr"])
_STEPS = {
    **dict.fromkeys(_STANDING, STANDS),
    **dict.fromkeys(_INLINE | _DROPPED, OPENS),
    **dict.fromkeys(_VOIDS, VOID),
    "hr": VOID_BLOCK,
}
_ALLOWED = {name: frozenset(ATTRIBUTES.get(name, ())) | ATTRIBUTES["*"] for name in ELEMENTS}

_SPACE = "[ \t\n]"  # of HTML, not of Unicode
_NAME = "[a-zA-Z_][a-zA-Z0-9_:.-]*+"
_IS = f"{_SPACE}*+={_SPACE}*+"
_END = f"{_SPACE}*+/?>"
_OPENING = re.compile(
    rf"<([a-zA-Z][a-zA-Z0-9]*+)((?:{_SPACE}++{_NAME}(?:{_IS}(?:\"[^\"]*+\"|'[^']*+'))?+)*+){_END}"
)
_ATTRIBUTE = re.compile(rf"({_NAME})(?:{_IS}(?:\"([^\"]*+)\"|'([^']*+)'))?")
_CLOSING = re.compile(rf"</([a-zA-Z][a-zA-Z0-9]*+){_SPACE}*+>")
_COMMENT = re.compile("<!--(?:[^<>-]++|-(?!-))++-->")
# What stands between the quotes of a tag.
_HEAD = re.compile(rf"<([a-zA-Z][a-zA-Z0-9]*+)(?:{_SPACE}++({_NAME}){_IS}|{_END})")
_BETWEEN = re.compile(rf"{_SPACE}++({_NAME}){_IS}|{_END}")

REFERENCE = re.compile("&(?:#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});|[a-zA-Z0-9]{1,40}+[;=]?|#)?")
# Decoded, they are the characters they name, and strip_controls leaves them alone.
_PLAIN_CHARACTER = re.compile("[\t\n -~\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffc\U00010000-\U0001fffd]")

# What nh3 (WHATWG URL) and clean_value agree on: a host that is a name, no scheme at all, or one that both
# take or refuse whatever follows.
_CLEAR_ADDRESS = re.compile(
    r"""[ \t\n]*+(?:https?://(?!\S*xn--)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]{2,24}(?:[/?\#][^\\]*)?
    |(?P<relative>[/?\#.][^\\]*|[^:\\]*)|mailto:(?!/)[^\\]*|(?:javascript|data|about|tel|sms|whatsapp):.*)""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


class Unclear(Exception):
    """This is not the simple language."""


class SimpleTag(NamedTuple):
    step: int
    name: str  # of the element it is read as; "" for a comment
    written: str
    # Of a tag that is still to be written, since its address is relative.
    attributes: Mapping[str, str] | None


class _Shape(NamedTuple):
    name: str
    attributes: list[tuple[str, int]]  # and the places of their values; those that may be of use


@lru_cache(maxsize=2048)
def read_tag(tag: str) -> SimpleTag:
    """Read `<...>` without another `<` or `>` in it. Raises Unclear."""
    if len(tag) > MAX_TAG_CHARS:
        raise Unclear
    if tag.startswith("</"):
        return _read_closing(tag)
    if tag.startswith("<!"):
        if _COMMENT.fullmatch(tag):
            return SimpleTag(VOID, "", "", None)
        raise Unclear
    head, *pieces = tag.split('"')
    shape = _find_shape(head, *pieces[1::2])
    if shape is None:
        name, pairs = _read_opening(tag)
    else:
        name, pairs = shape.name, [(attribute, pieces[place]) for attribute, place in shape.attributes]
    if name in _DROPPED:
        return SimpleTag(OPENS, name, "", None)
    attributes, relative = _clean_attributes(name, _mend_image(pairs) if name == "img" else pairs)
    if relative:
        return SimpleTag(_STEPS[name], name, "", attributes)
    return SimpleTag(_STEPS[name], name, _write(name, attributes), None)


def write_tag(tag: SimpleTag, *, base_url: str) -> str:
    """Write a tag as html5ever does, its address resolved against `base_url`."""
    if tag.attributes is None:
        return tag.written
    resolved = {}
    for attribute, value in tag.attributes.items():
        address = clean_value(attribute, value, base_url=base_url) if attribute in ADDRESSES else value
        if address is not None:
            resolved[attribute] = address
    return _write(tag.name, resolved)


def _read_closing(tag: str) -> SimpleTag:
    found = _CLOSING.fullmatch(tag)
    if found is None:
        raise Unclear
    name = _find_name(found[1])
    if name == "br":  # a break of its own
        raise Unclear
    if name in _VOIDS or name == "hr":
        return SimpleTag(VOID, name, "", None)
    return SimpleTag(CLOSES, name, "" if name in _DROPPED else f"</{name}>", None)


def _find_name(written: str) -> str:
    name = written.lower()
    name = RENAMED.get(name, name)
    if name not in _STEPS:
        raise Unclear
    return name


@lru_cache(maxsize=512)
def _find_shape(head: str, *pieces: str) -> _Shape | None:
    """Read what stands around double-quoted values, as in most tags; None: the tag is not sure to be one.

    Documents have few shapes. Raises Unclear.
    """
    found = _HEAD.fullmatch(head)
    if found is None:
        return None
    name = _find_name(found[1])
    attributes: dict[str, int] = {}
    for place, piece in enumerate(pieces):
        if not found[found.re.groups]:  # the tag is over
            return None
        attributes.setdefault(found[found.re.groups].lower(), 2 * place)
        found = _BETWEEN.fullmatch(piece)
        if found is None:
            return None
    if found[found.re.groups]:
        return None
    return _Shape(
        name, [pair for pair in attributes.items() if name == "img" or pair[0] in _ALLOWED.get(name, ())]
    )


def _read_opening(tag: str) -> tuple[str, list[tuple[str, str]]]:
    found = _OPENING.fullmatch(tag)
    if found is None:
        raise Unclear
    pairs = [(name.lower(), one or other) for name, one, other in _ATTRIBUTE.findall(found[2])]
    return _find_name(found[1]), pairs


def _mend_image(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if not any(name in ("style", "srcset") or name.startswith("data-") for name, _ in pairs):
        return pairs
    attributes: dict[str, str] = {}
    for name, value in pairs:
        attributes.setdefault(name, _unescape(value))
    mended = mend_image(attributes, srcset="")
    if mended is None:
        return pairs
    return [(name, value.replace("&", "&amp;")) for name, value in mended.items()]  # to be decoded again


def _clean_attributes(name: str, pairs: Iterable[tuple[str, str]]) -> tuple[dict[str, str], bool]:
    """Give what the policy keeps, values unescaped; True: an address needs a base and is as it was.

    The first attribute of a name counts (HTML, 13.2.5.33).
    """
    allowed = _ALLOWED[name]
    cleaned: dict[str, str | None] = {}
    relative = False
    for attribute, value in pairs:
        if attribute not in allowed or attribute in cleaned:
            continue
        if "&" in value:
            value = _unescape(value)
        if attribute not in ADDRESSES:
            cleaned[attribute] = clean_value(attribute, value, base_url="")
        elif is_plain_url(value):
            cleaned[attribute] = value
        elif (address := _CLEAR_ADDRESS.fullmatch(value)) is None:
            raise Unclear
        elif address.lastgroup == "relative":
            relative = True
            cleaned[attribute] = value
        else:
            cleaned[attribute] = clean_value(attribute, value, base_url="")
    return {attribute: value for attribute, value in cleaned.items() if value is not None}, relative


def _write(name: str, attributes: Mapping[str, str]) -> str:
    if name == "img" and (replaced := replace_image(attributes)) is not None:
        return replaced
    pairs = "".join([f' {attribute}="{_escape_value(value)}"' for attribute, value in attributes.items()])
    return f'<a{pairs} rel="{LINK_REL}">' if name == "a" else f"<{name}{pairs}>"


def _escape_value(value: str) -> str:
    if value.isalnum():
        return value
    value = value.replace("&", "&amp;").replace("\xa0", "&nbsp;")
    return value.replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")


def _unescape(value: str) -> str:
    if value.count("&") == value.count("&amp;"):
        return value.replace("&amp;", "&")
    return REFERENCE.sub(lambda found: decode_reference(found[0], attribute=True), value)


@lru_cache(maxsize=2048)
def decode_reference(reference: str, *, attribute: bool = False) -> str:
    """Give the characters that a match of REFERENCE means in text, or in an attribute.

    Raises Unclear where that depends on what follows, as without a semicolon (HTML, 13.2.5.73).
    """
    if reference == "&" or (attribute and reference.endswith("=")):
        return reference
    if reference[1] == "#":
        char = unescape(reference) if reference.endswith(";") else ""
        if not _PLAIN_CHARACTER.fullmatch(char):
            raise Unclear
        return char
    name = reference[1:]
    if name.endswith(";") and name in html5:
        return html5[name]
    if any(name[:end] in html5 for end in range(2, 7)):
        raise Unclear
    return reference
