"""Where each value of a TOML file stands: its path in the parsed file to its line."""

from __future__ import annotations

import tomllib

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

from .problems import Place

LANGUAGE = Language(tree_sitter_toml.language())


def list_lines(text: str) -> dict[Place, int]:
    """The 1-based line of every key, table header and list element of a file that tomllib has accepted.

    Places are as in tomllib's result: tables by name, elements of lists and arrays of tables by position.
    What the grammar cannot read is left out; ask for the enclosing place then.
    """
    tree = Parser(LANGUAGE).parse(text.encode(errors="replace"))
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}  # arrays of tables: how many elements so far
    for node in tree.root_node.named_children:
        if node.type == "pair":
            _add_values(node, (), lines)
        elif node.type in {"table", "table_array_element"}:
            place = _enter_table(node, lines, counts)
            for child in node.named_children:
                if child.type == "pair":
                    _add_values(child, place, lines)
    return lines


def _enter_table(node: Node, lines: dict[Place, int], counts: dict[Place, int]) -> Place:
    line = node.start_point.row + 1
    names = _list_names(node.named_children[0]) if node.named_children else []
    place: Place = ()
    for position, name in enumerate(names):
        place = (*place, name)
        if node.type == "table_array_element" and position == len(names) - 1:
            lines.setdefault(place, line)
            counts[place] = counts.get(place, 0) + 1
        if place in counts:
            place = (*place, counts[place] - 1)
        lines.setdefault(place, line)
    return place


def _add_values(pair: Node, place: Place, lines: dict[Place, int]) -> None:
    """Adds a key and all that stands inside its value. A loop, not a recursion: files may nest deep."""
    waiting = [(pair, place)]
    while waiting:
        node, at = waiting.pop()
        line = node.start_point.row + 1
        children = [child for child in node.named_children if child.type != "comment"]
        if node.type == "pair" and children:
            for name in _list_names(children[0]):
                at = (*at, name)
                lines.setdefault(at, line)
            waiting.extend((child, at) for child in children[1:])
        elif node.type == "array":
            for position, child in enumerate(children):
                lines.setdefault((*at, position), child.start_point.row + 1)
                waiting.append((child, (*at, position)))
        elif node.type == "inline_table":
            waiting.extend((child, at) for child in children)


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
