"""Where each value of a TOML file stands: its path in the parsed file to its line and column."""

from __future__ import annotations

import tomllib
from typing import NamedTuple

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from .problems import Place

LANGUAGE = Language(tree_sitter_toml.language())

_Point = tuple[int, int]  # as tree-sitter counts: row and byte, from 0


class Position(NamedTuple):
    line: int
    column: int  # in characters


def list_positions(text: str) -> dict[Place, Position]:
    """Where every key, table header and list element stands in a file that tomllib has accepted, from 1.

    Places are as in tomllib's result: tables by name, elements of lists and arrays of tables by position.
    What the grammar cannot read is left out; ask for the enclosing place then.
    """
    rows = [row.encode(errors="replace") for row in text.split("\n")]
    tree = Parser(LANGUAGE).parse(b"\n".join(rows))
    points: dict[Place, _Point] = {}
    counts: dict[Place, int] = {}  # arrays of tables: how many elements so far
    for node in tree.root_node.named_children:
        if node.type == "pair":
            _add_values(node, (), points)
        elif node.type in {"table", "table_array_element"}:
            place = _enter_table(node, points, counts)
            for child in node.named_children:
                if child.type == "pair":
                    _add_values(child, place, points)
    return {
        place: Position(row + 1, len(rows[row][:column].decode(errors="replace")) + 1)
        for place, (row, column) in points.items()
    }


def _enter_table(node: Node, points: dict[Place, _Point], counts: dict[Place, int]) -> Place:
    point = _locate(node)
    names = _list_names(node.named_children[0]) if node.named_children else []
    place: Place = ()
    for position, name in enumerate(names):
        place = (*place, name)
        if node.type == "table_array_element" and position == len(names) - 1:
            points.setdefault(place, point)
            counts[place] = counts.get(place, 0) + 1
        if place in counts:
            place = (*place, counts[place] - 1)
        points.setdefault(place, point)
    return place


def _add_values(pair: Node, place: Place, points: dict[Place, _Point]) -> None:
    """Adds a key and all that stands inside its value. A loop, not a recursion: files may nest deep."""
    waiting = [(pair, place)]
    while waiting:
        node, at = waiting.pop()
        children = [child for child in node.named_children if child.type != "comment"]
        if node.type == "pair" and children:
            for name in _list_names(children[0]):
                at = (*at, name)
                points.setdefault(at, _locate(node))
            waiting.extend((child, at) for child in children[1:])
        elif node.type == "array":
            for position, child in enumerate(children):
                points.setdefault((*at, position), _locate(child))
                waiting.append((child, (*at, position)))
        elif node.type == "inline_table":
            waiting.extend((child, at) for child in children)


def _locate(node: Node) -> _Point:
    return node.start_point.row, node.start_point.column


def _list_names(key: Node) -> list[str]:
    waiting, names = [key], []
    while waiting:
        node = waiting.pop()
        if node.type == "dotted_key":
            waiting.extend(reversed(node.named_children))
        elif node.text is not None:
            names.append(_decode_name(node.text.decode()))
    return names


def _decode_name(written: str) -> str:
    if not written.startswith(('"', "'")):
        return written
    try:
        return next(iter(tomllib.loads(f"{written} = 0")))
    except ValueError:
        return written
