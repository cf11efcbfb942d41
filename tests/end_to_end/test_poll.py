"""`aggregator poll` against a real publisher: what is stored, what the publisher sees."""

from __future__ import annotations

import json

import pytest

from aggregator.demo.documents import DemoFeed, render_document
from aggregator.demo.publisher import Publisher
from aggregator.model import PollResult
from aggregator.store import open_store, sources
from tests.harness import Site, make_item, publish, write_config
from tests.stores import make_store_url

FORMS = {
    "rss20": 0,
    "rss091": 10,
    "rss092": 20,
    "rss10": 30,
    "atom10": 40,
    "atom03": 50,
    "json10": 60,
    "json11": 70,
}


@pytest.mark.usefixtures("each_store")
def test_every_format_is_polled_and_the_second_poll_is_all_304(publisher: Publisher, site: Site) -> None:
    for form, first in FORMS.items():
        publish(publisher, f"/{form}", [make_item(first + n) for n in range(3)], form=form)
    write_config(site, publisher, {form: f"/{form}" for form in FORMS})

    first_poll, second_poll = site.poll("--all"), site.poll("--all")

    seconds = first_poll.pop("seconds"), second_poll.pop("seconds")
    assert all(s > 0 for s in seconds)
    assert first_poll == {"sources": 8, "polled": 8, "new": 24, "updated": 0, "not_modified": 0, "failed": 0}
    assert second_poll == {"sources": 8, "polled": 8, "new": 0, "updated": 0, "not_modified": 8, "failed": 0}
    assert [r.status for r in publisher.log] == [200] * 8 + [304] * 8
    for request in publisher.log[:8]:
        assert request.header("if-none-match") is None, "the first fetch is unconditional"
    for request in publisher.log:
        assert request.header("cookie") is None
        assert request.header("referer") is None
    assert publisher.max_parallel() == 1, "one host, one connection at a time"


def test_each_item_is_listed_once_with_the_keys_of_the_design(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(1), make_item(2)])
    write_config(site, publisher, {"a": "/a"})
    site.poll("--all")
    site.poll("--all")

    listed = site.entries()

    assert [e["guid"] for e in listed] == ["item-2", "item-1"]
    keys = "id guid source sections title url author published_at updated_at first_seen_at lang dir"
    assert list(listed[0]) == [*keys.split(), "article", "story"]
    assert listed[0]["published_at"] == "2026-11-20T08:02:00Z"
    assert listed[0]["sections"] == ["world"]


def test_the_same_item_of_several_sources_is_one_article(publisher: Publisher, site: Site) -> None:
    copy = make_item(1, guid="copy", url="https://www.press.example/item-1/?utm_source=feed")
    reprint = make_item(
        1, guid="reprint", url="https://other.example/2026/bridge", title="BRIDGE number 1 opens"
    )
    publish(publisher, "/a", [make_item(1)])
    publish(publisher, "/b", [copy])
    publish(publisher, "/c", [reprint, make_item(2)])
    write_config(site, publisher, {"a": "/a", "b": "/b", "c": "/c"})
    site.poll("--all")

    by_guid = {e["guid"]: e["article"] for e in site.entries()}

    assert by_guid["item-1"] == by_guid["copy"] == by_guid["reprint"]
    assert by_guid["item-2"] != by_guid["item-1"]


def test_an_edit_keeps_the_date_of_publication_and_moves_the_update(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(1)])
    write_config(site, publisher, {"a": "/a"})
    site.poll("--all")
    (before,) = site.entries()
    later = make_item(5).published_at
    publish(
        publisher, "/a", [make_item(1, title="Bridge closes again", published_at=later, updated_at=later)]
    )

    summary = site.poll("--all")
    (after,) = site.entries()

    assert (summary["new"], summary["updated"]) == (0, 1)
    assert after["title"] == "Bridge closes again"
    kept = ("id", "guid", "article", "published_at", "first_seen_at")
    assert {k: after[k] for k in kept} == {k: before[k] for k in kept}
    assert after["updated_at"] > before["updated_at"]


