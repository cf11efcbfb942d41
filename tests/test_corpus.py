"""Every real feed we have goes through parse and clean, in a worker with the limits of the issue."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from aggregator.parse.sandbox import Sandbox
from aggregator.reading import read_document
from tests.harness import make_source

ROOT = Path(__file__).parents[1]
CORPUS = ROOT.parent / "shared" / "data" / "feeds"
COUNTS = ROOT / "tests" / "parse" / "corpus_counts.tsv"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="shared/data/feeds is not beside the checkout")

SEEN_AT = datetime(2026, 11, 24, tzinfo=UTC)
SOURCE = make_source("corpus", section="en/world", max_entries=10_000)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, timeout=timedelta(seconds=5), max_memory_bytes=256 * 1024**2) as running:
        yield running


def test_every_file_is_read_within_5_s_and_256_mb_and_keeps_its_entries(sandbox: Sandbox) -> None:
    with COUNTS.open(encoding="utf-8", newline="") as file:
        golden = {row["file"]: row["entries"] for row in csv.DictReader(file, delimiter="\t")}
    files = sorted(path for path in CORPUS.iterdir() if path.name != "INDEX.tsv")
    readings = {
        path.name: sandbox.submit(
            read_document,
            path.read_bytes(),
            "https://corpus.example/feed",
            content_type=None,
            source=SOURCE,
            seen_at=SEEN_AT,
            url=path.name,
        )
        for path in files
    }
    found = {}
    for name, future in readings.items():
        reading = future.result()
        found[name] = str(len(reading.entries) + reading.skipped)
        for read in reading.entries:
            assert read.entry.published_at <= SEEN_AT
            assert read.entry.title
        guids = [read.entry.guid for read in reading.entries]
        assert len(guids) == len(set(guids)), name
    assert found == golden
