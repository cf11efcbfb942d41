"""Our server against nginx serving the same bytes from files: requests a second and the 99th percentile.

    python bench/serve.py [SECONDS] [ROUNDS]      defaults: 3 seconds a measurement, the median of 5 rounds

Both have two workers, send the same headers and are asked in turns over kept connections by wrk; then again
while `aggregator poll` saves new articles all the time. Figures are only comparable within one run. Needs
Debian's nginx-light and wrk, and says so where they are missing.
"""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from statistics import median

import psutil
from poller import measure_cpu

from aggregator.demo.documents import DemoFeed, make_items, render_document
from aggregator.demo.publisher import Publisher

ITEMS, ITEM_BYTES = 50, 3000
CONNECTIONS = 64
TARGET_RATE = 0.6
TARGET_P99 = 5.0
FEED = "/feeds/en/world.rss"
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
# What nginx says by itself, and what belongs to one connection.
OWN_HEADERS = (
    "etag last-modified date server content-length content-encoding content-type vary connection".split()
)

NGINX = """
daemon off; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
events {{ worker_connections 512; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; gzip_static on; gzip_vary on;
    types {{ "application/xml; charset=utf-8" rss; }}
    client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
    uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
    server {{ listen 127.0.0.1:{port} reuseport; root {folder}/www; {headers} }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    name: str
    url: str
    tag: str
    pid: int

    def cpu_seconds(self) -> float:
        return measure_cpu(self.pid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What wrk saw."""

    rate: float  # requests a second
    p99: float  # ms
    cpu: float  # us of the server's CPU for a request


def main() -> None:
    seconds, rounds = (int(word) for word in (*sys.argv[1:], *(3, 5)[len(sys.argv) - 1 :]))
    missing = [name for name in ("nginx", "wrk") if shutil.which(name) is None]
    if missing:
        print(f"bench/serve.py is skipped, it needs {' and '.join(missing)}: apt-get install nginx-light wrk")
        return
    with tempfile.TemporaryDirectory() as name, Publisher() as publisher:
        folder = Path(name)
        folder.chmod(0o755)
        for seed, source in enumerate(("press", "paper")):
            publish(publisher, source, seed=-seed)
        write_config(folder / "config.toml", publisher)
        poll(folder)
        with serve(folder) as ours, serve_files(folder, ours) as nginx:
            compare("quiet", ours, nginx, seconds, rounds)
            with polling(folder, publisher):
                compare("while polling", ours, nginx, seconds, rounds)


def compare(when: str, ours: Server, nginx: Server, seconds: int, rounds: int) -> None:
    for kind, conditional in (("200", False), ("304", True)):
        pairs = [
            tuple(load(server, seconds, conditional=conditional) for server in (ours, nginx))
            for _ in range(rounds)
        ]
        rate = median(mine.rate / theirs.rate for mine, theirs in pairs)
        p99 = median(mine.p99 / theirs.p99 for mine, theirs in pairs)
        for server, loads in zip((ours, nginx), zip(*pairs, strict=True), strict=True):
            figures = [median(getattr(one, name) for one in loads) for name in ("rate", "p99", "cpu")]
            print(
                f"{when}, {kind}, {server.name:5}: {figures[0]:7.0f} requests/s, p99 {figures[1]:6.2f} ms, "
                f"{figures[2]:4.1f} us of its CPU a request"
            )
        print(
            f"{when}, {kind}: {judge(rate, rate >= TARGET_RATE)} of nginx's requests/s, target {TARGET_RATE}"
        )
        print(f"{when}, {kind}: {judge(p99, p99 < TARGET_P99)} times nginx's p99, target {TARGET_P99:.0f}")


def judge(figure: float, met: bool) -> str:
    return f"{'met' if met else 'MISSED'}: {figure:.2f}"


