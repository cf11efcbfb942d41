"""HTML to plain text, once its tags are known: a line per block."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape

from aggregator.text import collapse_space

# Reads sanitised HTML only, where `<` and `>` delimit tags and nothing else.
_NAME = re.compile(r"</?(\w+)[^>]*>")
_BLOCKS = frozenset(
    """address article aside audio blockquote br caption center dd details div dl dt fieldset figcaption
    figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody tfoot
    thead title tr ul video""".split()
)
_CELLS = frozenset(["td", "th"])
_LINE_END = "\0"  # neither a text without controls nor a reference has it
_SEPARATORS = dict.fromkeys(_BLOCKS, _LINE_END) | dict.fromkeys(_CELLS, " ")


def read_text(html: str) -> str:
    """Do what `clean.html.html_to_text` does, in a fraction of the time, for HTML that has been sanitised."""
    parts = _NAME.split(html)
    return join_lines(make_lines(parts[::2], parts[1::2]))


def make_lines(texts: list[str], names: list[str]) -> list[str]:
    """Join texts to lines, given the names of the tags between them."""
    pieces = [""] * (2 * len(names) + 1)
    pieces[::2] = texts
    pieces[1::2] = [_SEPARATORS.get(name, "") for name in names]
    return unescape("".join(pieces)).split(_LINE_END)


def join_lines(lines: Iterable[str]) -> str:
    return "\n".join(filter(None, map(collapse_space, lines)))
