"""What stands where on a front page. Pure: freshness is measured from the newest article, never from a clock.

docs/front-page.md says in words what is decided here; a test compares the figures.

The order of stories is that of their *standing*: the date of the article that stands for them, moved later by
WORTH_OF_SOURCE for every further source that tells the story (at most MAX_FURTHER_SOURCES of them), by
WORTH_OF_IMAGE where the page can show its image, and by as many hours as the weight of its section and the
priority of its source are. Of a story's articles that one stands for it which would stand best alone.

The lead is the first with an image among the LEAD_CANDIDATES best, else the best; a box opens with its best
story that has an image.

Places are given out from the top of the page down: lead, seconds, most covered, latest, boxes. Whatever has a
place is not given another one, and neither is a story with the same headline: no text stands twice on a page.
The two lists take at most a quarter each of what the top leaves, or a small site would have empty sections.
No section fills the top and no source a list or a box while there is something else to show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from aggregator.model import Article, Coverage, Edition, FrontStory, Section, Site
from aggregator.text import fold

WORTH_OF_SOURCE = timedelta(hours=4)
WORTH_OF_IMAGE = timedelta(hours=2)
WORTH_OF_WEIGHT = timedelta(hours=1)  # of one point of a section's weight or a source's priority
MAX_FURTHER_SOURCES = 6
COVERED_WITHIN = timedelta(hours=24)  # of the newest article: whose sources make 'most covered'

LEAD_CANDIDATES = 5
SECONDS = 4
SECONDS_OF_ONE_SECTION = 2
OF_ONE_SOURCE = 2  # in a box, or in the list of the latest
MOST_COVERED = 5
LATEST = 7
BOX = 5
LIST_SHARE = 4  # each list takes at most one in four of what is left

Standing = Callable[[Article, int], datetime]  # of an article in so many sources


def build_front_page(
    *,
    site: Site,
    edition: Edition,
    stories: Sequence[FrontStory],
    priorities: Mapping[str, int] | None = None,
) -> FrontPage:
    """Return the front page of `edition`: the same page for the same stories, in whatever order they come.

    A story belongs to the sections of its articles. `priorities` are those of sources by id, 0 where missing.
    """
    sections = site.list_sections(edition.id)
    stand = _make_standing(site, sections, priorities or {})
    ranked = _rank((_place(story, story.articles, stand) for story in stories), stand)
    newest_at = max((a.published_at for story in stories for a in story.articles), default=None)
    taken = _Taken()

    lead = find_lead(ranked, site)
    taken.take([lead] if lead else [], 1)
    homes = _find_homes(ranked, sections)
    used = [homes[lead.article.id]] if lead else []
    seconds = _take_varied(
        taken, ranked, SECONDS, most=SECONDS_OF_ONE_SECTION, group=lambda p: homes[p.article.id], used=used
    )
    share = max(0, len(ranked) - len(seconds) - 1) // LIST_SHARE
    covered = _count_lately(stories, newest_at)
    by_sources = sorted((p for p in ranked if covered[p.id] > 1), key=lambda p: covered[p.id], reverse=True)
    most_covered = taken.take(by_sources, min(MOST_COVERED, share))  # stable: equals keep their standing
    latest = _take_varied(
        taken, _list_latest(stories), min(LATEST, share), most=OF_ONE_SOURCE, group=_get_source
    )
    return FrontPage(
        edition=edition,
        lead=lead,
        seconds=seconds,
        boxes=tuple(_fill_boxes(taken, site, sections, stories, stand)),
        latest=latest,
        most_covered=most_covered,
        newest_at=newest_at,
    )


def rank_stories(
    *,
    site: Site,
    edition: Edition,
    stories: Iterable[FrontStory],
    priorities: Mapping[str, int] | None = None,
) -> tuple[Placed, ...]:
    """Return the stories as a front page would order them, the best first, of one headline the best alone."""
    stand = _make_standing(site, site.list_sections(edition.id), priorities or {})
    ranked = _rank((_place(story, story.articles, stand) for story in stories), stand)
    return _Taken().take(ranked, len(ranked))


def find_lead(ranked: Sequence[Placed], site: Site) -> Placed | None:
    """Of ranked stories the one that opens a page; None: there are none."""
    return next(iter(_pictured_first(ranked[:LEAD_CANDIDATES], site)), None)


def list_outlets(article: Article) -> tuple[Coverage, ...]:
    """The other sources that carry the article, each once, in the order of its coverage."""
    return _list_others(article, article.coverage)


def count_sources(article: Article) -> int:
    """How many distinct sources carry the article, its own included: at least 1."""
    return 1 + len(list_outlets(article))


# --- the order ------------------------------------------------------------------------------------


def _make_standing(site: Site, sections: Sequence[Section], priorities: Mapping[str, int]) -> Standing:
    weights = {section.ref: section.weight for section in sections}

    def stand(article: Article, sources: int) -> datetime:
        weight = max((weights.get(ref, 0) for ref in article.sections), default=0)
        points = weight + priorities.get(article.origin.id, 0)
        image = WORTH_OF_IMAGE if _has_image(article, site) else timedelta()
        further = min(sources - 1, MAX_FURTHER_SOURCES)
        return article.published_at + further * WORTH_OF_SOURCE + image + points * WORTH_OF_WEIGHT

    return stand


def _place(story: FrontStory, articles: Iterable[Article], stand: Standing) -> Placed:
    """The story as the best of the articles tells it."""
    best = max(articles, key=lambda a: (stand(a, count_sources(a)), a.id))
    return _tell(story, best)


def _tell(story: FrontStory, article: Article) -> Placed:
    others = _list_others(article, (*article.coverage, *story.coverage))
    return Placed(id=story.id, article=article, others=others)


def _rank(placed: Iterable[Placed], stand: Standing) -> list[Placed]:
    return sorted(placed, key=lambda p: (stand(p.article, p.sources), p.article.id), reverse=True)


def _list_latest(stories: Iterable[FrontStory]) -> list[Placed]:
    """Every story as its newest article tells it, newest first."""
    told = (_tell(story, max(story.articles, key=lambda a: (a.published_at, a.id))) for story in stories)
    return sorted(told, key=lambda p: (p.article.published_at, p.article.id), reverse=True)


def _count_lately(stories: Iterable[FrontStory], newest_at: datetime | None) -> Mapping[str, int]:
    """How many distinct sources have told each story in the last hours."""
    if newest_at is None:
        return {}
    since = newest_at - COVERED_WITHIN
    return {
        story.id: len({copy.source_id for copy in story.coverage if copy.published_at > since})
        for story in stories
    }


# --- the places -----------------------------------------------------------------------------------


def _fill_boxes(
    taken: _Taken, site: Site, sections: Sequence[Section], stories: Sequence[FrontStory], stand: Standing
) -> Iterator[SectionBox]:
    for section in sections:
        own = [(story, [a for a in story.articles if section.ref in a.sections]) for story in stories]
        ranked = _rank((_place(story, articles, stand) for story, articles in own if articles), stand)
        chosen = _take_varied(taken, ranked, BOX, most=OF_ONE_SOURCE, group=_get_source)
        if chosen:
            yield SectionBox(section=section, stories=_pictured_first(chosen, site))


def _take_varied(
    taken: _Taken,
    ranked: Sequence[Placed],
    count: int,
    *,
    most: int,
    group: Callable[[Placed], str],
    used: Iterable[str] = (),
) -> tuple[Placed, ...]:
    """The first `count` without a place, at most `most` of a group unless that leaves places empty."""
    seen = Counter(used)
    varied = []
    for placed in ranked:
        if seen[group(placed)] < most and not taken.has(placed):
            varied.append(placed)
            seen[group(placed)] += 1
    chosen = taken.take(varied, count)
    chosen += taken.take(ranked, count - len(chosen))
    order = {placed.id: place for place, placed in enumerate(ranked)}
    return tuple(sorted(chosen, key=lambda p: order[p.id]))


def _pictured_first(placed: Sequence[Placed], site: Site) -> tuple[Placed, ...]:
    """The same stories, the first one with an image moved to the front."""
    opener = next((p for p in placed if _has_image(p.article, site)), None)
    return tuple(placed) if opener is None else (opener, *(p for p in placed if p is not opener))


def _has_image(article: Article, site: Site) -> bool:
    return site.images and article.image is not None


def _get_source(placed: Placed) -> str:
    return placed.article.origin.id


def _find_homes(ranked: Iterable[Placed], sections: Sequence[Section]) -> Mapping[str, str]:
    """By article, the first section that it stands in."""
    return {p.article.id: next((s.ref for s in sections if s.ref in p.article.sections), "") for p in ranked}


def _list_others(article: Article, coverage: Iterable[Coverage]) -> tuple[Coverage, ...]:
    found: dict[str, Coverage] = {}
    for copy in coverage:
        if copy.source_id != article.origin.id:
            found.setdefault(copy.source_id, copy)
    return tuple(found.values())


class _Taken:
    """Which stories and headlines already have a place."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._titles: set[str] = set()

    def has(self, placed: Placed) -> bool:
        return placed.id in self._ids or _get_title(placed) in self._titles

    def take(self, ranked: Iterable[Placed], count: int) -> tuple[Placed, ...]:
        """The first `count` stories that have no place yet; from now on they have one."""
        chosen: list[Placed] = []
        for placed in ranked:
            if len(chosen) >= count:
                break
            if not self.has(placed):
                self._ids.add(placed.id)
                self._titles.add(_get_title(placed))
                chosen.append(placed)
        return tuple(chosen)


