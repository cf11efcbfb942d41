"""`aggregator serve` as a process: subscribers see what publishers say, through edits and sudden death."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import feedparser
import psutil
import pytest

from aggregator.demo.publisher import Publisher
from tests.harness import Site, is_alive, let_workers_catch_up, make_item, publish, wait_until, write_config


def titles(site: Site, path: str = "/feeds/en/world.rss") -> list[str]:
    return [entry.title for entry in feedparser.parse(site.get(path).body).entries]


@pytest.mark.usefixtures("each_store")
def test_a_feed_follows_its_source_and_no_guid_changes(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(1), make_item(2)])
    write_config(site, publisher, {"a": "/a"}, every="1s")
    with site.serving():
        wait_until(lambda: len(titles(site)) == 2, "the first two items")
        before = {e.title: e.id for e in feedparser.parse(site.get("/feeds/en/world.atom").body).entries}
        publish(publisher, "/a", [make_item(1, title="An edited title"), make_item(2), make_item(3)])
        wait_until(lambda: len(titles(site)) == 3, "the third item")
        let_workers_catch_up()
        feeds = {form: feedparser.parse(site.get(f"/feeds/en/world.{form}").body) for form in ("rss", "atom")}

    for feed in feeds.values():
        assert [e.title for e in feed.entries] == [
            "Bridge number 3 opens",
            "Bridge number 2 opens",
            "An edited title",
        ]
        assert feed.entries[2].id == before["Bridge number 1 opens"]
        assert feed.entries[1].id == before["Bridge number 2 opens"]
        assert not feed.bozo
    assert feeds["atom"].entries[2].updated_parsed > feeds["atom"].entries[2].published_parsed


def test_the_same_bytes_and_tags_after_a_restart(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(n) for n in range(5)])
    write_config(site, publisher, {"a": "/a"})
    paths = ["/feeds/en/world.rss", "/feeds/en/all.atom", "/feeds/source/a.json", "/en/", "/feeds.opml"]
    seen = []
    for _ in range(2):
        with site.serving():
            wait_until(lambda: len(titles(site)) == 5, "five items")
            let_workers_catch_up()
            seen.append([(a.headers["etag"], a.body) for a in map(site.get, paths)])
    assert seen[0] == seen[1]
    with site.serving("--no-poll"):
        for path, (tag, _) in zip(paths, seen[0], strict=True):
            assert site.get(path, If_None_Match=tag).status == 304


@pytest.mark.usefixtures("each_store")
def test_killed_at_any_moment_it_loses_nothing_and_repeats_nothing(publisher: Publisher, site: Site) -> None:
    """Ten sources of 30 items, SIGKILL after a random while, five times over, then one poll to the end.

    AGGREGATOR_TEST_KILLS=200 tries as many moments.
    """
    chance = random.Random(20261124)
    paths = {f"s{n}": f"/s{n}" for n in range(10)}
    expected = set()
    for n, (id, path) in enumerate(paths.items()):
        items = [make_item(100 * n + k) for k in range(30)]
        expected |= {(id, item.guid) for item in items}
        publish(publisher, path, items)
    write_config(site, publisher, paths, every="1s")
    guids: dict[str, str] = {}
    for _ in range(int(os.environ.get("AGGREGATOR_TEST_KILLS", "5"))):
        process = site.start()
        time.sleep(chance.uniform(0.3, 3.0))
        family = [p.pid for p in psutil.Process(process.pid).children(recursive=True)]
        process.kill()
        process.wait()
        wait_until(lambda pids=tuple(family): not any(map(is_alive, pids)), "its workers to end as well")
        for entry in site.entries():
            key = f"{entry['source']} {entry['guid']}"
            assert guids.setdefault(key, entry["article"]) == entry["article"], (
                "an article's identity changed"
            )

    summary = site.poll("--all")
    listed = site.entries()

    assert summary["polled"] == 10, "no host stays blocked by a dead process"
    assert summary["failed"] == 0
    assert len(listed) == len(expected)
    assert {(e["source"], e["guid"]) for e in listed} == expected
    assert publisher.max_parallel() == 1


def test_sigterm_gives_the_leases_back_and_leaves_nothing_behind(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(1)])
    write_config(site, publisher, {"a": "/a"}, every="1s")
    with site.serving() as process:
        wait_until(lambda: titles(site) != [], "the first item")
        family = [p.pid for p in psutil.Process(process.pid).children(recursive=True)]
        assert family
    wait_until(lambda: not any(map(is_alive, family)), "its workers to end as well")
    assert process.returncode == 0
    assert site.poll("--all")["polled"] == 1


def test_no_poll_serves_what_is_stored_and_asks_nobody(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(1)])
    write_config(site, publisher, {"a": "/a"}, every="1s")
    site.poll("--all")
    publisher.clear_log()
    with site.serving("--no-poll"):
        assert titles(site) == ["Bridge number 1 opens"]
        time.sleep(1.5)
    assert publisher.log == []


def test_a_taken_port_is_said_in_words(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(1)])
    write_config(site, publisher, {"a": "/a"})
    with site.serving():
        second = site.run("serve", "--port", str(site.port), check=False)
    assert second.returncode == 1
    assert f"{site.port}" in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_demo_shows_both_editions_without_a_network(stop: signal.Signals, site: Site) -> None:
    with (site.folder / "serve.log").open("wb") as log:
        command = [sys.executable, "-m", "aggregator", "demo", "--port", str(site.port)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        site.wait_until_ready(process)
        wait_until(lambda: site.get("/ar/").body.count(b"/article/") > 20, "the Arabic front page to fill")
        wait_until(lambda: site.get("/en/").body.count(b"/article/") > 10, "the English front page to fill")
    finally:
        process.send_signal(stop)
        assert process.wait(timeout=30) == 0, site.log


def test_a_wheel_has_all_that_the_server_needs(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(tmp_path), str(root)], check=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    probe = "import aggregator.publish.templates as t; print(t.find_templates())"
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    templates = Path(done.stdout.strip())
    assert templates == tmp_path / "installed" / "aggregator" / "templates"
    assert {"base.html", "front.html"} <= {p.name for p in templates.iterdir()}
    for name in ("web/static/site.css", "demo/texts.toml", "store/migrations/versions/0001_first_schema.py"):
        assert (tmp_path / "installed" / "aggregator" / name).is_file()
