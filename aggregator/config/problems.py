"""What is wrong with a configuration: collected with line numbers, worded for the admin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, time
from difflib import get_close_matches

MAX_MESSAGE = 500  # characters

_BARE = re.compile(r"[A-Za-z0-9_-]+")  # TOML's bare keys

Place = tuple[str | int, ...]  # ("source", 0, "url"): the path of a value in the parsed file


class Bad(Exception):
    """One value is wrong; the message says what it is and what to write instead."""


class Report:
    """Collects problems, refusals and notes by place; gives each as `file:line: key: message`, by line."""

    def __init__(self, file: str, lines: Mapping[Place, int]) -> None:
        self._file = file
        self._lines = lines
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
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def blames(self, place: Place) -> bool:
        """Whether a problem stands at this place or inside it: then what follows from it is not reported."""
        return any(found[: len(place)] == place for found, _ in self._problems)

    def list_problems(self) -> tuple[str, ...]:
        return self._render(self._problems)

    def list_notes(self) -> tuple[str, ...]:
        return self._render(self._notes)

    def list_refusals(self) -> tuple[str, ...]:
        return self._render(self._refusals)

    def _render(self, found: Iterable[tuple[Place, str]]) -> tuple[str, ...]:
        lines = [(self.line(place), f"{render_key(place)}: {message}") for place, message in found]
        in_order = sorted(lines, key=lambda one: one[0])
        return tuple(f"{self._file}:{line}: {_fit_line(message)}" for line, message in in_order)


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
