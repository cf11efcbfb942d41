"""One exchange with a server and its redirects: what is asked, what the answer amounts to."""

from __future__ import annotations

import re
import socket
import zlib
from base64 import b64encode
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from time import monotonic
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit, urlunsplit

import pycurl

from aggregator.addresses import is_allowed
from aggregator.errors import BadRedirect, FetchError, FetchTimeout
from aggregator.fetch.caching import conditional_headers
from aggregator.fetch.failures import (
    TELL,
    Failure,
    address_refused,
    bad_encoding,
    body_too_large,
    explain_failure,
    host_of,
)
from aggregator.fetch.redirects import PORTS, is_port_allowed, is_same_origin
from aggregator.model import FetchPolicy, FetchRequest, FetchResult, Redirect, Validators

HEAD_MAX_BYTES = 64 * 1024  # over all header sections of one answer, interim ones (1xx) and trailers included
HEAD_MAX_COUNT = 200
POST_ANSWER_MAX_BYTES = 64 * 1024  # what answers a POST is a status and a sentence
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/json;q=0.9, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5"
)

_FOLLOW = "look where the URL ends in a browser, and correct the source's url"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HTTP = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
_DEFLATED = frozenset({"gzip", "x-gzip", "deflate"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})[^\n]*\n")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_URL_SAFE = "!#$%&'()*+,/:;=?@[]^_`{|}~"  # what servers see unquoted in practice, beyond RFC 3986

Headers = tuple[tuple[str, str], ...]


