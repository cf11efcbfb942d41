"""New articles into stories, a batch at a time: who waits, who is interrupted, what a running site shows."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from aggregator import grouping
from aggregator.demo.publisher import Publisher
from aggregator.grouping import group_new
from aggregator.model import ReadEntry
from aggregator.store import Store, stories, tables
from aggregator.store.articles import get_revision
from tests.harness import Site, make_item, make_source, publish, wait_until, write_config
from tests.store.samples import DAY, HOUR, NOON, edit_read, id_of, make_read, open_sample, run_at_once
from tests.stores import make_store_url
from tests.test_saving import save

pytestmark = pytest.mark.usefixtures("each_store")

FERRY = (
    "The ferry from Brackwell ran onto rocks off the northern pier in thick fog and all passengers were "
    "taken off by fishing boats before dawn, the coast guard said.",
    "Fishing boats took all passengers off the stranded Brackwell ferry; the coast guard blames fog over "
    "the rocks near the pier, and divers look for holes in the hull.",
    "Divers found two holes in the hull of the ferry that struck rocks near Brackwell pier in fog, and its "
    "captain was questioned by the coast guard.",
)
POOL = (
    "The council of Tarnley voted to close the swimming pool because heating the water costs more than the "
    "swimmers pay, and the budget has no reserve.",
    "Swimmers protested in Tarnley against the vote of the council to close the pool and offered to heat the "
    "water with wood from the parish forest.",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_sample(tmp_path, *map(make_source, ("harbour", "ferry"))) as opened:
        yield opened


def make_reports(texts: Sequence[str], name: str, **changes: Any) -> list[ReadEntry]:
    return [
        make_read(
            f"{name}-{number}",
            **{
                "title": " ".join(text.split()[:8]),
                "text": text,
                "lang": "en",
                "image": None,
                "published_at": NOON + number * HOUR,
            }
            | changes,
        )
        for number, text in enumerate(texts)
    ]


def make_fillers(count: int) -> list[ReadEntry]:
    texts = [" ".join(f"w{number}x{place}" for place in range(30)) for number in range(count)]
    return make_reports(texts, "filler", published_at=NOON)


def group(store: Store, *, now: datetime = NOON) -> int:
    return group_new(store, now=now, stopping=threading.Event())


def get_stories(store: Store) -> dict[int, int | None]:
    with store.read() as tx:
        return {row.id: row.story_id for row in tx.execute(select(tables.articles))}


def test_every_article_gets_a_story_and_those_of_one_event_the_same(store: Store) -> None:
    ferry, pool = make_reports(FERRY, "ferry"), make_reports(POOL, "pool")
    save(store, *ferry, *pool)
    assert group(store) == 5
    found = get_stories(store)
    assert {found[id_of(read)] for read in ferry} == {id_of(ferry[0])}
    assert {found[id_of(read)] for read in pool} == {id_of(pool[0])}
    assert group(store) == 0


def test_an_article_that_comes_later_finds_its_story_and_the_story_keeps_its_id(store: Store) -> None:
    ferry = make_reports(FERRY, "ferry")
    for read in ferry:
        save(store, read)
        group(store, now=read.entry.published_at)
        assert set(get_stories(store).values()) == {id_of(ferry[0])}


def test_beyond_the_window_the_same_words_tell_another_event(store: Store) -> None:
    (first,) = make_reports(FERRY[:1], "first")
    (later,) = make_reports(FERRY[1:2], "later", published_at=NOON + 8 * DAY)
    for read in (first, later):
        save(store, read, now=read.entry.published_at)
        group(store, now=read.entry.published_at)
    assert get_stories(store) == {id_of(read): id_of(read) for read in (first, later)}


def test_what_was_found_while_reading_gives_the_story_that_the_stored_words_give(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also of an entry that was edited before it had a story: what was found in its old words is gone."""
    reads = make_reports((*FERRY, *POOL), "event")
    earlier = make_fillers(1)[0].entry
    save(store, edit_read(reads[0], title=earlier.title, text=earlier.text), *reads[1:])
    save(store, reads[0], now=NOON + HOUR)
    with open_sample(tmp_path_factory.mktemp("bare"), *map(make_source, ("harbour", "ferry"))) as bare:
        save(bare, *(replace(read, essence=None, words=None) for read in reads))
        for each in (store, bare):
            group(each)
        assert get_vectors(store) == get_vectors(bare)
    with store.read() as tx:
        assert tx.execute(select(tables.essences)).all() == []


def get_vectors(store: Store) -> set[Any]:
    with store.read() as tx:
        return {(row.article_id, row.vector, *row.links) for row in tx.execute(select(tables.vectors))}


def test_a_copy_needs_no_story_of_its_own(store: Store) -> None:
    (read,) = make_reports(FERRY[:1], "1")
    (copy,) = make_reports(FERRY[:1], "1", source_id="ferry")
    save(store, read, copy)
    assert group(store) == 1


