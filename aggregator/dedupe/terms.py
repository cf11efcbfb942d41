"""What an article is about, as weighted terms: folded words, without function words, stemmed and cut short.

A term is known by 31 bits of CRC-32 over language and stem: it fits an integer column, and two languages
share none. The weights of `Terms` need no count of articles; `weigh_terms` makes of them a tf-idf vector when
it is known how rare the terms are.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from zlib import crc32

from aggregator.dedupe.common import COMMON_WORDS, PRIOR_ARTICLES
from aggregator.stems import find_language, list_function_words, stem_word
from aggregator.text import fold

TITLE_WEIGHT = 3  # a word of the title counts as three of the text
LEAD_WEIGHT = 2
LEAD_WORDS = 60
READ_WORDS = 400  # of the text: what an inquiry's report says on page 20 is not the news
STEM_LETTERS = 6  # "Ukraine" and "Ukrainian" are one in a headline; so are "separatist" and "separation"
KEPT_TERMS = 100
COMPARED_TERMS = 50
SALIENT_TERMS = 16
NAMED_TERMS = 24

_WORDS_REMEMBERED = 65_536  # of a language
_VECTORS_REMEMBERED = 2048  # some 10 MB: the articles of a story are looked at by one batch after another
_NO_TERM = -1  # of function words and single letters

_HEAD = struct.Struct("<3sB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """An article's terms before it is known how rare they are."""

    lang: str  # the primary subtag that the words were stemmed by
    weights: Mapping[int, float]
    words: Mapping[int, str]  # how the text writes them, folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """An article among others: weights by rarity, of length 1, the heaviest first; empty without terms."""

    lang: str
    weights: Mapping[int, float]
    words: Mapping[int, str]  # of the heaviest `NAMED_TERMS`


def extract_terms(title: str, text: str, lang: str) -> Terms:
    """The terms of an article: the `KEPT_TERMS` heaviest by count and by their rarity in news at large.

    `lang` is a BCP 47 tag. When it is "und" (Latin letters of an unlabelled feed), the language whose
    function words the text is full of is taken.
    """
    return count_terms(fold(title).split(), list_read(fold(_cut(text))), lang)


def list_read(folded: str) -> list[str]:
    """The words of a folded text that `count_terms` would look at."""
    return _cut(folded).split()[:READ_WORDS]


def count_terms(headline: list[str], body: list[str], lang: str) -> Terms:
    """Do the same for the folded words of title and text, of this no more than `READ_WORDS`."""
    language = find_language(lang, headline + body)
    terms = list(map(_open_dictionary(language).__getitem__, headline + body))
    in_title, in_body = terms[: len(headline)], terms[len(headline) :]
    # Counted by C, each as often as it weighs: a loop in Python takes three times as long.
    counts = Counter(in_title * TITLE_WEIGHT + in_body[:LEAD_WORDS] * LEAD_WEIGHT + in_body[LEAD_WORDS:])
    counts.pop(_NO_TERM, None)
    words = dict(zip(reversed(terms), reversed(headline + body), strict=True))  # of several, the first
    rates, unseen = _list_rates(language), _rate_prior(0.0)
    damped = {count: math.log1p(count) for count in set(counts.values())}
    rarest = {count: -weight * unseen for count, weight in damped.items()}
    rarities = {term: rarest[count] for term, count in counts.items()}
    rarities |= {term: -damped[counts[term]] * rates[term] for term in counts.keys() & rates.keys()}
    kept = sorted(rarities, key=rarities.__getitem__)[:KEPT_TERMS]
    return Terms(
        lang=language,
        weights={term: damped[counts[term]] for term in kept},
        words={term: words[term] for term in kept},
    )


def find_term(word: str, language: str) -> int | None:
    """The term of a folded word; None for function words and single letters."""
    term = _open_dictionary(language)[word]
    return None if term == _NO_TERM else term


def count_key(language: str) -> int:
    """Under this term the store counts the articles of the language, beside the articles of each term."""
    return crc32(f"{language}:".encode()) >> 1


def list_counted(terms: Terms) -> tuple[int, ...]:
    """The terms whose counts rise by one for this article; the first is the language's own."""
    return (count_key(terms.lang), *terms.weights)


