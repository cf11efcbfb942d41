"""Every way in which a source can fail, all in one run of the code of `aggregator poll`.

Every source is healthy at the first poll, where it can be, and has its fault at the second. The cases are in
tests/fault_cases.py and tests/fault_exchanges.py, what comes of each in tests/fault_outcomes.toml.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest

from aggregator import ops
from aggregator.config import Settings, load_settings
from aggregator.demo.publisher import Publisher
from aggregator.executor.local import READ_MEMORY_BYTES, READ_TIMEOUT
from aggregator.model import SourceStatus
from aggregator.parse.sandbox import Sandbox
from aggregator.reading import read_document
from aggregator.store.entries import StoredEntry
from tests.fault_cases import BEFORE, DOCUMENTS, EXTERNAL, PAGE, Fault, rss
from tests.fault_exchanges import EXCHANGES
from tests.fault_publishers import Publishers, list_touched, make_certificates
from tests.harness import Site, make_item, publish

FAULTS: tuple[Fault, ...] = DOCUMENTS + EXCHANGES
OUTCOMES: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).parents[1].joinpath("fault_outcomes.toml").read_text(encoding="utf-8")
)
EVERY = timedelta(minutes=20)
CALM = ("neighbour", "elsewhere")  # sources that nothing is wrong with
HEAD = """[site]
title = "Test"
url = "https://news.example"
editions = ["en"]

[fetch]
allow_networks = ["127.0.0.0/8"]

[defaults]
every = "20m"

[[section]]
id = "world"
name = "World"
"""
SOURCE = '\n[[source]]\nid = "{id}"\nname = "{id}"\nurl = "{url}"\nsection = "world"\ntimeout = "{timeout}"\n'

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl: no certificates")


@dataclass(frozen=True, kw_only=True)
class Run:
    """What the second poll left behind."""

    began: datetime
    ended: datetime
    cpu_seconds: float  # of all its worker processes together
    status: dict[str, SourceStatus]
    entries: dict[str, list[StoredEntry]]
    url_of: dict[str, str]
    printed: str  # by `aggregator status`


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("faults")
    certificates = make_certificates(tmp_path_factory.mktemp("certificates"))
    with Publishers(certificates) as publishers, pytest.MonkeyPatch.context() as patch:
        # Else nobody would get as far as finding them expired or of another name.
        patch.setattr(certifi, "where", lambda: str(certificates / "trusted.pem"))
        calm = {"neighbour": publishers.shared, "elsewhere": publishers.open_publisher()}
        for fault in FAULTS:
            publishers.add(fault)
        settings = configure(folder, publishers, calm)
        publish_calm(calm, 1)
        poll(settings)
        for fault in FAULTS:
            publishers.spoil(fault)
        publish_calm(calm, 2)
        began, used = datetime.now(UTC), read_child_seconds()
        poll(settings)
        ended = datetime.now(UTC)
        entries: dict[str, list[StoredEntry]] = {}
        for entry in ops.list_entries(settings, section=None, source_id=None):
            entries.setdefault(entry.source, []).append(entry)
        yield Run(
            began=began,
            ended=ended,
            cpu_seconds=read_child_seconds() - used,
            status={row.id: row for row in ops.list_status(settings, now=ended)},
            entries=entries,
            url_of=publishers.url_of,
            printed=Site(folder=folder, port=0).run("status").stdout,
        )


def configure(folder: Path, publishers: Publishers, calm: dict[str, Publisher]) -> Settings:
    tables = [SOURCE.format(id=f.id, url=publishers.url_of[f.id], timeout=f.timeout) for f in FAULTS]
    tables += [SOURCE.format(id=id, url=f"{at.url}/calm", timeout="5s") for id, at in calm.items()]
    config = folder / "config.toml"
    config.write_text(HEAD + "".join(tables), encoding="utf-8")
    return load_settings(config, environ={})


def publish_calm(calm: dict[str, Publisher], count: int) -> None:
    for publisher in calm.values():
        publish(publisher, "/calm", [make_item(n) for n in range(count)])


def poll(settings: Settings) -> None:
    ops.poll_once(settings, everything=True, only=(), progress=lambda _: None)


def read_child_seconds() -> float:
    """CPU time of the processes that this one has started and seen end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# --- one golden outcome a case ---------------------------------------------------------------------


