"""One host bucket through every stage: a real store, client and workers, a publisher on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.errors import LeaseLost
from aggregator.fetch.client import Client
from aggregator.parse.sandbox import Sandbox
from aggregator.reading import read_document
from aggregator.refresh import LEASE, poll_bucket
from aggregator.store import articles, sources, tables
from tests.harness import make_item, publish
from tests.site_samples import (
    HEAD,
    HOUR,
    NOON,
    POLICY,
    Bench,
    open_bench,
    render_feed,
    save_feed,
    source_table,
)

LISTED_AFTER = timedelta(seconds=2)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client(POLICY) as opened:
        yield opened


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, timeout=timedelta(seconds=10), max_memory_bytes=256 * 1024 * 1024) as opened:
        opened.submit(bool, read_document, url="").result()  # a worker takes a second to start
        yield opened


@pytest.fixture
def bench(tmp_path: Path, client: Client, sandbox: Sandbox) -> Iterator[Bench]:
    with open_bench(tmp_path, client, sandbox) as opened:
        yield opened


def list_titles(bench: Bench, section: str) -> list[str]:
    with bench.store.read() as tx:
        return [article.title for article in articles.list_articles(tx, section, limit=100)]


def get_revision(bench: Bench) -> int:
    with bench.store.read() as tx:
        return articles.get_revision(tx)


# --- a poll and the next ---------------------------------------------------------------------------


def test_the_first_poll_stores_and_the_second_is_a_304(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1), make_item(2)])
    line = bench.configure(source_table("a", f"{publisher.url}/a"))

    first = bench.poll(line)["a"]
    second = bench.poll(line)["a"]

    assert (first.outcome, first.new, first.updated) == ("new_body", 2, 0)
    assert (second.outcome, second.new, second.updated) == ("not_modified", 0, 0)
    assert {entry.guid for entry in bench.entries()} == {"item-1", "item-2"}
    one, two = publisher.log
    assert one.header("if-none-match") is None
    assert one.header("if-modified-since") is None
    assert two.header("if-none-match") is not None
    assert [request.status for request in publisher.log] == [200, 304]


def test_a_304_without_validators_of_its_own_keeps_those_we_have(publisher: Publisher, bench: Bench) -> None:
    """RFC 9110, 15.4.5 wants them repeated; servers forget."""
    body = render_feed([make_item(1)])

    def answer(request: Request) -> Answer:
        if request.header("if-none-match") == '"v1"':
            return Answer(status=304)
        return Answer(body=body, headers=(("ETag", '"v1"'), ("Content-Type", "application/xml")))

    publisher.publish_handler("/a", answer)
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    outcomes = [bench.poll(line)["a"].outcome for _ in range(3)]
    assert outcomes == ["new_body", "not_modified", "not_modified"]


def test_an_unchanged_body_without_validators_is_not_read_again(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1)], etag=None)
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    bench.poll(line)
    revision = get_revision(bench)

    report = bench.poll(line)["a"]

    assert report.outcome == "same_body"
    assert [request.status for request in publisher.log] == [200, 200]
    assert get_revision(bench) == revision, "nobody renders anything again"
    assert bench.state("a").last_error is None


def test_a_poll_without_news_leaves_every_document_as_it_is(publisher: Publisher, bench: Bench) -> None:
    """Another body with the same items: a feed that says the time, for example."""
    body = render_feed([make_item(1)])
    publisher.publish("/a", body, content_type="application/xml")
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    bench.poll(line)
    revision = get_revision(bench)
    publisher.publish("/a", body + b"<!-- made at noon -->", content_type="application/xml")

    report = bench.poll(line)["a"]

    assert (report.outcome, report.new, report.updated) == ("new_body", 0, 0)
    assert get_revision(bench) == revision


def test_what_all_texts_end_with_is_remembered_for_the_item_that_comes_alone(
    publisher: Publisher, bench: Bench
) -> None:
    """One new text has nothing to be compared with: what the document before has taught is stripped."""
    ending = "Read more on the website of the Sahel Courier"
    bodies = [" ".join(f"{letter}{other}" for other in "abcdefghijklm") for letter in "vwxyz"]
    items = [make_item(n, html=f"<p>{body} {ending}</p>") for n, body in enumerate(bodies)]
    publish(publisher, "/a", items[:4])
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    bench.poll(line)
    publish(publisher, "/a", items)
    bench.clock.advance(HOUR)
    assert bench.poll(line)["a"].new == 1
    with bench.store.read() as tx:
        folded = tx.execute(select(tables.signatures.c.folded)).scalars().all()
    assert [text for text in folded if "courier" in text] == []


def test_a_poll_is_due_again_after_the_interval(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1)])
    line = bench.configure(source_table("a", f"{publisher.url}/a", every='"2h"'))
    bench.poll(line)
    state = bench.state("a")
    assert (state.last_polled_at, state.last_success_at) == (NOON, NOON)
    assert state.next_poll_at == NOON + 2 * HOUR
    assert bench.claim(force=False) == ()
    bench.clock.advance(2 * HOUR)
    assert [claim.source_ids for claim in bench.claim(force=False)] == [("a",)]


# --- edits and identity ----------------------------------------------------------------------------


def test_an_edit_is_an_update_that_keeps_the_date_of_publication(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1), make_item(2)])
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    bench.poll(line)
    before = {entry.guid: entry for entry in bench.entries()}
    later = bench.clock.advance(HOUR)
    edited = make_item(1, title="The bridge closes again", published_at=later, updated_at=later)
    publish(publisher, "/a", [edited, make_item(2)])

    report = bench.poll(line)["a"]

    after = {entry.guid: entry for entry in bench.entries()}
    assert (report.new, report.updated) == (0, 1)
    assert after["item-2"] == before["item-2"]
    assert after["item-1"].title == "The bridge closes again"
    assert after["item-1"].published_at == before["item-1"].published_at
    assert after["item-1"].first_seen_at == NOON
    assert after["item-1"].updated_at == later
    assert after["item-1"].article == before["item-1"].article


def test_one_guid_never_comes_twice(publisher: Publisher, bench: Bench) -> None:
    """Not within a document, not over polls, not after it had left the feed."""
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    for items in ([1, 1, 2], [2, 3], [3], [1, 2, 3], [3, 2, 1, 1]):
        publish(publisher, "/a", [make_item(n) for n in items])
        bench.poll(line)
    guids = [entry.guid for entry in bench.entries()]
    assert sorted(guids) == ["item-1", "item-2", "item-3"]


def test_the_same_guid_of_two_sources_is_two_entries(publisher: Publisher, bench: Bench) -> None:
    """Numbers as guids: every publisher has an item 1."""
    publish(publisher, "/a", [make_item(1, guid="1")])
    publish(publisher, "/b", [make_item(2, guid="1")])
    line = bench.configure(*(source_table(s, f"{publisher.url}/{s}") for s in "ab"))
    bench.poll(line)
    entries = bench.entries()
    assert {(entry.source, entry.guid) for entry in entries} == {("a", "1"), ("b", "1")}
    assert len({entry.article for entry in entries}) == 2


# Same wording, same address, or neither, and how many articles that makes.
COPIES = [
    pytest.param({"url": "https://www.press.example/item-1/?utm_source=rss"}, 1, id="the same address"),
    pytest.param(
        {"url": "https://other.example/x", "title": "BRIDGE number 1  opens"}, 1, id="the same words"
    ),
    pytest.param(
        {"url": "https://other.example/x", "html": "<p>All else is another story.</p>"}, 2, id="neither"
    ),
]


@pytest.mark.parametrize(("changes", "count"), COPIES)
@pytest.mark.parametrize("polls", [1, 2], ids=["in one batch", "one after the other"])
def test_copies_of_several_sources_are_one_article(
    publisher: Publisher, bench: Bench, changes: dict[str, str], count: int, polls: int
) -> None:
    publish(publisher, "/a", [make_item(1)])
    publish(publisher, "/b", [make_item(1, guid="copy", **changes)])
    tables = [source_table(s, f"{publisher.url}/{s}") for s in "ab"]
    for number in range(polls):
        bench.poll(bench.configure(*tables[: 2 - number] if polls == 1 else tables[: number + 1]))
    assert len(bench.entries()) == 2
    assert len({entry.article for entry in bench.entries()}) == count
    assert len(list_titles(bench, "en/world")) == count


# --- failures --------------------------------------------------------------------------------------


def test_a_source_that_fails_is_recorded_and_the_others_of_its_host_go_on(
    publisher: Publisher, bench: Bench
) -> None:
    publish(publisher, "/good", [make_item(1)])
    publish(publisher, "/last", [make_item(2)])
    publisher.publish("/page", b"<!doctype html><title>Home</title><p>Hello", content_type="text/html")
    publisher.publish_handler("/drop", lambda request: None)
    publisher.publish("/huge", b"x" * 1_000_001, content_type="text/xml", gzip=False)
    names = ("drop", "gone", "good", "huge", "last", "page")
    line = bench.configure(*(source_table(name, f"{publisher.url}/{name}") for name in names))

    reports = bench.poll(line)

    assert {name for name, report in reports.items() if report.outcome == "failed"} == {
        "drop",
        "gone",
        "huge",
        "page",
    }
    assert reports["good"].new == reports["last"].new == 1
    words = {"drop": "without an answer", "gone": "404", "huge": "1,000,000 bytes", "page": "web page"}
    for name, word in words.items():
        state = bench.state(name)
        assert word in (state.last_error or "")
        assert (state.failures, state.failing_since) == (1, NOON)
        assert state.last_success_at is None
        assert state.next_poll_at > NOON


def test_failures_are_counted_backed_off_and_forgotten(publisher: Publisher, bench: Bench) -> None:
    publisher.publish("/a", b"", content_type="text/plain", status=500)
    line = bench.configure(source_table("a", f"{publisher.url}/a", every='"1h"'))
    waits = []
    for _ in range(7):
        bench.poll(line)
        waits.append(bench.state("a").next_poll_at - bench.clock())
        bench.clock.advance(HOUR)
    assert waits == [timedelta(hours=h) for h in (2, 4, 8, 16, 24, 24, 24)]
    assert (bench.state("a").failures, bench.state("a").failing_since) == (7, NOON)

    publish(publisher, "/a", [make_item(1)])
    bench.poll(line)

    state = bench.state("a")
    assert (state.failures, state.failing_since, state.last_error) == (0, None, None)
    assert state.next_poll_at == bench.clock() + HOUR


def test_a_failure_forgets_neither_entries_nor_validators(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1)])
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    bench.poll(line)
    known = bench.state("a")
    publisher.publish("/a", b"", content_type="text/plain", status=503)
    bench.poll(line)
    publish(publisher, "/a", [make_item(1)])

    report = bench.poll(line)["a"]

    assert bench.state("a").validators == known.validators
    assert report.outcome == "not_modified"
    assert len(bench.entries()) == 1


@pytest.mark.parametrize(
    ("retry_after", "wait"),
    [
        pytest.param("30", 2 * HOUR, id="sooner than our own patience counts for nothing"),
        pytest.param("36000", 10 * HOUR, id="later is kept to"),
        pytest.param("Tue, 24 Nov 2026 20:00:00 GMT", 8 * HOUR, id="so is a date"),
        pytest.param("Thu, 01 Jan 1970 00:00:00 GMT", 2 * HOUR, id="a date in the past is none"),
        pytest.param("soon", 2 * HOUR, id="what is no number is none"),
        pytest.param("9" * 400, timedelta(days=7), id="a week is the longest"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_a_floor(
    publisher: Publisher, bench: Bench, status: int, retry_after: str, wait: timedelta
) -> None:
    headers = {"Retry-After": retry_after}
    publisher.publish("/a", b"", content_type="text/plain", status=status, headers=headers)
    line = bench.configure(source_table("a", f"{publisher.url}/a", every='"1h"'))
    bench.poll(line)
    assert bench.state("a").next_poll_at == NOON + wait


def test_a_304_that_nobody_asked_for_is_a_failure(publisher: Publisher, bench: Bench) -> None:
    publisher.publish_handler("/a", lambda request: Answer(status=304))
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    report = bench.poll(line)["a"]
    assert report.outcome == "failed"
    assert "304" in (report.error or "")


def test_no_password_gets_into_the_record(publisher: Publisher, bench: Bench) -> None:
    url = f"{publisher.url}/a?token=s3cret"
    report = bench.poll(bench.configure(source_table("a", url)))["a"]
    assert report.outcome == "failed"
    assert "s3cret" not in (report.error or "")
    assert "s3cret" not in (bench.state("a").last_error or "")


# --- leases ----------------------------------------------------------------------------------------


def test_a_bucket_is_given_back_when_it_is_done(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1)])
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    (claim,) = bench.claim()
    assert bench.claim(owner="another") == ()
    poll_bucket(line, claim)
    assert len(bench.claim(owner="another")) == 1


def test_who_has_lost_the_lease_writes_nothing(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1)])
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    (claim,) = bench.claim()
    bench.clock.advance(2 * LEASE)
    (taken,) = bench.claim(owner="another")
    before = bench.state("a")

    with pytest.raises(LeaseLost):
        poll_bucket(line, claim)

    assert bench.entries() == []
    assert bench.state("a") == before
    assert bench.claim(owner="third") == (), "the other one's lease stands"
    poll_bucket(line, taken)
    assert len(bench.entries()) == 1


def test_a_reader_sees_an_article_while_the_next_source_keeps_us_waiting(
    publisher: Publisher, bench: Bench
) -> None:
    """A source of the same host that hangs must not hold back what has been fetched before it."""
    publish(publisher, "/a", [make_item(1)])
    asked, done = threading.Event(), threading.Event()

    def hang(request: Request) -> Answer:
        asked.set()
        done.wait(4)
        return Answer(status=503)

    publisher.publish_handler("/b", hang)
    line = bench.configure(*(source_table(s, f"{publisher.url}/{s}") for s in "ab"))
    line = replace(line, now=lambda: datetime.now(UTC))
    bench.clock.at = line.now()
    (claim,) = bench.claim()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(poll_bucket, line, claim)
        try:
            assert asked.wait(10)
            done.wait(LISTED_AFTER.total_seconds())
            assert list_titles(bench, "en/world") == ["Bridge number 1 opens"]
        finally:
            done.set()
            running.result()


def test_once_its_lease_has_run_out_a_process_asks_no_more(publisher: Publisher, bench: Bench) -> None:
    """As one does that was stopped during a request: by now another may ask the host."""
    line = bench.configure(*(source_table(s, f"{publisher.url}/{s}") for s in "ab"))

    def answer(request: Request) -> Answer:
        bench.clock.advance(LEASE)
        return Answer(body=render_feed([make_item(1)]), headers=(("Content-Type", "application/xml"),))

    publisher.publish_handler("/a", answer)
    (claim,) = bench.claim()

    with pytest.raises(LeaseLost, match="has run out"):
        poll_bucket(line, claim)

    assert [request.path for request in publisher.log] == ["/a"]


def test_stopping_ends_the_bucket_after_the_exchange_that_is_on(publisher: Publisher, bench: Bench) -> None:
    line = bench.configure(*(source_table(s, f"{publisher.url}/{s}") for s in "abc"))

    def answer(request: Request) -> Answer:
        line.stopping.set()
        return Answer(body=render_feed([make_item(1)]), headers=(("Content-Type", "application/xml"),))

    publisher.publish_handler("/a", answer)
    (claim,) = bench.claim()

    reports = poll_bucket(line, claim)

    assert [report.source_id for report in reports] == ["a"]
    assert len(bench.entries()) == 1, "what was fetched is saved"
    assert [request.path for request in publisher.log] == ["/a"]
    assert len(bench.claim(owner="another")) == 1, "and the bucket is given back"


def test_the_host_rests_between_two_requests(publisher: Publisher, bench: Bench) -> None:
    for path in ("/a", "/b"):
        publish(publisher, path, [make_item(1)])
    head = HEAD.replace('host_gap = "0s"', 'host_gap = "1s"')
    tables = [source_table(s, f"{publisher.url}/{s}") for s in "ab"]
    line = bench.configure(*tables, head=head)
    (claim,) = bench.claim()
    poll_bucket(line, claim)
    one, two = publisher.log
    assert one.ended_at is not None
    assert two.at - one.ended_at >= timedelta(seconds=0.95)

    publisher.clear_log()
    (claim,) = bench.claim()
    poll_bucket(line, claim, polite=False)
    one, two = publisher.log
    assert one.ended_at is not None
    assert two.at - one.ended_at < timedelta(seconds=0.5)


def test_a_source_that_only_another_process_knows_is_left_to_it(publisher: Publisher, bench: Bench) -> None:
    """The configuration was changed and polled with while a server still runs on the former one."""
    publish(publisher, "/a", [make_item(1)])
    publish(publisher, "/b", [make_item(2)])
    tables = [source_table(s, f"{publisher.url}/{s}") for s in "ab"]
    former = bench.configure(tables[0])
    bench.configure(*tables)
    (claim,) = bench.claim()
    assert claim.source_ids == ("a", "b")

    reports = poll_bucket(former, claim)

    assert [report.source_id for report in reports] == ["a"]
    assert bench.state("b").last_polled_at is None
    assert len(bench.claim()) == 1, "and the bucket is given back"


# --- changes of the configuration ------------------------------------------------------------------


CHANGES = [
    pytest.param({"lang": '"ar"'}, True, id="language"),
    pytest.param({"skip": '[{ title = "number 2" }]'}, True, id="skip rules"),
    pytest.param({"max_entries": "1"}, True, id="number of entries"),
    pytest.param({"every": '"2h"'}, False, id="interval"),
    pytest.param({"name": '"Another name"'}, False, id="name"),
    pytest.param({"content": '"title"'}, False, id="right"),
]


@pytest.mark.parametrize(("change", "read_again"), CHANGES)
@pytest.mark.parametrize("validators", [False, True], ids=["without ETag", "with ETag"])
def test_a_body_is_read_again_where_a_setting_changes_how_it_reads(
    publisher: Publisher, bench: Bench, change: dict[str, str], read_again: bool, validators: bool
) -> None:
    publish(publisher, "/a", [make_item(1), make_item(2)], etag="auto" if validators else None)
    bench.poll(bench.configure(source_table("a", f"{publisher.url}/a")))
    report = bench.poll(bench.configure(source_table("a", f"{publisher.url}/a", **change)))["a"]
    assert (report.outcome == "new_body") == read_again


def test_what_a_skip_rule_no_longer_drops_comes_with_the_next_poll(
    publisher: Publisher, bench: Bench
) -> None:
    publish(publisher, "/a", [make_item(1), make_item(2)], etag=None)
    skip = '[{ title = "number 2" }]'
    bench.poll(bench.configure(source_table("a", f"{publisher.url}/a", skip=skip)))
    assert [entry.guid for entry in bench.entries()] == ["item-1"]
    assert bench.state("a").skipped == 1
    bench.poll(bench.configure(source_table("a", f"{publisher.url}/a")))
    assert {entry.guid for entry in bench.entries()} == {"item-1", "item-2"}
    assert bench.state("a").skipped == 0


def test_a_language_set_by_the_admin_holds_for_what_is_stored_too(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1)], etag=None)
    bench.poll(bench.configure(source_table("a", f"{publisher.url}/a")))
    assert [entry.lang for entry in bench.entries()] == ["en"]
    bench.poll(bench.configure(source_table("a", f"{publisher.url}/a", lang='"fr"')))
    assert [entry.lang for entry in bench.entries()] == ["fr"]


def test_a_changed_rule_moves_stored_entries_to_another_section(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1), make_item(2)])
    url = f"{publisher.url}/a"
    bench.poll(bench.configure(source_table("a", url)))
    assert len(list_titles(bench, "en/world")) == 2

    bench.configure(source_table("a", url, rules='[{ section = "ar/libya", title = "number 2" }]'))
    assert list_titles(bench, "en/world") == ["Bridge number 1 opens"]
    assert list_titles(bench, "ar/libya") == list_titles(bench, "ar/all") == ["Bridge number 2 opens"]

    bench.configure(source_table("a", url, "ar/sports"))
    assert list_titles(bench, "en/world") == list_titles(bench, "ar/libya") == []
    assert len(list_titles(bench, "ar/sports")) == 2
    assert len(publisher.log) == 1, "nobody was asked again"


def test_an_article_of_two_sources_stays_where_one_of_them_puts_it(
    publisher: Publisher, bench: Bench
) -> None:
    for path in ("/a", "/b"):
        publish(publisher, path, [make_item(1, guid=path)])
    tables = [source_table(s, f"{publisher.url}/{s}") for s in "ab"]
    bench.poll(bench.configure(*tables))
    bench.configure(tables[0], source_table("b", f"{publisher.url}/b", "ar/libya"))
    assert list_titles(bench, "en/world") == list_titles(bench, "ar/libya") == ["Bridge number 1 opens"]


def test_a_source_that_is_removed_keeps_its_articles(publisher: Publisher, bench: Bench) -> None:
    for path in ("/a", "/b"):
        publish(publisher, path, [make_item(1 if path == "/a" else 2)])
    tables = [source_table(s, f"{publisher.url}/{s}") for s in "ab"]
    bench.poll(bench.configure(*tables))
    publisher.clear_log()

    reports = bench.poll(bench.configure(tables[1]))

    assert set(reports) == {"b"}
    assert [request.path for request in publisher.log] == ["/b"]
    assert set(list_titles(bench, "en/world")) == {"Bridge number 1 opens", "Bridge number 2 opens"}


def test_a_source_that_is_renamed_keeps_its_articles_and_repeats_none(
    publisher: Publisher, bench: Bench
) -> None:
    publish(publisher, "/a", [make_item(1), make_item(2)])
    bench.poll(bench.configure(source_table("old", f"{publisher.url}/a")))
    with bench.store.read() as tx:
        before = [article.guid for article in articles.list_articles(tx, "en/world", limit=10)]

    bench.poll(bench.configure(source_table("new", f"{publisher.url}/a")))

    with bench.store.read() as tx:
        after = [article.guid for article in articles.list_articles(tx, "en/world", limit=10)]
    assert before == after, "readers see nothing twice"


def test_a_source_that_comes_back_goes_on_where_it_was(publisher: Publisher, bench: Bench) -> None:
    publish(publisher, "/a", [make_item(1)])
    table = source_table("a", f"{publisher.url}/a")
    bench.poll(bench.configure(table))
    bench.configure()
    assert bench.claim() == ()
    report = bench.poll(bench.configure(table))["a"]
    assert report.outcome == "not_modified"
    assert len(bench.entries()) == 1


def test_a_source_that_moves_is_due_at_once_and_asked_unconditionally(
    publisher: Publisher, bench: Bench
) -> None:
    publish(publisher, "/a", [make_item(1)], etag='"same"')
    publish(publisher, "/b", [make_item(1), make_item(2)], etag='"same"')
    bench.poll(bench.configure(source_table("a", f"{publisher.url}/a")))
    line = bench.configure(source_table("a", f"{publisher.url}/b"))

    (claim,) = bench.claim(force=False)
    (report,) = poll_bucket(line, claim)

    assert (report.outcome, report.new) == ("new_body", 1)
    assert publisher.log[-1].header("if-none-match") is None


def test_a_renamed_section_takes_all_its_articles_along(publisher: Publisher, bench: Bench) -> None:
    """Also those of a source that is no longer configured: old_ids says where they belong."""
    for path in ("/a", "/b"):
        publish(publisher, path, [make_item(1 if path == "/a" else 2)])
    tables = [source_table(s, f"{publisher.url}/{s}") for s in "ab"]
    bench.poll(bench.configure(*tables))
    head = HEAD.replace('id = "world"', 'id = "globe"\nold_ids = ["world"]')

    bench.configure(source_table("b", f"{publisher.url}/b", "globe"), head=head)

    assert set(list_titles(bench, "en/globe")) == {"Bridge number 1 opens", "Bridge number 2 opens"}


def test_the_identity_of_the_store_outlives_its_configuration(bench: Bench) -> None:
    bench.configure()
    with bench.store.read() as tx:
        before = articles.get_tag_prefix(tx), articles.get_created_at(tx)
    bench.clock.advance(HOUR)
    bench.configure(head=HEAD.replace("https://news.example", "https://elsewhere.example"))
    with bench.store.read() as tx:
        assert (articles.get_tag_prefix(tx), articles.get_created_at(tx)) == before
    assert before[0] == "tag:news.example,2026:"


def test_a_changed_configuration_is_a_change_of_what_is_published(bench: Bench) -> None:
    bench.configure(source_table("a", "https://a.example/feed"))
    before = get_revision(bench)
    bench.configure(source_table("a", "https://a.example/feed", name='"Another name"'))
    assert get_revision(bench) > before


# --- saving ----------------------------------------------------------------------------------------


def test_what_is_saved_is_reported_source_by_source(bench: Bench) -> None:
    line = bench.configure(*(source_table(s, f"https://{s}.example/feed") for s in "ab"))
    first = save_feed(bench.store, line.settings, "a", [make_item(1), make_item(2)])
    second = save_feed(bench.store, line.settings, "a", [make_item(2, title="Edited"), make_item(3)])
    assert (first.new, first.updated) == (2, 0)
    assert (second.new, second.updated) == (1, 1)
    assert bench.state("b").last_polled_at is None


def test_a_change_no_reader_can_see_is_no_update(bench: Bench) -> None:
    line = bench.configure(source_table("a", "https://a.example/feed"))
    picture = "https://press.example/1.jpg"
    save_feed(bench.store, line.settings, "a", [make_item(1, image_url=f"{picture}?token=1")])
    report = save_feed(bench.store, line.settings, "a", [make_item(1, image_url=f"{picture}?token=2")])
    assert (report.new, report.updated) == (0, 0)
    (entry,) = bench.entries()
    assert entry.updated_at == entry.published_at


def test_a_feed_of_all_formats_gives_the_same_guids(publisher: Publisher, bench: Bench) -> None:
    """Whoever switches a source from RSS to Atom or JSON Feed sees nothing twice."""
    line = bench.configure(source_table("a", f"{publisher.url}/a"))
    for form in ("rss20", "atom10", "json11"):
        publish(publisher, "/a", [make_item(1)], form=form)
        bench.poll(line)
    assert [entry.guid for entry in bench.entries()] == ["item-1"]


def test_a_json_feed_is_read_as_what_it_is(publisher: Publisher, bench: Bench) -> None:
    items = [{"id": "1", "url": "https://press.example/1", "content_text": "Words."}]
    body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "Press", "items": items})
    publisher.publish("/a", body.encode(), content_type="text/plain")
    report = bench.poll(bench.configure(source_table("a", f"{publisher.url}/a")))["a"]
    assert report.new == 1


def test_leases_are_counted_by_bucket(publisher: Publisher, bench: Bench) -> None:
    """Three sources on two hosts are two buckets."""
    other = publisher.url.replace("127.0.0.1", "127.0.0.2")
    tables = [source_table(s, f"{publisher.url}/{s}") for s in "ab"]
    bench.configure(*tables, source_table("c", f"{other}/c"))
    claims = {claim.host: claim.source_ids for claim in bench.claim()}
    assert sorted(claims.values()) == [("a", "b"), ("c",)]
    with bench.store.read() as tx:
        assert not sources.has_due(tx, now=bench.clock())
