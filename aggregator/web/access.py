"""Who may see the administration pages: HTTP Basic, a token for feed readers, and a limit to guessing."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import deque
from ipaddress import ip_address, ip_network
from typing import Literal

from flask import Request

from aggregator.web.headers import FORWARDED

GUESSES = 10  # wrong passwords of one address within WINDOW; then nothing is believed until they are past
WINDOW = 600.0  # seconds

_ADDRESSES = 1000  # that are remembered at once
_ROUNDS = 200_000

Verdict = Literal["admitted", "asked", "refused"]


def derive_token(password: str, *, site_url: str) -> str:
    """The token of the problem feed, by PBKDF2: who finds it in a feed reader cannot try passwords fast."""
    salt = f"aggregator problems {site_url}".encode()
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _ROUNDS, dklen=16).hex()


def judge(request: Request, password: str) -> Verdict:
    """Whether a request has the password; "asked": it has tried none. Any user name will do."""
    given = request.authorization
    if given is None or given.type != "basic" or given.password is None:
        return "asked"
    return "admitted" if is_same(given.password, password) else "refused"


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
    through_proxy = any(header in request.headers for header in FORWARDED)
    return f"{name} through a proxy" if through_proxy else name


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
