"""What passes between the store and the decisions on stories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryArticle:
    """An article as stories are decided by it."""

    article_id: int
    source_id: str  # of its leading entry
    published_at: datetime
    vector: bytes  # packed by dedupe.terms
    links: frozenset[int]  # explicit evidence by dedupe.links; empty: none


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryCandidate:
    """A stored story that new articles might belong to.

    `articles` holds its founder, whatever an admin has ruled on, and the latest others, eight in all.
    """

    story_id: int
    size: int  # in articles, those left out of `articles` included
    first_at: datetime
    articles: tuple[StoryArticle, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRulings:
    """An admin's decisions as pairs of article ids, the lesser first: they win over every likeness."""

    together: frozenset[tuple[int, int]] = frozenset()
    apart: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryReason:
    """Why an article is in its story, or why two stories became one."""

    rule: str  # founder | likeness | link | ruling
    score: float  # mean likeness with the articles of the other side; 0 where the rule needs none
    threshold: float
    words: tuple[str, ...]  # what both sides are about, the strongest first
    near: int | None = None  # the article of the other side that is likest; None: the rule compares none


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryMerge:
    """All articles of the one story go to the other."""

    from_story: int
    into_story: int
    reason: StoryReason


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryPlan:
    """What to write down: merges first, then the story of every article named.

    `placements` names each new article, and the known articles that move to another story. A story id that is
    not stored yet is that of a new story: the id of the article that founds it.
    """

    placements: dict[int, tuple[int, StoryReason]]
    merges: tuple[StoryMerge, ...]
