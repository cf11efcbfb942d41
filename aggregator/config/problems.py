"""What is wrong with a configuration: collected with line numbers, worded for the admin."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from difflib import get_close_matches
from functools import cached_property

from aggregator.errors import Problem

MAX_MESSAGE = 500  # characters
START = (1, 1)

_BARE = re.compile(r"[A-Za-z0-9_-]+")  # TOML's bare keys
# What is wrong ends at the first semicolon that is not in what the message quotes.
_WRONG = re.compile(r'(?:"[^"]*"|[^;]|;(?! ))*+')

Place = tuple[str | int, ...]  # ("source", 0, "url"): the path of a value in the parsed file


class Bad(Exception):
    """One value is wrong; the message says what it is and, after a semicolon, what to write instead."""


class Report:
    """Collects problems, refusals and notes by place; gives each with its position, in their order."""

    def __init__(self, file: str, list_positions: Callable[[], Mapping[Place, tuple[int, int]]]) -> None:
        """`list_positions` is called when a position is asked for: most files have nothing to report."""
        self._file = file
        self._list_positions = list_positions
        self._problems: dict[tuple[Place, str], None] = {}
        self._notes: dict[tuple[Place, str], None] = {}
        self._refusals: dict[tuple[Place, str], None] = {}

    def problem(self, place: Place, message: str) -> None:
        self._problems[place, message] = None

    def note(self, place: Place, message: str) -> None:
        self._notes[place, message] = None

    def refuse(self, place: Place, message: str) -> None:
        """What is no error of the file, but of no use as it stands."""
        self._refusals[place, message] = None

    def line(self, place: Place) -> int:
        """The line of a value; of its table's header when the value itself is not in the file."""
        return self._find_position(place)[0]

    def blames(self, place: Place) -> bool:
        """Whether a problem stands at this place or inside it: then what follows from it is not reported."""
        return any(found[: len(place)] == place for found, _ in self._problems)

    def list_problems(self) -> tuple[Problem, ...]:
        return self._list(self._problems)

    def list_notes(self) -> tuple[Problem, ...]:
        return self._list(self._notes)

    def list_refusals(self) -> tuple[Problem, ...]:
        return self._list(self._refusals)

    def _list(self, found: Iterable[tuple[Place, str]]) -> tuple[Problem, ...]:
        in_order = sorted(found, key=lambda one: self._find_position(one[0]))
        return tuple(
            build_problem(self._file, self._find_position(place), render_key(place), message)
            for place, message in in_order
        )

    @cached_property
    def _positions(self) -> Mapping[Place, tuple[int, int]]:
        return self._list_positions()

    def _find_position(self, place: Place) -> tuple[int, int]:
        while place and place not in self._positions:
            place = place[:-1]
        return self._positions.get(place, START)


def build_problem(file: str, position: tuple[int, int], key: str, message: str) -> Problem:
    """The message in its two parts: what is wrong, and the cure after the semicolon."""
    line, column = position
    message = _fit_line(message)
    wrong = _WRONG.match(message)
    assert wrong is not None
    cure = message[wrong.end() :].removeprefix("; ")
    return Problem(file=file, line=line, column=column, key=_fit_line(key), message=wrong[0], cure=cure)


def _fit_line(message: str) -> str:
    """One line of a terminal: what cannot be printed is escaped, what is endless is cut."""
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    return printable if len(printable) <= MAX_MESSAGE else f"{printable[:MAX_MESSAGE]} …"


def render_key(place: Place) -> str:
    """The dotted name of a place; positions in lists are left out, since the line says which one it is."""
    names = (part for part in place if isinstance(part, str))
    return ".".join(name if _BARE.fullmatch(name) else f'"{name}"' for name in names)


def render_suggestion(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?` for the known word that is nearest, or nothing."""
    by_folded = {name.casefold(): name for name in known}
    close = get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.7)
    return f"; did you mean '{by_folded[close[0]]}'?" if close else ""


def render_choices(known: Iterable[str]) -> str:
    names = [f'"{name}"' for name in known]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def describe(value: object) -> str:
    """What kind of TOML value this is, in plain words; never the value itself, which may be a secret."""
    if isinstance(value, bool):
        return "true" if value else "false"
    for kinds, words in (
        (str, "a text"),
        (int, "a whole number"),
        (float, "a number with a fraction"),
        (list, "a list"),
        (dict, "a table"),
        ((date, time), "a date or time"),
    ):
        if isinstance(value, kinds):
            return words
    return type(value).__name__


def build_wrong_type(needs: str, value: object, example: str) -> Bad:
    return Bad(f"needs {needs}, found {describe(value)}; write {example}")
