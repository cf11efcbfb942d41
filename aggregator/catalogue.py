"""The feeds that we publish: which there are, and what each holds at present.

The web answers with them and the hub hands them on, so that both have the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from aggregator.config import Settings
from aggregator.listing import list_mixed, list_told, list_top
from aggregator.model import Archive, Article, Edition, FeedHead, Notice, Site, Source
from aggregator.places import Place, updated_at
from aggregator.publish.feeds import render_atom, render_rss
from aggregator.publish.jsonfeed import render_json
from aggregator.publish.mixing import FEED_ITEMS
from aggregator.publish.templates import find_locale, front_path, load_translations
from aggregator.store import Transaction, archives, articles, listings

TOP = "top"
MAX_AGE = 300  # seconds

Render = Callable[[FeedHead, Sequence[Article]], bytes]
Say = Callable[[str], str]  # our words in the language of an edition


class Format(NamedTuple):
    render: Render
    content_type: str


# Browsers show application/xml with our stylesheet and offer application/rss+xml for download.
FORMATS: dict[str, Format] = {
    "rss": Format(render_rss, "application/xml; charset=utf-8"),
    "atom": Format(render_atom, "application/xml; charset=utf-8"),
    "json": Format(render_json, "application/feed+json; charset=utf-8"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """What a feed is of: told apart by name, title and pages; the format is another matter."""

    name: str  # as in /feeds/{name}.rss, and permanent as the feed's id
    title: str
    lang: str
    edition: Edition
    home_path: str
    list_articles: Callable[[Transaction], Sequence[Article]]
    archived: str | None = None  # the section whose articles its archives have; None: it has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What every format of a feed is rendered from."""

    head: FeedHead
    articles: Sequence[Article]

    @property
    def digest(self) -> bytes:
        """Moves whenever one of its documents does."""
        return blake2b(repr(self).encode("utf-8", "surrogatepass"), digest_size=16).digest()


class Topic(NamedTuple):
    """A document that a hub can be asked for."""

    feed: Feed
    form: str  # one of FORMATS


def list_feeds(settings: Settings) -> tuple[Feed, ...]:
    """Every feed there is but the archives, in the order of the configuration."""
    site = settings.site
    by_edition = [feed for edition in site.editions for feed in _list_edition_feeds(site, edition)]
    sources = [_make_source_feed(site, source) for source in settings.sources]
    return (*by_edition, *sources)


def list_topics(settings: Settings) -> dict[str, Topic]:
    """Every document of every feed, by its address."""
    return {
        topic_url(settings.site, feed, form): Topic(feed, form)
        for feed in list_feeds(settings)
        for form in FORMATS
    }


def topic_url(site: Site, feed: Feed, form: str) -> str:
    return site.url + topic_path(feed, form)


def topic_path(feed: Feed, form: str) -> str:
    return f"/feeds/{feed.name}.{form}"


def read_feed(tx: Transaction, settings: Settings, feed: Feed) -> Content:
    """The feed as the store has it now."""
    found = feed.list_articles(tx)
    head = make_head(settings.site, feed, articles.get_tag_prefix(tx), updated_at(tx, found))
    head = replace(head, hub_url=settings.websub_hub)
    if feed.archived:
        head = _add_history(tx, settings.site, feed.archived, head, found)
    return Content(head=head, articles=found)


def make_head(site: Site, feed: Feed, tag_prefix: str, changed_at: datetime) -> FeedHead:
    """What a document of the feed says of itself that does not depend on what it lists."""
    return FeedHead(
        id=f"{tag_prefix}feed/{feed.name}",
        title=feed.title,
        description=feed.title,
        lang=feed.lang,
        dir=feed.edition.dir,
        home_url=site.url + feed.home_path,
        article_root=f"{site.url}/article/",
        rss_url=topic_url(site, feed, "rss"),
        atom_url=topic_url(site, feed, "atom"),
        json_url=topic_url(site, feed, "json"),
        ttl=timedelta(seconds=MAX_AGE),
        icon_url=None,
        updated_at=changed_at,
        source_in_title=site.source_in_title,
        notice=_make_notice(site, feed.edition),
    )


def find_archive_url(site: Site, section: str, place: archives.Place | None) -> str | None:
    return f"{site.url}/feeds/{section}/{place.name}.atom" if place else None


def story_feed_name(place: Place) -> str:
    return f"{place.edition.id}/stories/{place.ref.partition('/')[2]}"


def _make_notice(site: Site, edition: Edition) -> Notice:
    say = load_translations(find_locale(edition.locale)).gettext
    return Notice(
        lang=edition.locale,
        dir=edition.dir,
        text=say(
            "This is a feed: a feed reader fetches it regularly and shows what is new. "
            "To subscribe, copy this address into your reader:"
        ),
        page=say("To the page of this feed"),
        feeds=say("All feeds"),
        feeds_url=f"{site.url}/feeds/",
    )


def _add_history(
    tx: Transaction, site: Site, section: str, head: FeedHead, found: Sequence[Article]
) -> FeedHead:
    """Where its older articles are, and which are gone."""
    last = archives.find_last(tx, section, known=found) if found else None
    withdrawn = listings.list_withdrawn(tx, section, limit=FEED_ITEMS)
    return replace(
        head,
        archive=Archive(url=None, previous_url=find_archive_url(site, section, last)),
        withdrawn=withdrawn,
        updated_at=max([head.updated_at, *(gone.withdrawn_at for gone in withdrawn)]),
    )


# --- the feeds ------------------------------------------------------------------------------------


def _list_edition_feeds(site: Site, edition: Edition) -> Iterator[Feed]:
    say = load_translations(find_locale(edition.locale)).gettext
    places = [Place(edition, section) for section in (None, *site.list_sections(edition.id))]
    yield from (_make_section_feed(site, place) for place in places)
    yield _make_top_feed(site, edition, say)
    yield from (_make_story_feed(site, place, say) for place in places)


def _make_section_feed(site: Site, place: Place) -> Feed:
    return Feed(
        name=place.ref,
        title=f"{place.section.name} - {site.title}" if place.section else site.title,
        lang=place.edition.locale,
        edition=place.edition,
        home_path=place.home_path,
        list_articles=lambda tx: list_mixed(tx, place.ref, limit=FEED_ITEMS),
        archived=place.ref,
    )


def _make_top_feed(site: Site, edition: Edition, say: Say) -> Feed:
    return Feed(
        name=f"{edition.id}/{TOP}",
        title=f"{say('Most covered')} - {site.title}",
        lang=edition.locale,
        edition=edition,
        home_path=front_path(edition),
        list_articles=lambda tx: list_top(tx, f"{edition.id}/{articles.ALL}", limit=FEED_ITEMS),
    )


def _make_story_feed(site: Site, place: Place, say: Say) -> Feed:
    return Feed(
        name=story_feed_name(place),
        title=f"{place.section.name if place.section else site.title}: {say('By event')}",
        lang=place.edition.locale,
        edition=place.edition,
        home_path=place.home_path,
        list_articles=lambda tx: list_told(tx, place.ref, limit=FEED_ITEMS),
    )


def _make_source_feed(site: Site, source: Source) -> Feed:
    edition = site.find_edition(source.section.partition("/")[0])
    assert edition is not None, "the configuration has proven it"
    return Feed(
        name=f"source/{source.id}",
        title=f"{source.name} - {site.title}",
        lang=source.lang or edition.locale,
        edition=edition,
        home_path=front_path(edition),
        list_articles=lambda tx: articles.list_source_articles(tx, source.id, limit=FEED_ITEMS),
    )
