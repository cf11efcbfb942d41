"""What an admin splits and merges applies at once, and no poll and no grouping undoes it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from aggregator import rulings
from aggregator.config import Settings
from aggregator.demo.documents import DemoItem
from aggregator.errors import NoSuchEntry, RulingRefused
from aggregator.grouping import group_new
from aggregator.refresh import apply_configuration
from aggregator.store import Store, articles, open_store, stories
from aggregator.store.entries import StoredEntry, list_entries
from aggregator.store.ids import decode_id
from aggregator.store.prune import prune_store
from aggregator.web import create_app
from tests.harness import make_item
from tests.site_samples import HOUR, NOON, make_settings, save_feed, source_table

pytestmark = pytest.mark.usefixtures("each_store")

HARBOUR = (
    "The harbour of Sahel reopened this morning after dredgers cleared eleven months of silt, and the"
    " first freighter, loaded with wheat from Odessa, berthed at the northern quay before noon, the "
    "port captain said."
)
DREDGERS = (
    "Dredgers have finished clearing silt from Sahel harbour; a freighter carrying wheat was the "
    "first ship to berth at its northern quay, and the port captain expects four more freighters "
    "within the week."
)
WHEAT = (
    "Bakers in Sahel welcomed the wheat that a freighter landed at the reopened harbour: with the "
    "silt gone and the northern quay in use again, flour should become cheaper, said the head of "
    "their guild."
)
PILOTS = (
    "Pilots guide freighters into Sahel harbour again since dredgers removed its silt, and the "
    "northern quay waits for wheat, according to the port captain, who thanked the crews of both "
    "dredgers."
)
CHESS = (
    "A schoolgirl of fourteen won the national chess championship on Tuesday, beating two "
    "grandmasters with the black pieces; her coach called the endgame of the final round the finest "
    "he had ever watched."
)
ORCHARD = (
    "Late frost has ruined most of the apricot blossom in the mountain orchards, growers report, and "
    "the ministry promises seedlings of a hardier variety and cheap loans to whoever lost half a "
    "harvest."
)
LATER = NOON + HOUR


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A site of three outlets, and the feeds that it has read from them."""

    settings: Settings
    store: Store
    feeds: dict[str, list[DemoItem]] = field(default_factory=dict)

    def publish(self, source_id: str, *items: DemoItem, now: datetime = NOON) -> None:
        """Items come to a feed, or are edited in it; then it is polled and everything grouped."""
        listed = {item.guid: item for item in (*self.feeds.get(source_id, ()), *items)}
        self.feeds[source_id] = list(listed.values())
        save_feed(self.store, self.settings, source_id, self.feeds[source_id], now=now)
        group_new(self.store, now=now, stopping=threading.Event())

    def poll_again(self, *, now: datetime = LATER) -> None:
        """Every item comes once more, edited so that it has little to do with what it was."""
        for source_id, items in self.feeds.items():
            edited = [
                replace(
                    item,
                    html=f"<p>Corrected {number} times in {source_id}: the earlier wording was wrong "
                    f"throughout, and the editors of {source_id} regret all {number} mistakes in it.</p>",
                    updated_at=now,
                )
                for number, item in enumerate(items, start=3)
            ]
            save_feed(self.store, self.settings, source_id, edited, now=now)
        group_new(self.store, now=now, stopping=threading.Event())

    def entry(self, source_id: str, guid: str) -> StoredEntry:
        with self.store.read() as tx:
            found = [e for e in list_entries(tx, source_id=source_id) if e.guid == guid]
        (entry,) = found
        return entry

    def article(self, source_id: str, guid: str) -> str:
        return self.entry(source_id, guid).article

    def story(self, source_id: str, guid: str) -> str | None:
        return self.entry(source_id, guid).story

    def revision(self) -> int:
        with self.store.read() as tx:
            return articles.get_revision(tx)

    def listed(self) -> dict[str, articles.Article]:
        with self.store.read() as tx:
            return {a.id: a for a in articles.list_articles(tx, "en/world", limit=100)}

    def redirect(self, kind: str, public_id: str) -> int | None:
        with self.store.read() as tx:
            return stories.find_redirect(tx, kind, number(public_id))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    names = ("herald", "wire", "gazette")
    settings = make_settings(tmp_path, *(source_table(s, f"https://{s}.example/feed") for s in names))
    store = open_store(settings.store_url)
    try:
        apply_configuration(store, settings, now=NOON)
        yield Desk(settings=settings, store=store)
    finally:
        store.close()


