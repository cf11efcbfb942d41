"""Text as letters: made safe for XML, folded for comparison, its direction and language.

Nothing here knows about HTML; texts come in as plain Unicode.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Literal

# XML 1.0, 2.2 (Char), and of what it allows the controls U+007F to U+009F.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]+")
_C0 = bytes({*range(0x20), 0x7F} - {0x09, 0x0A, 0x0D})
_C1_IN_UTF8 = re.compile(rb"\xc2[\x80-\x9f]")

_DROPPED_MARKS = (
    *(
        (0x0300, 0x0344),
        (0x0346, 0x036F),
        (0x1AB0, 0x1AFF),
        (0x1DC0, 0x1DFF),
        (0x20D0, 0x20FF),
        (0xFE20, 0xFE2F),
    ),  # Latin, Greek
    *((0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2), (0x05C4, 0x05C5), (0x05C7, 0x05C7)),  # Hebrew
    *((0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06ED), (0x0898, 0x08FF)),  # Arabic
    *((0xFC5E, 0xFC63), (0xFE70, 0xFE7F)),  # Arabic vowel marks as typesetters stored them
    *((0xFE00, 0xFE0F), (0xE0100, 0xE01EF)),  # variation selectors
)
_LETTERS = {
    **dict.fromkeys("ٱٲٳ", "ا"),
    **dict.fromkeys("ىی", "ي"),
    **dict.fromkeys("کڪ", "ك"),
    **dict.fromkeys("ةۃہھە", "ه"),
    **dict.fromkeys("ـٴ", ""),
    **dict(zip("øłđħŧıð", "oldhtid", strict=True)),
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
}
_FOLDINGS_KEPT = 32_768  # more than any language needs; a hostile text must not fill the memory

# What most texts are written in, 127 characters each beside ASCII. All others are looked up one by one.
_PUNCTUATION = "\xa0«»–—‘’‚“”„…•°\u200b\u200c\u200d\u200e\u200f\ufeff"
_ARABIC = (
    "ءآأؤإئابةتثجحخدذرزسشصضطظعغـفقكلمنهوىي\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670ٱپچژڤکگ"
    "ہھۃیےۓۀەێۆڵڕٹڈڑں٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹،؛؟٪٫٬۔"
)
_LATIN = (
    "".join(map(chr, range(0xA1, 0x100))).translate(dict.fromkeys(map(ord, "«»°¼½¾ÆæÞþßªµº")))
    + "ĞğİıŞşŁłŠšŽž"
)

_RUN = re.compile(r"[^ ]+")
_NOT_PROSE = re.compile(r"https?://\S+|www\.\S+|@\w+|#[A-Za-z_]\w*", re.IGNORECASE)

_TAG = re.compile(r"([A-Za-z]{2,3})((?:-[A-Za-z0-9]{1,8})*)")
_NO_LANGUAGE = frozenset({"und", "mul", "zxx", "mis"})
_SHORT_CODES = dict(
    pair.split("=")
    for pair in (
        "ara=ar eng=en fra=fr fre=fr fas=fa per=fa urd=ur tur=tr deu=de ger=de spa=es rus=ru heb=he iw=he"
    ).split()
)
_SCRIPT_NAMES = {
    "ARABIC": "Arab",
    "CJK": "Hani",
    "CYRILLIC": "Cyrl",
    "GREEK": "Grek",
    "HANGUL": "Hang",
    "HEBREW": "Hebr",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "LATIN": "Latn",
}
_OTHER = "Zyyy"  # a script that tells nothing more here
_SCRIPTS_OF_SUBTAG = {
    subtag: scripts.split()
    for scripts, subtags in {
        "Arab": "Arab Aran",
        "Cyrl": "Cyrl",
        "Grek": "Grek",
        "Hebr": "Hebr",
        "Latn": "Latn",
        "Hani": "Hani Hans Hant",
        "Kana Hani": "Jpan",
        "Hang Hani": "Kore",
    }.items()
    for subtag in subtags.split()
}
_SCRIPTS_OF_LANGUAGE = {  # all others are written in Latin letters
    language: scripts.split()
    for scripts, languages in {
        "Arab": "ar arz ary arq aeb ayl acm apc apd fa prs ur ps ckb sd ug bal skr",
        "Cyrl": "ru uk be bg mk tg ky ba cv ce os",
        "Cyrl Latn": "sr mn",
        "Cyrl Latn Arab": "az uz kk tt tk ku",
        "Latn Arab": "ms ha so",
        "Hebr": "he yi",
        "Grek": "el",
        "Hani": "zh yue",
        "Kana Hani": "ja",
        "Hang Hani": "ko",
        "Arab Zyyy": "pa ks",
        "Zyyy": "am bn dv gu hi hy ka km kn lo ml mr my ne or si ta te th ti",
    }.items()
    for language in languages.split()
}
_LANGUAGE_OF_SCRIPT = {"Hebr": "he", "Cyrl": "ru", "Grek": "el", "Hani": "zh", "Kana": "ja", "Hang": "ko"}
_HINT_SHARE = 0.3  # of the letters: headlines full of foreign names stay in their feed's language
_KANA_SHARE = 0.1  # of kana and Han together: Chinese has none
_MARKER_SHARE = 0.02  # of the Arabic letters: a quoted name of another language has fewer
_MARKERS = (("ur", "ٹڈڑےں"), ("ps", "ښځڅډټړږۍ"), ("ckb", "ێۆڵڕ"))


def strip_controls(text: str) -> str:
    """Without the characters that XML 1.0 forbids (lone surrogates too) and without C1 controls.

    NEL, a line end, becomes a space. Marks of direction and joiners stay: they change what is read.
    """
    try:
        encoded = text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return _FORBIDDEN.sub("", text.replace("\x85", " "))
    if (
        len(encoded.translate(None, _C0)) == len(encoded)
        and b"\xef\xbf" not in encoded
        and (b"\xc2" not in encoded or not _C1_IN_UTF8.search(encoded))
    ):
        return text
    return _FORBIDDEN.sub("", text.replace("\x85", " "))


def collapse_space(text: str) -> str:
    """Every run of Unicode white space as one space, none at the ends."""
    if "  " not in text and text.isprintable():  # all white space but the space is not printable
        return text.strip(" ")
    return " ".join(text.split())


def fold(text: str) -> str:
    """The text as it is compared: what writers and keyboards vary at will is gone. Never shown.

    Compatibility forms (NFKD) and case; vowel marks, tatweel, hamza carriers, the alef, yeh, kaf and heh
    forms of Arabic, Persian and Urdu keyboards; accents; every script's digits become ASCII; marks of
    direction, joiners and soft hyphens vanish. Punctuation and symbols become spaces, between digits as well:
    "3.5" is "3 5", not "35", and the results "2-1" and "2:1" agree. Idempotent; the answer is in NFC.
    """
    for alphabet in _list_alphabets():
        if letters := _encode(text, alphabet):
            folded, _ = codecs.charmap_decode(
                letters.translate(None, alphabet.dropped), "strict", alphabet.folded
            )
            return " ".join(folded.split())
    return unicodedata.normalize("NFC", " ".join(text.translate(_foldings).split()))


def split_words(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each word of the text begins and ends, and what it folds to: together they are `fold(text)`.

    A character that folds to several words ("½") is one of them, with spaces in it.
    """
    for match in _RUN.finditer(text.translate(_gaps)):
        start, end = match.span()
        if folded := _fold_word(text[start:end]):
            yield start, end, folded


