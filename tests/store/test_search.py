"""What is stored is found as it stands, and never more of it than its source allows to read."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text

from aggregator.model import ContentRight, Decision, SearchQuery, SearchTerm
from aggregator.stems import stem_words
from aggregator.store import Store, Transaction, rulings, search, sources, tables
from aggregator.store.entries import place_entries, relist_articles
from aggregator.store.prune import prune_store
from aggregator.text import fold
from tests.harness import make_source
from tests.store.samples import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    edit_read,
    id_of,
    insert_reads,
    make_read,
    open_sample,
    update_read,
)

pytestmark = pytest.mark.usefixtures("each_store")

BODY = "<p>The <b>ferry</b> carried wheat &amp; barley</p><p>across the strait</p>"
NEVER = threading.Event()


def make_english(guid: str, title: str, **changes: Any) -> Any:
    values = {"content_html": BODY, "excerpt": "The ferry carried wheat", "lang": "en", "dir": "ltr"}
    return make_read(guid, title=title, **values | changes)


def ask(asked: str, **changes: Any) -> SearchQuery:
    """Words, phrases in single quotes, as the English stemmer has them."""
    terms = tuple(
        SearchTerm(
            readings=(
                tuple(stem_words(fold(part).split(), "en")),
                tuple(stem_words(fold(part).split(), "ar")),
            ),
            excluded=part.startswith("-"),
        )
        for part in asked.split("|")
        if part
    )
    return SearchQuery(**{"edition": "ar", "terms": terms} | changes)


def find(tx: Transaction, asked: str, **changes: Any) -> list[str]:
    found = search.find_articles(tx, ask(asked, **changes), limit=100)
    assert found.total == len(found.hits)
    assert not found.more
    return [hit.article.title for hit in found.hits]


def check_index(tx: Transaction) -> None:
    """FTS5's own comparison of the index with the table that it is of; PostgreSQL's is a column of it."""
    if tx.dialect.name == "sqlite":
        tx.execute(text("INSERT INTO search_index(search_index, rank) VALUES ('integrity-check', 1)"))


# --- what is found --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        pytest.param("ferries", True, id="another form of a word"),
        pytest.param("bridge|strait", True, id="one word in the headline, one in the text"),
        pytest.param("bridge|tunnel", False, id="every word is needed"),
        pytest.param("carried wheat", True, id="a phrase"),
        pytest.param("wheat carried", False, id="the other way round it is none"),
        pytest.param("bridge the", False, id="no phrase runs from the headline into the text"),
        pytest.param("wheat barley", True, id="a reference is a character, not a word"),
        pytest.param("barley across", True, id="paragraphs follow each other"),
        pytest.param("b", False, id="markup is no text"),
        pytest.param("ferry|-wheat", False, id="an excluded word"),
        pytest.param("ferry|-tunnel", True, id="an excluded word that is not there"),
        pytest.param("-tunnel", True, id="nothing but an excluded word"),
        pytest.param("", True, id="nothing but the edition"),
    ],
)
def test_words_and_phrases(tx: Transaction, asked: str, found: bool) -> None:
    insert_reads(tx, make_english("1", "A new bridge"))
    assert find(tx, asked) == (["A new bridge"] if found else [])


def test_arabic_is_found_in_any_spelling(tx: Transaction) -> None:
    insert_reads(tx, make_read("1", title="وصول السفينة"))
    for asked in ("سفينة", "السَّفِينَة", "والسفينه", "قمح", "القمح"):
        assert find(tx, asked) == ["وصول السفينة"], asked
    assert search.list_languages(tx) == ("ar",)


def test_places_restrict_and_exclude(tx: Transaction) -> None:
    one, other = make_english("1", "one"), make_english("2", "other", section="en/world", source_id="ferry")
    insert_reads(tx, one, other)
    assert find(tx, "ferry") == ["one"]
    assert find(tx, "ferry", edition="en") == ["other"]
    assert find(tx, "", sources=("harbour", "ferry")) == ["one"]
    assert find(tx, "", sources=("ferry",)) == []
    assert find(tx, "", sections=("ar/libya",)) == ["one"]
    assert find(tx, "", sections=("ar/sports",)) == []
    assert find(tx, "", not_sources=("harbour",)) == []
    assert find(tx, "", not_sections=("ar/sports",)) == ["one"]


def test_days_are_half_open(tx: Transaction) -> None:
    insert_reads(
        tx,
        make_english("1", "early", published_at=NOON),
        make_english("2", "late", published_at=NOON + MINUTE),
    )
    assert find(tx, "", since=NOON) == ["late", "early"]
    assert find(tx, "", since=NOON + MINUTE) == ["late"]
    assert find(tx, "", before=NOON + MINUTE) == ["early"]
    assert find(tx, "", since=NOON - DAY, before=NOON) == []


def test_better_and_newer_come_first(tx: Transaction) -> None:
    insert_reads(
        tx,
        make_english("1", "wheat and bread", published_at=NOON - 1000 * DAY),
        make_english("2", "wheat and bread again", published_at=NOON),
        make_english("3", "nothing of it here", published_at=NOON + HOUR),
        *(make_english(f"x{n}", f"filler {n}", content_html="<p>filler</p>") for n in range(9)),
    )
    titles = ["wheat and bread again", "nothing of it here", "wheat and bread"]
    assert find(tx, "wheat") == titles, "newer before equal older, the headline before the text"
    assert find(tx, "wheat|-again")[0] == "nothing of it here", "far newer before far older"


def test_pages_go_as_far_as_what_is_ranked(tx: Transaction, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "CANDIDATES", 5)
    insert_reads(tx, *(make_english(f"{n}", f"n {n}", published_at=NOON + n * HOUR) for n in range(8)))
    pages = [search.find_articles(tx, ask(""), limit=2, offset=offset) for offset in (0, 2, 4, 6)]
    assert [[hit.article.title for hit in page.hits] for page in pages] == [
        ["n 7", "n 6"],
        ["n 5", "n 4"],
        ["n 3"],
        [],
    ]
    assert {(page.total, page.more) for page in pages} == {(5, True)}


def test_many_of_one_minute_have_numbers_of_their_own(
    tx: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Feeds date whole days of items to midnight."""
    monkeypatch.setattr(search, "_PER_MINUTE", 4)
    for start in (0, 5):
        insert_reads(tx, *(make_english(f"{n}", f"n {n}") for n in range(start, start + 5)))
    assert len(find(tx, "wheat")) == 10
    check_index(tx)