def describe(run: Run, fault_id: str) -> dict[str, Any]:
    """What became of a source, in the words of fault_outcomes.toml."""
    row = run.status[fault_id]
    here = run.url_of[fault_id].split("/")[2]
    says = [row.last_error] if row.last_error is not None else [*row.problems]
    new = [show(run, entry) for entry in run.entries.get(fault_id, []) if entry.title != BEFORE]
    shown = sorted(new) if len(new) < 10 else [*sorted(new)[:2], f"and {len(new) - 2} more"]
    return {
        "state": row.state,
        "says": [words.replace(here, "{here}") for words in says],
        "new": [line.replace(here, "{here}") for line in shown],
    }


def show(run: Run, entry: StoredEntry) -> str:
    title = entry.title if len(entry.title) < 80 else f"{entry.title[:20]} and so on"
    at = "now" if run.began <= entry.published_at <= run.ended else f"{entry.published_at:%Y-%m-%d %H:%M}"
    return f"{title} | {entry.url or 'no link'} | {at}"


def matches(golden: str, words: str) -> bool:
    """… in a golden sentence is what libcurl or expat says, in the words of their version."""
    return re.fullmatch(".+".join(map(re.escape, golden.split("…"))), words) is not None


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_every_fault_has_its_outcome(run: Run, fault: Fault) -> None:
    golden, outcome = OUTCOMES[fault.id], describe(run, fault.id)
    assert (outcome["state"], outcome["new"]) == (golden["state"], golden.get("new", []))
    says = golden.get("says", [])
    assert len(outcome["says"]) == len(says), outcome["says"]
    for expected, words in zip(says, outcome["says"], strict=True):
        assert matches(expected, words), words
    for words in outcome["says"]:
        assert words.replace("{here}", run.url_of[fault.id].split("/")[2]) in run.printed


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_every_source_is_polled_again_when_it_should(run: Run, fault: Fault) -> None:
    """After the interval, doubled by every failure in a row, or as late as is asked; give or take 10 %."""
    row, golden = run.status[fault.id], OUTCOMES[fault.id]
    failures = 0 if golden["state"] == "ok" else 1 if fault.healthy_first else 2
    wait = timedelta(minutes=golden["minutes"]) if "minutes" in golden else EVERY * 2**failures
    assert row.failures == failures
    assert run.began + wait * 0.9 <= row.next_poll_at <= run.ended + wait * 1.1


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.healthy_first], ids=lambda fault: fault.id)
def test_no_fault_loses_what_was_there_before(run: Run, fault: Fault) -> None:
    assert [e.title for e in run.entries[fault.id] if e.guid == "before"] == [BEFORE]
    assert run.status[fault.id].last_success_at is not None


def test_the_table_is_whole() -> None:
    ids = [fault.id for fault in FAULTS]
    assert sorted(ids) == sorted(OUTCOMES)
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", CALM)
def test_no_fault_holds_up_another_source(run: Run, name: str) -> None:
    assert run.status[name].state == "ok"
    assert {entry.guid for entry in run.entries[name]} == {"item-0", "item-1"}


def test_no_fault_takes_long_or_much(run: Run) -> None:
    """Less than a single one might: the workers' limits, which none has run into."""
    assert run.cpu_seconds < READ_TIMEOUT.total_seconds()
    assert run.ended - run.began < timedelta(seconds=30)
    assert not [row.id for row in run.status.values() if "reading it" in (row.last_error or "")]


# --- a body that names a file or an address --------------------------------------------------------


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """One worker for each test: what watches it can never be taken off."""
    with Sandbox(workers=1, timeout=READ_TIMEOUT, max_memory_bytes=READ_MEMORY_BYTES) as opened:
        opened.submit(bool, read_document, url="").result()
        yield opened


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{file}", id="the path of a file"),
        pytest.param(b"{file}\n", id="the path of a file, as a line"),
        pytest.param(b"file://{file}", id="a file URL"),
        pytest.param(b"{url}", id="a web address"),
        pytest.param(b"ftp{url}", id="another address"),
        pytest.param(EXTERNAL.encode(), id="entities and a DTD from elsewhere"),
        pytest.param(PAGE.encode(), id="a page that names feeds"),
        pytest.param(rss("<item><guid>{url}</guid><link>{url}</link></item>").encode(), id="links"),
    ],
)
def test_reading_a_body_opens_no_file_and_no_connection(
    publisher: Publisher, sandbox: Sandbox, tmp_path: Path, body: bytes
) -> None:
    secret = tmp_path / "secret.xml"
    secret.write_text(rss("<item><guid>1</guid><title>Secret</title></item>"), encoding="utf-8")
    publish(publisher, "/feed", [make_item(1)])
    url = f"{publisher.url}/feed"
    body = body.replace(b"{file}", os.fsencode(secret)).replace(b"{url}", url.encode())

    assert sandbox.submit(list_touched, body, url, url=url).result() == []
    assert publisher.log == []
