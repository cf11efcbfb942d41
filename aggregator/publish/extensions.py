"""What feedgen 1.0 cannot say, or says wrongly, said by extensions of it.

feedgen calls an extension with the element it has just made: the root before any entry is in it, then each
entry. Atom elements carry no namespace at that point, because feedgen writes `xmlns` as a plain attribute;
so names of Atom stand bare in `extend_atom` and qualified in `extend_rss`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TypeAlias

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from lxml import etree

from aggregator.model import Origin
from aggregator.publish.body import as_uri

Element: TypeAlias = etree._Element
Link: TypeAlias = dict[str, str]  # attributes of atom:link

STYLESHEET = 'type="text/css" href="/static/feed.css"'

_ATOM = "http://www.w3.org/2005/Atom"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def rfc822(when: datetime) -> str:
    """RFC 822 with a year of four digits, as RSS 2.0 asks for: `Tue, 24 Nov 2026 06:30:00 GMT`."""
    return format_datetime(when.astimezone(UTC), usegmt=True)


class FeedMending(BaseExtension):  # type: ignore[misc]  # feedgen ships no types
    """The head of a feed. RSS uses `updated_at` and `links`, which feedgen drops there unless rel is self."""

    def __init__(self) -> None:
        self.links: tuple[Link, ...] = ()
        self.updated_at: datetime | None = None

    def extend_rss(self, root: Element) -> Element:
        channel = root[0]
        if self.updated_at is not None:
            etree.SubElement(channel, "lastBuildDate").text = rfc822(self.updated_at)
        for link in self.links:
            etree.SubElement(channel, f"{{{_ATOM}}}link", link)
        return _with_stylesheet(root)

    def extend_atom(self, root: Element) -> Element:
        return _with_stylesheet(root)


class EntryMending(BaseEntryExtension):  # type: ignore[misc]  # feedgen ships no types
    """One entry. RSS uses `published_at`; Atom uses `links`, `origin` and `lang`."""

    def __init__(self) -> None:
        self.published_at: datetime | None = None
        self.links: tuple[Link, ...] = ()
        self.origin: Origin | None = None
        self.lang: str | None = None  # None: the feed's own

    def extend_rss(self, item: Element) -> Element:
        if self.published_at is not None:
            etree.SubElement(item, "pubDate").text = rfc822(self.published_at)
        return item

    def extend_atom(self, entry: Element) -> Element:
        if self.lang:
            entry.set(_XML_LANG, self.lang)
        for name in ("title", "summary"):
            element = entry.find(name)
            if element is not None:
                element.set("type", "text")
        # feedgen loses rel and type of an entry's links: its loop overwrites the link it reads from.
        for link in self.links:
            etree.SubElement(entry, "link", link)
        if self.origin:
            entry.append(_render_source(self.origin))
        return entry


def _render_source(origin: Origin) -> Element:
    """The feed an entry was copied from, by its id, title, links and time (RFC 4287, 4.2.11)."""
    source = etree.Element("source")
    etree.SubElement(source, "id").text = origin.feed_url
    etree.SubElement(source, "title", type="text").text = origin.name
    etree.SubElement(source, "link", rel="self", href=as_uri(origin.feed_url))
    if origin.site_url:
        etree.SubElement(source, "link", rel="alternate", type="text/html", href=as_uri(origin.site_url))
    etree.SubElement(source, "updated").text = origin.updated_at.astimezone(UTC).isoformat(timespec="seconds")
    return source


def _with_stylesheet(root: Element) -> Element:
    root.addprevious(etree.ProcessingInstruction("xml-stylesheet", STYLESHEET))
    return root
