"""The publisher is a real server: these tests speak HTTP to it over loopback."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse, IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

import pytest

from aggregator.demo.publisher import Answer, Publisher, Request

BODY = b"<rss/>" * 100
CHANGED_AT = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with Publisher() as one:
        one.publish("/feed", BODY, content_type="application/rss+xml", last_modified=CHANGED_AT)
        yield one


@pytest.fixture
def connection(publisher: Publisher) -> Iterator[HTTPConnection]:
    one = connect(publisher)
    yield one
    one.close()


def connect(publisher: Publisher) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", urlsplit(publisher.url).port, timeout=10)


def ask(
    connection: HTTPConnection, path: str = "/feed", method: str = "GET", **headers: str
) -> tuple[HTTPResponse, bytes]:
    connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    answer = connection.getresponse()
    return answer, answer.read()


def test_a_document_comes_as_it_was_published(connection: HTTPConnection) -> None:
    answer, body = ask(connection)
    assert (answer.status, body) == (200, BODY)
    assert answer.getheader("Content-Type") == "application/rss+xml"
    assert answer.getheader("Last-Modified") == "Tue, 24 Nov 2026 12:00:30 GMT"
    assert answer.getheader("Date")


def test_what_is_not_published_or_no_longer_is_404(publisher: Publisher, connection: HTTPConnection) -> None:
    assert ask(connection, "/other")[0].status == 404
    publisher.withdraw("/feed")
    assert ask(connection)[0].status == 404


def test_a_path_answers_for_any_query_unless_one_is_published(
    publisher: Publisher, connection: HTTPConnection
) -> None:
    publisher.publish("/feed?page=2", b"second", content_type="text/plain")
    assert ask(connection, "/feed?page=1")[1] == BODY
    assert ask(connection, "/feed?page=2")[1] == b"second"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"If_None_Match": "{etag}"}, 304, id="the ETag as it was sent is not modified"),
        pytest.param({"If_None_Match": "W/{etag}"}, 200, id="a weakened ETag is not the one that was sent"),
        pytest.param({"If_None_Match": '"other"'}, 200, id="another ETag gets the body"),
        pytest.param({"If_Modified_Since": "{date}"}, 304, id="the date as it was sent is not modified"),
        pytest.param(
            {"If_Modified_Since": "Tue, 24 Nov 2026 12:00:31 GMT"},
            200,
            id="a later date is not the one that was sent",
        ),
        pytest.param(
            {"If_None_Match": '"other"', "If_Modified_Since": "{date}"},
            200,
            id="with an ETag the date does not count",
        ),
        pytest.param({}, 200, id="without validators the body comes"),
    ],
)
def test_conditional_requests_compare_byte_for_byte(
    connection: HTTPConnection, headers: dict[str, str], status: int
) -> None:
    first, _ = ask(connection)
    known = {"etag": first.getheader("ETag"), "date": first.getheader("Last-Modified")}
    answer, body = ask(connection, **{name: value.format(**known) for name, value in headers.items()})
    assert answer.status == status
    assert body == (b"" if status == 304 else BODY)
    assert answer.getheader("ETag") == known["etag"]


def test_a_replaced_document_has_another_etag(publisher: Publisher, connection: HTTPConnection) -> None:
    before = ask(connection)[0].getheader("ETag")
    assert before is not None
    publisher.publish("/feed", b"new", content_type="application/rss+xml")
    answer, body = ask(connection, If_None_Match=before)
    assert (answer.status, body) == (200, b"new")
    assert answer.getheader("ETag") not in (None, before)


@pytest.mark.parametrize("etag", ["unquoted", 'W/"weak"', '"with space "', None])
def test_an_etag_of_ones_own_is_sent_verbatim(
    publisher: Publisher, connection: HTTPConnection, etag: str | None
) -> None:
    publisher.publish("/feed", BODY, content_type="text/xml", etag=etag)
    assert ask(connection)[0].getheader("ETag") == etag


def test_errors_are_never_not_modified(publisher: Publisher, connection: HTTPConnection) -> None:
    publisher.publish(
        "/down", b"later", content_type="text/plain", status=503, etag='"x"', headers={"Retry-After": "7"}
    )
    answer, body = ask(connection, "/down", If_None_Match='"x"')
    assert (answer.status, answer.getheader("Retry-After"), body) == (503, "7", b"later")


@pytest.mark.parametrize(
    ("accepted", "published", "encoding"),
    [
        pytest.param("gzip", True, "gzip", id="gzip for those who accept it"),
        pytest.param("br, gzip;q=0.5", True, "gzip", id="gzip among others"),
        pytest.param("identity", True, None, id="plain for those who do not"),
        pytest.param("gzip", False, None, id="plain where gzip is turned off"),
    ],
)
def test_gzip(
    publisher: Publisher, connection: HTTPConnection, accepted: str, published: bool, encoding: str | None
) -> None:
    publisher.publish("/feed", BODY, content_type="text/xml", gzip=published)
    answer, body = ask(connection, Accept_Encoding=accepted)
    assert answer.getheader("Content-Encoding") == encoding
    assert (gzip.decompress(body) if encoding else body) == BODY
    assert len(body) == int(answer.getheader("Content-Length", "-1"))


def test_head_has_the_headers_of_get_and_no_body(connection: HTTPConnection) -> None:
    answer, body = ask(connection, method="HEAD")
    assert (answer.status, body, answer.getheader("Content-Length")) == (200, b"", str(len(BODY)))
    assert ask(connection)[1] == BODY


def test_the_log_tells_who_asked_for_what(publisher: Publisher, connection: HTTPConnection) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    ask(connection, "/feed?x=1", User_Agent="reader")
    ask(connection, "/nothing", method="HEAD")
    first, second = publisher.log
    assert (first.method, first.path, first.status) == ("GET", "/feed?x=1", 200)
    assert first.header("user-agent") == "reader"
    assert (second.method, second.path, second.status) == ("HEAD", "/nothing", 404)
    assert before < first.at < second.at
    assert first.ended_at is not None
    assert first.ended_at <= second.at
    publisher.clear_log()
    assert publisher.log == []


def test_the_log_is_a_copy(publisher: Publisher, connection: HTTPConnection) -> None:
    ask(connection)
    publisher.log.clear()
    assert len(publisher.log) == 1


def test_a_connection_is_kept_alive(publisher: Publisher, connection: HTTPConnection) -> None:
    for _ in range(3):
        ask(connection)
    other = connect(publisher)
    ask(other)
    other.close()
    numbers = [request.connection for request in publisher.log]
    assert numbers[0] == numbers[1] == numbers[2] != numbers[3]


def test_requests_in_turn_are_never_parallel_whatever_their_connection(publisher: Publisher) -> None:
    for _ in range(5):
        one = connect(publisher)
        ask(one)
        one.close()
    assert publisher.max_parallel() == 1


def test_requests_at_once_are_counted_by_prefix(publisher: Publisher) -> None:
    everyone = threading.Barrier(3)

    def answer_together(request: Request) -> Answer:
        everyone.wait(10)
        return Answer(body=b"ok")

    publisher.publish_handler("/slow/feed", answer_together)
    connections = [connect(publisher) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        bodies = list(pool.map(lambda one: ask(one, "/slow/feed")[1], connections))
    for one in connections:
        one.close()
    assert bodies == [b"ok"] * 3
    assert publisher.max_parallel("/slow/") == 3
    assert publisher.max_parallel("/feed") == 0


def test_a_delay_passes_before_the_answer(publisher: Publisher, connection: HTTPConnection) -> None:
    publisher.publish("/feed", BODY, content_type="text/xml", delay=timedelta(milliseconds=150))
    began = time.monotonic()
    ask(connection)
    assert time.monotonic() - began >= 0.15
    (request,) = publisher.log
    assert request.ended_at is not None
    assert request.ended_at - request.at >= timedelta(milliseconds=150)


def test_closing_ends_requests_that_wait(publisher: Publisher) -> None:
    publisher.publish("/feed", BODY, content_type="text/xml", delay=timedelta(minutes=5))
    with ThreadPoolExecutor(1) as pool:
        one = connect(publisher)
        waiting = pool.submit(ask, one)
        while not publisher.log:
            time.sleep(0.01)
        assert publisher.log[0].status is None
        began = time.monotonic()
        publisher.close()
        assert time.monotonic() - began < 4
        waiting.exception(timeout=5)
        one.close()


def test_a_handler_may_send_chunks(publisher: Publisher, connection: HTTPConnection) -> None:
    publisher.publish_handler("/drip", lambda _: Answer(body=iter([b"a", b"", b"bc"])))
    answer, body = ask(connection, "/drip")
    assert (answer.getheader("Transfer-Encoding"), body) == ("chunked", b"abc")
    assert ask(connection)[1] == BODY


def test_a_handler_may_lie_about_the_length(publisher: Publisher, connection: HTTPConnection) -> None:
    publisher.publish_handler(
        "/cut", lambda _: Answer(body=b"half", headers=(("Content-Length", "8"),), close=True)
    )
    with pytest.raises(IncompleteRead) as caught:
        ask(connection, "/cut")
    assert caught.value.partial == b"half"


def test_a_handler_may_drop_the_connection(publisher: Publisher, connection: HTTPConnection) -> None:
    publisher.publish_handler("/gone", lambda _: None)
    with pytest.raises(RemoteDisconnected):
        ask(connection, "/gone")
    assert publisher.log[0].status is None


def test_a_handler_sees_the_request(publisher: Publisher, connection: HTTPConnection) -> None:
    publisher.publish_handler("/echo", lambda request: Answer(body=(request.header("x-word") or "").encode()))
    assert ask(connection, "/echo", X_Word="marhaba")[1] == b"marhaba"


def test_a_client_that_hangs_up_is_no_news(publisher: Publisher, capfd: pytest.CaptureFixture[str]) -> None:
    publisher.publish_handler("/big", lambda _: Answer(body=(b"x" * 65536 for _ in range(1000))))
    one = connect(publisher)
    one.request("GET", "/big")
    one.getresponse().close()
    one.close()
    publisher.close()
    assert capfd.readouterr() == ("", "")


def test_many_connections_at_once(publisher: Publisher) -> None:
    connections = [connect(publisher) for _ in range(100)]
    for one in connections:
        one.request("GET", "/feed")
    assert {one.getresponse().read() for one in connections} == {BODY}
    for one in connections:
        one.close()
    assert len({request.connection for request in publisher.log}) == 100
