"""A world of its own for test_own_network.py, in a network namespace:

    unshare --net --mount python tests/own_network.py FOLDER

Every address there is, public, private or metadata, is local and served on port 80 by a publisher that notes
at which address it was reached; so is DNS. `aggregator poll` is run twice on FOLDER/config.toml, with another
address for REBOUND the second time; what happened goes to standard output as JSON.
"""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
import threading
from ipaddress import ip_address
from pathlib import Path

# Hosts of URLs that lead to no public address, by what they are.
REFUSED = {
    "loopback": "127.0.0.1",
    "loopback-decimal": "2130706433",
    "loopback-octal": "0177.0.0.01",
    "loopback-hex": "0x7f000001",
    "loopback-mixed": "0x7F.0.1",
    "loopback-short": "127.1",
    "loopback-v6": "[::1]",
    "loopback-mapped": "[::ffff:127.0.0.1]",
    "loopback-compatible": "[::127.0.0.1]",
    "localhost": "localhost",
    "localhost-below": "feeds.localhost",
    "this-host": "0.0.0.0",
    "this-host-decimal": "0",
    "this-host-v6": "[::]",
    "private-10": "10.0.0.1",
    "private-10-short": "10.1",
    "private-172": "172.16.0.1",
    "private-192": "192.168.0.1",
    "private-mapped": "[::ffff:c0a8:1]",
    "metadata": "169.254.169.254",
    "metadata-decimal": "2852039166",
    "metadata-hex": "0xa9fea9fe",
    "metadata-mapped": "[::ffff:169.254.169.254]",
    "metadata-nat64": "[64:ff9b::a9fe:a9fe]",
    "metadata-v6": "[fd00:ec2::254]",
    "metadata-protocol": "192.0.0.192",
    "host-agent": "168.63.129.16",
    "nat64-local": "[64:ff9b:1::a00:1]",
    "six-to-four": "[2002:a00:1::1]",
    "teredo-server": "[2001:0:a00:1:0:ffff:f7f7:f7f7]",
    "teredo-client": "[2001:0:808:808:0:ffff:f5ff:fffe]",
    "link-local": "169.254.1.1",
    "link-local-v6": "[fe80::1]",
    "cgnat": "100.64.0.1",
    "cgnat-metadata": "100.100.100.200",
    "benchmark": "198.18.0.1",
    "multicast": "224.0.0.1",
    "multicast-v6": "[ff0e::1]",
    "broadcast": "255.255.255.255",
    "reserved": "240.0.0.1",
}
PUBLIC = {
    "plain": "8.8.8.8",
    "v6": "[2606:4700:4700::1111]",
    "mapped": "[::ffff:8.8.4.4]",
    "nat64": "[64:ff9b::808:808]",
    "six-to-four": "[2002:808:808::1]",
}
PUBLIC_ADDRESSES = {"8.8.8.8", "8.8.4.4", "2606:4700:4700::1111", "64:ff9b::808:808", "2002:808:808::1"}
REBOUND, SPLIT = "rebound.example", "split.example"
FEED = (
    b"<rss version='2.0'><channel><title>A</title><item><title>B</title><guid>1</guid></item></channel></rss>"
)


def main(folder: Path) -> None:
    _make_everything_local(folder)
    reached: list[str] = []
    for address, port in (("::", 80), ("10.0.0.1", 443)):
        _start(_serve, _listen(address, port), reached)
    names = {f"{id}.refused.example": [_find_address(host)] for id, host in REFUSED.items()}
    names |= {f"{id}.public.example": [_find_address(host)] for id, host in PUBLIC.items()}
    names |= {SPLIT: ["8.8.8.8", "10.0.0.1"], REBOUND: ["8.8.8.8"]}
    _start(_answer_names, names)
    first = _run(folder, "poll", "--all", "--json"), _run(folder, "status", "--json"), sorted(set(reached))
    reached.clear()
    names[REBOUND] = ["127.0.0.1"]
    second = _run(folder, "poll", "--all", "--json"), _run(folder, "status", "--json"), sorted(set(reached))
    sys.stdout.write(json.dumps([first, second]))


def _make_everything_local(folder: Path) -> None:
    """All of both address families to this machine, and its DNS to ourselves."""
    for command in (
        "ip link set lo up",
        "ip route add local 0.0.0.0/0 dev lo",
        "ip -6 route add local ::/0 dev lo",
    ):
        subprocess.run(command.split(), check=True)
    resolver = folder / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\n", encoding="ascii")
    subprocess.run(["mount", "--bind", str(resolver), "/etc/resolv.conf"], check=True)


def _listen(address: str, port: int) -> socket.socket:
    if address == "::":
        return socket.create_server((address, port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server((address, port))


def _serve(listener: socket.socket, reached: list[str]) -> None:
    while True:
        connection, _ = listener.accept()
        reached.append(connection.getsockname()[0].removeprefix("::ffff:"))
        _start(_answer, connection)


def _answer(connection: socket.socket) -> None:
    """A feed, or a redirect to what stands after `/to/`."""
    with connection:
        path = connection.recv(65536).split(b" ")[1].decode("ascii")
        head, body = "200 OK", FEED
        if path.startswith("/to/"):
            head, body = f"302 Found\r\nLocation: http://{path.removeprefix('/to/')}/feed", b""
        lines = f"HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(lines.encode() + body)


def _answer_names(names: dict[str, list[str]]) -> None:
    """DNS over UDP (RFC 1035, 4.1): A and AAAA without a time to live, nothing for other names."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    while True:
        query, client = server.recvfrom(512)
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii"))
            at += 1 + query[at]
        (kind,) = struct.unpack_from(">H", query, at + 1)
        packed = [ip_address(address).packed for address in names.get(".".join(labels).lower(), ())]
        data = [p for p in packed if len(p) == {1: 4, 28: 16}.get(kind)]
        records = b"".join(struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(p)) + p for p in data)
        head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, len(data), 0, 0)
        server.sendto(head + query[12 : at + 5] + records, client)


def _find_address(host: str) -> str:
    if host.startswith("["):
        return host.strip("[]")
    return "127.0.0.1" if "localhost" in host else socket.inet_ntoa(socket.inet_aton(host))


def _run(folder: Path, *arguments: str) -> object:
    command = [sys.executable, "-m", "aggregator", *arguments, "--config", str(folder / "config.toml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _start(target: object, *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()  # type: ignore[arg-type]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
