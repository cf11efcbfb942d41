"""What a reader types into the search field -> SearchQuery.

    words               each must occur, in any form of the word
    "a phrase"          its words in a row; «» and “” do as well
    -word -"a phrase"   must not occur
    source:ID           an outlet; section:ID a section; several of a kind: any of them; with - none of them
    on:2026-11-24       that day in the site's time zone; after: from it on; before: up to the day before it

Anything else is words, whatever it looks like: there is no malformed query.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from aggregator.model import SearchProblem, SearchQuery, SearchTerm, SearchTrouble, Site
from aggregator.stems import stem_words
from aggregator.text import fold

MAX_WORDS = 10
MAX_CHARS = 300

_QUOTES = '"“”„«»'
_PART = re.compile(
    rf"(?P<minus>(?<!\S)-)?(?:(?P<name>[A-Za-z]+):)?"
    rf"(?:[{_QUOTES}](?P<phrase>[^{_QUOTES}]*)[{_QUOTES}]?|(?P<word>[^\s{_QUOTES}]+))"
)


def parse_query(
    text: str, *, site: Site, edition: str, source_ids: Collection[str], languages: Sequence[str]
) -> tuple[SearchQuery, tuple[SearchProblem, ...]]:
    """The query that a text asks for, and what in it cannot be: whoever has such a problem finds nothing.

    `languages` are those whose words are in the index: a word is looked for as each of them would stem it.
    """
    asked = _Asked()
    if len(text) > MAX_CHARS:
        asked.blame("many", f"{text[:20]}…")
    sections = {s.id: s.ref for s in site.list_sections(edition)}
    sections |= {old: s.ref for s in site.list_sections(edition) for old in s.old_ids if old not in sections}
    for part in _split(text[:MAX_CHARS]):
        match part.name:
            case "source":
                _add_place(asked, part, {source_id: source_id for source_id in source_ids})
            case "section":
                _add_place(asked, part, sections)
            case "after" | "before" | "on":
                _add_days(asked, part, site)
            case _:
                _add_term(asked, part, languages)
    return _conclude(asked, edition)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    name: str  # of an operator; "": none
    value: str
    excluded: bool
    written: str


@dataclass(slots=True)
class _Asked:
    """A query under construction."""

    terms: list[SearchTerm] = field(default_factory=list)
    words: int = 0
    places: dict[tuple[str, bool], list[str]] = field(default_factory=dict)  # by operator and exclusion
    since: list[datetime] = field(default_factory=list)
    before: list[datetime] = field(default_factory=list)
    problems: list[SearchProblem] = field(default_factory=list)

    def blame(self, trouble: SearchTrouble, value: str) -> None:
        self.problems.append(SearchProblem(trouble=trouble, value=value))


def _split(text: str) -> Iterator[_Part]:
    for match in _PART.finditer(text):
        name, phrase, word = match["name"] or "", match["phrase"], match["word"]
        value = word if phrase is None else phrase
        known = name.lower() in ("source", "section", "after", "before", "on")
        yield _Part(
            name=name.lower() if known else "",
            value=value if known or not name else f"{name}:{value}",
            excluded=match["minus"] is not None,
            written=match[0],
        )


def _add_place(asked: _Asked, part: _Part, known: dict[str, str]) -> None:
    place = known.get(part.value.strip().lower())
    if place is None:
        asked.blame("source" if part.name == "source" else "section", part.value)
    else:
        asked.places.setdefault((part.name, part.excluded), []).append(place)


def _add_days(asked: _Asked, part: _Part, site: Site) -> None:
    try:
        year, month, day = map(int, fold(part.value).split())
        starts_at = _start_day(date(year, month, day), site)
        ends_at = _start_day(date(year, month, day) + timedelta(days=1), site)
    except (ValueError, OverflowError):
        asked.blame("date", part.written)
        return
    if part.excluded:
        asked.blame("date", part.written)
    if part.name != "before":
        asked.since.append(starts_at)
    if part.name == "before":
        asked.before.append(starts_at)
    elif part.name == "on":
        asked.before.append(ends_at)


def _start_day(day: date, site: Site) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=site.timezone).astimezone(UTC)


def _add_term(asked: _Asked, part: _Part, languages: Sequence[str]) -> None:
    words = fold(part.value).split()
    if not words:
        return
    asked.words += len(words)
    readings = [words, *(stem_words(words, language) for language in languages)]
    distinct = dict.fromkeys(map(tuple, readings))
    asked.terms.append(SearchTerm(readings=tuple(distinct), excluded=part.excluded))


def _conclude(asked: _Asked, edition: str) -> tuple[SearchQuery, tuple[SearchProblem, ...]]:
    since, before = max(asked.since, default=None), min(asked.before, default=None)
    if asked.words > MAX_WORDS:
        asked.blame("many", str(asked.words))
    if since is not None and before is not None and since >= before:
        asked.blame("order", "")
    query = SearchQuery(
        edition=edition,
        terms=tuple(asked.terms),
        sources=tuple(asked.places.get(("source", False), ())),
        sections=tuple(asked.places.get(("section", False), ())),
        not_sources=tuple(asked.places.get(("source", True), ())),
        not_sections=tuple(asked.places.get(("section", True), ())),
        since=since,
        before=before,
    )
    return query, tuple(dict.fromkeys(asked.problems))