# --- rights ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "found"),
    [("title", ["bridge"]), ("summary", ["bridge", "ferry"]), ("full", ["bridge", "ferry", "strait"])],
)
def test_nobody_finds_what_nobody_may_read(
    tmp_path: Path, content: ContentRight, found: Sequence[str]
) -> None:
    with open_sample(tmp_path, make_source(content=content)) as store, store.write() as tx:
        insert_reads(tx, make_english("1", "A new bridge"))
        assert [word for word in ("bridge", "ferry", "strait") if find(tx, word)] == list(found)
        rows = tx.execute(select(tables.search_texts.c.body)).scalars().all()
        assert ("strait" in rows[0]) is (content == "full")


def test_words_that_come_with_an_entry_are_those_that_would_be_made_of_it(store: Store) -> None:
    reads = [make_english("1", "A new bridge"), make_english("2", "Other", source_id="ferry")]
    with store.write() as tx:
        insert_reads(tx, *reads)
        rows = tx.execute(select(tables.search_texts)).all()
        tx.execute(delete(tables.search_texts))
        search.index_articles(tx, [row.article_id for row in rows])
        assert tx.execute(select(tables.search_texts)).all() == rows


def test_other_rights_hold_before_anything_is_indexed_anew(store: Store) -> None:
    with store.write() as tx:
        insert_reads(tx, make_english("1", "A new bridge"), make_english("2", "Other", source_id="ferry"))
        sources.sync_sources(tx, [make_source(content="title"), make_source("ferry")], now=NOON)
        assert find(tx, "strait") == ["Other"]
        assert search.count_missing(tx) == 1
    assert search.index_missing(store, stopping=NEVER) == 1
    with store.read() as tx:
        assert find(tx, "strait") == ["Other"]
        assert find(tx, "bridge") == ["A new bridge"]
        check_index_of(store)


