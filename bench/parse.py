"""What reading a feed costs, against feedparser with its defaults on the same documents in the same run.

    python bench/parse.py [--rounds N]

For every format, for Arabic and English, for texts of bare paragraphs and for texts with the links, emphasis
and pictures of a news site (30 entries of some 4.6 KB each), prints the CPU time of

- feedparser as it is: the baseline
- feedparser without its sanitiser and its resolver of links, as lenient.py calls it
- parse_feed by way of feedparser, as for documents that strict.py leaves alone
- parse_feed
- parse and clean of a new document
- parse and clean of a document in which one entry of 30 is new
- all that a worker process does with a new document: parse, clean, fingerprint, classify

and their share in the baseline. Every round has a document of its own, and for those that clean one each, so
that nothing is known from before; the best of N rounds counts. At the end stand the targets.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
import warnings
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product

import feedparser
from documents import Lang, make_document

from aggregator.clean.entries import Cleaned, clean_entries
from aggregator.clean.hashes import hash_raw
from aggregator.demo.documents import Format
from aggregator.model import Source
from aggregator.parse.feeds import map_reading, parse_feed, read_by_feedparser
from aggregator.reading import read_document

URL = "https://filler.example/feed.xml"
ENTRIES = 30
ITEM_BYTES = 3600  # of text: the rest of 4.6 KB an entry is title, summary, date and tags
FORMATS: tuple[Format, ...] = ("rss20", "atom10", "rss10")
LANGS: tuple[Lang, ...] = ("ar", "en")
TARGETS = {"parse+clean": 12, "one entry of 30 new": 40}
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


def list_contenders(first: bytes, second: bytes, third: bytes) -> dict[str, Callable[[], object]]:
    text = first.decode()
    known = {hash_raw(entry) for entry in parse_feed(second, url=URL).entries[1:]}
    return {
        "feedparser": lambda: feedparser.parse(io.BytesIO(first)),
        "without its sanitiser": lambda: feedparser.parse(
            io.BytesIO(first), sanitize_html=False, resolve_relative_uris=False
        ),
        "parse, lenient": lambda: map_reading(read_by_feedparser(text, url=URL, max_entries=1000), url=URL),
        "parse": lambda: parse_feed(first, url=URL),
        "parse+clean": lambda: clean(first, frozenset()),
        "one entry of 30 new": lambda: clean(second, known),
        "all of the worker's": lambda: read_document(
            third, URL, content_type=None, source=SOURCE, seen_at=SEEN_AT
        ),
    }


def clean(body: bytes, known: Collection[bytes]) -> Cleaned:
    return clean_entries(parse_feed(body, url=URL), source=SOURCE, seen_at=SEEN_AT, known=known)


def measure(make: Callable[..., bytes], rounds: int) -> dict[str, float]:
    """Seconds of CPU for one document, the best of all rounds, in which all take turns."""
    best: dict[str, float] = {}
    for number in range(rounds):
        bodies = (make(seed=3 * number), make(seed=3 * number + 1), make(seed=3 * number + 2))
        for name, run in list_contenders(*bodies).items():
            started = time.process_time()
            run()
            spent = time.process_time() - started
            best[name] = min(best.get(name, spent), spent)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description="What reading a feed costs, against feedparser's defaults.")
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore", DeprecationWarning)
    shares: dict[str, list[float]] = {name: [] for name in TARGETS}
    for marked_up, format, lang in product((False, True), FORMATS, LANGS):
        make = partial(make_document, format, lang, items=ENTRIES, item_bytes=ITEM_BYTES, marked_up=marked_up)
        seconds = measure(make, rounds)
        baseline = seconds["feedparser"]
        kind = "marked up" if marked_up else "bare paragraphs"
        print(f"{format}, {lang}, {kind}: {len(make(seed=0)) / 1000:.0f} KB")
        for name, spent in seconds.items():
            print(f"    {name:24} {spent * 1000:8.2f} ms    1/{baseline / spent:.1f}")
        for name in TARGETS:
            shares[name].append(baseline / seconds[name])
    for name, target in TARGETS.items():
        least, median, most = min(shares[name]), statistics.median(shares[name]), max(shares[name])
        verdict = "met" if least >= target else "met by some" if most >= target else "missed"
        print(f"{name}: median 1/{median:.1f}, 1/{least:.1f} to 1/{most:.1f}; target 1/{target}: {verdict}")


if __name__ == "__main__":
    main()
