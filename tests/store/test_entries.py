"""Entries going into the store: what is new, what was edited, and where their articles are listed."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from aggregator.model import Decision, Enclosure, Placement, ReadEntry
from aggregator.store import Store, Transaction, articles, tables
from aggregator.store.entries import (
    StoredEntry,
    bump_revision,
    find_known,
    list_entries,
    list_placed,
    list_raw_hashes,
    place_entries,
    relist_articles,
    touch_tombstones,
)
from aggregator.store.ids import encode_id
from aggregator.store.prune import prune_store
from tests.store.samples import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    TEXT,
    edit_read,
    get_known,
    id_of,
    insert_reads,
    make_read,
    update_read,
)

pytestmark = pytest.mark.usefixtures("each_store")

FIRST = make_read("first")
LATER = NOON + 3 * HOUR


def get_row(tx: Transaction, read: ReadEntry) -> Any:
    return tx.execute(select(tables.entries).where(tables.entries.c.id == id_of(read))).one()


def get_article_row(tx: Transaction, read: ReadEntry) -> Any:
    return tx.execute(select(tables.articles).where(tables.articles.c.id == id_of(read))).one()


def list_revisions(tx: Transaction) -> list[tuple[Any, ...]]:
    query = select(tables.revisions).order_by(tables.revisions.c.replaced_at)
    return [tuple(row) for row in tx.execute(query)]


def list_sections(tx: Transaction) -> dict[str, list[int]]:
    """Which articles every section lists, newest first."""
    table = tables.article_sections
    rows = tx.execute(select(table.c.section, table.c.article_id).order_by(table.c.published_at.desc())).all()
    return {
        name: [row.article_id for row in rows if row.section == name] for name in {r.section for r in rows}
    }


# --- new entries ----------------------------------------------------------------------------------

WHOLE = {
    "everything there is": FIRST,
    "nothing but a title": make_read(
        "bare",
        url=None,
        content_html="",
        text="",
        excerpt="",
        authors=(),
        categories=(),
        image=None,
        lang="und",
    ),
    "times to the microsecond": make_read(
        "times",
        published_at=NOON + timedelta(microseconds=1),
        updated_at=NOON + timedelta(microseconds=999_999),
        first_seen_at=NOON + timedelta(hours=1, microseconds=123_456),
    ),
    "enclosures and letters of all kinds": make_read(
        "media",
        title="صوت «الميناء»: 100% \U0001f6a2 'a' \"b\" \\ \u202b\u200f",
        enclosures=(
            Enclosure(url="https://harbour.example/1.mp3", type="audio/mpeg", length=2**53),
            Enclosure(url="https://harbour.example/2.bin"),
        ),
    ),
}


@pytest.mark.parametrize("read", WHOLE.values(), ids=WHOLE.keys())
def test_an_entry_is_stored_as_it_was_read(store: Store, read: ReadEntry) -> None:
    with store.write() as tx:
        insert_reads(tx, read)
    entry = read.entry
    with store.read() as tx:
        assert list(list_entries(tx)) == [
            StoredEntry(
                id=encode_id(id_of(read)),
                guid=entry.guid,
                source=entry.source_id,
                sections=("ar/libya",),
                title=entry.title,
                url=entry.url,
                author=", ".join(entry.authors) or None,
                published_at=entry.published_at,
                updated_at=entry.updated_at,
                first_seen_at=entry.first_seen_at,
                lang=entry.lang,
                dir=entry.dir,
                article=encode_id(id_of(read)),
                story=None,
            )
        ]
        row = get_row(tx, read)
    assert (row.raw_hash, row.content_hash) == (entry.raw_hash, entry.content_hash)
    assert (row.content_html, row.excerpt) == (entry.content_html, entry.excerpt)
    assert (row.published_at, row.updated_at, row.first_seen_at) == (
        entry.published_at,
        entry.updated_at,
        entry.first_seen_at,
    )
    prints = read.fingerprint
    assert (row.url_key, row.title_key, row.text_key) == (prints.url_key, prints.title_key, prints.text_key)
    assert (row.section_rule, row.section_evidence) == ("source", "the source's section")
    assert (row.article_rule, row.article_evidence) == ("founder", "as the test has it")


def test_an_entry_founds_an_article_or_joins_one(tx: Transaction) -> None:
    copy = make_read("copy", "ferry", published_at=LATER, updated_at=LATER, first_seen_at=LATER)
    insert_reads(tx, FIRST)
    insert_reads(tx, copy, into=FIRST)
    assert get_row(tx, copy).article_id == id_of(FIRST)
    assert get_row(tx, copy).article_rule == "same-text"
    (article,) = tx.execute(select(tables.articles)).all()
    assert article.story_id is None
    assert tuple(article)[:5] == (id_of(FIRST), id_of(FIRST), NOON, NOON, NOON + 5 * MINUTE)


def test_nothing_new_writes_nothing(tx: Transaction) -> None:
    insert_reads(tx)
    assert list(list_entries(tx)) == []


def test_more_entries_than_fit_one_statement(tx: Transaction) -> None:
    reads = [make_read(f"n{number}") for number in range(1_200)]
    insert_reads(tx, *reads)
    known = find_known(tx, [id_of(r) for r in [*reads, FIRST]])
    assert known.keys() == {id_of(r) for r in reads}
    assert articles.count_articles(tx, "ar/all") == 1_200


def test_only_what_is_stored_is_known(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    (known,) = find_known(tx, [id_of(FIRST), id_of(make_read("other"))]).values()
    assert (known.id, known.article_id, known.updated_at) == (id_of(FIRST), id_of(FIRST), NOON)
    assert (known.raw_hash, known.content_hash) == (FIRST.entry.raw_hash, FIRST.entry.content_hash)
    assert find_known(tx, []) == {}


def test_the_newest_entries_of_a_source_are_known_by_their_raw_hashes(tx: Transaction) -> None:
    reads = [make_read(f"n{day}", published_at=NOON - day * DAY) for day in range(4)]
    insert_reads(tx, *reversed(reads), make_read("theirs", "ferry"))
    assert list_raw_hashes(tx, "harbour", limit=3) == {r.entry.raw_hash for r in reads[:3]}
    assert list_raw_hashes(tx, "nobody", limit=3) == set()
    edited = edit_read(reads[0], title="عنوان آخر")
    update_read(tx, edited, now=LATER)
    assert list_raw_hashes(tx, "harbour", limit=1) == {edited.entry.raw_hash}


# --- edits ----------------------------------------------------------------------------------------

EDITED_AT = NOON + HOUR
NEW_TITLE: dict[str, Any] = {"title": "وصول السفينة الثانية", "updated_at": EDITED_AT}
NEW_DATES: dict[str, Any] = {"published_at": NOON - DAY, "first_seen_at": LATER}


def test_an_edit_keeps_the_dates_of_publication_and_of_first_sight(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    update_read(tx, edit_read(FIRST, **NEW_TITLE, **NEW_DATES), now=LATER)
    row, article = get_row(tx, FIRST), get_article_row(tx, FIRST)
    assert row.title == NEW_TITLE["title"]
    assert (row.published_at, row.first_seen_at, row.updated_at) == (NOON, NOON + 5 * MINUTE, EDITED_AT)
    assert (article.published_at, article.first_seen_at) == (NOON, NOON + 5 * MINUTE)
    assert list_sections(tx)["ar/libya"] == [id_of(FIRST)]


EDITS: dict[str, tuple[dict[str, Any], datetime]] = {
    "the publisher says when": ({"title": "عنوان آخر", "updated_at": EDITED_AT}, EDITED_AT),
    "the publisher says nothing: it is when we saw it": ({"title": "عنوان آخر"}, LATER),
    "the publisher's date goes back: it is when we saw it": (
        {"title": "عنوان آخر", "updated_at": NOON - DAY},
        LATER,
    ),
    "another text": ({"text": TEXT + " تحديث.", "updated_at": EDITED_AT}, EDITED_AT),
    "another address": ({"url": "https://harbour.example/moved", "updated_at": EDITED_AT}, EDITED_AT),
}


@pytest.mark.parametrize(("changes", "expected"), EDITS.values(), ids=EDITS.keys())
def test_an_edit_that_readers_see_moves_updated_at(
    tx: Transaction, changes: dict[str, Any], expected: datetime
) -> None:
    insert_reads(tx, FIRST)
    update_read(tx, edit_read(FIRST, **changes), now=LATER)
    assert get_row(tx, FIRST).updated_at == expected
    assert get_article_row(tx, FIRST).updated_at == expected
    assert len(list_revisions(tx)) == 1


def test_a_change_that_nobody_sees_is_taken_over_in_silence(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    html = f'<p>{TEXT}</p><img src="https://img.example/1.jpg?token=2">'
    silent = edit_read(FIRST, content_html=html, authors=("هدى بن عامر",), updated_at=EDITED_AT)
    update_read(tx, silent, now=LATER)
    row = get_row(tx, FIRST)
    assert (row.content_html, row.authors) == (html, ["هدى بن عامر"])
    assert row.raw_hash == silent.entry.raw_hash != FIRST.entry.raw_hash
    assert (row.updated_at, get_article_row(tx, FIRST).updated_at) == (NOON, NOON)
    assert list_revisions(tx) == []


def test_every_text_that_was_replaced_is_kept(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    second = edit_read(FIRST, title="الثاني", content_html="<p>2</p>", text="2", updated_at=EDITED_AT)
    third = edit_read(second, title="الثالث", url=None)
    update_read(tx, second, now=EDITED_AT)
    update_read(tx, third, now=LATER)
    old = FIRST.entry
    assert list_revisions(tx) == [
        (id_of(FIRST), EDITED_AT, old.title, old.url, old.content_html),
        (id_of(FIRST), LATER, "الثاني", old.url, "<p>2</p>"),
    ]
    assert (get_row(tx, FIRST).title, get_row(tx, FIRST).url) == ("الثالث", None)


def test_two_edits_of_one_instant_keep_the_older_text(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    update_read(tx, edit_read(FIRST, title="الثاني"), now=LATER)
    update_read(tx, edit_read(FIRST, title="الثالث"), now=LATER)
    assert [row[2] for row in list_revisions(tx)] == [FIRST.entry.title]
    assert get_row(tx, FIRST).title == "الثالث"


def test_an_edit_of_a_copy_leaves_the_article_as_it_was(tx: Transaction) -> None:
    copy = make_read("copy", "ferry")
    insert_reads(tx, FIRST)
    insert_reads(tx, copy, into=FIRST)
    update_read(tx, edit_read(copy, **NEW_TITLE), now=LATER)
    assert get_article_row(tx, FIRST).updated_at == NOON
    assert get_row(tx, copy).updated_at == EDITED_AT
    update_read(tx, edit_read(FIRST, **NEW_TITLE), now=LATER)
    assert get_article_row(tx, FIRST).updated_at == EDITED_AT


def test_an_edit_is_known_by_its_new_words_and_stays_in_its_article(tx: Transaction) -> None:
    other = make_read("other")
    insert_reads(tx, FIRST, other)
    edited = edit_read(FIRST, title=other.entry.title, url=other.entry.url)
    update_read(tx, edited, now=LATER)
    assert get_known(tx, FIRST).article_id == id_of(FIRST)
    row = get_row(tx, FIRST)
    assert (row.url_key, row.text_key) == (other.fingerprint.url_key, edited.fingerprint.text_key)


def test_an_edit_leaves_other_entries_alone(tx: Transaction) -> None:
    other = make_read("other")
    insert_reads(tx, FIRST, other)
    before = get_row(tx, other), get_article_row(tx, other)
    update_read(tx, edit_read(FIRST, section="ar/world", **NEW_TITLE), now=LATER)
    assert (get_row(tx, other), get_article_row(tx, other)) == before
    assert list_sections(tx)["ar/libya"] == [id_of(other)]


# --- sections -------------------------------------------------------------------------------------


def test_an_article_is_listed_in_its_section_and_in_all_of_its_edition(tx: Transaction) -> None:
    english = make_read("english", "ferry", section="en/world")
    insert_reads(tx, FIRST, english)
    assert list_sections(tx) == {
        "ar/libya": [id_of(FIRST)],
        "ar/all": [id_of(FIRST)],
        "en/world": [id_of(english)],
        "en/all": [id_of(english)],
    }


def test_a_copy_lists_the_article_in_its_own_section_too(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    insert_reads(tx, make_read("copy", "ferry", section="ar/economy"), into=FIRST)
    insert_reads(tx, make_read("copy of the copy", "ferry", section="en/world"), into=FIRST)
    names = {"ar/libya", "ar/economy", "ar/all", "en/world", "en/all"}
    assert list_sections(tx) == {name: [id_of(FIRST)] for name in names}


def test_an_edit_that_moves_the_entry_moves_the_article(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    update_read(tx, edit_read(FIRST, section="ar/economy", **NEW_TITLE), now=LATER)
    assert list_sections(tx) == {"ar/economy": [id_of(FIRST)], "ar/all": [id_of(FIRST)]}


def test_the_article_stays_where_another_copy_is(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    insert_reads(tx, make_read("copy", "ferry"), into=FIRST)
    update_read(tx, edit_read(FIRST, section="en/world", **NEW_TITLE), now=LATER)
    assert set(list_sections(tx)) == {"ar/libya", "ar/all", "en/world", "en/all"}


def test_stored_entries_are_placed_anew(tx: Transaction) -> None:
    mine = make_read("mine")
    insert_reads(tx, FIRST, mine, make_read("theirs", "ferry"))
    placed = {p.id: p for p in list_placed(tx, "harbour")}
    assert placed.keys() == {id_of(FIRST), id_of(mine)}
    seen = placed[id_of(mine)]
    assert (seen.article_id, seen.title, seen.url) == (id_of(mine), mine.entry.title, mine.entry.url)
    assert seen.categories == ("ميناء", "تجارة")

    economy = Placement(section="ar/economy", decision=Decision(rule="rule", evidence='category "تجارة"'))
    place_entries(tx, {id_of(mine): economy})
    relist_articles(tx, {id_of(mine)})
    row = get_row(tx, mine)
    assert (row.section, row.section_rule, row.section_evidence) == ("ar/economy", "rule", 'category "تجارة"')
    assert list_sections(tx)["ar/economy"] == [id_of(mine)]
    assert id_of(mine) not in list_sections(tx)["ar/libya"]
    assert (row.updated_at, list_revisions(tx)) == (NOON, [])


def test_listing_again_is_the_same(tx: Transaction) -> None:
    insert_reads(tx, FIRST, make_read("other", section="en/world"))
    before = list_sections(tx)
    relist_articles(tx, {id_of(FIRST), id_of(make_read("other"))})
    assert list_sections(tx) == before
    relist_articles(tx, set())
    assert list_sections(tx) == before


# --- the plain list -------------------------------------------------------------------------------


def test_entries_are_listed_newest_first_by_section_and_by_source(tx: Transaction) -> None:
    old = make_read("old", published_at=NOON - DAY)
    new = make_read("new", "ferry", section="ar/economy", published_at=NOON + DAY)
    insert_reads(tx, FIRST, old, new)
    listed = {
        "all": list_entries(tx),
        "section": list_entries(tx, section="ar/libya"),
        "source": list_entries(tx, source_id="ferry"),
        "both": list_entries(tx, section="ar/libya", source_id="ferry"),
    }
    assert {name: [e.guid for e in found] for name, found in listed.items()} == {
        "all": ["new", "first", "old"],
        "section": ["first", "old"],
        "source": ["new"],
        "both": [],
    }


def test_every_copy_of_an_article_is_an_entry_of_its_own(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    insert_reads(tx, make_read("first", "ferry"), into=FIRST)
    listed = list(list_entries(tx))
    assert {(e.source, e.guid) for e in listed} == {("harbour", "first"), ("ferry", "first")}
    assert len({e.id for e in listed}) == 2
    assert {e.article for e in listed} == {encode_id(id_of(FIRST))}


# --- tombstones and the revision ------------------------------------------------------------------


def test_tombstones_that_are_asked_about_start_anew(store: Store) -> None:
    other, graves = make_read("other"), tables.tombstones
    with store.write() as tx:
        insert_reads(tx, FIRST, other)
    assert prune_store(store, keep=HOUR, now=NOON + DAY, stopping=threading.Event()) == 2
    with store.write() as tx:
        asked = [id_of(FIRST), id_of(make_read("never stored"))]
        assert touch_tombstones(tx, asked, now=NOON + 2 * DAY) == {id_of(FIRST)}
        assert touch_tombstones(tx, [], now=NOON + 3 * DAY) == set()
        rows = tx.execute(select(graves.c.entry_id, graves.c.last_seen_at)).all()
    assert {tuple(row) for row in rows} == {(id_of(FIRST), NOON + 2 * DAY), (id_of(other), NOON + DAY)}


def test_the_revision_moves_each_time_and_only_when_told(tx: Transaction) -> None:
    seen = [articles.get_revision(tx)]
    insert_reads(tx, FIRST)
    assert articles.get_revision(tx) == seen[0]
    for _ in range(12):
        bump_revision(tx, now=NOON)
        seen.append(articles.get_revision(tx))
    assert seen == list(range(seen[0], seen[0] + 13))
