"""Reading articles as they are published: order, pages, coverage and what the source's rights allow."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aggregator.model import (
    Article,
    Assignment,
    ContentRight,
    Coverage,
    Decision,
    Enclosure,
    Origin,
    ReadEntry,
)
from aggregator.store import Store, Transaction, articles, sources
from aggregator.store.articles import (
    count_articles,
    ensure_identity,
    find_article,
    get_created_at,
    get_revision,
    get_tag_prefix,
    list_articles,
    list_source_articles,
)
from aggregator.store.entries import NewEntry, bump_revision, insert_entries, move_entry
from aggregator.store.ids import encode_id
from aggregator.store.prune import prune_store
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

AUDIO = Enclosure(url="https://harbour.example/1.mp3", type="audio/mpeg", length=4096)
FIRST = make_read("first", enclosures=(AUDIO, Enclosure(url="https://harbour.example/2.mp3")))
FERRY = make_source("ferry", name="The Ferry & Post", section="en/world")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_sample(tmp_path, make_source(), FERRY, make_source("anchor")) as opened:
        yield opened


def get_article(tx: Transaction, read: ReadEntry) -> Article:
    article = find_article(tx, encode_id(id_of(read)))
    assert article is not None
    return article


def list_ids(found: tuple[Article, ...]) -> list[str]:
    return [article.id for article in found]


def ids_of(*reads: ReadEntry) -> list[str]:
    return [encode_id(id_of(read)) for read in reads]


# --- one article ----------------------------------------------------------------------------------


def test_an_article_has_the_words_of_its_lead(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    entry, public_id = FIRST.entry, encode_id(id_of(FIRST))
    assert get_article(tx, FIRST) == Article(
        id=public_id,
        guid=f"tag:news.example,2026:{public_id}",
        origin=Origin(
            id="harbour",
            name="Outlet harbour",
            feed_url="https://harbour.example/feed.xml",
            site_url=None,
            updated_at=NOON,
        ),
        url=entry.url,
        title=entry.title,
        content_html=entry.content_html,
        excerpt=entry.excerpt,
        authors=entry.authors,
        categories=entry.categories,
        image=entry.image,
        enclosures=entry.enclosures,
        lang="ar",
        dir="rtl",
        published_at=NOON,
        updated_at=NOON,
        first_seen_at=NOON + 5 * MINUTE,
        sections=("ar/libya",),
        coverage=(
            Coverage(
                source_id="harbour",
                source_name="Outlet harbour",
                title=entry.title,
                url=entry.url,
                lang="ar",
                dir="rtl",
                published_at=NOON,
            ),
        ),
    )


def test_an_article_without_anything_to_spare(tx: Transaction) -> None:
    bare = make_read(
        "bare", url=None, text="", content_html="", excerpt="", authors=(), categories=(), image=None
    )
    insert_reads(tx, bare)
    article = get_article(tx, bare)
    assert (article.url, article.image, article.authors, article.categories) == (None, None, (), ())
    assert (article.excerpt, article.content_html, article.enclosures) == ("", "", ())


RIGHTS: dict[ContentRight, tuple[bool, bool]] = {
    "title": (False, False),
    "summary": (True, False),
    "full": (True, True),
}


@pytest.mark.parametrize(("right", "words", "whole"), [(k, *v) for k, v in RIGHTS.items()])
def test_a_source_gives_no_more_than_its_right(
    tx: Transaction, right: ContentRight, words: bool, whole: bool
) -> None:
    insert_reads(tx, FIRST)
    whole_article = get_article(tx, FIRST)
    sources.sync_sources(tx, [make_source(content=right)], now=NOON)
    assert get_article(tx, FIRST) == replace(
        whole_article,
        content_html=FIRST.entry.content_html if whole else "",
        excerpt=FIRST.entry.excerpt if words else "",
        image=FIRST.entry.image if words else None,
        enclosures=FIRST.entry.enclosures if words else (),
    )


def test_rights_are_those_of_the_lead_and_not_of_a_copy(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    insert_reads(tx, make_read("copy", "ferry"), into=FIRST)
    sources.sync_sources(tx, [make_source(content="title"), FERRY], now=NOON)
    assert get_article(tx, FIRST).content_html == ""


@pytest.mark.parametrize(
    "public_id",
    [
        pytest.param("aaaaaaaaaaaaa", id="a number that is no article"),
        pytest.param("nonsense", id="no number"),
        pytest.param("", id="nothing"),
        pytest.param("' OR 1=1 --", id="an attack"),
    ],
)
def test_what_is_not_there_is_not_found(tx: Transaction, public_id: str) -> None:
    insert_reads(tx, FIRST)
    assert find_article(tx, public_id) is None


def test_a_copy_is_no_article_of_its_own(tx: Transaction) -> None:
    copy = make_read("copy", "ferry")
    insert_reads(tx, FIRST)
    insert_reads(tx, copy, into=FIRST)
    assert find_article(tx, encode_id(id_of(copy))) is None


# --- coverage -------------------------------------------------------------------------------------


def test_coverage_names_the_lead_first_and_every_source_once(tx: Transaction) -> None:
    """The lead need not be the oldest; of a source that repeats itself the earliest copy counts."""
    insert_reads(tx, FIRST)
    insert_reads(
        tx,
        make_read("late", "ferry", title="Late", published_at=NOON + 2 * HOUR, lang="en", dir="ltr"),
        make_read("early", "ferry", title="Early", published_at=NOON + HOUR, url=None, lang="en", dir="ltr"),
        make_read("again", published_at=NOON - DAY),
        make_read("oldest", "anchor", published_at=NOON - HOUR),
        into=FIRST,
    )
    coverage = get_article(tx, FIRST).coverage
    assert [(c.source_id, c.published_at) for c in coverage] == [
        ("harbour", NOON),
        ("anchor", NOON - HOUR),
        ("ferry", NOON + HOUR),
    ]
    assert coverage[2] == Coverage(
        source_id="ferry",
        source_name="The Ferry & Post",
        title="Early",
        url=None,
        lang="en",
        dir="ltr",
        published_at=NOON + HOUR,
        decision=Decision(rule="same-text", evidence="as the test has it"),
    )
    assert coverage[0].decision is None, "nobody decided that the lead is the lead's text"


def test_coverage_says_whose_copy_decided(tx: Transaction) -> None:
    """Nobody's, once that copy has been moved out of the article."""
    copy, third = make_read("copy", "ferry"), make_read("third", "anchor")
    decision = Decision(rule="near-copy", evidence="of a text", score=0.7, threshold=0.46)
    insert_reads(tx, FIRST)
    for read, like in ((copy, FIRST), (third, copy)):
        assignment = Assignment(article_id=id_of(FIRST), entry_id=id_of(like), decision=decision)
        insert_entries(tx, [NewEntry(id=id_of(read), read=read, assignment=assignment)])
    found = {c.source_id: (c.like, c.decision) for c in get_article(tx, FIRST).coverage}
    assert found["ferry"] == ("Outlet harbour", decision)
    assert found["anchor"] == ("The Ferry & Post", decision)
    move_entry(tx, id_of(copy), Assignment(article_id=None, decision=decision))
    assert [c.like for c in get_article(tx, FIRST).coverage] == [None, None]


