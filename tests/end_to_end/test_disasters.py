"""What happens to machines, made to happen: readers are served on, nothing is lost, nobody has to help."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import feedparser
import pytest

from aggregator.demo.publisher import Publisher
from tests.harness import Site, let_workers_catch_up, make_clock, make_item, publish, wait_until, write_config

LOCKED_SECONDS = float(os.environ.get("AGGREGATOR_TEST_LOCK_SECONDS", "4"))  # 35 outlasts every patience
DAY_SECONDS = 24 * 3600


def titles(site: Site) -> list[str]:
    return [entry.title for entry in feedparser.parse(site.get("/feeds/en/world.rss").body).entries]


def publish_items(publisher: Publisher, count: int) -> None:
    publish(publisher, "/a", [make_item(n) for n in range(count)])


def open_connection(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, timeout=30, isolation_level=None))


@contextmanager
def mounted(site: Site, megabytes: int) -> Iterator[Path]:
    """A small file system of its own, and the site's store on it."""
    image, folder = site.folder / "disk.img", site.folder / "disk"
    folder.mkdir()
    with image.open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    made = shutil.which("mkfs.ext4") and os.geteuid() == 0
    if not made or subprocess.run(["mkfs.ext4", "-q", image], check=False).returncode != 0:
        pytest.skip("a file system of its own wants root and mkfs.ext4")
    if mount(image, folder) != 0:
        pytest.skip("mounting is not allowed here")
    text = site.config.read_text(encoding="utf-8")
    text = re.sub(r'(?m)^url = "sqlite:.*"$', f'url = "sqlite:///{folder}/aggregator.db"', text)
    site.config.write_text(text, encoding="utf-8")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=False)


def find_store(site: Site) -> Path:
    (path,) = site.folder.glob("*.db")
    return path


def mount(image: Path, folder: Path) -> int:
    command = ["mount", "-o", "loop,errors=remount-ro", image, folder]
    return subprocess.run(command, capture_output=True, check=False).returncode


def find_device(folder: Path) -> str:
    done = subprocess.run(
        ["findmnt", "-n", "-o", "SOURCE", folder], capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip()).name


def fill(ballast: Path) -> None:
    """Take all the room there is, to the last block."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 65536):
            pass


def test_a_full_disk_stops_no_reader_and_what_came_meanwhile_comes_after(
    publisher: Publisher, site: Site
) -> None:
    publish_items(publisher, 2)
    write_config(site, publisher, {"a": "/a"}, every="1s")
    with mounted(site, 12) as disk, site.serving():
        wait_until(lambda: len(titles(site)) == 2, "the first two items")
        let_workers_catch_up()
        ballast = disk / "ballast"
        fill(ballast)
        publish_items(publisher, 40)
        wait_until(lambda: "full" in site.log, "the log to name the cause")
        assert len(titles(site)) == 2
        assert site.get("/en/").status == 200
        assert site.get("/readyz").status == 200
        ballast.unlink()
        wait_until(lambda: len(titles(site)) == 40, "what was published meanwhile")


def test_a_disk_that_turns_read_only_is_served_from_until_it_is_mended(
    publisher: Publisher, site: Site
) -> None:
    publish_items(publisher, 2)
    write_config(site, publisher, {"a": "/a"}, every="1s")
    with mounted(site, 12) as disk:
        image, process = site.folder / "disk.img", site.start()
        try:
            site.wait_until_ready(process)
            wait_until(lambda: len(titles(site)) == 2, "the first two items")
            let_workers_catch_up()
            trigger = Path("/sys/fs/ext4", find_device(disk), "trigger_fs_error")
            if not trigger.exists():
                pytest.skip("this kernel breaks no file system on request")
            trigger.write_text("test")
            publish_items(publisher, 3)
            wait_until(lambda: "cannot write to the store" in site.log, "the log to name the cause")
            assert len(titles(site)) == 2
            assert site.get("/en/").status == 200
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=40)
        subprocess.run(["umount", disk], check=True)
        assert (
            subprocess.run(["fsck.ext4", "-y", "-f", image], capture_output=True, check=False).returncode < 4
        )
        assert mount(image, disk) == 0
        with site.serving():
            wait_until(lambda: len(titles(site)) == 3, "polling to go on after the repair")


def test_a_store_that_another_process_locks_is_read_and_then_written_to(
    publisher: Publisher, site: Site
) -> None:
    publish_items(publisher, 2)
    write_config(site, publisher, {"a": "/a"}, every="1s")
    with site.serving():
        wait_until(lambda: len(titles(site)) == 2, "the first two items")
        let_workers_catch_up()
        with open_connection(find_store(site)) as other:
            other.execute("BEGIN IMMEDIATE")
            publish_items(publisher, 3)
            end = time.monotonic() + LOCKED_SECONDS
            while time.monotonic() < end:
                assert len(titles(site)) == 2
                assert site.get("/readyz").status == 200
                time.sleep(0.2)
            other.execute("ROLLBACK")
        wait_until(lambda: len(titles(site)) == 3, "what was published meanwhile")


def test_sigterm_does_not_wait_for_a_publisher_that_hangs(publisher: Publisher, site: Site) -> None:
    """Within the 30 s that supervisors give; the poll is done again, and counts as no failure."""
    publish(publisher, "/a", [make_item(1)], delay=timedelta(seconds=90))
    write_config(site, publisher, {"a": "/a"})
    text = site.config.read_text(encoding="utf-8").replace('timeout = "5s"', 'timeout = "2m"')
    site.config.write_text(text, encoding="utf-8")
    started = 0.0
    with site.serving():
        wait_until(lambda: len(publisher.log) == 1, "the request")
        started = time.monotonic()
    assert time.monotonic() - started < 25
    status = site.status()["a"]
    assert (status["state"], status["failures"], status["last_error"]) == ("new", 0, None)
    publish_items(publisher, 1)
    assert site.poll()["new"] == 1, "the host is free and the source is due"


def test_a_clock_that_is_set_a_day_ahead_and_back_loses_nothing(
    publisher: Publisher, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in make_clock(site.folder, 0).items():
        monkeypatch.setenv(name, value)
    clock = site.folder / "clock"
    publish_items(publisher, 1)
    write_config(site, publisher, {"a": "/a"}, every="1s")
    with site.serving():
        wait_until(lambda: len(titles(site)) == 1, "the first item")
        guids = {entry.id for entry in feedparser.parse(site.get("/feeds/en/world.rss").body).entries}
        for count, moved in ((2, DAY_SECONDS), (3, 0), (4, -DAY_SECONDS), (5, 0)):
            clock.with_suffix(".new").write_text(str(moved))
            clock.with_suffix(".new").replace(clock)
            time.sleep(0.5)
            publish_items(publisher, count)
            wait_until(lambda n=count: len(titles(site)) == n, f"polling to go on {moved} s off")
        entries = feedparser.parse(site.get("/feeds/en/world.rss").body).entries
        assert guids < {entry.id for entry in entries}
        assert "the clock was set by" in site.log
