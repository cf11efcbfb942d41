"""WebSub in the poller: our own hub calls its subscribers, or a hub elsewhere is told what has changed.

All that is owed is in the store: a change is noticed by comparing what feeds hold with what they held, and
what is delivered is rendered at that moment. So of changes in a row the last alone is delivered, and what a
process that is killed leaves undone another one finds.
"""

from __future__ import annotations

import logging
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from aggregator import hub
from aggregator.catalogue import FORMATS, Topic, list_feeds, list_topics, read_feed, topic_url
from aggregator.errors import FetchError, Interrupted, StoreError
from aggregator.fetch.caching import parse_retry_after
from aggregator.logs import redact
from aggregator.model import FetchRequest, FetchResult, Subscriber
from aggregator.refresh import Line
from aggregator.store import Transaction, articles, subscribers

CALL_LEASE = timedelta(minutes=5)  # an exchange ends after CALL_TIMEOUT, but may wait for its turn before
CALL_TIMEOUT = timedelta(seconds=15)
PING_LEASE = timedelta(minutes=1)

_CALLS = 16  # at once
_PINGS = 20  # at a time, one after the other
# Comparing takes a tenth of the time at most, however many feeds there are.
_REST = 9

_log = logging.getLogger(__name__)


class Distributor:
    """What the poller does for the hub that our feeds name."""

    def __init__(self, line: Line, *, owner: str) -> None:
        self._line = line
        self._owner = owner
        self._settings = line.settings
        self._feeds = {feed.name: feed for feed in list_feeds(line.settings)}
        self._topics = list_topics(line.settings)
        self._pool = ThreadPoolExecutor(_CALLS, thread_name_prefix="call")
        self._calls: list[Future[None]] = []
        self._compare_at = line.now()

    def work(self) -> None:
        """Do what is due; to be run by every heartbeat, and never twice at once."""
        self.compare()
        if self._settings.has_own_hub:
            self.call()
        else:
            self.ping()

    def close(self) -> None:
        """Let running calls come to their end."""
        self._pool.shutdown(wait=True)

    def compare(self) -> None:
        """Notice which feeds hold something else than before: those that are subscribed to, or all."""
        line, now = self._line, self._line.now()
        if now < self._compare_at:
            return
        with line.store.read() as tx:
            revision = articles.get_revision(tx)
            if subscribers.find_compared(tx) == revision:
                return
            own = self._settings.has_own_hub
            names = subscribers.list_subscribed_feeds(tx, now=now) if own else tuple(self._feeds)
            digests = {name: self._digest(tx, name) for name in names if name in self._feeds}
        self._compare_at = line.now() + _REST * (line.now() - now)
        with line.store.write() as tx:
            gone = subscribers.forget(tx, feeds=self._feeds, now=now)
            subscribers.record_digests(tx, digests, revision=revision, now=now)
            subscribers.record_compared(tx, revision)
        if gone:
            _log.warning("%d subscriptions have ended: their feeds are not published any more", gone)

    def call(self) -> int:
        """Begin to call subscribers who are due, one of each host; returns how many."""
        line, now = self._line, self._line.now()
        self._calls = [call for call in self._calls if not call.done()]
        free = _CALLS - len(self._calls)
        with line.store.read() as tx:
            if not free or line.stopping.is_set() or not subscribers.has_due(tx, now=now):
                return 0
        with line.store.write() as tx:
            claimed = subscribers.claim_due(tx, now=now, limit=free, lease=CALL_LEASE, owner=self._owner)
        self._calls += [self._pool.submit(self._run, subscriber) for subscriber in claimed]
        return len(claimed)

    def ping(self) -> int:
        """Tell a hub elsewhere of what has changed; returns how many documents it was told of."""
        line, url, now = self._line, self._settings.websub_hub, self._line.now()
        assert url is not None
        with line.store.read() as tx:
            known = subscribers.find_ping(tx, url)
            untold = {name: held for name, held in subscribers.list_untold(tx).items() if name in self._feeds}
        if not untold or (known is not None and known.next_at > now):
            return 0
        told, error = 0, None
        taken = replace(known or subscribers.Ping(hub=url, next_at=now), next_at=now + PING_LEASE)
        with line.store.write() as tx:
            if subscribers.find_ping(tx, url) != known:
                return 0  # another process tells it
            subscribers.save_ping(tx, taken)
        for name, digest in untold.items():
            if told >= _PINGS or line.stopping.is_set():
                break
            error = self._tell(url, name)
            if error is not None:
                break
            told += len(FORMATS)
            with line.store.write() as tx:
                subscribers.record_told(tx, name, digest)
        with line.store.write() as tx:
            subscribers.save_ping(tx, self._settle_ping(taken, error))
        return told

    # --- calls ------------------------------------------------------------------------------------

    def _run(self, subscriber: Subscriber) -> None:
        try:
            if subscriber.asked is not None:
                self._verify(subscriber)
            else:
                self._deliver(subscriber)
        except Interrupted:
            pass  # made again when its lease is over
        except StoreError as error:
            _log.error("a call is lost, and made again when its lease is over: %s", error)
        except Exception:
            _log.exception("a bug: please report it")

    def _verify(self, claimed: Subscriber) -> None:
        """Ask a subscriber whether it means what it has asked for."""
        mode, challenge = claimed.asked or "", secrets.token_urlsafe(32)
        query = hub.verification_query(mode, claimed.topic, challenge, claimed.asked_lease)
        why = "its answer is not the challenge"
        try:
            url = hub.ask_url(claimed.callback, query)
            fetched = self._line.client.fetch(FetchRequest(url=url, timeout=CALL_TIMEOUT))
            confirmed = hub.is_confirmed(fetched, challenge)
        except FetchError as error:
            confirmed, why = False, redact(str(error))
        if not confirmed:
            _log.info("%s has not confirmed to %s %s: %s", claimed.host, mode, claimed.topic, why)
        topic = self._topics.get(claimed.topic)
        if topic is None:
            self._remove(claimed)
            return
        with self._line.store.read() as tx:
            revision, digest = articles.get_revision(tx), self._digest(tx, topic.feed.name)
        now = self._line.now()
        settled = hub.settle_verification(claimed, confirmed=confirmed, digest=digest, now=now)
        self._settle(claimed, settled, held=(revision, digest))

    def _deliver(self, claimed: Subscriber) -> None:
        """Hand a subscriber the document as it is now, unless it has it."""
        topic, now = self._topics.get(claimed.topic), self._line.now()
        if topic is None or claimed.lease_until is None or claimed.lease_until <= now:
            self._remove(claimed)
            return
        with self._line.store.read() as tx:
            revision, content = articles.get_revision(tx), read_feed(tx, self._settings, topic.feed)
        held = revision, content.digest
        if content.digest == claimed.delivered:
            self._settle(claimed, hub.settle_delivery(claimed, digest=content.digest), held=held)
            return
        body = FORMATS[topic.form].render(content.head, content.articles)
        error, fetched = self._post(claimed, topic, body)
        if fetched is not None and fetched.status == 410:
            _log.info("%s does not want %s any more", claimed.host, claimed.topic)
            self._remove(claimed)
        elif error is None:
            self._settle(claimed, hub.settle_delivery(claimed, digest=content.digest), held=held)
        else:
            self._settle(claimed, self._fail(claimed, error, fetched), held=held)

    def _fail(self, claimed: Subscriber, error: str, fetched: FetchResult | None) -> Subscriber:
        now, asked = self._line.now(), None if fetched is None else fetched.header("retry-after")
        failed = hub.settle_failure(
            claimed,
            error,
            now=now,
            jitter=self._line.jitter(),
            retry_after=None if asked is None else parse_retry_after(asked, now=now),
        )
        if failed.given_up_at is not None:
            _log.warning("%s is given up for %s: %s", claimed.host, claimed.topic, error)
        return failed

    def _post(self, claimed: Subscriber, topic: Topic, body: bytes) -> tuple[str | None, FetchResult | None]:
        """What went wrong, None: nothing; and the answer, if there was one."""
        headers = hub.render_delivery(
            body,
            content_type=FORMATS[topic.form].content_type,
            hub=self._settings.websub_hub or "",
            topic=claimed.topic,
            secret=claimed.secret,
        )
        request = FetchRequest(url=claimed.callback, timeout=CALL_TIMEOUT, posted=body, headers=headers)
        try:
            fetched = self._line.client.fetch(request)
        except FetchError as error:
            return redact(str(error)), None
        return (None if 200 <= fetched.status < 300 else f"it answered {fetched.status}"), fetched

    def _settle(
        self, claimed: Subscriber, settled: Subscriber | None, *, held: tuple[int, bytes] | None = None
    ) -> None:
        """Give a claimed subscriber back as it has become; None: it is gone. What was asked meanwhile stands.

        `held` is what its feed held, and at which revision of the store.
        """
        now = self._line.now()
        with self._line.store.write() as tx:
            current = subscribers.find_claimed(tx, claimed)
            if current is None:
                return
            if held is not None:
                revision, digest = held
                subscribers.record_digests(tx, {claimed.feed: digest}, revision=revision, now=now)
            if current.asked_at != claimed.asked_at:
                given = current if settled is None or claimed.asked is not None else settled
                names = ("asked", "asked_at", "asked_secret", "asked_lease")
                settled = replace(given, **{name: getattr(current, name) for name in names})
            if settled is None:
                subscribers.remove(tx, claimed.id)
            else:
                current_digest = subscribers.find_digest(tx, claimed.feed)
                subscribers.save(tx, hub.release(settled, current=current_digest, now=now))
            gap = self._settings.host_gap
            if gap:
                subscribers.spare_host(tx, claimed.host, until=now + gap)

    def _remove(self, claimed: Subscriber) -> None:
        self._settle(claimed, None)

    def _digest(self, tx: Transaction, name: str) -> bytes:
        return read_feed(tx, self._settings, self._feeds[name]).digest

    # --- a hub elsewhere --------------------------------------------------------------------------

    def _tell(self, url: str, name: str) -> str | None:
        """Tell the hub of the documents of a feed; returns what went wrong."""
        for form in FORMATS:
            topic = topic_url(self._settings.site, self._feeds[name], form)
            request = FetchRequest(url=url, timeout=CALL_TIMEOUT, posted=hub.render_ping(topic))
            try:
                fetched = self._line.client.fetch(request)
            except FetchError as error:
                return redact(str(error))
            if not 200 <= fetched.status < 300:
                return f"it answered {fetched.status}"
        return None

    def _settle_ping(self, taken: subscribers.Ping, error: str | None) -> subscribers.Ping:
        now = self._line.now()
        if error is None:
            return subscribers.Ping(hub=taken.hub, next_at=now + self._settings.host_gap)
        _log.warning("the hub %s is not told of changes: %s", taken.hub, error)
        failures = taken.failures + 1
        return replace(
            taken,
            next_at=now + hub.retry_wait(failures, jitter=self._line.jitter()),
            failures=failures,
            failing_since=taken.failing_since or now,
            last_error=error,
        )
