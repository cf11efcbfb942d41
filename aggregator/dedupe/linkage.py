"""Groups of entries joined by average link: the likest two first, while their pairs are alike on the whole.

One entry that is like both of two groups does not make them one, as it would by single link: for that most
of their pairs must bear it out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, MutableMapping
from heapq import heapify, heappop, heappush

ENOUGH = 1.0

Bonds = MutableMapping[int, MutableMapping[int, float]]


def join_likest(sizes: Mapping[int, int], bonds: Bonds, anchors: Collection[int]) -> dict[int, int]:
    """The group that each group ends in, by name.

    `sizes` are the numbers of entries; `bonds` the sum over the pairs of two groups of what each pair is
    worth, both ways, where that is not 0: two groups join while the mean over all their pairs is `ENOUGH`
    or more. Of `anchors` no two join, and one gives its name to what joins it. `bonds` is used up.
    """
    sizes = dict(sizes)
    homes = {name: name for name in sizes}
    queue = [(-_mean(one, other, sizes, bonds), one, other) for one in bonds for other in bonds[one]]
    queue = [bond for bond in queue if bond[0] <= -ENOUGH and bond[1] < bond[2]]
    heapify(queue)
    while queue:
        score, one, other = heappop(queue)
        if one not in sizes or other not in sizes or score != -_mean(one, other, sizes, bonds):
            continue
        if one in anchors and other in anchors:
            continue
        kept, gone = (other, one) if other in anchors else (one, other)
        _join(kept, gone, bonds)
        sizes[kept] += sizes.pop(gone)
        homes[gone] = kept
        for third in bonds[kept]:
            mean = _mean(kept, third, sizes, bonds)
            if mean >= ENOUGH:
                heappush(queue, (-mean, min(kept, third), max(kept, third)))
    return {name: _find_home(name, homes) for name in homes}


def _mean(one: int, other: int, sizes: Mapping[int, int], bonds: Bonds) -> float:
    return bonds[one].get(other, 0.0) / (sizes[one] * sizes[other])


def _join(kept: int, gone: int, bonds: Bonds) -> None:
    """Let one group have the bonds of both."""
    for third, worth in bonds.pop(gone).items():
        del bonds[third][gone]
        if third != kept:
            bonds[kept][third] = bonds[third][kept] = bonds[kept].get(third, 0.0) + worth


def _find_home(name: int, homes: Mapping[int, int]) -> int:
    while homes[name] != name:
        name = homes[name]
    return name
