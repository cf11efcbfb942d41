"""The pages to look things up in: search, stories, days, sources. As pages.py, from values to documents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from types import MappingProxyType

import jinja2

from aggregator.model import (
    Article,
    Day,
    Edition,
    SearchHit,
    SearchProblem,
    SearchQuery,
    SearchResult,
    Section,
    Site,
    Source,
    SourceRecord,
    Timeline,
)
from aggregator.plain import read_text
from aggregator.publish.snippets import Piece, make_snippet, mark_words


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShownHit:
    article: Article
    title: tuple[Piece, ...]
    snippet: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outlet:
    id: str
    name: str
    section: Section | None
    site_url: str | None
    entries: int
    last_at: datetime | None


def render_search(
    env: jinja2.Environment,
    *,
    site: Site,
    edition: Edition,
    text: str,
    query: SearchQuery,
    problems: Sequence[SearchProblem],
    result: SearchResult | None,
    page: int,
    pages: int,
    limits: tuple[int, int],
    source_ids: Sequence[str],
) -> str:
    """Return page `page` of `pages` of what was found for `text`.

    `result` None: nothing was looked for, the page explains how to. `limits` are the most characters and
    words of a query.
    """
    hits = () if result is None else tuple(_show(hit, query) for hit in result.hits)
    return env.get_template("search.html").render(
        site=site,
        edition=edition,
        section=None,
        text=text,
        problems=problems,
        result=result,
        hits=hits,
        page=page,
        pages=pages,
        max_chars=limits[0],
        max_words=limits[1],
        source_ids=source_ids,
    )


def render_timeline(
    env: jinja2.Environment,
    *,
    site: Site,
    edition: Edition,
    story: Timeline,
    section: Section | None,
    icons: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the page of a story; `section` and `icons` are as on an article's page."""
    return env.get_template("timeline.html").render(
        site=site, edition=edition, section=section, story=story, icons=icons
    )


def render_day(env: jinja2.Environment, *, site: Site, edition: Edition, day: Day, page: int) -> str:
    """Return page `page` of a day."""
    sections = {section.ref: section for section in site.list_sections(edition.id)}
    return env.get_template("day.html").render(
        site=site,
        edition=edition,
        section=None,
        day=day,
        page=page,
        groups=[(sections.get(ref or ""), articles) for ref, articles in day.groups],
        starts_at=_find_noon(day.on, site),
        previous_at=None if day.previous is None else _find_noon(day.previous, site),
        next_at=None if day.next is None else _find_noon(day.next, site),
    )


def render_about(
    env: jinja2.Environment,
    *,
    site: Site,
    edition: Edition,
    sources: Collection[Source],
    records: Mapping[str, SourceRecord],
    icons: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the page about an edition and its sources, in the order given. `records` and the
    names of `icons` are by source id.
    """
    sections = {section.ref: section for section in site.list_sections(edition.id)}
    unknown = SourceRecord(site_url=None, entries=0, last_at=None)
    outlets = [_introduce(source, sections, records.get(source.id, unknown)) for source in sources]
    latest_at = max((outlet.last_at for outlet in outlets if outlet.last_at), default=None)
    return env.get_template("about.html").render(
        site=site,
        edition=edition,
        section=None,
        outlets=outlets,
        icons=icons,
        latest_on=None if latest_at is None else latest_at.astimezone(site.timezone).date(),
    )


def _show(hit: SearchHit, query: SearchQuery) -> _ShownHit:
    article = hit.article
    text = read_text(article.content_html) or article.excerpt
    return _ShownHit(
        article=article,
        title=mark_words(article.title, query.terms, hit.stemmed_as),
        snippet=make_snippet(text, query.terms, hit.stemmed_as),
    )


def _introduce(source: Source, sections: Mapping[str, Section], record: SourceRecord) -> _Outlet:
    return _Outlet(
        id=source.id,
        name=source.name,
        section=sections.get(source.section),
        site_url=record.site_url,
        entries=record.entries,
        last_at=record.last_at,
    )


def _find_noon(day: date, site: Site) -> datetime:
    """An instant of that day on the site's clocks, whichever hour they leave out."""
    return datetime.combine(day, time(12), tzinfo=site.timezone).astimezone(UTC)
