"""Who may see the administration pages: HTTP Basic, a token for feed readers, and a limit to guessing."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import deque
from ipaddress import ip_address, ip_network
from typing import Literal
from urllib.parse import urlsplit

from flask import Request

from aggregator.web.headers import FORWARDED

GUESSES = 10  # wrong passwords of one address within WINDOW; then nothing is believed until they are past
WINDOW = 600.0  # seconds

THROUGH_PROXY = " through a proxy"  # ends the name of who shares an address with all its visitors

_ADDRESSES = 1000  # that are remembered at once
_ROUNDS = 200_000
_FORM_SECONDS = 86_400

Verdict = Literal["admitted", "asked", "refused"]


def derive_token(password: str, *, site_url: str) -> str:
    """The token of the problem feed, by PBKDF2: who finds it in a feed reader cannot try passwords fast."""
    salt = f"aggregator problems {site_url}".encode()
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS, dklen=16).hex()


def judge(request: Request, password: str) -> Verdict:
    """Whether a request has the password, as that of any user or as a bearer token; "asked": it has none."""
    given = request.authorization
    if given is None:
        return "asked"
    if given.type == "bearer" and given.token:
        # Headers come as Latin-1 (PEP 3333); what a client sends in them is UTF-8.
        said = given.token.encode("latin-1", "replace")
        return "admitted" if hmac.compare_digest(said, password.encode()) else "refused"
    if given.type != "basic" or given.password is None:
        return "asked"
    return "admitted" if is_same(given.password, password) else "refused"


class Forms:
    """What the buttons of the administration pages carry, so that no other site can press them.

    A token is good for one user, one action on one thing, and a day; it is signed with a key made from the
    password, so that every worker knows it and no cookie is needed.
    """

    def __init__(self, password: str, *, site_url: str) -> None:
        salt = f"aggregator forms {site_url}".encode()
        self._key = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS)
        self._origin = _get_origin(site_url)

    def sign(self, request: Request, action: str, *things: str, now: float) -> str:
        """The token of a button; `now` in seconds since 1970."""
        at = f"{int(now):x}"
        return f"{at}.{self._seal(request, at, action, *things)}"

    def admits(self, request: Request, action: str, *things: str, now: float) -> bool:
        """Whether a request to act comes from a page of ours, or with a bearer token, which no page sends."""
        given = request.authorization
        if given is not None and given.type == "bearer":
            return True
        at, _, seal = request.form.get("token", "").partition(".")
        if not self._is_ours(request) or not is_same(seal, self._seal(request, at, action, *things)):
            return False
        return 0 <= now - int(at, 16) <= _FORM_SECONDS

    def _seal(self, request: Request, at: str, action: str, *things: str) -> str:
        given = request.authorization
        said = json.dumps([at, (given and given.username) or "", action, *things])
        return hmac.new(self._key, said.encode(), hashlib.sha256).hexdigest()

    def _is_ours(self, request: Request) -> bool:
        """By what browsers alone write: Sec-Fetch-Site (over TLS and on loopback), else Origin."""
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if site is not None:
            return site in ("same-origin", "none")
        # The address of the request itself: whoever comes through a tunnel does not use that of the site.
        ours = (self._origin, f"http://{request.host}", f"https://{request.host}")
        return origin is None or origin in ours


def _get_origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def is_same(one: str, other: str) -> bool:
    """Compared in a time that does not tell how much of it is right."""
    return hmac.compare_digest(one.encode(), other.encode())


def name_guesser(request: Request) -> str:
    """Who is held to account for a guess: the address, of IPv6 its network.

    Guesses that come through a proxy share its address, but not that of who asks on the machine itself.
    """
    try:
        ip = ip_address(request.remote_addr or "")
        ip = getattr(ip, "ipv4_mapped", None) or ip  # else all of IPv4 would be one network
        name = str(ip_network(f"{ip}/64", strict=False)) if ip.version == 6 else str(ip)
    except ValueError:
        name = request.remote_addr or ""
    told = "werkzeug.proxy_fix.orig" in request.environ  # then the address is that of whom it speaks for
    through_proxy = not told and any(header in request.headers for header in FORWARDED)
    return f"{name}{THROUGH_PROXY}" if through_proxy else name


class Guesses:
    """The wrong passwords of the last minutes, by who tried them, in the memory of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[str, deque[float]] = {}

    def record(self, who: str, *, now: float) -> None:
        """`now` in seconds of a clock that nobody sets."""
        with self._lock:
            made = self._made.pop(who, None) or deque(maxlen=GUESSES)
            made.append(now)
            if len(self._made) >= _ADDRESSES:
                del self._made[next(iter(self._made))]  # whose last guess is the oldest
            self._made[who] = made

    def find_wait(self, who: str, *, now: float) -> float:
        """For how many seconds no password of theirs is looked at; 0.0: it is."""
        with self._lock:
            made = self._made.get(who)
            return max(0.0, made[0] + WINDOW - now) if made and len(made) == GUESSES else 0.0
