"""What polls have read, into the store: new entries with their articles, edited ones, in one transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from aggregator.dedupe.articles import (
    COMMON,
    SAME_URL_WINDOW,
    SHARED_HASHES,
    assign_articles,
    list_touched,
    must_leave,
)
from aggregator.errors import SandboxKilled
from aggregator.model import Assignment, Candidate, PollOutcome, PollResult, ReadEntry
from aggregator.outcome import Exchange
from aggregator.store import Transaction, counters, entries, moves, signatures
from aggregator.store.ids import entry_id

_MOST_AGAIN = 48  # entries of an article that is decided anew: the larger is beyond doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class PollReport:
    """What a poll of one source came to, for whoever asked for it."""

    source_id: str
    outcome: PollOutcome
    new: int = 0
    updated: int = 0
    repeated: int = 0  # known but for their guids
    error: str | None = None
    delays: tuple[timedelta, ...] = field(
        default=(), compare=False
    )  # of the new, from their own dates to now


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What saving would make of an entry."""

    kind: Literal["new", "edited", "known", "pruned"]
    assignment: Assignment | None = None  # only of what is new


def foresee(tx: Transaction, read: Sequence[ReadEntry], *, rank: int) -> tuple[Fate, ...]:
    """What save_results would make of the entries of a source, in order; writes nothing."""
    by_id = {entry_id(r.entry.source_id, r.entry.guid): r for r in read}
    known = entries.find_known(tx, by_id)
    pruned = entries.find_pruned(tx, by_id.keys() - known.keys())
    fresh = {i: r for i, r in by_id.items() if i not in known and i not in pruned}
    candidates = [_candidate(i, r, article_id=i, rank=rank) for i, r in fresh.items()]
    assigned = _assign(tx, candidates)[0] if fresh else {}

    def find_fate(number: int, read_entry: ReadEntry) -> Fate:
        if number in fresh:
            return Fate(kind="new", assignment=assigned[number])
        if number in pruned:
            return Fate(kind="pruned")
        same = known[number].content_hash == read_entry.entry.content_hash
        return Fate(kind="known" if same else "edited")

    return tuple(find_fate(i, r) for i, r in by_id.items())


def save_results(
    tx: Transaction,
    results: Sequence[PollResult],
    *,
    now: datetime,
    overtaken: Collection[str] = (),
    ranks: Mapping[str, int] | None = None,
) -> tuple[PollReport, ...]:
    """Apply what finished polls have read: the new is assigned to articles, the edited is taken over.

    One report per result, in order. Of sources in `overtaken` the store may know later words than the
    results do: nothing of theirs is edited. `ranks` are the places of the sources in the configuration: of
    equal copies the one of the first founds the article.
    """
    by_result = [_entries_by_id(result) for result in results]
    read = {i: r for entries_of_one in by_result for i, r in entries_of_one.items()}
    known = entries.find_known(tx, read)
    buried = entries.touch_tombstones(tx, read.keys() - known.keys(), now=now)
    fresh = {i: r for i, r in read.items() if i not in known and i not in buried}
    edited = {i: r for i, r in read.items() if i in known and known[i].raw_hash != r.entry.raw_hash}
    edited = {i: r for i, r in edited.items() if r.entry.source_id not in overtaken}
    seen = {i: r for i, r in edited.items() if known[i].content_hash != r.entry.content_hash}

    assigned = _insert(tx, fresh, ranks or {}, now=now)
    for number, read_entry in edited.items():
        entries.update_entry(tx, known[number], read_entry, now=now)
    for number, read_entry in seen.items():
        ruled = known[number].article_rule == entries.RULING
        candidate = _candidate(number, read_entry, article_id=known[number].article_id)
        # Not the date of the edited item: there are feeds that bump pubDate at every edit.
        published_at = known[number].published_at
        _reconsider(tx, replace(candidate, ruled=ruled, published_at=published_at), now=now)
    if fresh:
        limit = max(signatures.FORGOTTEN_AT_ONCE, 2 * len(fresh))
        signatures.forget_signatures(tx, before=now - signatures.LIFETIME, limit=limit)
    if fresh or edited:
        entries.bump_revision(tx, now=now)

    again = {i for i, assignment in assigned.items() if assignment.decision.rule == "repeated"}
    fates = (fresh.keys() - again, seen, again)
    return tuple(
        _report(result, read, *fates, now=now) for result, read in zip(results, by_result, strict=True)
    )


