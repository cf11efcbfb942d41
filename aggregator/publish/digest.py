"""What stands where on a front page. Pure: freshness is measured from the newest article, never from a clock.

The order of articles is that of their *standing*: published_at, moved later by WORTH_OF_SOURCE for every
further source that carries the article (at most MAX_FURTHER_SOURCES of them) and by WORTH_OF_IMAGE where the
page can show its image. So an article of four sources stands level with one that is twelve hours newer.

The lead is the first with an image among the LEAD_CANDIDATES best, else the best; a box opens with its best
article that has an image.

Places are given out from the top of the page down: lead, seconds, most covered, latest, boxes. Whatever has
a place is not given another one, and neither is an article with the same headline: no text stands twice on
a page. The two lists take at most a quarter each of what the top leaves, or a small site would have empty
sections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.model import Article, Coverage, Edition, Section, Site

WORTH_OF_SOURCE = timedelta(hours=4)
WORTH_OF_IMAGE = timedelta(hours=2)
MAX_FURTHER_SOURCES = 6

LEAD_CANDIDATES = 5
SECONDS = 4
SECONDS_OF_ONE_SECTION = 2
MOST_COVERED = 5
LATEST = 7
BOX = 5
LIST_SHARE = 4  # each list takes at most one in four of what is left


def build_front_page(
    *,
    site: Site,
    edition: Edition,
    articles_by_section: Mapping[str, Sequence[Article]],
    latest: Sequence[Article],
) -> FrontPage:
    """Return the front page of `edition`: the same page for the same articles, in whatever order they come.

    `articles_by_section` is keyed by section reference (`ar/sports`); a section without a key has no
    articles. `latest` are the newest articles of the edition, of any section.
    """
    sections = site.list_sections(edition.id)
    everything = _distinct([*latest, *(a for s in sections for a in articles_by_section.get(s.ref, ()))])
    ranked = sorted(everything, key=lambda a: (_standing(a, site), a.id), reverse=True)
    taken = _Taken()

    lead = next(iter(taken.take(_pictured_first(ranked[:LEAD_CANDIDATES], site), 1)), None)
    seconds = _take_seconds(taken, ranked, lead)
    share = max(0, len(everything) - len(seconds) - 1) // LIST_SHARE
    by_sources = sorted(
        (a for a in ranked if count_sources(a) > 1), key=count_sources, reverse=True
    )  # stable: equals keep their standing
    most_covered = taken.take(by_sources, min(MOST_COVERED, share))
    newest = sorted(everything, key=lambda a: (a.published_at, a.id), reverse=True)
    latest_taken = taken.take(newest, min(LATEST, share))
    boxes = []
    for section in sections:
        own = {a.id for a in articles_by_section.get(section.ref, ())}
        articles = taken.take((a for a in ranked if a.id in own), BOX)
        if articles:
            articles = _pictured_first(articles, site)
            boxes.append(SectionBox(section=section, articles=articles))
    return FrontPage(
        edition=edition,
        lead=lead,
        seconds=seconds,
        boxes=tuple(boxes),
        latest=latest_taken,
        most_covered=most_covered,
        newest_at=newest[0].published_at if newest else None,
    )


def _pictured_first(articles: Sequence[Article], site: Site) -> tuple[Article, ...]:
    """The same articles, the first one with an image moved to the front."""
    opener = next((a for a in articles if site.images and a.image), None)
    return tuple(articles) if opener is None else (opener, *(a for a in articles if a is not opener))


def list_outlets(article: Article) -> tuple[Coverage, ...]:
    """The other sources that carry the article, each once, in the order of its coverage."""
    found: dict[str, Coverage] = {}
    for copy in article.coverage:
        if copy.source_id != article.origin.id:
            found.setdefault(copy.source_id, copy)
    return tuple(found.values())


def count_sources(article: Article) -> int:
    """How many distinct sources carry the article, its own included: at least 1."""
    return 1 + len(list_outlets(article))


def _distinct(articles: Iterable[Article]) -> list[Article]:
    return list({a.id: a for a in articles}.values())


def _standing(article: Article, site: Site) -> datetime:
    further = min(count_sources(article) - 1, MAX_FURTHER_SOURCES)
    image = WORTH_OF_IMAGE if site.images and article.image else timedelta()
    return article.published_at + further * WORTH_OF_SOURCE + image


def _take_seconds(taken: _Taken, ranked: Sequence[Article], lead: Article | None) -> tuple[Article, ...]:
    """The next best articles, at most SECONDS_OF_ONE_SECTION of a section unless that leaves places empty."""
    if lead is None:
        return ()
    per_section = Counter(lead.sections[:1])
    varied = []
    for article in ranked:
        home = article.sections[:1]
        if article.id != lead.id and all(per_section[s] < SECONDS_OF_ONE_SECTION for s in home):
            varied.append(article)
            per_section.update(home)
    chosen = taken.take(varied, SECONDS)
    chosen += taken.take(ranked, SECONDS - len(chosen))
    order = {article.id: place for place, article in enumerate(ranked)}
    return tuple(sorted(chosen, key=lambda a: order[a.id]))


class _Taken:
    """Which articles and headlines already have a place."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._titles: set[str] = set()

    def take(self, articles: Iterable[Article], count: int) -> tuple[Article, ...]:
        """The first `count` articles that have no place yet; from now on they have one."""
        chosen: list[Article] = []
        for article in articles:
            if len(chosen) >= count:
                break
            title = " ".join(article.title.casefold().split())
            if article.id not in self._ids and title not in self._titles:
                self._ids.add(article.id)
                self._titles.add(title)
                chosen.append(article)
        return tuple(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionBox:
    """A section's place on the front page; never empty."""

    section: Section
    articles: tuple[Article, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPage:
    """An edition's front page. No article and no headline is on it twice."""

    edition: Edition
    lead: Article | None  # None: there are no articles at all
    seconds: tuple[Article, ...]
    boxes: tuple[SectionBox, ...]  # in the order of the configuration
    latest: tuple[Article, ...]  # newest first
    most_covered: tuple[Article, ...]  # at least two sources each, most first
    newest_at: datetime | None  # of the newest article on the page or not; None: there are none
