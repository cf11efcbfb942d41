"""/metrics in the text format of Prometheus. All of it is in the store: every web worker says the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import ip_address

from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from aggregator.errors import StoreError
from aggregator.store import Store, Transaction, counters, processes, sources
from aggregator.web.headers import FORWARDED

# Name in the store, what it means, the name of its label.
COUNTERS = (
    (counters.FETCHES, "Polls by what they came to: new_body, same_body, not_modified, failed.", "outcome"),
    (counters.PARSE_CPU_SECONDS, "Processor time of worker processes for reading feeds.", None),
    (counters.WORKER_KILLS, "Worker processes killed because a feed broke a limit of time or memory.", None),
    (counters.STORE_RETRIES, "Writes that the store refused and that were put off.", None),
    (counters.LEASE_RECLAIMS, "Host buckets taken over from a process that had died or hung.", None),
    (counters.ARTICLES_MERGED, "Entries that went into the article of another, by rule.", "rule"),
    (counters.STORIES_JOINED, "Articles that went into the story of another, by rule.", "rule"),
)


def make_blueprint(store: Store, *, now: Callable[[], datetime]) -> Blueprint:
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        """Only for who asks from this machine or a private network, and not through a proxy."""
        if not _is_near(request.remote_addr) or any(name in request.headers for name in FORWARDED):
            return _answer(b"/metrics is for this machine and private networks, asked without a proxy\n", 403)
        try:
            with store.read() as tx:
                families = tuple(_list_families(tx, now()))
        except StoreError as error:
            return _answer(f"{error}\n".encode(), 503)
        registry = CollectorRegistry()
        registry.register(_Snapshot(families))
        return _answer(generate_latest(registry), 200, CONTENT_TYPE_LATEST)

    return blueprint


def _is_near(address: str | None) -> bool:
    """Whether an address is one of no public network."""
    try:
        ip = ip_address(address or "")
    except ValueError:
        return False
    inner = getattr(ip, "ipv4_mapped", None) or ip
    return inner.is_loopback or inner.is_private


def _list_families(tx: Transaction, now: datetime) -> Iterator[Metric]:
    counts = counters.list_counts(tx)
    for name, says, label in COUNTERS:
        family = CounterMetricFamily(f"aggregator_{name}", says, labels=[label] if label else [])
        found = {labels: value for (known, labels), value in counts.items() if known == name}
        for labels, value in sorted((found or ({} if label else {"": 0.0})).items()):
            family.add_metric([labels] if label else [], value)
        yield family
    yield _render_delays(counts)
    schedule = sources.measure_schedule(tx, now=now)
    states = GaugeMetricFamily("aggregator_sources", "Configured sources by state.", labels=["state"])
    for state, count in schedule.states.items():
        states.add_metric([state], count)
    yield states
    yield _gauge("due_sources", "Sources whose poll is due and not done.", schedule.due)
    yield _gauge(
        "schedule_lag_seconds", "By how much the most overdue poll is late.", schedule.lag.total_seconds()
    )
    yield from _describe_processes(processes.list_processes(tx), now)


def _describe_processes(known: tuple[processes.Process, ...], now: datetime) -> Iterator[Metric]:
    yield _gauge(
        "config_ok",
        "1: the servers have taken over what config.toml says; 0: one goes on with a former configuration.",
        float(not any(process.config_problems for process in known)),
    )
    if known:
        at = min(process.configured_at for process in known).timestamp()
        yield _gauge("config_applied_timestamp_seconds", "Since when the configuration is in force.", at)
    beats = [process.beat_at for process in known if process.polls]
    if beats:
        age = max(0.0, (now - max(beats)).total_seconds())
        yield _gauge(
            "heartbeat_age_seconds", "Since the heart of a poller last beat, every 15 s in health.", age
        )


def _render_delays(counts: dict[tuple[str, str], float]) -> Metric:
    below = 0.0
    buckets = []
    for bound in counters.DELAY_BOUNDS:
        below += counts.get((counters.DELAYS, bound), 0.0)
        buckets.append((bound, below))
    return HistogramMetricFamily(
        f"aggregator_{counters.DELAYS}",
        "From the date that a publisher gives an item until it is in our feeds; without first polls.",
        buckets=buckets,
        sum_value=counts.get((counters.DELAY_SUM, ""), 0.0),
    )


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"aggregator_{name}", says, value=value)


def _answer(body: bytes, status: int, content_type: str = "text/plain; charset=utf-8") -> Response:
    response = Response(body, status=status, content_type=content_type)
    response.headers["Cache-Control"] = "no-store"
    return response


class _Snapshot(Collector):
    def __init__(self, families: tuple[Metric, ...]) -> None:
        self._families = families

    def collect(self) -> tuple[Metric, ...]:
        return self._families
