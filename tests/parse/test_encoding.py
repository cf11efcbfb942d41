"""Arabic comes out as Arabic, whatever a document or its server says it is written in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.parse.encoding import decode_document
from aggregator.parse.feeds import parse_feed

ARABIC = "أعلنت وزارة الصحة الليبية، اليوم، عن افتتاح مركز جديد في طرابلس «غداً» بقيمة 50 مليون دينار"
UNQUOTED = ARABIC.replace("«", "").replace("»", "")  # ISO-8859-6 has no quotation marks of its own
LATIN_1_BY_HTTP = "text/xml; charset=iso-8859-1"
FRENCH = "Le président a annoncé l'été dernier que la forêt brûlée serait replantée à Noël"
SPANISH = "El año pasado la economía española creció más rápido según el último informe técnico"
GERMAN = "Die größte Übung fand für Schüler in Köln statt, wo Straßen überflutet wären"
ENGLISH = "It’s the minister’s “final” word"


def document(text: str, declared: str | None = None) -> str:
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else '<?xml version="1.0"?>'
    return f"{head}<rss version='2.0'><channel><item><title>{text}</title></item></channel></rss>"


@pytest.mark.parametrize(
    ("text", "codec", "declared", "content_type", "problem"),
    [
        pytest.param(ARABIC, "cp1256", "windows-1256", None, None, id="windows-1256 as declared"),
        pytest.param(UNQUOTED, "iso8859-6", "ISO-8859-6", None, None, id="ISO-8859-6 as declared"),
        pytest.param(
            ARABIC, "cp1256", None, "text/xml; charset=windows-1256", None, id="windows-1256 as HTTP says"
        ),
        pytest.param(
            ARABIC,
            "cp1256",
            None,
            None,
            "declares no encoding but is windows-1256",
            id="windows-1256, undeclared",
        ),
        pytest.param(
            ARABIC,
            "cp1256",
            "utf-8",
            None,
            "declared utf-8 but is windows-1256",
            id="windows-1256 called utf-8",
        ),
        pytest.param(
            ARABIC,
            "cp1256",
            "iso-8859-1",
            None,
            "declared windows-1252 but is windows-1256",
            id="windows-1256 called Latin 1",
        ),
        pytest.param(
            ARABIC,
            "cp1256",
            "windows-1256",
            LATIN_1_BY_HTTP,
            None,
            id="windows-1256 that the server calls Latin 1, as it calls everything",
        ),
        pytest.param(
            UNQUOTED,
            "iso8859-6",
            "utf-8",
            None,
            "declared utf-8 but is iso-8859-6",
            id="ISO-8859-6 called utf-8",
        ),
        pytest.param(UNQUOTED, "iso8859-6", None, None, "is iso-8859-6", id="ISO-8859-6, undeclared"),
        pytest.param(ARABIC, "utf-8", None, None, None, id="UTF-8, undeclared"),
        pytest.param(
            ARABIC,
            "utf-8",
            "windows-1256",
            None,
            "declared windows-1256 but is utf-8",
            id="UTF-8 called windows-1256",
        ),
        pytest.param(
            ARABIC, "utf-8", "utf-8", LATIN_1_BY_HTTP, None, id="UTF-8 that the server calls Latin 1"
        ),
        pytest.param(ARABIC, "utf-8", None, "text/xml", None, id="text/xml, which once meant ASCII"),
        pytest.param(ARABIC, "utf-8-sig", "windows-1256", None, None, id="a byte order mark wins"),
        pytest.param(ARABIC, "utf-16", "utf-16", None, None, id="UTF-16 with a byte order mark"),
        pytest.param(ARABIC, "utf-16-le", None, None, None, id="UTF-16 without one"),
        pytest.param(ARABIC, "utf-8", "utf-16", None, None, id="UTF-8 called UTF-16"),
        pytest.param(ARABIC, "utf-8", "no-such-thing", None, None, id="an encoding nobody knows"),
        pytest.param(FRENCH, "cp1252", None, None, "is windows-1252", id="French, undeclared"),
        pytest.param(SPANISH, "cp1252", "utf-8", None, "is windows-1252", id="Spanish called utf-8"),
        pytest.param(GERMAN, "latin-1", "iso-8859-1", None, None, id="German as declared"),
        pytest.param(ENGLISH, "cp1252", None, None, "is windows-1252", id="curly quotes, undeclared"),
        pytest.param(
            "новости спорта", "koi8-r", "koi8-r", None, None, id="an encoding that is not ours, declared"
        ),
        pytest.param(
            "ニュース速報", "iso2022_jp", "iso-2022-jp", None, None, id="an encoding in seven bits, declared"
        ),
        pytest.param("新闻快讯", "gb18030", "gb2312", None, None, id="GB 18030 called GB 2312"),
    ],
)
def test_the_text_comes_out_as_it_was_written(
    text: str, codec: str, declared: str | None, content_type: str | None, problem: str | None
) -> None:
    body = document(text, declared).encode(codec)
    feed = parse_feed(body, url="https://n.example/", content_type=content_type)
    title = feed.entries[0].title
    assert title is not None
    assert title.value == text
    said = " | ".join(feed.problems)
    assert (problem in said) if problem else said == ""


def test_a_few_stray_bytes_do_not_spoil_a_page_of_utf_8() -> None:
    body = document(ARABIC * 20).encode().replace("دينار".encode(), b"\x93x\x94", 1)
    decoded = decode_document(body, content_type=None)
    assert ARABIC in decoded.text
    assert "“x”" in decoded.text
    assert decoded.problem is not None
    assert "some bytes are not valid utf-8" in decoded.problem


@pytest.mark.parametrize("name", ["idna", "punycode", "unicode_escape", "utf-7", "zlib", "rot13", "../x"])
def test_codecs_that_no_document_is_written_in_are_not_tried(name: str) -> None:
    body = document("خبر عاجل", name).encode()
    assert "خبر عاجل" in decode_document(body, content_type=f"text/xml; charset={name}").text


@given(st.binary(max_size=300), st.sampled_from([None, "text/xml; charset=gbk", "text/xml; charset=utf-8"]))
def test_any_bytes_decode(body: bytes, content_type: str | None) -> None:
    assert isinstance(decode_document(body, content_type=content_type).text, str)


WORDS = st.lists(st.text(alphabet="ابتثجحخدذرزسشصضطظعغفقكلمنهويءآأؤإئةى", min_size=2), min_size=3)


@given(WORDS.map(" ".join))
def test_arabic_words_in_windows_1256_are_never_taken_for_another_encoding(text: str) -> None:
    assert text in decode_document(document(text).encode("cp1256"), content_type=None).text
