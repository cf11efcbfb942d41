"""Why an entry stands where it stands, told to someone who never read the code."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from aggregator import ops
from aggregator.errors import NoSuchEntry
from aggregator.explain import explain_entry, render_explanation
from aggregator.grouping import group_new
from aggregator.refresh import apply_configuration
from aggregator.store import open_store
from aggregator.store.entries import list_entries
from tests.harness import make_item
from tests.site_samples import HOUR, NOON, Portal, make_settings, save_feed, source_table

pytestmark = pytest.mark.usefixtures("each_store")

FERRY = (
    "The ferry between the two islands sails again after nine weeks in dry dock, with 40 cabins repainted, "
    "a new rudder from a yard in the north, and fares as they were before the storm, the owners said."
)
CAPTAIN = (
    "Islanders cheered when the repainted ferry left dry dock on Monday; its captain praised the new rudder, "
    "and the owners promised that fares between the two islands would not rise before summer."
)
RULES = '[{ category = "Games", section = "ar/sports" }]'


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A text in three outlets (one cut it, one has the same address), and another article of its story."""
    tables = [source_table(s, f"https://{s}.example/feed") for s in ("herald", "wire", "echo")]
    tables.append(source_table("gazette", "https://gazette.example/feed", rules=RULES))
    settings = make_settings(tmp_path_factory.mktemp("portal"), *tables)
    store = open_store(settings.store_url)
    first = NOON - 3 * HOUR
    text = {"title": "Ferry sails again", "html": f"<p>{FERRY}</p>", "categories": ()}
    feeds = {
        "herald": make_item(1, guid="h", **text, published_at=first, updated_at=first),
        "echo": make_item(1, guid="e", **text, published_at=first + HOUR / 6, updated_at=first),
        "wire": make_item(
            2,
            guid="w",
            title="Islands joined once more",
            html=f"<p>{FERRY.rpartition(', and fares')[0]}.</p>",
            published_at=first + HOUR / 3,
            updated_at=first,
        ),
        "gazette": make_item(
            3,
            guid="g",
            title="Islanders cheer",
            html=f"<p>{CAPTAIN}</p>",
            categories=("games",),
            published_at=first + HOUR,
            updated_at=first,
        ),
    }
    try:
        apply_configuration(store, settings, now=NOON)
        for source_id, item in feeds.items():
            save_feed(store, settings, source_id, [item])
        group_new(store, now=NOON, stopping=threading.Event())
        yield Portal(settings=settings, store=store)
    finally:
        store.close()


def find_id(portal: Portal, source_id: str) -> str:
    with portal.store.read() as tx:
        (entry,) = list_entries(tx, source_id=source_id)
    return entry.id


def explain(portal: Portal, source_id: str) -> list[str]:
    explanation = explain_entry(portal.settings, find_id(portal, source_id))
    return [line.strip() for line in render_explanation(explanation, portal.settings).splitlines()]


def test_a_copy_is_explained_by_rule_score_threshold_evidence_and_the_entry_that_decided(
    portal: Portal,
) -> None:
    found = explain_entry(portal.settings, find_id(portal, "wire")).article
    assert (found.rule, found.id) == ("near-copy", find_id(portal, "herald"))
    assert found.score is not None
    assert found.threshold is not None
    assert found.score >= found.threshold > 0
    assert found.decided_by is not None
    assert found.decided_by.source in ("herald", "echo")

    lines = explain(portal, "wire")
    assert f"{found.id}: one text, in 3 entries of 3 sources" in lines
    assert "Why: its text and that of another entry are nearly the same [near-copy]" in lines
    assert f"Score {found.score:.3f}; needed was {found.threshold:.3f}" in lines
    assert f"Evidence: {found.evidence}" in lines
    herald = f"{found.id}, 2026-11-24 09:00 UTC, herald: Ferry sails again"
    assert f"Founded by: {herald}" in lines
    assert f"Also in it: {find_id(portal, 'echo')}, 2026-11-24 09:10 UTC, echo: Ferry sails again" in lines


def test_a_rule_that_knows_only_yes_and_no_shows_no_score(portal: Portal) -> None:
    lines = explain(portal, "echo")
    article = lines[lines.index("Its article") : lines.index("The article's story")]
    assert "Why: another source carries the same address [same-url]" in article
    assert "Evidence: herald carries the same URL" in article
    assert [line for line in article if line.startswith("Score")] == []


