"""Which articles a feed of many sources lists, so that one that floods does not fill it. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TypeVar

MAX_SHARE = (2, 5)  # of a feed, for one source
MAX_RUN = 5  # places in a row
FEW_SOURCES = 2  # up to so many there is no quota: there would be too little to fill the feed with

FEED_ITEMS = 50  # of every feed of ours
DEPTH = 64  # times the feed: so far back other sources are looked for
_DEPTHS = (4, 16, DEPTH)

T = TypeVar("T")


def mix_sources(candidates: Sequence[T], source_of: Callable[[T], str], *, limit: int) -> tuple[T, ...]:
    """Choose and order at most `limit` of the candidates, which come newest first, each once.

    Where more than FEW_SOURCES sources are among them and there are more than `limit`, no source has more
    than MAX_SHARE of what is chosen; the feed is shorter than `limit` where the others have too little.
    Where there are at most `limit`, all are chosen: nothing is crowded out. Nor has one of many sources more
    than MAX_RUN places in a row, unless all are chosen and the others are too few to part them. Within
    that the order is the one given: it is left only where a run would be too long, and then the next article
    of another source is moved up.
    """
    by_source = Counter(source_of(item) for item in candidates)
    if len(by_source) <= FEW_SOURCES:
        return tuple(candidates[:limit])
    if len(candidates) <= limit:
        return _part_runs(candidates, source_of)
    return _part_runs(_choose(candidates, source_of, _find_length(by_source, limit)), source_of)


def mix_newest(
    list_newest: Callable[[int], Sequence[T]], source_of: Callable[[T], str], *, limit: int
) -> tuple[T, ...]:
    """The same of as many of the newest as it takes; `list_newest` gives so many of them, newest first.

    A source counts whose latest article is among the newest 64 times `limit`.
    """
    chosen: tuple[T, ...] = ()
    for depth in _DEPTHS:
        found = list_newest(depth * limit)
        chosen = mix_sources(found, source_of, limit=limit)
        sources = {source_of(item) for item in found}
        if len(found) < depth * limit or (len(chosen) == limit and len(sources) > FEW_SOURCES):
            break
    return chosen


def _find_length(by_source: Counter[str], limit: int) -> int:
    """The greatest length that can be filled when no source has more than its share of it."""
    lengths = range(limit, FEW_SOURCES, -1)
    return next(n for n in lengths if sum(min(count, _share(n)) for count in by_source.values()) >= n)


def _share(length: int) -> int:
    part, whole = MAX_SHARE
    return length * part // whole


def _choose(candidates: Sequence[T], source_of: Callable[[T], str], length: int) -> list[T]:
    """The newest, but of each source no more than its share."""
    taken: Counter[str] = Counter()
    chosen: list[T] = []
    for item in candidates:
        source = source_of(item)
        if len(chosen) < length and taken[source] < _share(length):
            taken[source] += 1
            chosen.append(item)
    return chosen


def _part_runs(chosen: Sequence[T], source_of: Callable[[T], str]) -> tuple[T, ...]:
    """At each place the newest article that leaves the rest such that no run need be too long."""
    waiting: dict[str, deque[tuple[int, T]]] = {}
    for place, item in enumerate(chosen):
        waiting.setdefault(source_of(item), deque()).append((place, item))
    if not _can_part(waiting, last="", run=0):
        return tuple(chosen)
    ordered: list[T] = []
    last, run = "", 0
    while len(ordered) < len(chosen):
        for source in sorted((s for s in waiting if waiting[s]), key=lambda s: waiting[s][0][0]):
            length = run + 1 if source == last else 1
            head = waiting[source].popleft()
            if length <= MAX_RUN and _can_part(waiting, last=source, run=length):
                ordered.append(head[1])
                last, run = source, length
                break
            waiting[source].appendleft(head)
    return tuple(ordered)


def _can_part(waiting: dict[str, deque[tuple[int, T]]], *, last: str, run: int) -> bool:
    """Whether what waits can follow a run of `last` with no run too long.

    So many articles of others part one source's into so many runs and one more; the first of them may have
    begun already.
    """
    total = sum(len(items) for items in waiting.values())
    return all(
        len(items) <= MAX_RUN * (total - len(items) + 1) - (run if source == last else 0)
        for source, items in waiting.items()
    )
