"""Average link: groups become one while most of their pairs speak for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import pytest

from aggregator.dedupe.linkage import Bonds, join_likest

Pairs = dict[tuple[int, int], float]


def join(sizes: dict[int, int], pairs: Pairs, anchors: Collection[int] = ()) -> set[frozenset[int]]:
    bonds: Bonds = defaultdict(lambda: defaultdict(float))
    for (one, other), worth in pairs.items():
        bonds[one][other] = bonds[other][one] = worth
    groups: defaultdict[int, set[int]] = defaultdict(set)
    for name, end in join_likest(sizes, bonds, anchors).items():
        groups[end].add(name)
    return {frozenset(group) for group in groups.values()}


@pytest.mark.parametrize(
    ("sizes", "pairs", "anchors", "expected"),
    [
        pytest.param({1: 1, 2: 1}, {(1, 2): 1.0}, (), {(1, 2)}, id="a pair worth just enough is one"),
        pytest.param({1: 1, 2: 1}, {(1, 2): 0.99}, (), {(1,), (2,)}, id="a pair worth less is not"),
        pytest.param(
            {1: 1, 2: 1, 3: 1},
            {(1, 2): 1.5, (2, 3): 1.4},
            (),
            {(1, 2), (3,)},
            id="what is like the bridge alone is left out, and the likest two are one",
        ),
        pytest.param(
            {1: 1, 2: 1, 3: 1},
            {(1, 2): 1.5, (2, 3): 1.4, (1, 3): 0.6},
            (),
            {(1, 2, 3)},
            id="a pair a little too unlike is outvoted",
        ),
        pytest.param(
            {1: 3, 2: 1}, {(1, 2): 2.9}, (), {(1,), (2,)}, id="the mean is over all entries of a group"
        ),
        pytest.param(
            {1: 1, 2: 1, 3: 1},
            {(1, 2): 1.2, (2, 3): 1.9, (1, 3): 1.9},
            (1, 2),
            {(1, 3), (2,)},
            id="two stored articles stay apart, whoever joins them; of equal ones the first is joined",
        ),
        pytest.param({5: 2}, {}, (5,), {(5,)}, id="alone"),
    ],
)
def test_who_is_joined(
    sizes: dict[int, int], pairs: Pairs, anchors: Collection[int], expected: set[tuple[int, ...]]
) -> None:
    assert join(sizes, pairs, anchors) == set(map(frozenset, expected))


def test_a_stored_article_gives_its_name() -> None:
    bonds: Bonds = {1: {9: 1.5}, 9: {1: 1.5}}
    assert join_likest({1: 1, 9: 1}, bonds, {9}) == {1: 9, 9: 9}
