"""What reading a feed costs, against feedparser with its defaults on the same document in the same run.

    python bench/parse.py [--rounds N]

Prints a line per document (30 entries, 138 KB, Arabic and English, of each format) with the time of

- feedparser as it is: the baseline, 1
- feedparser as lenient.py calls it
- parse_feed by feedparser, as for documents that the strict reader leaves alone
- parse_feed as it is
- parse and clean, all that happens to a new document before it is stored

as fractions of the baseline. The best of N rounds counts.
"""

from __future__ import annotations

import argparse
import io
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import feedparser

from aggregator.demo.documents import DemoFeed, Format, make_items, render_document
from aggregator.model import Source
from aggregator.parse.feeds import map_reading, parse_feed, read_by_feedparser
from aggregator.reading import read_document

URL = "https://filler.example/feed.xml"
ENTRIES = 30
ENTRY_BYTES = 3600  # the rest of 4.6 KB is title, summary, date and tags
SEEN_AT = datetime(2026, 6, 1, tzinfo=UTC)
SOURCE = Source(
    id="filler",
    name="Filler",
    url=URL,
    section="en/world",
    every=timedelta(hours=1),
    timeout=timedelta(seconds=20),
    content="full",
    lang=None,
    headers=(),
    skip=(),
    rules=(),
    max_entries=1000,
)


def make_body(format: Format, lang: Literal["ar", "en"]) -> bytes:
    items = tuple(make_items(ENTRIES, ENTRY_BYTES, seed=1, lang=lang))
    return render_document(format, DemoFeed(title="Filler", link="https://filler.example/", lang=lang, items=items))


def list_contenders(body: bytes) -> dict[str, Callable[[], object]]:
    text = body.decode()
    return {
        "feedparser": lambda: feedparser.parse(io.BytesIO(body)),
        "without its sanitiser": lambda: feedparser.parse(
            io.BytesIO(body), sanitize_html=False, resolve_relative_uris=False
        ),
        "parse, lenient": lambda: map_reading(read_by_feedparser(text, url=URL, max_entries=1000), url=URL),
        "parse": lambda: parse_feed(body, url=URL),
        "parse+clean": lambda: read_document(body, URL, content_type=None, source=SOURCE, seen_at=SEEN_AT),
    }


def measure(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of CPU, the best of the rounds, in which all take turns."""
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, run in contenders.items():
            started = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - started)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description="What reading a feed costs, against feedparser's defaults.")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore", DeprecationWarning)
    for format in ("rss20", "atom10", "rss10"):
        for lang in ("ar", "en"):
            body = make_body(format, lang)
            seconds = measure(list_contenders(body), rounds)
            baseline = seconds["feedparser"]
            print(f"{format} {lang}: {len(body) / 1000:.0f} KB, feedparser {baseline * 1000:.1f} ms = 1")
            for name, spent in seconds.items():
                print(f"    {name:24} {spent * 1000:8.2f} ms    1/{baseline / spent:.1f}")


if __name__ == "__main__":
    main()
