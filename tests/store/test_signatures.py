"""What might be a copy of a new entry: found by URL, by text or by some of its words, for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from aggregator.dedupe.articles import COMMON, SHARED_HASHES
from aggregator.model import Candidate, Fingerprint, ReadEntry
from aggregator.store import Transaction, tables
from aggregator.store.signatures import (
    SLOTS,
    find_candidate,
    forget_signatures,
    list_candidates,
    record_signatures,
    renew_signature,
)
from tests.store.samples import DAY, NOON, TEXT, id_of, insert_reads, make_read

pytestmark = pytest.mark.usefixtures("each_store")

FIRST = make_read("first")
STORED = make_read("stored", "ferry")
OTHER_TEXT = " ".join(f"كلمة{number} أخرى{number}" for number in range(60))


def make_candidate(read: ReadEntry, fingerprint: Fingerprint | None = None) -> Candidate:
    return Candidate(
        entry_id=id_of(read),
        article_id=id_of(read),
        source_id=read.entry.source_id,
        fingerprint=fingerprint or read.fingerprint,
        published_at=read.entry.published_at,
    )


def insert_signed(
    tx: Transaction, *reads: ReadEntry, into: ReadEntry | None = None, now: datetime = NOON
) -> None:
    insert_reads(tx, *reads, into=into)
    record_signatures(tx, [make_candidate(read) for read in reads], now=now)


def find(tx: Transaction, *candidates: Candidate, since: datetime = NOON) -> dict[int, Candidate]:
    found = list_candidates(tx, candidates, since=since, shared=SHARED_HASHES, common=COMMON)
    return {candidate.entry_id: candidate for candidate in found}


WANTED: dict[str, tuple[dict[str, Any], bool]] = {
    "the same URL": ({"url_key": STORED.fingerprint.url_key}, True),
    "the same text": ({"text_key": STORED.fingerprint.text_key}, True),
    "two hashes of the sketch": ({"sketch": (1, 2, *STORED.fingerprint.sketch[:2])}, True),
    "one hash of the sketch": ({"sketch": (1, 2, *STORED.fingerprint.sketch[:1])}, False),
    "only the same title: an equal title never nominates": (
        {"title_key": STORED.fingerprint.title_key},
        False,
    ),
    "nothing": ({}, False),
}


@pytest.mark.parametrize(("shared", "found"), WANTED.values(), ids=WANTED.keys())
def test_candidates_share_a_url_a_text_or_some_words(
    tx: Transaction, shared: dict[str, Any], found: bool
) -> None:
    insert_signed(tx, STORED, make_read("bare", url=None, text="", content_html=""))
    asked = Fingerprint(**{"url_key": None, "title_key": 1, "text_key": None} | shared)
    assert find(tx, make_candidate(FIRST, asked)).keys() == ({id_of(STORED)} if found else set())


def test_candidates_are_as_they_were_stored_and_bring_their_founder(tx: Transaction) -> None:
    founder = make_read("founder", text=OTHER_TEXT, title="عنوان مؤسس المقال", published_at=NOON - 30 * DAY)
    insert_signed(tx, founder)
    insert_signed(tx, STORED, into=founder)
    found = find(tx, make_candidate(FIRST))
    assert found.keys() == {id_of(STORED), id_of(founder)}
    stored = found[id_of(STORED)]
    assert (stored.article_id, stored.source_id) == (id_of(founder), "ferry")
    assert (stored.fingerprint, stored.published_at) == (STORED.fingerprint, NOON)
    assert find(tx, make_candidate(FIRST), since=NOON + timedelta(microseconds=1)) == {}


def test_an_edited_entry_is_found_by_its_new_words_and_not_by_its_old_ones(tx: Transaction) -> None:
    insert_signed(tx, STORED)
    edited = make_read("stored", "ferry", text=OTHER_TEXT)
    asked = make_candidate(FIRST, replace(edited.fingerprint, url_key=None, text_key=None))
    assert find(tx, asked) == {}
    renew_signature(tx, make_candidate(edited), now=NOON)
    assert find(tx, asked).keys() == {id_of(STORED)}
    words_before = replace(STORED.fingerprint, url_key=None, text_key=None)
    assert find(tx, make_candidate(FIRST, words_before)) == {}
    places = select(tables.sketches.c.hash).where(tables.sketches.c.entry_id == id_of(STORED))
    assert set(tx.execute(places).scalars()) == set(edited.fingerprint.sketch)
    kept = find_candidate(tx, id_of(STORED))
    assert kept is not None
    assert kept.fingerprint.folded == edited.fingerprint.folded


def test_a_phrase_that_everybody_uses_nominates_nobody_and_its_list_stays_short(tx: Transaction) -> None:
    crowd = [make_read(f"{number}", text=f"{TEXT} {number}") for number in range(3 * SLOTS)]
    insert_signed(tx, *crowd)
    phrase = FIRST.fingerprint.sketch[0]
    holders = select(func.count()).where(tables.sketches.c.hash == phrase)
    assert COMMON < tx.execute(holders).scalar_one() <= SLOTS
    words_alone = replace(FIRST.fingerprint, url_key=None, text_key=None)
    assert find(tx, make_candidate(FIRST, words_alone)) == {}


def test_an_entry_that_has_lost_its_words_is_found_by_none(tx: Transaction) -> None:
    insert_signed(tx, STORED)
    renew_signature(tx, make_candidate(make_read("stored", "ferry", title="عاجل", text="")), now=NOON)
    assert find(tx, make_candidate(FIRST, replace(FIRST.fingerprint, url_key=None, text_key=None))) == {}
    assert tx.execute(select(func.count()).select_from(tables.signatures)).scalar_one() == 0


def test_no_more_is_forgotten_at_once_than_was_asked_for(tx: Transaction) -> None:
    insert_signed(tx, *(make_read(f"old {number}") for number in range(5)), now=NOON - 8 * DAY)
    assert [forget_signatures(tx, before=NOON, limit=3) for _ in range(3)] == [3, 2, 0]


def test_what_is_too_old_to_be_copied_is_forgotten(tx: Transaction) -> None:
    insert_signed(tx, make_read("old"), now=NOON - 8 * DAY)
    insert_signed(tx, STORED)
    assert forget_signatures(tx, before=NOON - 7 * DAY) == 1
    assert forget_signatures(tx, before=NOON - 7 * DAY) == 0
    kept = set(tx.execute(select(tables.signatures.c.entry_id)).scalars())
    assert kept == {id_of(STORED)}
    assert set(tx.execute(select(tables.sketches.c.entry_id)).scalars()) == {id_of(STORED)}
