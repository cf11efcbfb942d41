"""Subscriptions in the store: what websub.py decides, each decision in the transaction of its caller.

The poller follows what sources offer and asks hubs; the web processes answer hubs. What one of them has
decided the other sees at its next look.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from aggregator import websub
from aggregator.logs import redact
from aggregator.model import Payload, PollResult, Subscription
from aggregator.outcome import Exchange, settle
from aggregator.store import Transaction, subscriptions

# What an admin reads of a hub that is not relied on.
MISSED = "polling found articles that its hub had not pushed"
UNSIGNED = "what its hub pushes is not signed with our secret by sha256 or better"
TOO_LARGE = "its hub pushes more than [fetch] max_body_bytes"

Receipt = Literal["taken", "dropped", "full", "gone", "unknown"]

_log = logging.getLogger(__name__)


# --- the poller's side ----------------------------------------------------------------------------


def end_unwanted(
    tx: Transaction, *, callback: str | None, source_ids: Collection[str], now: datetime
) -> None:
    """Give up what the configuration no longer wants: other sources, another callback, none at all."""
    for known in subscriptions.list_subscriptions(tx).values():
        wanted = callback is not None and known.callback == websub.callback_url(callback, known.token)
        if not wanted or known.source_id not in source_ids:
            _end(tx, known, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hubs:
    """What we have agreed with the hubs of sources that have just been polled."""

    callback: str | None  # None: the admin wants no hubs
    known: Mapping[str, Subscription]  # by source
    overtaken: Collection[str]  # sources of which a hub has pushed a document since their poll began

    def step_back(self, exchange: Exchange, result: PollResult) -> PollResult:
        """The result; of an overtaken poll, one that lets the next poll ask for the document again."""
        if result.source_id not in self.overtaken or result.reading is None:
            return result
        state = exchange.state
        return replace(result, validators=state.validators, body_hash=state.body_hash)

    def settle(
        self,
        tx: Transaction,
        exchange: Exchange,
        result: PollResult,
        *,
        new: int,
        repeated: int,
        jitter: float,
        c: float,
        now: datetime,
    ) -> PollResult:
        """As outcome.settle; polls of a source that is pushed are backups. Its subscription is kept up."""

        def settle_as(pushed: bool) -> PollResult:
            return settle(exchange, result, new=new, repeated=repeated, jitter=jitter, c=c, pushed=pushed)

        alone = settle_as(pushed=False)
        if self.callback is None:
            return alone
        known = self.known.get(result.source_id)
        if known is not None:
            known = _weigh(known, new=new, last_polled_at=exchange.state.last_polled_at, now=now)
        poll_url = alone.poll_url or exchange.state.poll_url
        known = _follow(tx, known, alone, poll_url=poll_url, callback=self.callback, now=now)
        return settle_as(pushed=True) if websub.is_relied_on(known, now) else alone


def find_hubs(tx: Transaction, polls: Sequence[tuple[Exchange, PollResult]], *, callback: str | None) -> Hubs:
    """The subscriptions of the sources of these polls; without `callback` there are none."""
    if callback is None:
        return Hubs(callback=None, known={}, overtaken=())
    begun_at = {exchange.source.id: exchange.polled_at for exchange, _ in polls}
    known = subscriptions.list_subscriptions(tx, begun_at)
    overtaken = [
        source_id
        for source_id, found in known.items()
        if found.pushed_at is not None and found.pushed_at >= begun_at[source_id]
    ]
    return Hubs(callback=callback, known=known, overtaken=overtaken)


def _weigh(known: Subscription, *, new: int, last_polled_at: datetime | None, now: datetime) -> Subscription:
    """The subscription after a poll of its source that found `new` entries: do we still rely on it?"""
    if not websub.is_relied_on(known, now):
        return known
    if websub.has_missed(known, new=new, last_polled_at=last_polled_at):
        _log.warning("%s: %s", known.source_id, MISSED)
        return replace(known, doubt=MISSED)
    return known


def _follow(
    tx: Transaction,
    known: Subscription | None,
    alone: PollResult,
    *,
    poll_url: str,
    callback: str,
    now: datetime,
) -> Subscription | None:
    """Subscribe where the polled source says that it is pushed, and give up what it no longer offers.

    `alone` is the result as it is without any hub; a failed poll offers what the last good one did.
    """
    offer = None if alone.disabled else websub.find_offer(alone.pace.hints, poll_url=poll_url)
    step = websub.decide(known, offer)
    if known is not None and step == "keep":
        kept = replace(known, poll_at=alone.next_poll_at)
        subscriptions.save_subscription(tx, kept)
        return kept
    if known is not None:
        _end(tx, known, now=now)
    if offer is None:
        return None
    token = secrets.token_urlsafe(32)
    wanted = Subscription(
        token=token,
        source_id=alone.source_id,
        hub=offer.hub,
        topic=offer.topic,
        callback=websub.callback_url(callback, token),
        secret=secrets.token_urlsafe(32),
        next_at=now,
    )
    subscriptions.add_subscription(tx, wanted)
    _log.info("%s: it says that the hub %s pushes it", alone.source_id, offer.hub)
    return wanted


def take_due(tx: Transaction, *, now: datetime, hubs: int, jitter: float) -> tuple[Subscription, ...]:
    """The subscriptions that are to be asked for or renewed, as they are while they are asked for."""
    subscriptions.forget_ended(tx, now=now)
    taken = []
    for due in subscriptions.list_due_subscriptions(tx, now=now, hubs=hubs):
        if websub.is_lapsed(due, now):
            _log.warning("%s: its hub %s has not renewed the subscription", due.source_id, due.hub)
            subscriptions.resume_polling(tx, due, now=now)
        asked = websub.ask(due, now=now, jitter=jitter)
        subscriptions.save_subscription(tx, asked)
        taken.append(asked)
    return tuple(taken)


def record_answer(
    tx: Transaction,
    token: str,
    error: str | None,
    *,
    now: datetime,
    jitter: float,
    retry_after: timedelta | None = None,
) -> None:
    """Keep what a hub has answered to our request; `error` None: a success.

    A hub that has verified before it answered has said more than its answer.
    """
    known = subscriptions.find_subscription(tx, token)
    if known is None or not known.awaiting or known.state == "ended":
        return
    if error is None:
        subscriptions.save_subscription(tx, websub.accept(known))
        return
    _log.warning("%s: no subscription at its hub %s: %s", known.source_id, known.hub, error)
    refused = websub.refuse(known, redact(error), now=now, jitter=jitter, retry_after=retry_after)
    subscriptions.save_subscription(tx, refused)
    if retry_after is not None:
        subscriptions.spare_hub(tx, known.hub, until=now + retry_after)


def record_push(tx: Transaction, payload: Payload, *, error: str | None, now: datetime) -> None:
    """Keep what came of a document of a hub: one that cannot be read is one that polling must find."""
    known = subscriptions.find_subscription(tx, payload.token)
    if known is None:
        return
    if error is None:
        pushed = replace(known, pushed_at=now, pushes=known.pushes + 1, doubt=None)
        subscriptions.save_subscription(tx, pushed)
        return
    _doubt(tx, known, f"its hub pushed what cannot be read: {redact(error)}", now=now)


# --- the web's side -------------------------------------------------------------------------------


def answer_hub(tx: Transaction, token: str, query: Mapping[str, str], *, now: datetime) -> bool:
    """Whether to agree to a hub's question or statement about a subscription (WebSub, 5.2 and 5.3)."""
    known = subscriptions.find_subscription(tx, token)
    if known is None:
        return False
    mode, topic = query.get("hub.mode", ""), query.get("hub.topic", "")
    if mode == "denied":
        answered = websub.deny(known, topic=topic, reason=query.get("hub.reason"), now=now)
        if answered is not None:
            subscriptions.resume_polling(tx, known, now=now)
            _log.warning("%s: its hub %s has denied the subscription", known.source_id, known.hub)
    else:
        lease_seconds = query.get("hub.lease_seconds")
        answered = websub.confirm(known, mode=mode, topic=topic, lease_seconds=lease_seconds, now=now)
    if answered is None:
        return False
    subscriptions.save_subscription(tx, answered)
    return True


