"""WebSub, the hub's side (W3C Recommendation, 2018): what may be asked, granted, owed and given up. Pure."""

from __future__ import annotations

import hmac
import re
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast
from urllib.parse import urlencode, urlsplit

from aggregator.addresses import find_literal, is_allowed, is_web_port
from aggregator.errors import BadParameter
from aggregator.model import FetchResult, HubMode, HubRequest, Network, Subscriber

SHORTEST_LEASE = timedelta(minutes=5)
USUAL_LEASE = timedelta(days=10)
LONGEST_LEASE = timedelta(days=30)
MAX_SECRET_BYTES = 200
MAX_CALLBACK = 2000  # characters

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(hours=1)
GIVE_UP_AFTER = timedelta(hours=24)

MODES = ("subscribe", "unsubscribe")
ALGORITHM = "sha256"

_DIGITS = re.compile(r"[0-9]{1,12}", re.ASCII)
_PRINTABLE = re.compile(r"[!-~]+")


# --- what is asked --------------------------------------------------------------------------------


def parse_request(
    form: Mapping[str, str],
    *,
    topics: Container[str],
    networks: Iterable[Network],
    ports: Collection[tuple[str, int]],
) -> HubRequest:
    """The request of a subscriber (WebSub, 5.1). `networks` and `ports` are those that may be called besides.

    Raises BadParameter with a sentence for the subscriber.
    """
    mode = form.get("hub.mode", "")
    if mode not in MODES:
        raise BadParameter("hub.mode must be subscribe or unsubscribe")
    topic = form.get("hub.topic", "")
    if topic not in topics:
        raise BadParameter(
            "hub.topic must be the address of a feed of this site, as its rel=self link has it"
        )
    secret = form.get("hub.secret") or None
    check_secret(secret)
    callback = form.get("hub.callback", "")
    _check_callback(callback, networks, ports)
    return HubRequest(
        mode=cast(HubMode, mode),
        callback=callback,
        topic=topic,
        secret=secret,
        lease=grant_lease(form.get("hub.lease_seconds")),
    )


def check_secret(secret: str | None) -> None:
    """Raises BadParameter for one that is too long."""
    if secret is not None and len(secret.encode()) > MAX_SECRET_BYTES:
        raise BadParameter(f"hub.secret may have {MAX_SECRET_BYTES} bytes at most")


