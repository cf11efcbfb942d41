"""Which entries are copies of one article, and which only look like it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedupe.articles import FOUNDED, SAME_TEXT_WINDOW, SAME_URL_WINDOW, assign_articles
from aggregator.model import Assignment, Candidate, Entry, Fingerprint
from tests.dedupe.samples import (
    DAY,
    HOUR,
    NOON,
    TEXT,
    TITLE,
    group_by_article,
    make_candidate,
    make_entry,
    number_items,
    write_otherwise,
)

INSTANT = timedelta(microseconds=1)


def partition(fresh: list[Candidate], known: list[Candidate] | None = None) -> set[frozenset[int]]:
    """Fresh and known entries by article."""
    known = known or []
    assigned = assign_articles(fresh, known)
    articles = {c.entry_id: c.article_id for c in known}
    articles |= {i: i if a.article_id is None else a.article_id for i, a in assigned.items()}
    return group_by_article(articles)


# --- true copies ----------------------------------------------------------------------------------

FERRY_URL = "https://ferry.example/wire/77"
HEADLINE = {"text": "", "title": TITLE}
COPIES: dict[str, tuple[dict[str, Any], str | None]] = {
    "the same address with tracking parameters": (
        {
            "url": "http://www.harbour.example/news/1/?utm_source=ferry",
            "title": "عنوان آخر",
            "text": "نص آخر",
        },
        "same-url",
    ),
    "the same words under another address": ({"url": FERRY_URL}, "same-text"),
    "the same words from another keyboard": (
        {"url": FERRY_URL, "title": write_otherwise(TITLE), "text": write_otherwise(TEXT)},
        "same-text",
    ),
    "the same words without an address": ({"url": None}, "same-text"),
    "both": ({}, "same-url"),
    "the same title over another text": ({"url": FERRY_URL, "text": TEXT.replace("20", "30")}, None),
    "the same text under another title": ({"url": FERRY_URL, "title": f"{TITLE} (محدث)"}, "near-copy"),
    "a headline alone": ({"url": FERRY_URL, **HEADLINE}, "headline"),
    "a headline alone at the same address": (HEADLINE, "same-url"),
    "the home page of the other": ({"url": "https://harbour.example/", "text": "نص آخر"}, None),
}


@pytest.mark.parametrize(("changes", "rule"), COPIES.values(), ids=COPIES.keys())
def test_another_source_carries(changes: dict[str, Any], rule: str | None) -> None:
    known = make_candidate(1, make_entry())
    copy = make_candidate(2, make_entry(source_id="ferry", published_at=NOON + HOUR, **changes))
    decided = assign_articles([copy], [known])[2]
    assert decided.decision.rule == (rule or "founder")
    assert decided.article_id == (1 if rule else None)
    if rule:
        assert "harbour" in decided.decision.evidence


HEADLINES: dict[str, tuple[list[tuple[str, int, str]], int]] = {
    "three sources within some hours": ([("a", 0, TITLE), ("b", 3, TITLE), ("c", 11, TITLE)], 1),
    "a source on the next day": ([("a", 0, TITLE), ("b", 13, TITLE)], 2),
    "the name of a column, which a source prints again": (
        [("a", 0, TITLE), ("a", 1, TITLE), ("b", 2, TITLE)],
        3,
    ),
    "another word": ([("a", 0, TITLE), ("b", 0, f"{TITLE} اليوم")], 2),
    "four words and no more": ([("a", 0, "أسعار الذهب في ليبيا"), ("b", 0, "أسعار الذهب في ليبيا")], 2),
}


@pytest.mark.parametrize(("headlines", "articles"), HEADLINES.values(), ids=HEADLINES.keys())
def test_equal_headlines_without_a_text(headlines: list[tuple[str, int, str]], articles: int) -> None:
    items = [
        make_entry(source_id=source, url=None, title=title, text="", published_at=NOON + hours * HOUR)
        for source, hours, title in headlines
    ]
    assert len(partition(number_items(items))) == articles


REPEATED: dict[str, tuple[dict[str, Any], str | None]] = {
    "address and words agree": ({}, "repeated"),
    "address and words agree, written otherwise": (
        {"title": write_otherwise(TITLE), "text": write_otherwise(TEXT)},
        "repeated",
    ),
    "only the words agree": ({"url": "https://harbour.example/news/2"}, "near-copy"),
    "only the words agree, a day later": (
        {"url": "https://harbour.example/news/2", "published_at": NOON + DAY},
        None,
    ),
    "only the address agrees": ({"text": TEXT.replace("20", "30")}, None),
    "the address agrees and one has no text": ({"text": ""}, None),
    "it is four days later": ({"published_at": NOON + 4 * DAY}, None),
}
PLACELESS_REPEATED: dict[str, tuple[dict[str, Any], bool]] = {
    "words and date agree": ({}, True),
    "one has an address": ({"url": "https://harbour.example/news/2"}, True),
    "one wording on two days": ({"published_at": NOON + DAY}, False),
    "other words": ({"text": TEXT.replace("20", "30")}, False),
}


@pytest.mark.parametrize(("changes", "rule"), REPEATED.values(), ids=REPEATED.keys())
def test_the_same_source_says_it_again_under_another_guid(changes: dict[str, Any], rule: str | None) -> None:
    again = make_entry(guid="2", **{"published_at": NOON + HOUR} | changes)
    decided = assign_articles([make_candidate(2, again)], [make_candidate(1, make_entry())])[2]
    assert decided.decision.rule == (rule or "founder")
    assert decided.article_id == (1 if rule else None)


@pytest.mark.parametrize(("changes", "repeated"), PLACELESS_REPEATED.values(), ids=PLACELESS_REPEATED.keys())
def test_an_item_without_an_address_comes_again(changes: dict[str, Any], repeated: bool) -> None:
    items = [make_entry(url=None), make_entry(guid="2", **{"url": None} | changes)]
    assert len(partition(number_items(items))) == (1 if repeated else 2)


BARE_REPEATED = {
    "an equal headline at the same address": (HEADLINE, True),
    "another headline at the same address": ({"text": "", "title": "أسعار الذهب 25 نوفمبر"}, False),
    "an equal headline at another address": (HEADLINE | {"url": "https://harbour.example/2"}, False),
}


@pytest.mark.parametrize(("changes", "repeated"), BARE_REPEATED.values(), ids=BARE_REPEATED.keys())
def test_a_feed_of_headlines_says_it_again(changes: dict[str, Any], repeated: bool) -> None:
    items = [make_entry(**HEADLINE), make_entry(guid="2", **changes)]
    assert len(partition(number_items(items))) == (1 if repeated else 2)


WINDOWS = {
    "a week by address": ({"text": "نص آخر"}, SAME_URL_WINDOW, timedelta(days=7)),
    "three days by words": ({"url": FERRY_URL}, SAME_TEXT_WINDOW, timedelta(hours=72)),
}


@pytest.mark.parametrize(("changes", "window", "expected"), WINDOWS.values(), ids=WINDOWS.keys())
@pytest.mark.parametrize("sign", [1, -1], ids=["later", "earlier"])
def test_copies_are_close_in_time(
    changes: dict[str, Any], window: timedelta, expected: timedelta, sign: int
) -> None:
    assert window == expected
    known = make_candidate(1, make_entry())
    for apart, merged in ((window, True), (window + INSTANT, False)):
        copy = make_entry(source_id="ferry", published_at=NOON + sign * apart, **changes)
        assert (assign_articles([make_candidate(2, copy)], [known])[2].article_id == 1) is merged


# --- look-alikes ----------------------------------------------------------------------------------

_RELIEF = (
    "وصلت إلى مطار بنينا طائرة الإغاثة رقم {} محملة بالخيام والأغطية والمواد الغذائية للمتضررين من السيول، "
    "وكان في استقبالها مندوب الهلال الأحمر وعدد من المتطوعين."
)
_WEATHER = (
    "تتوقع الأرصاد أن تكون الأجواء {} على مناطق الشمال الغربي مع رياح شمالية خفيفة، "
    "وتتراوح درجات الحرارة العظمى بين {} و{} درجة مئوية على الساحل."
)
_FACTORIES = (
    "حررت فرق التفتيش مخالفات بحق {} مصنعاً للمياه المعبأة لم تلتزم شروط السلامة، "
    "وأحالت محاضر الضبط إلى النيابة لاستكمال الإجراءات القانونية."
)
_TELEGRAM = (
    "بعث رئيس المجلس برقية تهنئة إلى {} بمناسبة ذكرى اليوم الوطني لبلاده، عبر فيها باسمه وباسم الشعب "
    "عن أصدق التمنيات لفخامته بالصحة ولشعبه بالتقدم والازدهار."
)
_EXECUTION = (
    "أعلنت وزارة الداخلية تنفيذ حكم القضاء في الجاني {} بعد إدانته بقتل مواطن إثر خلاف بينهما، "
    "وقد صدق الحكم من محكمة الاستئناف ومن المحكمة العليا."
)
_GOLD = (
    "سجل غرام الذهب من عيار 21 في السوق المحلية سعر {} ديناراً، وبلغ سعر الأونصة في التعاملات الفورية "
    "{} دولاراً وسط ترقب المتعاملين لقرارات المصرف."
)
_SHARES = (
    "أغلق المؤشر العام للأسهم جلسة اليوم عند مستوى {} نقطة بتداولات بلغت قيمتها {} مليون دينار، "
    "وتصدر قطاع المصارف قائمة القطاعات الأكثر نشاطاً."
)
_CONDOLENCE = (
    "تتقدم أسرة الصحيفة بأحر التعازي وصادق المواساة إلى {} في وفاة فقيدهم، سائلين المولى أن يتغمده "
    "بواسع رحمته وأن يلهم ذويه جميل الصبر والسلوان."
)
_STRIKES = (
    "قالت فرق الدفاع المدني إن عدد الغارات على أطراف المدينة ارتفع منذ فجر اليوم إلى {} غارة، "
    "وإن عمليات البحث تحت الأنقاض مستمرة رغم نقص المعدات."
)
_COUNCIL = (
    "عقد مجلس الوزراء جلسته الأسبوعية رقم {} برئاسة رئيس الحكومة، واستعرض المجلس جدول أعماله واتخذ حياله "
    "القرارات اللازمة بعد الاطلاع على تقارير الوزارات."
)
_TRIAL = (
    "نظرت محكمة الجنايات في الجلسة {} من محاكمة المتهمين في قضية الوقود، واستمعت إلى مرافعات الدفاع "
    "قبل أن ترفع الجلسة وتؤجل النظر إلى موعد لاحق."
)
_SCORE = (
    "يستضيف ملعب المدينة مباراة القمة بين الاتحاد والنصر في الأسبوع الرابع من الدوري الممتاز، "
    "والنتيجة حتى الدقيقة {} هي {} وسط حضور جماهيري كبير في المدرجات."
)
_PRAYER = (
    "مواقيت الصلاة في مدينة طرابلس وضواحيها بحسب هيئة الأوقاف: الفجر {}، الشروق {}، الظهر {}، "
    "العصر {}، المغرب {}، العشاء {}، ويراعى فارق التوقيت في بقية المدن."
)

# Title and text of each item; the items of a case come a day apart unless hours are told.
LOOK_ALIKES: dict[str, tuple[int, list[tuple[str, str]]]] = {
    "relief planes no. 4, 5 and 6, all of one day": (
        3,
        [(f"وصول طائرة الإغاثة رقم {n} إلى بنغازي", _RELIEF.format(n)) for n in (4, 5, 6)],
    ),
    "relief planes under one title, told apart by one digit of the text": (
        3,
        [("وصول طائرة إغاثة إلى بنغازي", _RELIEF.format(n)) for n in (4, 5, 6)],
    ),
    "the daily weather under one title": (
        24,
        [("حالة الطقس اليوم", _WEATHER.format(*d)) for d in (("صافية", 21, 24), ("صافية", 21, 25))],
    ),
    "the weather for Monday and for Tuesday": (
        24,
        [(f"الطقس يوم {d}", _WEATHER.format("غائمة", 18, 20)) for d in ("الاثنين", "الثلاثاء")],
    ),
    "23 and 30 factories fined": (
        20,
        [(f"مخالفة {n} مصنعاً للمياه", _FACTORIES.format(n)) for n in (23, 30)],
    ),
    "telegrams for two national days": (
        1,
        [("رئيس المجلس يهنئ باليوم الوطني", _TELEGRAM.format(w)) for w in ("رئيس فنلندا", "رئيس بربادوس")],
    ),
    "notices of two executions": (
        24,
        [("تنفيذ حكم القصاص في أحد الجناة", _EXECUTION.format(w)) for w in ("سعد بن علي", "سعد بن عمر")],
    ),
    "gold by day": (24, [("أسعار الذهب اليوم", _GOLD.format(*p)) for p in ((905, 4_112), (905, 4_115))]),
    "shares by day": (24, [("إغلاق سوق الأسهم", _SHARES.format(*p)) for p in ((2_301, 14), (2_310, 14))]),
    "condolence columns": (
        1,
        [("تعزية ومواساة", _CONDOLENCE.format(w)) for w in ("آل الورفلي", "آل بن عامر", "آل الزروق")],
    ),
    "strike counts through the day": (
        2,
        [(f"ارتفاع عدد الغارات إلى {n}", _STRIKES.format(n)) for n in (12, 15, 21)],
    ),
    "the weekly council": (
        7 * 24,
        [("مجلس الوزراء يعقد جلسته الأسبوعية", _COUNCIL.format(n)) for n in (41, 42)],
    ),
    "sessions 1 and 2 of a trial": (
        48,
        [(f"قضية الوقود: الجلسة {n}", _TRIAL.format(n)) for n in ("الأولى", "الثانية")],
    ),
    "score updates": (
        0,
        [("الاتحاد والنصر: مباشر", _SCORE.format(*s)) for s in ((20, "1-0"), (31, "1-1"), (80, "2-1"))],
    ),
    "a score and its reverse at one minute": (
        0,
        [(f"الاتحاد {s} النصر", _SCORE.format(80, s)) for s in ("2-1", "1-2")],
    ),
    "prayer times": (
        24,
        [
            ("مواقيت الصلاة", _PRAYER.format("6:02", "7:29", "12:53", "3:36", "6:05", "7:21")),
            ("مواقيت الصلاة", _PRAYER.format("6:03", "7:29", "12:53", "3:36", "6:05", "7:21")),
        ],
    ),
}


def print_items(name: str, source: str) -> list[Entry]:
    """The items of a case as one source has them, each at an address of its own."""
    hours, items = LOOK_ALIKES[name]
    return [
        make_entry(
            source_id=source,
            guid=str(number),
            url=f"https://{source}.example/{number}",
            title=title,
            text=text,
            published_at=NOON + number * hours * HOUR,
        )
        for number, (title, text) in enumerate(items)
    ]


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alikes_of_one_source_stay_apart(name: str) -> None:
    items = print_items(name, "harbour")
    assert len(partition(number_items(items))) == len(items)


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alikes_of_several_sources_stay_apart(name: str) -> None:
    count = len(LOOK_ALIKES[name][1])
    items = [print_items(name, f"source-{number}")[number] for number in range(count)]
    assert len(partition(number_items(items))) == count


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_headlines_alone_of_one_source_stay_apart(name: str) -> None:
    items = [replace(item, text="") for item in print_items(name, "harbour")]
    assert len(partition(number_items(items))) == len(items)


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_each_look_alike_finds_its_own_copy(name: str) -> None:
    """Another source carries them all, from another keyboard and half an hour later."""
    first = print_items(name, "harbour")
    second = [
        make_entry(
            source_id="ferry",
            url=item.url,
            title=write_otherwise(item.title),
            text=write_otherwise(item.text),
            published_at=item.published_at + HOUR / 2,
        )
        for item in print_items(name, "ferry")
    ]
    count = len(first)
    expected = {frozenset((n, n + count)) for n in range(count)}
    assert partition(number_items([*first, *second])) == expected
    known = number_items(first)
    fresh = [make_candidate(n + count, item) for n, item in enumerate(second)]
    assert partition(fresh, known) == expected


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_column_under_one_address_is_a_new_article_every_day(name: str) -> None:
    """One source's guids are new each day, its address is not."""
    items = [
        make_entry(guid=item.guid, url="https://harbour.example/column", title=item.title, text=item.text)
        for item in print_items(name, "harbour")
    ]
    assert len(partition(number_items(items))) == len(items)


