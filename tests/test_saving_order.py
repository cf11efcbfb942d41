"""The order in which polls bring copies, and who saves them, does not decide which are one article."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.dedupe.articles import FOUNDED
from aggregator.model import Assignment, Decision, ReadEntry
from aggregator.store import Store, Transaction, articles, moves, signatures, stories
from aggregator.store.ids import encode_id
from aggregator.store.reasons import find_explanation
from aggregator.store.rulings import find_standing, merge_article
from tests.harness import make_source
from tests.store.samples import HOUR, MINUTE, NOON, edit_read, id_of, make_read, open_sample, run_at_once
from tests.stores import make_store_url
from tests.test_saving import LONG, OTHER, OUTLETS, get_articles, get_pairs, make_report, save, share

pytestmark = pytest.mark.usefixtures("each_store")

# --- batches and order ----------------------------------------------------------------------------


def make_crowd() -> list[ReadEntry]:
    """Two reports as four outlets carry them, cut and extended, and an item of each outlet's own."""
    crowd = []
    for number, source_id in enumerate(OUTLETS):
        at = NOON + number * 10 * MINUTE
        crowd += [
            make_report(
                source_id, "wheat", text=LONG if number % 2 else f"{source_id}: {LONG}", published_at=at
            ),
            make_report(source_id, "vote", title=f"غرفة {number}", text=f"{OTHER} المزيد", published_at=at),
            make_report(
                source_id,
                "own",
                title=f"{source_id} {number}",
                text=" ".join(f"{source_id}{word}" for word in range(40)),
                published_at=at,
            ),
        ]
    return crowd


EXPECTED_PAIRS = {"wheat": 6, "vote": 6, "own": 0}


@settings(max_examples=12)
@given(st.randoms(use_true_random=False), st.integers(1, 12))
def test_copies_make_the_same_articles_in_any_order_and_any_batches(
    tmp_path_factory: pytest.TempPathFactory, chance: random.Random, size: int
) -> None:
    crowd = make_crowd()
    expected = {
        tuple(sorted((id_of(one), id_of(other))))
        for one, other in combinations(crowd, 2)
        if one.entry.guid == other.entry.guid != "own"
    }
    chance.shuffle(crowd)
    with open_sample(tmp_path_factory.mktemp("crowd"), *map(make_source, OUTLETS)) as store:
        for start in range(0, len(crowd), size):
            save(store, *crowd[start : start + size], now=NOON + start * MINUTE)
        assert get_pairs(store) == expected


SAVE = """
import json, sys
sys.path.insert(0, sys.argv[1])
from aggregator.store import open_store
from tests.store.samples import id_of
from tests.test_saving import OUTLETS, save
from tests.test_saving_order import make_crowd
store = open_store(sys.argv[2])
mine = [read for read in make_crowd() if read.entry.source_id in sys.argv[3].split()]
WAIT
for read in mine:
    save(store, read)
print(json.dumps([id_of(read) for read in mine]))
store.close()
"""


def test_two_processes_that_save_half_of_the_copies_each_end_with_one_article_of_each(
    store: Store, tmp_path: Path
) -> None:
    url, root = make_store_url(tmp_path), str(Path(__file__).parents[1])
    halves = [" ".join(OUTLETS[:2]), " ".join(OUTLETS[2:])]
    saved = run_at_once(SAVE, [[root, url, half] for half in halves])
    assert sorted(number for half in saved for number in half) == sorted(map(id_of, make_crowd()))
    assert len(get_pairs(store)) == sum(EXPECTED_PAIRS.values())
    articles = get_articles(store)
    for guid in ("wheat", "vote"):
        assert len({articles[id_of(read)] for read in make_crowd() if read.entry.guid == guid}) == 1


# --- order, on real data --------------------------------------------------------------------------

NEWS = Path(__file__).parents[2] / "shared" / "data" / "arabic-news.jsonl.gz"
DAY_OF_NEWS, ENTRIES, BATCH = "2015-07-23", 600, 100


def read_day() -> list[ReadEntry]:
    with gzip.open(NEWS, "rt", encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if row["seen_at"].startswith(DAY_OF_NEWS)]
    rows.sort(key=lambda row: (row["seen_at"], row["id"]))
    return [
        make_read(
            str(row["id"]),
            row["outlet"],
            url=row["url"],
            title=row["title"],
            text=row["text"],
            content_html="",
            published_at=datetime.fromisoformat(row["seen_at"]),
        )
        for row in rows[-ENTRIES:]
    ]


def save_in_batches(folder: Path, reads: Sequence[ReadEntry]) -> set[tuple[int, int]]:
    outlets = sorted({read.entry.source_id for read in reads})
    with open_sample(folder, *map(make_source, outlets)) as store:
        for start in range(0, len(reads), BATCH):
            save(store, *reads[start : start + BATCH], now=NOON + timedelta(seconds=start))
        return get_pairs(store)


@pytest.mark.skipif(not NEWS.is_file(), reason="shared/data/arabic-news.jsonl.gz is not beside the checkout")
def test_a_day_of_news_in_another_order_changes_few_pairs(tmp_path_factory: pytest.TempPathFactory) -> None:
    reads = read_day()
    orders = (
        reads,
        sorted(reads, key=lambda read: read.entry.source_id),
        random.Random(4).sample(reads, len(reads)),
    )
    pairs, *others = (save_in_batches(tmp_path_factory.mktemp("day"), order) for order in orders)
    assert len(pairs) > 50
    assert all(len(pairs ^ other) <= 0.02 * len(pairs | other) for other in others)


