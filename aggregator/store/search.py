"""What articles are searched by: their words as stems, as far as readers may see them, beside an index.

A row stands for an article and changes in the transaction that changes the article; the database's index
follows by itself (migration 0004). The numbers of the rows are in the order of publication, so that both
databases give the newest hits first without sorting, and a range of days is a range of numbers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from math import sqrt
from typing import Any, NamedTuple

from sqlalchemy import Row, TextClause, and_, bindparam, delete, func, insert, select, text, update

from aggregator.model import SearchHit, SearchQuery, SearchResult, SearchTerm, SearchWords
from aggregator.plain import read_text
from aggregator.stems import find_visible, stem_article
from aggregator.store.articles import get_articles
from aggregator.store.engine import Store, Transaction, insert_rows
from aggregator.store.ids import batched_ids, decode_id
from aggregator.store.tables import articles, entries, search_texts, sources

CANDIDATES = 1000  # the newest hits: so many are ranked, and can be paged through
FRESH = timedelta(days=7)  # three times as old, and twice the relevance is needed for the same place

_log = logging.getLogger(__name__)

_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD_EVERY = 10_000
_PER_MINUTE = 1 << 12  # numbers
_ENDS = (-(1 << 62), 1 << 62)
_NUMBERED_AT_ONCE = 500  # in one IN list
_INSERT = insert(search_texts)
_INDEXED_AT_ONCE = 100  # articles in one transaction: writers of other processes wait that long

_WEIGHTS = {"title": 5.0, "body": 1.0}
_SQLITE = """
SELECT rowid, {relevance} FROM search_index
WHERE search_index MATCH :match AND rowid >= :since AND rowid < :before ORDER BY rowid DESC LIMIT :limit
"""
_SQLITE_RELEVANCE = f"-bm25(search_index, {_WEIGHTS['title']}, {_WEIGHTS['body']}, 0.0)"
_POSTGRESQL = """
SELECT id, {relevance} FROM search_texts, CAST(:match AS tsquery) AS query
WHERE words @@ query AND id >= :since AND id < :before ORDER BY id DESC LIMIT :limit
"""
_POSTGRESQL_RELEVANCE = (
    f"ts_rank('{{0, 0, {_WEIGHTS['body'] / _WEIGHTS['title']}, 1}}', words, CAST(:ranked AS tsquery), 1)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """An article that is new with all its entries."""

    article_id: int
    source_id: str  # of the entry that founded it, whose words it has
    published_at: datetime
    words: SearchWords
    places: frozenset[tuple[str, str]]  # of its entries, the source and the section of each


class _Match(NamedTuple):
    number: int  # of the row
    relevance: float  # positive; 1 where no word was asked for


def find_articles(tx: Transaction, query: SearchQuery, *, limit: int, offset: int = 0) -> SearchResult:
    """A page of the hits, the best first: by relevance / sqrt(1 + age / FRESH), the age from the newest hit.

    Ranked are the newest CANDIDATES; without words they stay in the order of publication.
    """
    matches = _list_matches(tx, query, limit=CANDIDATES + 1)
    more, matches = len(matches) > CANDIDATES, matches[:CANDIDATES]
    if query.terms:
        matches = sorted(matches, key=lambda match: -_score(match, newest=matches[0]))
    page = [match.number for match in matches[offset : offset + limit]]
    columns = (search_texts.c.id, search_texts.c.article_id, search_texts.c.lang)
    rows = {row.id: row for row in tx.execute(select(*columns).where(search_texts.c.id.in_(page)))}
    ordered = [rows[number] for number in page]
    read = {decode_id(a.id): a for a in get_articles(tx, [row.article_id for row in ordered])}
    hits = (SearchHit(article=read[row.article_id], stemmed_as=row.lang) for row in ordered)
    return SearchResult(hits=tuple(hits), total=len(matches), more=more)


def list_languages(tx: Transaction) -> tuple[str, ...]:
    """The languages that words are stemmed by in the index, sorted."""
    found: list[str] = []
    query = select(func.min(search_texts.c.lang))
    # One look-up for each: SQLite would read all of the index for DISTINCT.
    while lang := tx.execute(query.where(search_texts.c.lang > (found[-1] if found else ""))).scalar():
        found.append(lang)
    return tuple(found)


def index_articles(tx: Transaction, article_ids: Collection[int]) -> None:
    """Bring the rows of these articles in line with what is stored of them; what is gone loses its own."""
    for chunk in batched_ids(article_ids):
        rows = _read_rows(tx, chunk)
        places = _list_places(tx, chunk)
        new, changed = [], []
        for row in rows:
            values = _make_values(row, places[row.article_id])
            if row.number is None:
                new.append((row.published_at, values))
            elif any(row._mapping[f"known_{name}"] != values[name] for name in _COMPARED):
                changed.append(values | {"number": row.number})
        forget_articles(tx, set(chunk) - {row.article_id for row in rows})
        if changed:
            changed.sort(key=lambda values: values["number"])  # else SQLite's index is flushed at each row
            tx.execute(update(search_texts).where(search_texts.c.id == bindparam("number")), changed)
        if new:
            insert_rows(tx, _INSERT, _number(tx, new))


def index_founded(tx: Transaction, founded: Sequence[Founded]) -> set[int]:
    """Index articles that are being founded, by the words that come with them; returns their ids.

    Left out are those whose words were made for other rights than their source has by now.
    """
    rights = _list_rights(tx, {each.source_id for each in founded})
    ready = [each for each in founded if rights.get(each.source_id) == each.words.content]
    known = _list_indexed(tx, [each.article_id for each in ready])
    new = [(each.published_at, _list_values(each)) for each in ready if each.article_id not in known]
    for start in range(0, len(new), _NUMBERED_AT_ONCE):
        insert_rows(tx, _INSERT, _number(tx, new[start : start + _NUMBERED_AT_ONCE]))
    return {values["article_id"] for _, values in new}


def _list_values(founded: Founded) -> dict[str, Any]:
    words = founded.words
    return {
        "article_id": founded.article_id,
        "lang": words.lang,
        "title": words.title,
        "body": words.body,
        "places": _join_places(founded.places),
    }


def _list_rights(tx: Transaction, source_ids: Collection[str]) -> dict[str, str]:
    query = select(sources.c.id, sources.c.content).where(sources.c.id.in_(source_ids))
    return {row.id: row.content for row in tx.execute(query)}


def _list_indexed(tx: Transaction, article_ids: Collection[int]) -> set[int]:
    found: set[int] = set()
    for chunk in batched_ids(article_ids):
        query = select(search_texts.c.article_id).where(search_texts.c.article_id.in_(chunk))
        found.update(tx.execute(query).scalars())
    return found


def forget_articles(tx: Transaction, article_ids: Collection[int]) -> None:
    for chunk in batched_ids(article_ids):
        tx.execute(delete(search_texts).where(search_texts.c.article_id.in_(chunk)))


def forget_source(tx: Transaction, source_id: str) -> None:
    """Drop the words of all that a source leads, until `index_missing`: its rights have changed."""
    led = (
        select(articles.c.id)
        .join(entries, entries.c.id == articles.c.lead_entry_id)
        .where(entries.c.source_id == source_id)
    )
    tx.execute(delete(search_texts).where(search_texts.c.article_id.in_(led)))


def count_missing(tx: Transaction) -> int:
    """Articles that no search finds yet."""
    return tx.execute(select(func.count()).select_from(_select_missing().subquery())).scalar_one()


def index_missing(store: Store, *, stopping: threading.Event) -> int:
    """Index the articles that have no words yet; how many there were.

    Works in short transactions and stops between two of them once `stopping` is set. The log tells how far
    it has come.
    """
    done, last = 0, -1
    with store.read() as tx:
        missing = count_missing(tx)
    if missing:
        _log.info("search: %d articles are stored without their words and will be indexed now", missing)
    while not stopping.is_set():
        with store.read() as tx:
            chunk = (
                tx.execute(_select_missing().where(articles.c.id > last))
                .scalars()
                .fetchmany(_INDEXED_AT_ONCE)
            )
        if not chunk:
            break
        with store.write() as tx:
            index_articles(tx, chunk)
        last = chunk[-1]
        done += len(chunk)
        if done % _TOLD_EVERY == 0:
            _log.info("search: %d of %d articles indexed", done, missing)
    if missing:
        _log.info(
            "search: %d of %d articles indexed, %s", done, missing, "stopped" if stopping.is_set() else "done"
        )
    return done


def _select_missing() -> Any:
    known = select(search_texts.c.id).where(search_texts.c.article_id == articles.c.id)
    return select(articles.c.id).where(~known.exists()).order_by(articles.c.id)


_COMPARED = ("lang", "title", "body", "places")


def _read_rows(tx: Transaction, article_ids: Collection[int]) -> Sequence[Row[*tuple[Any, ...]]]:
    """What the articles are led by; none for an article whose own entry has left it."""
    columns = (
        articles.c.id.label("article_id"),
        articles.c.published_at,
        entries.c.lang,
        entries.c.title,
        entries.c.excerpt,
        entries.c.content_html,
        sources.c.content,
        search_texts.c.id.label("number"),
        *(search_texts.c[name].label(f"known_{name}") for name in _COMPARED),
    )
    led = and_(entries.c.id == articles.c.lead_entry_id, entries.c.article_id == articles.c.id)
    query = (
        select(*columns)
        .join_from(articles, entries, led)
        .join(sources, sources.c.id == entries.c.source_id)
        .outerjoin(search_texts, search_texts.c.article_id == articles.c.id)
    )
    return tx.execute(query.where(articles.c.id.in_(article_ids))).all()


def _make_values(row: Row[*tuple[Any, ...]], places: Iterable[tuple[str, str]]) -> dict[str, Any]:
    full = read_text(row.content_html) if row.content == "full" else ""
    visible = find_visible(row.content, full=full, excerpt=row.excerpt)
    lang, title, body = stem_article(row.title, visible, row.lang)
    return {
        "article_id": row.article_id,
        "lang": lang,
        "title": title,
        "body": body,
        "places": _join_places(places),
    }


def _list_places(tx: Transaction, article_ids: Collection[int]) -> dict[int, set[tuple[str, str]]]:
    """The source and the section of each entry."""
    found: dict[int, set[tuple[str, str]]] = {article_id: set() for article_id in article_ids}
    columns = (entries.c.article_id, entries.c.source_id, entries.c.section)
    for row in tx.execute(select(*columns).where(entries.c.article_id.in_(article_ids))):
        found[row.article_id].add((row.source_id, row.section))
    return found


def _join_places(places: Iterable[tuple[str, str]]) -> str:
    words: set[str] = set()
    for source_id, section in places:
        edition = section.partition("/")[0]
        kinds = (("edition", edition), ("section", section), ("source", source_id))
        words.update(_name_place(*kind) for kind in kinds)
    return " ".join(sorted(words))


@lru_cache(maxsize=4096)
def _name_place(kind: str, value: str) -> str:
    """One word for any value: in the index, a hyphen would part it in two."""
    return kind[:2] + blake2b(f"{kind}:{value}".encode(), digest_size=5).hexdigest()


def _number(tx: Transaction, new: list[tuple[datetime, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Give each row a number of its minute that is free, or of a later one if there is none."""
    rows = [
        values | {"id": _find_minute(at) * _PER_MINUTE + values["article_id"] % _PER_MINUTE}
        for at, values in new
    ]
    rows.sort(key=lambda row: (row["id"], row["article_id"]))
    taken: set[int] = set()
    while True:
        numbers = [row["id"] for row in rows]
        taken.update(tx.execute(select(search_texts.c.id).where(search_texts.c.id.in_(numbers))).scalars())
        last, moved = -(1 << 62), False
        for row in rows:
            number = max(row["id"], last + 1)
            while number in taken:
                number += 1
            moved |= number != row["id"]
            row["id"] = last = number
        if not moved:
            return rows


