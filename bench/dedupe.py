"""What finding copies and stories costs per new entry, beyond parse and clean, as the archive grows.

    python bench/dedupe.py [--per-day N] [--sizes N...]

The defaults, 10,000, 100,000 and 1,000,000 stored articles at 1,300 new ones a day (14 Arabic outlets), take
a few minutes; --per-day 10000 takes a quarter of an hour, nearly all of it for making the stores.

What a real store holds: all its entries, articles and section lists; signatures and sketches of the last 7
days, vectors and story terms of the last 14, and of older articles nothing that copies or stories are found
by. So a store of 1,000,000 is two years old at 1,300 a day and has 9,100 signatures and 18,200 vectors, like
one of 100,000; at 10,000 a day it is 100 days old and has 70,000 and 140,000, and one of 10,000 is a day old.
The window is made of texts and written by the store's own functions; what is older is written by SQL, without
texts: no query of these stages reads them.

New entries look like news: 250 words, common ones by Zipf's law and rare ones by event, one to three of forty
phrases that every agency uses, a fifth of them copies (cut, or with a tail) of what others have published the
same day, a third more of them other texts on the same event. They come in batches of 60. Figures are CPU
milliseconds an entry in this process; those of two stores are comparable within one run.
"""

from __future__ import annotations

import argparse
import gc
import re
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from random import Random
from typing import Any

from sqlalchemy import event, text

from aggregator import grouping, saving
from aggregator.dedupe.articles import FOUNDED
from aggregator.dedupe.fingerprint import fingerprint_entries
from aggregator.dedupe.terms import Terms, extract_terms, list_counted, list_salient, pack_vector, weigh_terms
from aggregator.model import (
    Assignment,
    Candidate,
    Decision,
    Entry,
    Hints,
    Placement,
    PollResult,
    ReadEntry,
    SourceReading,
    StoryArticle,
    StoryPlan,
    StoryReason,
)
from aggregator.store import Store, Transaction, articles, entries, open_store, signatures, stories
from aggregator.store.ids import entry_id
from aggregator.store.tables import to_microseconds

NEW, WARM_UP, BATCH = 1200, 240, 60
SOURCES = 50
WORDS, VOCABULARY, PHRASES = 250, 30_000, 40
COPIES, VARIANTS = 0.2, 0.33
START = datetime(2026, 3, 1, tzinfo=UTC)
FILLED_AT_ONCE = 250_000
MOST_GROWTH, MOST_MS, MOST_MS_AT = 1.3, 3.0, 100_000
UNBOUNDED_OK = {"story_rulings", "meta"}  # a handful of rows, looked at whole

STEPS = (
    ("find copies: candidates", signatures, "list_candidates"),
    ("find copies: decide", saving, "assign_articles"),
    ("find copies: index", signatures, "record_signatures"),
    ("find copies: forget", signatures, "forget_signatures"),
    ("store entries", entries, "find_known"),
    ("store entries", entries, "touch_tombstones"),
    ("store entries", entries, "insert_entries"),
    ("saving, the rest", saving, "save_results"),
    ("find stories: pending", stories, "list_pending"),
    ("find stories: terms", grouping, "_find_essence"),
    ("find stories: terms", grouping, "_weigh"),
    ("find stories: counts", stories, "count_terms"),
    ("find stories: counts", stories, "get_counts"),
    ("find stories: candidates", stories, "list_candidates"),
    ("find stories: decide", grouping, "assign_stories"),
    ("find stories: record", stories, "record_plan"),
    ("find stories: index", stories, "index_articles"),
    ("find stories: forget", stories, "forget_vectors"),
    ("grouping, the rest", grouping, "group_new"),
)


def main() -> None:
    options = _read_options()
    window = options.per_day * stories.LIFETIME.days
    started = time.perf_counter()
    dice = Random(1)
    press = Press(dice, START, timedelta(days=1) / options.per_day)
    known = list(islice(press.publish(), min(window, max(options.sizes))))
    fresh = list(islice(press.publish(), WARM_UP + NEW + BATCH))
    gc.collect()
    gc.freeze()
    print(f"{options.per_day} articles a day; made {len(known)} in {time.perf_counter() - started:.0f} s")
    totals = {}
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            store = open_store(f"sqlite:///{folder}/bench.db")
            started = time.perf_counter()
            build_store(store, known[-size:], size, per_day=options.per_day)
            print(f"\n{size:,} articles, written in {time.perf_counter() - started:.0f} s")
            totals[size] = measure(store, fresh[:-BATCH])
            if size == options.sizes[-1]:
                explain_queries(store, fresh[-BATCH:])
            store.close()
    print()
    for size, total in totals.items():
        growth = total / totals[options.sizes[0]]
        print(f"{size:>9,} articles: {total:.2f} ms an entry, {growth:.2f} of the first")
    print(f"targets: at most {MOST_GROWTH} from first to last, {MOST_MS} ms at {MOST_MS_AT:,}")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--per-day", type=int, default=1300)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    return parser.parse_args()


