"""Faults that show only over several polls: a real publisher, store, client and workers, our clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aggregator import ops
from aggregator.demo.documents import DemoItem
from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.fetch.client import Client
from aggregator.parse.sandbox import Sandbox
from aggregator.reading import read_document
from aggregator.refresh import Line
from tests.harness import make_item, publish
from tests.site_samples import Bench, make_settings, open_bench, render_feed, source_table

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, timeout=timedelta(seconds=10), max_memory_bytes=256 * 1024**2) as opened:
        opened.submit(bool, read_document, url="").result()  # a worker takes a second to start
        yield opened


@pytest.fixture
def bench(tmp_path: Path, sandbox: Sandbox) -> Iterator[Bench]:
    with Client(make_settings(tmp_path).fetch) as client, open_bench(tmp_path, client, sandbox) as opened:
        yield opened


def start(bench: Bench, publisher: Publisher) -> Line:
    return bench.configure(source_table("a", f"{publisher.url}/a"))


def poll(bench: Bench, line: Line, publisher: Publisher, items: Sequence[DemoItem], **more: Any) -> Any:
    """Publish a document, poll it, and let half an hour go by."""
    body = render_feed(items)
    if "changes" in more:
        body = body.replace(*more["changes"])
    publisher.publish("/a", body, content_type="application/xml", etag=None)
    report = bench.poll(line)["a"]
    bench.clock.advance(timedelta(minutes=30))
    return report


def list_problems(bench: Bench, line: Line) -> tuple[str, ...]:
    (row,) = ops.list_status(line.settings, now=bench.clock())
    assert row.state == "ok"
    return row.problems


def list_articles(bench: Bench) -> set[int | None]:
    return {entry.article for entry in bench.entries()}


# --- guids that change at every fetch --------------------------------------------------------------

CHURN = "its guids change at every fetch, so its items are told apart by links: tell the publisher"


def churn(numbers: Sequence[int], turn: int, **changes: Any) -> list[DemoItem]:
    return [make_item(n, guid=f"turn-{turn}-{n}", **changes) for n in numbers]


def test_guids_that_change_at_every_fetch_give_no_article_twice(bench: Bench, publisher: Publisher) -> None:
    line = start(bench, publisher)
    reports = [poll(bench, line, publisher, churn((1, 2, 3), turn)) for turn in range(6)]

    assert [report.new for report in reports] == [3, 0, 0, 0, 0, 0], "they are no arrivals"
    assert len(list_articles(bench)) == 3
    assert len(bench.entries()) == 12, "three times as often as its items, and no more from then on"
    assert list_problems(bench, line) == (CHURN,)


def test_the_second_fetch_says_already_that_guids_have_changed(bench: Bench, publisher: Publisher) -> None:
    line = start(bench, publisher)
    for turn in range(2):
        poll(bench, line, publisher, churn((1, 2, 3), turn))
    assert list_problems(bench, line) == ("items that came back under another guid, not published again: 3",)


def test_a_source_told_apart_by_links_gets_news_and_edits(bench: Bench, publisher: Publisher) -> None:
    line = start(bench, publisher)
    for turn in range(4):
        poll(bench, line, publisher, churn((1, 2, 3), turn))
    before = list_articles(bench)

    report = poll(
        bench, line, publisher, [*churn((4, 2, 3), 5), make_item(1, guid="x", title="Bridge closed")]
    )

    assert (report.new, report.updated) == (1, 1)
    assert len(list_articles(bench) - before) == 1


def test_items_without_a_link_whose_guids_change_are_no_new_articles(
    bench: Bench, publisher: Publisher
) -> None:
    line = start(bench, publisher)
    for turn in range(5):
        items = churn((1, 2, 3), turn, url="https://press.example/")
        assert poll(bench, line, publisher, items).new == (0 if turn else 3)
    assert len(list_articles(bench)) == 3
    assert CHURN in list_problems(bench, line)


def test_guids_that_change_once_go_on_naming_the_items(bench: Bench, publisher: Publisher) -> None:
    """A site that moves to other software."""
    line = start(bench, publisher)
    for turn in (0, 1, 1, 1):
        poll(bench, line, publisher, churn((1, 2, 3), turn), changes=(b"Press", b"Press %d" % turn))
    poll(bench, line, publisher, churn((1, 2, 3), 1), changes=(b"Press", b"Press!"))
    assert list_problems(bench, line) == ()
    assert bench.state("a").pace.churned == 0
    assert len(list_articles(bench)) == 3


def test_a_source_that_is_corrected_is_believed_again(bench: Bench, publisher: Publisher) -> None:
    line = start(bench, publisher)
    for turn in range(4):
        poll(bench, line, publisher, churn((1, 2), turn))
    publisher.publish("/b", render_feed([make_item(9)]), content_type="application/xml")

    line = bench.configure(source_table("a", f"{publisher.url}/b"))
    bench.poll(line)

    assert list_problems(bench, line) == ()


# --- a server that says 304 for ever ---------------------------------------------------------------


XML = ("Content-Type", "application/xml")
TEMPLATE = ("ETag", '"template"')


def answer_304_for_ever(request: Request) -> Answer:
    """The tag is that of a template, whatever has become of the body."""
    assert request.header("if-none-match") == '"template"', "it is asked as before"
    return Answer(status=304)


def publish_daily(bench: Bench, line: Line, publisher: Publisher, *, days: int) -> None:
    """Four items a day."""
    for day in range(days):
        items = [make_item(4 * day + n, published_at=bench.clock() - timedelta(hours=n)) for n in range(4)]
        answer = Answer(body=render_feed(items), headers=(TEMPLATE, XML))
        publisher.publish_handler("/a", lambda _, answer=answer: answer)  # type: ignore[misc]
        assert bench.poll(line)["a"].new == 4
        bench.clock.advance(DAY)


@pytest.mark.parametrize(
    ("daily", "silent", "said"),
    [
        pytest.param(10, 2, False, id="two days are a weekend"),
        pytest.param(10, 5, True, id="five days without any of four a day"),
        pytest.param(0, 30, False, id="a source that never had much to say"),
    ],
)
def test_a_server_that_says_304_for_ever_is_not_left_unnoticed(
    bench: Bench, publisher: Publisher, daily: int, silent: int, said: bool
) -> None:
    line = start(bench, publisher)
    publish(publisher, "/a", [make_item(900)], etag='"template"')
    bench.poll(line)
    bench.clock.advance(DAY)
    publish_daily(bench, line, publisher, days=daily)
    publisher.publish_handler("/a", answer_304_for_ever)
    for _ in range(silent):
        assert bench.poll(line)["a"].outcome == "not_modified"
        bench.clock.advance(DAY)

    problems = list_problems(bench, line)

    assert [p for p in problems if "never changes" in p] == (list(problems) if said else [])
    if said:
        assert problems == (
            f"it has answered 'not modified' and nothing else for {silent} days, which is unlike it: "
            "if its site has newer articles, its ETag or Last-Modified never changes: tell the publisher",
        )


def test_a_304_that_nobody_asked_for_keeps_the_entries_and_backs_off(
    bench: Bench, publisher: Publisher
) -> None:
    line = start(bench, publisher)
    poll(bench, line, publisher, [make_item(1)])
    publisher.publish_handler("/a", lambda _: Answer(status=304))
    waits = []
    for _ in range(3):
        at = bench.clock()
        bench.poll(line)
        waits.append(bench.state("a").next_poll_at - at)
        bench.clock.advance(timedelta(hours=1))
    (row,) = ops.list_status(line.settings, now=bench.clock())
    assert (row.state, row.failures, row.entries) == ("error", 3, 1)
    assert waits[0] < waits[1] < waits[2]
    assert all(r.header("if-none-match") is None for r in publisher.log), "there was none to send"


# --- items that go and come ------------------------------------------------------------------------


def test_an_item_that_vanishes_is_kept_and_comes_back_edited_as_the_same_article(
    bench: Bench, publisher: Publisher
) -> None:
    line = start(bench, publisher)
    poll(bench, line, publisher, [make_item(1), make_item(2)])
    before = {entry.guid: entry for entry in bench.entries()}

    poll(bench, line, publisher, [make_item(2)])
    kept = {entry.guid: entry for entry in bench.entries()}
    report = poll(bench, line, publisher, [make_item(1, title="Bridge number 1 is closed"), make_item(2)])
    after = {entry.guid: entry for entry in bench.entries()}

    assert kept == before
    assert (report.new, report.updated) == (0, 1)
    assert after["item-1"].title == "Bridge number 1 is closed"
    same = ("id", "article", "published_at", "first_seen_at")
    assert [getattr(after["item-1"], k) for k in same] == [getattr(before["item-1"], k) for k in same]
    assert list_problems(bench, line) == ()


def test_a_feed_that_is_empty_for_a_while_loses_nothing(bench: Bench, publisher: Publisher) -> None:
    line = start(bench, publisher)
    reports = [poll(bench, line, publisher, items) for items in ([make_item(1)], [], [make_item(1)])]
    assert [(r.outcome, r.new, r.updated) for r in reports] == [("new_body", n, 0) for n in (1, 0, 0)]
    assert len(bench.entries()) == 1


def test_items_that_share_one_guid_stay_themselves_over_edits(bench: Bench, publisher: Publisher) -> None:
    line = start(bench, publisher)
    poll(bench, line, publisher, [make_item(n, guid="0") for n in (1, 2, 3)])
    edited = make_item(2, guid="0", title="Bridge number 2 is closed")
    report = poll(bench, line, publisher, [make_item(1, guid="0"), edited, make_item(3, guid="0")])
    assert (report.new, report.updated) == (0, 1)
    assert len(list_articles(bench)) == 3
