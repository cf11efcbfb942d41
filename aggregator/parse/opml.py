"""OPML 1.0 and 2.0 (opml.org): the lists of feeds that readers export."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.entities import name2codepoint

from lxml import etree

from aggregator.errors import ParseError
from aggregator.parse.document import (
    MAX_DEPTH,
    describe_non_feed,
    drop_prolog,
    find_binary_kind,
    make_xml_parser,
    strip_illegal,
)
from aggregator.parse.encoding import decode_document

_NO_URL = "opml"  # a document that an admin hands over has no address of its own


# Exporters forget to escape the ampersands of URLs, and use entities of HTML that XML does not know.
_AMPERSAND = re.compile(
    r"&(?!#[0-9]{1,7};|#x[0-9A-Fa-f]{1,6};|(?:amp|lt|gt|quot|apos);)(?:([A-Za-z]{2,8});)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlOutline:
    """One subscription. None where the outline does not say."""

    title: str | None
    xml_url: str  # as written
    html_url: str | None
    groups: tuple[str, ...]  # titles of the enclosing outlines, outermost first
    lang: str | None
    categories: tuple[str, ...] = ()  # as written: tags, or slash-delimited paths


def parse_opml(body: bytes) -> tuple[OpmlOutline, ...]:
    """All outlines with an xmlUrl, in document order; attribute names in any case, as readers write them.

    What is broken is read as far as it goes. Entities are never expanded, nothing is loaded.
    Raises ParseError where the document is no OPML.
    """
    binary = find_binary_kind(body)
    text = "" if binary else decode_document(body, content_type=None).text
    root = _parse_root(text)
    if root is None or _local_name(root) != "opml":
        raise ParseError(
            f"this is {binary or describe_non_feed(text)}, not an OPML list of feeds", url=_NO_URL
        )
    return tuple(_list_outlines(root))


def _parse_root(text: str) -> etree._Element | None:
    parser = make_xml_parser(recover=True)
    try:
        return etree.fromstring(_AMPERSAND.sub(_escape, strip_illegal(drop_prolog(text))).encode(), parser)
    except etree.XMLSyntaxError:
        return None


def _escape(found: re.Match[str]) -> str:
    name = found[1]
    return chr(name2codepoint[name]) if name in name2codepoint else "&amp;" + found[0][1:]


def _list_outlines(root: etree._Element) -> list[OpmlOutline]:
    found: list[OpmlOutline] = []
    pending: list[tuple[etree._Element, tuple[str, ...]]] = [(root, ())]
    while pending:
        element, groups = pending.pop()
        if _local_name(element) == "outline":
            outline = _read_outline(element, groups)
            if outline:
                found.append(outline)
            title = _title(_attributes(element))
            groups = (*groups, title) if title and len(groups) < MAX_DEPTH else groups
        pending.extend((child, groups) for child in reversed(element))
    return found


def _read_outline(element: etree._Element, groups: tuple[str, ...]) -> OpmlOutline | None:
    attributes = _attributes(element)
    xml_url = attributes.get("xmlurl")
    if not xml_url:
        return None
    return OpmlOutline(
        title=_title(attributes),
        xml_url=xml_url,
        html_url=attributes.get("htmlurl"),
        groups=groups,
        lang=attributes.get("language"),
        categories=tuple(filter(None, map(str.strip, attributes.get("category", "").split(",")))),
    )


def _attributes(element: etree._Element) -> dict[str, str]:
    """Names in lower case, values without white space round them, blank ones left out."""
    pairs = ((str(name).lower(), " ".join(str(value).split())) for name, value in element.attrib.items())
    return {name: value for name, value in pairs if value}


def _title(attributes: dict[str, str]) -> str | None:
    return attributes.get("title") or attributes.get("text")


def _local_name(element: etree._Element) -> str:
    tag = element.tag
    return tag[tag.rfind("}") + 1 :].lower() if isinstance(tag, str) else ""
