"""What a publisher puts before and after its texts is learned, and left out of what copies are known by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.dedupe.articles import assign_articles
from aggregator.dedupe.boilerplate import KEPT, LEAST_LEFT, learn_boilerplate, strip_boilerplate
from aggregator.dedupe.fingerprint import fingerprint_entries
from aggregator.model import Boilerplate, Candidate
from aggregator.text import fold
from tests.dedupe.samples import NOON, make_entry

APP = (
    "شاهد الخبر كاملا على موقعنا وتابعوا آخر الأخبار العاجلة عبر تطبيقنا المجاني للهواتف الذكية "
    "جميع الحقوق محفوظة"
)
AGENCY = "Sahel Press Agency from our correspondent"
NOTHING = Boilerplate()


def make_texts(number: int, *, head: str = "", tail: str = "") -> list[str]:
    """Texts that have no word in common but head and tail."""
    bodies = (" ".join(f"w{n}x{word}" for word in range(15 + n)) for n in range(number))
    return [f"{head} {body} {tail}".strip() for body in bodies]


LESSONS = {
    "every text ends with it": (make_texts(4, tail=APP), [], [APP]),
    "every text begins with it": (make_texts(4, head=AGENCY), [AGENCY], []),
    "both": (make_texts(6, head=AGENCY, tail=APP), [AGENCY], [APP]),
    "half of the texts have it": (make_texts(3, tail=APP) + make_texts(3), [], [APP]),
    "fewer than half have it": (make_texts(3, tail=APP) + make_texts(4), [], []),
    "three texts teach nothing": (make_texts(3, tail=APP), [], []),
    "three words are no boilerplate": (make_texts(5, tail="said the mayor"), [], []),
    "no texts": ([], [], []),
    "texts without words": (["", "", "", "", ""], [], []),
}


@pytest.mark.parametrize(("texts", "heads", "tails"), LESSONS.values(), ids=LESSONS.keys())
def test_a_document_teaches(texts: list[str], heads: list[str], tails: list[str]) -> None:
    learned = learn_boilerplate(texts, NOTHING)
    assert learned.heads == tuple(map(fold, heads))
    assert learned.tails == tuple(" ".join(fold(tail).split()[::-1]) for tail in tails)


def test_what_was_learned_stays_and_the_oldest_goes_first() -> None:
    known = NOTHING
    tails = [f"read number{n} more on our{n} website" for n in range(KEPT + 1)]
    for tail in tails:
        known = learn_boilerplate(make_texts(4, tail=tail), known)
        known = learn_boilerplate(make_texts(2), known)
    assert known.tails == tuple(" ".join(tail.split()[::-1]) for tail in reversed(tails[1:]))


def test_the_longest_is_stripped_and_of_a_short_text_nothing() -> None:
    known = Boilerplate(heads=(), tails=("website our on", "website our on more read"))
    body = [f"w{n}" for n in range(LEAST_LEFT)]
    assert strip_boilerplate([*body, *"read more on our website".split()], known) == body
    short = [*body[1:], *"read more on our website".split()]
    assert strip_boilerplate(short, known) == short


@given(st.lists(st.text("ab ", max_size=40), max_size=8), st.lists(st.text("ab ", max_size=40), max_size=8))
def test_stripping_takes_words_from_the_ends_alone(texts: list[str], others: list[str]) -> None:
    known = learn_boilerplate(others, learn_boilerplate(texts, NOTHING))
    for text in map(str.split, texts):
        rest = list(strip_boilerplate(text, known))
        assert len(rest) >= min(len(text), LEAST_LEFT)
        assert any(text[start : start + len(rest)] == rest for start in range(len(text) - len(rest) + 1))


def test_texts_of_several_feeds_of_one_publisher_stay_apart_though_half_of_each_is_boilerplate() -> None:
    """Without what is learned some are one article: their endings are longer than they are."""
    feeds = [
        [
            make_entry(
                source_id=f"press{feed}",
                guid=str(n),
                url=f"https://press.example/{feed}/{n}",
                title=f"{'abcdefgh'[4 * feed + n]} title",
                text=f"{make_body(4 * feed + n)} {APP} {AGENCY}",
                published_at=NOON,
            )
            for n in range(4)
        ]
        for feed in range(2)
    ]
    assert len(set(find_articles(feeds, learn=False))) < 8
    assert len(set(find_articles(feeds, learn=True))) == 8


def make_body(number: int) -> str:
    return " ".join(f"{'abcdefgh'[number]}{letter}" for letter in "abcdefghijklm")


def find_articles(feeds: list[list[object]], *, learn: bool) -> list[int]:
    candidates = []
    for feed in feeds:
        texts = [entry.text for entry in feed] if learn else []  # type: ignore[attr-defined]
        prints = fingerprint_entries(feed, boilerplate=learn_boilerplate(texts, NOTHING))  # type: ignore[arg-type]
        candidates += [
            Candidate(
                entry_id=hash((entry.source_id, entry.guid)) >> 2,  # type: ignore[attr-defined]
                article_id=0,
                source_id=entry.source_id,  # type: ignore[attr-defined]
                fingerprint=print_,
                published_at=NOON,
            )
            for entry, print_ in zip(feed, prints, strict=True)
        ]
    assigned = assign_articles(candidates, [])
    return [i if each.article_id is None else each.article_id for i, each in assigned.items()]
