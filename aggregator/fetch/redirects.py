"""Where a redirect may lead, and who is still the one the admin meant."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from aggregator.addresses import is_web_port

PORTS = {"http": 80, "https": 443}


def is_port_allowed(target: str, *, asked: str, ports: Collection[tuple[str, int]]) -> bool:
    """Whether a redirect to `target` stays on the ports of the web, of the URL `asked` for or of `ports`.

    `ports` holds hosts with their port; the URLs are absolute http(s) URLs.
    """
    return is_web_port(target, ports) or _origin(target)[1:] == _origin(asked)[1:]


def is_same_origin(old: str, new: str) -> bool:
    """Whether `new` may be told what the admin meant for `old`; http to https on the usual ports may."""
    a, b = _origin(old), _origin(new)
    return a == b or (a[1] == b[1] and (a[0], a[2], b[0], b[2]) == ("http", 80, "https", 443))


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or PORTS[parts.scheme]
