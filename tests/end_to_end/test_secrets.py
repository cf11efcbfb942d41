"""What config.toml holds in secret comes out nowhere: not in logs, status, errors, feeds or /metrics."""

from __future__ import annotations

import pytest

from aggregator.demo.publisher import Publisher
from tests.harness import Site, make_item, publish, wait_until, write_config

SECRETS = ["s3cret-header", "s3cret-token", "s3cret-file"]


def test_secrets_come_out_nowhere(publisher: Publisher, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """One source answers, one refuses, one is no feed, one is not there: each failure prints its URL."""
    publish(publisher, "/good", [make_item(1)])
    publisher.publish("/page", b"<html><p>no feed</p></html>", content_type="text/html")
    publisher.publish("/denied", b"no", content_type="text/plain", status=401)
    paths = {"good": "/good", "page": "/page", "denied": "/denied", "gone": "/none"}
    write_config(
        site, publisher, {id: f"{path}?token=s3cret-token" for id, path in paths.items()}, every="1s"
    )
    text = site.config.read_text(encoding="utf-8")
    headers = 'headers = { Authorization = "env:HEADER", "X-K" = "file:key" }'
    text = text.replace('id = "good"', f'id = "good"\n{headers}')
    site.config.write_text(text, encoding="utf-8")
    (site.folder / "key").write_text("s3cret-file")
    monkeypatch.setenv("HEADER", "s3cret-header")

    with site.serving("--log-format", "json"):
        wait_until(lambda: site.get("/feeds/en/world.rss").body.count(b"<item>") == 1, "the good source")
        wait_until(lambda: all(f'"source": "{id}"' in site.log for id in paths), "the others to fail")
        pages = [
            "/feeds/en/world.rss",
            "/feeds/en/world.atom",
            "/feeds/source/good.json",
            "/feeds.opml",
            "/metrics",
            "/en/",
        ]
        seen = {path: site.get(path).body.decode() for path in pages}
        site.config.write_text(
            text.replace("[fetch]", "[fetsch]").replace("every =", "evry ="), encoding="utf-8"
        )
        wait_until(lambda: "fetsch" in site.log, "the log to name the faults")
        wrong = site.run("status", check=False)
        site.config.write_text(text, encoding="utf-8")
    seen |= {"a wrong file": wrong.stdout + wrong.stderr, "the log": site.log}
    for command in (
        ["status"],
        ["status", "--json"],
        ["check"],
        ["poll", "--all"],
        ["entries", "--json"],
        ["export"],
    ):
        done = site.run(*command, check=False)
        seen[" ".join(command)] = done.stdout + done.stderr
    sent = [request for request in publisher.log if request.path.startswith("/good")]
    assert sent[-1].header("x-k") == "s3cret-file", "they were in use"
    assert {(where, s) for where, text in seen.items() for s in SECRETS if s in text} == set()
