"""What end-to-end tests share: a site in a folder of its own, and the real command run on it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator.demo.documents import DemoFeed, DemoItem, render_document
from aggregator.demo.publisher import Publisher
from aggregator.model import Source
from tests.stores import make_store_url

PATIENCE_SECONDS = 30.0
COMMAND = (sys.executable, "-m", "aggregator")
WORKERS_LAG_SECONDS = 2.0  # within which every web worker, and every document, has followed a change


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A configuration in a folder of its own, and the command run on it."""

    folder: Path
    port: int

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *arguments, "--config", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    def poll(self, *arguments: str) -> dict[str, Any]:
        return json.loads(self.run("poll", "--json", *arguments).stdout)

    def entries(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run("entries", "--json", *arguments).stdout.splitlines()]

    def status(self) -> dict[str, dict[str, Any]]:
        return {row["id"]: row for row in json.loads(self.run("status", "--json").stdout)}

    def get(self, path: str, **headers: str) -> Answer:
        return get(self.url + path, **headers)

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        """Start `aggregator serve`; whoever does ends it."""
        return self._start("serve", "--port", str(self.port), *arguments, **environ)

    def start_worker(self, **environ: str) -> subprocess.Popen[bytes]:
        """Start `aggregator worker`; whoever does ends it."""
        return self._start("worker", **environ)

    def _start(self, *arguments: str, **environ: str) -> subprocess.Popen[bytes]:
        command = [*COMMAND, *arguments, "--config", str(self.config)]
        with (self.folder / f"{arguments[0]}.log").open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | environ)

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """`aggregator serve`, ready to answer, and ended by SIGTERM as a supervisor would."""
        process = self.start(*arguments)
        try:
            self.wait_until_ready(process)
            yield process
            assert process.poll() is None, self.log
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=PATIENCE_SECONDS)
        assert code == 0, self.log

    def wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        def ready() -> bool:
            assert process.poll() is None, self.log
            try:
                return self.get("/readyz").status == 200
            except OSError:  # nobody listens, or a worker of a killed server does and goes
                return False

        wait_until(ready, "the server to answer /readyz")

    @property
    def log(self) -> str:
        return (self.folder / "serve.log").read_text(encoding="utf-8")


def get(url: str, **headers: str) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, headers=names)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return Answer(status=response.status, headers=_lower(response.headers), body=response.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answer(status=error.code, headers=_lower(error.headers), body=error.read())


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def wait_until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited {PATIENCE_SECONDS:.0f} s in vain for {what}"
        time.sleep(0.05)


def make_clock(folder: Path, seconds: int) -> dict[str, str]:
    """The environment in which a process has a clock that is off as far as the file `clock` there says."""
    library, clock = folder / "clock.so", folder / "clock"
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("moving the clock of one process wants a C compiler")
    source = Path(__file__).parent / "end_to_end" / "clock.c"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    clock.write_text(str(seconds))
    return {"LD_PRELOAD": str(library), "CLOCK_FILE": str(clock)}


def let_workers_catch_up() -> None:
    """To be called between seeing a change in one answer and asking for another document."""
    time.sleep(WORKERS_LAG_SECONDS)


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


ITEM = DemoItem(
    guid="item-1",
    url="https://press.example/item-1",
    title="A bridge opens",
    summary="The bridge carries bicycles and carts.",
    html="<p>The bridge carries bicycles and carts, and nothing heavier than a donkey, says the mayor.</p>",
    author="Reporter",
    categories=("local",),
    published_at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
    updated_at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC),
    image_url=None,
    enclosure=None,
)


def make_item(number: int, **changes: Any) -> DemoItem:
    at = ITEM.published_at + timedelta(minutes=number)
    values = {
        "guid": f"item-{number}",
        "url": f"https://press.example/item-{number}",
        "title": f"Bridge number {number} opens",
        "html": f"<p>Bridge number {number} carries bicycles and carts, and nothing heavier than a donkey "
        f"with a load of {number} stones, says the mayor of village {number}.</p>",
        "published_at": at,
        "updated_at": at,
    }
    return replace(ITEM, **values | changes)


def publish(
    publisher: Publisher, path: str, items: list[DemoItem], *, form: Any = "rss20", **options: Any
) -> None:
    feed = DemoFeed(title="Press", link="https://press.example/", lang="en", items=tuple(items))
    kind = "application/feed+json" if form.startswith("json") else "application/xml"
    encoding = options.pop("encoding", "utf-8")
    publisher.publish(path, render_document(form, feed, encoding=encoding), content_type=kind, **options)


def write_config(site: Site, publisher: Publisher, paths: dict[str, str], *, every: str = "20m") -> None:
    """A site of one English section whose sources are these: id and path at the publisher."""
    parts = [
        f'[site]\ntitle = "Test"\nurl = "{site.url}"\neditions = ["en"]',
        f'[store]\nurl = "{make_store_url(site.folder, "aggregator")}"',
        '[fetch]\nallow_networks = ["127.0.0.0/8"]\nhost_gap = "0s"',
        f'[defaults]\nevery = "{every}"\ntimeout = "5s"',
        '[[section]]\nid = "world"\nname = "World"',
    ]
    parts += [
        f'[[source]]\nid = "{id}"\nname = "Outlet {id}"\nurl = "{publisher.url}{path}"\nsection = "world"'
        for id, path in paths.items()
    ]
    site.config.write_text("\n\n".join(parts), encoding="utf-8")


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def make_source(source_id: str = "harbour", **changes: Any) -> Source:
    source = Source(
        id=source_id,
        name=f"Outlet {source_id}",
        url=f"https://{source_id}.example/feed.xml",
        section="ar/libya",
        every=timedelta(minutes=20),
        timeout=timedelta(seconds=20),
        content="full",
        lang=None,
        headers=(),
        skip=(),
        rules=(),
        max_entries=1000,
    )
    return replace(source, **changes)
