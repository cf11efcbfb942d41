"""Feeds of made-up news for the benches: as many documents as wanted, no two texts alike.

The words are no words, but come as often as words do (Zipf's law, in a vocabulary of 20,000), so that two
texts share single words and hardly ever three in a row, like unrelated articles. Filler made of a few
phrases would keep deduplication busy with neighbours that news does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random
from typing import Literal

from aggregator.demo.documents import DemoFeed, DemoItem, Format, render_document

Lang = Literal["ar", "en"]

VOCABULARY = 20_000
FROM = datetime(2026, 1, 1, tzinfo=UTC)
_SYLLABLES = {
    "ar": (
        "با تا جا حا دا را سا عا فا قا كا لا ما نا ها وا يا بر تم جد حل در رس سف عل فر قو كت لم من نو هد يس"
    ).split(),
    "en": (
        "ba co de fi go ha in ju ka lo mi no or pe qui ra so ta un ve wa ing er est al tion ment ou ly"
    ).split(),
}


def make_document(
    format: Format, lang: Lang, *, seed: int, items: int, item_bytes: int, marked_up: bool, host: str = ""
) -> bytes:
    """Make a feed of `items` items with texts of about `item_bytes` of UTF-8; same arguments, same feed."""
    host = host or f"site{seed}.example"
    feed = DemoFeed(
        title=f"Source {seed}",
        link=f"https://{host}/",
        lang=lang,
        items=tuple(_make_items(lang, seed, items, item_bytes, marked_up, host)),
    )
    return render_document(format, feed)


def render_config(urls: Iterable[str], *more: str) -> str:
    """The configuration of sources s0, s1 ... on loopback, each with the keys `more`."""
    parts = ['[fetch]\nallow_networks = ["127.0.0.0/8"]\n\n[[section]]\nid = "world"']
    for n, url in enumerate(urls):
        keys = (f'id = "s{n}"', f'url = "{url}"', 'section = "world"', *more)
        parts.append("\n".join(("[[source]]", *keys)))
    return "\n\n".join(parts)


def _make_items(
    lang: Lang, seed: int, items: int, item_bytes: int, marked_up: bool, host: str
) -> Iterator[DemoItem]:
    for number in range(items, 0, -1):
        dice = Random(f"{lang}/{seed}/{number}")
        url = f"https://{host}/{lang}/{number}"
        paragraphs = list(_make_paragraphs(dice, lang, item_bytes // 2 if marked_up else item_bytes))
        if marked_up:
            paragraphs = [_mark_up(dice, text, f"{url}/{place}") for place, text in enumerate(paragraphs)]
        published_at = FROM + timedelta(minutes=19 * number, seconds=seed % 60)
        yield DemoItem(
            guid=url,
            url=url,
            title=make_sentence(dice, lang, 9).rstrip("."),
            summary=make_sentence(dice, lang, 25),
            html="\n".join(f"<p>{text}</p>" for text in paragraphs),
            author=" ".join(_draw(dice, lang, 2)).title(),
            categories=tuple(_draw(dice, lang, 2)),
            published_at=published_at,
            updated_at=published_at,
        )


def _make_paragraphs(dice: Random, lang: Lang, size_bytes: int) -> Iterator[str]:
    size = 0
    while size < size_bytes:
        paragraph = " ".join(make_sentence(dice, lang, dice.randint(8, 25)) for _ in range(3))
        size += len(paragraph.encode())
        yield paragraph


def make_sentence(dice: Random, lang: Lang, words: int) -> str:
    sentence = " ".join(_draw(dice, lang, words))
    return sentence[0].upper() + sentence[1:] + "."


def _mark_up(dice: Random, text: str, url: str) -> str:
    """Links, emphasis and a picture, at the rate of a news site's texts."""
    words = text.split(" ")
    for place in range(3, len(words) - 1, 8):
        if dice.random() < 0.5:
            words[place] = f"<strong>{words[place]}</strong>"
        else:
            address = f"{url}/{place}?from=feed&amp;n={place}"
            words[place] = (
                f'<a href="{address}" title="More" target="_blank" class="topic">{words[place]}</a>'
            )
    picture = (
        f'<figure class="lead"><img src="{url}.jpg" alt="{words[0]}" width="640" height="360"/>'
        f"<figcaption>{words[1]}</figcaption></figure>"
    )
    return f"{' '.join(words)}</p>\n{picture}\n<p>{words[-1]}"


def _draw(dice: Random, lang: Lang, count: int) -> list[str]:
    words, weights = _list_words(lang)
    return dice.choices(words, cum_weights=weights, k=count)


@cache
def _list_words(lang: Lang) -> tuple[list[str], list[float]]:
    dice = Random(lang)
    words = list(dict.fromkeys(_make_word(dice, lang) for _ in range(2 * VOCABULARY)))[:VOCABULARY]
    words.sort(key=len)  # the common ones are short
    return words, list(accumulate(1 / (rank + 3) for rank in range(len(words))))


def _make_word(dice: Random, lang: Lang) -> str:
    return "".join(dice.choices(_SYLLABLES[lang], k=dice.randint(1, 4)))
