"""What RFC 4287 says beside its grammar, and the rules of the W3C feed validator that need no network.

Not among them: the validator warns of two entries with the same `updated`. Sources that date by the day have
such, and it would be a lie to part them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any

from tests.publish.judge_values import (
    complain_of_count,
    complain_of_html,
    complain_of_language,
    complain_of_media_type,
    complain_of_plain_text,
    complain_of_repeats,
    complain_of_rfc3339,
    complain_of_tag_uri,
    complain_of_text,
    complain_of_web_uri,
)
from tests.publish.rss_rules import ATOM, HISTORY, MEDIA, TOMBSTONE, complain_of_media

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_TYPES_OF_SELF = frozenset({"application/atom+xml"})
_OF_ARCHIVES = frozenset({"current", "next-archive", "prev-archive"})
_OF_FEEDS = frozenset({"current", "first", "last", "next", "previous", "next-archive", "prev-archive"})
_REGISTERED = _OF_FEEDS | {"self", "alternate", "enclosure", "related", "via", "hub"}


def complain_of_atom(root: Any, *, url: str, now: datetime) -> Iterator[str]:
    """`root` is the parsed document, `url` where it was found, `now` the latest that it may speak of."""
    if root.tag != ATOM + "feed":
        yield "no atom:feed"
        return
    entries = root.findall(ATOM + "entry")
    yield from _complain_of_head(root, url, now)
    yield from _complain_of_history(root, url)
    yield from _complain_of_withdrawn(root, now)
    for entry in entries:
        where = entry.findtext(ATOM + "id")
        yield from (f"entry {where}: {complaint}" for complaint in _complain_of_entry(entry, root, now))
    yield from complain_of_repeats([entry.findtext(ATOM + "id", "") for entry in entries], "atom:id")
    latest = max((entry.findtext(ATOM + "updated", "") for entry in entries), default="")
    if latest > root.findtext(ATOM + "updated", ""):
        yield f"an entry was updated at {latest}, after the feed"


def _complain_of_head(feed: Any, url: str, now: datetime) -> Iterator[str]:
    yield from complain_of_tag_uri(feed.findtext(ATOM + "id", ""))
    yield from complain_of_language(feed.get(_LANG, ""))
    yield from complain_of_rfc3339(feed.findtext(ATOM + "updated", ""), now)
    yield from _complain_of_texts(feed, ("title", "subtitle"))
    for generator in feed.findall(ATOM + "generator"):
        yield from complain_of_text(generator.text or "")
    for icon in feed.findall(ATOM + "icon"):
        yield from complain_of_web_uri(icon.text or "")
    yield from _complain_of_links(feed)
    selves = [link for link in feed.findall(ATOM + "link") if link.get("rel") == "self"]
    if [link.get("href") for link in selves] != [url]:
        yield f"self is not {url}"
    if any(link.get("type") not in _TYPES_OF_SELF for link in selves):
        yield "self is no Atom"


def _complain_of_history(feed: Any, url: str) -> Iterator[str]:
    """RFC 5005: what a feed and its archives say of each other."""
    found: dict[str, list[str]] = {}
    for link in feed.findall(ATOM + "link"):
        if link.get("rel") in _OF_ARCHIVES:
            found.setdefault(link.get("rel"), []).append(link.get("href", ""))
    yield from (f"rel={rel} twice" for rel, urls in found.items() if len(urls) > 1)
    yield from (f"rel={rel} is the document itself" for rel, urls in found.items() if url in urls)
    marks = [mark.tag for name in ("archive", "complete") for mark in feed.iter(HISTORY + name)]
    if len(marks) > 1:
        yield "fh:archive or fh:complete twice, or both"
    if any(mark.getparent() is not feed or len(mark) or mark.text for mark in feed.iter(HISTORY + "archive")):
        yield "fh:archive is not empty, or not of the feed"
    if (HISTORY + "archive" in marks or "next-archive" in found) and "current" not in found:
        yield "an archive that does not say of which feed (section 4)"
    if HISTORY + "complete" in marks and found:
        yield "a complete feed with archives (section 2)"


def _complain_of_withdrawn(feed: Any, now: datetime) -> Iterator[str]:
    """RFC 6721: when what is gone went, and that it is not there."""
    present = {entry.findtext(ATOM + "id") for entry in feed.findall(ATOM + "entry")}
    gone = list(feed.iter(TOMBSTONE))
    for tombstone in gone:
        if tombstone.getparent() is not feed:
            yield "a deleted-entry that stands in an entry"
        yield from complain_of_tag_uri(tombstone.get("ref", ""))
        yield from complain_of_rfc3339(tombstone.get("when", ""), now)
        if tombstone.get("ref") in present:
            yield f"{tombstone.get('ref')} is there, and is said to be gone"
    yield from complain_of_repeats([tombstone.get("ref", "") for tombstone in gone], "deleted-entry")


def _complain_of_entry(entry: Any, feed: Any, now: datetime) -> Iterator[str]:
    yield from complain_of_tag_uri(entry.findtext(ATOM + "id", ""))
    yield from _complain_of_texts(entry, ("title", "summary"))
    for date in ("published", "updated"):
        yield from complain_of_rfc3339(entry.findtext(ATOM + date, ""), now)
    if entry.get(_LANG) is not None:
        yield from complain_of_language(entry.get(_LANG))
    content = entry.find(ATOM + "content")
    if content is None or content.get("type") != "html":
        yield "no content of type html"
    else:
        yield from complain_of_html(content.text or "")
    if not feed.findall(ATOM + "author") and not entry.findall(ATOM + "author"):
        yield "no author"
    for name in entry.iterfind(f"{ATOM}author/{ATOM}name"):
        yield from complain_of_text(name.text or "")
    for category in entry.findall(ATOM + "category"):
        yield from complain_of_text(category.get("term", ""))
    yield from _complain_of_links(entry)
    relations = [link.get("rel", "alternate") for link in entry.findall(ATOM + "link")]
    yield from (f"rel={rel} in an entry" for rel in sorted(_OF_FEEDS.intersection(relations)))
    if "alternate" not in relations:
        yield "no link to the page"
    yield from _complain_of_source(entry, now)
    for media in chain(entry.findall(MEDIA + "content"), entry.findall(MEDIA + "thumbnail")):
        yield from complain_of_media(media)


def _complain_of_source(entry: Any, now: datetime) -> Iterator[str]:
    for source in entry.findall(ATOM + "source"):
        for name in ("id", "title", "updated"):
            if source.find(ATOM + name) is None:
                yield f"a source without {name}"
        yield from complain_of_rfc3339(source.findtext(ATOM + "updated", ""), now)
        yield from _complain_of_texts(source, ("title",))
        yield from _complain_of_links(source)
        if not any(link.get("rel") == "self" for link in source.findall(ATOM + "link")):
            yield "a source without a link to itself"


def _complain_of_texts(parent: Any, names: tuple[str, ...]) -> Iterator[str]:
    for element in chain.from_iterable(parent.findall(ATOM + name) for name in names):
        if element.get("type", "text") == "html":
            yield from complain_of_html(element.text or "")
        else:
            yield from complain_of_plain_text(element.text or "")


def _complain_of_links(parent: Any) -> Iterator[str]:
    links = parent.findall(ATOM + "link")
    for link in links:
        yield from complain_of_web_uri(link.get("href", ""))
        if link.get("rel", "alternate") not in _REGISTERED:
            yield f"rel={link.get('rel')} is not registered"
        if link.get("type") is not None:
            yield from complain_of_media_type(link.get("type"))
        if link.get("length") is not None:
            yield from complain_of_count(link.get("length"))
    kinds = [f"{link.get('rel')} {link.get('type')} {link.get('hreflang')}" for link in links]
    yield from complain_of_repeats([kind for kind in kinds if not kind.startswith("hub")], "link")