def test_coverage_of_several_articles_is_not_mixed_up(tx: Transaction) -> None:
    second = make_read("second", published_at=NOON - HOUR)
    insert_reads(tx, FIRST, second)
    insert_reads(tx, make_read("copy", "ferry", section="en/world"), into=second)
    first, other = list_articles(tx, "ar/all", limit=10)
    assert [c.source_id for c in first.coverage] == ["harbour"]
    assert [c.source_id for c in other.coverage] == ["harbour", "ferry"]
    assert (first.sections, other.sections) == (("ar/libya",), ("ar/libya", "en/world"))


def test_a_source_that_is_configured_no_more_is_named_still(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    insert_reads(tx, make_read("copy", "ferry"), into=FIRST)
    sources.sync_sources(tx, [], now=NOON)
    article = get_article(tx, FIRST)
    assert article.origin.name == "Outlet harbour"
    assert [c.source_name for c in article.coverage] == ["Outlet harbour", "The Ferry & Post"]


# --- lists ----------------------------------------------------------------------------------------


def test_a_section_lists_its_articles_newest_first(tx: Transaction) -> None:
    old = make_read("old", published_at=NOON - DAY)
    new = make_read("new", "ferry", section="ar/economy", published_at=NOON + DAY)
    english = make_read("english", "ferry", section="en/world")
    insert_reads(tx, FIRST, new, english, old)
    expected = {
        "ar/libya": (FIRST, old),
        "ar/economy": (new,),
        "ar/all": (new, FIRST, old),
        "en/all": (english,),
        "en/nothing": (),
    }
    for section, reads in expected.items():
        assert list_ids(list_articles(tx, section, limit=10)) == ids_of(*reads), section
        assert count_articles(tx, section) == len(reads), section


def test_pages_join_up_whatever_shares_an_instant(tx: Transaction) -> None:
    """Seven articles of one second: whoever turns the pages sees each once."""
    insert_reads(tx, *(make_read(f"n{number}") for number in range(7)))
    whole = list_ids(list_articles(tx, "ar/libya", limit=10))
    pages = [list_ids(list_articles(tx, "ar/libya", limit=3, offset=offset)) for offset in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert [public_id for page in pages for public_id in page] == whole
    assert len(set(whole)) == 7


def test_an_edit_does_not_move_an_article_up(tx: Transaction) -> None:
    old = make_read("old", published_at=NOON - DAY)
    insert_reads(tx, FIRST, old)
    update_read(tx, edit_read(old, title="عنوان آخر", updated_at=NOON + DAY), now=NOON + DAY)
    found = list_articles(tx, "ar/libya", limit=10)
    assert list_ids(found) == ids_of(FIRST, old)
    assert (found[1].updated_at, found[1].origin.updated_at) == (NOON + DAY, NOON + DAY)


def test_a_source_lists_what_it_carries_though_another_leads(tx: Transaction) -> None:
    own = make_read("own", "ferry", published_at=NOON - DAY)
    insert_reads(tx, FIRST, own, make_read("theirs", "anchor"))
    insert_reads(tx, make_read("copy", "ferry"), make_read("copy again", "ferry"), into=FIRST)
    assert list_ids(list_source_articles(tx, "ferry", limit=10)) == ids_of(FIRST, own)
    assert list_ids(list_source_articles(tx, "ferry", limit=1)) == ids_of(FIRST)
    assert list_source_articles(tx, "nobody", limit=10) == ()


# --- identity -------------------------------------------------------------------------------------


def test_the_guid_is_the_same_after_everything(store: Store, tmp_path: Path) -> None:
    copy = make_read("copy", "ferry", published_at=NOON + HOUR, first_seen_at=NOON + 20 * DAY)
    with store.write() as tx:
        insert_reads(tx, FIRST, make_read("old", first_seen_at=NOON - DAY))
        insert_reads(tx, copy, into=FIRST)
        before = get_article(tx, FIRST)
        update_read(tx, edit_read(FIRST, section="ar/economy", title="عنوان آخر", url=None), now=NOON + DAY)
        update_read(tx, edit_read(copy, title="عنوان ثالث"), now=NOON + DAY)
        ensure_identity(tx, authority="moved.example", now=NOON + DAY)
        sources.sync_sources(
            tx, [make_source(url="https://new.example/rss", content="title")], now=NOON + DAY
        )
    assert prune_store(store, keep=DAY, now=NOON + DAY, stopping=threading.Event()) == 1
    with open_sample(tmp_path, make_source("anchor")) as again, again.read() as tx:
        after = get_article(tx, FIRST)
    assert after.title == "عنوان آخر"
    assert (after.id, after.guid) == (before.id, before.guid)
    assert (after.published_at, after.first_seen_at) == (before.published_at, before.first_seen_at)


def test_a_store_that_is_lost_gives_the_same_guids_again(store: Store, tmp_path: Path) -> None:
    with store.write() as tx:
        insert_reads(tx, FIRST)
        before = get_article(tx, FIRST).guid
    (tmp_path / "new").mkdir()
    with open_sample(tmp_path / "new", make_source()) as fresh, fresh.write() as tx:
        insert_reads(tx, make_read("another"), FIRST)
        assert get_article(tx, FIRST).guid == before


def test_identity_is_fixed_at_the_first_start(tx: Transaction) -> None:
    bump_revision(tx, now=NOON)
    ensure_identity(tx, authority="moved.example", now=NOON + DAY)
    assert get_tag_prefix(tx) == "tag:news.example,2026:"
    assert get_created_at(tx) == NOON
    assert get_created_at(tx).utcoffset() is not None
    assert get_revision(tx) == 1


def test_all_is_every_article_of_an_edition_and_no_section(tx: Transaction) -> None:
    insert_reads(tx, FIRST)
    (found,) = list_articles(tx, f"ar/{articles.ALL}", limit=1)
    assert found.sections == ("ar/libya",)
