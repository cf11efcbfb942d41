"""What tells two items of one template apart: numbers, ordinals, days of the week, names.

The weather of two days, the fourth and the fifth relief plane, 23 and 30 factories, telegrams to two
presidents share nearly all their words. True copies differ by words left out and by spelling.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from difflib import SequenceMatcher

from aggregator.text import fold

_FEW = 16  # words by which two texts of one template, or a copy and its original, differ
_LONG_WORDS = 400  # templates are shorter
_SHORT_WORDS = 60  # in a longer text one replaced word is a correction
_NAMES = 3
_SPELLED_ALIKE = 0.65

_ROW = 2
_TEMPLATE_SLOTS = 3  # distinct ones; fewer are synonyms: banks and lenders
_TEMPLATE_NAMES = 4  # words in them
_SLOT_WORDS, _SLOT_UNEVEN = 8, 2  # a name stands where a name stood
_TEMPLATE_WORDS, _TEMPLATE_FEW = 70, 40  # of texts whose headlines do not tell

_ORDINALS = (
    *("second ثاني ثانيه deuxieme seconde", "third ثالث ثالثه troisieme"),
    "fourth رابع رابعه quatrieme",
    *("fifth خامس خامسه cinquieme", "sixth سادس سادسه sixieme", "seventh سابع سابعه septieme"),
    *("eighth ثامن ثامنه huitieme", "ninth تاسع تاسعه neuvieme", "tenth عاشر عاشره dixieme"),
)
_FIRST = "first اول اولي premier premiere"  # also in "the day before yesterday"
_DAYS = (
    *("saturday السبت samedi", "sunday الاحد dimanche", "monday الاثنين lundi", "tuesday الثلاثاء mardi"),
    *("wednesday الاربعاء mercredi", "thursday الخميس jeudi", "friday الجمعه vendredi"),
)
# What a copy says otherwise though it is a copy: when, who says so, and the words that hold a text together.
_LOOSE = frozenset(
    fold(
        # not "on", in Arabic, which without its dots is the name Ali
        "اليوم امس غدا غد يوم الاول اول صباح مساء الماضي المقبل القادم في من الى عن ان التي الذي قد "
        "وقد هذا هذه مع كان وكان ثم او و كما فيما وذلك ذلك حيث قال وقال اكد واكد تم وتم "
        "today yesterday tomorrow on in at of the a an to and that said says by for from with was is "
        "aujourd hui hier demain le la les de du des et en"
    ).split()
)


def _name_marks(*rows: str) -> dict[str, str]:
    marks = {}
    for names in rows:
        name, *others = names.split()
        for word in map(fold, (name, *others)):
            marks[word] = name
            marks[fold("ال") + word] = name
    return marks


_MARKS = _name_marks(*_ORDINALS, _FIRST, *_DAYS)
_COUNTING = frozenset(_name_marks(*_ORDINALS))


def find_numbers(words: Iterable[str]) -> frozenset[str]:
    """The numbers that folded words write in figures."""
    return frozenset(word for word in words if word.isdecimal())


def find_marks(words: Iterable[str]) -> frozenset[str]:
    """The ordinals and days of the week among folded words, by their English names."""
    return frozenset(_MARKS[word] for word in words if word in _MARKS)


def find_slot(one: Sequence[str], other: Sequence[str]) -> str | None:
    """What two texts that else are the same differ in, if that makes them two events; in words.

    `one` and `other` are folded words of the texts without their titles. Only what stands in the place of
    something else counts: a text may be cut, and what is left out of one moves the end of the other.
    """
    if max(len(one), len(other)) > _LONG_WORDS or abs(len(one) - len(other)) > _FEW:
        return None
    differing = _count_differing(one, other)
    if differing > _FEW:
        return None
    if not differing:
        return _differ_in_order(one, other)
    changes = list(_list_changes(one, other))
    return _differ_in_numbers(changes) or _differ_in_names(changes, max(len(one), len(other)))


def find_figures(one: Sequence[str], other: Sequence[str]) -> str | None:
    """A row of figures in one text and as long a row of others in its place; in words.

    Wind from 15 to 35 and from 10 to 30: forecasts and prices say the same otherwise and add to it. A single
    number may be a correction, or rounded.
    """
    mine, theirs = (Counter(word for word in words if word.isdecimal()) for words in (one, other))
    only = (mine - theirs).total(), (theirs - mine).total()
    if min(only) < _ROW or max(len(one), len(other)) > _LONG_WORDS:
        return None
    rows = (change for change in _list_changes(one, other) if _is_row(change))
    return next((_contrast(*row) for row in rows), None)


def find_names(
    titles: tuple[Sequence[str], Sequence[str]], bodies: tuple[Sequence[str], Sequence[str]]
) -> str | None:
    """What stands in each other's place in two longer texts of one template; in words.

    The telegram to one president and to another, the execution of one man and of another: several names
    stand where others stand, and the headlines say some of them, or nothing but those names differs.
    Synonyms are fewer, and a copy that rewords also leaves out and adds.
    """
    if max(map(len, bodies)) > _LONG_WORDS:
        return None
    own = _list_own(titles[0], bodies[0], {*titles[1], *bodies[1]})
    their = _list_own(titles[1], bodies[1], {*titles[0], *bodies[0]})
    named = bool(own and their)
    if not named and (min(map(len, bodies)) < _TEMPLATE_WORDS or _count_differing(*bodies) > _TEMPLATE_FEW):
        return None
    changes = list(_list_changes(*bodies))
    slots = {slot for change in changes if (slot := _find_even(change))}
    alone = all(_find_even(change) or _is_loose(change) for change in changes)
    telling = [slot for slot in slots if not own.isdisjoint(slot[0]) and not their.isdisjoint(slot[1])]
    if telling and alone and len(slots) > 1:
        return _contrast(*min(telling))
    if len(slots) < _TEMPLATE_SLOTS or _count_names(slots) < _TEMPLATE_NAMES or not (telling or alone):
        return None
    return _contrast(*min(telling or slots))


_Change = tuple[list[str], list[str]]
_Slot = tuple[tuple[str, ...], tuple[str, ...]]


def _is_row(change: _Change) -> bool:
    lengths = [[len(word) for word in words if word.isdecimal()] for words in change]
    figures = lengths[0] == lengths[1] and all(len(words) == len(lengths[0]) for words in change)
    return figures and sum(mine != theirs for mine, theirs in zip(*change, strict=True)) >= _ROW


def _list_own(title: Sequence[str], body: Sequence[str], theirs: Set[str]) -> Set[str]:
    """Words of the headline that the text has as well, and the other item not at all."""
    return {word for word in {*title}.intersection(body) - theirs - _LOOSE if not word.isdecimal()}


def _find_even(change: _Change) -> _Slot | None:
    """A few words in the place of about as many."""
    if max(map(len, change)) > _SLOT_WORDS:
        return None
    mine, theirs = _drop_loose(change)
    even = bool(mine) and bool(theirs) and abs(len(mine) - len(theirs)) <= _SLOT_UNEVEN
    return (tuple(mine), tuple(theirs)) if even else None


def _is_loose(change: _Change) -> bool:
    return max(map(len, change)) <= _SLOT_WORDS and not any(_drop_loose(change))


def _count_names(slots: Iterable[_Slot]) -> int:
    sides = list(zip(*slots, strict=True))
    return min(sum(map(len, side)) for side in sides)


def _count_differing(one: Sequence[str], other: Sequence[str]) -> int:
    mine, theirs = Counter(one), Counter(other)
    return (mine - theirs).total() + (theirs - mine).total()


def _list_changes(one: Sequence[str], other: Sequence[str]) -> Iterator[_Change]:
    """What stands in one text and in its place in the other, but for what the end of a cut text lacks."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    for kind, start, end, other_start, other_end in matcher.get_opcodes():
        at_end = end == len(one) and other_end == len(other)
        if kind != "equal" and not (at_end and kind != "replace"):
            yield list(one[start:end]), list(other[other_start:other_end])


