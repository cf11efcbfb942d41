"""Every address of the public site, from the configuration and the store: what `publish` writes as files.

A new kind of page, feed or file is made known here: a group of `list_paths`, or an entry of DYNAMIC for what
only a running server can answer. A test compares both with the routes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import tzinfo
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple

from aggregator.catalogue import FORMATS, list_feeds, topic_path
from aggregator.config import Settings
from aggregator.model import Edition, Section
from aggregator.places import Place
from aggregator.publish.pictures import icon_path
from aggregator.publish.sitemaps import map_path, news_map_path
from aggregator.publish.templates import (
    about_path,
    day_path,
    feed_path,
    front_path,
    section_path,
    story_feed_path,
    story_path,
)
from aggregator.store import Transaction, archives, articles, days, icons, listings, timelines
from aggregator.web.pages import count_pages

Kind = Literal["page", "feed", "box", "file", "static"]

# Addresses that no file can stand for, as shell patterns, and why.
DYNAMIC: Mapping[str, str] = {
    "/*/search": "answers what its query asks",
    "/oembed": "answers for the address in its query",
    "/embed/article/*": "is given out by /oembed alone",
    "/picture/*": "is fetched from its publisher when somebody looks",
    "/admin/*": "is for the admin",
    "/websub/*": "hubs ask and push",
    "/hub": "subscribers ask",
    "/healthz": "speaks of a process",
    "/metrics": "speaks of a process",
    "/readyz": "speaks of a process",
}

STATIC = Path(__file__).parent / "static"
_BOX_ENDINGS = ("", ".json", ".html", ".fit")


class Listed(NamedTuple):
    path: str
    kind: Kind


def is_dynamic(path: str) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in DYNAMIC)


def list_paths(tx: Transaction, settings: Settings) -> Iterator[Listed]:
    """Every public address, once: the path alone, which the server answers with 200."""
    site = settings.site
    for edition in site.editions:
        sections = site.list_sections(edition.id)
        places = [Place(edition, None), *(Place(edition, section) for section in sections)]
        yield from _of_kind("page", _list_edition_pages(tx, edition, sections, site.timezone))
        yield from _of_kind("box", (f"/embed/{place.ref}{end}" for place in places for end in _BOX_ENDINGS))
    for feed in list_feeds(settings):
        yield from _of_kind("feed", (topic_path(feed, form) for form in FORMATS))
        if feed.archived:
            yield from _of_kind("feed", _list_archives(tx, feed.name, feed.archived))
    yield from _of_kind("page", ("/", "/feeds/", "/embed/"))
    yield from _of_kind("page", (f"/article/{article_id}" for article_id in articles.list_article_ids(tx)))
    yield from _of_kind("page", map(story_path, timelines.list_shared_stories(tx)))
    yield from _of_kind("file", ("/feeds.opml", "/embed/v1.js", "/robots.txt", "/sitemap.xml"))
    for edition in site.editions:
        yield from _of_kind("file", (map_path(edition), news_map_path(edition)))
    yield from _of_kind("file", map(icon_path, icons.list_icon_names(tx)))
    yield from _of_kind("static", (f"/static/{file.name}" for file in sorted(STATIC.iterdir())))


def list_former_paths(tx: Transaction, settings: Settings) -> Iterator[str]:
    """What used to be the address of something: of renamed sections, of articles gone into others."""
    site = settings.site
    for section in site.sections:
        edition = next(edition for edition in site.editions if edition.id == section.edition)
        for old_id in section.old_ids:
            renamed = replace(section, id=old_id)
            former = Place(edition, renamed)
            yield from _list_section_pages(renamed, count_pages(tx, section))
            for form in FORMATS:
                yield feed_path(edition, renamed, form)
                yield story_feed_path(edition, renamed, form)
            yield from _list_archives(tx, former.ref, section.ref)
            yield from (f"/embed/{former.ref}{end}" for end in _BOX_ENDINGS)
    yield from (f"/article/{article_id}" for article_id in listings.list_merged_ids(tx))


def _of_kind(kind: Kind, paths: Iterable[str]) -> Iterator[Listed]:
    return (Listed(path, kind) for path in paths)


def _list_edition_pages(
    tx: Transaction, edition: Edition, sections: tuple[Section, ...], zone: tzinfo
) -> Iterator[str]:
    yield front_path(edition)
    yield about_path(edition)
    for day, pages in days.list_days(tx, edition.id, zone=zone):
        yield from (day_path(edition, day, page) for page in range(1, pages + 1))
    for section in sections:
        yield from _list_section_pages(section, count_pages(tx, section))


def _list_section_pages(section: Section, pages: int) -> Iterator[str]:
    return (section_path(section, page) for page in range(1, pages + 1))


def _list_archives(tx: Transaction, name: str, section: str) -> Iterator[str]:
    return (f"/feeds/{name}/{place.name}.atom" for place in archives.list_places(tx, section))
