"""The CPU that a cold front page, section page and article page cost over a full store.

    python bench/pages.py [ARTICLES]      default: 100,000

The articles are spread over 90 days, 100 sources and 8 sections; every fifth has copies by up to four more
sources, and half of them share their story with others. Each page is asked of the application after a change
of the store: looked up, ranked, rendered and compressed. Printed is the median of RUNS, and of it what is
compression. The target is that of the front page without compression, which feeds and boxes pay alike.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

from documents import make_sentence

from aggregator.config import Settings, parse_settings
from aggregator.model import (
    Assignment,
    Decision,
    Entry,
    Fingerprint,
    Image,
    Placement,
    ReadEntry,
    StoryPlan,
    StoryReason,
)
from aggregator.publish.encodings import encode
from aggregator.refresh import apply_configuration
from aggregator.store import Store, Transaction, articles, open_store, stories
from aggregator.store.entries import NewEntry, bump_revision, insert_entries
from aggregator.store.ids import entry_id
from aggregator.web import create_app

ARTICLES, RUNS, BATCH = 100_000, 25, 2_000
SECTIONS, SOURCES = 8, 100
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SPAN = timedelta(days=90)
TARGET_MS = 50.0
DECISION = Decision(rule="founder", evidence="the bench")
REASON = StoryReason(rule="likeness", score=1.0, threshold=0.5, words=())


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ARTICLES
    with tempfile.TemporaryDirectory() as name:
        settings = make_settings(Path(name))
        store = open_store(settings.store_url)
        apply_configuration(store, settings, now=NOW)
        started = time.monotonic()
        fill(store, count)
        print(f"{count} articles in {time.monotonic() - started:.0f} s, {store_mb(Path(name)):.0f} MB")
        with store.read() as tx:
            article = articles.list_articles(tx, "ar/s1", limit=1)[0]
        client = create_app(settings, store).test_client()
        for path in ("/ar/", "/ar/s/s1/", "/ar/s/s1/page/200/", f"/article/{article.id}", "/sitemap/ar.xml"):
            measure(store, lambda path=path: client.get(path).get_data(), path)
        store.close()


def measure(store: Store, ask: Callable[[], bytes], path: str) -> None:
    spent, packing = [], []
    for run in range(RUNS if "sitemap" not in path else 3):
        with store.write() as tx:
            bump_revision(tx, now=NOW + timedelta(seconds=run))
        started = time.process_time()
        body = ask()
        spent.append((time.process_time() - started) * 1000)
        # A body that has not changed is not compressed again: what a changed one costs is measured apart.
        started = time.process_time()
        encode(body)
        packing.append((time.process_time() - started) * 1000)
    cost = median(spent[1:])
    verdict = ""
    if path == "/ar/":
        verdict = f"; target {TARGET_MS:.0f} ms: {'met' if cost <= TARGET_MS else 'missed'}"
    print(
        f"{path:28} {cost:6.1f} ms of CPU, first {spent[0]:.1f}, "
        f"to compress {len(body) / 1000:.0f} KB {median(packing):.1f} ms{verdict}"
    )


def store_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.iterdir()) / 1e6


def make_settings(folder: Path) -> Settings:
    parts = ['[site]\nurl = "https://news.example"\neditions = ["ar-LY"]\ntimezone = "Africa/Tripoli"']
    parts += [f'[[section]]\nid = "s{n}"\nname = "قسم {n}"' for n in range(SECTIONS)]
    parts += [
        f'[[source]]\nid = "p{n}"\nname = "صحيفة {n}"\nurl = "https://p{n}.example/feed"\n'
        f'section = "s{n % SECTIONS}"'
        for n in range(SOURCES)
    ]
    return parse_settings("\n".join(parts), path=folder / "config.toml", environ={})


def fill(store: Store, count: int) -> None:
    for start in range(0, count, BATCH):
        with store.write() as tx:
            fill_batch(tx, range(start, min(start + BATCH, count)), count)
    with store.write() as tx:
        bump_revision(tx, now=NOW)


def fill_batch(tx: Transaction, numbers: range, count: int) -> None:
    new = [entry for number in numbers for entry in make_entries(number, count)]
    insert_entries(tx, new)
    # Of ten articles in a row five tell one event, the others one each.
    placements = {
        find_article(number): (find_article(number - number % 10 if number % 2 else number), REASON)
        for number in numbers
    }
    stories.record_plan(tx, StoryPlan(placements=placements, merges=()))


def find_article(number: int) -> int:
    return entry_id(f"p{number % SOURCES}", str(number))


def make_entries(number: int, count: int) -> Iterator[NewEntry]:
    """An article with its copies."""
    dice = Random(number)
    at = NOW - SPAN * ((count - number) / count)
    title = make_sentence(dice, "ar", 9)
    text = " ".join(make_sentence(dice, "ar", 20) for _ in range(6))
    for copy in range(1 + (dice.randint(1, 4) if number % 5 == 0 else 0)):
        source = f"p{(number + 7 * copy) % SOURCES}"
        entry = Entry(
            source_id=source,
            guid=str(number),
            url=f"https://{source}.example/{number}",
            title=title,
            content_html=f"<p>{text}</p>",
            text=text,
            excerpt=text[:300],
            authors=("سالم",),
            categories=("أخبار",),
            image=Image(url=f"https://{source}.example/{number}.jpg") if number % 2 else None,
            enclosures=(),
            lang="ar",
            dir="rtl",
            published_at=at + copy * timedelta(minutes=3),
            updated_at=at + copy * timedelta(minutes=3),
            first_seen_at=at + copy * timedelta(minutes=4),
            raw_hash=number.to_bytes(16),
            content_hash=number.to_bytes(16),
        )
        read = ReadEntry(
            entry=entry,
            fingerprint=Fingerprint(url_key=None, title_key=number, text_key=None),
            placement=Placement(section=f"ar/s{number % SECTIONS}", decision=DECISION),
        )
        into = find_article(number) if copy else None
        yield NewEntry(
            id=entry_id(source, str(number)),
            read=read,
            assignment=Assignment(article_id=into, decision=DECISION),
        )


if __name__ == "__main__":
    main()
