"""Every promise to publishers, read off their own request logs over simulated days."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import pytest

from aggregator.demo.publisher import Answer, Publisher, Request
from aggregator.executor.local import LocalExecutor
from aggregator.parse.sandbox import Sandbox
from aggregator.reading import read_document
from aggregator.store import sources
from tests.simulation import DAY, HOUR, MINUTE, Simulation, answer_feed, simulate, take_turns
from tests.site_samples import HEAD, NOON, source_table

SECOND = timedelta(seconds=1)
NOT_MODIFIED = Answer(status=304)


class Simulate(Protocol):
    def __call__(self, *tables: str, **options: Any) -> AbstractContextManager[Simulation]: ...


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, timeout=timedelta(seconds=10), max_memory_bytes=256 * 1024 * 1024) as opened:
        opened.submit(bool, read_document, url="").result()  # a worker takes a second to start
        yield opened


@pytest.fixture
def start(tmp_path: Path, sandbox: Sandbox, publisher: Publisher) -> Simulate:
    return partial(simulate, tmp_path, sandbox, [publisher])


@pytest.fixture
def elsewhere() -> Iterator[Publisher]:
    with Publisher("127.0.0.2") as running:
        yield running


def http_date(at: datetime) -> str:
    return format_datetime(at, usegmt=True)


# --- what a request holds --------------------------------------------------------------------------


VALIDATORS = {
    "a strong tag": ('"v{}"', None),
    "a weak tag": ('W/"v{}"', None),
    "a tag without quotes": ("v{}", None),
    "a tag with quotes inside": ('"a"b\'{}"', None),
    "a tag with blanks and commas": ('"a, b  {}"', None),
    "a tag in letters beyond ASCII": ('"\xe9\xff{}"', None),
    "a date alone": (None, "Tue, 2{} Nov 2026 12:00:00 GMT"),
    "a date that is none": (None, "yesterday, about {}"),
    "a date in another zone": (None, "Tue, 2{} Nov 2026 12:00:00 +0300"),
    "both": ('W/"v{}"', "Tue, 2{} Nov 2026 12:00:00 GMT"),
    "neither": (None, None),
}


@pytest.mark.parametrize(("etag", "last_modified"), VALIDATORS.values(), ids=VALIDATORS.keys())
def test_only_the_first_request_is_unconditional_and_the_others_send_back_what_came_last(
    publisher: Publisher, start: Simulate, etag: str | None, last_modified: str | None
) -> None:
    """Over a week in which the feed changes every fourth time, fails and sets cookies."""
    sent: list[tuple[str | None, str | None]] = []

    def answer(request: Request) -> Answer:
        number = len(sent)
        if number % 5 == 3:
            sent.append(sent[-1])
            return Answer(status=500, headers=(("ETag", '"of the error page"'),))
        version = number // 4
        validators = tuple(v and v.format(version) for v in (etag, last_modified))
        headers = [(n, v) for n, v in zip(("ETag", "Last-Modified"), validators, strict=True) if v]
        same = bool(headers) and bool(sent) and sent[-1] == validators
        sent.append(validators)  # type: ignore[arg-type]
        cookie = ("Set-Cookie", f"session={number}; Path=/")
        return Answer(status=304) if same else answer_feed(*headers, cookie, first=number + 1)

    publisher.publish_handler("/feed", answer)
    url = f"{publisher.url}/feed?b=2&a=1&&empty=&c"
    with start(source_table("a", url, every='"6h"')) as run:
        run.run(7 * DAY)

        assert len(run.heard) > 15
        expected = [(None, None), *sent]
        for one, (tag, date) in zip(run.heard, expected, strict=False):
            assert one.request.header("if-none-match") == tag
            assert one.request.header("if-modified-since") == date
            assert (one.request.method, one.path) == ("GET", "/feed?b=2&a=1&&empty=&c")
            for name in ("cookie", "referer", "authorization", "from", "range"):
                assert one.request.header(name) is None
        assert run.status()["a"].entries > 3, "the changes were read"


def test_a_304_that_brings_new_validators_is_believed(publisher: Publisher, start: Simulate) -> None:
    publisher.publish_handler(
        "/feed",
        take_turns(
            answer_feed(("ETag", '"1"'), ("Last-Modified", "then")),
            NOT_MODIFIED,
            Answer(status=304, headers=(("ETag", 'W/"2"'),)),
            NOT_MODIFIED,
        ),
    )
    with start(source_table("a", f"{publisher.url}/feed", every='"6h"')) as run:
        run.run(DAY)
        tags = [one.request.header("if-none-match") for one in run.heard[:5]]
        assert tags == [None, '"1"', '"1"', 'W/"2"', 'W/"2"']
        assert {one.request.header("if-modified-since") for one in run.heard[1:]} == {"then"}


def test_a_feed_that_loses_its_validators_is_not_sent_the_old_ones(
    publisher: Publisher, start: Simulate
) -> None:
    publisher.publish_handler("/feed", take_turns(answer_feed(("ETag", '"1"')), answer_feed(count=4)))
    with start(source_table("a", f"{publisher.url}/feed", every='"6h"')) as run:
        run.run(DAY)
        assert [one.request.header("if-none-match") for one in run.heard[:3]] == [None, '"1"', None]


# --- not before ------------------------------------------------------------------------------------


def expires_in(span: timedelta, *, clock_off: timedelta = timedelta(0)) -> tuple[tuple[str, str], ...]:
    there = NOON + clock_off
    return ("Date", http_date(there)), ("Expires", http_date(there + span))


FRESH: dict[str, tuple[tuple[tuple[str, str], ...], timedelta]] = {
    "max-age": ((("Cache-Control", "public, max-age=10800"),), 3 * HOUR),
    "max-age less Age": ((("Cache-Control", "max-age=10800"), ("Age", "3600")), 2 * HOUR),
    "Expires": (expires_in(3 * HOUR), 3 * HOUR),
    "Expires of a server whose clock is a year off": (expires_in(3 * HOUR, clock_off=-365 * DAY), 3 * HOUR),
    "max-age outranks Expires": (
        (("Cache-Control", "max-age=7200"), *expires_in(9 * HOUR)),
        2 * HOUR,
    ),
    "max-age of a day": ((("Cache-Control", "max-age=86400"),), DAY),
    "max-age of a year counts as a day": ((("Cache-Control", "max-age=31536000"),), DAY),
}


@pytest.mark.parametrize(
    ("later", "every"), [("304", None), ("304", '"1m"'), ("200", None), ("500", '"1m"'), ("a page", '"1m"')]
)
@pytest.mark.parametrize(("headers", "span"), FRESH.values(), ids=FRESH.keys())
def test_nobody_asks_again_before_an_answer_is_stale(
    publisher: Publisher,
    start: Simulate,
    headers: tuple[tuple[str, str], ...],
    span: timedelta,
    later: str,
    every: str | None,
) -> None:
    """The first answer is a feed; all later ones say the same of their freshness."""
    answers = {
        "304": Answer(status=304, headers=headers),
        "200": answer_feed(*headers, count=4),
        "500": Answer(status=500, headers=headers),
        "a page": Answer(body=b"<!doctype html><title>Home</title><p>Hello", headers=headers),
    }
    publisher.publish_handler("/feed", take_turns(answer_feed(*headers, ("ETag", '"1"')), answers[later]))
    table = source_table("a", f"{publisher.url}/feed", **({"every": every} if every else {}))
    with start(table) as run:
        run.run(3 * DAY + HOUR)
        assert min(run.gaps()) >= span
        assert max(run.gaps()) <= DAY, "and still daily"


RSS = '<rss version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"><channel><title>A</title>{}'
ITEM = "<item><title>News</title><guid>1</guid></item></channel></rss>"
TTL, SIX_HOURLY = (
    "<ttl>300</ttl>",
    "<sy:updatePeriod>daily</sy:updatePeriod>" + ("<sy:updateFrequency>4</sy:updateFrequency>"),
)
NIGHT = "<skipHours>" + "".join(f"<hour>{h}</hour>" for h in (22, 23, 0, 1, 2, 3, 4, 5)) + "</skipHours>"
WEEKEND = "<skipDays><day>Friday</day><day>Saturday</day></skipDays>"


def answer_rss(head: str) -> Answer:
    headers = (("Content-Type", "application/rss+xml"), ("ETag", '"1"'))
    return Answer(body=(RSS.format(head) + ITEM).encode(), headers=headers)


@pytest.mark.parametrize(
    ("head", "span"),
    [
        pytest.param(TTL, 5 * HOUR, id="ttl"),
        pytest.param(SIX_HOURLY, 6 * HOUR, id="sy:updatePeriod"),
        pytest.param(TTL + SIX_HOURLY, 6 * HOUR, id="the longer of both"),
    ],
)
def test_what_the_feed_asks_for_is_kept_over_304s(
    publisher: Publisher, start: Simulate, head: str, span: timedelta
) -> None:
    publisher.publish_handler("/feed", take_turns(answer_rss(head), NOT_MODIFIED))
    with start(source_table("a", f"{publisher.url}/feed")) as run:
        run.run(10 * DAY)
        assert min(run.gaps()) >= span
        assert max(run.gaps()) <= DAY


@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("every", ["1h", "7h"])
def test_no_request_comes_in_an_hour_or_on_a_day_that_the_feed_excludes(
    publisher: Publisher, start: Simulate, every: str, failing: bool
) -> None:
    """Over a fortnight in which the server is down three times until the middle of an excluded time."""
    later = Answer(status=500) if failing else NOT_MODIFIED
    publisher.publish_handler("/feed", take_turns(answer_rss(NIGHT + WEEKEND), later))
    with start(source_table("a", f"{publisher.url}/feed", every=f'"{every}"')) as run:
        run.poll_due()
        for _ in range(3):
            run.run(3 * DAY)
            run.pass_by(DAY + 12 * HOUR)
            assert run.clock().hour in (0, 12)
        run.run(2 * DAY)

        assert len(run.heard) > 8
        for one in run.heard[1:]:
            assert one.at.hour not in (22, 23, 0, 1, 2, 3, 4, 5)
            assert one.at.weekday() not in (4, 5)


def test_an_admin_who_asks_for_a_source_gets_it_in_an_excluded_hour_too(
    publisher: Publisher, start: Simulate
) -> None:
    publisher.publish_handler("/feed", take_turns(answer_rss(NIGHT), NOT_MODIFIED))
    with start(source_table("a", f"{publisher.url}/feed", every='"1h"')) as run:
        run.poll_due()
        run.pass_by(12 * HOUR)
        run.poll_due()
        assert len(run.heard) == 1
        run.poll_due(force=True)
        assert len(run.heard) == 2


# --- Retry-After -----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 500, 502, 503])
def test_retry_after_is_kept_on_every_status_that_is_no_success(
    publisher: Publisher, start: Simulate, status: int, form: str
) -> None:
    """Nine hours, again and again, for a source that would be polled every minute."""
    with start(source_table("a", f"{publisher.url}/feed", every='"1m"')) as run:

        def answer(request: Request) -> Answer:
            value = "32400" if form == "seconds" else http_date(run.clock() + 9 * HOUR)
            return Answer(status=status, headers=(("Retry-After", value),))

        publisher.publish_handler("/feed", answer)
        run.run(2 * DAY)
        assert len(run.heard) > 2
        assert min(run.gaps()) >= 9 * HOUR - SECOND  # an HTTP date has no fractions
        assert str(status) in (run.status()["a"].last_error or "")


@pytest.mark.parametrize(("status", "silent"), [(429, True), (503, False)])
@pytest.mark.parametrize("retry_after", ["10800", None])
def test_429_holds_back_the_whole_host_and_503_the_one_source(
    publisher: Publisher,
    elsewhere: Publisher,
    start: Simulate,
    status: int,
    silent: bool,
    retry_after: str | None,
) -> None:
    """Two more sources on the host, and one elsewhere, go on asking every ten minutes, or do not."""
    rest = 3 * HOUR if retry_after else 15 * MINUTE
    headers = (("Retry-After", retry_after),) if retry_after else ()
    for path in ("/a", "/b", "/c"):
        publisher.publish_handler(path, lambda _: answer_feed(("ETag", '"1"')))
    elsewhere.publish_handler("/d", lambda _: answer_feed(("ETag", '"1"')))
    tables = [source_table(s, f"{publisher.url}/{s}", every='"10m"') for s in "abc"]
    tables.append(source_table("d", f"{elsewhere.url}/d", every='"10m"'))
    with start(*tables) as run:
        run.publishers = [publisher, elsewhere]
        run.run(30 * MINUTE)
        publisher.publish_handler("/b", lambda _: Answer(status=status, headers=headers))
        run.heard.clear()
        run.run(2 * HOUR)
        first = next(one.at for one in run.heard if one.path == "/b")
        held = [
            one.path
            for one in run.heard
            if first < one.at < min(first + rest, first + 2 * HOUR - 20 * MINUTE)
        ]

        assert "/b" not in held
        assert ("/a" in held, "/c" in held) == (not silent, not silent)
        assert "/d" in held, "another host is not concerned"


def test_a_429_counts_against_the_host_that_gave_it_and_not_one_that_redirects_there(
    publisher: Publisher, elsewhere: Publisher, start: Simulate
) -> None:
    busy = Answer(status=429, headers=(("Retry-After", "7200"),))
    publisher.publish_handler(
        "/a", lambda _: Answer(status=302, headers=(("Location", f"{elsewhere.url}/x"),))
    )
    publisher.publish_handler("/b", lambda _: answer_feed(("ETag", '"1"')))
    elsewhere.publish_handler("/x", lambda _: busy)
    elsewhere.publish_handler("/c", lambda _: answer_feed(("ETag", '"2"')))
    tables = [source_table(s, f"{publisher.url}/{s}", every='"10m"') for s in "ab"]
    with start(*tables, source_table("c", f"{elsewhere.url}/c", every='"10m"')) as run:
        run.publishers = [publisher, elsewhere]
        run.run(HOUR + 50 * MINUTE)
        assert len(run.requests("/b")) > 5
        assert len(run.requests("/a")) == len(run.requests("/x")) == 1
        assert len(run.requests("/c")) <= 1


def test_retry_after_counts_from_the_answer_however_long_it_took(
    publisher: Publisher, start: Simulate
) -> None:
    with start(*(source_table(s, f"{publisher.url}/{s}", every='"1m"') for s in "ab")) as run:

        def answer(request: Request) -> Answer:
            run.clock.advance(20 * SECOND)
            return Answer(status=429, headers=(("Retry-After", "3600"),))

        publisher.publish_handler("/a", answer)
        publisher.publish_handler("/b", answer)
        run.run(HOUR + 10 * MINUTE)
        assert min(run.gaps()) >= HOUR


# --- moves -----------------------------------------------------------------------------------------


def move(status: int, to: str) -> Answer:
    return Answer(status=status, headers=(("Location", to),))


@pytest.mark.parametrize("status", [301, 308])
def test_a_permanent_move_is_believed_after_days_of_agreement(
    publisher: Publisher, start: Simulate, status: int
) -> None:
    publisher.publish_handler("/old", lambda _: move(status, "/new?x=1"))
    publisher.publish_handler("/new?x=1", take_turns(answer_feed(("ETag", '"1"')), NOT_MODIFIED))
    table = source_table("a", f"{publisher.url}/old", every='"6h"')
    with start(table) as run:
        run.run(10 * DAY)
        old = run.requests("/old")
        assert len(old) >= 3
        assert timedelta(hours=48) <= old[-1].at - old[0].at <= timedelta(hours=60)
        after = [one for one in run.heard if one.at > old[-1].at]
        assert len(after) > 20
        assert {one.path for one in after} == {"/new?x=1"}
        assert {one.request.header("if-none-match") for one in after} == {'"1"'}, "its validators went along"
        assert any(f'write url = "{publisher.url}/new?x=1"' in p for p in run.status()["a"].problems)

        run.heard.clear()
        run.reconfigure(table.replace("/old", "/new?x=1"))
        run.run(DAY)
        assert {one.request.header("if-none-match") for one in run.heard} == {'"1"'}, "as was written down"
        assert run.status()["a"].problems == ()


FLIPS = {
    "302": lambda _day: move(302, "/new"),
    "303": lambda _day: move(303, "/new"),
    "307": lambda _day: move(307, "/new"),
    "301 to another place each day": lambda day: move(301, f"/new{day}"),
    "301 that is gone every second day": lambda day: move(301, "/new") if day % 2 else answer_feed(),
    "301 that fails every second day": lambda day: move(301, "/new") if day % 2 else Answer(status=500),
    "301 to a place that moves on for now": lambda _day: move(301, "/hop"),
}


@pytest.mark.parametrize("flip", FLIPS.values(), ids=FLIPS.keys())
def test_any_other_redirect_never_changes_what_is_polled(
    publisher: Publisher, start: Simulate, flip: Any
) -> None:
    with start(source_table("a", f"{publisher.url}/old", every='"6h"')) as run:
        publisher.publish_handler("/old", lambda _: flip((run.clock() - NOON) // DAY))
        for path in ("/new", *(f"/new{day}" for day in range(12))):
            publisher.publish_handler(path, lambda _: answer_feed())
        publisher.publish_handler("/hop", lambda _: move(302, "/new"))
        run.run(10 * DAY)
        times = {one.at for one in run.heard}
        assert len(times) > 15
        assert {one.at for one in run.requests("/old")} == times, "it always asks there first"
        assert not any("moved" in problem for problem in run.status()["a"].problems)


def test_secrets_do_not_move_along_to_another_host(
    publisher: Publisher, elsewhere: Publisher, start: Simulate
) -> None:
    """Neither with a redirect nor, once the move is believed, to the new address itself."""
    publisher.publish_handler("/old", lambda _: move(301, f"{elsewhere.url}/new"))
    elsewhere.publish_handler("/new", lambda _: answer_feed(("ETag", '"1"')))
    headers = '{ Authorization = "Bearer s3cret", X-Key = "k" }'
    tables = [source_table("a", f"{publisher.url}/old", every='"6h"', headers=headers)]
    # The admin has written that port for that host: else the redirect would not be followed.
    tables.append(source_table("b", f"{elsewhere.url}/b", every='"7d"'))
    with start(*tables) as run:
        run.publishers = [publisher, elsewhere]
        run.run(5 * DAY)
        old, new = run.requests("/old"), run.requests("/new")
        assert len(new) > len(old) > 2, "it has moved"
        assert {one.request.header("authorization") for one in old} == {"Bearer s3cret"}
        assert {one.request.header(n) for one in new for n in ("authorization", "x-key")} == {None}


# --- 410 -------------------------------------------------------------------------------------------


def test_410_three_times_over_48_hours_ends_the_polling_with_a_notice(
    publisher: Publisher, start: Simulate
) -> None:
    publisher.publish_handler("/feed", lambda _: Answer(status=410))
    with start(source_table("a", f"{publisher.url}/feed", every='"1h"')) as run:
        run.run(30 * DAY)
        assert len(run.heard) >= 3
        assert timedelta(hours=48) <= run.heard[-1].at - NOON <= timedelta(hours=96)
        status = run.status()["a"]
        assert status.state == "disabled"
        assert "removed it for good" in status.problems[0]

        run.reconfigure(source_table("a", f"{publisher.url}/new", every='"1h"'))
        run.run(HOUR)
        assert run.requests("/new"), "a new URL is a new start"


@pytest.mark.parametrize("between", [answer_feed(), Answer(status=503)], ids=["200", "503"])
def test_any_other_answer_starts_the_410s_anew(
    publisher: Publisher, start: Simulate, between: Answer
) -> None:
    with start(source_table("a", f"{publisher.url}/feed", every='"12h"')) as run:
        gone = Answer(status=410)
        publisher.publish_handler("/feed", take_turns(*[gone, gone, between] * 20))
        run.run(20 * DAY)
        assert run.status()["a"].state != "disabled"
        assert run.clock() - run.heard[-1].at <= DAY


# --- one at a time ---------------------------------------------------------------------------------


def test_a_host_sees_one_connection_at_a_time_and_the_gap_between_two_requests(
    publisher: Publisher, elsewhere: Publisher, start: Simulate
) -> None:
    def slowly(_request: Request) -> Answer:
        time.sleep(0.15)
        return answer_feed()

    for path in ("/a", "/b", "/c"):
        publisher.publish_handler(path, slowly)
        elsewhere.publish_handler(path, slowly)
    tables = [source_table(s, f"{publisher.url}/{s}") for s in "abc"]
    tables += [source_table(f"x{s}", f"{elsewhere.url}/{s}") for s in "abc"]
    gap = timedelta(seconds=0.2)
    with start(*tables, host_gap=gap) as run:
        run.publishers = [elsewhere]
        run.poll_at_once()
        (log, other) = publisher.log, [one.request for one in run.heard]
        assert publisher.max_parallel() == 1
        for one, two in pairwise(log):
            assert one.ended_at is not None
            assert two.at - one.ended_at >= gap * 0.95
        assert len(log) == len(other) == 3
        assert other[0].at < log[-1].at, "the other host does not wait"
        assert log[0].at < other[-1].at


def test_the_gap_is_kept_from_one_claim_of_a_host_to_the_next(publisher: Publisher, start: Simulate) -> None:
    """Sources that fall due one after the other are polled by claims of their own."""
    for path in ("/a", "/b"):
        publisher.publish_handler(path, lambda _: answer_feed(("ETag", '"1"')))
    head = HEAD.replace('host_gap = "0s"', 'host_gap = "90s"')
    with start(source_table("a", f"{publisher.url}/a", every='"1h"'), head=head) as run:
        run.poll_due()
        run.pass_by(5 * SECOND)
        run.reconfigure(*(source_table(s, f"{publisher.url}/{s}", every='"1h"') for s in "ab"), head=head)
        run.run(10 * HOUR)
        assert len(run.requests("/b")) > 8
        assert min(run.gaps()) >= 90 * SECOND


def test_hosts_that_hang_delay_no_other(publisher: Publisher, elsewhere: Publisher, start: Simulate) -> None:
    done = threading.Event()

    def hang(_request: Request) -> Answer:
        done.wait(4)
        return Answer(status=503)

    for path in ("/a", "/b"):
        publisher.publish_handler(path, hang)
        elsewhere.publish_handler(path, lambda _: answer_feed())
    tables = [source_table(s, f"{publisher.url}/{s}") for s in "ab"]
    tables += [source_table(f"x{s}", f"{elsewhere.url}/{s}") for s in "ab"]
    with start(*tables) as run:
        executor = LocalExecutor(run.line)
        try:
            running = {claim.host: future for claim, future in _submit(executor, run)}
            others = [f for host, f in running.items() if host in elsewhere.url]
            assert [report.new for report in others[0].result(timeout=3)] == [3, 3]
            assert not done.is_set()
        finally:
            done.set()
            executor.close()


def _submit(executor: LocalExecutor, run: Simulation) -> Iterator[tuple[sources.Claim, Any]]:
    claims = run.claim()
    return zip(claims, executor.submit(claims), strict=True)


def test_hosts_in_backoff_delay_no_other(publisher: Publisher, elsewhere: Publisher, start: Simulate) -> None:
    """One host out of two refuses for days; the sources of the other are polled as if it were not there."""
    publisher.publish_handler("/bad", lambda _: Answer(status=429, headers=(("Retry-After", "86400"),)))
    elsewhere.publish_handler("/good", lambda _: answer_feed(("ETag", '"1"')))
    with start(
        source_table("bad", f"{publisher.url}/bad", every='"1h"'),
        source_table("good", f"{elsewhere.url}/good", every='"1h"'),
    ) as run:
        run.publishers = [publisher, elsewhere]
        run.run(3 * DAY)
        assert len(run.requests("/bad")) <= 4
        assert max(run.gaps("/good")) <= HOUR * 1.1


# --- jitter ----------------------------------------------------------------------------------------


def test_a_restart_with_200_overdue_sources_is_no_burst(publisher: Publisher, start: Simulate) -> None:
    """All on one host: a request at a time, the gap between them, and the next polls spread apart."""
    names = [f"s{n}" for n in range(200)]
    for name in names:
        publisher.publish_handler(f"/{name}", lambda _: answer_feed(("ETag", '"1"'), count=1))
    gap = timedelta(seconds=0.01)
    with start(*(source_table(n, f"{publisher.url}/{n}", every='"2h"') for n in names), host_gap=gap) as run:
        run.publishers = []
        run.poll_at_once()
        publisher.clear_log()
        run.pass_by(DAY)  # the server is down
        run.poll_at_once()

        log = publisher.log
        assert len(log) == 200
        assert publisher.max_parallel() == 1
        for one, two in pairwise(log):
            assert one.ended_at is not None
            assert two.at - one.ended_at >= gap * 0.9
        with run.line.store.read() as tx:
            planned = sorted(state.next_poll_at for state in sources.list_source_states(tx))
        assert planned[-1] - planned[0] > 20 * MINUTE
        busiest = max(sum(at <= other < at + MINUTE for other in planned) for at in planned)
        assert busiest <= 25, "of 200 over 24 minutes"


# --- for ever --------------------------------------------------------------------------------------

EMPTY = b"<rss version='2.0'><channel><title>Nothing yet</title></channel></rss>"
DULL: dict[str, Any] = {
    "304 for ever": take_turns(answer_feed(("ETag", '"1"')), NOT_MODIFIED),
    "the same body for ever": lambda _: answer_feed(),
    "a feed without items": lambda _: Answer(body=EMPTY),
    "500 for ever": lambda _: Answer(status=500),
    "404 for ever": lambda _: Answer(status=404),
    "no answer at all": lambda _: None,
    "a page instead of the feed": lambda _: Answer(body=b"<!doctype html><title>Home</title>"),
    "a redirect in a circle": lambda _: move(302, "/feed"),
    "it asks for a week": lambda _: answer_feed(("Cache-Control", "max-age=604800")),
    "a ttl of a month": lambda _: answer_rss("<ttl>43200</ttl>"),
}


@pytest.mark.parametrize("handler", DULL.values(), ids=DULL.keys())
@pytest.mark.parametrize("every", [None, '"24h"'], ids=["by the law", "every day"])
def test_a_source_that_gives_nothing_is_polled_daily_for_ever(
    publisher: Publisher, start: Simulate, handler: Any, every: str | None
) -> None:
    publisher.publish_handler("/feed", handler)
    table = source_table("a", f"{publisher.url}/feed", **({"every": every} if every else {}))
    with start(table) as run:
        run.run(35 * DAY)
        assert max(run.gaps()) <= DAY
        assert run.clock() - run.heard[-1].at <= DAY
        assert run.status()["a"].state in ("ok", "error")


def test_every_is_the_admins_word_where_nobody_asks_for_more(publisher: Publisher, start: Simulate) -> None:
    """Below the least interval of the law, and in place of what the feed says of its pace."""
    publisher.publish_handler("/feed", take_turns(answer_rss(TTL + SIX_HOURLY), NOT_MODIFIED))
    with start(source_table("a", f"{publisher.url}/feed", every='"2m"')) as run:
        run.run(2 * HOUR)
        assert 2 * MINUTE * 0.9 <= min(run.gaps()) <= max(run.gaps()) <= 2 * MINUTE * 1.1
