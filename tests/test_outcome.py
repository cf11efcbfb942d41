"""What an exchange comes to, and when the source is polled next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from aggregator.errors import AggregatorError, FetchTimeout, HttpStatusError, NotAFeed
from aggregator.model import (
    ArrivalRate,
    FetchResult,
    Hints,
    HostRest,
    Pace,
    PollResult,
    Redirect,
    Source,
    SourceReading,
    SourceState,
    Validators,
)
from aggregator.outcome import Exchange, check_status, find_silence, judge, settle, trusts_guids
from tests.harness import make_source
from tests.store.samples import make_read

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
URL = "https://press.example/feed"

SOURCE = make_source("press", url=URL, every=None)
STATE = SourceState(
    source_id="press",
    url=URL,
    poll_url=URL,
    validators=Validators(etag='"1"'),
    body_hash=b"x" * 16,
    next_poll_at=NOON,
    last_polled_at=NOON - HOUR,
    last_success_at=NOON - HOUR,
    failing_since=None,
    failures=0,
    last_error=None,
    problems=(),
    skipped=0,
    pace=Pace(),
    disabled_at=None,
)
READING = SourceReading(
    site_url=None,
    icon_url=None,
    hints=Hints(),
    entries=(),
    unchanged=10,
    skipped=0,
    problems=(),
)


def answer(status: int = 304, *, redirects: tuple[Redirect, ...] = (), **headers: str) -> FetchResult:
    return FetchResult(
        status=status,
        url=redirects[-1].url if redirects else URL,
        redirects=redirects,
        headers=tuple((name.replace("_", "-"), value) for name, value in headers.items()),
        validators=Validators(etag='"1"'),
        body=b"",
    )


def poll(
    fetched: FetchResult | None,
    *,
    at: datetime = NOON,
    source: Source = SOURCE,
    state: SourceState = STATE,
    reading: SourceReading | None = None,
    error: AggregatorError | None = None,
) -> PollResult:
    exchange = Exchange(source=source, state=state, polled_at=at, fetched=fetched, error=error)
    if fetched is not None:
        try:
            check_status(exchange)
        except HttpStatusError as refused:
            exchange = replace(exchange, error=refused)
    return settle(exchange, judge(exchange, reading), new=0, jitter=0.0)


def follow(state: SourceState, result: PollResult) -> SourceState:
    failed = result.outcome == "failed"
    return replace(state, pace=result.pace, failures=state.failures + 1 if failed else 0)


@pytest.mark.parametrize(
    ("headers", "hints", "every", "wait"),
    [
        pytest.param({}, Hints(), 20 * MINUTE, 20 * MINUTE, id="the admin's interval stands"),
        pytest.param(
            {"cache_control": "max-age=7200"}, Hints(), 20 * MINUTE, 2 * HOUR, id="max-age is a floor"
        ),
        pytest.param(
            {"cache_control": "max-age=7200"}, Hints(), None, None, id="also for the law's own interval"
        ),
        pytest.param(
            {"cache_control": "max-age=9999999"}, Hints(), 20 * MINUTE, DAY, id="but of a day at most"
        ),
        pytest.param({}, Hints(ttl=3 * HOUR), 20 * MINUTE, 20 * MINUTE, id="ttl yields to the admin"),
        pytest.param(
            {}, Hints(skip_hours=frozenset({12, 13})), 20 * MINUTE, 2 * HOUR + 20 * MINUTE, id="skipHours"
        ),
    ],
)
def test_a_304_is_as_polite_as_a_200(
    headers: dict[str, str], hints: Hints, every: timedelta | None, wait: timedelta | None
) -> None:
    for fetched, reading in (
        (answer(**headers), None),
        (answer(200, **headers), replace(READING, hints=hints)),
    ):
        state = replace(STATE, pace=Pace(hints=hints))
        result = poll(fetched, source=replace(SOURCE, every=every), state=state, reading=reading)
        assert result.next_poll_at >= NOON + (wait or 2 * HOUR)
        if wait is not None:
            assert result.next_poll_at == NOON + wait


def test_what_the_feed_asks_is_remembered_over_304s() -> None:
    first = poll(answer(200), reading=replace(READING, hints=Hints(ttl=6 * HOUR)))
    second = poll(answer(), state=follow(STATE, first))
    assert first.next_poll_at >= NOON + 6 * HOUR
    assert second.next_poll_at >= NOON + 6 * HOUR


def test_failures_double_the_wait_up_to_a_day_and_a_success_forgets_them() -> None:
    state = STATE
    waits = []
    for _ in range(12):
        result = poll(
            None, source=replace(SOURCE, every=HOUR), state=state, error=FetchTimeout("late", url=URL)
        )
        waits.append(result.next_poll_at - NOON)
        state = follow(state, result)
    assert waits[:4] == [2 * HOUR, 4 * HOUR, 8 * HOUR, 16 * HOUR]
    assert set(waits[4:]) == {DAY}, "daily for ever"
    assert poll(answer(), source=replace(SOURCE, every=HOUR), state=state).next_poll_at == NOON + HOUR


def test_410_is_believed_the_third_time_and_not_before_48_hours() -> None:
    state, disabled = STATE, []
    for hours in (0, 24, 47, 48):
        result = poll(answer(410), at=NOON + hours * HOUR, state=state)
        disabled.append(result.disabled)
        state = follow(state, result)
    assert disabled == [False, False, False, True]


def test_any_other_answer_in_between_starts_the_410s_anew() -> None:
    state = STATE
    for hours, fetched in ((0, answer(410)), (24, answer(410)), (30, answer(503)), (50, answer(410))):
        result = poll(fetched, at=NOON + hours * HOUR, state=state)
        state = follow(state, result)
        assert not result.disabled
    assert state.pace.gone_count == 1


@pytest.mark.parametrize(
    ("fetched", "rest"),
    [
        pytest.param(answer(429), 15 * MINUTE, id="429 without a time: a quarter of an hour"),
        pytest.param(answer(429, retry_after="3600"), HOUR, id="429 with seconds"),
        pytest.param(
            answer(429, retry_after="Tue, 24 Nov 2026 14:00:00 GMT"), 2 * HOUR, id="429 with a date"
        ),
        pytest.param(answer(503, retry_after="3600"), None, id="503 holds back the one source only"),
        pytest.param(answer(304), None, id="nothing is wrong"),
    ],
)
def test_429_speaks_for_the_whole_host(fetched: FetchResult, rest: timedelta | None) -> None:
    result = poll(fetched)
    assert result.rest == (None if rest is None else HostRest(host="press.example", until=NOON + rest))


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
def test_retry_after_is_a_floor_on_every_refusal(status: int) -> None:
    result = poll(answer(status, retry_after=str(3 * 24 * 3600)), source=replace(SOURCE, every=MINUTE))
    assert result.next_poll_at >= NOON + 3 * DAY


def test_the_answer_of_another_host_is_no_word_about_ours() -> None:
    result = poll(answer(429, redirects=(Redirect(status=302, url="https://cdn.example:8443/x"),)))
    assert result.rest == HostRest(host="cdn.example:8443", until=NOON + 15 * MINUTE)


def test_retry_after_counts_from_the_end_of_the_answer() -> None:
    exchange = Exchange(
        source=SOURCE,
        state=STATE,
        polled_at=NOON,
        answered_at=NOON + MINUTE,
        fetched=answer(429, retry_after="86400"),
    )
    with pytest.raises(HttpStatusError) as caught:
        check_status(exchange)
    exchange = replace(exchange, error=caught.value)
    result = settle(exchange, judge(exchange, None), new=0, jitter=0.0)
    assert result.next_poll_at == NOON + DAY + MINUTE
    assert result.rest == HostRest(host="press.example", until=NOON + DAY + MINUTE)
    assert result.polled_at == NOON


@pytest.mark.parametrize("status", [200, 404, 503])
def test_an_answer_that_is_of_no_use_is_fresh_as_long_as_it_says(status: int) -> None:
    useless = None if status != 200 else NotAFeed("this is a web page, not a feed", url=URL)
    fetched = answer(status, cache_control="max-age=36000")
    result = poll(fetched, source=replace(SOURCE, every=MINUTE), error=useless)
    assert result.outcome == "failed"
    assert result.next_poll_at == NOON + 10 * HOUR


def moved(*statuses: int, to: str = "https://new.example/feed") -> FetchResult:
    hops = [Redirect(status=s, url=f"https://hop{n}.example/") for n, s in enumerate(statuses[:-1])]
    return answer(200, redirects=(*hops, Redirect(status=statuses[-1], url=to)))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        pytest.param(
            [(h, moved(301)) for h in (0, 24, 48)], "https://new.example/feed", id="301 over 48 hours"
        ),
        pytest.param(
            [(h, moved(308, 301)) for h in (0, 24, 48)], "https://new.example/feed", id="301 and 308"
        ),
        pytest.param([(h, moved(301)) for h in (0, 1, 2, 3)], None, id="often, but within hours"),
        pytest.param([(h, moved(301)) for h in (0, 60)], None, id="long, but only twice"),
        pytest.param([(h, moved(302)) for h in (0, 24, 48, 72)], None, id="302 never"),
        pytest.param([(h, moved(307)) for h in (0, 24, 48, 72)], None, id="307 never"),
        pytest.param(
            [(h, moved(301, 302)) for h in (0, 24, 48, 72)], None, id="a chain with one temporary hop"
        ),
        pytest.param(
            [(0, moved(301)), (24, moved(301)), (36, answer()), (48, moved(301))],
            None,
            id="interrupted by a 304",
        ),
        pytest.param(
            [(h, moved(301, to=f"https://new.example/{h}")) for h in (0, 24, 48, 72)],
            None,
            id="elsewhere each time",
        ),
        pytest.param(
            [(0, moved(301)), (24, moved(301)), (30, answer(503)), (48, moved(301))],
            None,
            id="broken by a failure",
        ),
    ],
)
def test_a_move_is_believed_when_repeated_over_days(
    answers: list[tuple[int, FetchResult]], expected: str | None
) -> None:
    state, result = STATE, None
    for hours, fetched in answers:
        result = poll(fetched, at=NOON + hours * HOUR, state=state, reading=READING)
        state = follow(state, result)
    assert result is not None
    assert result.poll_url == expected


def test_a_304_to_an_unconditional_request_is_a_failure() -> None:
    result = poll(answer(304), state=replace(STATE, validators=Validators()))
    assert result.outcome == "failed"
    assert "not asked" in (result.error or "")


def test_a_source_that_finds_nothing_is_still_polled_daily() -> None:
    state, at = STATE, NOON
    for _ in range(60):
        result = poll(answer(), at=at, state=state)
        assert timedelta(0) < result.next_poll_at - at <= DAY
        state, at = follow(state, result), result.next_poll_at


# --- guids that change, servers that fall silent ---------------------------------------------------


def test_the_dates_of_what_is_new_tell_the_hour_it_came_in() -> None:
    rate = ArrivalRate(hours=(0.0,) * 24, days=0.0, since=NOON - DAY, at=NOON - 5 * HOUR)
    dates = [NOON - 100 * MINUTE, NOON - 95 * MINUTE, NOON - 3 * DAY]
    entries = tuple(make_read(str(n), published_at=at) for n, at in enumerate(dates))
    exchange = Exchange(
        source=SOURCE, state=replace(STATE, pace=Pace(rate=rate)), polled_at=NOON, fetched=answer(200)
    )
    result = settle(exchange, judge(exchange, replace(READING, entries=entries)), new=2, jitter=0.0)
    assert result.pace.rate is not None
    assert result.pace.rate.hours[10] == pytest.approx(2.0)


def follow_reading(
    state: SourceState, *, repeated: int, unchanged: int = 10
) -> tuple[SourceState, PollResult]:
    reading = replace(READING, unchanged=unchanged)
    exchange = Exchange(source=SOURCE, state=state, polled_at=NOON, fetched=answer(200))
    result = settle(exchange, judge(exchange, reading), new=0, repeated=repeated, jitter=0.0)
    return follow(state, result), result


@pytest.mark.parametrize(
    ("repeated", "trusted"),
    [
        pytest.param([5], True, id="once: the site has moved"),
        pytest.param([5, 5], False, id="twice, half of the document"),
        pytest.param([4, 4, 4], True, id="less than half of it"),
        pytest.param([5, 0, 5], True, id="not in a row"),
        pytest.param([5, 5, 0, 0], False, id="and from then on"),
    ],
)
def test_guids_are_trusted_until_they_have_changed_twice(repeated: list[int], trusted: bool) -> None:
    state = STATE
    for count in repeated:
        state, result = follow_reading(state, repeated=count)
        assert result.reading is not None
        assert [str(count) in problem for problem in result.reading.problems] == [True] * (count > 0)
    assert trusts_guids(state.pace) is trusted


def test_a_304_says_nothing_of_guids() -> None:
    state, _ = follow_reading(STATE, repeated=9)
    state = follow(state, poll(answer(), state=state))
    state, _ = follow_reading(state, repeated=9)
    assert not trusts_guids(state.pace)


def silent(days: float, *, daily: float = 4.0, **changes: Any) -> SourceState:
    """A source that has published so much a day for weeks, and nothing for so long."""
    since = NOON - days * DAY
    count = daily * 14
    rate = ArrivalRate(hours=(count / 24,) * 24, days=14.0, since=since - 30 * DAY, at=since)
    values = {"last_read_at": since, "last_success_at": NOON, "pace": Pace(rate=rate)}
    return replace(STATE, **values | changes)


@pytest.mark.parametrize(
    ("state", "days"),
    [
        pytest.param(silent(5), 5, id="four a day, and none in five days"),
        pytest.param(silent(30, daily=2), 30, id="two a day, and none in a month"),
        pytest.param(silent(2.9, daily=50), None, id="a weekend"),
        pytest.param(silent(30, daily=0.1), None, id="a source that rarely has news"),
        pytest.param(silent(5, validators=Validators()), None, id="no validator that could be wrong"),
        pytest.param(silent(5, last_read_at=None), None, id="never read"),
        pytest.param(silent(5, pace=Pace()), None, id="a pace that is not known"),
    ],
)
def test_silence_is_noticed_where_it_is_not_likely(state: SourceState, days: int | None) -> None:
    silence = find_silence(state)
    assert (silence and silence.days) == days


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param(302, "it redirects to nowhere", id="a redirect without a target"),
        pytest.param(418, "look at the URL in a browser", id="any other refusal"),
        pytest.param(599, "nothing to do but wait", id="any other fault of the server's"),
    ],
)
def test_every_status_comes_with_a_cure(status: int, words: str) -> None:
    error = poll(answer(status)).error
    assert error is not None
    assert error.startswith(f"{URL} answered {status}: ")
    assert words in error
