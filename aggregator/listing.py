"""What the feeds of sections and editions list."""

from __future__ import annotations

from datetime import timedelta
from operator import attrgetter

from aggregator.model import Article
from aggregator.publish.mixing import FEW_SOURCES, mix_sources
from aggregator.publish.stories import present_story
from aggregator.store import Transaction, articles, listings

_DEPTHS = (4, 16, 64)  # times the feed: so far back other sources are looked for
_TOP_WITHIN = timedelta(hours=24)


def list_mixed(tx: Transaction, section: str, *, limit: int) -> tuple[Article, ...]:
    """The newest articles of a section, none of its sources crowding out the others, each once.

    A source counts whose latest article is among the newest 64 times `limit`.
    """
    chosen: tuple[listings.Listed, ...] = ()
    for depth in _DEPTHS:
        found = listings.list_newest(tx, section, limit=depth * limit)
        chosen = mix_sources(found, attrgetter("source_id"), limit=limit)
        sources = {item.source_id for item in found}
        if len(found) < depth * limit or (len(chosen) == limit and len(sources) > FEW_SOURCES):
            break
    return articles.get_articles(tx, [item.article_id for item in chosen])


def list_top(tx: Transaction, section: str, *, limit: int) -> tuple[Article, ...]:
    """What most sources carry of the last 24 hours, which end with the newest article and not now."""
    return listings.list_most_covered(tx, section, limit=limit, within=_TOP_WITHIN)


def list_told(tx: Transaction, section: str, *, limit: int) -> tuple[Article, ...]:
    """A section's stories as items of a feed, whoever was told last first."""
    return tuple(present_story(story) for story in listings.list_stories(tx, section, limit=limit))
