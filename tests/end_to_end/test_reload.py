"""config.toml saved while the server runs: taken over whole or not at all, and no reader notices."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError

import feedparser
import psutil

from aggregator.demo.publisher import Publisher
from tests.harness import Site, let_workers_catch_up, make_item, publish, wait_until, write_config


def titles(site: Site, path: str = "/feeds/en/world.rss") -> list[str]:
    return [entry.title for entry in feedparser.parse(site.get(path).body).entries]


def edit(site: Site, old: str, new: str) -> None:
    text = site.config.read_text(encoding="utf-8")
    assert old in text
    site.config.write_text(text.replace(old, new), encoding="utf-8")


def list_web_workers(pid: int) -> set[int]:
    """Of the children of a server those that listen."""
    children = psutil.Process(pid).children()
    return {p.pid for p in children if any(c.status == psutil.CONN_LISTEN for c in p.net_connections())}


@contextmanager
def reading(site: Site, path: str) -> Iterator[list[str]]:
    """A reader that asks all the time; what went wrong for it."""
    failures: list[str] = []
    stopping = threading.Event()

    def read() -> None:
        while not stopping.wait(0.02):
            try:
                status = site.get(path).status
            except (URLError, OSError) as error:
                failures.append(repr(error))
            else:
                if status != 200:
                    failures.append(str(status))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        yield failures
    finally:
        stopping.set()
        for reader in readers:
            reader.join()


def test_the_configuration_follows_the_file_and_no_request_fails(publisher: Publisher, site: Site) -> None:
    for n, path in enumerate(["/a", "/b"]):
        publish(publisher, path, [make_item(n)])
    write_config(site, publisher, {"a": "/a"}, every="1s")
    first = site.config.read_text(encoding="utf-8")
    with site.serving() as process, reading(site, "/feeds/en/all.rss") as failures:
        wait_until(lambda: len(titles(site)) == 1, "the first source")
        workers = list_web_workers(process.pid)

        write_config(site, publisher, {"a": "/a", "b": "/b"}, every="1s")
        wait_until(lambda: len(titles(site)) == 2, "the source that was added")
        both = site.config.read_text(encoding="utf-8")

        edit(site, "[defaults]", "[defaluts]")
        wait_until(lambda: "config.toml:" in site.log and "defaluts" in site.log, "the log to name the fault")
        line = both[: both.index("[defaults]")].count("\n") + 1
        assert f"config.toml:{line}" in site.log
        publish(publisher, "/a", [make_item(0), make_item(2)])
        wait_until(lambda: len(titles(site)) == 3, "polling to go on meanwhile")
        told = site.run("status", check=False)
        assert told.returncode == 1
        assert f"config.toml:{line}" in told.stderr
        assert "goes on with the configuration of" in told.stderr

        site.config.write_text(both, encoding="utf-8")
        wait_until(lambda: "goes on with" not in site.run("status").stderr, "the fault to be over")

        renamed = first.replace('id = "world"', 'id = "globe"\nold_ids = ["world"]')
        site.config.write_text(renamed.replace('section = "world"', 'section = "globe"'), encoding="utf-8")
        wait_until(lambda: len(titles(site, "/feeds/en/globe.rss")) == 3, "the section under its new name")
        let_workers_catch_up()
        assert site.get("/feeds/en/world.rss").status == 200, "the former name leads to the new one"
        asked = len([r for r in publisher.log if r.path == "/b"])
        time.sleep(2.5)
        assert len([r for r in publisher.log if r.path == "/b"]) == asked, "what is taken out is not polled"
        assert "b" in {entry["source"] for entry in site.entries()}, "but keeps its entries"
        assert workers <= list_web_workers(process.pid), "the same processes as before"
    assert failures == []


def test_sighup_reads_the_configuration_again(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(1)])
    write_config(site, publisher, {"a": "/a"}, every="1s")
    with site.serving() as process:
        wait_until(lambda: len(titles(site)) == 1, "the first item")
        for _ in range(2):
            before = site.log.count("taken over")
            process.send_signal(signal.SIGHUP)
            wait_until(lambda n=before: site.log.count("taken over") == n + 1, "the same once more")
        publish(publisher, "/a", [make_item(1), make_item(2)])
        wait_until(lambda: len(titles(site)) == 2, "polling to go on")