@pytest.mark.parametrize("name", ["gold by day", "prayer times", "sessions 1 and 2 of a trial"])
def test_a_column_that_two_feeds_of_one_site_carry_is_a_new_article_every_day(name: str) -> None:
    """The site's main feed and its section feed list the same address; yesterday's copy is no bridge."""
    items = [
        make_entry(
            source_id=source,
            guid=item.guid,
            url="https://harbour.example/column",
            title=item.title,
            text=item.text,
            published_at=item.published_at + hours * HOUR,
        )
        for hours, source in enumerate(("main", "section"))
        for item in print_items(name, source)
    ]
    count = len(items) // 2
    assert partition(number_items(items)) == {frozenset((n, n + count)) for n in range(count)}


# --- who leads ------------------------------------------------------------------------------------


def test_the_earliest_of_several_copies_founds_the_article() -> None:
    times = {1: NOON + HOUR, 2: NOON, 3: NOON + 2 * HOUR}
    fresh = [make_candidate(n, make_entry(source_id=f"s{n}", published_at=at)) for n, at in times.items()]
    assigned = assign_articles(fresh, [])
    assert assigned[2] == Assignment(article_id=None, decision=FOUNDED)
    assert (assigned[1].article_id, assigned[3].article_id) == (2, 2)


def test_a_copy_joins_the_article_of_the_copy_it_matches() -> None:
    """Not an article named like that copy: article 7 was founded by another entry."""
    known = make_candidate(1, make_entry(), article_id=7)
    copy = make_candidate(2, make_entry(source_id="ferry"))
    assert assign_articles([copy], [known])[2].article_id == 7


