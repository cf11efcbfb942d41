"""Short texts of an entry: titles and names to plain text, excerpts without what is not theirs."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

from aggregator.clean.html import html_to_text
from aggregator.cutting import truncate_words
from aggregator.model import Markup
from aggregator.text import collapse_space, strip_controls

MAX_TITLE_MARKUP_CHARS = 10_000
MAX_AUTHOR_CHARS = 200
LONGEST_TAIL_CHARS = 700
LONGEST_MORE_CHARS = 60
TRIVIAL_CHARS = 20

# References that survive the decoding a text is due are those of a text escaped twice. `&lt;` and `&gt;`
# are not among them: where software is the subject they stand for themselves.
_LEFT_OVER = re.compile(
    r"&(?:#[0-9]{2,6}|#x[0-9a-f]{2,5}|amp|quot|apos|nbsp|hellip|[lr][sd]quo|[lr]aquo|[nm]dash);",
    re.IGNORECASE,
)
_ADDRESS = r"[^\s<>()\[\]@]{1,64}@[^\s<>()\[\]@]{1,253}"
_NAME_IN_PARENTHESES = re.compile(rf"\s*(?:mailto:)?{_ADDRESS}\s*\((.*)\)\s*")
_ANY_ADDRESS = re.compile(rf"[<(\[]?(?:mailto:)?{_ADDRESS}[>)\]]?")

_AFTER_TITLE = re.compile(r"\s*(?:\Z|\n|[-–—:|.،]\s)\s*")
_CUT_OFF = re.compile(r"\s*(?:\[(?:…|\.{3,5}+)\]|\((?:…|\.{3,5}+)\))\s*\Z")
_MORE = (
    *("continue reading", "read more", "read full story", "read full article", "read the full story"),
    *("read the full article", "keep reading", "view more", "learn more", "see more", "find out more"),
    *("click here to read more", "lire la suite", "en savoir plus", "weiterlesen", "mehr lesen", "leer más"),
    *("seguir leyendo", "devamını oku", "leggi tutto", "اقرأ المزيد", "إقرأ المزيد", "أقرأ المزيد"),
    *("اقرا المزيد", "قراءة المزيد", "لقراءة المزيد", "للمزيد", "المزيد", "متابعة القراءة", "تابع القراءة"),
    *("أكمل القراءة", "ادامه مطلب", "مزید پڑھیں"),
)
_MORE_TAIL = re.compile(
    # Only as a sentence of its own: "he wanted to read more" is the publisher's.
    rf"(?:\A|(?<=[.…\])!?؟،:\n]))\s*(?:{'|'.join(_MORE)})\s*(?:[»›→>:.…]+\s*)?\Z",
    re.IGNORECASE,
)
# WordPress ends every item of its feeds with an attribution in the language of the site.
_ATTRIBUTIONS = {
    mark: re.compile(rf"\b{start} [^\n]{{1,400}} {mark} [^\n]{{1,150}}\Z")
    for mark, start in {
        "appeared first on": "The post",
        "first appeared on": "The post",
        "est apparu en premier sur": "(?:L[’']article|Cet article)",
        "erschien zuerst auf": "Der Beitrag",
        "aparece primero en": "La entrada",
        "se publicó primero en": "La entrada",
        "أولاً على": "ظهرت المقالة",
    }.items()
}


def plain_line(markup: Markup | None) -> str:
    """Give a title as one line of plain text. What is declared to be text never loses a `<` to a tag."""
    if markup is None:
        return ""
    value = markup.value[:MAX_TITLE_MARKUP_CHARS]
    text = html_to_text(value) if markup.kind == "html" else strip_controls(value)
    return collapse_space(decode_left_overs(text))


def decode_left_overs(text: str) -> str:
    """Decode the references of a text that was escaped once too often."""
    if "&" not in text:
        return text
    return strip_controls(_LEFT_OVER.sub(lambda found: unescape(found[0]), text))


@lru_cache(maxsize=1024)
def plain_author(author: str) -> str:
    """Give a person's name without mail addresses; "" where there is nothing but an address."""
    author = author[: 4 * MAX_AUTHOR_CHARS]
    if named := _NAME_IN_PARENTHESES.fullmatch(author):  # RSS 2.0: lawyer@boyer.net (Lawyer Boyer)
        author = named[1]
    name = _ANY_ADDRESS.sub(" ", decode_left_overs(html_to_text(author)))
    return truncate_words(collapse_space(name).strip(" ,;()<>\"'"), MAX_AUTHOR_CHARS)


def cut_title(text: str, title: str) -> str:
    """Give the text without its title at the start, where that is a line or a clause of its own."""
    if not title or text[: len(title)].casefold() != title.casefold():
        return text
    after = _AFTER_TITLE.match(text, len(title))
    return text[after.end() :] if after else text


def cut_tail(text: str) -> str:
    """Give the text without 'Read more' and 'The post X appeared first on Y' at its end."""
    text = text.rstrip()
    head, tail = text[:-LONGEST_TAIL_CHARS], text[-LONGEST_TAIL_CHARS:]
    for mark, attribution in _ATTRIBUTIONS.items():
        if mark in tail:
            tail = attribution.sub("", tail).rstrip()
    near = max(0, len(tail) - LONGEST_MORE_CHARS)
    if more := _MORE_TAIL.search(tail, near):
        tail = tail[: more.start()].rstrip()
    if cut_off := _CUT_OFF.search(tail, max(0, len(tail) - LONGEST_MORE_CHARS)):
        tail = tail[: cut_off.start()] + "…"
    return head + tail


def is_trivial(text: str, title: str) -> bool:
    """Tell a summary that says nothing of its own: next to nothing, or the title once more."""
    if len(text) < TRIVIAL_CHARS:
        return True
    count = len(title.split())
    words = text.split(None, count)  # a long text is not read to its end
    return len(words) == count and " ".join(words).casefold() == title.casefold()
