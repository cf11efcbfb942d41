"""Feeds of sections, editions and sources, and the list of them all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from flask import Blueprint, Response, abort, redirect

from aggregator.config import Settings
from aggregator.model import Article, Edition, FeedHead, Section, Site
from aggregator.publish.feeds import render_atom, render_rss
from aggregator.publish.jsonfeed import render_json
from aggregator.publish.opml import OpmlGroup, OpmlOutline, render_opml
from aggregator.publish.templates import feed_path, front_path, section_path
from aggregator.store import Transaction, articles
from aggregator.web.documents import Documents, Rendered
from aggregator.web.site import find_section, updated_at

_ITEMS = 50
_MAX_AGE = 300
_OPML_MAX_AGE = 3600

Render = Callable[[FeedHead, Sequence[Article]], bytes]

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


def make_blueprint(settings: Settings, documents: Documents) -> Blueprint:
    blueprint = Blueprint("feeds", __name__)
    site = settings.site

    @blueprint.get("/feeds/<edition_id>/<section_id>.<any(rss, atom, json):form>")
    def section_feed(edition_id: str, section_id: str, form: str) -> Response:
        edition = site.find_edition(edition_id) or abort(404)
        if section_id == articles.ALL:
            feed = _Feed(f"{edition.id}/all", site.title, edition.locale, edition, front_path(edition))
            return _respond(feed, form, f"{edition.id}/{articles.ALL}")
        section = find_section(site, edition.id, section_id) or abort(404)
        if section.id != section_id:
            return _moved(feed_path(edition, section, form))
        title = f"{section.name} - {site.title}"
        return _respond(
            _Feed(section.ref, title, edition.locale, edition, section_path(section)), form, section.ref
        )

    @blueprint.get("/feeds/source/<source_id>.<any(rss, atom, json):form>")
    def source_feed(source_id: str, form: str) -> Response:
        source = next((s for s in settings.sources if s.id == source_id), None) or abort(404)
        edition = site.find_edition(source.section.partition("/")[0]) or abort(404)
        feed = _Feed(
            f"source/{source.id}",
            f"{source.name} - {site.title}",
            source.lang or edition.locale,
            edition,
            front_path(edition),
        )

        def listed(tx: Transaction) -> Sequence[Article]:
            return articles.list_source_articles(tx, source.id, limit=_ITEMS)

        return _render_feed(site, documents, feed, form, listed)

    @blueprint.get("/feeds.opml")
    def opml() -> Response:
        def render(_tx: Transaction) -> Rendered:
            body = render_opml(title=site.title, groups=[_opml_group(site, e) for e in site.editions])
            return Rendered(
                body=body,
                content_type="text/x-opml; charset=utf-8",
                max_age=_OPML_MAX_AGE,  # no date: it depends on the configuration, which has none
                shared=True,
            )

        return documents.respond("/feeds.opml", render) or abort(404)

    def _respond(feed: _Feed, form: str, section: str) -> Response:
        def listed(tx: Transaction) -> Sequence[Article]:
            return articles.list_articles(tx, section, limit=_ITEMS)

        return _render_feed(site, documents, feed, form, listed)

    return blueprint


def _render_feed(
    site: Site,
    documents: Documents,
    feed: _Feed,
    form: str,
    listed: Callable[[Transaction], Sequence[Article]],
) -> Response:
    render_form, content_type = _FORMATS[form]

    def render(tx: Transaction) -> Rendered:
        found = listed(tx)
        changed_at = updated_at(tx, found)
        head = _make_head(site, feed, articles.get_tag_prefix(tx), changed_at)
        return Rendered(
            body=render_form(head, found),
            content_type=content_type,
            max_age=_MAX_AGE,
            modified_at=articles.get_changed_at(tx),
            shared=True,
        )

    return documents.respond(f"/feeds/{feed.name}.{form}", render) or abort(404)


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
    )


def _opml_group(site: Site, edition: Edition) -> OpmlGroup:
    def outline(title: str, section: Section | None, home_path: str) -> OpmlOutline:
        return OpmlOutline(
            title=title,
            xml_url=site.url + feed_path(edition, section, "rss"),
            html_url=site.url + home_path,
            lang=edition.locale,
        )

    whole = outline(site.title, None, front_path(edition))
    each = (outline(s.name, s, section_path(s)) for s in site.list_sections(edition.id))
    return OpmlGroup(title=f"{site.title} ({edition.id})", outlines=(whole, *each))


def _moved(path: str) -> Response:
    """A renamed section keeps its addresses: subscribers follow for ever (RFC 9110, 15.4.2)."""
    response: Response = redirect(path, 301)  # type: ignore[assignment]
    response.headers["Cache-Control"] = f"public, max-age={_MAX_AGE}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
