"""What a publisher begins or ends its texts with: no part of what two entries are compared by.

"View on ...", a line about an app, the name of the agency: where texts are short, two that share nothing but
such an ending would look like copies. It is learned from the documents of a source, as runs of words that
at least half of the texts of a document have at their end or at their beginning, and kept with the source for
the documents that bring one new text alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from aggregator.model import Boilerplate
from aggregator.text import fold

LEAST_TEXTS = 4  # of a document that teaches anything
LEAST_SHARE = 0.5
LEAST_WORDS, MOST_WORDS = 4, 60
KEPT = 4  # endings of a source, and beginnings: those learned last
_LOOKED_AT = 10 * MOST_WORDS  # characters
LEAST_LEFT = 12  # words of a text; a shorter one is left as it is

Words = Sequence[str]


def learn_boilerplate(texts: Sequence[str], known: Boilerplate) -> Boilerplate:
    """`known` and what the texts of one document teach."""
    if len(texts) < LEAST_TEXTS:
        return known
    ends = [fold(text[-_LOOKED_AT:]).split()[::-1] for text in texts]
    return Boilerplate(
        heads=_learn([fold(text[:_LOOKED_AT]).split() for text in texts], known.heads),
        tails=_learn(ends, known.tails),
    )


def strip_boilerplate(text: Words, known: Boilerplate) -> Words:
    """A folded text without the longest beginning and the longest ending that it has of those known."""
    head, tail = _find_length(text, known.heads), _find_length(text[::-1], known.tails)
    return text[head : len(text) - tail] if len(text) - head - tail >= LEAST_LEFT else text


def _learn(texts: Sequence[Words], known: tuple[str, ...]) -> tuple[str, ...]:
    """Beginnings; what is at the end of texts comes as the beginning of texts turned round."""
    learned = _find_common(texts)
    return tuple(dict.fromkeys((learned, *known) if learned else known))[:KEPT]


def _find_common(texts: Sequence[Words]) -> str:
    """The words that most texts begin with; "" where they are too few."""
    needed = max(LEAST_TEXTS - 1, LEAST_SHARE * len(texts))
    alike, common = texts, list[str]()
    while len(common) < MOST_WORDS:
        following = Counter(text[len(common)] for text in alike if len(text) > len(common))
        word, count = max(following.items(), key=lambda item: item[1], default=("", 0))
        if count < needed:
            break
        alike = [text for text in alike if len(text) > len(common) and text[len(common)] == word]
        common.append(word)
    return " ".join(common) if len(common) >= LEAST_WORDS else ""


def _find_length(text: Words, beginnings: tuple[str, ...]) -> int:
    lengths = (len(words) for words in map(str.split, beginnings) if list(text[: len(words)]) == words)
    return max(lengths, default=0)
