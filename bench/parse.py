"""What reading a feed costs, against feedparser with its defaults on the same document in the same run.

    python bench/parse.py [--rounds N]

For every format, for Arabic and English, for texts of bare paragraphs and for texts with the links, emphasis
and pictures of a news site (30 entries of some 4.6 KB each), prints the CPU time of

- feedparser as it is: the baseline
- feedparser without its sanitiser and its resolver of links, as lenient.py calls it
- parse_feed by way of feedparser, as for documents that strict.py leaves alone
- parse_feed
- parse and clean: all that happens to a new document before it goes to the store

and their share in the baseline. The best of N rounds counts.
"""

from __future__ import annotations

import argparse
import io
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Literal

import feedparser

from aggregator.demo.documents import DemoFeed, Format, make_items, render_document
from aggregator.model import Source
from aggregator.parse.feeds import map_reading, parse_feed, read_by_feedparser
from aggregator.reading import read_document

URL = "https://filler.example/feed.xml"
ENTRIES = 30
BARE_BYTES = 3600  # of text: the rest of 4.6 KB an entry is title, summary, date, tags and markup
MARKED_UP_BYTES = 2000
FORMATS: tuple[Format, ...] = ("rss20", "atom10", "rss10")
LANGS: tuple[Literal["ar", "en"], ...] = ("ar", "en")
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


def make_body(format: Format, lang: Literal["ar", "en"], *, marked_up: bool) -> bytes:
    size_bytes = MARKED_UP_BYTES if marked_up else BARE_BYTES
    items = tuple(make_items(ENTRIES, size_bytes, seed=1, lang=lang))
    if marked_up:
        items = tuple(replace(item, html=mark_up(item.html)) for item in items)
    return render_document(
        format, DemoFeed(title="Filler", link="https://filler.example/", lang=lang, items=items)
    )


def mark_up(html: str) -> str:
    """Links, emphasis and pictures at the rate of a news site's texts: a tag for every six words or so."""
    words = html.split(" ")
    for index in range(3, len(words) - 3, 12):
        if "<" in words[index] or ">" in words[index]:
            continue
        if index % 5:
            words[index] = f"<strong>{words[index]}</strong>"
        else:
            address = f"https://filler.example/topics/{index}?from=feed&amp;n={index}"
            words[index] = (
                f'<a href="{address}" title="More" target="_blank" class="topic">{words[index]}</a>'
            )
    picture = (
        '<figure class="lead"><img src="https://filler.example/p/{0}.jpg" alt="" width="640" height="360"/>'
        "<figcaption>{0}</figcaption></figure>"
    )
    paragraphs = " ".join(words).split("\n")
    return "\n".join(picture.format(number) + text for number, text in enumerate(paragraphs))


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
    for marked_up, format, lang in product((False, True), FORMATS, LANGS):
        body = make_body(format, lang, marked_up=marked_up)
        seconds = measure(list_contenders(body), rounds)
        baseline = seconds["feedparser"]
        print(
            f"{format}, {lang}, {'marked up' if marked_up else 'bare paragraphs'}: {len(body) / 1000:.0f} KB"
        )
        for name, spent in seconds.items():
            print(f"    {name:24} {spent * 1000:8.2f} ms    1/{baseline / spent:.1f}")


if __name__ == "__main__":
    main()
