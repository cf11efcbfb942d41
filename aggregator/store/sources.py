"""Sources and host buckets: what is configured, what is due, who holds which lease, how each source fares."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, case, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from aggregator.errors import LeaseLost
from aggregator.model import (
    Boilerplate,
    Claim,
    Pace,
    PollResult,
    Source,
    SourceRecord,
    SourceState,
    Validators,
)
from aggregator.store.counters import LEASE_RECLAIMS, add_counts
from aggregator.store.engine import Transaction
from aggregator.store.pace import pace_from_json, pace_to_json
from aggregator.store.polls import parse_polls, prepend_poll
from aggregator.store.search import forget_source
from aggregator.store.tables import POLLED, UtcDateTime, entries, hosts, sources
from aggregator.store.values import find_value, forget_value, save_value
from aggregator.urls import host_bucket

_CONFIGURED = tuple(
    sources.c[name] for name in ("id", "configured", "name", "content", "url", "placing", "reading")
)
_NEW: dict[str, object] = {"failures": 0, "problems": [], "skipped": 0}
_NO_PACE: dict[str, object] = {"pace": pace_to_json(Pace()), "disabled_at": None}
_PACE_CONSTANT = "pace_constant"
_LEASE_FREE = {"lease_token": None, "lease_owner": None, "lease_until": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How the polling of configured sources fares."""

    states: dict[str, int]  # "new", "ok", "error", "disabled"
    due: int
    lag: timedelta  # of the most overdue one


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    replaced: tuple[str, ...]  # sources whose section or rules changed: their entries want placing again


def sync_sources(tx: Transaction, configured: Sequence[Source], *, now: datetime) -> SyncResult:
    """Make the store's sources those of the configuration.

    A new source is due at once. One whose URL changed, or a setting that reading its entries depends on,
    forgets its validators and what it has read, and is due at once; a URL that became the one it has moved to
    changes nothing. Where the right to publish changes, no search finds the source's articles before they
    are indexed again. One that is no longer configured is polled no more and keeps its entries.
    """
    known = {row.id: row for row in tx.execute(select(*_CONFIGURED, sources.c.poll_url))}
    _leave_out(tx, {row.id for row in known.values() if row.configured} - {s.id for s in configured})
    added: list[dict[str, object]] = []
    replaced = []
    for source in configured:
        row = known.get(source.id)
        values = _configured_values(source)
        if row is None:
            added.append({**values, **_NEW, **_NO_PACE, "next_poll_at": now, "poll_url": source.url})
            continue
        elsewhere = source.url not in (row.url, row.poll_url)
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        if elsewhere:
            changed |= _address(tx, source.url) | _NO_PACE
        if elsewhere or "reading" in changed:
            changed |= {"etag": None, "last_modified": None, "body_hash": None, "next_poll_at": now}
            tx.execute(update(entries).where(entries.c.source_id == source.id).values(raw_hash=b""))
        if "placing" in changed:
            replaced.append(source.id)
        if "content" in changed:
            forget_source(tx, source.id)
        if changed:
            tx.execute(update(sources).where(sources.c.id == source.id).values(changed))
    _insert(tx, added)
    return SyncResult(replaced=tuple(replaced))


def _configured_values(source: Source) -> dict[str, object]:
    """The columns that say what config.toml says, without where the source is polled."""
    return {
        "id": source.id,
        "configured": True,
        "name": source.name,
        "content": source.content,
        "url": source.url,
        "placing": _hash([source.section, source.rules, *([True] if source.guess_sections else [])]),
        "reading": _hash([source.lang, source.skip, source.max_entries]),
    }


def _leave_out(tx: Transaction, source_ids: Collection[str]) -> None:
    if source_ids:
        one = update(sources).where(sources.c.id == bindparam("source"))
        tx.execute(one.values(configured=False), [{"source": source_id} for source_id in source_ids])


def _insert(tx: Transaction, added: Sequence[dict[str, Any]]) -> None:
    """Many at once: a configuration may have tens of thousands of sources."""
    if added:
        rows = [row | {"host": host_bucket(row["poll_url"])} for row in added]
        found = sorted({row["host"] for row in rows})
        tx.execute(insert(hosts).on_conflict_do_nothing(), [{"host": host} for host in found])
        tx.execute(insert(sources), rows)


