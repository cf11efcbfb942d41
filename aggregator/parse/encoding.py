"""The bytes of a document -> its text, also where the document lies about its encoding."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE_STARTS = (
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_XML_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?\bencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]{1,40})""", re.IGNORECASE)

# Encodings that publishers declare and mean a superset of (WHATWG Encoding, section 4.2).
_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "tis-620": "cp874",
}
# Text codecs of Python that no document is written in; decoding idna or punycode takes quadratic time.
_NO_DOCUMENT_ENCODINGS = frozenset(
    {"idna", "punycode", "utf-7", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
)
_SEVEN_BIT = ("iso2022", "hz")
_NAMES = {"cp1252": "windows-1252", "cp1256": "windows-1256", "iso8859-6": "iso-8859-6"}
_GUESSES = ("cp1252", "cp1256", "iso8859-6")  # the first wins where two read the same
_SAMPLE_BYTES = 200_000
_TOLERATED_ERRORS = 0.02  # of the bytes outside ASCII

_ARABIC_WORD = re.compile(r"(?<![^\W_])[ء-غف-ْٰٱپچژڤکگی]{2,}(?![^\W_])")
_MIXED_SCRIPTS = re.compile(r"[A-Za-zÀ-ɏ][ء-ي]|[ء-ي][A-Za-zÀ-ɏ]")
_ACCENT_IN_WORD = re.compile(r"[A-Za-z][À-ɏ]|[À-ɏ][A-Za-z]")
_ACCENT_RUN = re.compile(r"[À-ɏ]{3,}")
_NEVER_IN_TEXT = re.compile(r"[\ufffd\x80-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    text: str
    problem: str | None  # None: the document is in the encoding it declares


def decode_document(body: bytes, *, content_type: str | None) -> Decoded:
    """The text of a document, its byte order mark removed.

    A byte order mark wins (XML 1.0, appendix F). Bytes outside ASCII that are valid UTF-8 are UTF-8, whatever
    is declared: no other encoding forms them by accident. Then what is declared, HTTP before the document
    (RFC 7303, section 3), where it decodes. Otherwise the bytes are read as whichever of windows-1252,
    windows-1256 and ISO-8859-6 makes words of them. Never raises; what cannot be decoded becomes U+FFFD.
    """
    for mark, codec in (*_BOMS, *_WIDE_STARTS):
        if body.startswith(mark):
            return _decode_as(body.removeprefix(mark) if mark in dict(_BOMS) else body, codec)
    declared = list_declared_encodings(body, content_type=content_type)
    if body.isascii():
        codec = next((c for c in declared if c.replace("-", "").startswith(_SEVEN_BIT)), "ascii")
        return _decode_as(body, codec)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_legacy(body, declared)
    other = next((c for c in declared[:1] if c != "utf-8"), None)
    return Decoded(text=text, problem=f"declared {_name(other)} but is utf-8" if other else None)


def list_declared_encodings(body: bytes, *, content_type: str | None) -> tuple[str, ...]:
    """Python's names of the encodings that HTTP and the XML declaration name, the more trustworthy first."""
    http = _CHARSET.search(content_type or "")
    xml = _XML_ENCODING.search(body, 0, 4096)
    names = (http and http[1], xml and xml[1].decode("ascii", "replace"))
    known = [codec for name in names if name and (codec := _find_codec(name))]
    # Apache's AddDefaultCharset sends iso-8859-1 for everything: it says nothing about the document.
    known.sort(key=lambda codec: codec == "cp1252")
    return tuple(dict.fromkeys(known))


def _find_codec(name: str) -> str | None:
    """None where no document can be in that encoding: unknown, or with a declaration that is not ASCII."""
    try:
        info = codecs.lookup(name)
        "".encode(info.name)
    except (LookupError, ValueError):
        return None
    if info.name in _NO_DOCUMENT_ENCODINGS or info.name.startswith(("utf-16", "utf-32")):
        return None
    return _SUPERSETS.get(info.name, info.name)


def _decode_as(body: bytes, codec: str) -> Decoded:
    try:
        return Decoded(text=body.decode(codec), problem=None)
    except UnicodeDecodeError:
        text = body.decode(codec, "replace")
        return Decoded(text=text, problem=f"some bytes are not valid {codec}: replaced by U+FFFD")


def _decode_legacy(body: bytes, declared: tuple[str, ...]) -> Decoded:
    for codec in declared:
        if codec == "cp1252":  # decodes anything, so decoding proves nothing
            continue
        try:
            return Decoded(text=body.decode(codec), problem=None)
        except UnicodeDecodeError:
            pass
    for codec in dict.fromkeys((*declared, "utf-8")):
        if codec != "cp1252" and (text := _decode_with_few_errors(body, codec)) is not None:
            return Decoded(
                text=text, problem=f"some bytes are not valid {_name(codec)}: read as well as they allow"
            )
    codec = _guess_codec(body)
    text = body.decode(codec, "replace")
    if codec in declared:
        return Decoded(text=text, problem=None)
    said = f"declared {_name(declared[0])}" if declared else "declares no encoding"
    return Decoded(text=text, problem=f"{said} but is {_name(codec)}")


def _decode_with_few_errors(body: bytes, codec: str) -> str | None:
    """The text where hardly any byte is wrong: one stray byte must not turn a whole page to gibberish."""
    if codec == "utf-8":
        text = body.decode("utf-8", "surrogateescape")
        errors = len(re.findall(r"[\udc80-\udcff]", text))
        stray = {0xDC00 + byte: bytes((byte,)).decode("cp1252", "replace") for byte in range(0x80, 0x100)}
        text = text.translate(stray)
    else:
        text = body.decode(codec, "replace")
        errors = text.count("\ufffd")
    beyond_ascii = len(re.findall(rb"[\x80-\xff]", body))
    return text if errors <= beyond_ascii * _TOLERATED_ERRORS else None


def _guess_codec(body: bytes) -> str:
    sample = body[:_SAMPLE_BYTES]
    return max(_GUESSES, key=lambda codec: score_plausibility(sample.decode(codec, "replace")))


def score_plausibility(text: str) -> int:
    """How much `text` looks like Arabic or western words: the higher, the likelier its encoding is right."""
    arabic = sum(map(len, _ARABIC_WORD.findall(text)))
    western = len(_ACCENT_IN_WORD.findall(text))
    mixed = len(_MIXED_SCRIPTS.findall(text))
    accents = sum(map(len, _ACCENT_RUN.findall(text)))
    return arabic + western - 3 * mixed - 2 * accents - 3 * len(_NEVER_IN_TEXT.findall(text))


def _name(codec: str) -> str:
    return _NAMES.get(codec, codec)