def receive(
    tx: Transaction, token: str, body: bytes, *, signed: bool, content_type: str | None, now: datetime
) -> Receipt:
    """Take a pushed document into the inbox if its signature was right; count it if not."""
    known = subscriptions.find_subscription(tx, token)
    if known is None:
        return "unknown"
    if known.state == "ended":
        return "gone"
    if signed:
        taken = subscriptions.add_payload(tx, known, body, content_type=content_type, now=now)
        return "taken" if taken else "full"
    _doubt(tx, replace(known, dropped=known.dropped + 1), UNSIGNED, now=now)
    return "dropped"


def refuse_large(tx: Transaction, token: str, *, now: datetime) -> None:
    """Note that what a hub pushes is too large for us."""
    known = subscriptions.find_subscription(tx, token)
    if known is not None:
        _doubt(tx, known, TOO_LARGE, now=now)


def _doubt(tx: Transaction, known: Subscription, why: str, *, now: datetime) -> None:
    subscriptions.save_subscription(tx, replace(known, doubt=why))
    subscriptions.resume_polling(tx, known, now=now)


def _end(tx: Transaction, known: Subscription, *, now: datetime) -> None:
    subscriptions.save_subscription(tx, websub.end(known, now=now))
    subscriptions.resume_polling(tx, known, now=now)