def claim_due(
    tx: Transaction,
    *,
    now: datetime,
    limit: int,
    lease: timedelta,
    owner: str,
    only: Collection[str] | None = None,
    force: bool = False,
    not_since: datetime | None = None,
) -> tuple[Claim, ...]:
    """Take up to `limit` host buckets that have due sources and no living lease, most overdue first.

    `only` restricts to these sources, `not_since` to those not polled since then; `force` takes sources that
    are not due as well. A bucket is given to one process at a time: the lease ends at now + lease unless
    renewed.
    """
    wanted: list[ColumnElement[bool]] = [POLLED]
    if not force:
        wanted.append(sources.c.next_poll_at <= now)
    if only is not None:
        wanted.append(sources.c.id.in_(only))
    if not_since is not None:
        wanted.append(or_(sources.c.last_polled_at.is_(None), sources.c.last_polled_at < not_since))
    free = _free(now, force=force)
    found = tx.execute(
        select(sources.c.host, func.max(hosts.c.lease_token))
        .join(hosts, hosts.c.host == sources.c.host)
        .where(*wanted, free)
        .group_by(sources.c.host)
        .order_by(func.min(sources.c.next_poll_at), sources.c.host)
        .limit(limit)
    ).all()
    if not found:
        return ()
    # Writers come one after the other: what is free now is free until this transaction ends.
    tokens = {host: secrets.token_hex(8) for host, _ in found}
    taking = update(hosts).where(hosts.c.host == bindparam("taken"))
    values = {"lease_token": bindparam("token"), "lease_owner": owner, "lease_until": now + lease}
    tx.execute(taking.values(values), [{"taken": host, "token": token} for host, token in tokens.items()])
    due: dict[str, list[str]] = {host: [] for host in tokens}
    ids = select(sources.c.host, sources.c.id).where(*wanted, sources.c.host.in_(tokens))
    for host, source_id in tx.execute(ids.order_by(sources.c.next_poll_at, sources.c.id)):
        due[host].append(source_id)
    add_counts(tx, {(LEASE_RECLAIMS, ""): sum(former is not None for _, former in found)})
    return tuple(
        Claim(host=host, token=tokens[host], source_ids=tuple(due[host]), forced=force) for host in tokens
    )


def has_due(tx: Transaction, *, now: datetime) -> bool:
    """Whether claim_due would find anything: a read, so that an idle heartbeat writes nothing."""
    free = _free(now)
    due = select(sources.c.id).join(hosts, hosts.c.host == sources.c.host)
    due = due.where(POLLED, sources.c.next_poll_at <= now, free)
    return tx.execute(due.limit(1)).first() is not None


def measure_schedule(tx: Transaction, *, now: datetime) -> Schedule:
    state = case(
        (sources.c.disabled_at.is_not(None), "disabled"),
        (sources.c.last_polled_at.is_(None), "new"),
        (sources.c.failures > 0, "error"),
        else_="ok",
    )
    told = select(state.label("state")).where(sources.c.configured).subquery()
    rows = tx.execute(select(told.c.state, func.count()).group_by(told.c.state).order_by(told.c.state))
    overdue = select(func.count(), func.min(sources.c.next_poll_at))
    due, oldest = tx.execute(overdue.where(POLLED, sources.c.next_poll_at <= now)).one()
    lag = timedelta() if oldest is None else now - oldest
    return Schedule(states={row[0]: row[1] for row in rows}, due=due, lag=lag)


def holds_lease(tx: Transaction, claim: Claim, *, now: datetime) -> bool:
    """Whether the lease has neither run out nor gone to another process."""
    mine = and_(hosts.c.host == claim.host, hosts.c.lease_token == claim.token, hosts.c.lease_until > now)
    return tx.execute(select(hosts.c.host).where(mine)).first() is not None


