"""What robots ask for."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, abort

from aggregator.config import Settings
from aggregator.model import Edition
from aggregator.publish import sitemaps
from aggregator.publish.templates import path_of_article
from aggregator.store import Transaction, articles, fronts
from aggregator.web.documents import Documents, Rendered

_MAX_AGE = 3600
_XML = "application/xml; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"


def make_blueprint(settings: Settings, documents: Documents) -> Blueprint:
    blueprint = Blueprint("sitemaps", __name__)
    site = settings.site

    def respond(path: str, content_type: str, render: Callable[[Transaction], str]) -> Response:
        def render_document(tx: Transaction) -> Rendered:
            return Rendered(body=render(tx).encode(), content_type=content_type, max_age=_MAX_AGE)

        return documents.respond(path, render_document) or abort(404)

    @blueprint.get("/robots.txt")
    def robots() -> Response:
        return respond("/robots.txt", _PLAIN, lambda _: sitemaps.render_robots(site))

    @blueprint.get("/sitemap.xml")
    def index() -> Response:
        return respond("/sitemap.xml", _XML, lambda _: sitemaps.render_index(site))

    @blueprint.get("/sitemap/<edition_id>.xml")
    def edition_map(edition_id: str) -> Response:
        edition = site.find_edition(edition_id) or abort(404)
        return respond(
            sitemaps.map_path(edition),
            _XML,
            lambda tx: sitemaps.render_map(
                site, (*sitemaps.list_fixed_pages(site, edition), *_list_article_pages(tx, edition))
            ),
        )

    @blueprint.get("/sitemap/<edition_id>-news.xml")
    def news_map(edition_id: str) -> Response:
        edition = site.find_edition(edition_id) or abort(404)
        return respond(
            sitemaps.news_map_path(edition),
            _XML,
            lambda tx: sitemaps.render_news_map(site, edition, _list_news_pages(tx, edition)),
        )

    return blueprint


def _list_article_pages(tx: Transaction, edition: Edition) -> list[sitemaps.PublicPage]:
    found = fronts.list_addresses(tx, f"{edition.id}/{articles.ALL}", limit=sitemaps.MAX_ADDRESSES)
    return [sitemaps.PublicPage(path_of_article(a.article_id), a.updated_at) for a in found]


def _list_news_pages(tx: Transaction, edition: Edition) -> list[sitemaps.NewsPage]:
    """Those of the last two days, which end with the store's last change and not now."""
    since = articles.get_changed_at(tx) - sitemaps.NEWS_WITHIN
    found = fronts.list_addresses(tx, f"{edition.id}/{articles.ALL}", limit=sitemaps.MAX_NEWS, since=since)
    return [sitemaps.NewsPage(path_of_article(a.article_id), a.published_at, a.title, a.lang) for a in found]
