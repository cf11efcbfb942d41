"""Cold and warm polls of a publisher on loopback, as ratios to feedparser's defaults on the same documents.

    python bench/ingest.py [SOURCES] [ITEMS] [BYTES]      defaults: 500 sources of 30 items of 3,000 bytes

The baseline parses the same documents once, in this process, with feedparser's defaults: no HTTP, no
cleaning beyond its own, no store. Ours is the real command: fetch, parse, clean, deduplicate, store. Figures
are only comparable within one run.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import feedparser

from aggregator.demo.documents import DemoFeed, make_items, render_document
from aggregator.demo.publisher import Publisher

BASELINE_SHARE = 11  # the baseline parses every 11th document, in both languages, and is scaled up


def main() -> None:
    count, items, size = (int(word) for word in (*sys.argv[1:], 500, 30, 3000)[:3])
    documents = [make_document(seed, items, size) for seed in range(count)]
    baseline = measure_baseline(documents[::BASELINE_SHARE]) * BASELINE_SHARE
    print(f"{count} sources x {items} items x {size} bytes, {sum(map(len, documents)) / 1e6:.1f} MB")
    print(f"feedparser's defaults, parse alone: {baseline:.1f} s = 1")
    with tempfile.TemporaryDirectory() as folder, Publisher() as publisher:
        config = Path(folder) / "config.toml"
        write_config(config, publisher, documents, etag="auto")
        report("cold ingest", baseline, poll(config))
        report("warm, all 304", baseline, poll(config))
        for n, body in enumerate(documents):
            publisher.publish(f"/{n}", body, content_type="application/rss+xml", etag=None)
        poll(config)  # forgets the validators
        report("warm, unchanged bodies without validators", baseline, poll(config))
        store = Path(folder) / "aggregator.db"
        print(f"store: {store.stat().st_size / sum(map(len, documents)):.2f} of the documents' bytes")


def make_document(seed: int, items: int, size: int) -> bytes:
    lang = "ar" if seed % 2 else "en"
    made = make_items(items, size, seed=seed, lang=lang)
    feed = DemoFeed(title=f"Source {seed}", link=f"https://{seed}.example/", lang=lang, items=tuple(made))
    return render_document("rss20", feed)


def measure_baseline(documents: list[bytes]) -> float:
    started = time.perf_counter()
    for body in documents:
        feedparser.parse(io.BytesIO(body))
    return time.perf_counter() - started


def write_config(config: Path, publisher: Publisher, documents: list[bytes], *, etag: str) -> None:
    parts = ['[fetch]\nallow_networks = ["127.0.0.0/8"]', '[[section]]\nid = "world"']
    for n, body in enumerate(documents):
        publisher.publish(f"/{n}", body, content_type="application/rss+xml", etag=etag)
        parts.append(f'[[source]]\nid = "s{n}"\nurl = "{publisher.url}/{n}"\nsection = "world"')
    config.write_text("\n".join(parts), encoding="utf-8")


def poll(config: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "aggregator", "poll", "--all", "--json", "--config", str(config)]
    summary: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert summary["failed"] == 0, summary
    return summary


def report(name: str, baseline: float, summary: dict[str, float]) -> None:
    seconds = summary["seconds"]
    print(f"{name}: {seconds:.2f} s = 1/{baseline / seconds:.1f} ({summary['new']} new)")


if __name__ == "__main__":
    main()