def number(public_id: str) -> int:
    found = decode_id(public_id)
    assert found is not None
    return found


def make_text(guid: str, text: str, *, minute: int = 0, **changes: object) -> DemoItem:
    at = NOON - 5 * HOUR + timedelta(minutes=minute)
    title = " ".join(text.split()[:6])
    values = {"guid": guid, "url": f"https://press.example/{guid}", "title": title, "html": f"<p>{text}</p>"}
    return make_item(0, **{**values, "published_at": at, "updated_at": at, **changes})


def publish_copies(desk: Desk) -> tuple[StoredEntry, StoredEntry]:
    """One text in two outlets: the founder's entry and the copy's."""
    desk.publish("herald", make_text("h", HARBOUR))
    desk.publish("wire", make_text("w", HARBOUR, minute=10))
    founder, copy = desk.entry("herald", "h"), desk.entry("wire", "w")
    assert copy.article == founder.article == founder.id
    return founder, copy


# --- articles -------------------------------------------------------------------------------------


def test_an_entry_that_is_split_off_has_an_article_of_its_own_at_once(desk: Desk) -> None:
    founder, copy = publish_copies(desk)
    before = desk.revision()

    sentence = rulings.split_article(desk.settings, copy.id, now=NOON)

    assert sentence == f"entry {copy.id} left article {founder.id} and has one of its own, {copy.id}"
    assert desk.article("wire", "w") == copy.id
    assert desk.article("herald", "h") == founder.id
    listed = desk.listed()
    assert {a: [c.source_id for c in listed[a].coverage] for a in listed} == {
        founder.id: ["herald"],
        copy.id: ["wire"],
    }
    assert desk.story("wire", "w") is not None, "its story is found at once"
    assert desk.revision() > before, "pages and feeds are rendered anew"


def test_no_later_poll_brings_what_was_split_together(desk: Desk) -> None:
    founder, copy = publish_copies(desk)
    rulings.split_article(desk.settings, copy.id, now=NOON)

    desk.poll_again()
    desk.publish("wire", make_text("w", HARBOUR, minute=10, updated_at=LATER + HOUR), now=LATER + HOUR)

    assert (desk.article("herald", "h"), desk.article("wire", "w")) == (founder.id, copy.id)


def test_a_split_entry_that_comes_again_under_another_guid_goes_where_it_was_put(desk: Desk) -> None:
    url = "https://press.example/same"
    desk.publish("herald", make_text("h", HARBOUR, url=url))
    desk.publish("wire", make_text("w", HARBOUR, minute=10, url=url))
    copy = desk.entry("wire", "w")
    rulings.split_article(desk.settings, copy.id, now=NOON)

    desk.feeds["wire"] = []
    desk.publish("wire", make_text("w-2", HARBOUR, minute=10, url=url), now=LATER)

    assert desk.article("wire", "w-2") == copy.id


def test_a_copy_of_a_split_entry_may_come_to_its_new_article(desk: Desk) -> None:
    founder, copy = publish_copies(desk)
    rulings.split_article(desk.settings, copy.id, now=NOON)
    desk.publish("gazette", make_text("g", HARBOUR, minute=20), now=LATER)
    assert desk.article("gazette", "g") in (founder.id, copy.id)


@pytest.mark.parametrize(
    ("act", "source_id", "guid", "words"),
    [
        pytest.param(
            rulings.split_article, "herald", "h", "cannot leave. Split the others", id="the founder of others"
        ),
        pytest.param(
            rulings.split_article, "gazette", "g", "alone in its article", id="an entry without copies"
        ),
        pytest.param(
            rulings.split_story, "gazette", "g", "alone in its story", id="an article whose story is its own"
        ),
    ],
)
def test_what_cannot_be_split_is_refused_with_what_can_be_done(
    desk: Desk, act: object, source_id: str, guid: str, words: str
) -> None:
    publish_copies(desk)
    desk.publish("gazette", make_text("g", CHESS))
    revision = desk.revision()
    with pytest.raises(RulingRefused, match=words):
        act(desk.settings, desk.entry(source_id, guid).id, now=NOON)  # type: ignore[operator]
    assert desk.revision() == revision, "nothing was done"


