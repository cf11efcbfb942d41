"""Sources, entries and stores that the tests of the store share; all texts are our own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any

from aggregator.dedupe.essence import find_essence, pack_essence
from aggregator.dedupe.fingerprint import fingerprint_entries
from aggregator.model import Assignment, Decision, Entry, Image, Placement, ReadEntry, SearchWords, Source
from aggregator.plain import read_text
from aggregator.stems import stem_article
from aggregator.store import Store, Transaction, open_store, sources
from aggregator.store.articles import ensure_identity
from aggregator.store.entries import KnownEntry, NewEntry, find_known, insert_entries, update_entry
from aggregator.store.ids import entry_id
from tests.stores import make_store_url

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

TEXT = (
    "رست السفينة في الميناء صباح اليوم وعلى متنها عشرون طناً من القمح، "
    "وقال مدير الميناء إن التفريغ ينتهي قبل المساء وإن الشاحنات تنتظر على الرصيف."
)


def make_read(guid: str, source_id: str = "harbour", section: str = "ar/libya", **changes: Any) -> ReadEntry:
    """An entry as it comes from the worker process: cleaned, fingerprinted, placed."""
    entry = Entry(
        source_id=source_id,
        guid=guid,
        url=f"https://{source_id}.example/news/{guid}",
        title=f"وصول السفينة {guid}",
        content_html=f"<p>{TEXT}</p>",
        text=TEXT,
        excerpt=TEXT[:60],
        authors=("سالم الورفلي", "هدى بن عامر"),
        categories=("ميناء", "تجارة"),
        image=Image(url="https://img.example/1.jpg", alt="السفينة", width=800, height=600),
        enclosures=(),
        lang="ar",
        dir="rtl",
        published_at=NOON,
        updated_at=NOON,
        first_seen_at=NOON + 5 * MINUTE,
        raw_hash=b"",
        content_hash=b"",
    )
    return _read(replace(entry, **changes), section)


def edit_read(read: ReadEntry, section: str | None = None, **changes: Any) -> ReadEntry:
    """The same item as its publisher gives it later."""
    return _read(replace(read.entry, **changes), section or read.placement.section)


def _read(entry: Entry, section: str) -> ReadEntry:
    bare = replace(entry, raw_hash=b"", content_hash=b"")
    entry = replace(
        bare, raw_hash=_hash(bare, section), content_hash=_hash(entry.title, entry.text, entry.url)
    )
    (fingerprint,) = fingerprint_entries([entry])
    placement = Placement(section=section, decision=Decision(rule="source", evidence="the source's section"))
    lang, title, body = stem_article(entry.title, read_text(entry.content_html) or entry.excerpt, entry.lang)
    return ReadEntry(
        entry=entry,
        fingerprint=fingerprint,
        placement=placement,
        words=SearchWords(content="full", lang=lang, title=title, body=body),
        essence=pack_essence(find_essence(entry, fingerprint)),
    )


def _hash(*values: object) -> bytes:
    return blake2b(repr(values).encode(), digest_size=16).digest()


def id_of(read: ReadEntry) -> int:
    return entry_id(read.entry.source_id, read.entry.guid)


def insert_reads(tx: Transaction, *reads: ReadEntry, into: ReadEntry | None = None) -> None:
    """Store entries, each founding an article of its own, or all joining the article that `into` founded."""
    decision = Decision(rule="founder" if into is None else "same-text", evidence="as the test has it")
    assignment = Assignment(article_id=None if into is None else id_of(into), decision=decision)
    insert_entries(tx, [NewEntry(id=id_of(r), read=r, assignment=assignment) for r in reads])


def get_known(tx: Transaction, read: ReadEntry) -> KnownEntry:
    return find_known(tx, [id_of(read)])[id_of(read)]


def update_read(tx: Transaction, read: ReadEntry, *, now: datetime) -> None:
    """Take over what the publisher says of a stored item now."""
    update_entry(tx, get_known(tx, read), read, now=now)


@contextmanager
def open_sample(folder: Path, *configured: Source) -> Iterator[Store]:
    """A new store on disk that knows these sources."""
    store = open_store(make_store_url(folder))
    try:
        with store.write() as tx:
            ensure_identity(tx, authority="news.example", now=NOON)
            sources.sync_sources(tx, configured, now=NOON)
        yield store
    finally:
        store.close()


def run_at_once(script: str, arguments: Sequence[Sequence[str]]) -> list[Any]:
    """Run a script in several processes, let go together; returns the JSON that each prints.

    The script waits for the word to go by reading a line, after its imports.
    """
    ready = "print('ready', flush=True); sys.stdin.readline()"
    command = [sys.executable, "-c", script.replace("WAIT", ready)]
    running = [_start([*command, *words]) for words in arguments]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    ends = [process.communicate(timeout=60) for process in running]
    assert [p.returncode for p in running] == [0] * len(running), [error for _, error in ends]
    return [json.loads(output) for output, _ in ends]


def _start(command: Sequence[str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe, stderr=pipe)
