"""Which addresses may be connected to: the public Internet and what the admin admits, in every spelling."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aggregator.addresses import find_literal, is_allowed

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "193.0.6.139",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81c::200e",
    "::ffff:8.8.8.8",
    "::8.8.8.8",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "2002:808:808::1",
    "2001:0:808:808:0:ffff:f7f7:f7f7",  # Teredo: server 8.8.8.8, client 8.8.8.8 (inverted)
]

REFUSED = {
    "loopback": "127.0.0.1",
    "anywhere in loopback": "127.255.255.254",
    "this host": "0.0.0.0",
    "this network": "0.1.2.3",
    "private 10/8": "10.0.0.1",
    "private 172.16/12": "172.31.255.255",
    "private 192.168/16": "192.168.1.1",
    "carrier-grade NAT": "100.64.0.1",
    "a cloud's metadata in carrier-grade NAT": "100.100.100.200",
    "link-local": "169.254.1.1",
    "metadata service": "169.254.169.254",
    "metadata in protocol assignments": "192.0.0.192",
    "Azure's host agent": "168.63.129.16",
    "6to4 relay": "192.88.99.1",
    "documentation": "203.0.113.7",
    "benchmarking": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast of wide scope": "239.255.255.250",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "IPv6 link-local": "fe80::1",
    "IPv6 link-local with a scope": "fe80::1%eth0",
    "IPv6 site-local": "fec0::1",
    "IPv6 unique local": "fc00::1",
    "IPv6 metadata service": "fd00:ec2::254",
    "IPv6 multicast": "ff02::1",
    "IPv6 multicast of global scope": "ff0e::1",
    "IPv6 documentation": "2001:db8::1",
    "IPv6 documentation, the new block": "3fff::1",
    "IPv6 not handed out": "4000::1",
    "IPv6 discard": "100::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped metadata": "::ffff:169.254.169.254",
    "mapped private in hexadecimal": "::ffff:a00:1",
    "compatible loopback": "::127.0.0.1",
    "NAT64 to loopback": "64:ff9b::127.0.0.1",
    "NAT64 to metadata": "64:ff9b::a9fe:a9fe",
    "local NAT64 to private": "64:ff9b:1::10.0.0.1",
    "local NAT64 that hides 10.0.0.8 before its end": "64:ff9b:1:0:a:0:808:808",
    "6to4 to private": "2002:a00:1::1",
    "6to4 to loopback": "2002:7f00:1::",
    "Teredo with a private client": "2001:0:808:808:0:ffff:f5ff:fffe",
    "Teredo with a private server": "2001:0:a00:1:0:ffff:f7f7:f7f7",
    "no address at all": "localhost",
    "an empty string": "",
    "a short form, which libcurl would have written out": "127.1",
}


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address, ())


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED.keys())
def test_any_other_address_is_refused(address: str) -> None:
    assert not is_allowed(address, ())


ADMITTED = [
    ("127.0.0.1", "127.0.0.0/8", True),
    ("127.0.0.2", "127.0.0.1/32", False),
    ("10.0.0.1", "127.0.0.0/8", False),
    ("::ffff:127.0.0.1", "127.0.0.0/8", True),
    ("127.0.0.1", "::ffff:127.0.0.0/104", True),
    ("10.0.0.1", "::ffff:127.0.0.0/104", False),
    ("::ffff:10.0.0.1", "127.0.0.0/8", False),
    ("64:ff9b::127.0.0.1", "127.0.0.0/8", True),
    ("fe80::1%eth0", "fe80::/10", True),
    ("fe80::1", "fd00::/8", False),
    ("::1", "::1/128", True),
    ("::1", "127.0.0.0/8", False),
    ("169.254.169.254", "10.0.0.0/8", False),
    ("8.8.8.8", "10.0.0.0/8", True),
]


@pytest.mark.parametrize(("address", "network", "allowed"), ADMITTED)
def test_the_admins_networks_admit_what_they_contain_and_nothing_else(
    address: str, network: str, allowed: bool
) -> None:
    assert is_allowed(address, (ip_network(network),)) is allowed


@given(st.ip_addresses(v=4))
def test_a_wrapped_ipv4_address_is_judged_like_the_plain_one(ip: IPv4Address) -> None:
    plain = is_allowed(str(ip), ())
    assert is_allowed(f"::ffff:{ip}", ()) is plain
    assert is_allowed(f"64:ff9b::{ip}", ()) is plain
    assert is_allowed(str(IPv6Address(0x2002 << 112 | int(ip) << 80)), ()) is plain


@given(st.ip_addresses())
def test_nothing_is_refused_that_lies_in_an_admitted_network(ip: IPv4Address | IPv6Address) -> None:
    assert is_allowed(str(ip), (ip_network("0.0.0.0/0"), ip_network("::/0")))


LITERALS = {
    "dotted decimal": ("127.0.0.1", "127.0.0.1"),
    "one decimal number": ("2130706433", "127.0.0.1"),
    "hexadecimal": ("0x7f000001", "127.0.0.1"),
    "hexadecimal in capitals and parts": ("0X7F.0.0x1", "127.0.0.1"),
    "octal": ("0177.0.0.01", "127.0.0.1"),
    "two parts": ("10.1", "10.0.0.1"),
    "three parts, the last of two bytes": ("192.168.257", "192.168.1.1"),
    "zero": ("0", "0.0.0.0"),
    "hexadecimal without digits is zero": ("0x", "0.0.0.0"),
    "a dot at the end": ("127.0.0.1.", "127.0.0.1"),
    "percent-encoded": ("%31%32%37.0.0.1", "127.0.0.1"),
    "IPv6 as urlsplit gives it": ("::1", "::1"),
    "IPv6 in brackets": ("[FD00:ec2::254]", "fd00:ec2::254"),
    "IPv6 with a zone": ("fe80::1%25eth0", "fe80::1"),
    "localhost": ("LocalHost", "127.0.0.1"),
    "a name below localhost": ("feeds.localhost.", "127.0.0.1"),
    "a name": ("feeds.example", None),
    "a name that ends like localhost": ("notlocalhost", None),
    "a name that begins like a number": ("0x7f.example", None),
    "a name of digits and letters": ("127.0.0.1x", None),
    "five numbers": ("1.2.3.4.5", None),
    "a byte too large": ("256.0.0.1", None),
    "a last part too large": ("127.16777216", None),
    "a number too large": ("4294967296", None),
    "no octal digit": ("08.0.0.1", None),
    "an endless number": ("9" * 5000, None),
    "empty parts": ("127..0.1", None),
    "colons that are no IPv6": ("a:b", None),
    "nothing": ("", None),
}


@pytest.mark.parametrize(("host", "address"), LITERALS.values(), ids=LITERALS.keys())
def test_a_host_that_is_an_address_by_itself_is_known(host: str, address: str | None) -> None:
    found = find_literal(host)
    assert (None if found is None else str(found)) == address


@given(st.lists(st.integers(0, 2**32), min_size=1, max_size=4), st.sampled_from(["{}", "{:#x}", "0{:o}"]))
def test_numbers_are_read_as_the_system_reads_them(numbers: list[int], form: str) -> None:
    host = ".".join(form.format(n) for n in numbers)
    try:
        expected = str(IPv4Address(socket.inet_aton(host)))
    except OSError:
        expected = None
    found = find_literal(host)
    assert (None if found is None else str(found)) == expected