@pytest.mark.parametrize("unknown", ["aaaaaaaaaaaaa", "x", "", "خبر", "AAAAAAAAAAAAA"])
def test_an_entry_that_is_not_stored_is_named(desk: Desk, unknown: str) -> None:
    founder, _ = publish_copies(desk)
    for act in (rulings.split_article, rulings.split_story):
        with pytest.raises(NoSuchEntry, match=f'no entry "{unknown}" is stored'):
            act(desk.settings, unknown, now=NOON)
    for merge in (rulings.merge_articles, rulings.merge_stories):
        with pytest.raises(NoSuchEntry, match=f'no entry "{unknown}" is stored'):
            merge(desk.settings, founder.id, unknown, now=NOON)


def merge_unlike(desk: Desk) -> tuple[StoredEntry, StoredEntry, str]:
    """Two texts that have nothing in common, ruled to be one: the older's entry, the younger's, our words."""
    desk.publish("herald", make_text("h", HARBOUR))
    desk.publish("wire", make_text("w", CHESS, minute=10))
    older, younger = desk.entry("herald", "h"), desk.entry("wire", "w")
    assert older.article != younger.article
    return older, younger, rulings.merge_articles(desk.settings, younger.id, older.id, now=NOON)


def test_of_two_articles_merged_the_older_keeps_its_guid_and_address(desk: Desk) -> None:
    desk.publish("herald", make_text("h", HARBOUR))
    guid = desk.listed()[desk.article("herald", "h")].guid
    older, younger, sentence = merge_unlike(desk)

    assert sentence == (
        f"article {younger.id} went into {older.id}, where its entry is now; its old address leads there"
    )
    (article,) = desk.listed().values()
    assert (article.id, article.guid, article.url) == (older.id, guid, older.url)
    assert [(c.source_id, c.like) for c in article.coverage] == [("herald", None), ("wire", None)]
    decision = article.coverage[1].decision
    assert decision is not None
    assert decision.rule == "ruling"
    assert decision.evidence == f"an admin merged article {younger.id} into this one on 2026-11-24"
    assert desk.redirect("article", younger.id) == number(older.id)


def test_no_later_poll_parts_what_was_merged(desk: Desk) -> None:
    older, _, _ = merge_unlike(desk)
    desk.poll_again()
    desk.publish("wire", make_text("w", CHESS, minute=10, updated_at=LATER + HOUR), now=LATER + HOUR)
    assert desk.article("wire", "w") == desk.article("herald", "h") == older.id


@pytest.mark.parametrize("text", [HARBOUR, CHESS], ids=["of the older", "of the younger"])
def test_a_copy_of_either_text_comes_to_the_merged_article(desk: Desk, text: str) -> None:
    older, _, _ = merge_unlike(desk)
    # Cut and with another headline, so that only its likeness can tell.
    cut = " ".join(text.split()[:-3])
    desk.publish("gazette", make_text("g", cut, minute=20, title="From our agency"), now=LATER)
    assert desk.entry("gazette", "g").article == older.id


def test_articles_that_are_one_already_cannot_be_merged(desk: Desk) -> None:
    older, younger, _ = merge_unlike(desk)
    for one, other in ((older.id, younger.id), (older.id, older.id)):
        with pytest.raises(RulingRefused, match="in one article already"):
            rulings.merge_articles(desk.settings, one, other, now=NOON)


def test_a_merge_takes_all_entries_and_may_follow_another(desk: Desk) -> None:
    founder, _ = publish_copies(desk)
    desk.publish("gazette", make_text("oldest", CHESS, minute=-10), make_text("last", ORCHARD, minute=30))
    oldest, last = desk.entry("gazette", "oldest"), desk.entry("gazette", "last")

    rulings.merge_articles(desk.settings, last.id, founder.id, now=NOON)
    sentence = rulings.merge_articles(desk.settings, founder.id, oldest.id, now=NOON)

    assert "where its 3 entries are now" in sentence
    assert list(desk.listed()) == [oldest.id]
    into = number(oldest.id)
    assert [desk.redirect("article", gone) for gone in (founder.id, last.id)] == [into, into]