# --- what measures ---------------------------------------------------------------------------------


def measure(store: Store, fresh: Sequence[News]) -> float:
    """CPU milliseconds of finding copies and stories per new entry."""
    feed(store, fresh[:WARM_UP])
    before, started = time.process_time(), time.perf_counter()
    with measured_steps() as spent:
        feed(store, fresh[WARM_UP:])
    cpu, wall = time.process_time() - before, time.perf_counter() - started
    spent["begin and commit"] = cpu - sum(spent.values())
    for name, seconds in spent.items():
        print(f"  {name:26} {1000 * seconds / NEW:6.3f} ms")
    found = 1000 * (cpu - spent["store entries"]) / NEW
    print(f"  all but storing the entry {found:7.3f} ms CPU; all {1000 * wall / NEW:.3f} ms of wall time")
    return found


def feed(store: Store, fresh: Sequence[News]) -> None:
    for start in range(0, len(fresh), BATCH):
        batch = fresh[start : start + BATCH]
        now = batch[-1].read.entry.first_seen_at
        with store.write() as tx:
            saving.save_results(tx, list(_list_results(batch, now)), now=now)
        grouping.group_new(store, now=now, stopping=threading.Event())


def _list_results(batch: Sequence[News], now: datetime) -> Iterator[PollResult]:
    for source_id in sorted({news.read.entry.source_id for news in batch}):
        read = tuple(news.read for news in batch if news.read.entry.source_id == source_id)
        reading = SourceReading(
            site_url=None, icon_url=None, hints=Hints(), entries=read, unchanged=0, skipped=0, problems=()
        )
        yield PollResult(
            source_id=source_id, outcome="new_body", polled_at=now, next_poll_at=now, reading=reading
        )


