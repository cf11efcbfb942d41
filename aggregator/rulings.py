"""`aggregator split` and `aggregator merge`: an admin's word on what is one article and what is one story.

Each applies at once and holds for good. Every function returns one sentence of what was done, for the
terminal; raises NoSuchEntry for an entry that is not stored, and RulingRefused for what cannot be, with
what can. Entries are named by their public ids; an article's or a story's id names the entry that founded it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from aggregator.config import Settings
from aggregator.errors import NoSuchEntry, RulingRefused
from aggregator.grouping import group_new
from aggregator.model import Decision
from aggregator.store import Transaction, entries, open_store, rulings
from aggregator.store.ids import decode_id, encode_id
from aggregator.store.rulings import Standing


def split_article(settings: Settings, entry: str, *, now: datetime) -> str:
    """Give an entry an article of its own."""

    def split(tx: Transaction) -> str:
        standing = _get_standing(tx, entry)
        article = encode_id(standing.article_id)
        if not standing.others:
            raise RulingRefused(f"entry {entry} is alone in its article {article}: there is nothing to split")
        if standing.entry_id == standing.article_id:
            raise RulingRefused(
                f"entry {entry} founded its article, whose address and guid are made from it: it cannot "
                f"leave. Split the others from it instead: aggregator explain {entry} lists them"
            )
        evidence = f"an admin split it from article {article} on {now:%Y-%m-%d}"
        rulings.split_entry(tx, standing.entry_id, Decision(rule=entries.RULING, evidence=evidence))
        return f"entry {entry} left article {article} and has one of its own, {entry}"

    return _rule(settings, split, now=now)


def merge_articles(settings: Settings, one: str, other: str, *, now: datetime) -> str:
    """Make one article of those of two entries; the older keeps its address and guid."""

    def merge(tx: Transaction) -> str:
        older, younger = sorted((_get_standing(tx, one), _get_standing(tx, other)), key=lambda s: s.age)
        kept, gone = encode_id(older.article_id), encode_id(younger.article_id)
        if kept == gone:
            raise RulingRefused(f"entries {one} and {other} are in one article already, {kept}")
        evidence = f"an admin merged article {gone} into this one on {now:%Y-%m-%d}"
        decision = Decision(rule=entries.RULING, evidence=evidence)
        rulings.merge_article(tx, younger, older, decision, now=now)
        count = younger.others + 1
        what = "its entry is" if count == 1 else f"its {count} entries are"
        return f"article {gone} went into {kept}, where {what} now; its old address leads there"

    return _rule(settings, merge, now=now)


def split_story(settings: Settings, entry: str, *, now: datetime) -> str:
    """Part an entry's article from the other articles of its story."""

    def split(tx: Transaction) -> str:
        standing = _get_standing(tx, entry)
        article_id, story_id = standing.article_id, _get_story(standing)
        article, story = encode_id(article_id), encode_id(story_id)
        others = [i for _, i in rulings.list_articles(tx, story_id) if i != article_id]
        if not others:
            raise RulingRefused(f"article {article} is alone in its story {story}: there is nothing to split")
        new = encode_id(rulings.split_story(tx, standing, others, now=now))
        if story_id != article_id:
            return f"article {article} left story {story} and has one of its own, {new}"
        rest = "the other article has" if len(others) == 1 else f"the {len(others)} other articles have"
        return f"article {article} founded story {story} and keeps it to itself; {rest} a new one, {new}"

    return _rule(settings, split, now=now)


def merge_stories(settings: Settings, one: str, other: str, *, now: datetime) -> str:
    """Make one story of those of two entries' articles; the larger keeps its id."""

    def merge(tx: Transaction) -> str:
        first, second = _get_standing(tx, one), _get_standing(tx, other)
        if first.article_id == second.article_id:
            article = encode_id(first.article_id)
            raise RulingRefused(f"entries {one} and {other} are in one article, {article}, so in one story")
        sides = [(standing.article_id, _get_story(standing)) for standing in (first, second)]
        merged = rulings.merge_stories(tx, *sides, now=now)
        if merged is None:
            return f"both are in story {encode_id(sides[0][1])} already; from now on they stay together"
        return f"story {encode_id(merged[0])} went into {encode_id(merged[1])}"

    return _rule(settings, merge, now=now)


def _rule(settings: Settings, apply: Callable[[Transaction], str], *, now: datetime) -> str:
    """Decide in one transaction, with every article's story known before it and after it."""
    store = open_store(settings.store_url)
    never = threading.Event()
    try:
        group_new(store, now=now, stopping=never)
        with store.write() as tx:
            sentence = apply(tx)
            entries.bump_revision(tx, now=now)
        group_new(store, now=now, stopping=never)
    finally:
        store.close()
    return sentence


def _get_standing(tx: Transaction, entry: str) -> Standing:
    number = decode_id(entry)
    standing = None if number is None else rulings.find_standing(tx, number)
    if standing is None:
        raise NoSuchEntry(entry)
    return standing


def _get_story(standing: Standing) -> int:
    if standing.story_id is None:
        article = encode_id(standing.article_id)
        raise RulingRefused(f"article {article} came in just now and has no story yet: try again in a moment")
    return standing.story_id