def test_a_merged_article_can_be_split_off_again(desk: Desk) -> None:
    _, younger, _ = merge_unlike(desk)
    rulings.split_article(desk.settings, younger.id, now=NOON)
    assert desk.article("wire", "w") == younger.id
    assert desk.story("wire", "w") == younger.id
    assert desk.redirect("article", younger.id) is None
    assert set(desk.listed()) == {younger.id, desk.article("herald", "h")}


def test_the_address_of_a_merged_article_leads_to_where_it_went(desk: Desk) -> None:
    older, younger, _ = merge_unlike(desk)
    client = create_app(desk.settings, desk.store).test_client()

    answer = client.get(f"/article/{younger.id}")

    assert (answer.status_code, answer.headers["Location"]) == (301, f"/article/{older.id}")
    assert answer.headers["Cache-Control"] == "public, max-age=300", "an admin may part them again"
    assert client.get(f"/article/{older.id}").status_code == 200
    assert client.get("/article/aaaaaaaaaaaaa").status_code == 404, "an article that never was"

    rulings.split_article(desk.settings, younger.id, now=LATER)
    assert client.get(f"/article/{younger.id}").status_code == 200


def test_what_was_ruled_on_pruned_articles_goes_with_them(desk: Desk) -> None:
    older, younger, _ = merge_unlike(desk)
    desk.publish("gazette", make_text("g", ORCHARD, minute=20))
    rulings.merge_stories(desk.settings, older.id, desk.entry("gazette", "g").id, now=NOON)

    prune_store(desk.store, keep=HOUR, now=NOON + 24 * HOUR, stopping=threading.Event())

    assert desk.redirect("article", younger.id) is None
    with desk.store.read() as tx:
        said = stories.list_rulings(tx, {number(older.id)})
    assert not said.together
    assert (
        create_app(desk.settings, desk.store).test_client().get(f"/article/{younger.id}").status_code == 404
    )


# --- stories --------------------------------------------------------------------------------------

EVENT = (("herald", "h", HARBOUR), ("wire", "w", DREDGERS), ("gazette", "g", WHEAT))


def publish_event(desk: Desk) -> list[StoredEntry]:
    """Three articles of one story, and one of another, in the order of the first three and that one."""
    for minute, (source_id, guid, text) in enumerate(EVENT):
        desk.publish(source_id, make_text(guid, text, minute=minute))
    desk.publish("herald", make_text("c", CHESS, minute=9))
    found = [desk.entry(source_id, guid) for source_id, guid, _ in EVENT]
    assert {e.story for e in found} == {found[0].id}
    other = desk.entry("herald", "c")
    assert other.story == other.id
    return [*found, other]


def list_stories(desk: Desk, named: Sequence[StoredEntry]) -> list[str | None]:
    return [desk.story(e.source, e.guid) for e in named]


def test_an_article_that_is_split_from_its_story_has_one_of_its_own_at_once(desk: Desk) -> None:
    first, second, third, _ = publish_event(desk)
    before = desk.revision()

    sentence = rulings.split_story(desk.settings, second.id, now=NOON)

    assert sentence == f"article {second.id} left story {first.id} and has one of its own, {second.id}"
    assert list_stories(desk, [first, second, third]) == [first.id, second.id, first.id]
    assert desk.revision() > before


@pytest.mark.parametrize("place", [0, 1, 2], ids=["the founder", "the second", "the last"])
def test_no_later_grouping_brings_what_was_split_together(desk: Desk, place: int) -> None:
    named = publish_event(desk)[:3]
    rulings.split_story(desk.settings, named[place].id, now=NOON)
    rest = [e for e in named if e is not named[place]]

    desk.publish("wire", make_text("p", PILOTS, minute=30), now=LATER)
    desk.poll_again(now=LATER + HOUR)

    alone = desk.story(named[place].source, named[place].guid)
    (shared,) = set(list_stories(desk, rest))
    assert alone != shared
    assert desk.story("wire", "p") in (alone, shared), "what is new may come to either"


