"""Reading a TOML table by its description: unknown keys, missing keys, wrong values, defaults."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .problems import Bad, Place, Report, describe, render_suggestion
from .values import read_text

Values = dict[str, Any]  # key names to what their readers made of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What readers need beside the value: where to report, and where secrets come from."""

    report: Report
    environ: Mapping[str, str]
    folder: Path  # of the configuration file, absolute


Reader = Callable[[object, Place, Context], Any]  # raises Bad, or reports at places inside its own
Shape = Mapping[str, object]  # JSON Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    name: str
    read: Reader
    expects: str  # for the reference: the kind of value and its limits
    shape: Shape  # for editors
    says: str  # for the reference: what it does
    default: str | None = None  # as one would write it; None: nothing
    default_says: str | None = None  # for the reference, where the default is not one fixed value
    example: str | None = None  # the line to add when a required key is missing
    unused: bool = False  # accepted, but without effect in this version


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    name: str
    header: str  # as messages and the reference name it: "[site]", "[[source]]", "a rule"
    says: str
    keys: tuple[Key, ...]


def plain(read: Callable[[object], object]) -> Reader:
    """A reader that needs nothing but the value."""
    return lambda value, _place, _context: read(value)


def build_text_reader(example: str) -> Reader:
    return lambda value, _place, _context: read_text(value, example=example)


def read_table(
    table: Table, raw: object, place: Place, context: Context, inherited: Values | None = None
) -> Values:
    """Every key of the table, read. What is absent or wrong has the inherited value or else the default."""
    report = context.report
    is_table = isinstance(raw, dict)
    if not is_table:
        report.problem(place, f"needs a table, found {describe(raw)}; write {{ name = value }}")
    written: dict[str, object] = raw if isinstance(raw, dict) else {}
    _report_unknown(table, written, place, report)
    values: Values = {}
    for key in table.keys:
        at = (*place, key.name)
        values[key.name] = (inherited or {}).get(key.name)
        if inherited is None or key.name not in inherited:
            values[key.name] = _read_default(key, at, context)
        if key.name in written:
            _read_key(key, written[key.name], at, context, values)
        elif key.example and is_table:
            report.problem(at, f"is missing; add {key.example}")
    return values


def read_tables(
    table: Table, raw: object, place: Place, context: Context
) -> tuple[tuple[Place, Values], ...]:
    """The same for a list of tables: each with its place."""
    if not isinstance(raw, list):
        raise Bad(f"needs a list of tables, found {describe(raw)}; write {table.name} = [{{ … }}]")
    places = [(*place, position) for position in range(len(raw))]
    return tuple((at, read_table(table, one, at, context)) for at, one in zip(places, raw, strict=True))


def _read_key(key: Key, value: object, at: Place, context: Context, values: Values) -> None:
    try:
        values[key.name] = key.read(value, at, context)
    except Bad as bad:
        context.report.problem(at, str(bad))
    else:
        if key.unused:
            context.report.note(at, "is accepted but has no effect in this version")


def _read_default(key: Key, at: Place, context: Context) -> object:
    if key.default is None:
        return None
    return key.read(tomllib.loads(f"x = {key.default}")["x"], at, context)


def _report_unknown(table: Table, raw: Mapping[str, object], place: Place, report: Report) -> None:
    known = [key.name for key in table.keys]
    for name in raw:
        if name not in known:
            suggestion = render_suggestion(name, known) or f"; {table.header} knows {', '.join(known)}"
            report.problem((*place, name), f"is no key of {table.header}{suggestion}")
