"""Pace as JSON: one column, since nothing but pacing ever looks into it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from aggregator.model import ArrivalRate, Hints, Pace


def pace_to_json(pace: Pace) -> dict[str, Any]:
    """Only what is not as in a new Pace."""
    rate, hints = pace.rate, pace.hints
    values = {
        "rate": None
        if rate is None
        else [
            list(rate.hours),
            rate.days,
            rate.since.isoformat(),
            rate.at.isoformat(),
            rate.safe_days,
            list(rate.weekdays),
            list(rate.watched),
            rate.recent,
        ],
        "ttl": None if hints.ttl is None else hints.ttl.total_seconds(),
        "update_every": None if hints.update_every is None else hints.update_every.total_seconds(),
        "skip_hours": sorted(hints.skip_hours),
        "skip_days": sorted(hints.skip_days),
        "hub_url": hints.hub_url,
        "self_url": hints.self_url,
        "gone": [pace.gone_since.isoformat(), pace.gone_count] if pace.gone_since else None,
        "moved": [pace.moved_to, pace.moved_since.isoformat(), pace.moved_count]
        if pace.moved_since
        else None,
        "churned": pace.churned,
    }
    return {name: value for name, value in values.items() if value}


def pace_from_json(values: dict[str, Any]) -> Pace:
    """The inverse of pace_to_json."""
    gone_since, gone_count = values.get("gone", (None, 0))
    moved_to, moved_since, moved_count = values.get("moved", (None, None, 0))
    return Pace(
        rate=_rate(*values["rate"]) if "rate" in values else None,
        hints=Hints(
            ttl=_duration(values.get("ttl")),
            update_every=_duration(values.get("update_every")),
            skip_hours=frozenset(values.get("skip_hours", ())),
            skip_days=frozenset(values.get("skip_days", ())),
            hub_url=values.get("hub_url"),
            self_url=values.get("self_url"),
        ),
        gone_since=gone_since and _instant(gone_since),
        gone_count=gone_count,
        moved_to=moved_to,
        moved_since=moved_since and _instant(moved_since),
        moved_count=moved_count,
        churned=values.get("churned", 0),
    )


def _rate(
    hours: list[float],
    days: float,
    since: str,
    at: str,
    safe_days: float | None,
    weekdays: Sequence[float] = (0.0,) * 7,
    watched: Sequence[float] = (0.0,) * 7,
    recent: float = 0.0,
) -> ArrivalRate:
    """What an older version wrote ends with safe_days: of weekdays and the last hour nothing is known."""
    return ArrivalRate(
        hours=tuple(hours),
        days=days,
        since=_instant(since),
        at=_instant(at),
        safe_days=safe_days,
        weekdays=tuple(weekdays),
        watched=tuple(watched),
        recent=recent,
    )


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _duration(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