_fold_word = lru_cache(maxsize=32_768)(fold)


def detect_direction(text: str, default: Literal["rtl", "ltr"] = "ltr") -> Literal["rtl", "ltr"]:
    """The direction of most letters (Unicode classes R and AL against L); `default` when neither has more.

    URLs, @names and #tags in Latin letters do not count: every Arabic post has them.
    """
    left, right = _count_directions(_without_names(text))
    if right == left:
        return default
    return "rtl" if right > left else "ltr"


def detect_language(text: str, *, hint: str | None) -> str:
    """The BCP 47 tag of the text: the hint in its usual case if the letters can be that language's.

    `hint` is what the feed or the admin says ("ar-ly", "en_US"). It holds for a text without letters, and
    when at least 30 % of the letters are of a script the language is written in. Otherwise the script
    decides, and within the Arabic script the letters; Latin letters alone tell nothing: "und".
    """
    text = _without_names(text)
    scripts = _count_scripts(text)
    tag = _find_tag(hint or "")
    if not scripts:
        return tag or "und"
    if tag is not None:
        agreeing = sum(scripts.get(script, 0) for script in _list_scripts(tag))
        if agreeing >= _HINT_SHARE * sum(scripts.values()):
            return tag
    script = max(scripts, key=lambda script: scripts[script])  # of equals the one that comes first
    if script == "Arab":
        return _guess_arabic_script(_count_letters(text), scripts[script])
    return _LANGUAGE_OF_SCRIPT.get(script, "und")


def _fold_char(char: str) -> str:
    """What one character folds to; each character of the answer folds to itself."""
    if _is_dropped_mark(char):
        return ""
    folded = char
    for _ in range(8):
        again = "".join(map(_fold_part, unicodedata.normalize("NFKD", folded.casefold())))
        if again == folded:
            break
        folded = again
    return folded


def _fold_part(char: str) -> str:
    category = unicodedata.category(char)
    if category in ("Cf", "Cs") or _is_dropped_mark(char):
        return ""
    if category[0] in "ZPS" or category == "Cc":
        return " "
    if category == "Nd":
        return str(unicodedata.digit(char))
    return _LETTERS.get(char, char)


def _is_dropped_mark(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _DROPPED_MARKS)


class _Foldings(dict[int, str]):
    """The table of `str.translate`, filled as characters turn up."""

    def __missing__(self, code: int) -> str:
        folded = _fold_char(chr(code))
        if len(self) < _FOLDINGS_KEPT:
            self[code] = folded
        return folded


_foldings = _Foldings()


