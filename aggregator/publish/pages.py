"""The HTML pages, each from values to a whole document.

`env` is the environment that `templates.make_environment` made for the edition of the page. A page holds no
inline script or style, and no address of a third party but the images of articles and the links to them.
It is the same, byte for byte, for the same values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import jinja2

from aggregator.model import Article, Edition, Section, Site, Source
from aggregator.publish.digest import FrontPage


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
    story: str | None = None,
) -> str:
    """Return the page of one article.

    `section` is where the breadcrumb leads; None: straight from the front page. Of `related` and `latest`
    nothing is shown twice, and not the article itself. `article.content_html` goes out as it is: it has
    been sanitised when it came in. `story` is the public id of the story that others tell too, if any.
    """
    shown = {article.id}
    return env.get_template("article.html").render(
        site=site,
        edition=edition,
        section=section,
        article=article,
        story=story,
        related=_unseen(related, shown),
        latest=_unseen(latest, shown),
    )


def render_feeds(
    env: jinja2.Environment, *, site: Site, edition: Edition, sources: Sequence[Source] = ()
) -> str:
    """Return the page that explains feeds and lists those of every edition, `edition`'s first.

    It names the one script of our pages, which adds buttons that copy an address.
    """
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


def _unseen(articles: Iterable[Article], shown: set[str]) -> list[Article]:
    fresh = []
    for article in articles:
        if article.id not in shown:
            shown.add(article.id)
            fresh.append(article)
    return fresh
