"""What readers look for and what they find; the pages that look back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from aggregator.model.articles import Article
from aggregator.model.settings import Direction

SearchTrouble = Literal["source", "section", "date", "order", "many"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchTerm:
    """A word or a phrase: stems that stand in a row, in every way that a language of ours would stem it."""

    readings: tuple[tuple[str, ...], ...]
    excluded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchQuery:
    """All of it must hold. An empty tuple asks for nothing."""

    edition: str
    terms: tuple[SearchTerm, ...] = ()
    sources: tuple[str, ...] = ()  # any of these
    sections: tuple[str, ...] = ()  # references; any of these
    not_sources: tuple[str, ...] = ()
    not_sections: tuple[str, ...] = ()
    since: datetime | None = None
    before: datetime | None = None  # not that instant any more

    @property
    def asks(self) -> bool:
        """Whether there is anything to look for."""
        wanted = (self.terms, self.sources, self.sections, self.not_sources, self.not_sections)
        return any(wanted) or self.since is not None or self.before is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchProblem:
    """What a reader has asked for that cannot be: the page says so in the edition's words."""

    trouble: SearchTrouble
    value: str  # as the reader wrote it


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchHit:
    article: Article
    stemmed_as: str  # the language that the index has stemmed its words by


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """One page of hits, the best first."""

    hits: tuple[SearchHit, ...]
    total: int  # that can be shown
    more: bool  # whether there are older ones beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """An outlet's report of a story, as it stands now."""

    article_id: str  # opaque
    source_id: str
    source_name: str
    title: str
    former_titles: tuple[str, ...]  # the latest first
    url: str | None
    lang: str
    dir: Direction
    published_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """A story with all who tell it."""

    id: str  # opaque, as in /story/{id}
    lead: Article  # the one that most sources carry, of such the earliest
    tellings: tuple[Telling, ...]  # the lead's first, then by time
    untold: int  # tellings beyond those listed
    sources: int  # distinct
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What an edition published on a day of the site's time zone, or one page of it."""

    on: date
    groups: tuple[tuple[str | None, tuple[Article, ...]], ...]  # section reference; None: of none of ours
    total: int
    pages: int  # at least 1
    previous: date | None  # the last day before it that has articles
    next: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """What the store has of a source."""

    site_url: str | None
    entries: int
    last_at: datetime | None  # of its latest entry; None: there is none
