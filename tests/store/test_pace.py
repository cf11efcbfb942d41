"""What politeness remembers, as JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aggregator.model import ArrivalRate, Pace
from aggregator.store.pace import pace_from_json, pace_to_json

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOURS = tuple(n / 7 for n in range(24))
RATE = ArrivalRate(
    hours=HOURS,
    days=3.25,
    since=NOON,
    at=NOON + timedelta(hours=1),
    safe_days=0.1,
    weekdays=tuple(n / 3 for n in range(7)),
    watched=(0.5,) * 7,
    recent=1.5,
)


def test_a_rate_comes_back_as_it_was() -> None:
    written = json.dumps(pace_to_json(Pace(rate=RATE)))
    assert pace_from_json(json.loads(written)) == Pace(rate=RATE)


@pytest.mark.parametrize("safe_days", [0.1, None])
def test_of_an_older_version_weekdays_and_the_last_hour_are_not_known(safe_days: float | None) -> None:
    written: dict[str, Any] = {
        "rate": [list(HOURS), 3.25, "2026-11-24T12:00:00+00:00", "2026-11-24T13:00:00+00:00", safe_days]
    }
    known = ArrivalRate(hours=HOURS, days=3.25, since=NOON, at=RATE.at, safe_days=safe_days)
    assert pace_from_json(written).rate == known
    assert known.weekdays == known.watched == (0.0,) * 7
    assert known.recent == 0.0


def test_of_a_new_source_nothing_is_written() -> None:
    assert pace_to_json(Pace()) == {}
    assert pace_from_json({}) == Pace()
