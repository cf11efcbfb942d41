"""A real subscriber, newsboat, reads our feeds: it sees each item once, and an edit as an edit."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from aggregator.demo.publisher import Publisher
from tests.harness import Site, let_workers_catch_up, make_item, publish, wait_until, write_config

NEWSBOAT = shutil.which("newsboat")

pytestmark = pytest.mark.skipif(
    NEWSBOAT is None, reason="newsboat is not installed (apt-get install newsboat)"
)


def reload(folder: Path) -> list[dict[str, str]]:
    """One reload as its user would do it; the items of newsboat's cache."""
    files = ["-u", str(folder / "urls"), "-c", str(folder / "cache.db"), "-C", str(folder / "config")]
    environment = os.environ | {"HOME": str(folder)}
    subprocess.run(["newsboat", *files, "-x", "reload"], env=environment, check=True, timeout=60)
    with sqlite3.connect(folder / "cache.db") as cache:
        rows = cache.execute("SELECT guid, title, author, url, pubDate, content FROM rss_item ORDER BY title")
        names = [column[0] for column in rows.description]
        items = [dict(zip(names, row, strict=True)) for row in rows]
    cache.close()
    return items


@pytest.mark.parametrize("form", ["rss", "atom"])
def test_newsboat_reads_each_item_once_and_sees_an_edit(
    form: str, publisher: Publisher, site: Site, tmp_path: Path
) -> None:
    arabic = make_item(3, title="افتتاح الجسر الثالث «اليوم» & غدا")
    publish(publisher, "/a", [make_item(1), make_item(2), arabic])
    write_config(site, publisher, {"a": "/a"}, every="1s")
    home = tmp_path / "newsboat"
    home.mkdir()
    (home / "config").touch()
    (home / "urls").write_text(f"{site.url}/feeds/en/world.{form}\n")
    with site.serving():
        wait_until(lambda: site.get("/feeds/en/world.rss").body.count(b"<item>") == 3, "three items")
        before = reload(home)
        edited = make_item(1, title="Bridge number 1 closes")
        publish(publisher, "/a", [edited, make_item(2), arabic, make_item(4)])
        wait_until(lambda: site.get("/feeds/en/world.rss").body.count(b"<item>") == 4, "the fourth item")
        let_workers_catch_up()
        after = reload(home)

    assert [item["title"] for item in before] == [
        "Bridge number 1 opens",
        "Bridge number 2 opens",
        arabic.title,
    ]
    first = before[0]
    assert first["url"] == "https://press.example/item-1"
    assert first["author"] == "Reporter (Outlet a)"
    assert int(first["pubDate"]) == int(make_item(1).published_at.timestamp())
    assert "says the mayor" in first["content"]
    assert after[0]["title"] == "Bridge number 1 closes", "the edit arrives"
    assert {item["guid"] for item in before} < {item["guid"] for item in after}
    assert len(after) == 4