def hold_lease(tx: Transaction, claim: Claim, *, until: datetime) -> None:
    """Renew a lease inside the transaction that writes under it. Raises LeaseLost."""
    mine = and_(hosts.c.host == claim.host, hosts.c.lease_token == claim.token)
    if tx.execute(update(hosts).where(mine).values(lease_until=until)).rowcount != 1:
        raise LeaseLost(f"{claim.host}: the lease of this bucket has gone to another process")


def renew_leases(tx: Transaction, tokens: Collection[str], *, until: datetime) -> None:
    """Prolong leases that are still ours; those lost meanwhile are left alone."""
    tx.execute(update(hosts).where(hosts.c.lease_token.in_(tokens)).values(lease_until=until))


def release_lease(tx: Transaction, claim: Claim, *, rest_until: datetime | None = None) -> None:
    """Give a bucket back; nobody claims it before `rest_until`, unless forced."""
    mine = and_(hosts.c.host == claim.host, hosts.c.lease_token == claim.token)
    rest = {} if rest_until is None else {"not_before": _no_sooner_than(rest_until)}
    tx.execute(update(hosts).where(mine).values(_LEASE_FREE | rest))


def release_dead_leases(tx: Transaction, *, is_dead: Callable[[str], bool]) -> int:
    """Free the leases of owners of which `is_dead` is sure; returns how many."""
    owners = tx.execute(select(hosts.c.lease_owner).where(hosts.c.lease_owner.is_not(None)).distinct())
    dead = [owner for owner in owners.scalars() if is_dead(owner)]
    if not dead:
        return 0
    freed = tx.execute(update(hosts).where(hosts.c.lease_owner.in_(dead)).values(_LEASE_FREE)).rowcount
    add_counts(tx, {(LEASE_RECLAIMS, ""): freed})
    return freed


def forget_future(tx: Transaction, *, now: datetime, lease: timedelta) -> None:
    """After a clock that was ahead has been set right: nothing waits for times that it has made up.

    Sources that were polled in what is the future now, by more than clocks of machines differ, are due, their
    hosts may be asked, and no lease ends later than one that is taken now.
    """
    future = sources.c.last_polled_at > now + lease
    ahead = select(sources.c.host).where(future)
    tx.execute(update(hosts).where(hosts.c.host.in_(ahead)).values(not_before=None))
    tx.execute(update(hosts).where(hosts.c.lease_until > now + lease).values(lease_until=now + lease))
    tx.execute(update(sources).where(future).values(next_poll_at=now, last_polled_at=now))


def record_poll(tx: Transaction, result: PollResult, *, new: int = 0) -> None:
    """Keep how a poll went; its entries, of which so many are new, are saved in the same transaction."""
    values: dict[str, object] = {
        "last_polled_at": result.polled_at,
        "next_poll_at": result.next_poll_at,
        "not_before": result.not_before,
        "pace": pace_to_json(result.pace),
        "polls": prepend_poll(result, new=new),
    }
    if result.poll_url is not None:
        values |= _address(tx, result.poll_url)
    if result.disabled:
        values["disabled_at"] = result.polled_at
    if result.rest is not None:
        resting = insert(hosts).values(host=result.rest.host, not_before=result.rest.until)
        longer = {"not_before": _no_sooner_than(result.rest.until)}
        tx.execute(resting.on_conflict_do_update(index_elements=[hosts.c.host], set_=longer))
    if result.outcome == "failed":
        values |= {
            "failures": sources.c.failures + 1,
            "failing_since": func.coalesce(sources.c.failing_since, literal(result.polled_at, UtcDateTime())),
            "last_error": result.error,
        }
    else:
        values |= {
            "failures": 0,
            "failing_since": None,
            "last_error": None,
            "last_success_at": result.polled_at,
            "etag": result.validators.etag,
            "last_modified": result.validators.last_modified,
            "body_hash": result.body_hash,
        }
    if result.reading is not None:
        values |= {
            "last_read_at": result.polled_at,
            "site_url": result.reading.site_url,
            "icon_url": result.reading.icon_url,
            "problems": list(result.reading.problems),
            "skipped": result.reading.skipped,
            "boilerplate": asdict(result.reading.boilerplate),
        }
    tx.execute(update(sources).where(sources.c.id == result.source_id).values(values))


