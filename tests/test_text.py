"""Text made safe, folded, measured and cut."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from aggregator.cutting import ELLIPSIS, truncate_words
from aggregator.text import (
    collapse_space,
    detect_direction,
    detect_language,
    fold,
    strip_controls,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()))
LATIN = "aB é e\u0301 ß İıŁ 0² .,:-– \u200c\u200d\u200f\ufeff\xad"
OTHERS = "٣۴ أإآٱاىيیئكکةهھۀـ ًّ ٰ ﻻ ﷺ 가각 がか\u3099 й ᾳ\u0345"
MIXED = st.text(st.sampled_from(LATIN + OTHERS) | st.characters(exclude_categories=()))


# --- strip_controls and collapse_space ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\x00b\x08c\x0bd\x0ce\x1ff", "abcdef", id="C0 controls go"),
        pytest.param("a\tb\nc\rd", "a\tb\nc\rd", id="tabs and line ends stay"),
        pytest.param("a\x7fb\x80c\x84d\x86e\x9ff", "abcdef", id="DEL and C1 controls go"),
        pytest.param("a\x85b", "a b", id="NEL is a space"),
        pytest.param("a\ud800b\udfffc", "abc", id="lone surrogates go"),
        pytest.param("a\ufffeb\uffffc", "abc", id="what XML calls no character goes"),
        pytest.param("\ufffd\U0001f600\U0010ffff", "\ufffd\U0001f600\U0010ffff", id="what XML allows stays"),
        pytest.param(
            "می\u200cخواهد \u200f\u2067x\u2069",
            "می\u200cخواهد \u200f\u2067x\u2069",
            id="joiners and bidi stay",
        ),
        pytest.param("", "", id="nothing stays nothing"),
    ],
)
def test_strip_controls(text: str, expected: str) -> None:
    assert strip_controls(text) == expected


@given(ANY_TEXT)
def test_stripped_text_is_text_for_xml(text: str) -> None:
    stripped = strip_controls(text)
    assert strip_controls(stripped) == stripped
    element = etree.Element("a")
    element.text = stripped  # lxml refuses what XML 1.0 forbids
    assert "".join(etree.fromstring(etree.tostring(element)).itertext()) == stripped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("  a \t\r\n b  ", "a b", id="ASCII white space"),
        pytest.param("a\u00a0\u2003b\u3000c\u2028d\x85e\u202ff", "a b c d e f", id="Unicode white space"),
        pytest.param("a\u200bb\u200cc", "a\u200bb\u200cc", id="characters without width are no space"),
        pytest.param(" \n ", "", id="only white space"),
    ],
)
def test_collapse_space(text: str, expected: str) -> None:
    assert collapse_space(text) == expected


@given(ANY_TEXT)
def test_collapsing_space_is_idempotent_and_keeps_every_word(text: str) -> None:
    collapsed = collapse_space(text)
    assert collapse_space(collapsed) == collapsed
    assert collapsed.split() == text.split()


# --- fold -----------------------------------------------------------------------------------------

FOLDED = [
    ("tashkeel", "مُؤَسَّسَةٌ", "موسسه"),
    ("superscript alef", "هٰذا", "هذا"),
    ("tatweel", "عـــاجل", "عاجل"),
    ("alef forms", "أحمد إلى آخر ٱلعالم", "احمد الي اخر العالم"),
    ("hamza on waw and yeh", "مسؤول رئيس", "مسوول رييس"),
    ("a hamza of its own stays", "جزء", "جزء"),
    ("alef maqsura", "مستشفى", "مستشفي"),
    ("Farsi yeh", "لیبی", "ليبي"),
    ("keheh", "کتاب", "كتاب"),
    ("teh marbuta", "مدرسة", "مدرسه"),
    ("Urdu and Kurdish heh", "ہھە", "ههه"),
    ("lam-alef ligatures and presentation forms", "ﻻ ﺍﻟﺴﻼﻡ", "لا السلام"),
    ("Arabic-Indic digits", "٢٠٢٦", "2026"),
    ("Persian digits", "۲۰۲۶", "2026"),
    ("full-width and Devanagari digits", "２０ २६", "20 26"),
    ("marks of direction", "\u200fليبيا\u200e \u202bعاجل\u202c", "ليبيا عاجل"),
    ("ZWNJ, ZWJ, soft hyphen, BOM", "می\u200cخواهد co\u00adop a\u200db \ufeffc", "ميخواهد coop ab c"),
    ("Arabic punctuation", "«عاجل»: متى؟ الآن؛ هنا، ٪", "عاجل متي الان هنا"),
    ("case", "BREAKING News", "breaking news"),
    ("ß", "Straße", "strasse"),
    ("accents", "Ångström naïve Čapek", "angstrom naive capek"),
    ("accents written as marks", "nai\u0308ve", "naive"),
    ("letters with strokes", "Łódź Ærø Þór", "lodz aero thor"),
    ("Turkish I", "İSTANBUL ısı", "istanbul isi"),
    ("ligatures", "ﬁnance", "finance"),
    ("Greek final sigma and accents", "Ὀδυσσεύς", "οδυσσευσ"),
    ("quotes and dashes", "“a” – ‘b’ — it’s", "a b it s"),
    ("symbols and emoji", "a+b=c © 😀 d", "a b c d"),
    ("underscores and hash signs", "#عاجل_الآن", "عاجل الان"),
    ("white space", " a\t\u00a0b\nc ", "a b c"),
    ("controls", "a\x00b", "a b"),
    ("lone surrogates", "a\ud800b", "ab"),
    ("a decimal point is a space", "3.5", "3 5"),
    ("an Arabic decimal point is the same space", "٣٫٥", "3 5"),
    ("a result with a hyphen", "2-1", "2 1"),
    ("the same result with a colon", "٢:١", "2 1"),
    ("Japanese voicing marks stay", "がぎ", "がぎ"),
    ("Hangul stays whole", "뉴스", "뉴스"),
    ("Devanagari vowels stay", "हिन्दी", "हिन्दी"),
    ("nothing", "", ""),
    ("only punctuation", "… — !", ""),
]


@pytest.mark.parametrize(("text", "expected"), [row[1:] for row in FOLDED], ids=[row[0] for row in FOLDED])
def test_folding(text: str, expected: str) -> None:
    assert fold(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3.5", "35"),
        ("1:2", "12"),
        ("2-1", "21"),
        ("1,000", "1.0"),
        ("2-1", "1-2"),
        ("كلب", "قلب"),
        ("resume", "résumés"),
    ],
)
def test_folding_keeps_apart_what_differs(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(MIXED)
def test_folding_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(MIXED)
def test_folding_does_not_see_the_normal_form(text: str) -> None:
    text = strip_controls(text)
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(MIXED)
def test_folded_text_is_clean(text: str) -> None:
    folded = fold(text)
    assert folded == collapse_space(folded) == folded.casefold()
    assert not any(unicodedata.category(char) in ("Cf", "Cc", "Cs") for char in folded)
    assert not any(unicodedata.category(char)[0] in "PS" for char in folded)


def test_every_character_folds_to_a_fixed_point() -> None:
    # One of each code point that is assigned, in one pass; the space keeps them from composing.
    text = " ".join(chr(code) for code in range(0x30000) if unicodedata.category(chr(code)) != "Cn")
    assert fold(fold(text)) == fold(text)


def test_folding_an_article_is_fast() -> None:
    text = "كتب مراسلنا أنّ الاقتصاد في ليبيا تحسّن بنسبة ٣٫٥٪ خلال عام 2026. " * 28
    fold(text)
    best = min(_seconds_to_fold(text) for _ in range(20))
    assert best < 0.002  # 0.1 ms on an idle machine; the limit is for a busy one


def _seconds_to_fold(text: str) -> float:
    start = time.perf_counter()
    fold(text)
    return time.perf_counter() - start


# --- detect_direction -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        pytest.param("عاجل: زلزال يضرب اليابان", "rtl", id="Arabic"),
        pytest.param("ידיעות מהעולם", "rtl", id="Hebrew"),
        pytest.param("Breaking news from Tripoli", "ltr", id="English"),
        pytest.param("新闻 ニュース", "ltr", id="Chinese and Japanese"),
        pytest.param("iPhone 17 يصل إلى الأسواق العربية", "rtl", id="a mixed headline that starts in Latin"),
        pytest.param(
            "«الجزيرة» reports on the talks in Geneva", "ltr", id="a mixed headline that starts in Arabic"
        ),
        pytest.param("خبر https://example.com/a/very/long/path/to/the/story", "rtl", id="URLs do not count"),
        pytest.param("خبر www.example.com/abcdef", "rtl", id="bare host names of the web do not count"),
        pytest.param("خبر عاجل @SomeVeryLongAccountName", "rtl", id="@names do not count"),
        pytest.param("خبر عاجل #SomeVeryLongTag", "rtl", id="Latin tags do not count"),
        pytest.param("#ليبيا_الآن cup", "rtl", id="Arabic tags do count"),
        pytest.param("\u200f\u200f\u200fab", "ltr", id="marks are no letters"),
        pytest.param("٢٠٢٦ ab", "ltr", id="digits are no letters"),
    ],
)
def test_direction_is_that_of_most_letters(text: str, direction: str) -> None:
    assert detect_direction(text) == direction


@pytest.mark.parametrize("text", ["", "2026 - 24", "😀", "ab عج", "https://example.com/", "\u200f"])
def test_without_a_majority_the_default_holds(text: str) -> None:
    assert detect_direction(text) == "ltr"
    assert detect_direction(text, "rtl") == "rtl"


# --- detect_language ------------------------------------------------------------------------------

ARABIC = "كتب مراسلنا أن الاجتماع بدأ صباح اليوم"
ENGLISH = "The meeting began this morning"

LANGUAGES = [
    ("a hint the letters agree with", ARABIC, "ar", "ar"),
    ("the hint's region in its usual case", ARABIC, "ar-ly", "ar-LY"),
    ("an underscore", ENGLISH, "en_us", "en-US"),
    ("upper case", ENGLISH, "EN-GB", "en-GB"),
    ("script and region", "Вести из света", "SR-CYRL-rs", "sr-Cyrl-RS"),
    ("a region in numbers", "Noticias del mundo", "es-419", "es-419"),
    ("white space round the hint", ENGLISH, " en ", "en"),
    ("three letters where two are right", ARABIC, "ara", "ar"),
    ("French", "Les nouvelles du monde", "fr", "fr"),
    ("Persian by its hint", "ایران و جهان", "fa-IR", "fa-IR"),
    ("an Arabic feed that says English", ARABIC, "en", "ar"),
    ("an English text in an Arabic feed", ENGLISH, "ar-LY", "und"),
    ("a headline full of foreign names", "مراجعة Samsung Galaxy S26 Ultra الجديد بالكامل", "ar", "ar"),
    ("a script subtag that the letters deny", ARABIC, "az-Latn", "ar"),
    ("a script subtag that the letters bear out", "خبرلر بۇگۈن", "kk-Arab", "kk-Arab"),
    ("a language of several scripts", "Vesti iz sveta", "sr", "sr"),
    ("Arabic without a hint", ARABIC, None, "ar"),
    ("Arabic with one Persian letter", ARABIC + " مع گوگل في الجلسة الأولى", None, "ar"),
    ("Persian without a hint", "گزارش تازه از گفتگوهای ژنو در پکن منتشر شد و یک مقام", None, "fa"),
    ("Persian without its own letters", "ایران و عراق یک قرارداد امضا کردند", None, "fa"),
    ("Urdu without a hint", "پاکستان میں کرکٹ ٹیم کے کھلاڑیوں کا اعلان", None, "ur"),
    ("Hebrew", "חדשות מהעולם", None, "he"),
    ("Russian", "Новости мира", None, "ru"),
    ("Greek", "Νέα του κόσμου", None, "el"),
    ("Chinese", "世界新闻", None, "zh"),
    ("Japanese", "世界のニュース", None, "ja"),
    ("Japanese in Chinese characters only, by its hint", "東京株式市場", "ja", "ja"),
    ("Japanese in a feed that says Chinese", "世界のニュースをお届け", "zh", "ja"),
    ("Korean", "세계 뉴스", None, "ko"),
    ("Latin letters tell nothing", ENGLISH, None, "und"),
    ("a script of its own by its hint", "ข่าวต่างประเทศ", "th", "th"),
    ("a script of its own without a hint", "ข่าวต่างประเทศ", None, "und"),
    ("no letters but a hint", "2026", "ar-ly", "ar-LY"),
    ("no letters and no hint", "2026", None, "und"),
    ("nothing at all", "", "", "und"),
    ("a hint that is no tag", ENGLISH, "English (US)", "und"),
    ("a hint that is a word", ENGLISH, "english", "und"),
    ("a hint that names no language", ARABIC, "und", "ar"),
    ("only a URL counts as no letters", "https://example.com/", "ar", "ar"),
]


@pytest.mark.parametrize(
    ("text", "hint", "language"), [row[1:] for row in LANGUAGES], ids=[row[0] for row in LANGUAGES]
)
def test_language(text: str, hint: str | None, language: str) -> None:
    assert detect_language(text, hint=hint) == language


@given(
    ANY_TEXT,
    st.none() | ANY_TEXT | st.from_regex(r"[a-zA-Z]{2,3}([-_][a-zA-Z0-9]{2,4}){0,2}", fullmatch=True),
)
def test_language_is_total_and_its_own_best_hint(text: str, hint: str | None) -> None:
    language = detect_language(text, hint=hint)
    assert language.isascii()
    assert detect_language(text, hint=language) == language


# --- truncate_words -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        pytest.param("one two three", 13, "one two three", id="what fits stays"),
        pytest.param("one two three", 12, "one two…", id="cut where a word ends"),
        pytest.param("one two three", 8, "one two…", id="a word that just fits"),
        pytest.param("one two three", 7, "one…", id="a word that just does not fit"),
        pytest.param("one, two", 7, "one…", id="no comma before the ellipsis"),
        pytest.param("أول، ثان", 6, "أول…", id="no Arabic comma before the ellipsis"),
        pytest.param("one - two", 7, "one…", id="no dash before the ellipsis"),
        pytest.param("one   two", 8, "one…", id="no space before the ellipsis"),
        pytest.param("extraordinary", 6, "extra…", id="a word longer than the limit"),
        pytest.param(" extraordinary", 6, " extr…", id="white space is no word"),
        pytest.param("世界新闻每天", 4, "世界新…", id="scripts without spaces"),
        pytest.param("2026年の世界のニュース", 8, "2026年の世…", id="scripts without spaces after a number"),
        pytest.param("cafe\u0301s", 5, "caf…", id="not before a combining mark"),
        pytest.param("مُؤَسَّسَة", 4, "مُ…", id="not before a vowel mark"),
        pytest.param("ab👩\u200d👩\u200d👧cd", 5, "ab…", id="not within a family"),
        pytest.param("abc👍🏽de", 5, "abc…", id="not before a skin colour"),
        pytest.param("ab🇱🇾🇹🇳", 4, "ab…", id="not within a flag"),
        pytest.param("ab🇱🇾🇹🇳", 5, "ab🇱🇾…", id="between two flags"),
        pytest.param("abc", 1, "…", id="room for the ellipsis only"),
        pytest.param("abc", 0, "", id="no room at all"),
        pytest.param("abc", -1, "", id="less than no room"),
        pytest.param("", 0, "", id="nothing to cut"),
    ],
)
def test_truncating(text: str, limit: int, expected: str) -> None:
    assert truncate_words(text, limit) == expected


@given(MIXED, st.integers(0, 40))
def test_truncated_text_is_a_beginning_within_the_limit(text: str, limit: int) -> None:
    cut = truncate_words(text, limit)
    assert len(cut) <= limit
    if cut != text and cut:
        kept = cut.removesuffix(ELLIPSIS)
        assert cut.endswith(ELLIPSIS)
        assert text.startswith(kept)
        rest = text[len(kept) :]
        assert not kept or unicodedata.category(rest[0])[0] != "M"


@given(MIXED, st.integers(0, 40))
def test_truncating_twice_is_truncating_once(text: str, limit: int) -> None:
    cut = truncate_words(text, limit)
    assert truncate_words(cut, limit) == cut


# Texts of one script with its punctuation are counted and folded as a whole, others letter by letter.
WRITTEN = st.one_of(
    st.text(st.sampled_from("abcXYZéüÉğışñł0129 \n.,«»—“”…'/@#:\xa0\u200e"), max_size=60),
    st.text(st.sampled_from("ابتثجأإآةىئؤءـًٌَُِّْٰپچگکیےۆں٠١۳ ،؛؟٪abc12.\n«»\u200c\u200f"), max_size=60),
)
BESIDE = " \u4e2d"  # a letter of neither


@given(WRITTEN)
def test_a_text_folds_the_same_whatever_stands_beside_it(text: str) -> None:
    assert fold(text + BESIDE) == f"{fold(text)}{BESIDE}".strip()


@given(WRITTEN, st.sampled_from([None, "ar", "en", "fa", "az", "ru"]))
def test_language_and_direction_do_not_depend_on_how_letters_are_counted(text: str, hint: str | None) -> None:
    far = f"{text} \u0967"  # a digit of another script is no letter
    assert detect_language(far, hint=hint) == detect_language(text, hint=hint)
    assert detect_direction(far) == detect_direction(text)


@given(st.text(st.characters(exclude_categories=())), st.text(max_size=3))
def test_white_space_and_controls_go_from_each_part_as_from_the_whole(text: str, other: str) -> None:
    assert strip_controls(text) + strip_controls(other) == strip_controls(text + other)
    assert collapse_space(text) == " ".join(text.split())