def _find_minute(at: datetime) -> int:
    return (at - _EPOCH) // _MINUTE


def _score(match: _Match, *, newest: _Match) -> float:
    age = (newest.number - match.number) // _PER_MINUTE * _MINUTE
    return match.relevance / sqrt(1 + age / FRESH)


# --- where the two databases differ ----------------------------------------------------------------


def _list_matches(tx: Transaction, query: SearchQuery, *, limit: int) -> list[_Match]:
    """The newest rows that match, the newest first."""
    since, before = (
        end if at is None else _find_minute(at) * _PER_MINUTE
        for at, end in zip((query.since, query.before), _ENDS, strict=True)
    )
    sqlite = tx.dialect.name == "sqlite"
    match = {"match": _write_sqlite(query)} if sqlite else _write_postgresql(query)
    statement = _SQLITE_STATEMENTS if sqlite else _POSTGRESQL_STATEMENTS
    ranked = any(not term.excluded for term in query.terms)
    if not (sqlite or ranked):
        del match["ranked"]
    found = tx.execute(statement[ranked], match | {"since": since, "before": before, "limit": limit})
    return [_Match(number, float(relevance)) for number, relevance in found]


def _make_statements(statement: str, relevance: str) -> dict[bool, TextClause]:
    return {
        True: text(statement.format(relevance=relevance)),
        False: text(statement.format(relevance="1.0")),
    }


