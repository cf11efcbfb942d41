"""No source fills a feed of many, and otherwise the newest stands first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TypeAlias

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aggregator.publish.mixing import mix_sources

Item: TypeAlias = tuple[int, str]  # place among the candidates, source

LIMIT = 50
# Sources of very different loudness, in any order, from none to four times a feed.
FLOODS = st.lists(st.sampled_from("aaaaaaaaaaaabbbbccd"), max_size=4 * LIMIT)
BLOCKS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 60)), max_size=8)


def candidates(sources: Iterable[str]) -> list[Item]:
    return list(enumerate(sources))


def mix(found: Sequence[Item], limit: int = LIMIT) -> tuple[Item, ...]:
    return mix_sources(found, lambda item: item[1], limit=limit)


def spell(sources: str) -> str:
    """The sources of the feed, in its order."""
    return "".join(source for _, source in mix(candidates(sources)))


def longest_run(feed: Sequence[Item]) -> int:
    return max((len(list(run)) for _, run in groupby(feed, lambda item: item[1])), default=0)


floods = st.one_of(FLOODS, BLOCKS.map(lambda blocks: [s for source, n in blocks for s in source * n])).map(
    candidates
)


@given(floods)
def test_of_three_sources_none_has_more_than_two_fifths_of_a_feed(found: list[Item]) -> None:
    assume(len({source for _, source in found}) >= 3 and len(found) > LIMIT)
    feed = mix(found)
    assert max(Counter(source for _, source in feed).values()) * 5 <= len(feed) * 2


@given(floods)
def test_of_three_sources_none_has_more_than_five_places_in_a_row(found: list[Item]) -> None:
    counts = Counter(source for _, source in found)
    assume(len(counts) >= 3)
    # What is short enough to be listed whole may have too few others to part the loudest.
    assume(len(found) > LIMIT or max(counts.values()) <= 5 * (len(found) - max(counts.values()) + 1))
    assert longest_run(mix(found)) <= 5


@given(floods)
def test_nothing_is_repeated_made_up_or_beyond_the_limit(found: list[Item]) -> None:
    feed = mix(found)
    assert len(feed) <= LIMIT
    assert len(set(feed)) == len(feed)
    assert set(feed) <= set(found)
    assert mix(found) == feed


@given(floods)
def test_what_fits_is_listed_whole(found: list[Item]) -> None:
    found = found[:LIMIT]
    assert sorted(mix(found)) == found


@given(floods)
def test_each_source_has_its_newest_in_their_order(found: list[Item]) -> None:
    feed = mix(found)
    for source in {source for _, source in found}:
        own = [item for item in feed if item[1] == source]
        assert own == [item for item in found if item[1] == source][: len(own)]


@given(floods)
def test_what_breaks_no_rule_stays_as_it_is(found: list[Item]) -> None:
    newest = found[:LIMIT]
    counts = Counter(source for _, source in newest)
    assume(longest_run(newest) <= 5 and max(counts.values(), default=0) <= 20)
    assert mix(found) == tuple(newest) or len({source for _, source in found}) < 3


@given(found=floods, source=st.sampled_from("abcd"))
def test_a_new_article_moves_others_by_a_run_at_most(found: list[Item], source: str) -> None:
    """And takes the place of no more than one: whoever reads from the top finds what was there."""
    full = candidates([*(s for _, s in found), *"abc" * 20])  # whatever comes first, a feed can be filled
    before = mix(full)
    after = mix([(-1, source), *full])
    kept = {item: place for place, item in enumerate(before)}
    moved = [place - kept[item] for place, item in enumerate(after) if item in kept]
    assert len(moved) >= len(before) - 1
    assert all(-6 <= distance <= 6 for distance in moved)


@pytest.mark.parametrize(
    ("found", "feed"),
    [
        pytest.param("aaaaaaaabc", "aaaaabaaac", id="what fits is listed whole, its long run parted"),
        pytest.param("a" * 30 + "bc", "a" * 30 + "bc", id="two others cannot part thirty"),
        pytest.param("a" * 60 + "b", "a" * 50, id="of two sources one may fill the feed"),
        pytest.param(
            "a" * 60 + "b" * 5 + "c" * 5, "aaaaababbbbccccc", id="ten others make a feed of sixteen"
        ),
        pytest.param("a" * 200 + "bbc", "aabbc", id="three others make a feed of five"),
        pytest.param("a" * 60 + "bc" * 30, "aaaaabaaaaacaaaaabaaaaac" + "bc" * 13, id="a full feed"),
    ],
)
def test_cases(found: str, feed: str) -> None:
    assert spell(found) == feed


def test_no_candidates_are_an_empty_feed() -> None:
    assert mix([]) == ()