def _differ_in_numbers(changes: Iterable[_Change]) -> str | None:
    for mine, theirs in changes:
        if only := _COUNTING & ({*mine} ^ {*theirs}):
            return f"only one of them says {min(only)}"
        numbers = find_numbers(mine), find_numbers(theirs)
        if all(numbers) and numbers[0] != numbers[1]:
            return _contrast(*map(sorted, numbers))
    return None


def _differ_in_order(one: Sequence[str], other: Sequence[str]) -> str | None:
    """A score and its reverse."""
    numbers = [[word for word in words if word.isdecimal()] for words in (one, other)]
    return None if numbers[0] == numbers[1] or len(one) > _SHORT_WORDS else _contrast(*numbers)


def _differ_in_names(changes: Iterable[_Change], words: int) -> str | None:
    """In short texts, other names where all else is the same; a copy leaves words out as well."""
    slots = [change for change in map(_drop_loose, changes) if any(change)]
    if words > _SHORT_WORDS or not all(all(slot) for slot in slots):
        return None
    mine = [word for slot in slots for word in slot[0]]
    theirs = [word for slot in slots for word in slot[1]]
    return _contrast(mine, theirs) if slots and max(len(mine), len(theirs)) <= _NAMES else None


def _drop_loose(change: _Change) -> _Change:
    """Without what a copy may say otherwise, in other words or in another spelling."""
    mine, theirs = ([word for word in words if word not in _LOOSE] for words in change)
    for word in list(mine):
        if alike := next((other for other in theirs if _spelled_alike(word, other)), None):
            mine.remove(word)
            theirs.remove(alike)
    return mine, theirs


def _spelled_alike(one: str, other: str) -> bool:
    if one.isdecimal() or other.isdecimal():
        return False
    return SequenceMatcher(None, one, other).ratio() >= _SPELLED_ALIKE


def _contrast(mine: Sequence[str], theirs: Sequence[str]) -> str:
    return f"{' '.join(mine[:_NAMES])} here, {' '.join(theirs[:_NAMES])} there"