def weigh_terms(terms: Terms, counts: Mapping[int, float]) -> Vector:
    """The heaviest `COMPARED_TERMS` by tf-idf.

    `counts` holds the articles seen per term (a missing term: none) and, under `count_key`, of the language.
    """
    prior = _list_priors(terms.lang)
    total = math.log(counts.get(count_key(terms.lang), 0.0) + PRIOR_ARTICLES + 1)
    count_of, prior_of, log = counts.get, prior.get, math.log
    weighed = [
        (weight * rarity, term)
        for term, weight in terms.weights.items()
        if (rarity := total - log(count_of(term, 0.0) + prior_of(term, 0.0) + 0.5)) > 0
    ]
    weighed.sort(reverse=True)
    del weighed[COMPARED_TERMS:]
    length = math.sqrt(sum(weight * weight for weight, _ in weighed))
    return Vector(
        lang=terms.lang,
        weights={term: weight / length for weight, term in weighed},
        words={term: terms.words[term] for _, term in weighed[:NAMED_TERMS]},
    )


def list_salient(vector: Vector) -> tuple[int, ...]:
    """The heaviest terms: an article is indexed and looked up under these."""
    return tuple(islice(vector.weights, SALIENT_TERMS))


def measure_likeness(one: Vector, other: Vector) -> float:
    """The cosine, 0 to 1; 0 for two languages."""
    few, many = one.weights, other.weights
    if len(few) > len(many):
        few, many = many, few
    total = 0.0
    for term, weight in few.items():
        if term in many:
            total += weight * many[term]
    return total


def list_shared(one: Vector, other: Vector, limit: int = 5) -> tuple[str, ...]:
    """The common words that weigh most in both, among those that either vector can name."""
    shared = sorted(
        (term for term in one.weights if term in other.weights),
        key=lambda term: -one.weights[term] * other.weights[term],
    )
    names = {**other.words, **one.words}
    return tuple(islice((names[term] for term in shared if term in names), limit))


def pack_vector(vector: Vector) -> bytes:
    """For the store: five bytes a term, and the words of the heaviest."""
    count = len(vector.weights)
    quanta = bytes(round(weight * 255) for weight in vector.weights.values())
    head = _HEAD.pack(vector.lang.encode(), count)
    words = " ".join(vector.words.get(term, "") for term in islice(vector.weights, NAMED_TERMS))
    return head + struct.pack(f"<{count}I", *vector.weights) + quanta + words.encode()


@lru_cache(maxsize=_VECTORS_REMEMBERED)
def unpack_vector(packed: bytes) -> Vector:
    """What `pack_vector` made, the weights to 1/255."""
    lang, count = _HEAD.unpack_from(packed)
    terms = struct.unpack_from(f"<{count}I", packed, _HEAD.size)
    start = _HEAD.size + 4 * count
    quanta = packed[start : start + count]
    words = packed[start + count :].decode().split(" ")
    return Vector(
        lang=lang.rstrip(b"\0").decode(),
        weights={term: quantum / 255 for term, quantum in zip(terms, quanta, strict=True)},
        words={term: word for term, word in zip(terms, words, strict=False) if word},
    )


def _cut(text: str) -> str:
    """Enough of the text for `READ_WORDS`, so that folding a book costs no more than folding an article."""
    return text[: 12 * READ_WORDS]


def _rate_prior(seen: float) -> float:
    return _PRIOR_TOTAL - math.log(seen + 0.5)


class _Dictionary(dict[str, int]):
    """The terms of the words of a language that were asked for lately, _NO_TERM among them."""

    def __init__(self, language: str) -> None:
        self._language = language

    def __missing__(self, word: str) -> int:
        if len(self) >= _WORDS_REMEMBERED:
            self.clear()
        if word in list_function_words(self._language) or (len(word) == 1 and word.isascii()):
            term = _NO_TERM
        else:
            term = crc32(f"{self._language}:{_stem(word, self._language)}".encode()) >> 1
        self[word] = term
        return term


_open_dictionary = lru_cache(maxsize=64)(_Dictionary)


def _stem(word: str, language: str) -> str:
    stem = stem_word(word, language)
    return stem[:STEM_LETTERS] if stem.isalpha() else stem


@lru_cache(maxsize=64)
def _list_priors(language: str) -> dict[int, float]:
    """How many of `PRIOR_ARTICLES` have the term; of words with one stem the commonest counts."""
    priors: dict[int, float] = {}
    for percent, words in COMMON_WORDS.get(language, {}).items():
        for term in _find_terms(fold(words).split(), language):
            priors[term] = max(priors.get(term, 0.0), percent / 100 * PRIOR_ARTICLES)
    return priors


@lru_cache(maxsize=64)
def _list_rates(language: str) -> dict[int, float]:
    return {term: _rate_prior(seen) for term, seen in _list_priors(language).items()}


def _find_terms(words: Iterable[str], language: str) -> set[int]:
    return {term for word in words if (term := find_term(word, language)) is not None}


_PRIOR_TOTAL = math.log(PRIOR_ARTICLES + 1)
