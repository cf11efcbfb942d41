"""What is to be known of sources, servers and hubs, for `aggregator status` and the administration page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aggregator.config import Settings
from aggregator.logs import redact
from aggregator.model import (
    Situation,
    Source,
    SourceState,
    SourceStatus,
    Subscriber,
    Subscription,
    Trouble,
)
from aggregator.outcome import find_silence, trusts_guids
from aggregator.store import (
    Transaction,
    entries,
    icons,
    open_store,
    problems,
    processes,
    search,
    sources,
    subscribers,
    subscriptions,
)

SILENT_AFTER = timedelta(minutes=2)
WEBHOOK_KEY = "webhook"

_VERIFIED_WITHIN = timedelta(minutes=1)
_SHOWN = 5  # failing subscribers that an admin is told of by name


def read_situation(tx: Transaction, settings: Settings, *, now: datetime) -> Situation:
    """How everything fares that runs under this configuration."""
    servers = list_server_troubles(processes.list_processes(tx), now=now)
    return Situation(
        sources=list_statuses(tx, settings.sources, now=now),
        troubles=(*servers, *list_hub_troubles(tx, settings, now=now), *_list_webhook_troubles(tx, settings)),
        unindexed=search.count_missing(tx),
    )


def list_statuses(
    tx: Transaction, configured: Sequence[Source], *, now: datetime
) -> tuple[SourceStatus, ...]:
    """How these sources fare, in their order."""
    states = {s.source_id: s for s in sources.list_source_states(tx)}
    counts = sources.count_entries(tx)
    merged = entries.count_merged(tx)
    pushed = subscriptions.list_subscriptions(tx)
    rows = (
        _status(source, states.get(source.id), counts.get(source.id, 0), pushed.get(source.id), now)
        for source in configured
    )
    return tuple(replace(row, merged=merged.get(row.id, {})) for row in rows)


def is_polled(tx: Transaction, *, now: datetime) -> bool:
    """Whether any server polls at present."""
    known = processes.list_processes(tx)
    return any(process.polls and now - process.beat_at <= SILENT_AFTER for process in known)


def list_server_troubles(known: Sequence[processes.Process], *, now: datetime) -> Iterator[Trouble]:
    """What is wrong with servers that have not ended in order, and between them."""
    for process in known:
        since = f"{process.configured_at:%Y-%m-%d %H:%M} UTC"
        for problem in process.config_problems:
            text = f"the running server goes on with the configuration of {since}, because of {problem}"
            yield Trouble(key=f"configuration {problem}", since=process.configured_at, text=text)
        if now - process.beat_at > SILENT_AFTER:
            what = f"on {process.host} that {'polls' if process.polls else 'serves'}"
            heard = f"{process.beat_at:%H:%M} UTC"
            text = f"the process {what} has not been heard of since {heard}: see its log"
            yield Trouble(key=f"silence {process.owner}", since=process.beat_at, text=text)
    yield from _compare_configurations([p for p in known if now - p.beat_at <= SILENT_AFTER], now)


def _compare_configurations(alive: Sequence[processes.Process], now: datetime) -> Iterator[Trouble]:
    """Whoever copies config.toml to several machines may have left one out."""
    if not alive:
        return
    newest = max(alive, key=lambda process: process.configured_at)
    behind = sorted({p.host for p in alive if p.config_digest != newest.config_digest})
    if behind and now - newest.configured_at > SILENT_AFTER:
        yield Trouble(
            key=f"configurations {' '.join(behind)}",
            since=newest.configured_at,
            text=f"{newest.host} has another config.toml in force than {', '.join(behind)}: "
            "copy one to all machines",
        )


def list_hub_notices(settings: Settings, *, now: datetime) -> tuple[str, ...]:
    """What an admin is told of the hub that our feeds name: how many it serves, and what goes wrong."""
    if settings.websub_hub is None:
        return ()
    store = open_store(settings.store_url)
    try:
        with store.read() as tx:
            troubles = tuple(trouble.text for trouble in list_hub_troubles(tx, settings, now=now))
            if not settings.has_own_hub:
                return troubles
            running, failing = subscribers.count_running(tx, now=now), subscribers.list_failing(tx, now=now)
    finally:
        store.close()
    return (f"subscriptions: {running}, failing: {len(failing)}", *troubles)


def list_icon_notices(settings: Settings) -> tuple[str, ...]:
    """How many sources have an icon, and which have none to give: pages do without."""
    store = open_store(settings.store_url)
    try:
        with store.read() as tx:
            ids = [source.id for source in settings.sources]
            kept, without = icons.list_icons(tx, ids), sorted(icons.list_errors(tx).keys() & set(ids))
    finally:
        store.close()
    if not kept and not without:
        return ()
    names = f" ({', '.join(without[:_SHOWN])}{', …' if len(without) > _SHOWN else ''})" if without else ""
    return (f"{len(kept)} kept, {len(without)} not to be had{names}",)


def list_hub_troubles(tx: Transaction, settings: Settings, *, now: datetime) -> tuple[Trouble, ...]:
    """What subscribers of our hub do not take, or what a hub elsewhere does not."""
    if settings.websub_hub is None:
        return ()
    if settings.has_own_hub:
        return tuple(_list_untaken(subscribers.list_failing(tx, now=now)))
    ping = subscribers.find_ping(tx, settings.websub_hub)
    return () if ping is None else tuple(_list_untold(ping))


def _list_webhook_troubles(tx: Transaction, settings: Settings) -> Iterator[Trouble]:
    untold = problems.find_untold(tx) if settings.admin_webhook is not None else None
    if untold is not None:
        text = (
            f"the webhook of [admin] does not take what it is told (waiting: {untold.count}): {untold.error}"
        )
        yield Trouble(key=WEBHOOK_KEY, since=untold.since, text=text)


def _list_untaken(failing: Sequence[Subscriber]) -> Iterator[Trouble]:
    for one in failing[:_SHOWN]:
        assert one.failing_since is not None
        since = f"{one.failing_since:%Y-%m-%d %H:%M} UTC"
        what = "given up until it subscribes anew" if one.given_up_at else f"failing, {one.failures} times"
        yield Trouble(
            key=f"hub {one.host} {one.topic}",
            since=one.failing_since,
            text=f"{one.host} has not taken {one.topic} since {since} ({what}): {one.last_error}",
        )
    for one in failing[_SHOWN : _SHOWN + 1]:
        assert one.failing_since is not None
        text = f"and {len(failing) - _SHOWN} more that fail"
        yield Trouble(key="hub more", since=one.failing_since, text=text)


def _list_untold(ping: subscribers.Ping) -> Iterator[Trouble]:
    if ping.last_error is not None and ping.failing_since is not None:
        yield Trouble(
            key=f"hub {ping.hub}",
            since=ping.failing_since,
            text=f"{redact(ping.hub)} is not told of changes since {ping.failing_since:%Y-%m-%d %H:%M} UTC "
            f"({ping.failures} times: {ping.last_error}); it is tried again {ping.next_at:%H:%M} UTC",
        )


def _status(
    source: Source, state: SourceState | None, count: int, pushed: Subscription | None, now: datetime
) -> SourceStatus:
    if state is None:  # configured since the store was last brought in line: due at once
        return SourceStatus(id=source.id, state="new", next_poll_at=now)
    return SourceStatus(
        id=source.id,
        state=_state(state),
        last_success_at=state.last_success_at,
        failing_since=state.failing_since,
        failures=state.failures,
        next_poll_at=state.next_poll_at,
        entries=count,
        last_error=state.last_error,
        problems=(*_notices(source, state), *_push_notices(pushed, now), *state.problems),
        skipped=state.skipped,
        push=None if pushed is None else pushed.state,
        polls=state.polls,
    )


def _state(state: SourceState) -> str:
    if state.disabled_at is not None:
        return "disabled"
    return "new" if state.last_polled_at is None else "error" if state.failures else "ok"


def _notices(source: Source, state: SourceState) -> Iterator[str]:
    """What an admin should do, though the source does without."""
    if state.disabled_at is not None:
        yield "the publisher has removed it for good (410 over two days): take it out, or correct its url"
    if state.poll_url != source.url:
        yield f'it has moved for good and is polled at its new address: write url = "{state.poll_url}"'
    if not trusts_guids(state.pace):
        yield "its guids change at every fetch, so its items are told apart by links: tell the publisher"
    silence = find_silence(state)
    if silence is not None:
        yield (
            f"it has answered 'not modified' and nothing else for {silence.days} days, which is unlike it: "
            "if its site has newer articles, its ETag or Last-Modified never changes: tell the publisher"
        )


def _push_notices(pushed: Subscription | None, now: datetime) -> Iterator[str]:
    """What stands in the way of being pushed; the source is polled as if there were no hub."""
    if pushed is None:
        return
    hub = redact(pushed.hub)
    late = pushed.asked_at is not None and now - pushed.asked_at >= _VERIFIED_WITHIN
    if pushed.state == "denied":
        reason = f" ({pushed.last_error})" if pushed.last_error else ""
        yield f"its hub {hub} has denied us{reason}, and is asked again in a week; the source is polled"
    elif pushed.last_error is not None:
        yield f"its hub {hub} does not take our request ({pushed.last_error}); the source is polled"
    elif pushed.awaiting and late:
        base = pushed.callback.removesuffix(pushed.token)  # who knows the token can deny in the hub's name
        yield f"its hub {hub} takes our request but does not verify it: can it reach {base}?"
    if pushed.doubt is not None:
        yield f"{pushed.doubt}: the source is polled as if it were not pushed, until the hub pushes again"
    if pushed.dropped:
        yield f"pushed without the right signature, and dropped: {pushed.dropped}"