class Hop:
    """One request and its answer: what libcurl's callbacks collect."""

    def __init__(self, url: str, policy: FetchPolicy, handed: list[socket.socket]) -> None:
        self.url = url
        self.began = monotonic()
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.raw: bytearray | None = None  # as received, only where a compressed body has to be checked
        self.failure: FetchError | None = None
        self.refused: str | None = None
        self.admitted = False
        self.head_done = True
        self._head_bytes = 0
        self._policy = policy
        self._handed = handed

    def open_socket(self, purpose: int, address: pycurl.CurlSockAddr) -> socket.socket | int:
        """Called after DNS, before connecting: the only place that knows the real address."""
        host = str(address.addr[0])
        if not is_allowed(host, self._policy.allow_networks):
            self.refused = host
            return pycurl.SOCKET_BAD
        self.admitted = True
        opened = socket.socket(address.family, address.socktype, address.protocol)
        self._handed.append(opened)
        return opened

    def on_header(self, line: bytes) -> int | None:
        self._head_bytes += len(line)
        if self._head_bytes > HEAD_MAX_BYTES or len(self.headers) > HEAD_MAX_COUNT:
            return self._stop(
                f"{host_of(self.url)} sends too many headers: "
                f"the limit is {HEAD_MAX_COUNT} of them, {HEAD_MAX_BYTES:,} bytes: {TELL}"
            )
        if self.head_done:
            if line.startswith(b"HTTP/"):  # the next section: after 1xx; anything else is a trailer
                self.headers.clear()
                self.head_done = False
        elif not line.strip():
            self.head_done = True
            self.raw = bytearray() if self.find("content-encoding").lower() in _DEFLATED else None
        else:
            name, colon, value = line.decode("latin-1").partition(":")
            if colon:
                self.headers.append((name.strip(" \t").lower(), value.strip(" \t\r\n")))
        return None

    def on_body(self, data: bytes) -> int | None:
        if len(self.body) + len(data) > self._policy.max_body_bytes:
            self.failure = body_too_large(self.url, self._policy.max_body_bytes)
        if self.failure is not None:
            return -1
        self.body += data
        return None

    def on_debug(self, kind: int, data: bytes) -> None:
        if kind != pycurl.INFOTYPE_DATA_IN or self.raw is None or self.failure is not None:
            return
        self.raw += data
        if len(self.raw) > 2 * self._policy.max_body_bytes + HEAD_MAX_BYTES:  # chunk framing counts in
            self.failure = body_too_large(self.url, self._policy.max_body_bytes)

    def find(self, name: str) -> str:
        """The first value of a header, "" where there is none."""
        return next((v for k, v in self.headers if k == name), "")

    def _stop(self, message: str) -> int:
        self.failure = FetchError(message, url=self.url)
        return -1


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A request on its way through all hops."""

    request: FetchRequest
    url: str  # of the present hop
    headers: Headers  # the admin's; emptied when another host takes over
    hop: Hop | None = None
    visited: set[str]
    redirects: list[Redirect] = field(default_factory=list)
    spent: float = 0.0  # seconds, by the hops that are over
    future: Future[FetchResult] = field(default_factory=Future)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def left(self) -> float:
        return self.request.timeout.total_seconds() - self.spent


def open_exchange(request: FetchRequest) -> Exchange:
    try:
        url, credentials = _to_wire(request.url)
    except ValueError as error:
        raise FetchError(f"not a URL that can be fetched: {error}", url=request.url) from None
    for name, value in request.headers:
        _check_header(name, value, url)
    headers = request.headers
    if credentials is not None and all(name.lower() != "authorization" for name, _ in headers):
        headers = (*headers, ("Authorization", credentials))
    return Exchange(request=request, url=url, headers=headers, visited={url})


def limit_answer(request: FetchRequest, policy: FetchPolicy) -> FetchPolicy:
    """The policy for this request."""
    if request.posted is None:
        return policy
    return replace(policy, max_body_bytes=min(policy.max_body_bytes, POST_ANSWER_MAX_BYTES))


def prepare(easy: pycurl.Curl, exchange: Exchange, policy: FetchPolicy, ca_file: str) -> None:
    hop = exchange.hop
    assert hop is not None
    if exchange.left <= 0:
        limit = exchange.request.timeout.total_seconds()
        raise FetchTimeout(
            f"the redirects took up the {limit:g} s, the timeout of the whole fetch", url=hop.url
        )
    left_ms = max(1, int(exchange.left * 1000))
    options: dict[int, object] = {
        pycurl.URL: exchange.url,
        pycurl.HTTPHEADER: _request_lines(exchange, policy),
        pycurl.ACCEPT_ENCODING: "",  # all that this libcurl decodes
        pycurl.HTTPGET: 1,
        pycurl.FOLLOWLOCATION: 0,
        pycurl.PROTOCOLS: _HTTP,
        pycurl.REDIR_PROTOCOLS: _HTTP,
        pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_2TLS,
        pycurl.NETRC: pycurl.NETRC_IGNORED,
        pycurl.PROXY: "",
        pycurl.NOPROXY: "*",
        pycurl.NOSIGNAL: 1,
        pycurl.CAINFO: ca_file,
        pycurl.SSL_VERIFYPEER: 1,
        pycurl.SSL_VERIFYHOST: 2,
        pycurl.CONNECTTIMEOUT_MS: min(left_ms, max(1, int(policy.connect_timeout.total_seconds() * 1000))),
        pycurl.TIMEOUT_MS: left_ms,
        pycurl.MAXFILESIZE_LARGE: policy.max_body_bytes,
        pycurl.OPENSOCKETFUNCTION: hop.open_socket,
        pycurl.HEADERFUNCTION: hop.on_header,
        pycurl.WRITEFUNCTION: hop.on_body,
        pycurl.DEBUGFUNCTION: hop.on_debug,
        pycurl.VERBOSE: 1,  # into on_debug: the only way to see a compressed body before it is decoded
    }
    if exchange.request.posted is not None:
        options |= {pycurl.POST: 1, pycurl.POSTFIELDS: exchange.request.posted}
    for option, value in options.items():
        easy.setopt(option, value)
    easy.unsetopt(pycurl.CAPATH)


def conclude(
    easy: pycurl.Curl, code: int, words: str, exchange: Exchange, policy: FetchPolicy
) -> FetchResult | None:
    """The result, or None if the exchange is ready for its next hop. Raises FetchError."""
    hop = exchange.hop
    assert hop is not None
    left_before = exchange.left
    exchange.spent += monotonic() - hop.began
    status = int(easy.getinfo(pycurl.RESPONSE_CODE))
    location = hop.find("location")
    if hop.head_done and status in _REDIRECTS and location and exchange.request.posted is None:
        _follow(exchange, status, location, policy)  # however badly the body of the redirect came
        return None
    if hop.failure is not None:
        raise hop.failure
    if code == pycurl.E_COULDNT_CONNECT and hop.refused is not None and not hop.admitted:
        raise address_refused(hop.url, hop.refused)
    if code != pycurl.E_OK:
        raise explain_failure(_failure(easy, code, words, exchange, policy, left_before))
    if hop.raw and not _is_complete(hop, int(easy.getinfo(pycurl.SIZE_DOWNLOAD_T))):
        raise bad_encoding(hop.url, f"the {hop.find('content-encoding')} data ends too early")
    return _result(exchange, hop, status)


def _failure(
    easy: pycurl.Curl, code: int, words: str, exchange: Exchange, policy: FetchPolicy, left: float
) -> Failure:
    hop = exchange.hop
    assert hop is not None
    connect_limit = policy.connect_timeout.total_seconds()
    return Failure(
        code=code,
        words=words,
        url=hop.url,
        os_errno=int(easy.getinfo(pycurl.OS_ERRNO)),
        verify_result=int(easy.getinfo(pycurl.SSL_VERIFYRESULT)),
        connected=int(easy.getinfo(pycurl.REQUEST_SIZE)) > 0,
        answered=bool(hop.headers),
        connect_limit=connect_limit,
        connect_limit_first=connect_limit < left,
        timeout=exchange.request.timeout.total_seconds(),
        max_body_bytes=policy.max_body_bytes,
    )


def _result(exchange: Exchange, hop: Hop, status: int) -> FetchResult:
    validators = Validators(etag=hop.find("etag") or None, last_modified=hop.find("last-modified") or None)
    if status == 304:  # it need not repeat what it confirms (RFC 9110, 15.4.5)
        known = exchange.request.validators
        validators = Validators(
            etag=validators.etag or known.etag, last_modified=validators.last_modified or known.last_modified
        )
    return FetchResult(
        status=status,
        url=hop.url,
        redirects=tuple(exchange.redirects),
        headers=tuple(hop.headers),
        validators=validators,
        body=b"" if status == 304 else bytes(hop.body),
    )


# --- redirects ------------------------------------------------------------------------------------


def _follow(exchange: Exchange, status: int, location: str, policy: FetchPolicy) -> None:
    """Turn the exchange to its next hop; the admin's headers stay behind unless it is the same origin."""
    old = exchange.url
    new = _redirect_target(old, location)
    if len(exchange.redirects) >= policy.max_redirects:
        times = f"more than {policy.max_redirects} times, last to {new}"
        raise BadRedirect(f"{host_of(old)} redirects {times}: {_FOLLOW}", url=old)
    if new in exchange.visited:
        raise BadRedirect(f"{host_of(old)} redirects in a circle, back to {new}: {_FOLLOW}", url=old)
    if not is_port_allowed(new, asked=exchange.request.url, ports=policy.ports):
        raise BadRedirect(
            f"{host_of(old)} redirects to {new}, which is not followed (of ports only 80, 443 and those of "
            "configured URLs are): if you mean it, write that address as the source's url",
            url=old,
        )
    if not is_same_origin(old, new):
        exchange.headers = ()
    exchange.visited.add(new)
    exchange.redirects.append(Redirect(status=status, url=new))
    exchange.url = new


