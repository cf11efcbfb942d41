"""Every feed of the shared corpus is read, within limits, and gives as many entries as it always gave."""

from __future__ import annotations

import csv
import functools
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
    with Sandbox(workers=1, timeout=timedelta(seconds=5), max_memory_bytes=256 * 1024**2) as opened:
        yield opened


def list_documents() -> list[Path]:
    return sorted(path for path in CORPUS.iterdir() if path.name != "INDEX.tsv")


def read_golden_counts() -> dict[str, str]:
    with COUNTS.open(encoding="utf-8", newline="") as lines:
        return {row["file"]: row["entries"] for row in csv.DictReader(lines, delimiter="\t")}


def test_the_golden_counts_name_every_document_and_no_other() -> None:
    assert sorted(read_golden_counts()) == [path.name for path in list_documents()]


@pytest.mark.parametrize("path", list_documents(), ids=lambda path: path.name[:40])
def test_a_document_gives_its_golden_count_within_5_seconds_and_256_mib(path: Path, sandbox: Sandbox) -> None:
    # The function must come from the package: workers cannot import this file.
    read = functools.partial(
        parse_feed, path.read_bytes(), url=f"https://example.org/{path.name}", max_entries=9999
    )
    try:
        counted = str(len(sandbox.submit(read, url=path.name).result(timeout=60).entries))
    except SandboxKilled as error:
        pytest.fail(f"{path.name}: {error}")
    except ParseError:
        counted = "error"
    assert counted == read_golden_counts()[path.name]