class _Gaps(dict[int, str]):
    """Letters as they are, for each character between words a space: the text keeps its length."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        shown = " " if _fold_char(char).isspace() else char
        if len(self) < _FOLDINGS_KEPT:
            self[code] = shown
        return shown


_gaps = _Gaps()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alphabet:
    """Up to 256 characters as single bytes, so that a text is folded and counted without a loop over it."""

    encoding: Any  # of `codecs.charmap_build`
    folded: str  # what each byte folds to
    dropped: bytes  # what folds to nothing
    latin: bytes
    arabic: bytes


@cache
def _list_alphabets() -> tuple[_Alphabet, ...]:
    return tuple(_make_alphabet(_PUNCTUATION + letters) for letters in (_LATIN, _ARABIC))


def _make_alphabet(letters: str) -> _Alphabet:
    """Every letter folds to one character, to nothing or to white space."""
    characters = "".join(map(chr, range(128))) + letters
    assert len(characters) <= 256
    folded = [_fold_char(char) for char in characters]
    scripts = [_find_script(char) if char.isalpha() else None for char in characters]
    return _Alphabet(
        encoding=codecs.charmap_build(characters),
        folded="".join(fold[:1] or "\0" for fold in folded),
        dropped=bytes(code for code, fold in enumerate(folded) if not fold),
        latin=bytes(code for code, script in enumerate(scripts) if script == "Latn"),
        arabic=bytes(code for code, script in enumerate(scripts) if script == "Arab"),
    )


def _encode(text: str, alphabet: _Alphabet) -> bytes | None:
    """None: the text has other characters too."""
    try:
        return codecs.charmap_encode(text, "strict", alphabet.encoding)[0]
    except UnicodeEncodeError:
        return None


def _without_names(text: str) -> str:
    """The text without what is written in Latin letters in every language: URLs, @names and #tags."""
    if "@" in text or "#" in text or "://" in text or "www." in text.lower():
        return _NOT_PROSE.sub(" ", text)
    return text


def _count_letters(text: str) -> dict[str, int]:
    return {char: count for char, count in Counter(text).items() if char.isalpha()}


def _count_common_scripts(text: str) -> tuple[int, int] | None:
    """How many letters are Latin and Arabic; None: perhaps there are others."""
    for alphabet in _list_alphabets():
        if letters := _encode(text, alphabet):
            latin = len(letters) - len(letters.translate(None, alphabet.latin))
            return latin, len(letters) - len(letters.translate(None, alphabet.arabic))
    return None


def _count_directions(text: str) -> tuple[int, int]:
    """How many letters run from the left and from the right."""
    common = _count_common_scripts(text)
    if common is not None:
        return common
    counts = {"L": 0, "R": 0, "AL": 0}
    for char, count in _count_letters(text).items():
        direction = unicodedata.bidirectional(char)
        if direction in counts:
            counts[direction] += count
    return counts["L"], counts["R"] + counts["AL"]


def _count_scripts(text: str) -> dict[str, int]:
    common = _count_common_scripts(text)
    if common is not None and common[0] != common[1]:
        return {script: count for script, count in zip(("Latn", "Arab"), common, strict=True) if count}
    scripts: dict[str, int] = {}
    for char, count in _count_letters(text).items():
        script = _find_script(char)
        scripts[script] = scripts.get(script, 0) + count
    kana, han = scripts.get("Kana", 0), scripts.get("Hani", 0)
    if kana > _KANA_SHARE * han:
        scripts["Kana"] = kana + han
        scripts.pop("Hani", None)
    return scripts


@lru_cache(maxsize=4096)
def _find_script(char: str) -> str:
    name = unicodedata.name(char, "").replace("-", " ").partition(" ")[0]
    return _SCRIPT_NAMES.get(name, _OTHER)


def _list_scripts(tag: str) -> list[str]:
    language, *subtags = tag.split("-")
    for subtag in subtags:
        if subtag in _SCRIPTS_OF_SUBTAG:
            return _SCRIPTS_OF_SUBTAG[subtag]
    return _SCRIPTS_OF_LANGUAGE.get(language, ["Latn"])


def _find_tag(hint: str) -> str | None:
    """The hint as RFC 5646, 2.1.1 spells it; None when it is not well-formed or names no language."""
    match = _TAG.fullmatch(hint.strip().replace("_", "-"))
    if match is None:
        return None
    language = match[1].lower()
    language = _SHORT_CODES.get(language, language)
    if language in _NO_LANGUAGE:
        return None
    return "-".join([language, *map(_spell_subtag, match[2].split("-")[1:])])


def _spell_subtag(subtag: str) -> str:
    if len(subtag) == 4 and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == 2 else subtag.lower()


def _guess_arabic_script(letters: dict[str, int], total: int) -> str:
    def count(chars: str) -> int:
        return sum(letters.get(char, 0) for char in chars)

    for language, markers in _MARKERS:
        if count(markers) >= max(1, _MARKER_SHARE * total):
            return language
    if count("یک") > count("يكى") and (count("پچژگ") or not count("ةأإيكى")):
        return "fa"
    return "ar"
