"""What a poll costs that brings nothing new, and what memory the poller needs for many sources.

    python bench/poller.py [SOURCES]      default: 5,000 sources on a fifth as many hosts of loopback

Polls all of them with the real command: cold, then answered 304, then with unchanged bodies that have no
validators. CPU is that of the command with its worker processes, less what it needs to poll a single
source; memory is the greatest sum, over these processes, of what each has for itself and its share in
common pages (PSS).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from urllib.parse import urlsplit

import psutil
from documents import make_document, render_config

from aggregator.demo.publisher import Publisher

SOURCES_PER_HOST = 5
ITEMS, ITEM_BYTES = 3, 1000
MOST_MS = 1.2
MOST_UNCHANGED = 1.5  # times a 304
MOST_MB = 250
SAMPLED_EVERY_SECONDS = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    cpu_seconds: float
    memory_mb: float


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    with tempfile.TemporaryDirectory() as folder, Publisher(host="0.0.0.0") as publisher:
        config = Path(folder) / "config.toml"
        publish(publisher, count, etag="auto")
        write_config(config, urlsplit(publisher.url).port, count)
        cold = poll(config, "--all")
        single = poll(config, "--source", "s0")
        not_modified = poll(config, "--all")
        publish(publisher, count, etag=None)
        poll(config, "--all")  # forgets the validators
        unchanged = poll(config, "--all")
    cost_304 = (not_modified.cpu_seconds - single.cpu_seconds) / count * 1000
    cost_unchanged = (unchanged.cpu_seconds - single.cpu_seconds) / count * 1000
    hosts = -(-count // SOURCES_PER_HOST)
    print(f"{count} sources on {hosts} hosts; a command's start costs {single.cpu_seconds:.2f} s")
    verdict("304", cost_304, MOST_MS, "ms of CPU a poll")
    verdict("unchanged body without validators", cost_unchanged / cost_304, MOST_UNCHANGED, "of a 304")
    for name, cost in (("cold", cold), ("304", not_modified), ("unchanged bodies", unchanged)):
        verdict(f"memory, {name}", cost.memory_mb, MOST_MB, "MB")


def verdict(name: str, measured: float, target: float, unit: str) -> None:
    print(f"{name}: {measured:.2f} {unit}; target {target}: {'met' if measured <= target else 'missed'}")


def publish(publisher: Publisher, count: int, *, etag: str | None) -> None:
    for number in range(count):
        body = make_document(
            "rss20",
            "ar" if number % 2 else "en",
            seed=number,
            items=ITEMS,
            item_bytes=ITEM_BYTES,
            marked_up=True,
        )
        publisher.publish(f"/{number}", body, content_type="application/rss+xml", etag=etag)


def write_config(config: Path, port: int | None, count: int) -> None:
    urls = (f"http://{make_host(n // SOURCES_PER_HOST)}:{port}/{n}" for n in range(count))
    config.write_text(render_config(urls), encoding="utf-8")


def make_host(number: int) -> str:
    """An address of loopback, another one for each number up to 15 million."""
    high, low = divmod(number, 250)
    return f"127.{high // 250}.{high % 250}.{low + 1}"


def poll(config: Path, *which: str) -> Cost:
    """Run the command to its end. Raises AssertionError when it fails."""
    before = spent_by_children()
    command = [sys.executable, "-m", "aggregator", "poll", *which, "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        greatest = watch_memory(process)
    assert process.returncode == 0, process.returncode
    return Cost(cpu_seconds=spent_by_children() - before, memory_mb=greatest / 1e6)


def watch_memory(process: subprocess.Popen[bytes]) -> int:
    greatest = 0
    while True:
        greatest = max(greatest, measure_memory(process.pid))
        with suppress(subprocess.TimeoutExpired):
            process.wait(SAMPLED_EVERY_SECONDS)
            return greatest


def measure_memory(pid: int) -> int:
    try:
        parent = psutil.Process(pid)
        return sum(each.memory_full_info().pss for each in (parent, *parent.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def measure_cpu(pid: int) -> float:
    """The seconds of CPU that a process and its living children have had."""
    parent = psutil.Process(pid)
    times = [each.cpu_times() for each in (parent, *parent.children(recursive=True))]
    return sum(each.user + each.system for each in times)


def spent_by_children() -> float:
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