_SQLITE_STATEMENTS = _make_statements(_SQLITE, _SQLITE_RELEVANCE)
_POSTGRESQL_STATEMENTS = _make_statements(_POSTGRESQL, _POSTGRESQL_RELEVANCE)


def _list_wanted_places(query: SearchQuery) -> Iterator[list[str]]:
    """Of each list, one of the places is needed."""
    yield [_name_place("edition", query.edition)]
    for kind, values in (("source", query.sources), ("section", query.sections)):
        if values:
            yield [_name_place(kind, value) for value in values]


def _list_unwanted_places(query: SearchQuery) -> list[str]:
    return [
        *(_name_place("source", value) for value in query.not_sources),
        *(_name_place("section", value) for value in query.not_sections),
    ]


def _write_sqlite(query: SearchQuery) -> str:
    """A query of FTS5. Every word stands in double quotes: nothing in it is an operator."""

    def write_term(term: SearchTerm) -> str:
        phrases = (f'"{" ".join(reading)}"' for reading in term.readings)
        return f"{{title body}} : ({' OR '.join(phrases)})"

    wanted = [f"places : ({' OR '.join(place)})" for place in _list_wanted_places(query)]
    wanted += [write_term(term) for term in query.terms if not term.excluded]
    unwanted = [write_term(term) for term in query.terms if term.excluded]
    unwanted += [f"places : {place}" for place in _list_unwanted_places(query)]
    return " NOT ".join([f"({' AND '.join(wanted)})", *(f"({part})" for part in unwanted)])


def _write_postgresql(query: SearchQuery) -> dict[str, str]:
    """Two tsqueries, what must match and what is ranked: ts_rank counts no pair with a word of weight 0.

    Lexemes stand in single quotes, restricted to the weights A (titles), B (texts) and D (places).
    """

    def write_term(term: SearchTerm) -> str:
        phrases = (" <-> ".join(f"'{word}':AB" for word in reading) for reading in term.readings)
        return "(" + " | ".join(f"({phrase})" for phrase in phrases) + ")"

    places = ["(" + " | ".join(f"'{name}':D" for name in place) + ")" for place in _list_wanted_places(query)]
    words = [write_term(term) for term in query.terms if not term.excluded]
    unwanted = [write_term(term) for term in query.terms if term.excluded]
    unwanted += [f"'{place}':D" for place in _list_unwanted_places(query)]
    return {
        "match": " & ".join([*places, *words, *(f"!{part}" for part in unwanted)]),
        "ranked": " | ".join(words),
    }