def _redirect_target(base: str, location: str) -> str:
    """The absolute URL a Location header leads to (RFC 3986, 5.2). Raises BadRedirect."""
    # Feeds redirect to raw UTF-8 paths; what is in another encoding goes back byte for byte, percent-encoded.
    text = location.encode("latin-1").decode("utf-8", "surrogateescape")
    try:
        target, _ = _to_wire(urljoin(base, text) if not _CONTROL.search(text) else text)
    except ValueError as error:
        shown = quote(location, safe=_URL_SAFE)
        raise BadRedirect(
            f"{host_of(base)} redirects to {shown}, which is not followed ({error}): {_FOLLOW}", url=base
        ) from None
    return target


# --- URLs, headers and bodies on the wire ---------------------------------------------------------


def _to_wire(url: str) -> tuple[str, str | None]:
    """The URL in ASCII, without user, password and fragment, and the Authorization value these make, if any.

    Raises ValueError with the reason if it is no absolute http(s) URL.
    """
    if _CONTROL.search(url):
        raise ValueError("it contains control characters")
    parts = urlsplit(url.strip(" "))
    if parts.scheme not in PORTS:
        raise ValueError("only http and https are")
    host = parts.hostname
    if not host:
        raise ValueError("it names no host")
    if not host.isascii():
        host = host.encode("idna").decode("ascii")  # this libcurl has no IDN of its own
    netloc = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        netloc += f":{parts.port}"
    path, query = (quote(p, safe=_URL_SAFE, errors="surrogateescape") for p in (parts.path, parts.query))
    return urlunsplit((parts.scheme, netloc, path or "/", query, "")), _basic(parts.username, parts.password)