def test_when_the_founder_leaves_the_others_have_a_new_story(desk: Desk) -> None:
    first, second, third, _ = publish_event(desk)

    sentence = rulings.split_story(desk.settings, first.id, now=NOON)

    assert sentence == (
        f"article {first.id} founded story {first.id} and keeps it to itself; "
        f"the 2 other articles have a new one, {second.id}"
    )
    assert list_stories(desk, [first, second, third]) == [first.id, second.id, second.id]


def test_two_stories_that_are_merged_are_one_at_once(desk: Desk) -> None:
    first, second, _, other = named = publish_event(desk)

    sentence = rulings.merge_stories(desk.settings, other.id, second.id, now=NOON)

    assert sentence == f"story {other.id} went into {first.id}", "the larger stays"
    assert set(list_stories(desk, named)) == {first.id}
    assert desk.redirect("story", other.id) == number(first.id)


def test_no_later_grouping_parts_stories_that_were_merged(desk: Desk) -> None:
    first, second, _, other = named = publish_event(desk)
    rulings.merge_stories(desk.settings, other.id, second.id, now=NOON)

    desk.publish("wire", make_text("p", PILOTS, minute=30), now=LATER)
    desk.publish("gazette", make_text("o", ORCHARD, minute=31), now=LATER)
    desk.poll_again(now=LATER + HOUR)

    assert set(list_stories(desk, named)) == {first.id}
    assert desk.story("gazette", "o") != first.id


def test_a_later_ruling_replaces_an_earlier_one(desk: Desk) -> None:
    """Split, merged by another pair of the same stories, split again: the last word counts."""
    first, second, third, _ = publish_event(desk)
    rulings.split_story(desk.settings, second.id, now=NOON)
    rulings.merge_stories(desk.settings, second.id, third.id, now=NOON + HOUR / 60)
    desk.publish("wire", make_text("p", PILOTS, minute=30), now=LATER)
    assert set(list_stories(desk, [first, second, third])) == {first.id}

    rulings.split_story(desk.settings, second.id, now=LATER)
    desk.publish("herald", make_text("q", f"{PILOTS} Tugs help.", minute=40, title="Tugs"), now=LATER + HOUR)
    assert list_stories(desk, [first, third]) == [first.id, first.id]
    assert desk.story("wire", "w") != first.id


def test_articles_of_one_story_can_be_held_together(desk: Desk) -> None:
    first, second, _, _ = publish_event(desk)
    sentence = rulings.merge_stories(desk.settings, first.id, second.id, now=NOON)
    assert sentence == f"both are in story {first.id} already; from now on they stay together"


def test_the_stories_of_one_article_cannot_be_merged(desk: Desk) -> None:
    founder, copy = publish_copies(desk)
    with pytest.raises(RulingRefused, match=f"in one article, {founder.id}, so in one story"):
        rulings.merge_stories(desk.settings, founder.id, copy.id, now=NOON)


def test_what_was_ruled_on_an_article_holds_for_the_one_it_goes_into(desk: Desk) -> None:
    first, second, third, _ = publish_event(desk)
    desk.publish("wire", make_text("o", ORCHARD, minute=-30))
    kept = desk.entry("wire", "o")
    rulings.split_story(desk.settings, third.id, now=NOON)

    rulings.merge_articles(desk.settings, third.id, kept.id, now=NOON)

    with desk.store.read() as tx:
        apart = stories.list_rulings(tx, {number(kept.id)}).apart
    assert apart == {tuple(sorted((number(kept.id), number(e.id)))) for e in (first, second)}


def test_who_shares_its_story_is_not_parted_from_the_article_it_goes_into(desk: Desk) -> None:
    first, second, third, _ = publish_event(desk)
    rulings.split_story(desk.settings, third.id, now=NOON)

    rulings.merge_articles(desk.settings, third.id, first.id, now=NOON)
    desk.publish("wire", make_text("p", PILOTS, minute=30), now=LATER)

    assert list_stories(desk, [first, second, third]) == [first.id, first.id, first.id]


def test_the_story_of_an_article_that_was_merged_away_leads_to_that_of_the_other(desk: Desk) -> None:
    older, younger, _ = merge_unlike(desk)
    assert desk.redirect("story", younger.id) == number(older.id)
