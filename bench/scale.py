"""How polling keeps up with many sources: claims a second, and how late polls are, by the publisher's log.

    python bench/scale.py [MINUTES]      default: 1 minute a measurement

Every source has a host of its own, so that nothing is gained by asking a host for several. The schedule is
the real one: polls fall due all the time, spread evenly over the interval of the sources, and
`aggregator serve` with its defaults polls them on a store in SQLite. How late a poll is, is the time from the
moment when it fell due until its request reached the publisher, who answers 304.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from documents import make_document, render_config
from poller import make_host, measure_cpu, measure_memory
from serve import find_free_port
from sqlalchemy import bindparam, update

from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.store import Store, open_store, sources, tables

ETAG = '"1"'
LEASE = timedelta(minutes=2)
SETTLING = timedelta(seconds=60)  # for the start; nothing falls due in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    count: int  # sources
    every: timedelta
    most_lag: float  # seconds, at the 99th percentile


PLANS = (
    Plan(count=10_000, every=timedelta(minutes=15), most_lag=30),
    Plan(count=100_000, every=timedelta(minutes=55), most_lag=60),
)


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    for plan in PLANS:
        with tempfile.TemporaryDirectory() as name, Publisher(host="0.0.0.0") as publisher:
            print(f"{plan.count} sources on as many hosts, each every {plan.every}:")
            run(plan, Path(name), publisher, minutes * 60)


def run(plan: Plan, folder: Path, publisher: Publisher, seconds: float) -> None:
    publish(publisher, plan.count)
    config = folder / "config.toml"
    port = int(publisher.url.rsplit(":", 1)[1])
    urls = (f"http://{make_host(n)}:{port}/{n}" for n in range(plan.count))
    minutes = int(plan.every.total_seconds()) // 60
    config.write_text(render_config(urls, f'every = "{minutes}m"'), encoding="utf-8")
    began = time.monotonic()
    command = [sys.executable, "-m", "aggregator", "poll", "--source", "s0", "--config", str(config)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print(f"    the first command, with an empty store: {time.monotonic() - began:.1f} s")
    store = open_store(f"sqlite:///{folder}/aggregator.db")
    measure_claims(store)
    due_from = datetime.now(UTC) + SETTLING
    due = spread(store, plan, due_from)
    store.close()
    publisher.clear_log()
    began = time.monotonic()
    with serving(config, find_free_port()) as process:
        print(f"    start: {time.monotonic() - began:.1f} s")
        wait_until(due_from)
        cpu = measure_cpu(process.pid)
        wait_until(due_from + timedelta(seconds=seconds))
        cpu = measure_cpu(process.pid) - cpu
        memory = measure_memory(process.pid) / 1e6
        time.sleep(plan.most_lag / 4)
    asked = {request.path: request.at for request in reversed(publisher.log)}  # the first of each counts
    due = {path: at for path, at in due.items() if at < due_from + timedelta(seconds=seconds)}
    report(plan, due, asked, seconds)
    print(f"    {cpu / seconds:.2f} of a core; {memory:.0f} MB with two web workers")


def report(plan: Plan, due: dict[str, datetime], asked: dict[str, datetime], seconds: float) -> None:
    """A poll that never came is as late as it could be."""
    lags = sorted(
        (asked[path] - at).total_seconds() if path in asked else seconds for path, at in due.items()
    )
    p99 = lags[len(lags) * 99 // 100]
    rate = sum(path in asked for path in due) / seconds
    print(f"    lag: median {lags[len(lags) // 2]:.1f} s, 99th percentile {p99:.1f} s", end="")
    print(f", target {plan.most_lag:.0f} s: {'met' if p99 <= plan.most_lag else 'missed'}")
    print(f"    polls: {rate:.1f} a second of {len(due) / seconds:.1f} that fell due")


def publish(publisher: Publisher, count: int) -> None:
    """Every source has the feed, and has it already: what is asked for is answered 304."""
    body = make_document("rss20", "en", seed=0, items=1, item_bytes=300, marked_up=False)
    kind = ("Content-Type", "application/rss+xml")

    def answer(request: Request) -> Answer:
        if request.header("if-none-match") == ETAG:
            return Answer(status=304, headers=(("ETag", ETAG),))
        return Answer(body=body, headers=(kind, ("ETag", ETAG)))

    for number in range(count):
        publisher.publish_handler(f"/{number}", answer)


@contextmanager
def serving(config: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "aggregator", "serve", "--port", str(port), "--config", str(config)]
    log = config.parent / "log"
    with log.open("ab") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        assert "serves" in process.stdout.readline(), log.read_text()[-2000:]
        yield process
    finally:
        process.terminate()
        process.communicate()


def measure_claims(store: Store) -> None:
    """Everything due, claimed by 32 at a time and given back, as heartbeats do."""
    now = datetime.now(UTC) + timedelta(days=2)
    claimed, began = 0, time.process_time()
    for _ in range(30):
        with store.write() as tx:
            claims = sources.claim_due(tx, now=now, limit=32, lease=LEASE, owner="bench")
        for claim in claims:
            with store.write() as tx:
                sources.release_lease(tx, claim)
                sources.postpone(tx, claim.source_ids[0], until=now + LEASE)
        claimed += len(claims)
    print(f"    claims: {claimed / (time.process_time() - began):.0f} a second of CPU, 32 at a time")


def spread(store: Store, plan: Plan, due_from: datetime) -> dict[str, datetime]:
    """Let everything be known by its ETag, and fall due once within the interval that begins then."""
    set_due = update(tables.sources).where(tables.sources.c.id == bindparam("source"))
    set_due = set_due.values(next_poll_at=bindparam("due"), etag=ETAG)
    due = {n: due_from + plan.every * (n * 7919 % plan.count) / plan.count for n in range(plan.count)}
    with store.write() as tx:
        tx.execute(set_due, [{"source": f"s{n}", "due": at} for n, at in due.items()])
    return {f"/{n}": at for n, at in due.items()}


def wait_until(at: datetime) -> None:
    time.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))


if __name__ == "__main__":
    main()
