"""What robots read: robots.txt, the index of maps, and per edition a map of its pages and one of its news.

Formats: sitemaps.org 0.9 and Google's news extension. One map holds at most MAX_ADDRESSES addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from xml.sax.saxutils import escape

from aggregator.model import Edition, Section, Site
from aggregator.publish.templates import front_path, section_path
from aggregator.text import strip_controls

MAX_ADDRESSES = 50_000
MAX_NEWS = 1_000
NEWS_WITHIN = timedelta(hours=48)

_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_MAPS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
_NEWS = f'{_MAPS} xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
# ISO 639 knows Chinese once, the news extension twice.
_NEWS_LANGUAGES = {"zh-cn": "zh-cn", "zh-hans": "zh-cn", "zh-tw": "zh-tw", "zh-hant": "zh-tw"}


class PublicPage(NamedTuple):
    """A page for search engines."""

    path: str
    updated_at: datetime | None = None  # None: it moves with the news


class NewsPage(NamedTuple):
    path: str
    published_at: datetime
    title: str
    lang: str  # BCP 47


def map_path(edition: Edition) -> str:
    return f"/sitemap/{edition.id}.xml"


def news_map_path(edition: Edition) -> str:
    return f"/sitemap/{edition.id}-news.xml"


def list_fixed_pages(site: Site, edition: Edition) -> tuple[PublicPage, ...]:
    """The front page of an edition and the first pages of its sections."""
    sections: Sequence[Section] = site.list_sections(edition.id)
    paths = (front_path(edition), *(section_path(section) for section in sections))
    return tuple(PublicPage(path) for path in paths)


def render_robots(site: Site) -> str:
    """Everything may be read but what is for the admin; pages that should not be found say so themselves."""
    return f"User-agent: *\nDisallow: /admin/\n\nSitemap: {site.url}/sitemap.xml\n"


def render_index(site: Site) -> str:
    """Return the map of the maps."""
    paths = [path for edition in site.editions for path in (map_path(edition), news_map_path(edition))]
    maps = "".join(f"<sitemap><loc>{escape(site.url + path)}</loc></sitemap>\n" for path in paths)
    return f"{_XML}<sitemapindex {_MAPS}>\n{maps}</sitemapindex>\n"


def render_map(site: Site, pages: Iterable[PublicPage]) -> str:
    """Return a map of the pages, the first MAX_ADDRESSES of them."""
    rows = []
    for page, _ in zip(pages, range(MAX_ADDRESSES), strict=False):
        changed = "" if page.updated_at is None else f"<lastmod>{_iso(page.updated_at)}</lastmod>"
        rows.append(f"<url><loc>{escape(site.url + page.path)}</loc>{changed}</url>\n")
    return f"{_XML}<urlset {_MAPS}>\n{''.join(rows)}</urlset>\n"


def render_news_map(site: Site, edition: Edition, pages: Iterable[NewsPage]) -> str:
    """Return a map of the latest news, MAX_NEWS of them; the edition's language stands for an unknown one."""
    name = _clean(site.title)
    rows = []
    for page, _ in zip(pages, range(MAX_NEWS), strict=False):
        lang = edition.locale if page.lang == "und" else page.lang
        rows.append(
            f"<url><loc>{escape(site.url + page.path)}</loc><news:news><news:publication>"
            f"<news:name>{name}</news:name><news:language>{_news_language(lang)}</news:language>"
            f"</news:publication><news:publication_date>{_iso(page.published_at)}</news:publication_date>"
            f"<news:title>{_clean(page.title)}</news:title></news:news></url>\n"
        )
    return f"{_XML}<urlset {_NEWS}>\n{''.join(rows)}</urlset>\n"


def _news_language(lang: str) -> str:
    return _NEWS_LANGUAGES.get(lang.lower(), lang.partition("-")[0].lower())


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _clean(text: str) -> str:
    return escape(strip_controls(text))
