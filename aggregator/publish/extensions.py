"""What feedgen 1.0 cannot say, or says wrongly, said by extensions of it.

feedgen calls an extension with the element it has just made: the root before any entry is in it, then each
entry. Atom elements carry no namespace at that point, because feedgen writes `xmlns` as a plain attribute;
so names of Atom stand bare in `extend_atom` and qualified in `extend_rss`.
"""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal, TypeAlias

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from lxml import etree

from aggregator.model import FeedHead, Origin, Withdrawal
from aggregator.publish.body import as_uri

Element: TypeAlias = etree._Element
Link: TypeAlias = dict[str, str]  # attributes of atom:link

STYLESHEET = 'type="text/css" href="/static/feed.css"'

_HISTORY = "http://purl.org/syndication/history/1.0"
_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
_ATOM = "http://www.w3.org/2005/Atom"
_LIKE_MARKUP = re.compile(r"</?[A-Za-z]|&#?\w+;")
_XHTML = "http://www.w3.org/1999/xhtml"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def rfc822(when: datetime) -> str:
    """RFC 822 with a year of four digits, as RSS 2.0 asks for: `Tue, 24 Nov 2026 06:30:00 GMT`."""
    return format_datetime(when.astimezone(UTC), usegmt=True)


class FeedMending(BaseExtension):  # type: ignore[misc]  # feedgen ships no types
    """The head of a feed. Atom uses all but `updated_at`, which RSS alone needs.

    RSS uses `links` too, because feedgen drops them there unless rel is self.
    """

    def __init__(self) -> None:
        self.links: tuple[Link, ...] = ()
        self.updated_at: datetime | None = None
        self.fixed = False  # an archive that stays as it is
        self.withdrawn: tuple[Withdrawal, ...] = ()
        self.notice: Element | None = None

    def extend_ns(self) -> dict[str, str]:
        history = {"fh": _HISTORY} if self.fixed else {}
        return history | ({"at": _TOMBSTONES} if self.withdrawn else {})

    def extend_rss(self, root: Element) -> Element:
        channel = root[0]
        if self.updated_at is not None:
            etree.SubElement(channel, "lastBuildDate").text = rfc822(self.updated_at)
        for link in self.links:
            etree.SubElement(channel, f"{{{_ATOM}}}link", link)
        return _for_browsers(root, channel, self.notice)

    def extend_atom(self, root: Element) -> Element:
        for link in self.links:
            etree.SubElement(root, "link", link)
        if self.fixed:
            etree.SubElement(root, f"{{{_HISTORY}}}archive")
        for gone in self.withdrawn:
            when = gone.withdrawn_at.astimezone(UTC).isoformat(timespec="seconds")
            etree.SubElement(root, f"{{{_TOMBSTONES}}}deleted-entry", ref=gone.guid, when=when)
        return _for_browsers(root, root, self.notice)


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
        title, summary = entry.find("title"), entry.find("summary")
        if title is not None:
            _say_as(title, "html" if _LIKE_MARKUP.search(title.text or "") else "text")
        if summary is not None:  # rss2email prefers any plain text there is, and would leave out the content
            _say_as(summary, "html")
        # feedgen loses rel and type of an entry's links: its loop overwrites the link it reads from.
        for link in self.links:
            etree.SubElement(entry, "link", link)
        if self.origin:
            entry.append(_render_source(self.origin))
        return entry


def _say_as(element: Element, type_: Literal["text", "html"]) -> None:
    """Give the plain text of an Atom element as it is, or escaped as HTML.

    Some readers take all of it for HTML; what looks like markup they get right only if it is said as HTML.
    """
    element.set("type", type_)
    element.text = html.escape(element.text or "", quote=False) if type_ == "html" else element.text


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


def make_notice(head: FeedHead, url: str) -> Element | None:
    """What a browser shows above the items: a block of XHTML, which Atom and RSS let pass as foreign markup.

    The W3C validator knows it at this very place; a prefix, or the block in an item, it would warn of.
    """
    notice = head.notice
    if notice is None:
        return None
    namespaces: Any = {None: _XHTML}  # the stub knows only those with a prefix
    block = etree.Element(f"{{{_XHTML}}}div", nsmap=namespaces, lang=notice.lang, dir=notice.dir)
    _add(block, "p").text = notice.text
    _add(_add(block, "p"), "code", dir="ltr").text = as_uri(url)
    links = _add(block, "p")
    for text, target in ((notice.page, head.home_url), (notice.feeds, notice.feeds_url)):
        _add(links, "a", href=as_uri(target)).text = text
    return block


def _add(parent: Element, name: str, **attributes: str) -> Element:
    return etree.SubElement(parent, f"{{{_XHTML}}}{name}", attributes)


def _for_browsers(root: Element, feed: Element, notice: Element | None) -> Element:
    root.addprevious(etree.ProcessingInstruction("xml-stylesheet", STYLESHEET))
    if notice is not None:
        feed.append(notice)
    return root
