"""Documents are rendered once per change; conditional and compressed answers follow RFC 9110."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

import brotli
import pytest
import zstandard
from flask.testing import FlaskClient

from aggregator.store import Store, Transaction
from aggregator.store.entries import bump_revision
from aggregator.web import create_app
from aggregator.web.documents import Documents, Rendered
from tests.harness import make_item
from tests.site_samples import HOUR, NOON, PORTAL_ITEMS, Portal, open_portal, save_feed

FEED = "/feeds/en/world.atom"
PAGE = "/en/"
DOCUMENTS = [
    "/",
    "/ar/",
    "/ar/s/sports/",
    "/ar/s/sports/page/2/",
    "/feeds/",
    "/feeds.opml",
    "/feeds/ar/all.rss",
    "/feeds/ar/sports.atom",
    "/feeds/source/wire.json",
]
ENCODINGS = ("identity", "gzip", "br", "zstd")
DECODERS: Mapping[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}


class Printer:
    """A renderer that counts its calls."""

    def __init__(self, body: bytes = b"document", *, seconds: float = 0) -> None:
        self.calls = 0
        self._body = body
        self._seconds = seconds
        self._lock = threading.Lock()

    def __call__(self, tx: Transaction) -> Rendered:
        with self._lock:
            self.calls += 1
        time.sleep(self._seconds)
        return Rendered(body=self._body, content_type="text/plain", max_age=60)


def change_store(store: Store) -> None:
    with store.write() as tx:
        bump_revision(tx, now=NOON)


# --- rendered once --------------------------------------------------------------------------------


def test_a_document_is_rendered_once_while_nothing_changes(portal: Portal) -> None:
    documents, printer = Documents(portal.store), Printer()
    first = documents.get("/a", printer)
    assert all(documents.get("/a", printer) is first for _ in range(5))
    assert printer.calls == 1


def test_a_change_of_the_store_renders_what_is_asked_for_again(portal: Portal) -> None:
    documents, printer, other = Documents(portal.store), Printer(), Printer()
    documents.get("/a", printer)
    documents.get("/b", other)
    change_store(portal.store)
    documents.get("/a", printer)
    documents.get("/a", printer)
    assert (printer.calls, other.calls) == (2, 1)


def test_documents_of_other_paths_are_others(portal: Portal) -> None:
    documents = Documents(portal.store)
    documents.get("/a", Printer(b"a"))
    document = documents.get("/b", Printer(b"b"))
    assert document is not None
    assert document.rendered.body == b"b"


def test_what_is_not_there_is_none_and_is_asked_for_again(portal: Portal) -> None:
    documents = Documents(portal.store)
    assert documents.get("/a", lambda tx: None) is None
    assert documents.get("/a", Printer()) is not None


def test_many_readers_at_once_make_it_rendered_once(portal: Portal) -> None:
    """The first request after a change is every thread's first request."""
    documents, printer = Documents(portal.store), Printer(seconds=0.1)
    start = threading.Barrier(4)

    def read() -> None:
        start.wait()
        documents.get("/a", printer)

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(read) for _ in range(4)]:
            future.result()
    assert printer.calls == 1


def test_a_slow_document_does_not_hold_up_the_others(portal: Portal) -> None:
    documents, rendering, done = Documents(portal.store), threading.Event(), threading.Event()

    def render_slowly(tx: Transaction) -> Rendered:
        rendering.set()
        assert done.wait(30)
        return Rendered(body=b"slow", content_type="text/plain", max_age=60)

    with ThreadPoolExecutor(9) as pool:
        slow = pool.submit(documents.get, "/slow", render_slowly)
        rendering.wait(10)
        others = [pool.submit(documents.get, f"/quick/{number}", Printer()) for number in range(8)]
        first, _ = wait(others, timeout=10, return_when=FIRST_COMPLETED)
        still_rendering = not slow.done()
        done.set()
    assert still_rendering
    assert first
    assert all(future.result() is not None for future in (slow, *others))


def test_a_renderer_that_fails_leaves_nothing_locked(portal: Portal) -> None:
    documents = Documents(portal.store)

    def fail(tx: Transaction) -> Rendered:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        documents.get("/a", fail)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(documents.get, "/a", Printer()).result(timeout=10) is not None


def test_a_change_made_while_a_document_is_rendered_is_not_missed(portal: Portal) -> None:
    documents, printer = Documents(portal.store), Printer(b"after")

    def render_before_the_change(tx: Transaction) -> Rendered:
        change_store(portal.store)
        return Rendered(body=b"before", content_type="text/plain", max_age=60)

    documents.get("/a", render_before_the_change)
    document = documents.get("/a", printer)
    assert document is not None
    assert document.rendered.body == b"after"


