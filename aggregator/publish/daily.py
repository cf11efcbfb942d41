"""The digest of a day as one document: a page, plain text."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

import jinja2

from aggregator.cutting import truncate_words
from aggregator.model import Article, Direction, Edition, FrontStory, Section, Site
from aggregator.publish.digest import Placed, find_lead, rank_stories
from aggregator.text import collapse_space, detect_direction, fold

PER_SECTION = 8  # more would make a mail that services cut off: at 102 KB Gmail does
OUTLETS = 3  # that a story names
EXCERPT_CHARS = 180  # of the lead twice as many
WIDTH = 72  # of plain text (RFC 3676, 4.2: below 78)

_MARKS = {"ltr": "\u200e", "rtl": "\u200f"}
_STRONG: dict[str, Direction] = {"L": "ltr", "R": "rtl", "AL": "rtl"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A story as the digest tells it."""

    article: Article  # that stands for it
    excerpt: str  # "" where there is none, or no right to it
    outlets: tuple[str, ...]  # the names of those that tell it, the article's own first, at most OUTLETS
    further: int  # how many more outlets tell it


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The stories of a section; never empty."""

    section: Section | None  # None: of none that there is now
    items: tuple[Item, ...]
    further: int  # how many more stories it has on that day


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyDigest:
    """The digest of a day. No story and no headline is in it twice."""

    edition: Edition
    day: date
    lead: Item
    groups: tuple[Group, ...]  # in the order of the configuration
    dated_at: datetime  # when the newest of its articles was published


def build_digest(
    *,
    site: Site,
    edition: Edition,
    day: date,
    stories: Sequence[FrontStory],
    priorities: Mapping[str, int] | None = None,
) -> DailyDigest | None:
    """Return the digest of `stories`, which are those of the day, in the order of the front page.

    `priorities` are those of sources by id, as for the front page. None: there are no stories.
    """
    ranked = rank_stories(site=site, edition=edition, stories=stories, priorities=priorities)
    lead = find_lead(ranked, site)
    if lead is None:
        return None
    homes: dict[Section | None, list[Placed]] = {section: [] for section in site.list_sections(edition.id)}
    for placed in ranked:
        if placed is not lead:
            home = next((s for s in homes if s is not None and s.ref in placed.article.sections), None)
            homes.setdefault(home, []).append(placed)
    return DailyDigest(
        edition=edition,
        day=day,
        lead=_make_item(lead, chars=2 * EXCERPT_CHARS),
        groups=tuple(_make_group(home, placed) for home, placed in homes.items() if placed),
        dated_at=max(article.published_at for story in stories for article in story.articles),
    )


def render_page(env: jinja2.Environment, *, site: Site, digest: DailyDigest) -> str:
    """Return the digest as an HTML document that needs no other, fit for mail."""
    return env.get_template("digest/page.html").render(_make_context(site, digest))


def render_text(env: jinja2.Environment, *, site: Site, digest: DailyDigest) -> str:
    """Return the digest as plain text in lines of at most WIDTH characters, but for addresses.

    Readers take the direction of a line from its first letter: where that would be wrong, a mark precedes it.
    """
    context = _make_context(site, digest) | {"wrap": _wrap, "isolate": partial(_isolate, digest.edition.dir)}
    text = _make_plain(env).get_template("digest/mail.txt").render(context)
    return re.sub("\n{3,}", "\n\n", text).strip("\n") + "\n"


def render_subject(env: jinja2.Environment, *, site: Site, digest: DailyDigest) -> str:
    """Return one line that says of which day it is and what it leads with."""
    source = "{{ starts_at|day }}: {{ digest.lead.article.title }}"
    text = _make_plain(env).from_string(source).render(_make_context(site, digest))
    return truncate_words(collapse_space(text), 160)


def _make_plain(env: jinja2.Environment) -> jinja2.Environment:
    """The same environment for what is no HTML."""
    return env.overlay(autoescape=False)


def _make_context(site: Site, digest: DailyDigest) -> dict[str, object]:
    noon = datetime(digest.day.year, digest.day.month, digest.day.day, 12, tzinfo=site.timezone)
    return {"site": site, "edition": digest.edition, "digest": digest, "starts_at": noon}


def _make_item(placed: Placed, *, chars: int = EXCERPT_CHARS) -> Item:
    article = placed.article
    names = (article.origin.name, *(copy.source_name for copy in placed.others))
    excerpt = collapse_space(article.excerpt)
    return Item(
        article=article,
        excerpt="" if fold(excerpt) == fold(article.title) else truncate_words(excerpt, chars),
        outlets=names[:OUTLETS],
        further=max(0, len(names) - OUTLETS),
    )


def _make_group(section: Section | None, placed: Sequence[Placed]) -> Group:
    items = tuple(_make_item(one) for one in placed[:PER_SECTION])
    return Group(section=section, items=items, further=max(0, len(placed) - PER_SECTION))


# --- plain text -----------------------------------------------------------------------------------


def _wrap(text: str, direction: Direction, indent: str = "", first: str | None = None) -> str:
    lines = textwrap.wrap(
        collapse_space(text),
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(_find_mark(line, direction) + line for line in lines)


def _find_mark(line: str, direction: Direction) -> str:
    strong = (_STRONG.get(unicodedata.bidirectional(char)) for char in line)
    begins = next((found for found in strong if found), direction)
    return "" if begins == direction else _MARKS[direction]


def _isolate(around: Direction, name: str) -> str:
    """The name between the marks that are plain text's <bdi>, where it runs the other way."""
    return name if detect_direction(name, around) == around else f"\u2068{name}\u2069"