@contextmanager
def measured_steps() -> Iterator[Counter[str]]:
    """CPU seconds by step, each without the steps inside it."""
    spent: Counter[str] = Counter()
    inner = [0.0]

    def wrap(name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            inner.append(0.0)
            started = time.process_time()
            result = step(*args, **kwargs)
            seconds = time.process_time() - started
            spent[name] += seconds - inner.pop()
            inner[-1] += seconds
            return result

        return timed

    with ExitStack() as undo:
        for name, module, attribute in STEPS:
            step = getattr(module, attribute)
            undo.callback(setattr, module, attribute, step)
            setattr(module, attribute, wrap(name, step))
        yield spent


def explain_queries(store: Store, fresh: Sequence[News]) -> None:
    """Ask SQLite for its plan of every statement of a batch, and name those that read a table whole."""
    seen: dict[str, tuple[str, Any]] = {}

    def note(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        first = parameters[0] if many else parameters
        seen.setdefault(re.sub(r"\(\?(, \?)+\)", "(...)", statement), (statement, first))

    event.listen(store.engine, "before_cursor_execute", note)
    feed(store, fresh)
    event.remove(store.engine, "before_cursor_execute", note)
    whole, found = [], set[str]()
    with store.read() as tx:
        for short, (statement, parameters) in seen.items():
            if not statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
                continue
            plan = [row[-1] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            scans = [line for line in plan if re.match(r"SCAN (?!\(|\d|CONSTANT|anon|LIST)", line)]
            whole += [(line, short) for line in scans if line.split()[1] not in UNBOUNDED_OK]
            found.update(line for line in plan if line.startswith("SEARCH"))
    for line in sorted(found):
        print(f"  {line}")
    print(f"plans of {len(seen)} statements: {len(whole)} read a table whole")
    for line, statement in whole:
        print(f"  {line}: {' '.join(statement.split())[:200]}")


# --- stores ----------------------------------------------------------------------------------------


def build_store(store: Store, window: Sequence[News], size: int, *, per_day: int) -> None:
    """A store of `size` articles, the last of which are those of the window."""
    with store.write() as tx:
        articles.ensure_identity(tx, authority="bench.example", now=START)
        tx.exec_driver_sql("PRAGMA cache_size=-1000000")
    signed_from = len(window) - per_day * signatures.LIFETIME.days
    for start in range(0, len(window), 500):
        with store.write() as tx:
            write_window(tx, window[start : start + 500], signed_from=signed_from - start)
    oldest = window[0].read.entry.published_at
    for start in range(0, size - len(window), FILLED_AT_ONCE):
        with store.write() as tx:
            fill_archive(tx, min(FILLED_AT_ONCE, size - len(window) - start), before=oldest, per_day=per_day)
        oldest -= timedelta(days=FILLED_AT_ONCE / per_day)
    with store.write() as tx:
        tx.exec_driver_sql("PRAGMA cache_size=-32768")


def write_window(tx: Transaction, published: Sequence[News], *, signed_from: int) -> None:
    entries.insert_entries(
        tx, [entries.NewEntry(id=news.id, read=news.read, assignment=news.assignment) for news in published]
    )
    for news in published[max(0, signed_from) :]:
        signatures.record_signatures(tx, [news.candidate], now=news.read.entry.first_seen_at)
    founders = [news for news in published if news.assignment.article_id is None]
    now = published[-1].read.entry.first_seen_at
    stories.count_terms(tx, Counter(term for news in founders for term in list_counted(news.terms)), now=now)
    counts = stories.get_counts(tx, {term for news in founders for term in news.terms.weights}, now=now)
    indexed = [
        _index(news, counts | stories.get_counts(tx, list_counted(news.terms)[:1], now=now))
        for news in founders
    ]
    stories.index_articles(tx, indexed, now=now)
    told = StoryReason(rule="likeness", score=0.3, threshold=0.2, words=())
    placements = {news.id: (news.story_id, told) for news in founders}
    stories.record_plan(tx, StoryPlan(placements=placements, merges=()))


def _index(news: News, counts: dict[int, float]) -> stories.IndexedArticle:
    vector = weigh_terms(news.terms, counts)
    entry = news.read.entry
    return stories.IndexedArticle(
        article=StoryArticle(
            article_id=news.id,
            source_id=entry.source_id,
            published_at=entry.published_at,
            vector=pack_vector(vector),
            links=frozenset(),
        ),
        weights={term: vector.weights[term] for term in list_salient(vector)},
    )


def fill_archive(tx: Transaction, count: int, *, before: datetime, per_day: int) -> None:
    """Older articles of one entry each, like the newest one but for ids, keys and dates."""
    tx.exec_driver_sql("CREATE TEMP TABLE old (id INTEGER PRIMARY KEY, n INTEGER, at INTEGER)")
    made = text(
        "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count) "
        "INSERT OR IGNORE INTO old SELECT abs(random()), n, :before - n * :step FROM numbers"
    )
    step = to_microseconds(before) - to_microseconds(before - timedelta(days=1) / per_day)
    tx.execute(made, {"count": count, "before": to_microseconds(before), "step": step})
    own = {"id": "old.id", "article_id": "old.id", "lead_entry_id": "old.id", "story_id": "old.id"}
    own |= dict.fromkeys(("published_at", "updated_at", "first_seen_at"), "old.at")
    own |= dict.fromkeys(("url_key", "title_key", "text_key"), "abs(random())")
    own |= {"guid": "'old ' || old.n", "content_html": "''", "source_id": f"'s' || (old.n % {SOURCES})"}
    for table in ("articles", "entries"):
        names = [row[1] for row in tx.exec_driver_sql(f"PRAGMA table_info({table})")]
        values = ", ".join(own.get(name, f"like.{name}") for name in names)
        like = f"(SELECT * FROM {table} ORDER BY id LIMIT 1)"
        tx.exec_driver_sql(f"INSERT INTO {table} SELECT {values} FROM old, {like} AS like ORDER BY old.id")
    for section in ("en/world", "en/all"):
        tx.exec_driver_sql(f"INSERT INTO article_sections SELECT '{section}', at, id FROM old ORDER BY at")
    tx.exec_driver_sql("DROP TABLE old")


# --- news ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An entry with what the stages before have made of it, and where it truly belongs."""

    id: int
    read: ReadEntry
    assignment: Assignment
    story_id: int
    terms: Terms
    words: tuple[str, ...]
    topic: tuple[str, ...]

    @property
    def candidate(self) -> Candidate:
        entry = self.read.entry
        article_id = self.id if self.assignment.article_id is None else self.assignment.article_id
        return Candidate(
            entry_id=self.id,
            article_id=article_id,
            source_id=entry.source_id,
            fingerprint=self.read.fingerprint,
            published_at=entry.published_at,
        )


class Press:
    """Many newsrooms, one article after the other at even distances."""

    def __init__(self, dice: Random, start: datetime, gap: timedelta) -> None:
        self._dice = dice
        self._at = start
        self._gap = gap
        self._number = 0
        self._recent: list[News] = []
        self._vocabulary = [_spell(number) for number in range(VOCABULARY)]
        self._weights = list(accumulate(1 / (rank + 3) for rank in range(VOCABULARY)))
        self._phrases = [self._draw(7) for _ in range(PHRASES)]

    def publish(self) -> Iterator[News]:
        while True:
            lot = self._dice.random()
            model = self._dice.choice(self._recent) if self._recent and lot < COPIES + VARIANTS else None
            news = self._copy(model) if model and lot < COPIES else self._write(model)
            self._recent = [*self._recent[-400:], news]
            self._at += self._gap
            self._number += 1
            yield news

    def _copy(self, model: News) -> News:
        words = model.words[: self._dice.randint(len(model.words) // 2, len(model.words))]
        if self._dice.random() < 0.5:
            words += tuple(self._draw(6))
        original = model.id if model.assignment.article_id is None else model.assignment.article_id
        decision = Decision(rule="near-copy", evidence="made as one", score=0.8, threshold=0.46)
        return self._make(words, model, Assignment(article_id=original, decision=decision, entry_id=model.id))

    def _write(self, model: News | None) -> News:
        topic = model.topic if model else tuple(self._dice.choices(self._vocabulary[300:], k=25))
        words = self._draw(WORDS)
        for place in self._dice.sample(range(WORDS), WORDS // 5):
            words[place] = self._dice.choice(topic)
        for phrase in self._dice.sample(self._phrases, self._dice.randint(1, 3)):
            place = self._dice.randrange(len(words))
            words[place:place] = phrase
        words[self._dice.randrange(40)] = str(self._dice.randrange(10, 500))
        return self._make(tuple(words), model, Assignment(article_id=None, decision=FOUNDED), topic=topic)

    def _make(
        self, words: tuple[str, ...], model: News | None, assignment: Assignment, topic: tuple[str, ...] = ()
    ) -> News:
        topic = topic or (model.topic if model else ())
        title = " ".join([*self._draw(4), *self._dice.choices(topic, k=4)])
        entry = self._make_entry(title, " ".join(words))
        (fingerprint,) = fingerprint_entries([entry])
        placement = Placement(section="en/world", decision=Decision(rule="default", evidence=""))
        number = entry_id(entry.source_id, entry.guid)
        return News(
            id=number,
            read=ReadEntry(entry=entry, fingerprint=fingerprint, placement=placement),
            assignment=assignment,
            story_id=model.story_id if model else number,
            terms=extract_terms(title, entry.text, "en"),
            words=words,
            topic=topic,
        )

    def _make_entry(self, title: str, words: str) -> Entry:
        source_id = f"s{self._dice.randrange(SOURCES)}"
        return Entry(
            source_id=source_id,
            guid=str(self._number),
            url=f"https://{source_id}.example/{self._number}",
            title=title,
            content_html=f"<p>{words}</p>",
            text=words,
            excerpt=words[:300],
            authors=(),
            categories=(),
            image=None,
            enclosures=(),
            lang="en",
            dir="ltr",
            published_at=self._at,
            updated_at=self._at,
            first_seen_at=self._at,
            raw_hash=self._dice.randbytes(16),
            content_hash=self._dice.randbytes(16),
        )

    def _draw(self, count: int) -> list[str]:
        return self._dice.choices(self._vocabulary, cum_weights=self._weights, k=count)


def _spell(number: int) -> str:
    """A word for every number, the short ones first."""
    word = ""
    while True:
        number, letter = divmod(number, 20)
        word += "bcdfghjklmnpqrstvwxz"[letter] + "aeiou"[(letter + len(word)) % 5]
        if not number:
            return word


if __name__ == "__main__":
    main()