def _get_title(placed: Placed) -> str:
    # Headlines of signs alone fold to nothing, and are not all the same.
    return fold(placed.article.title) or placed.article.title


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A story in its place."""

    id: str  # of the story, as in FrontStory
    article: Article  # that stands for it
    others: tuple[Coverage, ...]  # the other sources that tell it, each once, those of the same text first

    @property
    def sources(self) -> int:
        return 1 + len(self.others)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionBox:
    """A section's place on the front page; never empty."""

    section: Section
    stories: tuple[Placed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontPage:
    """An edition's front page. No story and no headline is on it twice."""

    edition: Edition
    lead: Placed | None  # None: there are no stories at all
    seconds: tuple[Placed, ...]
    boxes: tuple[SectionBox, ...]  # in the order of the configuration
    latest: tuple[Placed, ...]  # newest first
    most_covered: tuple[Placed, ...]  # at least two sources each, most first
    newest_at: datetime | None  # of the newest article on the page or not; None: there are none

    def list_placed(self) -> tuple[Placed, ...]:
        """Everything on the page, the most prominent first."""
        lead = (self.lead,) if self.lead else ()
        boxed = (placed for box in self.boxes for placed in box.stories)
        return (*lead, *self.seconds, *self.latest, *self.most_covered, *boxed)
