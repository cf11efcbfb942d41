"""The rules of RSS 2.0, of its Best Practices Profile and of the W3C feed validator that need no network.

Not among them: the validator takes `controls` of a player for a risk, but no browser shows one without; and
it takes any end tag in a title for HTML, also where the title speaks of that tag and says so as the Profile
asks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.publish.judge_values import (
    complain_of_count,
    complain_of_html,
    complain_of_language,
    complain_of_media_type,
    complain_of_plain_text,
    complain_of_repeats,
    complain_of_rfc822,
    complain_of_tag_uri,
    complain_of_text,
    complain_of_web_uri,
)

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
DC = "{http://purl.org/dc/elements/1.1/}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
MEDIA = "{http://search.yahoo.com/mrss/}"
XHTML = "{http://www.w3.org/1999/xhtml}"
TOMBSTONE = "{http://purl.org/atompub/tombstones/1.0}deleted-entry"

_CHANNEL = frozenset(
    "title link description docs generator image language ttl lastBuildDate category item".split()
)
_ITEM = frozenset("title link description guid category enclosure source pubDate".split())
# What stands for an element of RSS 2.0 in another namespace gives readers two answers to one question.
_TWICE_SAID = frozenset(
    DC + name for name in ("title", "date", "subject", "source", "language", "identifier")
)
_EXTENSIONS = frozenset({ATOM + "link", CONTENT + "encoded", DC + "creator", MEDIA + "content", TOMBSTONE})
_SEVERAL = frozenset({"category", "item", ATOM + "link", TOMBSTONE})
# What the validator knows in a channel alone: it warns of XHTML in any other place but a content.
_OF_CHANNELS = frozenset({HISTORY + "archive", HISTORY + "complete", XHTML + "div"})
_RAW_PLAIN = re.compile(rb"<(title|category|source)\b[^>]*>([^<]*)</")
# Text that a reader who decodes twice would take for markup: the Profile wants &#x26; and &#x3C; for it.
_TAKEN_FOR_MARKUP = re.compile(rb"&lt;[/A-Za-z]|&amp;(?:#\w+|\w+);")
_MEDIUMS = frozenset({"image", "audio", "video", "document", "executable"})


def complain_of_rss(root: Any, document: bytes, *, url: str, now: datetime) -> Iterator[str]:
    """`root` is the parsed document, `url` where it was found, `now` the latest that it may speak of."""
    if root.tag != "rss" or root.get("version") != "2.0" or [child.tag for child in root] != ["channel"]:
        yield "no <rss version=2.0> with one <channel>"
        return
    channel = root[0]
    yield from _complain_of_channel(channel, url, now)
    for item in channel.findall("item"):
        where = item.findtext("guid")
        yield from (f"item {where}: {complaint}" for complaint in _complain_of_item(item, now))
    yield from complain_of_repeats([item.findtext("guid") or "" for item in channel.findall("item")], "guid")
    for name, text in _RAW_PLAIN.findall(document):
        if _TAKEN_FOR_MARKUP.search(text):
            yield f"<{name.decode()}> without hexadecimal references: {text[:80].decode()}"


def _complain_of_channel(channel: Any, url: str, now: datetime) -> Iterator[str]:
    tags = [child.tag for child in channel]
    yield from _complain_of_children(channel, _CHANNEL)
    yield from (f"no <{name}>" for name in ("title", "link", "description", "language") if name not in tags)
    if "item" in tags and any(tag != "item" for tag in tags[tags.index("item") :]):
        yield "something of the channel stands behind an item"
    yield from complain_of_plain_text(channel.findtext("title", ""))
    yield from complain_of_plain_text(channel.findtext("description", ""))
    yield from complain_of_web_uri(channel.findtext("link", ""))
    yield from complain_of_language(channel.findtext("language", ""))
    if "ttl" in tags:
        yield from complain_of_count(channel.findtext("ttl"), least=1)
    if "lastBuildDate" in tags:
        yield from complain_of_rfc822(channel.findtext("lastBuildDate"), now)
    yield from _complain_of_links(channel.findall(ATOM + "link"), url)
    for image in channel.findall("image"):
        yield from complain_of_web_uri(image.findtext("url", ""))
        if any(image.findtext(name) != channel.findtext(name) for name in ("title", "link")):
            yield "the image has another title or link than the channel"


def _complain_of_links(links: list[Any], url: str) -> Iterator[str]:
    if not links or links[0].get("rel") != "self":
        yield "atom:link rel=self is missing or not the first"
    for link in links:
        yield from complain_of_web_uri(link.get("href", ""))
        if link.get("rel") == "self" and link.get("href") != url:
            yield f"self is {link.get('href')} and not {url}"
        if link.get("type") is not None:
            yield from complain_of_media_type(link.get("type"))
    kinds = [f"{link.get('rel')} {link.get('type')} {link.get('hreflang')}" for link in links]
    yield from complain_of_repeats([kind for kind in kinds if not kind.startswith("hub")], "atom:link")


def _complain_of_children(parent: Any, known: frozenset[str]) -> Iterator[str]:
    counts = Counter(str(child.tag) for child in parent)
    unknown = counts.keys() - known - _EXTENSIONS - (_OF_CHANNELS if parent.tag == "channel" else frozenset())
    yield from (f"<{name}> in <{parent.tag}>" for name in sorted(unknown))
    yield from (f"<{name}> twice" for name in sorted(counts.keys() - _SEVERAL) if counts[name] > 1)


def _complain_of_item(item: Any, now: datetime) -> Iterator[str]:
    tags = [child.tag for child in item]
    yield from _complain_of_children(item, _ITEM)
    needed = ["title", "link", "description", "guid", "pubDate", DC + "creator", CONTENT + "encoded"]
    yield from (f"no <{name}>" for name in needed if name not in tags)
    yield from (f"{name} beside RSS's own" for name in sorted(_TWICE_SAID.intersection(tags)))
    if CONTENT + "encoded" in tags and "description" not in tags[: tags.index(CONTENT + "encoded")]:
        yield "content:encoded stands before the description"
    yield from complain_of_text(item.findtext("title", ""))
    yield from complain_of_web_uri(item.findtext("link", ""))
    yield from complain_of_html(item.findtext("description", ""))
    yield from complain_of_html(item.findtext(CONTENT + "encoded", ""))
    yield from complain_of_text(item.findtext(DC + "creator", ""))
    yield from complain_of_rfc822(item.findtext("pubDate", ""), now)
    for category in item.findall("category"):
        yield from complain_of_text(category.text or "")
    for guid in item.findall("guid"):
        if guid.get("isPermaLink") != "false":
            yield "the guid is taken for a link"
        yield from complain_of_tag_uri(guid.text or "")
    for source in item.findall("source"):
        yield from complain_of_web_uri(source.get("url", ""))
        yield from complain_of_text(source.text or "")
    for enclosure in item.findall("enclosure"):
        yield from complain_of_web_uri(enclosure.get("url", ""))
        yield from complain_of_count(enclosure.get("length", ""))
        yield from complain_of_media_type(enclosure.get("type", ""))
    for media in item.findall(MEDIA + "content"):
        yield from complain_of_media(media)


def complain_of_media(media: Any) -> Iterator[str]:
    """media:content and media:thumbnail, in any format."""
    yield from complain_of_web_uri(media.get("url", ""))
    for side in ("width", "height"):
        if media.get(side) is not None:
            yield from complain_of_count(media.get(side), least=1)
    if media.get("type") is not None:
        yield from complain_of_media_type(media.get("type"))
    if media.get("medium") not in {None, *_MEDIUMS}:
        yield f"no medium: {media.get('medium')!r}"
