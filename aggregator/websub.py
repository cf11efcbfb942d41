"""WebSub, the subscriber's side (W3C Recommendation, 2018): what is asked, believed and given up.

Pure: a subscription and what happened to it in, the subscription as it is then out.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlencode, urlsplit

from aggregator.addresses import find_literal, is_web_port
from aggregator.model import FetchResult, Hints, HubOffer, Subscription
from aggregator.urls import absolute_url

# How often a source is polled that its hub pushes: only in case the hub fails.
BACKUP_EVERY = timedelta(hours=12)
LEASE_WANTED = timedelta(days=10)  # the Recommendation's "good default" (8.2)
LONGEST_LEASE = timedelta(days=90)
LEASE_UNSAID = timedelta(days=1)  # hubs of PubSubHubbub 0.3 do not say how long
SHORTEST_RENEWAL = timedelta(seconds=5)  # however short the lease, no hub is asked more often
FIRST_RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=24)
DENIED_RETRY = timedelta(days=7)
REMEMBER_ENDED = timedelta(days=10)  # so long the hub is told 410 instead of 404

_HASHES = frozenset({"sha256", "sha384", "sha512"})  # the Recommendation's, but for sha1
_MAX_LINKS = 8192  # characters of Link headers that are looked at: a quote without an end costs their square
_LINK_PART = re.compile(r'<[^>]*>|"(?:[^"\\]|\\.)*"|[,;=]|[^\s<>",;=]+')
_ESCAPED = re.compile(r"\\(.)")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LEASE = re.compile(r"[0-9]{1,12}", re.ASCII)
_MAX_REASON = 200

Step = Literal["keep", "subscribe", "end"]


# --- discovery ------------------------------------------------------------------------------------


def merge_links(hints: Hints, fetched: FetchResult) -> Hints:
    """The hub and topic of the Link headers (RFC 8288), if they name a hub, instead of the document's.

    Headers come first and the document counts only in their absence (WebSub, 4).
    """
    text = ", ".join(value for name, value in fetched.headers if name == "link")[:_MAX_LINKS]
    found: dict[str, str] = {}
    for target, parameters in _list_links(text):
        url = _resolve(fetched.url, target)
        if url is None or "anchor" in parameters:  # an anchor makes it a statement about something else
            continue
        for relation in parameters.get("rel", "").lower().split():
            found.setdefault(relation, url)
    if "hub" not in found:
        return hints
    return replace(hints, hub_url=found["hub"], self_url=found.get("self", hints.self_url))


def _resolve(base: str, target: str) -> str | None:
    """A topic is a name, to be told to the hub as it was written."""
    written = target.isascii() and target.lower().startswith(("http://", "https://"))
    return target if written and absolute_url(base, target) else absolute_url(base, target)


def _list_links(text: str) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Targets and parameters; the first of a name counts (RFC 8288, 3.3)."""
    target: str | None = None
    parameters: dict[str, str] = {}
    name, is_value = "", False
    for part in _LINK_PART.findall(text):
        if part[0] == "<":
            if target is not None:
                yield target, parameters
            target, parameters = part[1:-1].strip(), {}
        elif part in (",", ";"):
            name, is_value = "", False
        elif part == "=":
            is_value = True
        elif is_value:
            value = _ESCAPED.sub(r"\1", part[1:-1]) if part[0] == '"' else part
            parameters.setdefault(name, value)
        else:
            name = part.lower()
    if target is not None:
        yield target, parameters


def find_offer(hints: Hints, *, poll_url: str) -> HubOffer | None:
    """Where the source is pushed; None: nowhere. One that names no topic means the URL it is polled at."""
    hub = None if hints.hub_url is None else absolute_url(poll_url, hints.hub_url)
    return None if hub is None else HubOffer(hub=hub, topic=hints.self_url or poll_url)


def may_reach(hub: str, *, poll_url: str, ports: Collection[tuple[str, int]]) -> bool:
    """Whether the port of a hub may be connected to.

    Those of the web may, those of configured URLs (`ports`, with their hosts), and any port of the very host
    that the source is polled at: there it could only harm itself.
    """
    if is_web_port(hub, ports):
        return True
    host = urlsplit(hub).hostname or ""
    home = urlsplit(poll_url).hostname or ""
    address = find_literal(host)
    return host == home or (address is not None and address == find_literal(home))


# --- subscribing ----------------------------------------------------------------------------------


def decide(known: Subscription | None, offer: HubOffer | None) -> Step:
    """What a source's offer makes of its present subscription (None: it has none).

    "subscribe" where it has another hub or topic: the known one ends then.
    """
    if offer is None:
        return "keep" if known is None else "end"
    same = known is not None and (known.hub, known.topic) == (offer.hub, offer.topic)
    return "keep" if same else "subscribe"


def callback_url(base: str, token: str) -> str:
    """`base` ends with a slash."""
    return base + token


def render_request(subscription: Subscription) -> bytes:
    """The form that asks a hub to subscribe or renew (WebSub, 5.1)."""
    return urlencode(
        {
            "hub.callback": subscription.callback,
            "hub.mode": "subscribe",
            "hub.topic": subscription.topic,
            "hub.lease_seconds": int(LEASE_WANTED.total_seconds()),
            "hub.secret": subscription.secret,
        },
        errors="replace",
    ).encode("ascii")


