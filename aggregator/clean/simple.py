"""Markup that every HTML parser reads in one way: sanitised by looking at it, without building a tree.

Most texts of feeds are of this kind, and nh3 with the rounds it needs to prove its own result costs several
times as much. What is accepted here is a small language: every tag is spelled in full with quoted values,
every element is closed where it was opened, and none stands where the HTML standard would move, close or
repeat an element of itself (13.2.6.4.7). Tables, foreign elements, forms, raw text, players and all that is
unknown or malformed are not in it, nor any reference whose meaning depends on what follows. The result is
written anew from POLICY and escaped text, so that nothing passes that is not understood. It is what nh3 gives
for the same markup (which shuffles attributes where one goes), and is in the language itself: sanitising it
again changes nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape

from aggregator.clean.prepare import FORMATTING, MAX_FORMATTING_DEPTH
from aggregator.clean.tags import (
    CLOSES,
    HEADINGS,
    OPENS,
    REFERENCE,
    VOID,
    VOID_BLOCK,
    SimpleTag,
    Unclear,
    decode_reference,
    read_tag,
    write_tag,
)
from aggregator.clean.tidy import BARE_LINK, settle_html

MAX_CHARS = 1_000_000
MAX_DEPTH = 30

_TAG = re.compile("(<[^<>]*>)")
_PARENTS = {"li": ("ol", "ul"), "dt": ("dl",), "dd": ("dl",)}
_UNTIDY = frozenset(["<br>", "</pre>", BARE_LINK])  # where they stand, tidy.py may have work


def rewrite_simple(markup: str, *, base_url: str) -> str | None:
    """Give the markup with nothing in it but POLICY, and tidy; None: it is not simple, nh3 must look at it.

    `markup` has no control characters; addresses are resolved against `base_url`.
    """
    if len(markup) > MAX_CHARS or "\r" in markup:
        return None
    if "\xa0" in markup:
        markup = markup.replace("\xa0", "&nbsp;")
    parts = _TAG.split(markup)
    if not len(parts) // 2 == markup.count("<") == markup.count(">"):
        return None
    try:
        tags = [read_tag(tag) for tag in parts[1::2]]
        may_be_empty = _check_nesting(tags, parts[2::2])
        parts[1::2] = [tag.written or write_tag(tag, base_url=base_url) for tag in tags]
        if "&" in markup:
            parts[::2] = [REFERENCE.sub(_respell, text) if "&" in text else text for text in parts[::2]]
    except Unclear:
        return None
    html = "".join(parts)
    return settle_html(html) if may_be_empty or not _UNTIDY.isdisjoint(parts[1::2]) else html.strip()


def _check_nesting(tags: list[SimpleTag], texts: list[str]) -> bool:
    """Raise Unclear unless the elements nest as the tags say, by the standard's rules for a body.

    `texts` are those behind the tags. True: there may be elements with nothing in them.
    """
    opened: list[str] = []
    may_be_empty = opening = False
    for (step, name, _, _), text in zip(tags, texts, strict=True):
        if step == CLOSES:
            if not opened or opened.pop() != name:
                raise Unclear
            may_be_empty = may_be_empty or opening
            opening = False
        elif step != VOID:
            if step != OPENS:
                _check_place(name, opened)
            if step != VOID_BLOCK:
                opened.append(name)
                if len(opened) > MAX_FORMATTING_DEPTH:
                    _check_depth(opened)
            opening = text[:1].strip() in ("", "&")  # perhaps a blank text
    if opened:
        raise Unclear
    return may_be_empty


def _check_place(name: str, opened: list[str]) -> None:
    """Raise Unclear where the element would close a paragraph, a heading, a link or an item before it."""
    if name == "a":
        fits = "a" not in opened
    elif "p" in opened:
        fits = False
    elif name in _PARENTS:
        fits = bool(opened) and opened[-1] in _PARENTS[name]
    else:
        fits = name not in HEADINGS or HEADINGS.isdisjoint(opened)
    if not fits:
        raise Unclear


def _check_depth(opened: list[str]) -> None:
    # prepare.bound_depth may leave out what is deeper.
    if len(opened) > MAX_DEPTH or sum(name in FORMATTING for name in opened) > MAX_FORMATTING_DEPTH:
        raise Unclear


def _respell(found: re.Match[str]) -> str:
    return _respell_reference(found[0])


@lru_cache(maxsize=2048)
def _respell_reference(reference: str) -> str:
    return escape(decode_reference(reference), quote=False).replace("\xa0", "&nbsp;")
