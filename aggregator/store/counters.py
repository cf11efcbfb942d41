"""What /metrics counts, of all processes together and over restarts.

Counted in the transaction that does the thing: nothing is counted twice, or that was rolled back.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from aggregator.store.engine import Transaction
from aggregator.store.service_tables import counters

FETCHES = "fetches"  # by outcome
PARSE_CPU_SECONDS = "parse_cpu_seconds"
WORKER_KILLS = "worker_kills"
STORE_RETRIES = "store_retries"
LEASE_RECLAIMS = "lease_reclaims"
ARTICLES_MERGED = "articles_merged"  # by rule
STORIES_JOINED = "stories_joined"  # by rule
DELAYS = "publish_to_visible_seconds"  # by upper bound
DELAY_SUM = "publish_to_visible_seconds_sum"

DELAY_BOUNDS = ("60", "300", "900", "1800", "3600", "7200", "14400", "43200", "86400", "+Inf")
_FINITE = [float(bound) for bound in DELAY_BOUNDS[:-1]]

Counts = Mapping[tuple[str, str], float]  # by name and label; the label is "" where there is none


def count_delays(delays: Iterable[timedelta]) -> Counts:
    """A histogram of times, each counted under the first bound that is not less."""
    counts: Counter[tuple[str, str]] = Counter()
    total = 0.0
    for delay in delays:
        seconds = max(0.0, delay.total_seconds())
        counts[DELAYS, DELAY_BOUNDS[bisect_left(_FINITE, seconds)]] += 1
        total += seconds
    return {**counts, (DELAY_SUM, ""): total}


def add_counts(tx: Transaction, counts: Counts) -> None:
    rows = [
        {"name": name, "labels": label, "value": value} for (name, label), value in counts.items() if value
    ]
    if rows:
        statement = insert(counters)
        more = {"value": counters.c.value + statement.excluded.value}
        tx.execute(statement.on_conflict_do_update(index_elements=["name", "labels"], set_=more), rows)


def list_counts(tx: Transaction) -> dict[tuple[str, str], float]:
    return {(row.name, row.labels): row.value for row in tx.execute(select(counters))}
