"""New articles into stories, a batch at a time. Saving does not wait for it: an article is published
before its story is known."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime

from aggregator.dedupe.essence import Essence, make_essence, unpack_essence
from aggregator.dedupe.stories import WINDOW, assign_stories
from aggregator.dedupe.terms import (
    count_key,
    list_counted,
    list_salient,
    pack_vector,
    weigh_terms,
)
from aggregator.model import StoryArticle
from aggregator.store import Store, Transaction, entries, stories

_BATCH = 100  # articles in one transaction: writers wait that long


def group_new(store: Store, *, now: datetime, stopping: threading.Event) -> int:
    """Find stories for all articles that have none; how many there were. Stops between two batches."""
    grouped = 0
    while not stopping.is_set():
        with store.read() as tx:
            if not stories.has_pending(tx):
                break
        with store.write() as tx:
            batch = _group_batch(tx, now=now)
        if not batch:  # another process was faster
            break
        grouped += batch
    return grouped


def _group_batch(tx: Transaction, *, now: datetime) -> int:
    pending = stories.list_pending(tx, limit=_BATCH)
    if not pending:
        return 0
    essences = [_find_essence(article) for article in pending]
    terms = [essence.terms for essence in essences]
    counted = Counter(term for each in terms for term in list_counted(each))
    stories.count_terms(tx, counted, now=now)
    counts = stories.get_counts(tx, counted, now=now)
    fresh = [_weigh(article, each, counts) for article, each in zip(pending, essences, strict=True)]
    since = min(article.published_at for article in pending) - WINDOW
    candidates = stories.list_candidates(tx, fresh, since=since)
    at_hand = {each.article.article_id for each in fresh}
    at_hand |= {article.article_id for story in candidates for article in story.articles}
    plan = assign_stories(
        [each.article for each in fresh],
        candidates,
        {each.lang: counts[count_key(each.lang)] for each in terms},
        stories.list_rulings(tx, at_hand),
    )
    stories.record_plan(tx, plan)
    stories.index_articles(tx, fresh, now=now)
    stories.forget_vectors(tx, before=now - stories.LIFETIME)
    entries.bump_revision(tx, now=now)
    return len(pending)


def _find_essence(article: stories.PendingArticle) -> Essence:
    if article.essence is not None:
        return unpack_essence(article.essence)
    return make_essence(article.folded, lang=article.lang, url=article.url, image_url=article.image_url)


def _weigh(
    article: stories.PendingArticle, essence: Essence, counts: dict[int, float]
) -> stories.IndexedArticle:
    vector = weigh_terms(essence.terms, counts)
    return stories.IndexedArticle(
        article=StoryArticle(
            article_id=article.article_id,
            source_id=article.source_id,
            published_at=article.published_at,
            vector=pack_vector(vector),
            links=essence.links,
        ),
        weights={term: vector.weights[term] for term in list_salient(vector)},
    )