def test_a_copy_older_than_what_we_have_joins_it_all_the_same() -> None:
    known = make_candidate(1, make_entry())
    older = make_candidate(2, make_entry(source_id="ferry", published_at=NOON - DAY))
    assert assign_articles([older], [known])[2].article_id == 1


def test_nothing_fresh_nothing_decided() -> None:
    assert assign_articles([], [make_candidate(1, make_entry())]) == {}


# --- laws -----------------------------------------------------------------------------------------

PRINTS = st.builds(
    Fingerprint,
    url_key=st.sampled_from([None, 1, 2]),
    title_key=st.sampled_from([21, 22]),
    text_key=st.sampled_from([None, 11, 12]),
)
HOURS = st.sampled_from([0, 1, 24, 71, 72, 73, 100, 168, 169])


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[Candidate], list[Candidate]]:
    """Fresh entries, and known ones of an article each, close together in every respect."""
    count = draw(st.integers(1, 8))
    numbers = draw(st.permutations(range(count)))
    everyone = [
        Candidate(
            entry_id=number,
            article_id=number,
            source_id=draw(st.sampled_from("abc")),
            fingerprint=draw(PRINTS),
            published_at=NOON + draw(HOURS) * HOUR,
        )
        for number in numbers
    ]
    border = draw(st.integers(1, count))
    return everyone[:border], everyone[border:]


