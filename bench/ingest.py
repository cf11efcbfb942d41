"""Cold and warm polls of a publisher on loopback, as ratios to feedparser's defaults on the same documents.

    python bench/ingest.py [SOURCES] [ITEMS] [BYTES]      defaults: 500 sources of 30 items of 3,000 bytes

The baseline parses the same documents once, in this process, with feedparser's defaults: no HTTP, no
cleaning beyond its own, no store. Ours is the real command: fetch, parse, clean, deduplicate, store,
group. Beside it what cannot be saved: the documents downloaded by libcurl, built to trees by lxml, and each
item inserted as one row into SQLite, with nothing else done. One run with the texts of a news site (links,
emphasis, pictures), one with plain paragraphs; half of the sources are Arabic. Both by CPU time, ours with
its worker processes, and by the clock, which on a machine that does other things as well says less. Figures
are only comparable within one run.
"""

from __future__ import annotations

import io
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import feedparser
import lxml.etree
import pycurl
from documents import make_document, render_config

from aggregator.demo.publisher import Publisher

TARGET = 6  # times faster than the baseline
BASELINE_SHARE = 11  # the baseline parses every 11th document, in both languages, and is scaled up


def main() -> None:
    given = sys.argv[1:]
    count, items, size = map(int, (*given, *(500, 30, 3000)[len(given) :]))
    for marked_up in (True, False):
        documents = [
            make_document(
                "rss20",
                "ar" if seed % 2 else "en",
                seed=seed,
                items=items,
                item_bytes=size,
                marked_up=marked_up,
            )
            for seed in range(count)
        ]
        print(
            f"{count} sources x {items} items x {size} bytes, {sum(map(len, documents)) / 1e6:.1f} MB, "
            f"{'marked up' if marked_up else 'plain paragraphs'}"
        )
        ingest(documents)


def ingest(documents: list[bytes]) -> None:
    baseline = (
        measure_baseline(documents[::BASELINE_SHARE]) * len(documents) / len(documents[::BASELINE_SHARE])
    )
    print(f"    feedparser's defaults, parse alone: {baseline:.1f} s of CPU = 1")
    with tempfile.TemporaryDirectory() as folder, Publisher() as publisher:
        measure_limits(Path(folder) / "limits.db", publisher, documents)
        config = Path(folder) / "config.toml"
        write_config(config, publisher, documents, etag="auto")
        by_clock = report("cold ingest", baseline, config)
        print(f"        target 1/{TARGET} by the clock: {'met' if by_clock >= TARGET else 'missed'}")
        report("warm, all 304", baseline, config)
        for n, body in enumerate(documents):
            publisher.publish(f"/{n}", body, content_type="application/rss+xml", etag=None)
        poll(config)  # forgets the validators
        report("warm, unchanged bodies without validators", baseline, config)
        store = Path(folder) / "aggregator.db"
        print(f"    store: {store.stat().st_size / sum(map(len, documents)):.2f} of the documents' bytes")


def measure_baseline(documents: list[bytes]) -> float:
    started = time.process_time()
    for body in documents:
        feedparser.parse(io.BytesIO(body))
    return time.process_time() - started


def measure_limits(file: Path, publisher: Publisher, documents: list[bytes]) -> None:
    for n, body in enumerate(documents):
        publisher.publish(f"/{n}", body, content_type="application/rss+xml", etag="auto")
    download = measure(lambda: download_all(publisher, len(documents)))
    trees: list[lxml.etree._Element] = []
    parse = measure(lambda: trees.extend(map(lxml.etree.fromstring, documents)))
    rows = [
        (item.findtext("guid"), lxml.etree.tostring(item)) for tree in trees for item in tree.iter("item")
    ]
    insert = measure(lambda: insert_all(file, rows))
    print(f"    limits: download {download:.2f}, lxml {parse:.2f}, INSERT {insert:.2f} s of CPU")


def measure(work: Callable[[], object]) -> float:
    started = time.thread_time()
    work()
    return time.thread_time() - started


def download_all(publisher: Publisher, count: int) -> None:
    handle = pycurl.Curl()
    for n in range(count):
        handle.setopt(pycurl.URL, f"{publisher.url}/{n}")
        handle.setopt(pycurl.WRITEDATA, io.BytesIO())
        handle.perform()
    handle.close()


def insert_all(file: Path, rows: list[tuple[str | None, bytes]]) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE items (guid TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID")
        connection.execute("PRAGMA journal_mode=WAL")
        for start in range(0, len(rows), 600):
            with connection:
                connection.executemany("INSERT INTO items VALUES (?, ?)", rows[start : start + 600])


def write_config(config: Path, publisher: Publisher, documents: list[bytes], *, etag: str) -> None:
    for n, body in enumerate(documents):
        publisher.publish(f"/{n}", body, content_type="application/rss+xml", etag=etag)
    urls = (f"{publisher.url}/{n}" for n in range(len(documents)))
    config.write_text(render_config(urls), encoding="utf-8")


def report(name: str, baseline: float, config: Path) -> float:
    """Poll, and print what that took; how many times faster than the baseline it was by the clock."""
    before = spent_by_children()
    summary = poll(config)
    cpu, seconds = spent_by_children() - before, summary["seconds"]
    print(
        f"    {name}: {cpu:.1f} s of CPU = 1/{baseline / cpu:.1f}, "
        f"{seconds:.1f} s by the clock = 1/{baseline / seconds:.1f} ({summary['new']} new)"
    )
    return baseline / seconds


def poll(config: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "aggregator", "poll", "--all", "--json", "--config", str(config)]
    summary: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert summary["failed"] == 0, summary
    return summary


def spent_by_children() -> float:
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