def ask(subscription: Subscription, *, now: datetime, jitter: float) -> Subscription:
    """As it is from just before a request on: the hub may verify before it answers.

    A lease that has run out is over. An earlier request that nobody ever verified has failed.
    """
    asked = subscription
    if asked.awaiting and asked.last_error is None:
        asked = replace(asked, failures=asked.failures + 1)
    if asked.state != "active" or (asked.lease_until or now) <= now:
        asked = replace(asked, state="pending", active_since=None, lease_until=None)
    asked = replace(asked, awaiting=True, asked_at=now)
    return replace(asked, next_at=_retry_at(asked, now, jitter))


def accept(subscription: Subscription) -> Subscription:
    """After a success in answer to a request: now the hub is to verify it."""
    return replace(subscription, last_error=None)


def refuse(
    subscription: Subscription,
    reason: str,
    *,
    now: datetime,
    jitter: float,
    retry_after: timedelta | None = None,
) -> Subscription:
    """After a request that failed. A lease that still runs is not touched.

    The hub may verify it all the same: an answer that came too late or broken was perhaps a success.
    """
    failed = replace(subscription, failures=subscription.failures + 1, last_error=reason)
    next_at = _retry_at(failed, now, jitter)
    if retry_after is not None:
        next_at = max(next_at, now + retry_after)
    return replace(failed, next_at=next_at)


def confirm(
    subscription: Subscription, *, mode: str, topic: str, lease_seconds: str | None, now: datetime
) -> Subscription | None:
    """After the hub has asked whether we mean it (WebSub, 5.3); None: we do not, and say 404.

    Only what we have asked for and what nobody has verified yet is meant; giving up is always meant.
    """
    if topic != subscription.topic:
        return None
    if mode == "unsubscribe":
        return subscription if subscription.state == "ended" else None
    if mode != "subscribe" or not subscription.awaiting or subscription.state == "ended":
        return None
    lease = _read_lease(lease_seconds)
    return replace(
        subscription,
        state="active",
        awaiting=False,
        active_since=subscription.active_since or now,
        lease_until=now + lease,
        next_at=now + max(lease * 2 / 3, SHORTEST_RENEWAL),
        failures=0,
        last_error=None,
    )


def deny(subscription: Subscription, *, topic: str, reason: str | None, now: datetime) -> Subscription | None:
    """After the hub has told that it does not push to us, or no longer (WebSub, 5.2); None: never mind."""
    if topic != subscription.topic or subscription.state == "ended":
        return None
    said = _CONTROL.sub(" ", reason or "").strip()[:_MAX_REASON]
    return replace(
        subscription,
        state="denied",
        awaiting=False,
        active_since=None,
        lease_until=None,
        next_at=now + DENIED_RETRY,
        last_error=said or None,
    )


def end(subscription: Subscription, *, now: datetime) -> Subscription:
    """Given up: the hub is told so when it next pushes (410), and it is forgotten after a while."""
    forget_at = max(subscription.lease_until or now, now + REMEMBER_ENDED)
    return replace(subscription, state="ended", awaiting=False, next_at=forget_at)


def is_lapsed(subscription: Subscription, now: datetime) -> bool:
    return (
        subscription.state == "active"
        and subscription.lease_until is not None
        and subscription.lease_until <= now
    )


def is_relied_on(subscription: Subscription | None, now: datetime) -> bool:
    """Whether the hub's word is taken for it that there is nothing to poll for."""
    if subscription is None or subscription.doubt is not None:
        return False
    return subscription.state == "active" and not is_lapsed(subscription, now)


def has_missed(subscription: Subscription, *, new: int, last_polled_at: datetime | None) -> bool:
    """Whether a poll that found `new` entries shows that the hub does not push them all.

    What the first poll since it is active finds may have been published before.
    """
    since = subscription.active_since
    return bool(new) and since is not None and last_polled_at is not None and last_polled_at >= since


def _read_lease(seconds: str | None) -> timedelta:
    if seconds is None or not _LEASE.fullmatch(seconds):
        return LEASE_UNSAID
    return min(timedelta(seconds=min(int(seconds), LONGEST_LEASE.total_seconds())), LONGEST_LEASE)


def _retry_at(subscription: Subscription, now: datetime, jitter: float) -> datetime:
    """5 minutes after the first request, twice as long after each failure; never beyond a running lease."""
    wait = min(FIRST_RETRY * (1 << min(subscription.failures, 20)), LONGEST_RETRY)
    retry_at = now + wait * (1 + jitter / 10)
    lease_until = subscription.lease_until
    if lease_until is None or lease_until <= now:
        return retry_at
    return min(retry_at, max(lease_until, now + SHORTEST_RENEWAL))


# --- content distribution -------------------------------------------------------------------------


def is_signed(body: bytes, signature: str | None, *, secret: str) -> bool:
    """Whether the X-Hub-Signature (`method=hexadecimal`; WebSub, 7.1) is ours, of sha256 or better.

    Takes the same time wherever the signature differs.
    """
    method, _, digest = (signature or "").strip().partition("=")
    if method.lower() not in _HASHES:
        return False
    expected = hmac.digest(secret.encode("ascii"), body, method.lower()).hex()
    # Anybody may send anything: compare_digest takes no letters beyond ASCII in a str.
    return hmac.compare_digest(expected.encode("ascii"), digest.lower().encode("utf-8", "surrogatepass"))
