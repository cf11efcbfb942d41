"""APScheduler: one heartbeat that claims what is due, and the daily jobs. No job per source."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from aggregator import pacing
from aggregator.errors import StoreError
from aggregator.executor.local import LocalExecutor, make_owner
from aggregator.model import Pace
from aggregator.refresh import LEASE, Line
from aggregator.store import sources
from aggregator.store.prune import prune_store

_HEARTBEAT_SECONDS = 1
_BUDGET_MINUTES = 5
_LEAST_BUDGET = 0.01  # requests an hour for all sources together: the law needs something to share out

_log = logging.getLogger(__name__)


class Poller:
    """Polls on schedule from `start` until `stop`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._owner = make_owner()
        self._executor = LocalExecutor(line)
        self._scheduler = BackgroundScheduler(timezone=line.settings.site.timezone)

    def start(self) -> None:
        options = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler.add_job(self.beat, "interval", seconds=_HEARTBEAT_SECONDS, **options)
        self._scheduler.add_job(self.keep_budget, "interval", minutes=_BUDGET_MINUTES, **options)
        if self._line.settings.keep is not None:
            self._scheduler.add_job(self._prune, "cron", hour=3, minute=30, **options)
        self._scheduler.start()

    def stop(self) -> None:
        """Claim no more, let what runs finish its exchange and give the leases back."""
        self._line.stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        self._executor.close()

    def beat(self) -> None:
        """One heartbeat: keep the leases we hold, claim what is due. Never waits for a poll."""
        now = self._line.now()
        try:
            self._executor.renew()
            free = self._executor.free
            if free <= 0 or self._line.stopping.is_set():
                return
            with self._line.store.read() as tx:
                if not sources.has_due(tx, now=now):
                    return
            with self._line.store.write() as tx:
                claims = sources.claim_due(tx, now=now, limit=free, lease=LEASE, owner=self._owner)
            self._executor.submit(claims)
        except StoreError as error:
            _log.error("this heartbeat is lost, the next one tries again: %s", error)

    def keep_budget(self) -> None:
        """Fit the pacing law to [fetch] requests_per_hour; without a budget, to its own constant.

        Sources with an interval of their own are served first; the others share what is left.
        """
        settings, now = self._line.settings, self._line.now()
        fixed = {source.id: source.every for source in settings.sources if source.every is not None}
        with self._line.store.write() as tx:
            states = sources.list_source_states(tx)
            paces = [s.pace for s in states if s.source_id not in fixed and s.disabled_at is None]
            if settings.requests_per_hour is None or not paces:
                sources.set_pace_constant(tx, None)
                return
            taken = sum(timedelta(hours=1) / every for every in fixed.values())
            c = sources.find_pace_constant(tx) or pacing.DEFAULT_C
            c = pacing.adjust_c(
                c,
                requests_per_hour_wanted=max(settings.requests_per_hour - taken, _LEAST_BUDGET),
                requests_planned=sum(_planned(pace, now, c) for pace in paces),
            )
            sources.set_pace_constant(tx, c)

    def _prune(self) -> None:
        keep = self._line.settings.keep
        assert keep is not None
        prune_store(self._line.store, keep=keep, now=self._line.now(), stopping=self._line.stopping)


def _planned(pace: Pace, now: datetime, c: float) -> float:
    """Requests an hour that a source would be sent."""
    rate = pace.rate or pacing.first_arrivals([], now=now)
    asked = max(pace.hints.ttl or timedelta(), pace.hints.update_every or timedelta())
    return pacing.requests_per_hour(rate, now=now, c=c, floor=asked)