def test_what_was_asked_for_least_lately_makes_room(portal: Portal) -> None:
    """Two of these fit into the 64 MB that are kept, three do not."""
    documents = Documents(portal.store)
    printers = {path: Printer(bytes(25_000_000)) for path in ("/a", "/b", "/c")}
    for path in ("/a", "/b", "/a", "/c", "/a", "/b"):
        documents.get(path, printers[path])
    assert {path: printer.calls for path, printer in printers.items()} == {"/a": 1, "/b": 2, "/c": 1}


# --- the same bytes -------------------------------------------------------------------------------


def test_two_processes_give_the_same_bytes_and_tags(portal: Portal, client: FlaskClient) -> None:
    other = create_app(portal.settings, portal.store).test_client()
    for path in DOCUMENTS:
        for encoding in ENCODINGS:
            one, two = (c.get(path, headers={"Accept-Encoding": encoding}) for c in (client, other))
            assert one.data == two.data, path
            assert one.headers["ETag"] == two.headers["ETag"], path


def test_a_tag_moves_exactly_when_the_bytes_do(tmp_path: Path) -> None:
    with open_portal(tmp_path) as portal:
        client = create_app(portal.settings, portal.store).test_client()

        def read() -> dict[str, tuple[bytes, str]]:
            answers = {path: client.get(path) for path in [*DOCUMENTS, FEED, PAGE]}
            return {path: (a.data, a.headers["ETag"]) for path, a in answers.items()}

        first = read()
        change_store(portal.store)
        assert read() == first, "rendered again, the same bytes have the same tag"

        edited = [make_item(200, title="The bridge closes again"), *PORTAL_ITEMS["herald"][1:]]
        save_feed(portal.store, portal.settings, "herald", edited, now=NOON + HOUR)
        second = read()

    for path, (body, tag) in second.items():
        assert (body != first[path][0]) == (tag != first[path][1]), path
    changed = {path for path in second if second[path] != first[path]}
    assert changed == {FEED, PAGE, "/feeds/source/wire.json"}, "and the next request sees it"


# --- encodings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=0", None),
        ("identity", None),
        ("", None),
        (None, None),
    ],
)
def test_an_encoding_is_sent_where_it_is_accepted_and_only_there(
    client: FlaskClient, accepts: str | None, encoding: str | None
) -> None:
    """test_negotiation.py has all the ways to ask."""
    headers = {} if accepts is None else {"Accept-Encoding": accepts}
    answer = client.get(FEED, headers=headers)
    plain = client.get(FEED)
    assert answer.headers.get("Content-Encoding") == encoding
    assert DECODERS[encoding](answer.data) == plain.data
    assert int(answer.headers["Content-Length"]) == len(answer.data)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_encoding_has_a_strong_tag_of_its_own(client: FlaskClient, path: str) -> None:
    answers = [client.get(path, headers={"Accept-Encoding": e}) for e in ENCODINGS]
    tags = {answer.headers["ETag"] for answer in answers}
    assert len(tags) == len(ENCODINGS)
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags)
    assert {a.headers["Vary"] for a in answers} == {"Accept-Encoding"}


def test_whoever_has_another_encoding_is_told_that_it_is_current(client: FlaskClient) -> None:
    """A proxy that has gzip and asks for br: the answer names what it has, or it could not use it."""
    has = client.get(FEED, headers={"Accept-Encoding": "gzip"}).headers["ETag"]
    answer = client.get(FEED, headers={"Accept-Encoding": "br", "If-None-Match": has})
    assert (answer.status_code, answer.headers["ETag"]) == (304, has)


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "session=1"},
        {"Accept": "application/json"},
        {"Accept-Language": "en"},
        {"User-Agent": "Mozilla/5.0"},
        {"Authorization": "Basic eDp5"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_nothing_but_the_encoding_depends_on_who_asks(client: FlaskClient, headers: dict[str, str]) -> None:
    for path in DOCUMENTS:
        assert client.get(path, headers=headers).data == client.get(path).data


# --- conditional requests -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ("*", 304),
        ('"other", {tag}', 304),
        ('"other",W/{tag} , "third"', 304),
        ('"other"', 200),
        ('W/"other"', 200),
        ('"other", "third"', 200),
        ('""', 200),
    ],
)
@pytest.mark.parametrize("encoding", ["identity", "gzip", "br"])
@pytest.mark.parametrize("path", [FEED, PAGE])
def test_if_none_match(client: FlaskClient, path: str, encoding: str, condition: str, status: int) -> None:
    first = client.get(path, headers={"Accept-Encoding": encoding})
    tag = first.headers["ETag"]
    headers = {"Accept-Encoding": encoding, "If-None-Match": condition.format(tag=tag)}
    for method in ("GET", "HEAD"):
        answer = client.open(path, method=method, headers=headers)
        assert answer.status_code == status
        assert answer.headers["ETag"] == tag
        for name in ("Cache-Control", "Vary"):  # RFC 9110, 15.4.5
            assert answer.headers[name] == first.headers[name]
        if status == 304:
            assert answer.data == b""
            assert "Content-Type" not in answer.headers
            assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize(("seconds", "status"), [(0, 304), (1, 304), (86400, 304), (-1, 200), (-86400, 200)])
