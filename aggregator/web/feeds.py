"""Feeds of sections, editions and sources, and the list of them all."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, abort, redirect

from aggregator.catalogue import (
    FORMATS,
    MAX_AGE,
    TOP,
    Feed,
    Say,
    find_archive_url,
    list_feeds,
    make_head,
    read_feed,
    story_feed_name,
    topic_path,
    topic_url,
)
from aggregator.config import Settings
from aggregator.hub import render_links
from aggregator.model import Archive, Edition, Site
from aggregator.places import Place, find_place, updated_at
from aggregator.publish.feeds import render_atom
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
from aggregator.store import Transaction, archives, articles
from aggregator.web.documents import Documents, Rendered

_FORM = "<any(rss, atom, json):form>"
_FIXED_MAX_AGE = 86_400
_OPML_MAX_AGE = 3600


def make_blueprint(settings: Settings, documents: Documents) -> Blueprint:
    blueprint = Blueprint("feeds", __name__)
    site = settings.site
    words = {e.id: load_translations(find_locale(e.locale)).gettext for e in site.editions}
    feeds = {feed.name: feed for feed in list_feeds(settings)}

    def respond(name: str, form: str) -> Response:
        feed = feeds.get(name) or abort(404)
        return _render_feed(settings, documents, feed, form)

    @blueprint.get(f"/feeds/<edition_id>/<any({TOP}):_top>.{_FORM}")
    def top_feed(edition_id: str, _top: str, form: str) -> Response:
        return respond(f"{edition_id}/{TOP}", form)

    @blueprint.get(f"/feeds/<edition_id>/<section_id>.{_FORM}")
    def section_feed(edition_id: str, section_id: str, form: str) -> Response:
        place = find_place(site, edition_id, section_id) or abort(404)
        if _is_former(place, section_id):
            return _moved(feed_path(place.edition, place.section, form))
        return respond(place.ref, form)

    @blueprint.get("/feeds/<edition_id>/<section_id>/<name>.atom")
    def archive(edition_id: str, section_id: str, name: str) -> Response:
        place = find_place(site, edition_id, section_id) or abort(404)
        part = archives.parse_place(name) or abort(404)
        if _is_former(place, section_id):
            return _moved(f"/feeds/{place.ref}/{name}.atom")
        return _render_archive(site, documents, feeds[place.ref], part)

    @blueprint.get(f"/feeds/<edition_id>/stories/<section_id>.{_FORM}")
    def story_feed(edition_id: str, section_id: str, form: str) -> Response:
        place = find_place(site, edition_id, section_id) or abort(404)
        if _is_former(place, section_id):
            return _moved(story_feed_path(place.edition, place.section, form))
        return respond(story_feed_name(place), form)

    @blueprint.get(f"/feeds/source/<source_id>.{_FORM}")
    def source_feed(source_id: str, form: str) -> Response:
        return respond(f"source/{source_id}", form)

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


def _render_feed(settings: Settings, documents: Documents, feed: Feed, form: str) -> Response:
    topic, hub = topic_url(settings.site, feed, form), settings.websub_hub

    def render(tx: Transaction) -> Rendered:
        content = read_feed(tx, settings, feed)
        return Rendered(
            body=FORMATS[form].render(content.head, content.articles),
            content_type=FORMATS[form].content_type,
            max_age=MAX_AGE,
            modified_at=articles.get_changed_at(tx),
            shared=True,
            links=render_links(hub=hub, topic=topic) if hub else None,
        )

    return documents.respond(topic_path(feed, form), render) or abort(404)


def _render_archive(site: Site, documents: Documents, feed: Feed, place: archives.Place) -> Response:
    section = feed.archived or ""

    def render(tx: Transaction) -> Rendered | None:
        found = archives.find_archived(tx, section, place)
        if found is None:
            return None
        archive = Archive(
            url=find_archive_url(site, section, place),
            previous_url=find_archive_url(site, section, found.previous),
            next_url=find_archive_url(site, section, found.next),
            fixed=found.fixed,
        )
        head = make_head(site, feed, articles.get_tag_prefix(tx), updated_at(tx, found.articles))
        return Rendered(
            body=render_atom(replace(head, archive=archive), found.articles),
            content_type=FORMATS["atom"].content_type,
            max_age=_FIXED_MAX_AGE if found.fixed else MAX_AGE,
            modified_at=articles.get_changed_at(tx),
            shared=True,
        )

    return documents.respond(f"/feeds/{feed.name}/{place.name}.atom", render) or abort(404)


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
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