def test_windows_1256_comes_out_as_arabic_even_where_it_is_not_declared(
    publisher: Publisher, site: Site
) -> None:
    words = "عبر الناس الجسر الجديد على الدراجات."
    item = make_item(1, title="افتتاح الجسر الجديد", summary=words, html=f"<p>{words}</p>")
    feed = DemoFeed(title="Press", link="https://press.example/", lang="ar", items=(item,))
    declared = render_document("rss20", feed, encoding="windows-1256")
    publisher.publish("/declared", declared, content_type="text/xml")
    publisher.publish("/bare", declared.replace(b' encoding="windows-1256"', b""), content_type="text/xml")
    write_config(site, publisher, {"declared": "/declared", "bare": "/bare"})
    site.poll("--all")

    assert {(e["source"], e["title"], e["lang"], e["dir"]) for e in site.entries()} == {
        ("declared", "افتتاح الجسر الجديد", "ar", "rtl"),
        ("bare", "افتتاح الجسر الجديد", "ar", "rtl"),
    }


def test_a_failing_source_is_recorded_and_holds_up_no_other(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/good", [make_item(1)])
    publish(publisher, "/page", [make_item(2)])
    publisher.publish("/page", b"<!doctype html><title>Home</title><p>Hello", content_type="text/html")
    publisher.publish("/down", b"", content_type="text/plain", status=503, headers={"Retry-After": "7200"})
    write_config(site, publisher, {"good": "/good", "page": "/page", "down": "/down", "gone": "/gone"})

    summary = site.poll("--all")
    status = site.status()

    assert (summary["new"], summary["failed"]) == (1, 3)
    assert {id: row["state"] for id, row in status.items()} == {
        "good": "ok",
        "page": "error",
        "down": "error",
        "gone": "error",
    }
    assert "web page" in status["page"]["last_error"]
    assert "503" in status["down"]["last_error"]
    assert "404" in status["gone"]["last_error"]
    assert status["good"]["entries"] == 1


def test_a_plain_poll_takes_only_what_is_due(publisher: Publisher, site: Site) -> None:
    publish(publisher, "/a", [make_item(1)])
    write_config(site, publisher, {"a": "/a"}, every="1h")

    assert site.poll()["polled"] == 1
    assert site.poll()["polled"] == 0
    assert site.poll("--source", "a")["polled"] == 1
    assert len(publisher.log) == 2


def test_a_bad_configuration_prints_every_error_with_line_and_cure_and_exits_1(site: Site) -> None:
    site.config.write_text(
        '[site]\ntitel = "x"\n\n[[section]]\nid = "Sports!"\n\n[[source]]\nid = "a"\nurl = "ftp://x/"\n',
        encoding="utf-8",
    )
    for command in (["check"], ["poll"], ["status"], ["entries"], ["serve"]):
        done = site.run(*command, check=False)
        lines = done.stderr.splitlines()
        assert done.returncode == 1
        assert done.stdout == ""
        assert [line.split(":")[1] for line in lines] == sorted(
            (line.split(":")[1] for line in lines), key=int
        )
        assert any(f"{site.config}:2:1: site.titel" in line and "title" in line for line in lines), lines
        assert any(f"{site.config}:5:1: section" in line for line in lines), lines
        assert any(f"{site.config}:9:1: source" in line for line in lines), lines


def test_opml_goes_out_and_comes_in_again(publisher: Publisher, site: Site) -> None:
    write_config(site, publisher, {"a": "/a", "b": "/b"})
    exported = site.run("export").stdout
    opml = site.folder / "subscriptions.opml"
    opml.write_text(exported.replace(f"{publisher.url}/a", f"{publisher.url}/new"), encoding="utf-8")
    text = site.config.read_text(encoding="utf-8")
    site.config.write_text("# my comment\n" + text, encoding="utf-8")

    done = site.run("import", str(opml))

    assert "1 added, 1 were there already, 0 refused" in done.stdout
    assert site.config.read_text(encoding="utf-8").startswith("# my comment\n" + text.rstrip())
    assert json.loads(site.run("status", "--json").stdout)[-1]["id"] == "outlet-a"


def test_a_source_that_is_gone_for_good_is_not_taken_for_one_that_another_process_polls(
    publisher: Publisher, site: Site
) -> None:
    publish(publisher, "/a", [make_item(1)])
    write_config(site, publisher, {"a": "/a", "gone": "/gone"})
    site.poll("--all")
    store = open_store(make_store_url(site.folder, "aggregator"))
    with store.write() as tx:
        now = publisher.now()
        gone = PollResult(source_id="gone", outcome="failed", polled_at=now, next_poll_at=now, disabled=True)
        sources.record_poll(tx, gone)
    store.close()

    done = site.run("poll", "--all", "--json")

    assert (json.loads(done.stdout)["sources"], done.stderr) == (1, "")
    assert site.status()["gone"]["state"] == "disabled"
