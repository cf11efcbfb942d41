"""libcurl's error codes in an admin's words: what happened, which limit was broken, what to do."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from urllib.parse import urlsplit

import pycurl

from aggregator.errors import AddressRefused, BadEncoding, BodyTooLarge, FetchError, FetchTimeout

_CURLE_TOO_LARGE = 100  # has no name in pycurl: a header beyond libcurl's own limits

TELL = "if that lasts, tell the publisher"
_BLOCKED = "if that lasts, ask the publisher whether we are blocked"
_SLOW = "if it is only slow, give the source a longer timeout"
_PLAIN = {
    pycurl.E_UNSUPPORTED_PROTOCOL: "{host} does not answer in HTTP: check port and spelling of the URL",
    pycurl.E_URL_MALFORMAT: "{host} cannot be asked: the URL is malformed, correct the source's url",
    pycurl.E_COULDNT_RESOLVE_HOST: "{host} cannot be found (DNS): check the spelling of the URL",
    pycurl.E_GOT_NOTHING: f"{{host}} closed the connection without an answer: {_BLOCKED}",
    pycurl.E_PARTIAL_FILE: f"{{host}} closed the connection before the end of the body: {TELL}",
    _CURLE_TOO_LARGE: f"{{host}} sends headers beyond any measure: {TELL}",
}
_TLS = "{host} cannot be trusted: its TLS certificate "
_TLS_CURES = {
    9: "is the clock of this machine right?",
    62: "correct the host in the source's url, or tell the publisher",
    64: "correct the host in the source's url, or tell the publisher",
}
# X509_V_ERR_... as SSL_VERIFYRESULT gives them
_CERTIFICATE = {
    9: "is not valid yet",
    10: "has expired",
    2: "comes from an issuer that is not known",
    18: "comes from an issuer that is not known (it is self-signed)",
    19: "comes from an issuer that is not known (its chain ends in a self-signed one)",
    20: "comes from an issuer that is not known (perhaps the server leaves out the intermediate certificate)",
    21: "comes from an issuer that is not known (perhaps the server leaves out the intermediate certificate)",
    62: "is for another name",
    64: "is for another address",
}
_SOCKET = {
    errno.ECONNREFUSED: "refuses the connection: is the port right, is the server running?",
    errno.ENETUNREACH: "cannot be reached from here: no route to its network, see to this machine's own",
    errno.EHOSTUNREACH: "cannot be reached from here: no route to it, see whether the host is up",
    errno.ECONNRESET: f"reset the connection: {_BLOCKED}",
    errno.EPIPE: f"reset the connection: {_BLOCKED}",
    errno.ETIMEDOUT: f"stopped answering: {TELL}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What is known of a failed transfer."""

    code: int  # CURLE_...
    words: str  # libcurl's own
    url: str
    os_errno: int  # 0: none
    verify_result: int  # X509_V_ERR_..., 0: none
    connected: bool  # ready to send the request, TLS included
    answered: bool  # a status line came
    connect_limit: float  # seconds
    timeout: float  # seconds, for the whole exchange
    connect_limit_first: bool  # the connect limit ran out before what was left of `timeout`
    max_body_bytes: int


def explain_failure(failure: Failure) -> FetchError:
    """The error to raise for a failed transfer; its message names the host and keeps secrets out."""
    host = host_of(failure.url)
    if failure.code == pycurl.E_OPERATION_TIMEDOUT:
        return FetchTimeout(_explain_timeout(host, failure), url=failure.url)
    if failure.code == pycurl.E_FILESIZE_EXCEEDED:
        return body_too_large(failure.url, failure.max_body_bytes)
    if failure.code in (pycurl.E_BAD_CONTENT_ENCODING, pycurl.E_WRITE_ERROR):
        # Our own callbacks say why they stop, so a write error without a reason is the decoder's.
        return bad_encoding(failure.url, failure.words or "its data is broken")
    if failure.code == pycurl.E_PEER_FAILED_VERIFICATION:
        return FetchError(_TLS.format(host=host) + _explain_certificate(failure), url=failure.url)
    if failure.code in _PLAIN:
        return FetchError(_PLAIN[failure.code].format(host=host), url=failure.url)
    if failure.code in (pycurl.E_COULDNT_CONNECT, pycurl.E_RECV_ERROR, pycurl.E_SEND_ERROR):
        why = _SOCKET.get(failure.os_errno, f"cannot be talked to ({failure.words}): {TELL}")
        return FetchError(f"{host} {why}", url=failure.url)
    if failure.code == pycurl.E_SSL_CONNECT_ERROR:
        return FetchError(f"{host} and we cannot agree on TLS ({failure.words}): {TELL}", url=failure.url)
    return FetchError(f"{host} cannot be fetched from ({failure.words}): {TELL}", url=failure.url)


def address_refused(url: str, address: str) -> AddressRefused:
    """`address` is what the host of `url` stands for."""
    cure = "127.0.0.0/8" if address.startswith("127.") else f"{address}/{128 if ':' in address else 32}"
    return AddressRefused(
        f"{host_of(url)} is at {address}, which is not a public address: not connected. "
        f"Add {cure} to [fetch] allow_networks if you mean it",
        url=url,
    )


def body_too_large(url: str, max_body_bytes: int) -> BodyTooLarge:
    """The body is longer than `max_body_bytes`, or is declared to be."""
    return BodyTooLarge(
        f"{host_of(url)} sends more than {max_body_bytes:,} bytes (uncompressed): "
        "raise [fetch] max_body_bytes if its feed is as long as that",
        url=url,
    )


def bad_encoding(url: str, why: str) -> BadEncoding:
    """`why` in words of a decoder."""
    said = f"{host_of(url)} sends a body that does not decode as it says ({why})"
    return BadEncoding(f"{said}: {TELL}", url=url)


def host_of(url: str) -> str:
    """Host, and the port where the URL has one."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _explain_timeout(host: str, failure: Failure) -> str:
    limit = f"{failure.timeout:g} s, the timeout of the whole fetch"
    if not failure.connected:
        if failure.connect_limit_first:
            limit = f"{failure.connect_limit:g} s, the limit for connecting"
        return f"{host} cannot be connected to within {limit}: {_BLOCKED}"
    if not failure.answered:
        return f"{host} does not answer within {limit}: {_SLOW}"
    return f"{host} does not finish its answer within {limit}: {_SLOW}"


def _explain_certificate(failure: Failure) -> str:
    known = _CERTIFICATE.get(failure.verify_result)
    if known is None and "match" in failure.words:
        return f"{_CERTIFICATE[62]}: {_TLS_CURES[62]}"  # libcurl compares names, after OpenSSL was content
    words = known or f"is not accepted ({failure.words})"
    return f"{words}: {_TLS_CURES.get(failure.verify_result, 'tell the publisher')}"