def test_a_founder_says_so_and_who_came_after_it(portal: Portal) -> None:
    lines = explain(portal, "herald")
    assert "Why: it founded the article, because it was no copy of any entry stored then [founder]" in lines
    assert [line for line in lines if line.startswith(("Founded by", "Decided by"))] == []
    others = [line for line in lines if line.startswith("Also in it:")]
    assert [part in line for part, line in zip(("echo:", "wire:"), others, strict=False)] == [True, True]


def test_a_story_is_explained_with_its_other_articles_and_their_sources(portal: Portal) -> None:
    found = explain_entry(portal.settings, find_id(portal, "gazette")).story
    assert found is not None
    assert (found.rule, found.sources) == ("likeness", 4)
    assert found.score >= found.threshold > 0
    assert {"ferry", "rudder"} & set(found.words)
    assert (found.first_at, found.last_at) == (NOON - 3 * HOUR, NOON - 2 * HOUR)
    (other,) = found.others
    assert (other.id, other.title) == (find_id(portal, "herald"), "Ferry sails again")
    assert other.sources == ("herald", "echo", "wire")

    lines = explain(portal, "gazette")
    assert f"{found.id}: one event, in 2 articles of 4 sources" in lines
    assert "From 2026-11-24 09:00 to 2026-11-24 10:00 UTC" in lines
    assert "Why: its words are much like those of the story's articles [likeness]" in lines
    assert f"Score {found.score:.3f}; needed was {found.threshold:.3f}" in lines
    assert f"Words in common: {', '.join(found.words)}" in lines
    assert (
        f"Also in it: {other.id}, 2026-11-24 09:00 UTC, herald and echo and wire: Ferry sails again" in lines
    )


def test_the_founder_of_a_story_says_so(portal: Portal) -> None:
    lines = explain(portal, "herald")
    assert "Why: it founded the story, because no story known then was near enough [founder]" in lines


@pytest.mark.parametrize(
    ("source_id", "section", "why", "evidence"),
    [
        ("gazette", "ar/sports: رياضة", "a rule of its source matches [rule]", 'category "Games"'),
        (
            "herald",
            "en/world: World",
            "no rule of its source matches [source]",
            "the section of source herald",
        ),
    ],
    ids=["by a rule", "by its source"],
)
def test_a_section_is_explained_by_the_rule_that_chose_it(
    portal: Portal, source_id: str, section: str, why: str, evidence: str
) -> None:
    lines = explain(portal, source_id)
    assert lines[-4:] == ["Its section", section, f"Why: {why}", f"Evidence: {evidence}"]


def test_before_stories_are_found_it_says_when_they_are(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, source_table("a", "https://a.example/feed"))
    store = open_store(settings.store_url)
    apply_configuration(store, settings, now=NOON)
    save_feed(store, settings, "a", [make_item(1)])
    fresh = Portal(settings=settings, store=store)
    explanation = explain_entry(settings, find_id(fresh, "a"))
    assert explanation.story is None
    assert "    not decided yet: stories are found a moment after articles" in render_explanation(
        explanation, settings
    )
    store.close()


def test_a_section_that_is_configured_no_more_is_named_by_its_id(portal: Portal, tmp_path: Path) -> None:
    explanation = explain_entry(portal.settings, find_id(portal, "gazette"))
    head = make_settings(tmp_path).path.read_text(encoding="utf-8").replace('id = "sports"', 'id = "games"')
    other = make_settings(tmp_path, head=head.replace('"sport", "games"', '"sport"'))
    assert "\n    ar/sports\n" in render_explanation(explanation, other)


@pytest.mark.parametrize("unknown", ["aaaaaaaaaaaaa", "x", "", "قصة", "../x"])
def test_an_entry_that_is_not_stored_is_named(portal: Portal, unknown: str) -> None:
    with pytest.raises(NoSuchEntry, match=f'no entry "{unknown}" is stored'):
        explain_entry(portal.settings, unknown)


def test_the_json_is_the_whole_explanation(portal: Portal) -> None:
    found = json.loads(ops.to_json(explain_entry(portal.settings, find_id(portal, "wire"))))
    assert list(found) == ["entry", "section", "article", "story"]
    assert list(found["entry"]) == ["id", "source", "title", "url", "published_at"]
    assert list(found["section"]) == ["id", "rule", "evidence"]
    assert list(found["article"]) == ("id rule evidence score threshold decided_by founder others".split())
    assert list(found["story"]) == ("id rule score threshold words sources first_at last_at others".split())
    assert found["entry"]["published_at"] == "2026-11-24T09:20:00Z"