def shares_a_key(one: Candidate, other: Candidate) -> bool:
    pairs = (
        (one.fingerprint.url_key, other.fingerprint.url_key),
        (one.fingerprint.text_key, other.fingerprint.text_key),
    )
    return any(mine is not None and mine == theirs for mine, theirs in pairs)


@given(crowds(), st.randoms(use_true_random=False))
def test_the_order_of_input_does_not_matter(
    crowd: tuple[list[Candidate], list[Candidate]], chance: Any
) -> None:
    fresh, known = crowd
    expected = assign_articles(fresh, known)
    shuffled, shuffled_known = fresh[:], known[:]
    chance.shuffle(shuffled)
    chance.shuffle(shuffled_known)
    assert assign_articles(shuffled, shuffled_known) == expected


@given(st.permutations(range(1, 6)))
def test_of_two_groups_that_are_equally_certain_it_joins_the_likelier(ids: list[int]) -> None:
    """Whatever the ids are: they say nothing about a text."""
    words = ["".join(letters) for letters in product("bdfgklmn", "aeiou", "rst")]
    first, second = words[:60], words[60:]
    texts = [first + second, first, first[:50], second, second[:50]]
    entries = [
        make_entry(source_id=f"s{n}", url=None, title=" ".join(text[:6]), text=" ".join(text))
        for n, text in enumerate(texts)
    ]
    groups = partition([make_candidate(number, entry) for number, entry in zip(ids, entries, strict=True)])
    assert groups == {frozenset(ids[:3]), frozenset(ids[3:])}


