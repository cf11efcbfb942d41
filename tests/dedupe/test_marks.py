"""What tells two items of one template apart, and what a copy may change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedupe.marks import find_figures, find_marks, find_names, find_numbers, find_slot
from aggregator.text import fold


def split(text: str) -> list[str]:
    return fold(text).split()


MARKS = {
    "ordinals with and without the article": ("الطائرة الثانية ثم طائرة ثالثة", {"second", "third"}),
    "a masculine and a feminine ordinal are one": ("الرابع والرابعة رابع", {"fourth"}),
    "first": ("الجلسة الأولى", {"first"}),
    "days of the week": ("طقس الاثنين والثلاثاء", {"monday"}),
    "English": ("Weather for Monday, the second warning", {"monday", "second"}),
    "French": ("troisième avion, lundi", {"third", "monday"}),
    "none": ("وصول سفينة القمح", set()),
}


@pytest.mark.parametrize(("title", "marks"), MARKS.values(), ids=MARKS.keys())
def test_marks_of_a_headline(title: str, marks: set[str]) -> None:
    assert find_marks(split(title.replace(",", ""))) == marks


def test_numbers_are_those_in_figures() -> None:
    assert find_numbers(split("٢٠ سفينة و14 ثلاث 3rd 7")) >= {"20", "7"}
    assert find_numbers(split("ثلاث سفن")) == frozenset()


BASE = "قال مدير الميناء أحمد إن {} سفينة رست عند الرصيف {} صباح {} وعلى متنها قمح وأعلاف ثم غادرت"


def write(count: object = 20, pier: str = "الثاني", day: str = "الاثنين", base: str = BASE) -> str:
    return base.format(count, pier, day)


SLOTS: dict[str, tuple[str, str, bool]] = {
    "another number in its place": (write(20), write(21), True),
    "another ordinal": (write(), write(pier="الثالث"), True),
    "an ordinal in one of them": (write(), write(pier="الطويل"), True),
    "another name": (write(), write().replace("أحمد", "سالم"), True),
    "two names": (write(), write().replace("أحمد", "سالم").replace("قمح", "شعير"), True),
    "another day of the week": (write(), write(day="الثلاثاء"), True),
    "yesterday for a day of the week": (write(), write(day="أمس"), False),
    "today for yesterday": (write(day="اليوم"), write(day="أمس"), False),
    "the same": (write(), write(), False),
    "the end is cut": (write(), " ".join(write().split()[:12]), False),
    "the end is cut before a number of the other": (f"{write()} ودفعت 300 دينار", write(), False),
    "a name left out": (write(), write().replace("أحمد ", ""), False),
    "a name that one adds": (write(), write().replace("أحمد", "أحمد سالم"), False),
    "a name spelled otherwise": (write(), write().replace("الميناء", "المينا"), False),
    "a number left out": (write(), write("").replace("  ", " "), False),
    "another name, and words left out": (
        write(),
        write().replace("أحمد", "سالم").replace("وعلى متنها قمح وأعلاف", ""),
        False,
    ),
    "a score and its reverse": (write("2 1"), write("1 2"), True),
    "English: another number": (
        "the plane carried 40 tents to the camp",
        "the plane carried 50 tents to the camp",
        True,
    ),
    "English: another name": ("cable to the president of Chad", "cable to the president of Fiji", True),
    "English: yesterday for today": ("he said today that it rains", "he said yesterday that it rains", False),
}


@pytest.mark.parametrize(("one", "other", "differ"), SLOTS.values(), ids=SLOTS.keys())
def test_short_texts_are_two_events_by(one: str, other: str, differ: bool) -> None:
    assert bool(find_slot(split(one), split(other))) is differ
    assert bool(find_slot(split(other), split(one))) is differ


FILLER = [
    f"كلمة{chr(0x0627 + number % 20)}{chr(0x0633 + number % 7)}{'ل' * (number // 20)}"
    for number in range(120)
]


def test_in_a_longer_text_one_other_name_is_a_correction_and_another_number_is_not() -> None:
    long = [*split(write()), *FILLER[:60]]
    assert find_slot(long, [*split(write().replace("أحمد", "سالم")), *FILLER[:60]]) is None
    assert find_slot(long, [*split(write(21)), *FILLER[:60]])


def test_what_differs_in_many_words_or_is_long_is_no_template_of_one_slot() -> None:
    assert find_slot(FILLER[:60], [*FILLER[:30], *FILLER[70:100]]) is None
    long = FILLER * 4
    assert find_slot(["20", *long], ["21", *long]) is None
    assert find_figures(["20", "30", *long], ["21", "31", *long]) is None


def test_the_words_say_what_differs() -> None:
    assert find_slot(split(write(20)), split(write(21))) == "20 here, 21 there"
    assert find_slot(split(write()), split(write().replace("أحمد", "سالم"))) == "احمد here, سالم there"
    assert find_slot(split(write()), split(write(pier=""))) == "only one of them says الثاني"


FIGURES: dict[str, tuple[str, str, bool]] = {
    "a row of others": ("رياح بين 15 35 كيلومترا", "رياح بين 10 30 كيلومترا", True),
    "a row of others that stands elsewhere as well": (
        "شمالية 15 35 كيلومترا وجنوبية 10 30",
        "شمالية 10 30 كيلومترا وجنوبية 10 30",
        True,
    ),
    "one of the row": ("رياح بين 15 35 كيلومترا", "رياح بين 15 30 كيلومترا", False),
    "a single one": ("رياح بسرعة 15 كيلومترا 7", "رياح بسرعة 10 كيلومترا 9", False),
    "rounded": ("بطول 540 480 مترا", "بطول 5 4 مترا", False),
    "written together": ("سعره 08 50 دولارا", "سعره 0850 دولارا", False),
    "another order": ("رياح 15 35", "رياح 35 15", False),
    "a row that one lacks": ("رياح 15 35 كيلومترا", "رياح خفيفة جدا كيلومترا", False),
}


@pytest.mark.parametrize(("one", "other", "differ"), FIGURES.values(), ids=FIGURES.keys())
def test_figures_tell_forecasts_and_prices_apart(one: str, other: str, differ: bool) -> None:
    mine, theirs = [*split(one), *FILLER[:80]], [*FILLER[100:], *split(other), *FILLER[:80]]
    assert bool(find_figures(mine, theirs)) is differ
    assert bool(find_figures(theirs, mine)) is differ


HONOURS = (
    "بعث الرئيس برقية إلى {} رئيس جمهورية {} بمناسبة {} متمنيا لشعب {} مزيدا من الرخاء",
    "الرئيس يهنئ رئيس {1}",
)
CHAD = ("إدريس بوكار", "تشاد", "الاستقلال", "تشاد")
FIJI = ("جوني راتو", "فيجي", "اليوم الوطني", "فيجي")
NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...], str, str, bool]] = {
    "two presidents of two countries": (CHAD, FIJI, "", "", True),
    "and one of them adds a paragraph": (CHAD, FIJI, "", " ".join(FILLER[80:]), True),
    "two presidents, one occasion": (CHAD, (*FIJI[:2], CHAD[2], FIJI[3]), "", "", True),
    "the same president": (CHAD, CHAD, "", "", False),
    "one synonym, and words of its own": (
        CHAD,
        (CHAD[0], "تشادية", *CHAD[2:]),
        "",
        "وتصافح الحاضرون",
        False,
    ),
}


@pytest.mark.parametrize(("one", "other", "tail", "other_tail", "differ"), NAMES.values(), ids=NAMES.keys())
@pytest.mark.parametrize("titled", [True, False], ids=["headlines name them", "headlines do not"])
def test_longer_texts_are_two_events_by_names(
    one: tuple[str, ...], other: tuple[str, ...], tail: str, other_tail: str, differ: bool, titled: bool
) -> None:
    bodies, titles = [], []
    for names, end in ((one, tail), (other, other_tail)):
        bodies.append([*split(HONOURS[0].format(*names)), *FILLER[:80], *split(end)])
        titles.append(split(HONOURS[1].format(*names) if titled else "برقية تهنئة"))
    # Without the headlines only a text in which nothing but names differs, and several, can be judged.
    if not titled:
        differ = differ and not other_tail and one[2] != other[2]
    assert bool(find_names((titles[0], titles[1]), (bodies[0], bodies[1]))) is differ
    assert bool(find_names((titles[1], titles[0]), (bodies[1], bodies[0]))) is differ


WORDS = st.lists(st.sampled_from([*FILLER[:30], "4", "5", "الثاني", "الاثنين", "في"]), max_size=80)


@given(WORDS, WORDS)
def test_no_text_differs_from_itself_or_from_what_is_cut_of_it(words: list[str], title: list[str]) -> None:
    for cut in (words, words[: len(words) // 2]):
        assert find_slot(words, cut) is None
        assert find_figures(words, cut) is None
        assert find_names((title, title), (words, cut)) is None
