"""What goes and comes over the wire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aggregator.addresses import Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """ETag and Last-Modified exactly as the server sent them (RFC 9110, 8.8): bytes in, same bytes out."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPolicy:
    """What holds for every fetch: `[fetch]` of the configuration, in the units of the client."""

    user_agent: str
    connect_timeout: timedelta
    max_body_bytes: int  # decompressed
    max_redirects: int
    concurrency: int  # exchanges at once, over all hosts
    per_host: int  # connections to one host at once
    allow_networks: tuple[Network, ...]  # private networks that may be connected to all the same
    # Host and port of configured URLs: a redirect may lead to these ports, and to 80 and 443.
    ports: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    url: str
    timeout: timedelta  # for the whole exchange, redirects included
    validators: Validators = Validators()
    headers: tuple[tuple[str, str], ...] = ()
    # Sent by POST, as a form unless `headers` name another Content-Type; no redirect is followed. None: GET.
    posted: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    status: int
    url: str  # the absolute target


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """Any answer of a server, whatever its status; no answer at all is a FetchError."""

    status: int
    url: str  # the URL that answered, after redirects
    redirects: tuple[Redirect, ...]
    headers: tuple[tuple[str, str], ...]  # of the last answer, names in lower case, in order
    validators: Validators
    body: bytes  # decompressed; empty on 304

    def header(self, name: str) -> str | None:
        """The last value of a header; `name` in lower case."""
        return next((v for k, v in reversed(self.headers) if k == name), None)