@given(crowds())
def test_every_fresh_entry_founds_an_article_or_joins_one_that_is(
    crowd: tuple[list[Candidate], list[Candidate]],
) -> None:
    fresh, known = crowd
    assigned = assign_articles(fresh, known)
    founders = {i for i, a in assigned.items() if a.article_id is None}
    assert assigned.keys() == {c.entry_id for c in fresh}
    for assignment in assigned.values():
        assert (assignment.article_id is None) == (assignment.decision.rule == FOUNDED.rule)
        assert assignment.article_id in {None, *founders, *(c.article_id for c in known)}


@given(crowds())
def test_every_merge_rests_on_a_member_that_bears_it_out(
    crowd: tuple[list[Candidate], list[Candidate]],
) -> None:
    fresh, known = crowd
    everyone = {c.entry_id: c for c in [*fresh, *known]}
    for group in partition(fresh, known):
        for number in group:
            decided = assign_articles(fresh, known).get(number)
            if decided is None or decided.article_id is None:
                continue
            assert any(
                bears_out(decided.decision.rule, everyone[number], everyone[n]) for n in group - {number}
            )


def bears_out(rule: str, entry: Candidate, other: Candidate) -> bool:
    mine, theirs = entry.fingerprint, other.fingerprint
    same_url = mine.url_key is not None and mine.url_key == theirs.url_key
    same_words = mine.text_key == theirs.text_key and (mine.text_key or mine.title_key == theirs.title_key)
    apart = abs(entry.published_at - other.published_at)
    if rule == "repeated":
        placeless = mine.url_key is None and theirs.url_key is None and not apart
        agree = (same_url or placeless) and bool(same_words) and apart <= 72 * HOUR
        return agree and entry.source_id == other.source_id
    if entry.source_id == other.source_id:
        return False
    if rule == "same-url":
        return same_url and apart <= 7 * DAY
    return mine.text_key is not None and mine.text_key == theirs.text_key and apart <= 72 * HOUR


@given(crowds())
def test_entries_of_one_source_share_an_article_only_when_one_repeats_another(
    crowd: tuple[list[Candidate], list[Candidate]],
) -> None:
    """Of entries that have a key in common; a copy in another source is no bridge between them."""
    fresh, known = crowd
    in_order = [*known, *sorted(fresh, key=lambda c: (c.published_at, c.entry_id))]
    groups = partition(fresh, known)
    for entry in fresh:
        (group,) = (g for g in groups if entry.entry_id in g)
        before = in_order[: in_order.index(entry)]
        own = [c for c in before if c.source_id == entry.source_id and c.entry_id in group]
        near = [c for c in own if shares_a_key(c, entry)]
        assert not near or any(bears_out("repeated", entry, other) for other in own)
