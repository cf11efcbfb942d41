"""Every feed of the shared corpus is read, within limits, and gives as many entries as it always gave."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator.errors import ParseError, SandboxKilled
from aggregator.parse.feeds import parse_feed
from aggregator.parse.sandbox import Sandbox

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "feeds"
COUNTS = Path(__file__).with_name("corpus_counts.tsv")

if not CORPUS.is_dir():
    pytest.skip("the shared corpus of feeds is not beside this checkout", allow_module_level=True)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    limits = {"timeout": timedelta(seconds=5), "max_memory_bytes": 256 * 1024**2}
    with Sandbox(workers=1, **limits) as opened:
        yield opened


def list_documents() -> list[Path]:
    return sorted(path for path in CORPUS.iterdir() if path.name != "INDEX.tsv")


def count_entries(body: bytes, name: str) -> str:
    try:
        feed = parse_feed(body, url=f"https://example.org/{name}", max_entries=100_000)
    except ParseError:
        return "error"
    return str(len(feed.entries))


def read_golden_counts() -> dict[str, str]:
    with COUNTS.open(encoding="utf-8", newline="") as lines:
        return {row["file"]: row["entries"] for row in csv.DictReader(lines, delimiter="\t")}


def test_the_golden_counts_name_every_document_and_no_other() -> None:
    assert sorted(read_golden_counts()) == [path.name for path in list_documents()]


@pytest.mark.parametrize("path", list_documents(), ids=lambda path: path.name[:40])
def test_a_document_gives_its_golden_count_within_5_seconds_and_256_mib(path: Path, sandbox: Sandbox) -> None:
    golden = read_golden_counts()[path.name]
    try:
        counted = sandbox.submit(count_entries, path.read_bytes(), path.name, url=path.name).result(timeout=60)
    except SandboxKilled as error:
        pytest.fail(f"{path.name}: {error}")
    assert counted == golden
