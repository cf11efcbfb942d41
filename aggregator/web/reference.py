"""The pages to look things up in: search, stories, days and sources."""

from __future__ import annotations

from datetime import date, datetime

import jinja2
from flask import Blueprint, Response, abort, redirect, request

from aggregator.config import Settings
from aggregator.model import Edition, Site, Source
from aggregator.places import find_home, find_icons, make_edition_rule
from aggregator.publish import reference
from aggregator.publish.templates import day_path, story_path
from aggregator.searching import MAX_CHARS, MAX_WORDS, parse_query
from aggregator.store import Store, Transaction, search, sources, timelines
from aggregator.store.days import find_day
from aggregator.web.documents import Documents, Rendered

_DAY_MAX_AGE = 60
_PAST_DAY_MAX_AGE = 24 * 3600
_STORY_MAX_AGE = 300
_ABOUT_MAX_AGE = 3600
_HITS = 20

_HTML = "text/html; charset=utf-8"

Environments = dict[str, jinja2.Environment]


def make_blueprint(
    settings: Settings, store: Store, documents: Documents, environments: Environments
) -> Blueprint:
    blueprint = Blueprint("reference", __name__)
    site = settings.site
    edition_rule = make_edition_rule(site)

    @blueprint.get(f"{edition_rule}search")
    def search_page(edition_id: str) -> Response:
        edition = site.find_edition(edition_id) or abort(404)
        text, page = request.args.get("q", "").strip(), _read_page(request.args.get("page", "1"))
        with store.read() as tx:
            html = _render_search(tx, environments[edition.id], settings, edition, text, page)
        response = Response(html or abort(404), content_type=_HTML)
        response.headers["Cache-Control"] = "no-store"
        return response

    @blueprint.get("/story/<story_id>")
    def story_page(story_id: str) -> Response:
        def render(tx: Transaction) -> Rendered | None:
            return _render_story(tx, environments, site, story_id)

        return documents.respond(f"/story/{story_id}", render) or abort(404)

    day_rule = "<int(fixed_digits=4):year>/<int(fixed_digits=2):month>/<int(fixed_digits=2):day>/"

    @blueprint.get(f"{edition_rule}{day_rule}")
    @blueprint.get(f"{edition_rule}{day_rule}page/<int:page>/")
    def day_page(edition_id: str, year: int, month: int, day: int, page: int = 1) -> Response:
        edition = site.find_edition(edition_id) or abort(404)
        on = _find_date(year, month, day) or abort(404)
        path = day_path(edition, on, page)
        if path != request.path:  # page/1/
            return redirect(path, 301)  # type: ignore[return-value]
        env = environments[edition.id]
        return documents.respond(path, lambda tx: _render_day(tx, env, site, edition, on, page)) or abort(404)

    @blueprint.get(f"{edition_rule}about/")
    def about_page(edition_id: str) -> Response:
        edition = site.find_edition(edition_id) or abort(404)

        def render(tx: Transaction) -> Rendered:
            html = reference.render_about(
                environments[edition.id],
                site=site,
                edition=edition,
                sources=_list_sources(settings, edition),
                records=sources.list_records(tx),
                icons=find_icons(tx, site, [source.id for source in settings.sources]),
            )
            return Rendered(body=html.encode(), content_type=_HTML, max_age=_ABOUT_MAX_AGE)

        return documents.respond(f"/{edition.id}/about/", render) or abort(404)

    return blueprint


def _read_page(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _list_sources(settings: Settings, edition: Edition) -> list[Source]:
    """Those that an edition's articles may come from."""
    return [
        source
        for source in settings.sources
        if edition.id in {ref.partition("/")[0] for ref in _list_sections(source)}
    ]


def _list_sections(source: Source) -> list[str]:
    return [source.section, *(rule.section for rule in source.rules if rule.section)]


def _render_search(
    tx: Transaction, env: jinja2.Environment, settings: Settings, edition: Edition, text: str, page: int
) -> str | None:
    """None where there is no such page."""
    source_ids = [source.id for source in _list_sources(settings, edition)]
    query, problems = parse_query(
        text,
        site=settings.site,
        edition=edition.id,
        source_ids=source_ids,
        languages=search.list_languages(tx),
    )
    result = None
    if query.asks and not problems:
        result = search.find_articles(tx, query, limit=_HITS, offset=max(0, page - 1) * _HITS)
    pages = max(1, -(-result.total // _HITS)) if result else 1
    if not 1 <= page <= pages:
        return None
    return reference.render_search(
        env,
        site=settings.site,
        edition=edition,
        text=text,
        query=query,
        problems=problems,
        result=result,
        page=page,
        pages=pages,
        limits=(MAX_CHARS, MAX_WORDS),
        source_ids=source_ids,
    )


def _render_story(tx: Transaction, environments: Environments, site: Site, story_id: str) -> Rendered | None:
    story = timelines.find_timeline(tx, story_id)
    if story is None:
        _lead_on(tx, story_id)
        return None
    section = find_home(site, story.lead)
    edition = (site.find_edition(section.edition) if section else None) or site.editions[0]
    icons = find_icons(tx, site, [telling.source_id for telling in story.tellings])
    html = reference.render_timeline(
        environments[edition.id],
        site=site,
        edition=edition,
        story=story,
        section=section,
        icons=icons,
    )
    return Rendered(body=html.encode(), content_type=_HTML, max_age=_STORY_MAX_AGE)


def _lead_on(tx: Transaction, story_id: str) -> None:
    """Answer 301 if the story went into another. A later grouping may bring it back."""
    into = timelines.find_successor(tx, story_id)
    if into is not None:
        answer = redirect(story_path(into), 301)
        answer.headers["Cache-Control"] = f"public, max-age={_STORY_MAX_AGE}"
        abort(answer)


def _find_date(year: int, month: int, day: int) -> date | None:
    """None for what no calendar has, and for years whose neighbours have no name."""
    try:
        return date(year, month, day) if 1 < year < 9999 else None
    except ValueError:
        return None


def _render_day(
    tx: Transaction, env: jinja2.Environment, site: Site, edition: Edition, on: date, page: int
) -> Rendered | None:
    today = datetime.now(site.timezone).date()
    refs = [section.ref for section in site.list_sections(edition.id)]
    day = find_day(tx, edition.id, on, sections=refs, zone=site.timezone, page=page)
    if day is None or (not day.total and on > today):
        return None
    html = reference.render_day(env, site=site, edition=edition, day=day, page=page)
    max_age = _PAST_DAY_MAX_AGE if on < today else _DAY_MAX_AGE
    return Rendered(body=html.encode(), content_type=_HTML, max_age=max_age)
