"""Stories in the store: the articles that wait for one, what they might belong to, and what was decided.

Terms and links are indexed like sketches, in a bounded number of slots each, for as long as stories grow.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from sqlalchemy import and_, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from aggregator.model import StoryArticle, StoryCandidate, StoryPlan, StoryReason, StoryRulings
from aggregator.store.counters import STORIES_JOINED, add_counts
from aggregator.store.engine import Transaction, insert_rows, read_rows, write_rows
from aggregator.store.ids import batched_ids
from aggregator.store.tables import (
    articles,
    entries,
    essences,
    redirects,
    signatures,
    story_rulings,
    story_terms,
    term_counts,
    to_microseconds,
    vectors,
)

SLOTS = 48
KNOWN_STORIES = 8  # looked up for an article
KNOWN_ARTICLES = 8  # of a story, at hand for a decision
LIFETIME = timedelta(days=14)
HALF_LIFE = timedelta(days=14)  # of a term's count
FADED = 0.05  # a count that says no more than none

_FORGOTTEN_AT_ONCE = 200
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

_COUNTS = select(term_counts.c.term, term_counts.c.count).where(
    term_counts.c.term.in_(bindparam("ids", expanding=True))
)
_HOLDERS = select(story_terms.c.term, story_terms.c.article_id, story_terms.c.weight).where(
    story_terms.c.published_at >= bindparam("since", None),
    story_terms.c.term.in_(bindparam("ids", expanding=True)),
)
_STORIES = select(articles.c.id, articles.c.story_id).where(
    articles.c.story_id.is_not(None), articles.c.id.in_(bindparam("ids", expanding=True))
)
_counted = insert(term_counts)
_COUNT = _counted.on_conflict_do_update(
    index_elements=["term"], set_={"count": term_counts.c.count + _counted.excluded.count}
)
_recorded = insert(vectors)
_RECORD_VECTOR = _recorded.on_conflict_do_update(
    index_elements=["article_id"],
    set_={column.name: column for column in _recorded.excluded if column.name != "article_id"},
)
_placed = insert(story_terms)
_PLACE = _placed.on_conflict_do_update(
    index_elements=["term", "slot"],
    set_={name: _placed.excluded[name] for name in ("article_id", "weight", "published_at")},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingArticle:
    """An article that no story has been found for yet, by its leading entry."""

    article_id: int
    source_id: str
    published_at: datetime
    lang: str
    url: str | None
    image_url: str | None
    folded: str  # title, line end, text
    essence: bytes | None  # None: it is yet to be made of the others


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedArticle:
    """An article with what it is found by."""

    article: StoryArticle
    weights: Mapping[int, float]  # of its salient terms


def list_pending(tx: Transaction, *, limit: int) -> tuple[PendingArticle, ...]:
    """Articles without a story, the oldest first."""
    query = (
        select(
            articles.c.id,
            articles.c.published_at,
            entries.c.source_id,
            entries.c.lang,
            entries.c.url,
            entries.c.image,
            entries.c.title,
            signatures.c.folded,
            essences.c.packed,
        )
        .join(entries, entries.c.id == articles.c.lead_entry_id)
        .outerjoin(signatures, signatures.c.entry_id == articles.c.lead_entry_id)
        .outerjoin(essences, essences.c.entry_id == articles.c.lead_entry_id)
        .where(articles.c.story_id.is_(None))
        .order_by(articles.c.published_at, articles.c.id)
        .limit(limit)
    )
    return tuple(
        PendingArticle(
            article_id=row.id,
            source_id=row.source_id,
            published_at=row.published_at,
            lang=row.lang,
            url=row.url,
            image_url=row.image["url"] if row.image else None,
            folded=row.folded or f"{row.title}\n",
            essence=row.packed,
        )
        for row in tx.execute(query)
    )


def has_pending(tx: Transaction) -> bool:
    return tx.execute(select(articles.c.id).where(articles.c.story_id.is_(None)).limit(1)).first() is not None


def count_terms(tx: Transaction, added: Mapping[int, int], *, now: datetime) -> None:
    """Raise the counts of terms. They halve in HALF_LIFE: counts are kept in units that double meanwhile."""
    unit = _find_unit(now)
    write_rows(tx, _COUNT, sorted((term, count * unit) for term, count in added.items()))


def get_counts(tx: Transaction, terms: Collection[int], *, now: datetime) -> dict[int, float]:
    """The faded counts of those of the terms that have one."""
    unit = _find_unit(now)
    return {term: count / unit for term, count in read_rows(tx, _COUNTS, terms)}


def list_candidates(
    tx: Transaction, fresh: Sequence[IndexedArticle], *, since: datetime
) -> tuple[StoryCandidate, ...]:
    """For each article the stories whose terms weigh most with its own, and those it has a link with."""
    terms = {term for each in fresh for term in (*each.weights, *each.article.links)}
    holders = _list_holders(tx, terms, since=since)
    wanted: set[int] = set()
    for each in fresh:
        shares: defaultdict[int, float] = defaultdict(float)
        for term, weight in each.weights.items():
            for story_id, other_weight in holders[term].items():
                shares[story_id] += weight * other_weight
        likest = sorted([(-share, story_id) for story_id, share in shares.items()])
        wanted.update(story_id for _, story_id in likest[:KNOWN_STORIES])
        wanted.update(story_id for link in each.article.links for story_id in holders[link])
    return _read_stories(tx, wanted)


def list_rulings(tx: Transaction, article_ids: Collection[int]) -> StoryRulings:
    if tx.execute(select(story_rulings.c.one).limit(1)).first() is None:
        return StoryRulings()
    pairs: dict[bool, set[tuple[int, int]]] = {True: set(), False: set()}
    for chunk in batched_ids(article_ids):
        touched = or_(story_rulings.c.one.in_(chunk), story_rulings.c.other.in_(chunk))
        for row in tx.execute(select(story_rulings).where(touched)):
            pairs[row.together].add((row.one, row.other))
    return StoryRulings(together=frozenset(pairs[True]), apart=frozenset(pairs[False]))


def record_plan(tx: Transaction, plan: StoryPlan) -> None:
    """Write down what was decided: merges first, then the story of every article named."""
    for merge in plan.merges:
        moved = update(articles).where(articles.c.story_id == merge.from_story)
        tx.execute(moved.values(_story_values(merge.into_story, merge.reason)))
        redirect_story(tx, merge.from_story, merge.into_story)
    joined = Counter(r.rule for number, (story, r) in plan.placements.items() if story != number)
    add_counts(tx, {(STORIES_JOINED, rule): count for rule, count in joined.items()})
    placed = [
        {"placed": article_id} | _story_values(story_id, reason)
        for article_id, (story_id, reason) in plan.placements.items()
    ]
    if placed:
        tx.execute(update(articles).where(articles.c.id == bindparam("placed")), placed)
    for chunk in batched_ids(plan.placements.keys()):  # an article has the id of the entry that founded it
        tx.execute(delete(essences).where(essences.c.entry_id.in_(chunk)))
    back = {story_id for story_id, _ in plan.placements.values()}
    for chunk in batched_ids(back):
        tx.execute(delete(redirects).where(redirects.c.kind == "story", redirects.c.from_id.in_(chunk)))


def redirect_story(tx: Transaction, from_story: int, into_story: int) -> None:
    """Let the address of one story lead to another, and what led to it."""
    _redirect(tx, "story", from_story, into_story)


def redirect_article(tx: Transaction, from_article: int, into_article: int, *, now: datetime) -> None:
    """The same of an article, which feeds say is gone."""
    _redirect(tx, "article", from_article, into_article, withdrawn_at=now)


def find_redirect(tx: Transaction, kind: str, from_id: int) -> int | None:
    query = select(redirects.c.into_id).where(redirects.c.kind == kind, redirects.c.from_id == from_id)
    return tx.execute(query).scalar()


def index_articles(tx: Transaction, indexed: Iterable[IndexedArticle], *, now: datetime) -> None:
    """Make articles findable by their terms and links."""
    rows, places = [], []
    for each in indexed:
        article = each.article
        rows.append(
            {
                "article_id": article.article_id,
                "source_id": article.source_id,
                "published_at": article.published_at,
                "weighed_at": now,
                "vector": article.vector,
                "links": sorted(article.links),
            }
        )
        slot, at = article.article_id % SLOTS, to_microseconds(article.published_at)
        weights = {**dict.fromkeys(article.links, 0.0), **each.weights}
        places += [(term, slot, article.article_id, weight, at) for term, weight in weights.items()]
    insert_rows(tx, _RECORD_VECTOR, rows)
    places.sort(key=itemgetter(0))  # in the order of the table: each page of it is written once
    write_rows(tx, _PLACE, places)


def forget_vectors(tx: Transaction, *, before: datetime) -> int:
    """Drop some vectors that were weighed before then, the oldest first; how many."""
    old = select(vectors.c.article_id).where(vectors.c.weighed_at < before)
    doomed = tx.execute(old.order_by(vectors.c.weighed_at).limit(_FORGOTTEN_AT_ONCE)).scalars().all()
    for chunk in batched_ids(doomed):
        tx.execute(delete(vectors).where(vectors.c.article_id.in_(chunk)))
    return len(doomed)


def forget_terms(tx: Transaction, *, now: datetime) -> None:
    """Drop what has faded, lost its article or found a story; for the nightly prune."""
    waiting = select(articles.c.id).where(
        articles.c.lead_entry_id == essences.c.entry_id, articles.c.story_id.is_(None)
    )
    tx.execute(delete(essences).where(~waiting.exists()))
    tx.execute(delete(term_counts).where(term_counts.c.count < FADED * _find_unit(now)))
    known = select(vectors.c.article_id).where(vectors.c.article_id == story_terms.c.article_id)
    tx.execute(delete(story_terms).where(~known.exists()))


def _list_holders(
    tx: Transaction, terms: Collection[int], *, since: datetime
) -> Mapping[int, dict[int, float]]:
    """Per term the stories that have it, with the weight of the article that has most of it."""
    holders: defaultdict[int, dict[int, float]] = defaultdict(dict)
    rows = list(read_rows(tx, _HOLDERS, terms, to_microseconds(since)))
    homes = dict(read_rows(tx, _STORIES, {article_id for _, article_id, _ in rows}))
    for term, article_id, weight in rows:
        story_id = homes.get(article_id)
        if story_id is not None:
            stories = holders[term]
            stories[story_id] = max(weight, stories.get(story_id, 0.0))
    return holders


def _read_stories(tx: Transaction, story_ids: Collection[int]) -> tuple[StoryCandidate, ...]:
    members = _list_members(tx, story_ids)
    ruled = _list_ruled(tx, {article_id for story in members.values() for article_id, _ in story})
    chosen = {story_id: _choose(story_id, story, ruled) for story_id, story in members.items()}
    known = _read_articles(tx, {article_id for story in chosen.values() for article_id in story})
    return tuple(
        StoryCandidate(
            story_id=story_id,
            size=len(members[story_id]),
            first_at=members[story_id][-1][1],
            articles=tuple(known[article_id] for article_id in chosen[story_id] if article_id in known),
        )
        for story_id in sorted(chosen)
        if not known.keys().isdisjoint(chosen[story_id])
    )


def _list_members(tx: Transaction, story_ids: Collection[int]) -> Mapping[int, list[tuple[int, datetime]]]:
    """Per story its articles, the latest first, and when they were published."""
    members: defaultdict[int, list[tuple[int, datetime]]] = defaultdict(list)
    query = select(articles.c.story_id, articles.c.id, articles.c.published_at)
    for chunk in batched_ids(story_ids):
        chosen = query.where(articles.c.story_id.in_(chunk))
        latest = chosen.order_by(articles.c.published_at.desc(), articles.c.id)
        for story_id, article_id, at in tx.execute(latest).all():
            members[story_id].append((article_id, at))
    return members


def _choose(story_id: int, members: Iterable[tuple[int, datetime]], ruled: Collection[int]) -> list[int]:
    """The founder, whatever an admin has ruled on, and the latest others."""
    first: list[int] = []
    others: list[int] = []
    for article_id, _ in members:
        (first if article_id == story_id or article_id in ruled else others).append(article_id)
    return first + others[: max(0, KNOWN_ARTICLES - len(first))]


def _read_articles(tx: Transaction, article_ids: Collection[int]) -> dict[int, StoryArticle]:
    """Those of the articles that still take part."""
    columns = (
        vectors.c.article_id,
        vectors.c.source_id,
        vectors.c.published_at,
        vectors.c.vector,
        vectors.c.links,
    )
    return {
        article_id: StoryArticle(
            article_id=article_id,
            source_id=source_id,
            published_at=published_at,
            vector=vector,
            links=frozenset(links),
        )
        for chunk in batched_ids(article_ids)
        for article_id, source_id, published_at, vector, links in tx.execute(
            select(*columns).where(vectors.c.article_id.in_(chunk))
        ).all()
    }


def _list_ruled(tx: Transaction, article_ids: Collection[int]) -> set[int]:
    rulings = list_rulings(tx, article_ids)
    return {article_id for pair in rulings.together | rulings.apart for article_id in pair}


def _story_values(story_id: int, reason: StoryReason) -> dict[str, object]:
    return {
        "story_id": story_id,
        "story_rule": reason.rule,
        "story_score": round(reason.score, 3),
        "story_threshold": round(reason.threshold, 3),
        "story_words": " ".join(reason.words),
        "story_near": reason.near if reason.rule == "founder" else None,
    }


def _redirect(
    tx: Transaction, kind: str, from_id: int, into_id: int, *, withdrawn_at: datetime | None = None
) -> None:
    leading = and_(redirects.c.kind == kind, redirects.c.into_id == from_id)
    tx.execute(update(redirects).where(leading).values(into_id=into_id))
    led = {"into_id": into_id, "withdrawn_at": withdrawn_at}
    row = insert(redirects).values(kind=kind, from_id=from_id, **led)
    tx.execute(row.on_conflict_do_update(index_elements=["kind", "from_id"], set_=led))


def _find_unit(now: datetime) -> float:
    return float(2 ** ((now - _EPOCH) / HALF_LIFE))