def test_if_modified_since(client: FlaskClient, seconds: int, status: int) -> None:
    modified = parsedate_to_datetime(client.get(FEED).headers["Last-Modified"])
    since = format_datetime(modified + timedelta(seconds=seconds), usegmt=True)
    assert client.get(FEED, headers={"If-Modified-Since": since}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"If-None-Match": '"other"', "If-Modified-Since": "{now}"}, 200, id="the tag decides"),
        pytest.param(
            {"If-None-Match": "{tag}", "If-Modified-Since": "{past}"}, 304, id="the tag decides too"
        ),
        pytest.param({"If-Modified-Since": "yesterday"}, 200, id="no date at all"),
        pytest.param({"If-Modified-Since": ""}, 200, id="an empty date"),
        pytest.param({"If-Modified-Since": "Tue, 99 Nov 2026 00:00:00 GMT"}, 200, id="a day that is none"),
    ],
)
def test_which_condition_counts(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    """RFC 9110, 13.2.2: If-Modified-Since counts only where there is no If-None-Match."""
    values = {
        "tag": client.get(FEED).headers["ETag"],
        "now": format_datetime(datetime.now(UTC) + timedelta(days=1000), usegmt=True),
        "past": "Thu, 01 Jan 1970 00:00:00 GMT",
    }
    sent = {name: value.format(**values) for name, value in headers.items()}
    assert client.get(FEED, headers=sent).status_code == status


@pytest.mark.parametrize("path", DOCUMENTS)
def test_head_is_get_without_the_body(client: FlaskClient, path: str) -> None:
    for encoding in ENCODINGS:
        headers = {"Accept-Encoding": encoding}
        got, headed = client.get(path, headers=headers), client.head(path, headers=headers)
        assert headed.status_code == 200
        assert headed.data == b""
        assert dict(headed.headers) == dict(got.headers)


@pytest.mark.parametrize(
    ("path", "seconds"),
    [("/ar/", 60), ("/ar/s/sports/", 60), ("/feeds/", 3600), ("/feeds.opml", 3600), (FEED, 300)],
)
def test_how_long_caches_may_keep_it(client: FlaskClient, path: str, seconds: int) -> None:
    directives = client.get(path).headers["Cache-Control"].split(", ")
    assert "public" in directives
    assert f"max-age={seconds}" in directives


@pytest.mark.parametrize("followed", [True, False], ids=["watched", "not watched"])
def test_what_is_rendered_is_served_while_the_store_cannot_be_read(tmp_path: Path, followed: bool) -> None:
    with open_portal(tmp_path) as portal:
        documents, stopping = Documents(portal.store), threading.Event()
        watching = threading.Thread(target=documents.follow, args=(stopping,))
        if followed:
            watching.start()
        client = create_app(portal.settings, portal.store, documents=documents).test_client()
        before = client.get(FEED)
        rename(portal.store, "meta", "elsewhere")
        time.sleep(1.5)  # longer than a document is believed without a look
        assert (client.get(FEED).status_code, client.get(FEED).data) == (200, before.data)
        assert client.get(PAGE).status_code == 503, "it was not rendered before"
        rename(portal.store, "elsewhere", "meta")
        save_feed(portal.store, portal.settings, "wire", [make_item(300, guid="late")], now=NOON + HOUR)
        time.sleep(1.5)
        assert b"Bridge number 300" in client.get(FEED).data
        stopping.set()
        if followed:
            watching.join()


def rename(store: Store, name: str, new: str) -> None:
    with store.write() as tx:
        tx.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {new}")