# --- what is stored is decided anew ---------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_sample(tmp_path, *map(make_source, OUTLETS)) as opened:
        yield opened


FIRST = make_report("harbour")
SECOND = make_report("ferry", title="غرفة التجارة تنتخب", text=OTHER, published_at=NOON + MINUTE)
# At the address of the one, in the words of the other, earlier than both and read last.
BRIDGE = make_report(
    "tower", title="غرفة التجارة تنتخب", text=OTHER, url=FIRST.entry.url, published_at=NOON - HOUR
)


def test_an_original_that_comes_last_brings_its_copies_together(store: Store) -> None:
    """The article that readers have had longest keeps its address; the other's leads there."""
    save(store, FIRST)
    save(store, SECOND, now=NOON + MINUTE)
    assert not share(store, FIRST, SECOND)
    save(store, BRIDGE, now=NOON + HOUR)
    assert set(get_articles(store).values()) == {id_of(FIRST)}
    with store.read() as tx:
        article = articles.find_article(tx, encode_id(id_of(FIRST)))
        assert articles.find_article(tx, encode_id(id_of(SECOND))) is None
        assert stories.find_redirect(tx, "article", id_of(SECOND)) == id_of(FIRST)
        listed = articles.list_articles(tx, "ar/libya", limit=10)
    assert article is not None
    assert article.title == FIRST.entry.title, "and its lead"
    assert {c.source_id for c in article.coverage} == {"harbour", "ferry", "tower"}
    assert [a.id for a in listed] == [article.id], "the other is listed nowhere"


def test_why_names_the_entry_that_brought_them_together(store: Store) -> None:
    for read in (FIRST, SECOND, BRIDGE):
        save(store, read)
    with store.read() as tx:
        reasons = {read.entry.source_id: get_reason(tx, read) for read in (FIRST, SECOND, BRIDGE)}
    assert reasons == {
        "harbour": ("founder", None),
        "ferry": ("same-text", encode_id(id_of(BRIDGE))),
        "tower": ("same-url", encode_id(id_of(FIRST))),
    }


def get_reason(tx: Transaction, read: ReadEntry) -> tuple[str, str | None]:
    explanation = find_explanation(tx, encode_id(id_of(read)))
    assert explanation is not None
    decided_by = explanation.article.decided_by
    return explanation.article.rule, decided_by and decided_by.id


def rule_apart(store: Store) -> None:
    """An admin puts another text into the second."""
    copy = make_report("mill", title="المطحنة", text=" ".join(reversed(LONG.split())))
    save(store, copy)
    with store.write() as tx:
        standings = [find_standing(tx, id_of(read)) for read in (copy, SECOND)]
        younger, older = (standing for standing in standings if standing)
        merge_article(tx, younger, older, Decision(rule="ruling", evidence="an admin"), now=NOON)


def edit_second(store: Store) -> None:
    save(store, edit_read(SECOND, title="غرفة التجارة تنتخب رئيسها"), now=NOON + 2 * MINUTE)


def forget_words(store: Store) -> None:
    with store.write() as tx:
        signatures.forget_signatures(tx, before=NOON + HOUR)


SETTLED: dict[str, Callable[[Store], None]] = {
    "an admin has put something into it": rule_apart,
    "it was edited: what its copies are like is what it was": edit_second,
    "its words are forgotten": forget_words,
}


@pytest.mark.parametrize("settle", SETTLED.values(), ids=SETTLED.keys())
def test_an_article_stays_as_it_is_when(store: Store, settle: Callable[[Store], None]) -> None:
    save(store, FIRST)
    save(store, SECOND, now=NOON + MINUTE)
    settle(store)
    before = get_articles(store)
    save(store, BRIDGE, now=NOON + HOUR)
    after = get_articles(store)
    stayed = {entry: article for entry, article in before.items() if article == before[id_of(SECOND)]}
    assert stayed.items() <= after.items()


def test_a_copy_leaves_for_an_older_original_that_comes_last(store: Store) -> None:
    """As if all had come at once. The article that it leaves stays, with its address and its founder."""
    column = make_report("harbour", title="غرفة", text=OTHER, published_at=NOON + HOUR)
    copy = make_report("ferry", url=column.entry.url, published_at=NOON + 2 * HOUR)
    original = make_report("tower", published_at=NOON)
    save(store, column)
    save(store, copy)
    assert share(store, column, copy)
    save(store, original)
    assert get_articles(store) == {
        id_of(column): id_of(column),
        id_of(copy): id_of(original),
        id_of(original): id_of(original),
    }


def test_an_article_that_went_into_another_comes_back_when_its_founder_leaves_again(store: Store) -> None:
    """Then its address leads to it, and not to where it was."""
    save(store, FIRST)
    save(store, SECOND)
    save(store, BRIDGE)
    with store.write() as tx:
        alone = Assignment(article_id=None, decision=FOUNDED)
        moves.move_entries(tx, {id_of(SECOND): alone}, now=NOON + HOUR)
        assert stories.find_redirect(tx, "article", id_of(SECOND)) is None
        assert articles.find_article(tx, encode_id(id_of(SECOND))) is not None