def load(server: Server, seconds: int, *, conditional: bool) -> Load:
    headers = ["Accept-Encoding: gzip"]
    if conditional:
        # Tags move while articles are saved: the present one.
        headers.append(f"If-None-Match: {fetch(server.url, gzip=True)[0]['ETag']}")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    before = server.cpu_seconds()
    text = subprocess.run([*command, server.url], capture_output=True, text=True, check=True).stdout
    used = server.cpu_seconds() - before
    assert "Non-2xx" not in text, text
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
    count = int(re.search(r"(\d+) requests in", text)[1])
    figure, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()
    return Load(rate=rate, p99=float(figure) * UNITS[unit], cpu=used / count * 1e6)


# --- the two servers ------------------------------------------------------------------------------


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    port = find_free_port()
    command = [sys.executable, "-m", "aggregator", "serve", "--no-poll", "--port", str(port)]
    with running([*command, "--config", str(folder / "config.toml")]) as pid:
        url = f"http://127.0.0.1:{port}{FEED}"
        yield Server(name="ours", url=url, tag=wait_for(url)["ETag"], pid=pid)


@contextmanager
def serve_files(folder: Path, ours: Server) -> Iterator[Server]:
    www = folder / "www" / FEED.lstrip("/")
    www.parent.mkdir(parents=True)
    headers, body = fetch(ours.url)
    _, zipped = fetch(ours.url, gzip=True)
    www.write_bytes(body)
    www.with_name(www.name + ".gz").write_bytes(zipped)
    port = find_free_port()
    added = [f'add_header {n} "{v}";' for n, v in headers.items() if n.lower() not in OWN_HEADERS]
    user = "user root;" if psutil.Process().uids().effective == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, headers=" ".join(added), user=user))
    with running(["nginx", "-c", str(config)]) as pid:
        url = f"http://127.0.0.1:{port}{FEED}"
        tag = wait_for(url)["ETag"]
        assert fetch(url, gzip=True)[1] == zipped, "nginx serves something else"
        yield Server(name="nginx", url=url, tag=tag, pid=pid)


@contextmanager
def running(command: list[str]) -> Iterator[int]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def fetch(url: str, *, gzip: bool = False) -> tuple[Message, bytes]:
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"} if gzip else {})
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.headers, response.read()


def wait_for(url: str) -> Message:
    end = time.monotonic() + 30
    while True:
        try:
            return fetch(url)[0]
        except OSError:
            assert time.monotonic() < end, f"{url} does not answer"
            time.sleep(0.1)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- polling --------------------------------------------------------------------------------------


@contextmanager
def polling(folder: Path, publisher: Publisher) -> Iterator[None]:
    """Polls that find new articles, one after the other; at the end it says how many there were."""
    stopping = threading.Event()

    def run() -> int:
        count = 0
        while not stopping.is_set():
            count += 1
            publish(publisher, "paper", seed=count)
            poll(folder)
        return count

    with ThreadPoolExecutor(1) as pool:
        polls = pool.submit(run)
        try:
            yield
        finally:
            stopping.set()
        print(f"{polls.result()} polls meanwhile, each with {ITEMS} new articles")


def publish(publisher: Publisher, source: str, *, seed: int) -> None:
    items = make_items(ITEMS, ITEM_BYTES, seed=seed, lang="en")
    feed = DemoFeed(title="Press", link="https://press.example/", lang="en", items=tuple(items))
    publisher.publish(f"/{source}", render_document("rss20", feed), content_type="application/rss+xml")


def write_config(config: Path, publisher: Publisher) -> None:
    """The measured feed is of the first section; what polls find meanwhile goes into the second.

    So all 304s stay 304s: nginx's file does not change either. Our feed is rendered again all the same.
    """
    parts = ['[site]\neditions = ["en-GB"]\n[fetch]\nallow_networks = ["127.0.0.0/8"]']
    for source, section in (("press", "world"), ("paper", "arts")):
        parts.append(f'[[section]]\nid = "{section}"')
        parts.append(f'[[source]]\nid = "{source}"\nurl = "{publisher.url}/{source}"\nsection = "{section}"')
    config.write_text("\n".join(parts), encoding="utf-8")


def poll(folder: Path) -> None:
    command = [sys.executable, "-m", "aggregator", "poll", "--all", "--config", str(folder / "config.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"aggregator poll failed:\n{done.stderr}{done.stdout}")


if __name__ == "__main__":
    main()
