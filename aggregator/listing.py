"""What the feeds of sections and editions list."""

from __future__ import annotations

from operator import attrgetter

from aggregator.model import Article
from aggregator.publish.digest import COVERED_WITHIN
from aggregator.publish.mixing import mix_newest
from aggregator.publish.stories import present_story
from aggregator.store import Transaction, articles, listings


def list_mixed(tx: Transaction, section: str, *, limit: int) -> tuple[Article, ...]:
    """The newest articles of a section, none of its sources crowding out the others, each once."""
    chosen = mix_newest(
        lambda count: listings.list_newest(tx, section, limit=count), attrgetter("source_id"), limit=limit
    )
    return articles.get_articles(tx, [item.article_id for item in chosen])


def list_top(tx: Transaction, section: str, *, limit: int) -> tuple[Article, ...]:
    """What most sources carry of the last 24 hours, which end with the newest article and not now."""
    return listings.list_most_covered(tx, section, limit=limit, within=COVERED_WITHIN)


def list_told(tx: Transaction, section: str, *, limit: int) -> tuple[Article, ...]:
    """A section's stories as items of a feed, whoever was told last first."""
    return tuple(present_story(story) for story in listings.list_stories(tx, section, limit=limit))