def check_index_of(store: Store) -> None:
    with store.write() as tx:
        check_index(tx)


# --- what changes ---------------------------------------------------------------------------------


def test_an_edit_is_found_and_what_it_replaced_is_not(tx: Transaction) -> None:
    read = make_english("1", "A new bridge")
    insert_reads(tx, read)
    update_read(tx, edit_read(read, title="A new tunnel", content_html="<p>of steel</p>"), now=NOON + HOUR)
    assert find(tx, "bridge") == find(tx, "ferry") == []
    assert find(tx, "tunnel|steel") == ["A new tunnel"]
    check_index(tx)


def test_a_copy_adds_its_source_and_section(tx: Transaction) -> None:
    founder = make_english("1", "one")
    insert_reads(tx, founder)
    insert_reads(tx, make_english("2", "two", source_id="ferry", section="ar/sports"), into=founder)
    assert find(tx, "", sources=("ferry",)) == find(tx, "", sections=("ar/sports",)) == ["one"]
    check_index(tx)


def test_a_merge_and_a_split_leave_one_and_two(tx: Transaction) -> None:
    older, younger = make_english("1", "one"), make_english("2", "two", source_id="ferry")
    insert_reads(tx, older, younger)
    decision = Decision(rule="ruling", evidence="test")
    standings = [rulings.find_standing(tx, id_of(read)) for read in (younger, older)]
    assert standings[0] is not None
    assert standings[1] is not None
    rulings.merge_article(tx, standings[0], standings[1], decision, now=NOON)
    assert find(tx, "ferry") == ["one"]
    rulings.split_entry(tx, id_of(younger), decision)
    assert sorted(find(tx, "ferry")) == ["one", "two"]
    check_index(tx)


def test_another_section_is_another_place(tx: Transaction) -> None:
    read = make_english("1", "one")
    insert_reads(tx, read)
    place_entries(tx, {id_of(read): replace(read.placement, section="en/world")})
    relist_articles(tx, {id_of(read)})
    assert find(tx, "ferry") == []
    assert find(tx, "ferry", edition="en") == ["one"]


def test_what_is_pruned_is_found_no_more(store: Store) -> None:
    with store.write() as tx:
        insert_reads(tx, make_english("1", "one"))
    assert prune_store(store, keep=DAY, now=NOON + 30 * DAY, stopping=NEVER) == 1
    with store.write() as tx:
        assert find(tx, "") == []
        assert tx.execute(select(tables.search_texts)).all() == []
        check_index(tx)


def test_what_is_rolled_back_was_never_there(store: Store) -> None:
    def fail() -> None:
        with store.write() as tx:
            insert_reads(tx, make_english("1", "one"))
            assert find(tx, "ferry") == ["one"]
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.write() as tx:
        assert find(tx, "ferry") == []
        check_index(tx)


def test_an_older_store_is_indexed_in_steps_and_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "_INDEXED_AT_ONCE", 3)
    with store.write() as tx:
        insert_reads(tx, *(make_english(f"{n}", f"n {n}") for n in range(8)))
        tx.execute(delete(tables.search_texts))
        assert find(tx, "ferry") == []
    stopped = threading.Event()
    stopped.set()
    assert search.index_missing(store, stopping=stopped) == 0
    assert search.index_missing(store, stopping=NEVER) == 8
    assert search.index_missing(store, stopping=NEVER) == 0
    with store.write() as tx:
        assert len(find(tx, "ferry")) == 8
        check_index(tx)