def postpone(tx: Transaction, source_id: str, *, until: datetime) -> None:
    """Poll a source later than planned; nothing else is known of it."""
    tx.execute(update(sources).where(sources.c.id == source_id).values(next_poll_at=until))


def save_pace(tx: Transaction, source_id: str, pace: Pace) -> None:
    """Keep what a pushed document tells of a source's pace; of polls it says nothing."""
    tx.execute(update(sources).where(sources.c.id == source_id).values(pace=pace_to_json(pace)))


def list_source_states(tx: Transaction, source_ids: Collection[str] | None = None) -> tuple[SourceState, ...]:
    """The states of these sources, or of all configured ones, by id."""
    query = select(sources).order_by(sources.c.id)
    if source_ids is None:
        query = query.where(sources.c.configured)
    else:
        query = query.where(sources.c.id.in_(source_ids))
    return tuple(_source_state(row) for row in tx.execute(query))


def find_pace_constant(tx: Transaction) -> float | None:
    """The constant of the pacing law that meets the budget of requests; None: there is no budget."""
    value = find_value(tx, _PACE_CONSTANT)
    return None if value is None else float(value)


def set_pace_constant(tx: Transaction, c: float | None) -> None:
    if c is None:
        forget_value(tx, _PACE_CONSTANT)
    else:
        save_value(tx, _PACE_CONSTANT, repr(c))


def count_entries(tx: Transaction) -> dict[str, int]:
    """Stored entries per source."""
    counts = tx.execute(select(entries.c.source_id, func.count()).group_by(entries.c.source_id))
    return {row[0]: row[1] for row in counts}


def list_records(tx: Transaction) -> dict[str, SourceRecord]:
    """What the store has of each source, by id."""
    latest = func.max(entries.c.published_at).label("latest")
    query = (
        select(sources.c.id, sources.c.site_url, func.count(entries.c.id).label("entries"), latest)
        .outerjoin(entries, entries.c.source_id == sources.c.id)
        .group_by(sources.c.id, sources.c.site_url)
    )
    return {
        row.id: SourceRecord(site_url=row.site_url, entries=row.entries, last_at=row.latest)
        for row in tx.execute(query)
    }


def _source_state(row: Row[*tuple[Any, ...]]) -> SourceState:
    return SourceState(
        source_id=row.id,
        url=row.url,
        poll_url=row.poll_url,
        validators=Validators(etag=row.etag, last_modified=row.last_modified),
        body_hash=row.body_hash,
        next_poll_at=row.next_poll_at,
        last_polled_at=row.last_polled_at,
        last_success_at=row.last_success_at,
        failing_since=row.failing_since,
        failures=row.failures,
        last_error=row.last_error,
        problems=tuple(row.problems),
        skipped=row.skipped,
        pace=pace_from_json(row.pace),
        disabled_at=row.disabled_at,
        last_read_at=row.last_read_at,
        boilerplate=_boilerplate(row.boilerplate),
        polls=parse_polls(row.polls),
    )


def _boilerplate(kept: dict[str, list[str]] | None) -> Boilerplate:
    return Boilerplate(**{name: tuple(runs) for name, runs in (kept or {}).items()})


def _address(tx: Transaction, url: str) -> dict[str, object]:
    """The columns that say where a source is polled; its host gets a bucket."""
    host = host_bucket(url)
    tx.execute(insert(hosts).values(host=host).on_conflict_do_nothing())
    return {"poll_url": url, "host": host}


def _no_sooner_than(until: datetime) -> ColumnElement[datetime]:
    """The end of a host's rest: a longer one that it has asked for stands."""
    return case((hosts.c.not_before > until, hosts.c.not_before), else_=literal(until, UtcDateTime()))


def _free(now: datetime, *, force: bool = False) -> ColumnElement[bool]:
    """A bucket that nobody holds and, unless forced, whose host has not asked to be left alone."""
    unleased = or_(hosts.c.lease_until.is_(None), hosts.c.lease_until <= now)
    if force:
        return unleased
    return and_(unleased, or_(hosts.c.not_before.is_(None), hosts.c.not_before <= now))


def _hash(settings: object) -> bytes:
    return blake2b(repr(settings).encode(), digest_size=16).digest()
