"""Which addresses may be connected to: the public Internet, and what the admin admits besides.

`is_allowed` is asked for the real address when a connection is made; `find_literal` only tells an admin
beforehand what can never be polled.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote, urlsplit

Network = IPv4Network | IPv6Network

_GLOBAL_UNICAST = IPv6Network("2000::/3")  # RFC 4291, 2.4 and the IANA registry: all else is not handed out
_MAPPED = IPv6Network("::ffff:0:0/96")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")

# Not to be connected to although `ipaddress` of this or that Python version calls them global.
_REFUSED: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),  # RFC 6890 protocol assignments; 192.0.0.192 is a cloud's metadata service
    IPv4Network("192.88.99.0/24"),  # RFC 7526: the retired 6to4 anycast relay
    IPv4Network(
        "168.63.129.16/32"
    ),  # Azure's host agent: a public address that is always the machine's own host
    IPv6Network("3fff::/20"),  # RFC 9637 documentation
)

WEB_PORTS = (80, 443)

_NUMBER = re.compile(r"0[xX][0-9A-Fa-f]{0,40}|0[0-7]{0,40}|[1-9][0-9]{0,40}")
_LOOPBACK = IPv4Address("127.0.0.1")


def is_allowed(address: str, allow_networks: Iterable[Network]) -> bool:
    """Whether a connection to this address is allowed.

    `address` is a textual IPv4 or IPv6 address, perhaps with a scope id; nothing else is allowed. Global
    unicast addresses are allowed, and whatever lies in `allow_networks`. An IPv6 address that carries an
    IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) ends at that one and is judged by it.
    """
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    networks = [_unmap_network(network) for network in allow_networks]
    inner = _carried(ip)
    if _is_within(ip, networks):
        return True
    if inner is None:
        return _is_public(ip)
    return bool(inner) and all(_is_public(i) or _is_within(i, networks) for i in inner)


def is_web_port(url: str, ports: Collection[tuple[str, int]]) -> bool:
    """Whether an absolute http(s) URL stays on the ports of the web, or on one that `ports` has for its host.

    Whoever gives us a URL must not aim us at the ports of databases and mail servers.
    """
    parts = urlsplit(url)
    return parts.port in (None, *WEB_PORTS) or (parts.hostname or "", parts.port) in ports


def find_literal(host: str) -> IPv4Address | IPv6Address | None:
    """The address that a URL's host stands for without any DNS; None: a name like others.

    Numbers are read as inet_aton, libcurl and browsers do: one to four of them, decimal, octal or hex, the
    last one filling what is left. `localhost` and names under it are loopback (RFC 6761, 6.3). A host in
    brackets, or with the colons of IPv6, is an IPv6 address.
    """
    name = unquote(host).lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return _LOOPBACK
    if ":" in name:
        try:
            return IPv6Address(name.strip("[]").partition("%")[0])
        except ValueError:
            return None
    parts = name.split(".")
    if len(parts) > 4 or not all(_NUMBER.fullmatch(part) for part in parts):
        return None
    *bytes_, last = map(_read_number, parts)
    left = 256 ** (4 - len(bytes_))
    if last >= left or any(byte > 255 for byte in bytes_):
        return None
    return IPv4Address(sum(byte << 8 * (3 - n) for n, byte in enumerate(bytes_)) + last)


def _read_number(text: str) -> int:
    if text[:2] == "0x":
        return int(text[2:] or "0", 16)
    return int(text, 8 if text[0] == "0" else 10)


def _carried(ip: IPv4Address | IPv6Address) -> tuple[IPv4Address, ...] | None:
    """The IPv4 addresses a packet to `ip` ends at; None if it carries none, empty if it cannot be told."""
    if isinstance(ip, IPv4Address):
        return None
    low = IPv4Address(int(ip) & 0xFFFF_FFFF)
    if ip in _MAPPED or ip in _NAT64:
        return (low,)
    if ip in _COMPATIBLE and int(ip) > 1:  # :: and ::1 are addresses of their own (RFC 4291, 2.5)
        return (low,)
    if ip in _NAT64_LOCAL:
        # RFC 8215 leaves the prefix length open, so the IPv4 address may begin at several places
        # (RFC 6052, 2.2). With bits 64 to 95 zero only the reading as a /96 can give a public address.
        return (low,) if (int(ip) >> 32) & 0xFFFF_FFFF == 0 else ()
    if ip.sixtofour is not None:
        return (ip.sixtofour,)
    return ip.teredo  # the server as well as the client: both are sent packets (RFC 4380, 5.2)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if _is_within(ip, _REFUSED) or (isinstance(ip, IPv6Address) and ip not in _GLOBAL_UNICAST):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _is_within(ip: IPv4Address | IPv6Address, networks: Iterable[Network]) -> bool:
    return any(ip in network for network in networks)


def _unmap_network(network: Network) -> Network:
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        low = int(network.network_address) & 0xFFFF_FFFF
        return IPv4Network((low, network.prefixlen - 96))
    return network
