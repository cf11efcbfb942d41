"""The kinds of values that keys have: how one is read, what the reference calls it, its JSON Schema.

A schema holds no more than JSON Schema 2020-12 has in common with the older drafts that editors know, and is
never stricter than the reader; lengths of time and cross-references it cannot tell are left to `check`.
"""

from __future__ import annotations

import tomllib
from typing import TypedDict

from .tables import Key, Reader, Shape, Table, build_text_reader, plain
from .values import (
    SIZES,
    SLUG,
    UNITS,
    build_choice_reader,
    build_duration_reader,
    build_number_reader,
    read_flag,
    read_keep,
    read_size,
    read_url,
)


class Kind(TypedDict):
    """Three fields of a Key."""

    read: Reader
    expects: str
    shape: Shape


TEXT: Shape = {"type": "string", "minLength": 1}
SLUG_SHAPE: Shape = {"type": "string", "pattern": f"^{SLUG}$", "maxLength": 64}
TAG: Shape = {"type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"}
URL: Shape = {"type": "string", "pattern": "^https?://"}
_AMOUNT = f"[0-9]{{1,9}} ?[{''.join(UNITS)}]"
_SIZE = f"^[0-9]{{1,9}} ?({'|'.join(SIZES)})$"


def text(example: str) -> Kind:
    return {"read": build_text_reader(example), "expects": "text", "shape": TEXT}


def flag() -> Kind:
    return {"read": plain(read_flag), "expects": "`true` or `false`", "shape": {"type": "boolean"}}


def number(low: int, high: int) -> Kind:
    return {
        "read": plain(build_number_reader(low, high)),
        "expects": f"whole number, {low} to {high}",
        "shape": {"type": "integer", "minimum": low, "maximum": high},
    }


def choice(*choices: str) -> Kind:
    *others, last = [f'`"{name}"`' for name in choices]
    return {
        "read": plain(build_choice_reader(*choices)),
        "expects": f"{', '.join(others)} or {last}",
        "shape": {"type": "string", "enum": list(choices)},
    }


def duration(low: str, high: str, *, example: str = '"20m"') -> Kind:
    return {
        "read": plain(build_duration_reader(low, high, example=example)),
        "expects": f"duration, `{low}` to `{high}`",
        "shape": {"type": "string", "pattern": f"^{_AMOUNT}$"},
    }


def keep() -> Kind:
    return {
        "read": plain(read_keep),
        "expects": 'duration from `1d`, or `"forever"`',
        "shape": {"type": "string", "pattern": f"^(forever|{_AMOUNT})$"},
    }


def size() -> Kind:
    return {
        "read": plain(read_size),
        "expects": "size, `1KB` to `1GB`",
        "shape": {"type": "string", "pattern": _SIZE},
    }


def url() -> Kind:
    return {"read": plain(read_url), "expects": "http or https URL", "shape": URL}


def list_of(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


def build_table_shape(table: Table, **more: object) -> Shape:
    """A TOML table: its keys and no others."""
    return {
        "type": "object",
        "description": plain_words(table.says),
        "additionalProperties": False,
        "properties": {key.name: _build_key_shape(key) for key in table.keys},
        "required": [key.name for key in table.keys if key.example],
        **more,
    }


def _build_key_shape(key: Key) -> Shape:
    default = {} if key.default is None else {"default": tomllib.loads(f"x = {key.default}")["x"]}
    return {**key.shape, "description": _describe(key), **default}


def _describe(key: Key) -> str:
    """Plain sentences: what it does, what to write, what holds without it."""
    sentences = [key.says, f"Write: {key.expects}."]
    if key.example:
        sentences.append("Required.")
    elif key.default_says or key.default:
        sentences.append(f"Without it: {key.default_says or key.default}.")
    if key.unused:
        sentences.append("No effect in this version.")
    return plain_words(" ".join(sentences))


def plain_words(markdown: str) -> str:
    return markdown.replace("`", "")
