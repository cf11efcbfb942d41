"""Look-ups that feeds and pages share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from aggregator.model import Article, Edition, Section, Site
from aggregator.publish.templates import front_path, section_path
from aggregator.store import Transaction, articles, icons, ids, stories


def make_edition_rule(site: Site) -> str:
    """The first part of an edition's paths, `/ar/`.

    The editions are named one by one: any other first part of a path is a 404 and not a slash to be added.
    """
    return f"/<any({', '.join(edition.id for edition in site.editions)}):edition_id>/"


def find_section(site: Site, edition_id: str, section_id: str) -> Section | None:
    """The section of that id, or the one that used to have it."""
    sections = site.list_sections(edition_id)
    by_id = (s for s in sections if s.id == section_id)
    return next(by_id, None) or next((s for s in sections if section_id in s.old_ids), None)


class Place(NamedTuple):
    """What feeds and boxes are of: a section, or a whole edition."""

    edition: Edition
    section: Section | None  # None: the whole edition

    @property
    def ref(self) -> str:
        """As the store lists it."""
        return self.section.ref if self.section else f"{self.edition.id}/{articles.ALL}"

    @property
    def home_path(self) -> str:
        return section_path(self.section) if self.section else front_path(self.edition)


def find_place(site: Site, edition_id: str, section_id: str) -> Place | None:
    """The place that the two ids name; the section's may be a former one, "all" is the whole edition."""
    edition = site.find_edition(edition_id)
    if edition is None:
        return None
    if section_id == articles.ALL:
        return Place(edition, None)
    section = find_section(site, edition.id, section_id)
    return None if section is None else Place(edition, section)


def find_home(site: Site, article: Article) -> Section | None:
    """The first section of ours that the article stands in."""
    places = (find_section(site, *ref.split("/", 1)) for ref in article.sections)
    return next((section for section in places if section is not None), None)


def find_shown_site(tx: Transaction, site: Site) -> Site:
    """The site as pages show it: with the key of its images where they come from our own address."""
    return replace(site, picture_key=articles.get_picture_key(tx)) if site.images_proxied else site


def find_icons(tx: Transaction, site: Site, source_ids: Collection[str]) -> dict[str, str]:
    """The names of the icons of these sources, as far as there are any and the site shows images."""
    return icons.list_icons(tx, source_ids) if site.images else {}


def find_successor(tx: Transaction, public_id: str) -> Article | None:
    """The article that another one, which is gone, was merged into."""
    number = ids.decode_id(public_id)
    into = None if number is None else stories.find_redirect(tx, "article", number)
    return None if into is None else articles.find_article(tx, ids.encode_id(into))


def updated_at(tx: Transaction, listed: Sequence[Article]) -> datetime:
    """When a document of these articles last changed for a reader; never the present."""
    changes = (max(a.updated_at, a.first_seen_at) for a in listed)
    return max(changes, default=articles.get_created_at(tx))