def is_web_url(url: str) -> bool:
    """Whether it is an absolute http or https URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def grant_lease(
    wanted: str | None, *, usual: timedelta = USUAL_LEASE, longest: timedelta = LONGEST_LEASE
) -> timedelta:
    """The lease for `hub.lease_seconds`. Raises BadParameter for what is no number of seconds."""
    if not wanted:
        return usual
    if not _DIGITS.fullmatch(wanted) or int(wanted) == 0:
        raise BadParameter("hub.lease_seconds must be a whole number of seconds above 0")
    seconds = min(int(wanted), int(longest.total_seconds()))
    return max(timedelta(seconds=seconds), min(SHORTEST_LEASE, longest))


def _check_callback(callback: str, networks: Iterable[Network], ports: Collection[tuple[str, int]]) -> None:
    """Raises BadParameter. Where a name leads shows only when it is called."""
    if not is_web_url(callback) or not _PRINTABLE.fullmatch(callback):
        raise BadParameter("hub.callback must be an http or https URL, in ASCII")
    if len(callback) > MAX_CALLBACK:
        raise BadParameter(f"hub.callback may have {MAX_CALLBACK} characters at most")
    parts = urlsplit(callback)
    if "@" in parts.netloc or parts.fragment:
        raise BadParameter("hub.callback may have no user name and no fragment")
    if not is_web_port(callback, ports):
        raise BadParameter("hub.callback must be at port 80 or 443")
    address = find_literal(parts.hostname or "")
    if address is not None and not is_allowed(str(address), networks):
        raise BadParameter("hub.callback is not at a public address, and nothing else is called")


# --- verifying ------------------------------------------------------------------------------------


def ask_url(callback: str, query: Mapping[str, str]) -> str:
    """Where a subscriber is asked something: its callback may have a query of its own, which is kept."""
    return f"{callback}{'&' if urlsplit(callback).query else '?'}{urlencode(query)}"


def verification_query(mode: str, topic: str, challenge: str, lease: timedelta) -> dict[str, str]:
    """What a subscriber is asked before it is believed (WebSub, 5.3)."""
    query = {"hub.mode": mode, "hub.topic": topic, "hub.challenge": challenge}
    lease_seconds = {"hub.lease_seconds": str(int(lease.total_seconds()))}
    return query | (lease_seconds if mode == "subscribe" else {})


def is_confirmed(fetched: FetchResult, challenge: str) -> bool:
    """Whether the subscriber means it.

    An answer from behind a redirect is none: an open redirect of a host would subscribe that host.
    """
    answered = 200 <= fetched.status < 300 and not fetched.redirects
    return answered and fetched.body.strip() == challenge.encode("ascii")


def settle_verification(
    subscriber: Subscriber, *, confirmed: bool, digest: bytes, now: datetime
) -> Subscriber | None:
    """What becomes of it; None: nothing is left. `digest` is of what the feed held when it was verified.

    What did not verify leaves an earlier subscription as it was.
    """
    if not confirmed:
        known = subscriber.lease_until is not None
        return replace(subscriber, asked=None, asked_secret=None, next_at=None) if known else None
    if subscriber.asked == "unsubscribe":
        return None
    running = subscriber.lease_until is not None and subscriber.lease_until > now
    return replace(
        subscriber,
        secret=subscriber.asked_secret,
        lease_until=now + subscriber.asked_lease,
        delivered=subscriber.delivered if running and subscriber.given_up_at is None else digest,
        asked=None,
        asked_secret=None,
        failures=0,
        failing_since=None,
        last_error=None,
        given_up_at=None,
        next_at=None,
    )


# --- distributing ---------------------------------------------------------------------------------


def sign(body: bytes, secret: str, *, algorithm: str = ALGORITHM) -> str:
    """The value of X-Hub-Signature (WebSub, 7.1)."""
    return f"{algorithm}={hmac.digest(secret.encode(), body, algorithm).hex()}"


def render_links(*, hub: str, topic: str) -> str:
    """The value of the Link header of a document and of its delivery (WebSub, 4 and 7)."""
    return f'<{hub}>; rel="hub", <{topic}>; rel="self"'


def render_delivery(
    body: bytes, *, content_type: str, hub: str, topic: str, secret: str | None
) -> tuple[tuple[str, str], ...]:
    """The headers that a document is delivered with."""
    headers = (("Content-Type", content_type), ("Link", render_links(hub=hub, topic=topic)))
    return headers if secret is None else (*headers, ("X-Hub-Signature", sign(body, secret)))


def settle_delivery(subscriber: Subscriber, *, digest: bytes) -> Subscriber:
    """After it has taken what had that digest."""
    return replace(
        subscriber, delivered=digest, failures=0, failing_since=None, last_error=None, next_at=None
    )


def settle_failure(
    subscriber: Subscriber, error: str, *, now: datetime, jitter: float, retry_after: timedelta | None = None
) -> Subscriber:
    """After it has not: when it is called again, or that it is given up (WebSub, 7)."""
    since = subscriber.failing_since or now
    failed = replace(
        subscriber, failures=subscriber.failures + 1, failing_since=since, last_error=error, next_at=None
    )
    if now - since >= GIVE_UP_AFTER:
        return replace(failed, given_up_at=now)
    wait = retry_wait(failed.failures, jitter=jitter)
    return replace(failed, next_at=now + max(wait, min(retry_after or wait, GIVE_UP_AFTER)))


def retry_wait(failures: int, *, jitter: float) -> timedelta:
    """5 seconds after the first failure, twice as long after each, an hour at most; ±10 %."""
    return min(FIRST_RETRY * (1 << min(failures - 1, 20)), LONGEST_RETRY) * (1 + jitter / 10)


def release(subscriber: Subscriber, *, current: bytes | None, now: datetime) -> Subscriber:
    """As it is given back: due at once if there is more to do for it. `current` is what its feed holds."""
    next_at: datetime | None = None
    if subscriber.asked is not None:
        next_at = now
    elif subscriber.lease_until is not None and subscriber.given_up_at is None:
        owed = current is not None and current != subscriber.delivered
        next_at = (subscriber.next_at or now) if subscriber.failures else now if owed else None
    return replace(subscriber, owner=None, next_at=next_at)


def render_ping(topic: str) -> bytes:
    """The form that tells a hub elsewhere of a change."""
    return urlencode({"hub.mode": "publish", "hub.url": topic}).encode("ascii")
