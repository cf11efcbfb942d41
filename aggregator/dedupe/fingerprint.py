"""What entries are compared by: hashes of URL, title and text, a sketch, and the folded words themselves."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

from aggregator.dedupe.boilerplate import strip_boilerplate
from aggregator.dedupe.shingles import make_sketch
from aggregator.model import Boilerplate, Entry, Fingerprint
from aggregator.text import fold
from aggregator.urls import canonical_url, is_root_url

# Below this a text says too little to be known by: a headline repeated, 'Read more', a caption.
MIN_TEXT_LETTERS = 80
MAX_WORDS = 1500  # of what is longer the beginning says enough

# Arabic writes "and 24" in one word, and units behind their numbers.
_BESIDE_NUMBER = re.compile(r"(?<=[^\W\d])(?=\d)|(?<=\d)(?=[^\W\d])")


def fingerprint_entries(
    entries: Sequence[Entry],
    *,
    other_urls: Sequence[str | None] = (),
    boilerplate: Boilerplate | None = None,
) -> tuple[Fingerprint, ...]:
    """One fingerprint per entry of one document, in order, the boilerplate of its source left out.

    A URL that several items of the document share, or that is a site's root, names a page and not an
    article: no entry is known by it. `other_urls` are those of the document's items that are not given.
    """
    urls = [_find_identity(e.url) for e in entries]
    counts = Counter([*urls, *map(_find_identity, other_urls)])
    shared = {url for url, count in counts.items() if count > 1}
    return tuple(
        _fingerprint(entry, None if url in shared else url, boilerplate or Boilerplate())
        for entry, url in zip(entries, urls, strict=True)
    )


def _find_identity(url: str | None) -> str | None:
    return None if url is None or is_root_url(url) else canonical_url(url)


def _fingerprint(entry: Entry, url: str | None, boilerplate: Boilerplate) -> Fingerprint:
    title = fold(entry.title)
    text = " ".join(strip_boilerplate(fold(entry.text).split(), boilerplate))
    headline, words = _split(title), _split(text)[:MAX_WORDS]
    return Fingerprint(
        url_key=None if url is None else _key(url),
        title_key=_key(title),
        text_key=_key(f"{title}\n{text}") if len(text) >= MIN_TEXT_LETTERS else None,
        sketch=make_sketch(headline + words),
        folded=f"{' '.join(headline)}\n{' '.join(words)}",
    )


def _split(folded: str) -> list[str]:
    words: list[str] = []
    for word in folded.split():
        if word.isalpha():
            words.append(word)
        else:
            words += _BESIDE_NUMBER.sub(" ", word).split()
    return words


def _key(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1
