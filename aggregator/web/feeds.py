"""Feeds of sections, editions and sources, and the list of them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import Blueprint, Response, abort, redirect

from aggregator.config import Settings
from aggregator.model import Archive, Article, Edition, FeedHead, Site, Source
from aggregator.publish.feeds import render_atom, render_rss
from aggregator.publish.jsonfeed import render_json
from aggregator.publish.opml import OpmlGroup, OpmlOutline, render_opml
from aggregator.publish.templates import (
    feed_path,
    find_locale,
    front_path,
    load_translations,
    section_path,
    story_feed_path,
    top_feed_path,
)
from aggregator.store import Transaction, archives, articles, listings
from aggregator.web.documents import Documents, Rendered
from aggregator.web.listing import list_mixed, list_told, list_top
from aggregator.web.site import Place, find_place, updated_at

_FORM = "<any(rss, atom, json):form>"
_TOP = "top"
_ITEMS = 50
_MAX_AGE = 300
_FIXED_MAX_AGE = 86_400
_OPML_MAX_AGE = 3600

Render = Callable[[FeedHead, Sequence[Article]], bytes]
Say = Callable[[str], str]  # our words in the language of an edition

# Browsers show application/xml with our stylesheet and offer application/rss+xml for download.
_FORMATS: dict[str, tuple[Render, str]] = {
    "rss": (render_rss, "application/xml; charset=utf-8"),
    "atom": (render_atom, "application/xml; charset=utf-8"),
    "json": (render_json, "application/feed+json; charset=utf-8"),
}


class _Feed(NamedTuple):
    """What a feed is of: told apart by name, title and pages; the format is another matter."""

    name: str  # as in /feeds/{name}.rss, and permanent as the feed's id
    title: str
    lang: str
    edition: Edition
    home_path: str
    list_articles: Callable[[Transaction], Sequence[Article]]
    archived: str | None = None  # the section whose articles its archives have; None: it has none


def make_blueprint(settings: Settings, documents: Documents) -> Blueprint:
    blueprint = Blueprint("feeds", __name__)
    site = settings.site
    words = {e.id: load_translations(find_locale(e.locale)).gettext for e in site.editions}

    def respond(feed: _Feed, form: str) -> Response:
        return _render_feed(site, documents, feed, form)

    @blueprint.get(f"/feeds/<edition_id>/<any({_TOP}):_top>.{_FORM}")
    def top_feed(edition_id: str, _top: str, form: str) -> Response:
        edition = site.find_edition(edition_id) or abort(404)
        return respond(_make_top_feed(site, edition, words[edition.id]), form)

    @blueprint.get(f"/feeds/<edition_id>/<section_id>.{_FORM}")
    def section_feed(edition_id: str, section_id: str, form: str) -> Response:
        place = find_place(site, edition_id, section_id) or abort(404)
        if _is_former(place, section_id):
            return _moved(feed_path(place.edition, place.section, form))
        return respond(_make_section_feed(site, place), form)

    @blueprint.get("/feeds/<edition_id>/<section_id>/<name>.atom")
    def archive(edition_id: str, section_id: str, name: str) -> Response:
        place = find_place(site, edition_id, section_id) or abort(404)
        part = archives.parse_place(name) or abort(404)
        if _is_former(place, section_id):
            return _moved(f"/feeds/{place.ref}/{name}.atom")
        return _render_archive(site, documents, _make_section_feed(site, place), part)

    @blueprint.get(f"/feeds/<edition_id>/stories/<section_id>.{_FORM}")
    def story_feed(edition_id: str, section_id: str, form: str) -> Response:
        place = find_place(site, edition_id, section_id) or abort(404)
        if _is_former(place, section_id):
            return _moved(story_feed_path(place.edition, place.section, form))
        return respond(_make_story_feed(site, place, words[place.edition.id]), form)

    @blueprint.get(f"/feeds/source/<source_id>.{_FORM}")
    def source_feed(source_id: str, form: str) -> Response:
        source = next((s for s in settings.sources if s.id == source_id), None) or abort(404)
        edition = site.find_edition(source.section.partition("/")[0]) or abort(404)
        return respond(_make_source_feed(site, edition, source), form)

    @blueprint.get("/feeds.opml")
    def opml() -> Response:
        def render(_tx: Transaction) -> Rendered:
            groups = [_opml_group(site, e, words[e.id]) for e in site.editions]
            body = render_opml(title=site.title, groups=groups)
            return Rendered(
                body=body,
                content_type="text/x-opml; charset=utf-8",
                max_age=_OPML_MAX_AGE,  # no date: it depends on the configuration, which has none
                shared=True,
            )

        return documents.respond("/feeds.opml", render) or abort(404)

    return blueprint


def _is_former(place: Place, section_id: str) -> bool:
    return place.section is not None and place.section.id != section_id


def _make_section_feed(site: Site, place: Place) -> _Feed:
    return _Feed(
        name=place.ref,
        title=f"{place.section.name} - {site.title}" if place.section else site.title,
        lang=place.edition.locale,
        edition=place.edition,
        home_path=place.home_path,
        list_articles=lambda tx: list_mixed(tx, place.ref, limit=_ITEMS),
        archived=place.ref,
    )


def _make_top_feed(site: Site, edition: Edition, say: Say) -> _Feed:
    return _Feed(
        name=f"{edition.id}/{_TOP}",
        title=f"{say('Most covered')} - {site.title}",
        lang=edition.locale,
        edition=edition,
        home_path=front_path(edition),
        list_articles=lambda tx: list_top(tx, f"{edition.id}/{articles.ALL}", limit=_ITEMS),
    )


def _make_story_feed(site: Site, place: Place, say: Say) -> _Feed:
    return _Feed(
        name=f"{place.edition.id}/stories/{place.ref.partition('/')[2]}",
        title=f"{place.section.name if place.section else site.title}: {say('By event')}",
        lang=place.edition.locale,
        edition=place.edition,
        home_path=place.home_path,
        list_articles=lambda tx: list_told(tx, place.ref, limit=_ITEMS),
    )


def _make_source_feed(site: Site, edition: Edition, source: Source) -> _Feed:
    return _Feed(
        name=f"source/{source.id}",
        title=f"{source.name} - {site.title}",
        lang=source.lang or edition.locale,
        edition=edition,
        home_path=front_path(edition),
        list_articles=lambda tx: articles.list_source_articles(tx, source.id, limit=_ITEMS),
    )


def _render_feed(site: Site, documents: Documents, feed: _Feed, form: str) -> Response:
    render_form, content_type = _FORMATS[form]

    def render(tx: Transaction) -> Rendered:
        found = feed.list_articles(tx)
        head = _make_head(site, feed, articles.get_tag_prefix(tx), updated_at(tx, found))
        if feed.archived:
            head = _add_history(tx, site, feed, head, found)
        return Rendered(
            body=render_form(head, found),
            content_type=content_type,
            max_age=_MAX_AGE,
            modified_at=articles.get_changed_at(tx),
            shared=True,
        )

    return documents.respond(f"/feeds/{feed.name}.{form}", render) or abort(404)


def _add_history(
    tx: Transaction, site: Site, feed: _Feed, head: FeedHead, found: Sequence[Article]
) -> FeedHead:
    """Where its older articles are, and which are gone."""
    section = feed.archived or ""
    last = archives.find_last(tx, section, known=found) if found else None
    withdrawn = listings.list_withdrawn(tx, section, limit=_ITEMS)
    return replace(
        head,
        archive=Archive(url=None, previous_url=_find_url(site, feed, last)),
        withdrawn=withdrawn,
        updated_at=max([head.updated_at, *(gone.withdrawn_at for gone in withdrawn)]),
    )


def _render_archive(site: Site, documents: Documents, feed: _Feed, place: archives.Place) -> Response:
    def render(tx: Transaction) -> Rendered | None:
        found = archives.find_archived(tx, feed.archived or "", place)
        if found is None:
            return None
        archive = Archive(
            url=_find_url(site, feed, place),
            previous_url=_find_url(site, feed, found.previous),
            next_url=_find_url(site, feed, found.next),
            fixed=found.fixed,
        )
        head = _make_head(site, feed, articles.get_tag_prefix(tx), updated_at(tx, found.articles))
        return Rendered(
            body=render_atom(replace(head, archive=archive), found.articles),
            content_type=_FORMATS["atom"][1],
            max_age=_FIXED_MAX_AGE if found.fixed else _MAX_AGE,
            modified_at=articles.get_changed_at(tx),
            shared=True,
        )

    return documents.respond(f"/feeds/{feed.name}/{place.name}.atom", render) or abort(404)


def _find_url(site: Site, feed: _Feed, place: archives.Place | None) -> str | None:
    return f"{site.url}/feeds/{feed.name}/{place.name}.atom" if place else None


def _make_head(site: Site, feed: _Feed, tag_prefix: str, changed_at: datetime) -> FeedHead:
    root = f"{site.url}/feeds/{feed.name}"
    return FeedHead(
        id=f"{tag_prefix}feed/{feed.name}",
        title=feed.title,
        description=feed.title,
        lang=feed.lang,
        dir=feed.edition.dir,
        home_url=site.url + feed.home_path,
        article_root=f"{site.url}/article/",
        rss_url=f"{root}.rss",
        atom_url=f"{root}.atom",
        json_url=f"{root}.json",
        ttl=timedelta(seconds=_MAX_AGE),
        icon_url=None,
        updated_at=changed_at,
        source_in_title=site.source_in_title,
    )


def _opml_group(site: Site, edition: Edition, say: Say) -> OpmlGroup:
    """The feeds of an edition; those by event, which list the same again, in a folder of their own."""

    def outline(title: str, path: str, home_path: str) -> OpmlOutline:
        return OpmlOutline(
            title=title, xml_url=site.url + path, html_url=site.url + home_path, lang=edition.locale
        )

    sections = site.list_sections(edition.id)
    by_event = [outline(s.name, story_feed_path(edition, s, "rss"), section_path(s)) for s in sections]
    stories = outline(site.title, story_feed_path(edition, None, "rss"), front_path(edition))
    return OpmlGroup(
        title=f"{site.title} ({edition.id})",
        outlines=(
            outline(site.title, feed_path(edition, None, "rss"), front_path(edition)),
            *(outline(s.name, feed_path(edition, s, "rss"), section_path(s)) for s in sections),
            outline(say("Most covered"), top_feed_path(edition, "rss"), front_path(edition)),
            OpmlGroup(title=say("By event"), outlines=(stories, *by_event)),
        ),
    )


def _moved(path: str) -> Response:
    """A renamed section keeps its addresses: subscribers follow for ever (RFC 9110, 15.4.2)."""
    response: Response = redirect(path, 301)  # type: ignore[assignment]
    response.headers["Cache-Control"] = f"public, max-age={_MAX_AGE}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
