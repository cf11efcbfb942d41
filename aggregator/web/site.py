"""Look-ups that feeds and pages share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from aggregator.model import Article, Section, Site
from aggregator.store import Transaction, articles


def find_section(site: Site, edition_id: str, section_id: str) -> Section | None:
    """The section of that id, or the one that used to have it."""
    sections = site.list_sections(edition_id)
    by_id = (s for s in sections if s.id == section_id)
    return next(by_id, None) or next((s for s in sections if section_id in s.old_ids), None)


def find_home(site: Site, article: Article) -> Section | None:
    """The first section of ours that the article stands in."""
    places = (find_section(site, *ref.split("/", 1)) for ref in article.sections)
    return next((section for section in places if section is not None), None)


def updated_at(tx: Transaction, listed: Sequence[Article]) -> datetime:
    """When a document of these articles last changed for a reader; never the present."""
    changes = (max(a.updated_at, a.first_seen_at) for a in listed)
    return max(changes, default=articles.get_created_at(tx))
