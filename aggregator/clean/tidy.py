"""Sanitised HTML without what is left of things that went: empty elements, dead players, breaks at the ends.

What is read here is what nh3 or `simple.py` have written, where `<` and `>` delimit tags and nothing else.
Only whole elements, void elements and white space go, so that what nested well before nests well after.
"""

from __future__ import annotations

import re

from aggregator.clean.policy import LINK_REL

BARE_LINK = f'<a rel="{LINK_REL}">'

_EMPTY = re.compile(
    r"<(p|a|div|span|figure|figcaption|h[2-6]|b|i|u|s|em|strong|small|blockquote|ul|ol|li)(?: [^>]*)?>"
    r"(?:\s|&nbsp;|<br>)*+</\1>"
)
_BARE_LINK = re.compile(rf"{BARE_LINK}((?:[^<]++|<(?!/?a[ >]))*+)</a>")
_BREAKS = re.compile(r"<br>(?:(?:\s|&nbsp;)*+<br>){2,}+")
_LAST_BREAKS = re.compile(r"(?:<br>\s*+){1,2}(?=</(?:p|div|li|blockquote|h[2-6]|td|figcaption)>|\Z)")
_FIRST_BREAKS = re.compile(r"\A(?:\s|<br>)++")
_PRE_NEWLINES = re.compile(r"(<pre[^>]*>)\n++")
_DEAD_SOURCE = re.compile(r'<source(?![^>]* src=")[^>]*>')
_DEAD_PLAYER = re.compile(r'<(video|audio)(?![^>]* src=")[^>]*>\s*+</\1>')


def tidy_html(html: str) -> str:
    """Give the HTML a step tidier: what goes may leave something that goes the next time."""
    if "<source" in html or "<video" in html or "<audio" in html:
        html = _DEAD_PLAYER.sub("", _DEAD_SOURCE.sub("", html))
    if BARE_LINK in html:
        html = _BARE_LINK.sub(r"\1", html)
    if "<pre" in html:
        html = _PRE_NEWLINES.sub(r"\1", html)
    if "<br>" in html:
        html = _BREAKS.sub("<br><br>", html)
        html = _FIRST_BREAKS.sub("", _LAST_BREAKS.sub("", html))
    while (fuller := _EMPTY.sub("", html)) != html:
        html = fuller
    return html.strip()


def settle_html(html: str) -> str:
    """Tidy until nothing changes."""
    while (tidier := tidy_html(html)) != html:
        html = tidier
    return html