def _basic(user: str | None, password: str | None) -> str | None:
    if user is None:
        return None
    pair = unquote_to_bytes(user) + b":" + unquote_to_bytes(password or "")
    return "Basic " + b64encode(pair).decode("ascii")  # RFC 7617


def _check_header(name: str, value: str, url: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise FetchError(f"the header {name!r} cannot be sent: that is not a header name", url=url)
    if _CONTROL.search(value.replace("\t", " ")):
        raise FetchError(f"the header {name} cannot be sent: its value contains control characters", url=url)
    if any(c > "\xff" for c in value):
        raise FetchError(f"the header {name} cannot be sent: its value is not Latin-1", url=url)


def _request_lines(exchange: Exchange, policy: FetchPolicy) -> list[bytes]:
    """Ours, then the admin's in their place, then the conditional ones, as libcurl wants them."""
    ours: Headers = (("User-Agent", policy.user_agent), ("Accept", ACCEPT))
    merged: dict[str, tuple[str, str]] = {}
    for name, value in (*ours, *exchange.headers, *conditional_headers(exchange.request.validators)):
        _check_header(name, value, exchange.url)
        merged[name.lower()] = (name, value)
    # "Name:" would make libcurl leave the header out; "Name;" sends it empty.
    lines = [
        f"{name}: {value}".encode("latin-1") if value else f"{name};".encode()
        for name, value in merged.values()
    ]
    if exchange.request.posted is not None:
        if "content-type" not in merged:
            lines.append(b"Content-Type: application/x-www-form-urlencoded")
        # Without Expect: libcurl would wait a second for servers that do not know 100 (Continue).
        lines.append(b"Expect:")
    return lines


def _is_complete(hop: Hop, size: int) -> bool:
    """Whether a deflated body came to its own end: libcurl (8.23) takes one that just stops for a whole one.

    A stream that is there to its last byte has been verified by zlib, so it is enough to find its end mark.
    """
    raw = bytes(hop.raw or b"")
    if len(raw) != size:  # as it came over HTTP/1: in chunks, or with more behind it
        raw = _unchunk(raw) if hop.find("transfer-encoding") else raw[:size]
    if not raw:
        return True
    if raw[:2] == b"\x1f\x8b":  # RFC 1952: the length at the end
        return raw[-4:] == (len(hop.body) & 0xFFFF_FFFF).to_bytes(4, "little")
    if raw[0] & 0x0F == 8 and int.from_bytes(raw[:2], "big") % 31 == 0:  # RFC 1950: Adler-32 at the end
        return raw[-4:] == zlib.adler32(hop.body).to_bytes(4, "big")
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)  # RFC 1951 without a wrapper, as old IIS has it
    inflater.decompress(raw, len(hop.body) + 1)
    return inflater.eof


def _unchunk(raw: bytes) -> bytes:
    """Undo chunked transfer coding (RFC 9112, 7.1) that libcurl has already accepted."""
    data, at = bytearray(), 0
    while chunk := _CHUNK.match(raw, at):
        size = int(chunk[1], 16)
        if size == 0:
            break
        data += raw[chunk.end() : chunk.end() + size]
        at = chunk.end() + size + 2
    return bytes(data)
