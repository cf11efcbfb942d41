"""OPML 2.0 subscription lists: of the feeds we publish, and of the sources we read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from aggregator.publish.body import as_uri, strip_all


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlOutline:
    """One feed to subscribe to."""

    title: str
    xml_url: str
    html_url: str | None = None
    type: str = "rss"  # readers take it for any format of feed
    lang: str | None = None  # BCP 47
    category: str | None = None  # slash-delimited, as in /ar/sports


@dataclass(frozen=True, slots=True, kw_only=True)
class OpmlGroup:
    """A folder: of feeds, of folders, or of both, such as an edition with its sections."""

    title: str
    outlines: tuple[OpmlOutline | OpmlGroup, ...]


def render_opml(*, title: str, groups: Sequence[OpmlGroup]) -> bytes:
    """OPML 2.0 with the groups as folders, in the order given. It bears no date: same groups, same bytes."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = strip_all(title)
    body = etree.SubElement(root, "body")
    for group in groups:
        _add(body, strip_all(group))
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _add(parent: etree._Element, node: OpmlOutline | OpmlGroup) -> None:
    # Some readers show text, some title; the specification demands text.
    outline = etree.SubElement(parent, "outline", text=node.title, title=node.title)
    if isinstance(node, OpmlGroup):
        for child in node.outlines:
            _add(outline, child)
        return
    outline.set("type", node.type)
    outline.set("xmlUrl", as_uri(node.xml_url))
    if node.html_url:
        outline.set("htmlUrl", as_uri(node.html_url))
    if node.lang:
        outline.set("language", node.lang)
    if node.category:
        outline.set("category", node.category)
