"""Our server and its peers: the same documents, publisher and run; a table of figures and of ratios.

    cd bench && python -m peers [SOURCES] [ITEMS] [BYTES] [NAME...]      defaults: 500, 30, 3000, all peers

Cold: all is new. 304: nothing changed, and validators say so. Unchanged: the publisher has no validators
and sends the same bodies again. Seconds are by the clock, since that is what a user waits for; memory is the
greatest PSS of a command with its children. Half of the sources are Arabic, all with marked-up texts. What
a peer does not do (sanitise, deduplicate, group, index, publish) it spends no time on either. Only ours
publishes a merged feed: its requests a second, beside nginx's, are in bench/serve.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from documents import make_document
from lxml import etree
from poller import spent_by_children, watch_memory

from aggregator.demo.publisher import Publisher
from peers.clients import OURS, PEERS, Peer, make_environment, measure_store

PHASES = ("cold", "304", "unchanged")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    seconds: float
    cpu: float  # seconds, with children
    memory: float  # MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    costs: dict[str, Cost]
    store: int  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`figure`'s of ours may be at most `most` times that of `peer` in its `phase`."""

    words: str
    phase: str
    peer: str
    peer_phase: str
    most: float


TARGETS = (
    Target(
        words="cold, 8 times as fast as reader", phase="cold", peer="reader", peer_phase="cold", most=1 / 8
    ),
    Target(
        words="cold, twice as fast as newsboat", phase="cold", peer="newsboat", peer_phase="cold", most=1 / 2
    ),
    Target(words="cold, no slower than sfeed", phase="cold", peer="sfeed", peer_phase="cold", most=1),
    Target(
        words="304, 3 times as fast as reader's 304", phase="304", peer="reader", peer_phase="304", most=1 / 3
    ),
    Target(
        words="unchanged, 3 times as fast as reader's 304",
        phase="unchanged",
        peer="reader",
        peer_phase="304",
        most=1 / 3,
    ),
)
MOST_MEMORY, MOST_STORE = 300, 1.5  # MB; times the text


def main() -> None:
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    names = [word for word in sys.argv[1:] if not word.isdigit()]
    count, items, size = (*numbers, *(500, 30, 3000)[len(numbers) :])
    documents = [
        make_document("rss20", "ar" if n % 2 else "en", seed=n, items=items, item_bytes=size, marked_up=True)
        for n in range(count)
    ]
    text = sum(map(measure_text, documents))
    print(
        f"{count} sources x {items} items x {size} bytes: "
        f"{sum(map(len, documents)) / 1e6:.1f} MB, of which {text / 1e6:.1f} MB text"
    )
    results = {}
    for peer in PEERS:
        if names and peer.name not in names and peer is not OURS:
            continue
        if missing := peer.find_missing():
            print(f"{peer.name} is left out, it needs {' and '.join(missing)} (Debian's packages)")
            continue
        results[peer.name] = run(peer, documents, items=count * items)
    print_table(results, text)
    judge(results, text)


def measure_text(document: bytes) -> int:
    """Bytes of titles and texts without their markup."""
    channel = etree.fromstring(document)
    texts = ("".join(item.itertext("title", "{*}encoded", "description")) for item in channel.iter("item"))
    return sum(len(_strip(text).encode()) for text in texts)


def _strip(html: str) -> str:
    return "".join(etree.fromstring(f"<p>{html}</p>", etree.HTMLParser()).itertext())


def run(peer: Peer, documents: Sequence[bytes], *, items: int) -> Result:
    """Three polls by one peer of a publisher of its own. Raises AssertionError when it has lost something."""
    with tempfile.TemporaryDirectory() as name, Publisher() as publisher:
        folder = Path(name)
        urls = [f"{publisher.url}/{n}" for n in range(len(documents))]
        publish(publisher, documents, etag="auto")
        peer.set_up(folder, urls)
        costs = {"cold": poll(peer, folder, urls)}
        store = measure_store(peer, folder) if peer.count else 0
        costs["304"] = poll(peer, folder, urls)
        publish(publisher, documents, etag=None)
        poll(peer, folder, urls)  # forgets the validators
        costs["unchanged"] = poll(peer, folder, urls)
        if peer.count:
            held = peer.count(folder)
            assert held == items, f"{peer.name} holds {held} of {items} items"
    return Result(costs=costs, store=store)


def publish(publisher: Publisher, documents: Sequence[bytes], *, etag: str | None) -> None:
    for n, body in enumerate(documents):
        publisher.publish(f"/{n}", body, content_type="application/rss+xml", etag=etag)


def poll(peer: Peer, folder: Path, urls: Sequence[str]) -> Cost:
    command = peer.poll(folder, urls)
    cpu, started = spent_by_children(), time.monotonic()
    with (folder / "log").open("wb") as log:
        environment = make_environment(folder)
        with subprocess.Popen(command, env=environment, stdout=log, stderr=log) as process:
            memory = watch_memory(process)
    seconds = time.monotonic() - started
    assert process.returncode == 0, (folder / "log").read_text(errors="replace")[-2000:]
    return Cost(seconds=seconds, cpu=spent_by_children() - cpu, memory=memory / 1e6)


# --- what it says ----------------------------------------------------------------------------------


def print_table(results: dict[str, Result], text: int) -> None:
    ours = results[OURS.name]
    print(f"{'':18}" + "".join(f"{phase:>21}" for phase in PHASES) + f"{'memory':>10}{'store':>12}")
    for name, result in results.items():
        times = "".join(
            f"{cost.seconds:9.1f} s {cost.seconds / ours.costs[phase].seconds:7.2f} x"
            for phase, cost in result.costs.items()
        )
        memory = max(cost.memory for cost in result.costs.values())
        store = f"{result.store / text:5.2f} text" if result.store else "-"
        print(f"{name:18}{times}{memory:7.0f} MB{store:>12}")
    print(
        "x: times ours. CPU, cold: "
        + ", ".join(f"{n} {r.costs['cold'].cpu:.1f} s" for n, r in results.items())
    )


def judge(results: dict[str, Result], text: int) -> None:
    ours = results[OURS.name]
    for target in TARGETS:
        if target.peer in results:
            theirs = results[target.peer].costs[target.peer_phase].seconds
            say(target.words, ours.costs[target.phase].seconds / theirs, target.most)
    say("memory, MB", max(cost.memory for cost in ours.costs.values()), MOST_MEMORY)
    say("store, times the text", ours.store / text, MOST_STORE)


def say(words: str, figure: float, most: float) -> None:
    print(f"{words}: {figure:.2f}, target {most:.2f}: {'met' if figure <= most else 'missed'}")


if __name__ == "__main__":
    main()
