"""The HTML pages, each from values to a whole document.

`env` is the environment that `templates.make_environment` made for the edition of the page. A page holds no
script but a link to our own and a block of JSON-LD, no inline style, and no address of a third party but the
images of articles and the links to them.
It is the same, byte for byte, for the same values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import jinja2

from aggregator.model import Article, Edition, Section, Site, Source
from aggregator.publish.digest import FrontPage
from aggregator.publish.structured import describe_article, describe_list
from aggregator.text import fold

RELATED = 6
LATEST = 6
MORE = 4


def render_front(
    env: jinja2.Environment, *, site: Site, page: FrontPage, alternates: Sequence[Edition] | None = None
) -> str:
    """Return an edition's front page.

    `alternates` are the editions that the page names to search engines as its translations (hreflang);
    None: all of the site's.
    """
    return env.get_template("front.html").render(
        site=site,
        edition=page.edition,
        section=None,
        front=page,
        linked_data=describe_list(site, (placed.article for placed in page.list_placed())),
        alternates=site.editions if alternates is None else alternates,
    )


def render_section(
    env: jinja2.Environment,
    *,
    site: Site,
    section: Section,
    articles: Sequence[Article],
    page: int,
    pages: int,
) -> str:
    """Return page `page` of `pages` (both from 1) of a section, its articles in the order given."""
    return env.get_template("section.html").render(
        site=site,
        edition=_edition_of(site, section),
        section=section,
        alternates=_list_alternates(site, section) if page == 1 else (),
        linked_data=describe_list(site, articles),
        articles=articles,
        page=page,
        pages=pages,
    )


def render_article(
    env: jinja2.Environment,
    *,
    site: Site,
    edition: Edition,
    article: Article,
    section: Section | None,
    related: Sequence[Article] = (),
    latest: Sequence[Article] = (),
    more: Sequence[Article] = (),
    story: str | None = None,
    icons: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Return the page of one article.

    `section` is where the breadcrumb leads, and what `more` is of; None: straight from the front page, and
    there is no more. Of `related`, `latest` and `more` nothing is shown twice, and not the article itself; of
    each the first few are. `article.content_html` has been sanitised when it came in. `story` is the public
    id of the story that others tell too, if any. `icons` are names by source id.
    """
    shown = _Shown(article)
    return env.get_template("article.html").render(
        site=site,
        edition=edition,
        section=section,
        article=article,
        shared_story=story,
        icons=icons,
        related=shown.pick(related, RELATED),
        latest=shown.pick(latest, LATEST),
        more=shown.pick(sorted(more, key=lambda a: a.image is None), MORE) if section else (),
        linked_data=describe_article(site, article, section),
    )


def render_feeds(
    env: jinja2.Environment, *, site: Site, edition: Edition, sources: Sequence[Source] = ()
) -> str:
    """Return the page that explains feeds and lists those of every edition, `edition`'s first."""
    return env.get_template("feeds.html").render(
        site=site,
        edition=edition,
        section=None,
        editions=(edition, *(e for e in site.editions if e.id != edition.id)),
        sources=sources,
    )


def render_error(
    env: jinja2.Environment, *, site: Site, edition: Edition, status: int, message: str = ""
) -> str:
    """Return the page for an HTTP error; `message` is shown as plain text, "" stands for our own words."""
    return env.get_template("error.html").render(
        site=site, edition=edition, section=None, status=status, message=message
    )


def _edition_of(site: Site, section: Section) -> Edition:
    return next(e for e in site.editions if e.id == section.edition)


def _list_alternates(site: Site, section: Section) -> tuple[Alternate, ...]:
    """The sections of the same id, this one included; () if no other edition has one."""
    found = tuple(
        Alternate(edition, other)
        for edition in site.editions
        for other in site.list_sections(edition.id)
        if other.id == section.id
    )
    return found if len(found) > 1 else ()


class Alternate(NamedTuple):
    """A section in the language of another edition."""

    edition: Edition
    section: Section


class _Shown:
    """Which articles and headlines a page already has."""

    def __init__(self, article: Article) -> None:
        self._ids = {article.id}
        self._titles = {fold(article.title)}

    def pick(self, articles: Iterable[Article], count: int) -> list[Article]:
        """The first `count` that the page does not have; from now on it has them."""
        fresh: list[Article] = []
        for article in articles:
            if len(fresh) < count and article.id not in self._ids and fold(article.title) not in self._titles:
                self._ids.add(article.id)
                self._titles.add(fold(article.title))
                fresh.append(article)
        return fresh
