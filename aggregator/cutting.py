"""Plain text cut to length where readers see an edge."""

from __future__ import annotations

import re
import unicodedata

ELLIPSIS = "…"

_EXTENDERS = re.compile("[\u200c\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\u1160-\u11ff]")
_REGIONAL = re.compile("[\U0001f1e6-\U0001f1ff]*$")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff]"
)


def truncate_words(text: str, limit: int) -> str:
    """At most `limit` characters, the ellipsis included; the text itself if it is no longer.

    Cut where a word ends, in scripts without spaces between any two letters, in a word longer than the limit
    between two characters as readers see them (UAX 29): never before a combining mark or within an emoji.
    """
    if len(text) <= limit:
        return text
    if limit < 1:
        return ""
    end = limit - 1
    while end > 0 and not _is_word_edge(text, end):
        end -= 1
    if not text[:end].strip():
        end = limit - 1
        while end > 0 and not _is_character_edge(text, end):
            end -= 1
    return text[:end].rstrip(" \t\r\n\xa0,;:،؛-–—") + ELLIPSIS


def _is_word_edge(text: str, index: int) -> bool:
    before, after = text[index - 1], text[index]
    if not (before.isspace() or after.isspace() or _UNSPACED.match(before) or _UNSPACED.match(after)):
        return False
    return _is_character_edge(text, index)


def _is_character_edge(text: str, index: int) -> bool:
    """Whether a reader sees two characters at `index`: UAX 29 as far as news texts need it."""
    before, after = text[index - 1], text[index]
    if unicodedata.category(after)[0] == "M" or _EXTENDERS.match(after) or before == "\u200d":
        return False
    if before == "\r" and after == "\n":
        return False
    if "\U0001f1e6" <= after <= "\U0001f1ff":  # two letters make a flag
        flags = _REGIONAL.search(text, max(0, index - 64), index)
        return flags is None or len(flags.group()) % 2 == 0
    return True