def test_an_entry_that_an_edit_moves_out_of_its_article_waits_for_a_story(store: Store) -> None:
    (read,) = make_reports(FERRY[:1], "1")
    (copy,) = make_reports(FERRY[:1], "1", source_id="ferry")
    (pool,) = make_reports(POOL[:1], "pool")
    save(store, read, copy, pool)
    group(store)
    save(store, edit_read(copy, title="Swimmers protest", text=POOL[1]), now=NOON + HOUR)
    assert get_stories(store)[id_of(copy)] is None
    assert group(store, now=NOON + HOUR) == 1
    assert get_stories(store)[id_of(copy)] == id_of(pool)


def test_grouping_says_that_what_is_published_may_have_changed_and_only_then(store: Store) -> None:
    def revision() -> int:
        with store.read() as tx:
            return get_revision(tx)

    save(store, *make_reports(FERRY, "ferry"))
    saved = revision()
    group(store)
    grouped = revision()
    assert grouped > saved
    group(store)
    assert revision() == grouped


def test_what_is_too_old_to_grow_is_forgotten(store: Store) -> None:
    save(store, *make_reports(FERRY[:1], "old"))
    group(store)
    save(store, *make_reports(POOL[:1], "new", published_at=NOON + 15 * DAY))
    group(store, now=NOON + 15 * DAY)
    with store.read() as tx:
        kept = set(tx.execute(select(tables.vectors.c.article_id)).scalars())
        assert kept == {id_of(read) for read in make_reports(POOL[:1], "new")}
        assert stories.find_redirect(tx, "story", next(iter(kept))) is None


def test_it_stops_between_two_batches_and_goes_on_where_it_stopped(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "_BATCH", 4)
    save(store, *make_fillers(10))
    stopping = threading.Event()
    stopping.set()
    assert group_new(store, now=NOON, stopping=stopping) == 0
    assert group(store) == 10
    assert None not in get_stories(store).values()


GROUP = """
import sys, threading
sys.path.insert(0, sys.argv[1])
from aggregator import grouping
from aggregator.store import open_store
from tests.store.samples import NOON
grouping._BATCH = 5
store = open_store(sys.argv[2])
"""
GROUP_SLOWLY = (
    GROUP
    + """
import time
group_batch = grouping._group_batch
def slowly(tx, *, now):
    done = group_batch(tx, now=now)
    print(done, flush=True)
    time.sleep(0.2)
    return done
grouping._group_batch = slowly
grouping.group_new(store, now=NOON, stopping=threading.Event())
"""
)
GROUP_AT_ONCE = (
    GROUP
    + """
WAIT
print(grouping.group_new(store, now=NOON, stopping=threading.Event()))
store.close()
"""
)
ROOT = str(Path(__file__).parents[1])


def test_a_grouping_that_is_killed_between_two_batches_is_taken_up_again(
    store: Store, tmp_path: Path
) -> None:
    """Killed while a batch is under way, its transaction is undone: no article is counted twice."""
    save(store, *make_fillers(20))
    command = [sys.executable, "-c", GROUP_SLOWLY, ROOT, make_store_url(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == ["5\n", "5\n"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    waiting = sum(story is None for story in get_stories(store).values())
    assert waiting in {10, 15}
    assert group(store) == waiting
    with store.read() as tx:
        counts = stories.get_counts(
            tx, set(tx.execute(select(tables.term_counts.c.term)).scalars()), now=NOON
        )
    assert max(counts.values()) == pytest.approx(20)


def test_two_processes_that_group_at_once_share_the_work(store: Store, tmp_path: Path) -> None:
    save(store, *make_fillers(40))
    done = run_at_once(GROUP_AT_ONCE, [[ROOT, make_store_url(tmp_path)]] * 2)
    assert sum(done) == 40
    assert None not in get_stories(store).values()


# --- through the command --------------------------------------------------------------------------


def test_after_a_poll_every_entry_has_a_story(publisher: Publisher, site: Site) -> None:
    items = [make_item(n, title=text[:40], html=f"<p>{text}</p>") for n, text in enumerate(FERRY + POOL)]
    publish(publisher, "/a", items[::2])
    publish(publisher, "/b", items[1::2])
    write_config(site, publisher, {"a": "/a", "b": "/b"})
    site.poll("--all")
    listed = {entry["guid"]: entry["story"] for entry in site.entries()}
    assert len({listed[f"item-{n}"] for n in range(3)}) == 1
    assert len({listed[f"item-{n}"] for n in (3, 4)}) == 1
    assert len(set(listed.values())) == 2
    assert None not in listed.values()
    publish(publisher, "/a", [make_item(9, title="Captain questioned", html=f"<p>{FERRY[1][::-1]}</p>")])
    site.poll("--all")
    after = {entry["guid"]: entry["story"] for entry in site.entries()}
    assert {guid: after[guid] for guid in listed} == listed
    assert after["item-9"] not in {None, *listed.values()}


def test_a_running_server_groups_within_seconds(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(1, title=FERRY[0][:40], html=f"<p>{FERRY[0]}</p>")])
    write_config(site, publisher, {"a": "/a"})

    def all_have_stories() -> bool:
        listed = site.entries()
        return bool(listed) and all(entry["story"] for entry in listed)

    with site.serving():
        wait_until(all_have_stories, "a story of every entry")
