"""Feed documents of every format the aggregator reads, and filler items for load checks."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from importlib import resources
from random import Random
from typing import Any, Literal, get_args

from aggregator.dates import format_rfc3339

Format = Literal["rss20", "rss091", "rss092", "rss10", "atom10", "atom03", "json10", "json11"]
FORMATS: tuple[Format, ...] = get_args(Format)

ATOM = "http://www.w3.org/2005/Atom"
ATOM_03 = "http://purl.org/atom/ns#"
CONTENT = "http://purl.org/rss/1.0/modules/content/"
DC = "http://purl.org/dc/elements/1.1/"
MEDIA = "http://search.yahoo.com/mrss/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RSS_10 = "http://purl.org/rss/1.0/"
XHTML = "http://www.w3.org/1999/xhtml"

# What XML 1.0 (section 2.2) admits in no form, not even as a character reference.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoEnclosure:
    url: str
    type: str
    length: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoItem:
    """One item; `title` and `summary` are plain text, `html` is well-formed so that XHTML can hold it."""

    guid: str
    url: str
    title: str
    summary: str
    html: str
    published_at: datetime
    updated_at: datetime
    author: str | None = None
    categories: tuple[str, ...] = ()
    image_url: str | None = None
    enclosure: DemoEnclosure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoFeed:
    title: str
    link: str  # the site
    lang: str  # BCP 47
    items: tuple[DemoItem, ...]  # as they are to stand in the document
    description: str = ""
    ttl: timedelta | None = None  # RSS 2.0 only
    xhtml: bool = False  # Atom 1.0 only: content as XHTML instead of escaped HTML


@cache
def load_texts() -> dict[str, Any]:
    """The texts of the demo, as texts.toml has them; nobody may change what it returns."""
    return tomllib.loads(resources.files("aggregator.demo").joinpath("texts.toml").read_text("utf-8"))


def render_document(format: Format, feed: DemoFeed, *, encoding: str = "utf-8") -> bytes:
    """Write a feed in one of the formats.

    XML declares `encoding` and holds what it lacks as character references; JSON is UTF-8 always (RFC 8259,
    8.1). Characters that XML cannot hold are left out. RSS 0.91 and 0.92 say no dates and no identities, and
    0.91 gives the summary alone: so do their specifications.
    """
    if format in ("json10", "json11"):
        return _render_json(feed, format).encode()
    body = _RENDERERS[format](feed)
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{body}\n'.encode(encoding, "xmlcharrefreplace")


# --- RSS ------------------------------------------------------------------------------------------


def _render_rss20(feed: DemoFeed) -> str:
    head = [*_list_channel_parts(feed)]
    if feed.ttl is not None:
        head.append(_element("ttl", str(int(feed.ttl.total_seconds() // 60))))
    names = f'xmlns:content="{CONTENT}" xmlns:dc="{DC}" xmlns:media="{MEDIA}"'
    return _join(
        f'<rss version="2.0" {names}>',
        "<channel>",
        *head,
        *map(_render_rss20_item, feed.items),
        "</channel>",
        "</rss>",
    )


def _render_rss20_item(item: DemoItem) -> str:
    is_link = "true" if item.guid == item.url else "false"
    return _join(
        "<item>",
        _element("title", item.title),
        _element("link", item.url),
        _element("guid", item.guid, {"isPermaLink": is_link}),
        _element("pubDate", _render_rfc822(item.published_at)),
        _element("dc:creator", item.author),
        *(_element("category", name) for name in item.categories),
        _element("description", item.summary),
        f"<content:encoded>{_cdata(item.html)}</content:encoded>",
        _enclosure_element(item),
        _media_element(item),
        "</item>",
    )


def _render_rss091(feed: DemoFeed) -> str:
    items = (_join("<item>", *_list_old_parts(item, item.summary), "</item>") for item in feed.items)
    return _join(
        '<rss version="0.91">', "<channel>", *_list_channel_parts(feed), *items, "</channel>", "</rss>"
    )


def _render_rss092(feed: DemoFeed) -> str:
    items = (
        _join(
            "<item>",
            *_list_old_parts(item, item.html),
            *(_element("category", name) for name in item.categories),
            _enclosure_element(item),
            "</item>",
        )
        for item in feed.items
    )
    return _join(
        '<rss version="0.92">', "<channel>", *_list_channel_parts(feed), *items, "</channel>", "</rss>"
    )


def _list_old_parts(item: DemoItem, description: str) -> tuple[str, ...]:
    return (
        _element("title", item.title),
        _element("link", item.url),
        _element("description", description),
    )


def _list_channel_parts(feed: DemoFeed) -> tuple[str, ...]:
    return (
        _element("title", feed.title),
        _element("link", feed.link),
        _element("description", feed.description or feed.title),
        _element("language", feed.lang),
    )


def _render_rss10(feed: DemoFeed) -> str:
    names = (
        f'xmlns="{RSS_10}" xmlns:rdf="{RDF}" xmlns:dc="{DC}" xmlns:content="{CONTENT}" xmlns:media="{MEDIA}"'
    )
    order = (_element("rdf:li", "", {"rdf:resource": item.guid}) for item in feed.items)
    return _join(
        f"<rdf:RDF {names}>",
        f'<channel rdf:about="{_escape(feed.link)}">',
        _element("title", feed.title),
        _element("link", feed.link),
        _element("description", feed.description or feed.title),
        _element("dc:language", feed.lang),
        "<items><rdf:Seq>",
        *order,
        "</rdf:Seq></items>",
        "</channel>",
        *map(_render_rss10_item, feed.items),
        "</rdf:RDF>",
    )


def _render_rss10_item(item: DemoItem) -> str:
    return _join(
        f'<item rdf:about="{_escape(item.guid)}">',
        _element("title", item.title),
        _element("link", item.url),
        _element("description", item.summary),
        _element("dc:creator", item.author),
        _element("dc:date", format_rfc3339(item.published_at)),
        *(_element("dc:subject", name) for name in item.categories),
        f"<content:encoded>{_cdata(item.html)}</content:encoded>",
        _media_element(item),
        "</item>",
    )


# --- Atom -----------------------------------------------------------------------------------------


def _render_atom10(feed: DemoFeed) -> str:
    return _join(
        f'<feed xmlns="{ATOM}" xmlns:media="{MEDIA}" xml:lang="{_escape(feed.lang)}">',
        _element("id", feed.link),
        _element("title", feed.title),
        _element("subtitle", feed.description),
        _element("link", "", {"rel": "alternate", "type": "text/html", "href": feed.link}),
        _join("<author>", _element("name", feed.title), "</author>"),
        _element("updated", format_rfc3339(_find_last_change(feed))),
        *(_render_atom10_entry(item, xhtml=feed.xhtml) for item in feed.items),
        "</feed>",
    )


def _render_atom10_entry(item: DemoItem, *, xhtml: bool) -> str:
    if xhtml:
        content = f'<content type="xhtml"><div xmlns="{XHTML}">{_NOT_XML.sub("", item.html)}</div></content>'
    else:
        content = _element("content", item.html, {"type": "html"})
    return _join(
        "<entry>",
        _element("id", item.guid),
        _element("title", item.title, {"type": "text"}),
        _element("link", "", {"rel": "alternate", "type": "text/html", "href": item.url}),
        _enclosure_element(item, name="link", url="href", extra={"rel": "enclosure"}),
        _element("published", format_rfc3339(item.published_at)),
        _element("updated", format_rfc3339(item.updated_at)),
        _join("<author>", _element("name", item.author), "</author>") if item.author else "",
        *(_element("category", "", {"term": name}) for name in item.categories),
        _element("summary", item.summary, {"type": "text"}),
        content,
        _media_element(item),
        "</entry>",
    )


def _render_atom03(feed: DemoFeed) -> str:
    return _join(
        f'<feed version="0.3" xmlns="{ATOM_03}" xmlns:dc="{DC}" xml:lang="{_escape(feed.lang)}">',
        _element("title", feed.title),
        _element("tagline", feed.description),
        _element("link", "", {"rel": "alternate", "type": "text/html", "href": feed.link}),
        _element("modified", format_rfc3339(_find_last_change(feed))),
        *map(_render_atom03_entry, feed.items),
        "</feed>",
    )


def _render_atom03_entry(item: DemoItem) -> str:
    return _join(
        "<entry>",
        _element("title", item.title),
        _element("link", "", {"rel": "alternate", "type": "text/html", "href": item.url}),
        _element("id", item.guid),
        _element("issued", format_rfc3339(item.published_at)),
        _element("modified", format_rfc3339(item.updated_at)),
        _join("<author>", _element("name", item.author), "</author>") if item.author else "",
        *(_element("dc:subject", name) for name in item.categories),
        _element("summary", item.summary, {"type": "text/plain", "mode": "escaped"}),
        _element("content", item.html, {"type": "text/html", "mode": "escaped"}),
        "</entry>",
    )


_RENDERERS: dict[Format, Callable[[DemoFeed], str]] = {
    "rss20": _render_rss20,
    "rss091": _render_rss091,
    "rss092": _render_rss092,
    "rss10": _render_rss10,
    "atom10": _render_atom10,
    "atom03": _render_atom03,
}


# --- JSON Feed ------------------------------------------------------------------------------------


def _render_json(feed: DemoFeed, format: Format) -> str:
    newer = format == "json11"
    document: dict[str, object] = {
        "version": f"https://jsonfeed.org/version/{'1.1' if newer else '1'}",
        "title": feed.title,
        "home_page_url": feed.link,
        "description": feed.description or None,
        "language": feed.lang if newer else None,
        "items": [_make_json_item(item, newer=newer) for item in feed.items],
    }
    return json.dumps(_drop_none(document), ensure_ascii=False, indent=1)


def _make_json_item(item: DemoItem, *, newer: bool) -> dict[str, object]:
    author = {"name": item.author} if item.author else None
    attachment = item.enclosure and {
        "url": item.enclosure.url,
        "mime_type": item.enclosure.type,
        "size_in_bytes": item.enclosure.length,
    }
    return _drop_none(
        {
            "id": item.guid,
            "url": item.url,
            "title": item.title,
            "summary": item.summary,
            "content_html": item.html,
            "date_published": format_rfc3339(item.published_at),
            "date_modified": format_rfc3339(item.updated_at),
            "author": None if newer else author,
            "authors": [author] if newer and author else None,
            "tags": list(item.categories) or None,
            "image": item.image_url,
            "attachments": [attachment] if attachment else None,
        }
    )


def _drop_none(members: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


# --- pieces ---------------------------------------------------------------------------------------


def _element(name: str, text: str | None, attributes: Mapping[str, str] | None = None) -> str:
    """An element; nothing at all where `text` is None."""
    if text is None:
        return ""
    written = "".join(f' {key}="{_escape(value)}"' for key, value in (attributes or {}).items())
    return f"<{name}{written}>{_escape(text)}</{name}>" if text else f"<{name}{written}/>"


def _escape(text: str) -> str:
    clean = _NOT_XML.sub("", text)
    for char, reference in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("\r", "&#13;")):
        clean = clean.replace(char, reference)
    return clean


def _cdata(html: str) -> str:
    """HTML as most RSS writers put it. A character reference in it means the same to HTML as to XML."""
    return f"<![CDATA[{_NOT_XML.sub('', html).replace(']]>', ']]]]><![CDATA[>')}]]>"


def _enclosure_element(
    item: DemoItem, *, name: str = "enclosure", url: str = "url", extra: Mapping[str, str] | None = None
) -> str:
    if item.enclosure is None:
        return ""
    known = {url: item.enclosure.url, "length": str(item.enclosure.length), "type": item.enclosure.type}
    return _element(name, "", {**(extra or {}), **known})


def _media_element(item: DemoItem) -> str:
    return _element("media:content", "", {"url": item.image_url, "medium": "image"}) if item.image_url else ""


def _join(*parts: str) -> str:
    return "\n".join(part for part in parts if part)


def _find_last_change(feed: DemoFeed) -> datetime:
    return max((item.updated_at for item in feed.items), default=datetime(2000, 1, 1, tzinfo=UTC))


def _render_rfc822(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC), usegmt=True)


# --- filler ---------------------------------------------------------------------------------------

_FILLER_FROM = datetime(2026, 1, 1, tzinfo=UTC)
_PHRASES_KEPT = 6


def make_items(count: int, size_bytes: int, *, seed: int, lang: Literal["ar", "en"]) -> list[DemoItem]:
    """Make `count` items of grammatical nonsense, newest first, the same ones for the same arguments.

    The text of each is at least `size_bytes` of UTF-8 and at most a paragraph more. No two items, of whatever
    seed, share a URL or an identity; two would share a text only by an accident nobody will live to see.
    """
    return [_make_filler(number, size_bytes, seed=seed, lang=lang) for number in range(count, 0, -1)]


def _make_filler(number: int, size_bytes: int, *, seed: int, lang: Literal["ar", "en"]) -> DemoItem:
    dice = Random(f"{lang}/{seed}/{number}")  # noqa: S311 - filler is no secret
    # An item keeps to a few of the phrases, so that near-duplicate detection has no reason to confuse two.
    slots = [dice.sample(phrases, _PHRASES_KEPT) for phrases in load_texts()["filler"][lang]]

    def make_sentence(end: str = ".") -> str:
        sentence = " ".join(dice.choice(slot) for slot in slots)
        return sentence[0].upper() + sentence[1:] + end

    paragraphs: list[str] = []
    size = 0
    while size < size_bytes:
        paragraph = f"<p>{' '.join(make_sentence() for _ in range(5))}</p>"
        paragraphs.append(paragraph)
        size += len(paragraph.encode())
    url = f"https://filler.example/{lang}/{seed}/{number}"
    published_at = _FILLER_FROM + timedelta(minutes=number, seconds=seed % 60)
    return DemoItem(
        guid=url,
        url=url,
        title=f"{make_sentence('')} ({seed}-{number})",
        summary=make_sentence(),
        html="\n".join(paragraphs),
        author=slots[0 if lang == "en" else 1][0],
        categories=(f"filler-{number % 5}",),
        published_at=published_at,
        updated_at=published_at,
    )
