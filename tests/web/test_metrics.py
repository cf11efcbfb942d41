"""/metrics: what it says, to whom, and that dashboard and alerts name nothing that it does not have."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from aggregator.store import counters, processes
from tests.site_samples import Portal

ROOT = Path(__file__).parents[2]


def scrape(client: FlaskClient) -> dict[str, dict[str, float]]:
    """Values by metric and by the value of its only label."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    values: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(answer.get_data(as_text=True)):
        for sample in family.samples:
            values.setdefault(sample.name, {})[next(iter(sample.labels.values()), "")] = sample.value
    return values


def test_counters_are_those_of_the_store(portal: Portal, client: FlaskClient) -> None:
    before = scrape(client)
    counted = {
        (counters.FETCHES, "failed"): 2,
        (counters.FETCHES, "new_body"): 3,
        (counters.WORKER_KILLS, ""): 1,
    }
    with portal.store.write() as tx:
        counters.add_counts(tx, counted)
        counters.add_counts(tx, {(counters.FETCHES, "failed"): 5, (counters.STORE_RETRIES, ""): 0})
        delays = [timedelta(seconds=s) for s in (-5, 60, 61, 90_000)]
        counters.add_counts(tx, counters.count_delays(delays))
    after = scrape(client)
    fetches = before.get("aggregator_fetches_total", {})
    assert after["aggregator_fetches_total"]["failed"] - fetches.get("failed", 0) == 7
    assert after["aggregator_fetches_total"]["new_body"] - fetches.get("new_body", 0) == 3
    assert after["aggregator_worker_kills_total"][""] == 1
    assert after["aggregator_store_retries_total"][""] == 0
    buckets = after["aggregator_publish_to_visible_seconds_bucket"]
    assert (buckets["60"], buckets["300"], buckets["86400"], buckets["+Inf"]) == (2, 3, 3, 4)
    assert after["aggregator_publish_to_visible_seconds_sum"][""] == 90_121


def test_a_configuration_that_was_not_taken_over_is_told(portal: Portal, client: FlaskClient) -> None:
    assert scrape(client)["aggregator_config_ok"][""] == 1
    at = datetime.now(UTC) - timedelta(minutes=2)
    with portal.store.write() as tx:
        processes.record_start(tx, "me", polls=True, digest="", now=at, is_dead=lambda _: False)
        processes.record_problems(tx, "me", ["config.toml:7: token = abc"])
    values = scrape(client)
    assert values["aggregator_config_ok"][""] == 0
    assert 119 < values["aggregator_heartbeat_age_seconds"][""] < 150
    assert "token" not in client.get("/metrics").get_data(as_text=True)
    with portal.store.write() as tx:
        processes.remove_process(tx, "me")


ASKERS = [
    ("127.0.0.1", {}, 200),
    ("::1", {}, 200),
    ("::ffff:127.0.0.1", {}, 200),
    ("172.18.0.5", {}, 200),
    ("fd00::7", {}, 200),
    ("8.8.8.8", {}, 403),
    ("2a00:1450::1", {}, 403),
    ("", {}, 403),
    ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
    ("127.0.0.1", {"Forwarded": "for=8.8.8.8"}, 403),
    ("8.8.8.8", {"X-Forwarded-For": "127.0.0.1"}, 403),
]


@pytest.mark.parametrize(("address", "headers", "status"), ASKERS, ids=lambda value: str(value))
def test_strangers_and_proxies_are_told_nothing(
    client: FlaskClient, address: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": address})
    assert answer.status_code == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert (b"aggregator_" in answer.data) == (status == 200)


def list_named(text: str) -> set[str]:
    return {re.sub("_(bucket|count|sum)$", "", name) for name in re.findall(r"aggregator_[a-z_]+", text)}


def list_known(client: FlaskClient) -> set[str]:
    text = client.get("/metrics").get_data(as_text=True)
    return {re.sub("_(bucket|count|sum)$", "", name) for name in re.findall(r"^# TYPE (\S+)", text, re.M)}


@pytest.mark.parametrize("name", ["alerts.yml", "dashboard.json"])
def test_dashboard_and_alerts_name_only_what_there_is(portal: Portal, client: FlaskClient, name: str) -> None:
    text = (ROOT / "docs" / "operations" / name).read_text(encoding="utf-8")
    if name.endswith("json"):
        panels = json.loads(text)["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        text = "\n".join(target["expr"] for panel in panels for target in panel["targets"])
    with portal.store.write() as tx:
        processes.record_start(
            tx, "me", polls=True, digest="", now=datetime.now(UTC), is_dead=lambda _: False
        )
    known = list_known(client)
    assert list_named(text)
    assert list_named(text) <= known
    documented = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert known <= list_named(documented), "docs/operations.md explains every metric"
