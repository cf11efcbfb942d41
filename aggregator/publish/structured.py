"""What pages tell search engines in JSON-LD (schema.org): lists of articles, and articles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aggregator.model import Article, Section, Site
from aggregator.publish.pictures import image_url
from aggregator.publish.templates import article_path, is_weblink

_CONTEXT = "https://schema.org"


def describe_list(site: Site, articles: Iterable[Article]) -> dict[str, Any]:
    """An ItemList of article pages, in the order given."""
    return {
        "@context": _CONTEXT,
        "@type": "ItemList",
        "itemListElement": [
            {"@type": "ListItem", "position": place, "url": site.url + article_path(article)}
            for place, article in enumerate(articles, start=1)
        ],
    }


def describe_article(site: Site, article: Article, section: Section | None) -> dict[str, Any]:
    """A NewsArticle of its publisher, with what its rights let us show; what is not known is left out."""
    publisher = _drop_empty(
        {"@type": "NewsMediaOrganization", "name": article.origin.name, "url": _link(article.origin.site_url)}
    )
    pictured = site.images and article.image is not None and is_weblink(article.image.url)
    return {"@context": _CONTEXT} | _drop_empty(
        {
            "@type": "NewsArticle",
            "headline": article.title,
            "description": article.excerpt,
            "url": site.url + article_path(article),
            "mainEntityOfPage": site.url + article_path(article),
            "isBasedOn": _link(article.url),
            "image": image_url(site, article.image.url) if pictured and article.image else None,
            "datePublished": article.published_at.isoformat(timespec="seconds"),
            "dateModified": article.updated_at.isoformat(timespec="seconds"),
            "inLanguage": None if article.lang == "und" else article.lang,
            "articleSection": section.name if section else None,
            "author": [{"@type": "Person", "name": name} for name in article.authors] or [publisher],
            "publisher": publisher,
        }
    )


def _link(url: str | None) -> str | None:
    return url if is_weblink(url) else None


def _drop_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}
