"""Items of several sources for the tests of dedupe; all texts are our own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from aggregator.dedupe.fingerprint import fingerprint_entries
from aggregator.model import Candidate, Entry

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

TITLE = "رسو سفينة القمح في ميناء طرابلس"
TEXT = (
    "رست السفينة في الميناء صباح اليوم وعلى متنها 20 ألف طن من القمح، "
    "وقال مدير الميناء إن التفريغ ينتهي قبل المساء وإن الشاحنات تنتظر على الرصيف."
)

_INDIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
_OTHER_HAND = str.maketrans(
    {"ا": "اَ", "أ": "ا", "إ": "ا", "ي": "ی", "ك": "ک", "ة": "ه", "م": "مـ", "،": " -"}
)


def make_entry(**changes: Any) -> Entry:
    entry = Entry(
        source_id="harbour",
        guid="1",
        url="https://harbour.example/news/1",
        title=TITLE,
        content_html="",
        text=TEXT,
        excerpt="",
        authors=(),
        categories=(),
        image=None,
        enclosures=(),
        lang="ar",
        dir="rtl",
        published_at=NOON,
        updated_at=NOON,
        first_seen_at=NOON,
        raw_hash=b"",
        content_hash=b"",
    )
    return replace(entry, **changes)


def make_candidate(entry_id: int, entry: Entry, *, article_id: int | None = None) -> Candidate:
    """The entry as the only one of its document."""
    (fingerprint,) = fingerprint_entries([entry])
    return Candidate(
        entry_id=entry_id,
        article_id=entry_id if article_id is None else article_id,
        source_id=entry.source_id,
        fingerprint=fingerprint,
        published_at=entry.published_at,
    )


def write_otherwise(text: str) -> str:
    """The same words from another keyboard and another style book."""
    return "\u200f" + text.translate(_OTHER_HAND).translate(_INDIC) + " "


def group_by_article(articles: dict[int, int]) -> set[frozenset[int]]:
    """The partition that a mapping of entries to articles makes."""
    groups: dict[int, set[int]] = {}
    for entry, article in articles.items():
        groups.setdefault(article, set()).add(entry)
    return {frozenset(group) for group in groups.values()}


def number_items(items: Sequence[Entry]) -> list[Candidate]:
    return [make_candidate(number, entry) for number, entry in enumerate(items)]
