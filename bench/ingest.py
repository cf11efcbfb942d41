"""Cold and warm polls of a publisher on loopback, as ratios to feedparser's defaults on the same documents.

    python bench/ingest.py [SOURCES] [ITEMS] [BYTES]      defaults: 500 sources of 30 items of 3,000 bytes

The baseline parses the same documents once, in this process, with feedparser's defaults: no HTTP, no
cleaning beyond its own, no store. Ours is the real command: fetch, parse, clean, deduplicate, store,
group. One run with the texts of a news site (links, emphasis, pictures), one with plain paragraphs; half
of the sources are Arabic. Both by CPU time, ours with its worker processes, and by the clock, which on a
machine that does other things as well says less. Figures are only comparable within one run.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import feedparser
from documents import make_document

from aggregator.demo.publisher import Publisher

TARGET = 6  # times faster than the baseline
BASELINE_SHARE = 11  # the baseline parses every 11th document, in both languages, and is scaled up


def main() -> None:
    count, items, size = (int(word) for word in (*sys.argv[1:], 500, 30, 3000)[:3])
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


def write_config(config: Path, publisher: Publisher, documents: list[bytes], *, etag: str) -> None:
    parts = ['[fetch]\nallow_networks = ["127.0.0.0/8"]', '[[section]]\nid = "world"']
    for n, body in enumerate(documents):
        publisher.publish(f"/{n}", body, content_type="application/rss+xml", etag=etag)
        parts.append(f'[[source]]\nid = "s{n}"\nurl = "{publisher.url}/{n}"\nsection = "world"')
    config.write_text("\n".join(parts), encoding="utf-8")


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
