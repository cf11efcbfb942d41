"""RSS 2.0 and Atom 1.0 by feedgen, mended where readers or specifications want what it cannot say.

Same head and articles, same bytes: on any machine, in any time zone and locale.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from feedgen.feed import FeedGenerator

from aggregator.model import Article, FeedHead, Image
from aggregator.publish.body import (
    ATOM_TYPE,
    GENERATOR,
    JSON_TYPE,
    RSS_TYPE,
    article_link,
    as_uri,
    byline,
    find_enclosure,
    list_tags,
    media_type,
    render_body,
    strip_all,
    titled,
)
from aggregator.publish.extensions import EntryMending, FeedMending, Link, make_notice

# Some readers take these for HTML. The Best Practices Profile (Character Data) found that hexadecimal
# references in them are read rightly by most.
_PLAIN = re.compile(rb"(<(?:title|category|source)\b[^<>]*>)([^<]*)")


def render_rss(head: FeedHead, articles: Sequence[Article]) -> bytes:
    """RSS 2.0, the articles in the order given.

    Follows the RSS Advisory Board's Best Practices Profile: the description of an item is HTML to readers, so
    its plain text is escaped for HTML before it is escaped for XML; a title is plain text and escaped once.
    """
    head = strip_all(head)
    feed = _new_feed(head)
    feed.load_extension("dc", atom=False)
    feed.link(href=head.rss_url, rel="self", type=RSS_TYPE)
    feed.link(href=head.home_url, rel="alternate")  # last: feedgen makes the last one the channel's link
    feed.ttl(max(1, head.ttl // timedelta(minutes=1)))
    if head.icon_url:
        feed.image(url=head.icon_url, title=head.title, link=head.home_url)
    # feedgen's own date is the clock's, and it formats dates by switching the locale of the whole process
    # under the feet of other threads. It has no way to be told to write none, so its field is emptied.
    feed._FeedGenerator__rss_lastBuildDate = None
    feed.mending.updated_at = head.updated_at
    feed.mending.links = (
        *(_twin(url, kind) for url, kind in ((head.atom_url, ATOM_TYPE), (head.json_url, JSON_TYPE)) if url),
        *_list_hubs(head),
        *_list_archives(head),
    )
    feed.mending.notice = make_notice(head, head.rss_url)
    for article in articles:
        _add_item(feed, head, strip_all(article))
    return _PLAIN.sub(_with_hexadecimal, feed.rss_str(pretty=True))


def render_atom(head: FeedHead, articles: Sequence[Article]) -> bytes:
    """Atom 1.0 (RFC 4287), the articles in the order given, each with the feed it came from as its source.

    What `head.withdrawn` names is gone (`deleted-entry`, RFC 6721); RSS and JSON Feed cannot say so.
    Where `head.archive` has a URL the document is an archive (RFC 5005, section 4) and not the feed itself.
    """
    head = strip_all(head)
    feed = _new_feed(head)
    feed.id(head.id)
    feed.updated(_to_second(head.updated_at))
    feed.author(name=head.title)
    archived = head.archive.url if head.archive else None
    feed.link(href=archived or head.atom_url, rel="self", type=ATOM_TYPE)
    feed.link(_twin(head.home_url, "text/html"))
    if archived is None:  # the other formats have what is new, and no archives
        feed.link(_twin(head.rss_url, RSS_TYPE))
        feed.link(_twin(head.json_url, JSON_TYPE))
    feed.mending.links = (*_list_hubs(head), *_list_archives(head))
    feed.mending.withdrawn = head.withdrawn
    feed.mending.notice = make_notice(head, head.atom_url)  # of an archive too: nobody subscribes to those
    feed.mending.fixed = head.archive is not None and head.archive.fixed
    if head.icon_url:
        feed.icon(head.icon_url)
    for article in articles:
        _add_entry(feed, head, strip_all(article))
    return bytes(feed.atom_str(pretty=True))


def _with_hexadecimal(match: re.Match[bytes]) -> bytes:
    tag, text = match.groups()
    return tag + text.replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;")


def _new_feed(head: FeedHead) -> Any:
    """A feedgen feed with what both formats say; untyped, as feedgen is."""
    feed = FeedGenerator()
    # By name: feedgen.ext.media can only be imported after lxml.etree, which it uses without importing it.
    feed.load_extension("media")
    feed.register_extension("mending", FeedMending, EntryMending)
    feed.title(head.title)
    feed.subtitle(head.description or head.title)
    feed.language(head.lang)
    feed.generator(GENERATOR)
    return feed


def _add_item(feed: Any, head: FeedHead, article: Article) -> None:
    item = _new_entry(feed, head, article)
    item.link(href=article_link(head, article))
    # Always there, since feedgen without it would move the body from content:encoded to description.
    item.description(html.escape(article.excerpt or article.origin.name or article.origin.id, quote=False))
    item.content(render_body(head, article))
    item.source(url=as_uri(article.origin.feed_url), title=article.origin.name)
    # Not author: RSS wants an e-mail address there, and feedgen drops names without one.
    item.dc.dc_creator(byline(article))
    item.mending.published_at = article.published_at
    enclosure = find_enclosure(article)
    if enclosure:
        item.enclosure(as_uri(enclosure.url), enclosure.length or 0, enclosure.type)


def _add_entry(feed: Any, head: FeedHead, article: Article) -> None:
    entry = _new_entry(feed, head, article)
    entry.published(_to_second(article.published_at))
    entry.updated(_to_second(article.updated_at))
    entry.author(name=byline(article))
    if article.excerpt:
        entry.summary(article.excerpt)
    entry.content(render_body(head, article), type="html")
    entry.mending.origin = article.origin
    entry.mending.lang = article.lang if article.lang != head.lang else None
    entry.mending.links = _list_entry_links(head, article)
    if article.image:
        entry.media.thumbnail(_describe_image(article.image), group=None)


def _new_entry(feed: Any, head: FeedHead, article: Article) -> Any:
    entry = feed.add_entry(order="append")
    entry.guid(article.guid, permalink=False)
    entry.title(titled(head, article))
    entry.category([{"term": tag} for tag in list_tags(article)])
    if article.image:
        image = _describe_image(article.image) | {"medium": "image"}
        type_ = media_type(article.image.url)
        # group=None: straight into the entry, where readers look, not into a media:group.
        entry.media.content(image | ({"type": type_} if type_ else {}), group=None)
    return entry


def _list_entry_links(head: FeedHead, article: Article) -> tuple[Link, ...]:
    page: Link = {"rel": "alternate", "type": "text/html", "href": article_link(head, article)}
    enclosure = find_enclosure(article)
    if enclosure is None:
        return (page,)
    media: Link = {"rel": "enclosure", "type": enclosure.type or "", "href": as_uri(enclosure.url)}
    # Atom need not state a length (RFC 4287, 4.2.7.6), so an unknown one is not called 0 as in RSS.
    return (page, media | ({"length": str(enclosure.length)} if enclosure.length else {}))


def _list_hubs(head: FeedHead) -> tuple[Link, ...]:
    """Who pushes the feed to subscribers (WebSub, 4)."""
    return ({"rel": "hub", "href": head.hub_url},) if head.hub_url else ()


def _list_archives(head: FeedHead) -> tuple[Link, ...]:
    """Where older articles are; from an archive also where newer ones are (RFC 5005, section 4)."""
    if head.archive is None:
        return ()
    urls = {
        "current": head.atom_url if head.archive.url else None,
        "prev-archive": head.archive.previous_url,
        "next-archive": head.archive.next_url,
    }
    return tuple({"rel": rel, "type": ATOM_TYPE, "href": url} for rel, url in urls.items() if url)


def _describe_image(image: Image) -> dict[str, str]:
    size = {"width": image.width, "height": image.height}
    return {"url": as_uri(image.url)} | {name: str(value) for name, value in size.items() if value}


def _twin(url: str, type_: str) -> Link:
    return {"rel": "alternate", "type": type_, "href": url}


def _to_second(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(microsecond=0)
