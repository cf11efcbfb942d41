"""What polls have read, into the store: who founds an article, who moves, and what two savers at once do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from aggregator.dedupe.articles import SAME_TEXT_WINDOW
from aggregator.model import Hints, PollResult, ReadEntry, SourceReading
from aggregator.saving import PollReport, save_results
from aggregator.store import Store, signatures, tables
from aggregator.store.articles import find_article
from aggregator.store.ids import encode_id
from tests.harness import make_source
from tests.store.samples import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    TEXT,
    edit_read,
    id_of,
    make_read,
    open_sample,
)

pytestmark = pytest.mark.usefixtures("each_store")

OUTLETS = ("harbour", "ferry", "tower", "mill")
LONG = (
    f"{TEXT} وأضاف أن الرافعة الثانية تعود إلى العمل بعد غد، وأن ثلاث سفن أخرى تنتظر خارج الحوض حتى يخلو "
    "لها الرصيف الشمالي، وشكر عمال الشحن الذين عملوا ليلتين بلا انقطاع حتى تصل الحبوب إلى المطاحن في وقتها."
)
OTHER = (
    "انتخب تجار المدينة أمس أعضاء غرفتهم الجديدة في قاعة البلدية، وفازت قائمة الحرفيين بأغلب المقاعد بعد "
    "فرز دام حتى ساعة متأخرة، ودعا رئيسها إلى خفض رسوم الأسواق وإنارة السوق القديمة وترميم سقفها."
)
TITLE = "رسو سفينة القمح في ميناء طرابلس"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_sample(tmp_path, *map(make_source, OUTLETS)) as opened:
        yield opened


def make_report(source_id: str, guid: str = "1", **changes: Any) -> ReadEntry:
    return make_read(guid, source_id, **{"title": TITLE, "text": LONG} | changes)


def save(store: Store, *reads: ReadEntry, now: datetime = NOON, **options: Any) -> dict[str, PollReport]:
    """Save one document per source."""
    documents: dict[str, list[ReadEntry]] = {}
    for read in reads:
        documents.setdefault(read.entry.source_id, []).append(read)
    results = [
        PollResult(
            source_id=source_id,
            outcome="new_body",
            polled_at=now,
            next_poll_at=now + HOUR,
            reading=SourceReading(
                site_url=None,
                icon_url=None,
                hints=Hints(),
                entries=tuple(document),
                unchanged=0,
                skipped=0,
                problems=(),
            ),
        )
        for source_id, document in documents.items()
    ]
    with store.write() as tx:
        return {report.source_id: report for report in save_results(tx, results, now=now, **options)}


def get_articles(store: Store) -> dict[int, int]:
    """The article of every stored entry."""
    with store.read() as tx:
        query = select(tables.entries.c.id, tables.entries.c.article_id)
        return {row.id: row.article_id for row in tx.execute(query)}


def share(store: Store, *reads: ReadEntry) -> bool:
    articles = get_articles(store)
    return len({articles[id_of(read)] for read in reads}) == 1


def get_pairs(store: Store) -> set[tuple[int, int]]:
    """Pairs of entries that share an article."""
    return list_pairs(get_articles(store))


def list_pairs(articles: dict[int, int]) -> set[tuple[int, int]]:
    groups: dict[int, list[int]] = {}
    for entry, article in sorted(articles.items()):
        groups.setdefault(article, []).append(entry)
    return {pair for group in groups.values() for pair in combinations(group, 2)}


# --- who founds -----------------------------------------------------------------------------------

EARLY, LATE = {"published_at": NOON - HOUR}, {"published_at": NOON}
LEADS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the earlier, though the later is fuller and ranks higher": ({**EARLY, "text": TEXT}, LATE),
    "of two of one minute the fuller, though the other ranks higher": (LATE, {**LATE, "text": TEXT}),
}


@pytest.mark.parametrize(("lead", "copy"), LEADS.values(), ids=LEADS.keys())
def test_of_copies_in_one_batch_the_article_is_founded_by(
    store: Store, lead: dict[str, Any], copy: dict[str, Any]
) -> None:
    founder, other = make_report("ferry", **lead), make_report("harbour", **copy)
    save(store, other, founder, ranks={"harbour": 0, "ferry": 1})
    assert get_articles(store) == {id_of(founder): id_of(founder), id_of(other): id_of(founder)}


@pytest.mark.parametrize("order", [("ferry", "mill"), ("mill", "ferry")])
def test_of_equal_copies_the_source_that_is_configured_first_founds(
    store: Store, order: tuple[str, str]
) -> None:
    reads = {source_id: make_report(source_id) for source_id in ("ferry", "mill")}
    save(store, *reads.values(), ranks={source_id: place for place, source_id in enumerate(order)})
    assert set(get_articles(store).values()) == {id_of(reads[order[0]])}


def test_a_copy_that_comes_later_never_takes_the_lead_though_it_is_earlier_and_fuller(store: Store) -> None:
    first = make_report("ferry", text=TEXT)
    save(store, first)
    save(store, make_report("harbour", **EARLY), now=NOON + HOUR, ranks={"harbour": 0, "ferry": 1})
    assert set(get_articles(store).values()) == {id_of(first)}
    with store.read() as tx:
        article = find_article(tx, encode_id(id_of(first)))
    assert article is not None
    assert (article.url, article.origin.id) == (first.entry.url, "ferry")
    assert [copy.source_id for copy in article.coverage] == ["ferry", "harbour"]


# --- edits ----------------------------------------------------------------------------------------

MOVES: dict[str, tuple[dict[str, Any], bool]] = {
    "a word corrected": ({"text": LONG.replace("الحبوب", "الغلال")}, False),
    "another headline": ({"title": "القمح يصل إلى طرابلس"}, False),
    "a paragraph added": ({"text": f"{LONG} {OTHER}"}, False),
    "cut to the first sentence": ({"text": TEXT}, False),
    "more than half rewritten: too little for a new copy, enough for one that was": (
        {"title": "القمح في طرابلس", "text": f"{' '.join(LONG.split()[:20])} {OTHER}"},
        False,
    ),
    "another address": ({"url": "https://ferry.example/moved"}, False),
    "another text": ({"title": "غرفة التجارة تنتخب", "text": OTHER}, True),
    "another text at the address of the original": (
        {"title": "غرفة", "text": OTHER, "url": "https://harbour.example/news/1"},
        False,
    ),
    "no text, but the headline": ({"text": "", "content_html": ""}, False),
    "no text and another headline": ({"title": "غرفة التجارة تنتخب", "text": ""}, True),
}


@pytest.mark.parametrize(("changes", "moves"), MOVES.values(), ids=MOVES.keys())
def test_an_edited_copy_leaves_its_article_only_when_it_must(
    store: Store, changes: dict[str, Any], moves: bool
) -> None:
    original, copy = make_report("harbour"), make_report("ferry", published_at=NOON + HOUR)
    save(store, original, copy)
    assert share(store, original, copy)
    report = save(store, edit_read(copy, **changes), now=NOON + 2 * HOUR)["ferry"]
    assert (report.new, report.updated) == (0, 1)
    articles = get_articles(store)
    assert articles == {
        id_of(original): id_of(original),
        id_of(copy): id_of(copy if moves else original),
    }


def test_an_edited_entry_moves_to_the_article_of_what_it_says_now(store: Store) -> None:
    original, copy = make_report("harbour"), make_report("ferry", published_at=NOON + HOUR)
    election = make_report("tower", title="غرفة التجارة تنتخب", text=OTHER)
    save(store, original, copy, election)
    save(store, edit_read(copy, title="غرفة التجارة", text=OTHER), now=NOON + HOUR)
    assert share(store, copy, election)
    assert not share(store, copy, original)
    with store.read() as tx:
        article = find_article(tx, encode_id(id_of(election)))
        left = find_article(tx, encode_id(id_of(original)))
    assert article is not None
    assert [c.source_id for c in article.coverage] == ["tower", "ferry"]
    assert left is not None
    assert [c.source_id for c in left.coverage] == ["harbour"]


def test_a_copy_that_its_publisher_dates_anew_at_every_edit_stays(store: Store) -> None:
    """Some feeds bump pubDate with every edit: a week later it is still the copy that it was."""
    original, copy = make_report("harbour"), make_report("ferry", published_at=NOON + HOUR)
    save(store, original, copy)
    dated_anew = edit_read(copy, text=f"{LONG} تحديث", published_at=NOON + SAME_TEXT_WINDOW + 2 * HOUR)
    save(store, dated_anew, now=NOON + SAME_TEXT_WINDOW + 2 * HOUR)
    assert share(store, original, copy)
    with store.read() as tx:
        dates = tx.execute(select(tables.sketches.c.published_at).distinct()).scalars()
        assert set(dates) <= {NOON, NOON + HOUR}


def test_the_founder_of_an_article_never_leaves_it_and_its_guid_stays(store: Store) -> None:
    original, copy = make_report("harbour"), make_report("ferry", published_at=NOON + HOUR)
    election = make_report("tower", title="غرفة التجارة تنتخب", text=OTHER)
    save(store, original, copy, election)
    with store.read() as tx:
        before = find_article(tx, encode_id(id_of(original)))
    save(store, edit_read(original, title="غرفة التجارة", text=OTHER), now=NOON + HOUR)
    with store.read() as tx:
        after = find_article(tx, encode_id(id_of(original)))
    assert get_articles(store)[id_of(original)] == id_of(original)
    assert share(store, original, copy)
    assert before is not None
    assert after is not None
    assert (after.guid, after.url, after.published_at) == (before.guid, before.url, before.published_at)
    assert after.title != before.title


def test_a_change_that_no_reader_sees_moves_nobody(store: Store) -> None:
    original, copy = make_report("harbour"), make_report("ferry", published_at=NOON + HOUR)
    save(store, original, copy)
    silent = edit_read(copy, categories=("أخبار",))
    assert save(store, silent, now=NOON + HOUR)["ferry"].updated == 0
    assert share(store, original, copy)


def test_what_is_overtaken_is_not_edited(store: Store) -> None:
    read = make_report("ferry")
    save(store, read)
    edited = edit_read(read, title="عنوان قديم")
    assert save(store, edited, overtaken={"ferry"})["ferry"].updated == 0
    assert save(store, edited)["ferry"].updated == 1


def test_after_an_edit_new_copies_are_found_by_the_new_words_alone(store: Store) -> None:
    first = make_report("harbour")
    save(store, first)
    save(store, edit_read(first, title="غرفة التجارة تنتخب", text=OTHER), now=NOON + HOUR)
    with_new_words = make_report("ferry", title="غرفة", text=OTHER)
    with_old_words = make_report("tower")
    save(store, with_new_words, with_old_words, now=NOON + 2 * HOUR)
    assert share(store, first, with_new_words)
    assert not share(store, first, with_old_words)
    with store.read() as tx:
        places = select(func.count()).where(tables.sketches.c.entry_id == id_of(first))
        sketch = signatures.find_candidate(tx, id_of(first))
        assert sketch is not None
        assert tx.execute(places).scalar_one() <= len(sketch.fingerprint.sketch)


def test_an_entry_whose_text_is_taken_away_is_found_by_its_words_no_more(store: Store) -> None:
    first = make_report("harbour")
    save(store, first)
    save(store, edit_read(first, title="عاجل", text="", content_html=""), now=NOON + HOUR)
    copy = make_report("ferry", published_at=NOON + HOUR)
    save(store, copy, now=NOON + 2 * HOUR)
    assert not share(store, first, copy)


# --- again ----------------------------------------------------------------------------------------


def test_a_report_counts_what_is_new_edited_and_said_again(store: Store) -> None:
    one, two = make_report("ferry"), make_report("ferry", "2", title="غرفة", text=OTHER)
    assert save(store, one, two)["ferry"].new == 2
    again = make_report("ferry", "new guid", url=one.entry.url)
    report = save(store, one, edit_read(two, title="غرفة التجارة"), again, now=NOON + MINUTE)["ferry"]
    assert (report.new, report.updated, report.repeated) == (0, 1, 1)
    report = save(store, one, again, now=NOON + 2 * MINUTE)["ferry"]
    assert (report.new, report.updated, report.repeated) == (0, 0, 0)


def test_as_many_old_signatures_are_forgotten_as_new_ones_come(store: Store) -> None:
    """Else the index would grow for ever on a server that saves many entries at a time."""
    count = signatures.FORGOTTEN_AT_ONCE + 50
    for day in range(2):
        reads = [
            make_read(f"{day} {number}", title=f"رسالة {day} {number}", text="") for number in range(count)
        ]
        save(store, *reads, now=NOON + 8 * day * DAY)
    with store.read() as tx:
        old = select(func.count()).where(tables.signatures.c.signed_at == NOON)
        assert tx.execute(old).scalar_one() == 0
