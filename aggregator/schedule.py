"""APScheduler: one heartbeat that claims what is due, and the daily jobs. No job per source."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler

from aggregator import pacing, push
from aggregator.digests import send_due
from aggregator.distribute import Distributor
from aggregator.errors import Interrupted, LearnerMissing, StoreError
from aggregator.executor.local import LocalExecutor, free_dead, is_dead, make_owner
from aggregator.grouping import group_new
from aggregator.guessing import guess_sections
from aggregator.icons import fetch_due_icon
from aggregator.model import Pace
from aggregator.refresh import LEASE, Line
from aggregator.store import counters, processes, roles, sources, stories
from aggregator.store.prune import prune_store
from aggregator.store.search import index_missing
from aggregator.webhook import Webhook

NOTED_EVERY = timedelta(seconds=15)  # how often a process says that it lives
STOPPING = timedelta(seconds=10)  # of the 30 s that supervisors give; saving what was read takes a part too
ROLE_LEASE = timedelta(seconds=12)  # of the periodic work; renewed when half of it is over

_HEARTBEAT_SECONDS = 1
_BUDGET_MINUTES = 5
_DIGEST_SECONDS = 10
_ICON_SECONDS = 30  # one site at a time: there is no hurry
_GUESS_SECONDS, _GUESSING = 60, "guessing"
_CLOCK_SECONDS = 2.0  # what the clock may gain or lose in a second before it was set by somebody
_LEAST_BUDGET = 0.01  # requests an hour for all sources together: the law needs something to share out

_log = logging.getLogger(__name__)


class Poller:
    """Polls on schedule from `start` until `stop`."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._owner = make_owner()
        self._noted_at: datetime | None = None
        self._leads_until: datetime | None = None
        self._lost = 0  # heartbeats that the store refused
        self._executor = LocalExecutor(line)
        self._distributor = Distributor(line, owner=self._owner) if line.settings.websub_hub else None
        # Threads of their own: a slow hub or a long reading must not stop the heart.
        self._errands = tuple(_Errand(work, line) for work in self._list_work())
        self._scheduler = BackgroundScheduler(timezone=line.settings.site.timezone)

    def start(self) -> None:
        if self._line.stopping.is_set():
            return
        self._add_jobs()
        self._scheduler.start()
        threading.Thread(target=self._watch_clock, name="clock", daemon=True).start()

    def _add_jobs(self) -> None:
        add = partial(self._scheduler.add_job, coalesce=True, max_instances=1, misfire_grace_time=None)
        lead = self._if_leading
        add(self.beat, "interval", seconds=_HEARTBEAT_SECONDS)
        add(lead(self.group), "interval", seconds=_HEARTBEAT_SECONDS)
        add(lead(self.keep_budget), "interval", minutes=_BUDGET_MINUTES)
        add(lead(self._fetch_icon), "interval", seconds=_ICON_SECONDS)
        add(lead(self._forget_terms), "cron", hour=3, minute=15)
        if any(source.guess_sections for source in self._line.settings.sources):
            add(lead(self._guess_sections), "interval", seconds=_GUESS_SECONDS, id=_GUESSING)
        if self._line.settings.mailing.to:
            add(lead(self._send_digests), "interval", seconds=_DIGEST_SECONDS)
        if self._line.settings.keep is not None:
            add(lead(self._prune), "cron", hour=3, minute=30)

    def stop(self, *, patience: timedelta = STOPPING) -> None:
        """Claim no more, let what runs finish its exchange and give the leases back.

        What is not finished after `patience` is broken off and stays due.
        """
        self._line.stopping.set()
        impatience = threading.Timer(patience.total_seconds(), self._line.interrupt)
        impatience.daemon = True
        impatience.start()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)
        for errand in self._errands:
            errand.close()
        if self._distributor is not None:
            self._distributor.close()
        self._leave_role()
        self._executor.close()
        impatience.cancel()

    def beat(self) -> None:
        """One heartbeat: keep the leases we hold, claim what is due. Never waits for a poll."""
        now = self._line.now()
        try:
            self._keep_role(now)
            for errand in self._errands:
                errand.start()
            self._note_beat(now)
            self._executor.renew()
            free = self._executor.free
            if free <= 0 or self._line.stopping.is_set():
                return
            with self._line.store.read() as tx:
                if not sources.has_due(tx, now=now):
                    return
            with self._line.store.write() as tx:
                now = self._line.now()  # the wait for the store counts against no lease
                claims = sources.claim_due(tx, now=now, limit=free, lease=LEASE, owner=self._owner)
            self._executor.submit(claims)
        except StoreError as error:
            self._lost += 1
            _log.error("this heartbeat is lost, the next one tries again: %s", error)

    @property
    def leads(self) -> bool:
        """Whether this process does the periodic work, of which one does it for all."""
        return self._leads_until is not None and self._line.now() < self._leads_until

    def _keep_role(self, now: datetime) -> None:
        """Take the role of the scheduler if nobody has it; at once, if its holder died on this machine."""
        taking: dict[str, Any] = {"now": now, "lease": ROLE_LEASE, "is_dead": is_dead}
        with self._line.store.read() as tx:
            holder = roles.find_scheduler(tx)
        if roles.is_open(holder, self._owner, **taking):
            with self._line.store.write() as tx:
                holder = roles.take_scheduler(tx, self._owner, **taking)
        led = self.leads
        self._leads_until = holder.until if holder and holder.owner == self._owner else None
        if self.leads and not led:
            _log.info("this process does the periodic work")
            self._scheduler.add_job(self._index_missing, misfire_grace_time=None)

    def _leave_role(self) -> None:
        if not self.leads:
            return
        self._leads_until = None
        with suppress(StoreError), self._line.store.write() as tx:
            roles.leave_scheduler(tx, self._owner)

    def _note_beat(self, now: datetime) -> None:
        """Tell other processes that this one lives. By any difference: the clock may have been set back."""
        if self._noted_at is None or abs(now - self._noted_at) >= NOTED_EVERY:
            with self._line.store.write() as tx:
                processes.record_beat(tx, self._owner, now=now)
                counters.add_counts(tx, {(counters.STORE_RETRIES, ""): self._lost})
            free_dead(self._line.store, now=now)
            self._noted_at, self._lost = now, 0

    def _list_work(self) -> Iterator[Callable[[], object]]:
        if self._line.settings.websub_callback is not None:
            yield partial(push.deliver, self._line)
            yield self._if_leading(partial(push.ask_hubs, self._line))
        if self._distributor is not None:
            yield self._if_leading(self._distributor.work)
        if self._line.settings.admin_webhook is not None:
            yield self._if_leading(Webhook(self._line, self._line.settings.admin_webhook).work)

    def _if_leading(self, work: Callable[[], object]) -> Callable[[], object]:
        return lambda: work() if self.leads else None

    def group(self) -> None:
        """Find stories for the articles that have come since."""
        try:
            group_new(self._line.store, now=self._line.now(), stopping=self._line.stopping)
        except StoreError as error:
            _log.error("stories wait for the next heartbeat: %s", error)

    def _watch_clock(self) -> None:
        """Do not sleep through the time by which the clock is set back: APScheduler and sources would."""
        before = self._read_clocks()
        while not self._line.stopping.wait(_HEARTBEAT_SECONDS):
            clocks = self._read_clocks()
            moved = max((now - then for now, then in zip(clocks, before, strict=True)), key=abs)
            if abs(moved) < _CLOCK_SECONDS:
                continue
            try:
                with self._line.store.write() as tx:
                    sources.forget_future(tx, now=self._line.now(), lease=LEASE)
            except StoreError as error:
                _log.error("the clock was set, which is looked at again in a moment: %s", error)
                continue
            before = clocks
            _log.warning("the clock was set by %+.0f s", moved)
            self._scheduler.remove_all_jobs()
            self._add_jobs()

    def _read_clocks(self) -> tuple[float, float]:
        """How far the time we go by, and APScheduler's, are ahead of the steady one."""
        steady = time.monotonic()
        return self._line.now().timestamp() - steady, datetime.now(UTC).timestamp() - steady

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

    def _index_missing(self) -> None:
        """Once: what an older version has stored, and what other rights have made readable."""
        try:
            index_missing(self._line.store, stopping=self._line.stopping)
        except StoreError as error:
            _log.error("what search does not know yet waits for the next start: %s", error)

    def _send_digests(self) -> None:
        """Asked often, sent once: also when we, or the mail server, were down at the time."""
        line = self._line
        try:
            send_due(line.store, line.settings, clock=line.now, stopping=line.stopping)
        except StoreError as error:
            _log.error("whether a digest is due is looked at again in a moment: %s", error)

    def _fetch_icon(self) -> None:
        try:
            fetch_due_icon(self._line)
        except StoreError as error:
            _log.error("the icons of sources wait for a moment: %s", error)

    def _guess_sections(self) -> None:
        line = self._line
        try:
            guess_sections(line.store, line.settings.sources, now=line.now(), stopping=line.stopping)
        except LearnerMissing as error:  # nor is it found before the next start
            _log.error("%s", error)
            self._scheduler.remove_job(_GUESSING)
        except StoreError as error:
            _log.error("sections are guessed in another minute: %s", error)

    def _forget_terms(self) -> None:
        with self._line.store.write() as tx:
            stories.forget_terms(tx, now=self._line.now())

    def _prune(self) -> None:
        keep = self._line.settings.keep
        assert keep is not None
        prune_store(self._line.store, keep=keep, now=self._line.now(), stopping=self._line.stopping)


class _Errand:
    """Work on a thread of its own, started by every heartbeat and never twice at once."""

    def __init__(self, work: Callable[[], object], line: Line) -> None:
        self._work = work
        self._line = line
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="errand")
        self._running: Future[None] | None = None

    def start(self) -> None:
        if (self._running is None or self._running.done()) and not self._line.stopping.is_set():
            self._running = self._pool.submit(self._run)

    def close(self) -> None:
        """Let what runs come to its end."""
        self._pool.shutdown(wait=True)

    def _run(self) -> None:
        try:
            self._work()
        except Interrupted:
            pass
        except StoreError as error:
            _log.error("this errand is lost, the next heartbeat tries again: %s", error)
        except Exception:
            _log.exception("a bug: please report it")


def _planned(pace: Pace, now: datetime, c: float) -> float:
    """Requests an hour that a source would be sent."""
    rate = pace.rate or pacing.first_arrivals([], now=now)
    asked = max(pace.hints.ttl or timedelta(), pace.hints.update_every or timedelta())
    return pacing.requests_per_hour(rate, c=c, floor=asked)
