"""HTML pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import jinja2
from flask import Blueprint, Flask, Response, abort, redirect, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, ServiceUnavailable

from aggregator.config import Settings
from aggregator.errors import StoreError
from aggregator.model import Edition, Section, Site
from aggregator.places import find_home, find_icons, find_section, find_successor, make_edition_rule
from aggregator.publish import pages
from aggregator.publish.digest import COVERED_WITHIN, build_front_page
from aggregator.publish.templates import article_path, make_environment, section_path
from aggregator.store import Transaction, articles, fronts, timelines
from aggregator.web.documents import Documents, Rendered

_PAGE_MAX_AGE = 60
_ARTICLE_MAX_AGE = 300
_FEEDS_MAX_AGE = 3600
_PER_PAGE = 30
_FRONT_PER_SECTION = 16  # articles looked through for the front page
_FRONT_LATEST = 40
_FRONT_COVERED = 12
_BESIDE = 24  # articles looked through for what stands beside an article

_HTML = "text/html; charset=utf-8"

_log = logging.getLogger(__name__)

Environments = dict[str, jinja2.Environment]


def make_blueprint(settings: Settings, documents: Documents, environments: Environments) -> Blueprint:
    blueprint = Blueprint("pages", __name__)
    site = settings.site
    priorities = {source.id: source.priority for source in settings.sources}

    def respond(key: str, render: Callable[[Transaction], Rendered | None]) -> Response:
        return documents.respond(key, render) or abort(404)

    @blueprint.get("/")
    def root() -> Response:
        return front(site.editions[0].id)

    edition_rule = make_edition_rule(site)

    @blueprint.get(edition_rule)
    def front(edition_id: str) -> Response:
        edition = site.find_edition(edition_id) or abort(404)
        env = environments[edition.id]
        return respond(f"/{edition.id}/", lambda tx: _render_front(tx, env, site, edition, priorities))

    @blueprint.get(f"{edition_rule}s/<section_id>/")
    @blueprint.get(f"{edition_rule}s/<section_id>/page/<int:page>/")
    def section_page(edition_id: str, section_id: str, page: int = 1) -> Response:
        section = find_section(site, edition_id, section_id) or abort(404)
        path = section_path(section, page)
        if path != request.path:  # an old id, or page/1/
            return redirect(path, 301)  # type: ignore[return-value]
        env = environments[section.edition]
        return respond(path, lambda tx: _render_section(tx, env, site, section, page))

    @blueprint.get("/article/<article_id>")
    def article_page(article_id: str) -> Response:
        return respond(
            f"/article/{article_id}", lambda tx: _render_article(tx, environments, site, article_id)
        )

    @blueprint.get("/feeds/")
    def feeds_page() -> Response:
        edition = site.editions[0]

        def render(tx: Transaction) -> Rendered:
            html = pages.render_feeds(
                environments[edition.id], site=site, edition=edition, sources=settings.sources
            )
            return Rendered(
                body=html.encode(),
                content_type=_HTML,
                max_age=_FEEDS_MAX_AGE,
            )

        return respond("/feeds/", render)

    return blueprint


def register_errors(app: Flask, settings: Settings, environments: Environments) -> None:
    """HTTP errors as pages of the site, in the edition of the path."""

    @app.errorhandler(HTTPException)
    def show_error(error: HTTPException) -> Response:
        first = request.path.split("/")[1]
        edition = settings.site.find_edition(first) or settings.site.editions[0]
        status = error.code or 500
        html = pages.render_error(
            environments[edition.id], site=settings.site, edition=edition, status=status
        )
        response = Response(html, status=status, content_type=_HTML)
        response.headers["Cache-Control"] = "no-store"
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return response

    @app.errorhandler(StoreError)
    def show_trouble(error: StoreError) -> Response:
        _log.error("%s: %s", request.path, error)
        response = show_error(ServiceUnavailable())
        response.headers["Retry-After"] = "10"
        return response


def make_environments(site: Site) -> Environments:
    """One for each edition, by id: compiling catalogues and templates is worth doing once."""
    return {edition.id: make_environment(edition) for edition in site.editions}


def count_pages(tx: Transaction, section: Section) -> int:
    """How many pages a section has; one that is empty has one."""
    return max(1, -(-articles.count_articles(tx, section.ref) // _PER_PAGE))


def _render_front(
    tx: Transaction, env: jinja2.Environment, site: Site, edition: Edition, priorities: Mapping[str, int]
) -> Rendered:
    newest = {section.ref: _FRONT_PER_SECTION for section in site.list_sections(edition.id)}
    stories = fronts.list_front_stories(
        tx,
        edition.id,
        newest=newest | {f"{edition.id}/{articles.ALL}": _FRONT_LATEST},
        covered=_FRONT_COVERED,
        within=COVERED_WITHIN,
    )
    page = build_front_page(site=site, edition=edition, stories=stories, priorities=priorities)
    return Rendered(
        body=pages.render_front(env, site=site, page=page).encode(),
        content_type=_HTML,
        max_age=_PAGE_MAX_AGE,
    )


def _render_section(
    tx: Transaction, env: jinja2.Environment, site: Site, section: Section, page: int
) -> Rendered | None:
    total = count_pages(tx, section)
    if not 1 <= page <= total:
        return None
    listed = articles.list_articles(tx, section.ref, limit=_PER_PAGE, offset=(page - 1) * _PER_PAGE)
    html = pages.render_section(env, site=site, section=section, articles=listed, page=page, pages=total)
    return Rendered(
        body=html.encode(),
        content_type=_HTML,
        max_age=_PAGE_MAX_AGE,
    )


def _lead_on(tx: Transaction, article_id: str) -> None:
    """Answer 301 if the article was merged into another that is there. An admin may part them again."""
    article = find_successor(tx, article_id)
    if article is not None:
        answer = redirect(article_path(article), 301)
        answer.headers["Cache-Control"] = f"public, max-age={_ARTICLE_MAX_AGE}"
        abort(answer)


def _render_article(
    tx: Transaction, environments: Environments, site: Site, article_id: str
) -> Rendered | None:
    article = articles.find_article(tx, article_id)
    if article is None:
        _lead_on(tx, article_id)
        return None
    section = find_home(site, article)
    edition = (site.find_edition(section.edition) if section else None) or site.editions[0]
    everywhere = f"{edition.id}/{articles.ALL}"
    same_story = (
        fronts.list_story_articles(tx, article.story, everywhere, limit=_BESIDE) if article.story else ()
    )
    of_section = articles.list_articles(tx, section.ref, limit=_BESIDE) if section else ()
    latest = articles.list_articles(tx, everywhere, limit=_BESIDE)
    html = pages.render_article(
        environments[edition.id],
        site=site,
        edition=edition,
        article=article,
        section=section,
        related=(*same_story, *of_section[: _BESIDE // 4]),
        latest=latest,
        story=timelines.find_shared_story(tx, article),
        more=of_section,
        icons=find_icons(tx, site, [copy.source_id for copy in article.coverage] + [article.origin.id]),
    )
    return Rendered(
        body=html.encode(),
        content_type=_HTML,
        max_age=_ARTICLE_MAX_AGE,
    )