def count_polls(
    tx: Transaction,
    exchanges: Sequence[Exchange],
    results: Sequence[PollResult],
    reports: Sequence[PollReport],
) -> None:
    """Count for /metrics what has been saved in this transaction."""
    counts: Counter[tuple[str, str]] = Counter((counters.FETCHES, report.outcome) for report in reports)
    counts[counters.WORKER_KILLS, ""] = sum(isinstance(e.error, SandboxKilled) for e in exchanges)
    cpu_seconds = sum(result.reading.cpu_seconds for result in results if result.reading is not None)
    # The first document of a source is full of what has been there for long.
    known = (r for e, r in zip(exchanges, reports, strict=True) if e.state.last_read_at is not None)
    delays = counters.count_delays(delay for report in known for delay in report.delays)
    counters.add_counts(tx, {**counts, (counters.PARSE_CPU_SECONDS, ""): cpu_seconds, **delays})


def _entries_by_id(result: PollResult) -> dict[int, ReadEntry]:
    read = () if result.reading is None else result.reading.entries
    return {entry_id(e.entry.source_id, e.entry.guid): e for e in read}


def _insert(
    tx: Transaction, fresh: Mapping[int, ReadEntry], ranks: Mapping[str, int], *, now: datetime
) -> dict[int, Assignment]:
    if not fresh:
        return {}
    candidates = [
        _candidate(i, r, article_id=i, rank=ranks.get(r.entry.source_id, len(ranks)))
        for i, r in fresh.items()
    ]
    assigned, members = _assign(tx, candidates)
    merged = Counter(assigned[i].decision.rule for i in fresh if assigned[i].article_id is not None)
    counters.add_counts(tx, {(counters.ARTICLES_MERGED, rule): count for rule, count in merged.items()})
    entries.insert_entries(
        tx, [entries.NewEntry(id=i, read=r, assignment=assigned[i]) for i, r in fresh.items()]
    )
    signatures.record_signatures(tx, candidates, now=now)
    moved = {candidate.entry_id for candidate in members} & assigned.keys()
    moves.move_entries(tx, {entry_id: assigned[entry_id] for entry_id in moved}, now=now)
    return assigned


def _assign(
    tx: Transaction, candidates: Sequence[Candidate]
) -> tuple[dict[int, Assignment], Sequence[Candidate]]:
    """The articles of new entries and of those stored that are decided anew with them, which come second."""
    known = _list_known(tx, candidates)
    again = _list_again(tx, candidates, known)
    staying = [candidate for candidate in known if candidate.article_id not in again]
    members = [candidate for listed in again.values() for candidate in listed]
    return assign_articles(candidates, staying, members), members


def _list_again(
    tx: Transaction, candidates: Sequence[Candidate], known: Sequence[Candidate]
) -> Mapping[int, Sequence[Candidate]]:
    """The stored articles that are decided anew with the new entries, and all their entries."""
    members: defaultdict[int, list[Candidate]] = defaultdict(list)
    for candidate in signatures.list_members(tx, list_touched(candidates, known)):
        members[candidate.article_id].append(candidate)
    return {
        article_id: listed
        for article_id, listed in members.items()
        if len(listed) <= _MOST_AGAIN and not any(candidate.settled for candidate in listed)
    }


def _reconsider(tx: Transaction, edited: Candidate, *, now: datetime) -> None:
    """An edit moves an entry to another article only when it must.

    The one that founded its article stays, and so does what an admin has put where it is.
    """
    if edited.article_id != edited.entry_id and not edited.ruled:
        founder = signatures.find_candidate(tx, edited.article_id)
        if founder is not None and must_leave(edited, founder):
            others = [c for c in _list_known(tx, [edited]) if c.entry_id != edited.entry_id]
            assignment = assign_articles([edited], others)[edited.entry_id]
            if assignment.article_id != edited.article_id:
                entries.move_entry(tx, edited.entry_id, assignment)
    signatures.renew_signature(tx, edited, now=now)


def _list_known(tx: Transaction, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    since = min(c.published_at for c in candidates) - SAME_URL_WINDOW
    return signatures.list_candidates(tx, candidates, since=since, shared=SHARED_HASHES, common=COMMON)


def _candidate(number: int, read: ReadEntry, *, article_id: int, rank: int = 0) -> Candidate:
    return Candidate(
        entry_id=number,
        article_id=article_id,
        source_id=read.entry.source_id,
        fingerprint=read.fingerprint,
        published_at=read.entry.published_at,
        rank=rank,
    )


def _report(
    result: PollResult,
    ids: Mapping[int, ReadEntry],
    fresh: Collection[int],
    seen: Collection[int],
    again: Collection[int],
    *,
    now: datetime,
) -> PollReport:
    return PollReport(
        source_id=result.source_id,
        outcome=result.outcome,
        new=sum(i in fresh for i in ids),
        updated=sum(i in seen for i in ids),
        repeated=sum(i in again for i in ids),
        error=result.error,
        delays=tuple(now - read.entry.published_at for number, read in ids.items() if number in fresh),
    )
