"""Whatever a feed's URL, its DNS or its redirects say, nobody leads us into our own network."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from aggregator.demo.publisher import Answer, Publisher
from tests import own_network
from tests.harness import Site, make_item, publish
from tests.own_network import PUBLIC, PUBLIC_ADDRESSES, REBOUND, REFUSED, SPLIT

WORDS = "not a public address"


@dataclass
class Listener:
    """Counts the connections that come to a port, whichever loopback address they come to."""

    port: int = 0
    accepted: int = 0
    _sockets: list[socket.socket] = field(default_factory=list)

    def listen(self, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        opened = socket.create_server((address, self.port), family=family)
        self.port = opened.getsockname()[1]
        self._sockets.append(opened)
        threading.Thread(target=self._count, args=(opened,), daemon=True).start()

    def close(self) -> None:
        for opened in self._sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    def _count(self, opened: socket.socket) -> None:
        while True:
            try:
                connection, _ = opened.accept()
            except OSError:
                return
            self.accepted += 1
            connection.close()


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    try:
        listener.listen("127.0.0.1")
        with suppress(OSError):  # no IPv6 here
            listener.listen("::1")
        yield listener
    finally:
        listener.close()


def write_sources(folder: Path, urls: dict[str, str], *, allow: str = "[]", extra: str = "") -> None:
    parts = [
        '[site]\ntitle = "Test"\neditions = ["en"]',
        f'[fetch]\nallow_networks = {allow}\nhost_gap = "0s"\ntimeout = "10s"',
        '[[section]]\nid = "world"',
    ]
    parts += [f'[[source]]\nid = "{i}"\nurl = "{url}"\nsection = "world"\n{extra}' for i, url in urls.items()]
    (folder / "config.toml").write_text("\n\n".join(parts), encoding="utf-8")


def test_check_refuses_every_spelling_of_an_address_that_is_not_public(site: Site) -> None:
    urls = {i: f"http://{host}/feed" for i, host in REFUSED.items()}
    public = {f"public-{i}": f"http://{host}/feed" for i, host in PUBLIC.items()}
    write_sources(site.folder, urls | public | {"name": "http://0x7f.example/feed"})

    done = site.run("check", check=False)

    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == len(REFUSED)
    text = site.config.read_text(encoding="utf-8").splitlines()
    for line, (id, host) in zip(lines, REFUSED.items(), strict=True):
        path, number, _column, key, _ = line.split(":", 4)
        assert (path, key.strip()) == (str(site.config), "source.url")
        assert text[int(number) - 1] == f'url = "http://{host}/feed"', id
        assert WORDS in line
        assert "allow_networks of [fetch]" in line
    decimal = lines[list(REFUSED).index("loopback-decimal")]
    assert "2130706433 is 127.0.0.1, which is not" in decimal
    assert 'add "127.0.0.1" to allow_networks' in decimal


def test_check_is_content_with_what_the_admin_admits(site: Site) -> None:
    urls = {"a": "http://2130706433/feed", "b": "http://localhost:8080/feed", "c": "http://[::1]/feed"}
    write_sources(site.folder, urls, allow='["127.0.0.0/8", "::1"]')
    assert site.run("check").returncode == 0


def test_not_one_connection_is_made_to_a_literal_address_and_status_says_why(site: Site) -> None:
    """With the port written for each of them; the sources fail, and hold up no other."""
    with listening() as listener, Publisher("127.0.0.2") as good:
        publish(good, "/feed", [make_item(1)])
        urls = {i: f"http://{host}:{listener.port}/feed" for i, host in REFUSED.items()}
        write_sources(site.folder, urls | {"good": f"{good.url}/feed"}, allow='["127.0.0.2"]')

        summary = site.poll("--all")

        assert listener.accepted == 0
    assert (summary["failed"], summary["new"]) == (len(REFUSED), 1)
    for id, row in site.status().items():
        assert row["state"] == ("ok" if id == "good" else "error")
        assert id == "good" or WORDS in row["last_error"], row


def test_not_one_connection_is_made_by_a_redirect(site: Site) -> None:
    with listening() as listener, Publisher("127.0.0.2") as good:
        literal = {i: f"http://{host}:{listener.port}/feed" for i, host in REFUSED.items()}
        for id, url in literal.items():
            answer = Answer(status=301, headers=(("Location", url),))
            good.publish_handler(f"/{id}", lambda _, answer=answer: answer)
        redirects = {f"to-{i}": f"{good.url}/{i}" for i in REFUSED}
        write_sources(site.folder, literal | redirects, allow='["127.0.0.2"]')

        site.poll("--all")

        assert listener.accepted == 0
        assert len(good.log) == len(REFUSED)
    for id, row in site.status().items():
        assert WORDS in row["last_error"], id


# --- every address there is ------------------------------------------------------------------------


def find_unshare() -> list[str] | None:
    """How to get a network of our own here; None where that is not to be had."""
    for command in (["unshare", "--net", "--mount"], ["unshare", "--map-root-user", "--net", "--mount"]):
        trial = [*command, "ip", "link", "set", "lo", "up"]
        if (
            shutil.which("unshare")
            and shutil.which("ip")
            and not subprocess.run(trial, capture_output=True).returncode
        ):
            return command
    return None


UNSHARE = find_unshare() if sys.platform == "linux" else None


@pytest.mark.skipif(UNSHARE is None, reason="needs Linux, iproute2 and leave to make a network namespace")
def test_in_a_network_where_every_address_answers_only_public_ones_are_connected_to(tmp_path: Path) -> None:
    """By literal, by name, by redirect to both, by a name with two addresses, by one that is rebound."""
    urls = {}
    for kind, hosts in (("refused", REFUSED), ("public", PUBLIC)):
        for id, host in hosts.items():
            urls[f"{kind}-{id}-literal"] = f"http://{host}/feed"
            urls[f"{kind}-{id}-name"] = f"http://{id}.{kind}.example/feed"
            urls[f"{kind}-{id}-redirect"] = f"http://8.8.8.8/to/{host}"
            urls[f"{kind}-{id}-redirect-name"] = f"http://8.8.8.8/to/{id}.{kind}.example"
    urls |= {"split": f"https://{SPLIT}/feed", "rebound": f"http://{REBOUND}/feed"}
    write_sources(tmp_path, urls)
    assert UNSHARE is not None

    command = [*UNSHARE, sys.executable, own_network.__file__, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)

    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    for (_, rows, reached), rebound in ((first, "ok"), (second, "error")):
        assert set(reached) == PUBLIC_ADDRESSES
        status = {row["id"]: row for row in rows}
        assert {i: row["state"] for i, row in status.items()} == {
            i: rebound if i == "rebound" else "ok" if i.startswith("public") else "error" for i in urls
        }
        for id, row in status.items():
            assert not id.startswith("refused") or WORDS in row["last_error"], row
        assert "refuses the connection" in status["split"]["last_error"], "the second address was not tried"
    assert (
        "127.0.0.1, which is not a public address" in {r["id"]: r for r in second[1]}["rebound"]["last_error"]
    )


# --- ports and secrets -----------------------------------------------------------------------------


def test_a_redirect_does_not_lead_to_a_port_that_nobody_wrote(site: Site, publisher: Publisher) -> None:
    with Publisher() as other, Publisher() as written:
        for port_of, path in ((other, "/other"), (written, "/written"), (publisher, "/own")):
            answer = Answer(status=302, headers=(("Location", f"{port_of.url}/feed"),))
            publisher.publish_handler(path, lambda _, answer=answer: answer)
            publish(port_of, "/feed", [make_item(1)])
        urls = {p: f"{publisher.url}/{p}" for p in ("other", "written", "own")}
        write_sources(
            site.folder,
            urls | {"direct": f"{written.url}/direct"},
            allow='["127.0.0.1"]',
            extra='headers = { Authorization = "Bearer s3cret" }',
        )
        site.poll("--all")

        status = site.status()
        assert {i: row["state"] for i, row in status.items()} == {
            "other": "error",
            "written": "ok",
            "own": "ok",
            "direct": "error",  # 404
        }
        assert f"redirects to {other.url}/feed, which is not followed" in status["other"]["last_error"]
        assert "write that address as the source's url" in status["other"]["last_error"]
        assert other.log == []
        (crossed,) = [request for request in written.log if request.path == "/feed"]
        assert crossed.header("authorization") is None
        (kept,) = [request for request in publisher.log if request.path == "/feed"]
        assert kept.header("authorization") == "Bearer s3cret"
