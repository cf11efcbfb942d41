"""APScheduler: one heartbeat that claims what is due, and the daily jobs. No job per source."""

from __future__ import annotations

import logging
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from aggregator import pacing
from aggregator.errors import StoreError
from aggregator.executor.local import LocalExecutor, make_owner
from aggregator.refresh import LEASE, Line
from aggregator.store import sources
from aggregator.store.prune import prune_store

_HEARTBEAT_SECONDS = 1
_BUDGET_MINUTES = 5

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
        """Fit the pacing law to [fetch] requests_per_hour; without a budget, to its own constant."""
        now, wanted = self._line.now(), self._line.settings.requests_per_hour
        fixed = {source.id for source in self._line.settings.sources if source.every is not None}
        with self._line.store.write() as tx:
            paces = [s.pace for s in sources.list_source_states(tx) if s.source_id not in fixed]
            if wanted is None or not paces:
                sources.set_pace_constant(tx, None)
                return
            c = sources.find_pace_constant(tx) or pacing.DEFAULT_C
            rates = [p.rate or pacing.first_arrivals([], now=now) for p in paces]
            c = pacing.adjust_c(
                c,
                requests_per_hour_wanted=wanted,
                requests_last_hour=sources.count_polled_since(tx, now - timedelta(hours=1)),
                requests_planned=sum(pacing.requests_per_hour(rate, now=now, c=c) for rate in rates),
            )
            sources.set_pace_constant(tx, c)

    def _prune(self) -> None:
        keep = self._line.settings.keep
        assert keep is not None
        prune_store(self._line.store, keep=keep, now=self._line.now(), stopping=self._line.stopping)
