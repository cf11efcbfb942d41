"""What is rendered is answered without Flask: the same answers, of the store as it is, at any speed."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import blake2b, sha256
from pathlib import Path

import pytest
import sqlalchemy
from flask import Flask, Response, abort
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from aggregator.store import Transaction, articles
from aggregator.store.entries import bump_revision
from aggregator.web import create_app, front
from aggregator.web.documents import Documents, Rendered
from tests.harness import make_item, wait_until
from tests.site_samples import HOUR, NOON, PORTAL_ITEMS, Portal, open_portal, save_feed

ENCODINGS = ("identity", "gzip", "br", "zstd")
DOCUMENTS = [
    "/",
    "/ar/",
    "/en/s/world/",
    "/ar/s/sports/page/2/",
    "/feeds/",
    "/feeds.opml",
    "/feeds/ar/all.rss",
    "/feeds/ar/sports.atom",
    "/feeds/source/wire.json",
    "/feeds/ar/all.rss?from=reader",
    "/embed/v1.js",
    "/embed/en/world?n=3&theme=dark",
    "/embed/en/world.json?n=2",
    "/oembed?url=https://news.example/en/",
]
OTHERS = [
    "/healthz",
    "/none",
    "/ar",
    "/ar/s/sport/",
    "/feeds/ar/sport.rss",
    "/embed/en/world?n=none",
    "/static/site.css",
]


class Watched:
    """An application whose documents are followed, and how often Flask was asked."""

    def __init__(self, portal: Portal, documents: Documents) -> None:
        self.portal = portal
        self.documents = documents
        self.asked = 0
        app = create_app(portal.settings, portal.store, documents=documents)

        @app.before_request
        def count() -> None:
            self.asked += 1

        self.client = app.test_client()


@contextmanager
def following(portal: Portal) -> Iterator[Documents]:
    documents, stopping = Documents(portal.store), threading.Event()
    thread = threading.Thread(target=documents.follow, args=(stopping,))
    thread.start()
    try:
        documents.get("/first", lambda tx: make_rendered(b"first"))
        wait_until(lambda: documents.find("/first") is not None, "the first look at the store")
        yield documents
    finally:
        stopping.set()
        thread.join()


@pytest.fixture(scope="module")
def watched(portal: Portal) -> Iterator[Watched]:
    with following(portal) as documents:
        yield Watched(portal, documents)


@pytest.fixture(scope="module")
def plain(portal: Portal) -> FlaskClient:
    """The same application with nobody who follows: all answers are Flask's."""
    return create_app(portal.settings, portal.store).test_client()


@pytest.fixture
def documents(portal: Portal) -> Iterator[Documents]:
    with following(portal) as opened:
        yield opened


def make_rendered(body: bytes) -> Rendered:
    return Rendered(body=body, content_type="text/plain", max_age=60)


def change(portal: Portal) -> int:
    with portal.store.write() as tx:
        bump_revision(tx, now=NOON)
        return articles.get_revision(tx)


class Printer:
    """Prints the revision of the store, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, tx: Transaction) -> Rendered:
        self.calls += 1
        return make_rendered(b"%d" % articles.get_revision(tx))


# --- the same answers -----------------------------------------------------------------------------


def ask_in_every_way(ask: Callable[..., TestResponse], path: str) -> Iterator[tuple[str, TestResponse]]:
    for encoding in ENCODINGS:
        first = ask(path, headers={"Accept-Encoding": encoding})
        tag, date = (first.headers.get(name, "none") for name in ("ETag", "Last-Modified"))
        conditions = [
            {},
            {"If-None-Match": tag},
            {"If-None-Match": f'"other", W/{tag}'},
            {"If-None-Match": '"other"', "If-Modified-Since": date},
            {"If-None-Match": "*"},
            {"If-None-Match": ""},
            {"If-Modified-Since": date},
            {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
            {"If-Modified-Since": "soon"},
            {"Range": "bytes=0-9"},
            {"Cookie": "a=b", "Host": "evil.example", "Accept": "image/png"},
        ]
        for condition in conditions:
            for method in ("GET", "HEAD"):
                headers = {"Accept-Encoding": encoding} | condition
                yield f"{method} {path} {headers}", ask(path, method=method, headers=headers)
    for method in ("POST", "OPTIONS", "PUT", "PROPFIND"):
        yield f"{method} {path}", ask(path, method=method)


@pytest.mark.parametrize("path", [*DOCUMENTS, *OTHERS])
def test_every_answer_is_flasks_own_byte_for_byte(plain: FlaskClient, watched: Watched, path: str) -> None:
    watched.client.get(path, buffered=True)
    theirs = ask_in_every_way(lambda *args, **kw: plain.open(*args, buffered=True, **kw), path)
    ours = ask_in_every_way(lambda *args, **kw: watched.client.open(*args, buffered=True, **kw), path)
    for (what, expected), (_, answer) in zip(theirs, ours, strict=True):
        assert answer.status == expected.status, what
        if path != "/static/site.css":  # its Date is the present
            assert answer.headers.to_wsgi_list() == expected.headers.to_wsgi_list(), what
        assert answer.data == expected.data, what


@pytest.mark.parametrize("path", DOCUMENTS)
def test_a_document_that_is_known_is_answered_without_flask(watched: Watched, path: str) -> None:
    assert watched.client.get(path).status_code == 200
    asked = watched.asked
    for encoding in ENCODINGS:
        answer = watched.client.get(path, headers={"Accept-Encoding": encoding})
        assert answer.status_code == 200
        known = {"Accept-Encoding": encoding, "If-None-Match": answer.headers["ETag"]}
        assert watched.client.head(path, headers=known).status_code == 304
    assert watched.asked == asked


@pytest.mark.parametrize("path", OTHERS)
def test_everything_else_is_flasks(watched: Watched, path: str) -> None:
    for _ in range(2):
        asked = watched.asked
        watched.client.get(path, buffered=True)
        assert watched.asked == asked + 1


def test_more_addresses_than_are_remembered_change_nothing(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can invent addresses of a document."""
    monkeypatch.setattr(front, "_ROUTES", 20)
    first = watched.client.get("/feeds.opml")
    for number in range(100):
        watched.client.get(f"/feeds.opml?{number}")
    for path in ("/feeds.opml", "/feeds.opml?1", "/feeds.opml?99", f"/feeds.opml?{'x' * 5000}"):
        answer = watched.client.get(path)
        assert (answer.data, answer.headers) == (first.data, first.headers)


# --- what views make of a document ----------------------------------------------------------------


def make_site(documents: Documents, finish: Callable[[Response], Response]) -> tuple[FlaskClient, list[str]]:
    """An application of one document, whose view does something to the answer; and what reached it."""
    app, layer, seen = Flask(__name__), front.Front(documents), list[str]()
    app.after_request(layer.learn)

    @app.get("/page")
    def page() -> Response:
        seen.append("page")
        return finish(documents.respond("key", lambda tx: make_rendered(b"page")) or abort(404))

    app.wsgi_app = layer.wrap(app.wsgi_app)  # type: ignore[method-assign]
    return app.test_client(), seen


def add(*pairs: tuple[str, str]) -> Callable[[Response], Response]:
    def finish(response: Response) -> Response:
        for name, value in pairs:
            response.headers.add(name, value)
        return response

    return finish


def replace(response: Response) -> Response:
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    return response


def drop_tag(response: Response) -> Response:
    del response.headers["ETag"]
    return response


@pytest.mark.parametrize(
    ("finish", "kept"),
    [
        pytest.param(add(("Link", "</hub>; rel=hub"), ("Link", "</feed>; rel=self")), True, id="new headers"),
        pytest.param(replace, True, id="other values"),
        pytest.param(add(("Set-Cookie", "a=b")), False, id="a cookie is for one reader"),
        pytest.param(add(("Vary", "Cookie")), False, id="an answer for some readers"),
        pytest.param(drop_tag, False, id="fewer headers"),
        pytest.param(lambda r: Response("other", status=200), False, id="another answer"),
        pytest.param(lambda r: abort(403), False, id="no answer"),
    ],
)
def test_what_a_view_does_to_an_answer_stays_done(
    portal: Portal, finish: Callable[[Response], Response], kept: bool
) -> None:
    with following(portal) as documents:
        client, seen = make_site(documents, finish)
        first = client.get("/page")
        assert len(seen) == 1
        second = client.get("/page")
        assert second.headers.to_wsgi_list() == first.headers.to_wsgi_list()
        assert second.data == first.data
        assert len(seen) == (1 if kept else 2)
        known = client.get("/page", headers={"If-None-Match": first.headers.get("ETag", "none")})
        if kept:
            sent = dict(known.headers)
            assert known.status_code == 304
            assert {"Link", "Cache-Control"} & sent.keys() == {"Link", "Cache-Control"} & dict(
                first.headers
            ).keys()
            assert all(value == first.headers[name] for name, value in sent.items())


# --- the store as it is ---------------------------------------------------------------------------


def test_a_new_article_is_seen_within_two_seconds(tmp_path: Path) -> None:
    with open_portal(tmp_path) as portal, following(portal) as documents:
        watched = Watched(portal, documents)
        assert b"Bridge number 203 opens" not in watched.client.get("/feeds/en/world.rss").data
        items = [make_item(203), *PORTAL_ITEMS["herald"]]
        save_feed(portal.store, portal.settings, "herald", items, now=NOON + HOUR)
        saved_at = time.monotonic()
        while b"Bridge number 203 opens" not in watched.client.get("/feeds/en/world.rss").data:
            assert time.monotonic() < saved_at + 2
            time.sleep(0.02)
        asked = watched.asked
        assert b"Bridge number 203 opens" in watched.client.get("/feeds/en/world.rss").data
        assert watched.asked == asked


def shows(documents: Documents, key: str, revision: int) -> bool:
    """Whether readers are given what a Printer printed of that revision."""
    document = documents.find(key)
    return document is not None and document.rendered.body == b"%d" % revision


def test_what_is_read_is_made_again_before_it_is_asked_for(portal: Portal, documents: Documents) -> None:
    printer = Printer()
    documents.get("/read", printer)
    changed = change(portal)
    wait_until(lambda: printer.calls == 2, "the document to be made again")
    wait_until(lambda: shows(documents, "/read", changed), "it to be kept")
    assert printer.calls == 2


def test_what_nobody_has_read_since_is_not_made_again(portal: Portal, documents: Documents) -> None:
    unread, read = Printer(), Printer()
    documents.get("/unread", unread)
    documents.get("/read", read)
    for _ in range(2):
        changed = change(portal)
        wait_until(lambda changed=changed: shows(documents, "/read", changed), "what is read to be new")
    wait_until(lambda: documents.find("/unread") is None, "what is old to be answered no more")
    assert unread.calls == 2


def test_no_reader_sees_an_older_document_after_a_newer_one(tmp_path: Path) -> None:
    """Four readers by both ways while the store changes 100 times; each answer's tag is that of its bytes."""
    with open_portal(tmp_path) as portal, following(portal) as documents:
        done, printer = threading.Event(), Printer()
        # A new revision of the same length each time: bytes and tag can only agree by belonging together.

        def read(strictly: bool) -> int:
            newest = 0
            while not done.is_set():
                document = documents.get("/a", printer) if strictly else documents.find("/a")
                if document is None:
                    continue
                revision = int(document.rendered.body)
                assert revision >= newest
                newest = revision
                tag = blake2b(b"text/plain" + document.rendered.body, digest_size=12).hexdigest()
                for encoding, variant in document.variants.items():
                    assert variant.tag == (tag if encoding == "identity" else f"{tag}-{encoding}")
                    assert dict(variant.headers)["ETag"] == f'"{variant.tag}"'
                    assert dict(variant.headers)["Content-Length"] == str(len(variant.body))
                time.sleep(0.001)
            return newest

        with ThreadPoolExecutor(4) as pool:
            readers = [pool.submit(read, strictly) for strictly in (False, False, False, True)]
            for _ in range(100):
                last = change(portal)
                time.sleep(0.02)
            wait_until(lambda: shows(documents, "/a", last), "the last change to be seen")
            done.set()
            assert max(reader.result() for reader in readers) == last


def test_a_store_from_a_backup_is_followed_although_it_counts_from_less(tmp_path: Path) -> None:
    with open_portal(tmp_path) as portal, following(portal) as documents:
        printer = Printer()
        documents.get("/a", printer)
        wait_until(lambda: documents.find("/a") is not None, "a look at the store")
        with portal.store.write() as tx:
            tx.execute(sqlalchemy.text("UPDATE meta SET value = '1' WHERE key = 'revision'"))
        wait_until(lambda: shows(documents, "/a", 1), "the restored store to be seen")


def test_nothing_is_answered_of_a_store_that_nobody_has_looked_at_lately(portal: Portal) -> None:
    """Also when the follower hangs or cannot read: Flask then asks the store, and says what is wrong."""
    with following(portal) as documents:
        documents.get("/a", Printer())
        assert documents.find("/a") is not None
    time.sleep(1.1)
    assert documents.find("/a") is None


def test_a_document_that_is_gone_is_answered_no_more(portal: Portal, documents: Documents) -> None:
    there = [True]
    documents.get("/a", lambda tx: make_rendered(b"a") if there else None)
    there.clear()
    change(portal)
    wait_until(lambda: documents.find("/a") is None, "it to be gone")


def test_a_renderer_that_fails_stops_nothing_else(
    portal: Portal, documents: Documents, caplog: pytest.LogCaptureFixture
) -> None:
    works, printer = [True], Printer()

    def fail(tx: Transaction) -> Rendered:
        assert works, "a bug"
        return make_rendered(b"a")

    documents.get("/good", printer)
    documents.get("/bad", fail)
    works.clear()
    for _ in range(2):
        changed = change(portal)
        wait_until(lambda changed=changed: shows(documents, "/good", changed), "the others to be made again")
    assert documents.find("/bad") is None
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        "cannot render /bad again"
    ]
    with pytest.raises(AssertionError, match="a bug"):
        documents.get("/bad", fail)


# --- other processes ------------------------------------------------------------------------------

_PROBE = """
import json, os, sys
from hashlib import sha256
from pathlib import Path
from aggregator.config import load_settings
from aggregator.store import open_store
from aggregator.web import create_app, front
settings = load_settings(Path(sys.argv[1]), environ={})
client = create_app(settings, open_store(settings.store_url)).test_client()
for path in json.loads(sys.argv[2]):
    for encoding in json.loads(sys.argv[3]):
        answer = client.get(path, headers={"Accept-Encoding": encoding})
        print(path, encoding, answer.headers["ETag"], sha256(answer.data).hexdigest())
"""


def test_every_process_gives_the_same_bytes_and_tags(tmp_path: Path) -> None:
    """Of another time zone, language and hash seed: a worker, one after a restart, one of another machine."""
    with open_portal(tmp_path) as portal:
        client = create_app(portal.settings, portal.store).test_client()
        here = []
        for path in DOCUMENTS:
            for encoding in ENCODINGS:
                answer = client.get(path, headers={"Accept-Encoding": encoding})
                here.append(f"{path} {encoding} {answer.headers['ETag']} {sha256(answer.data).hexdigest()}")
        arguments = [str(tmp_path / "config.toml"), json.dumps(DOCUMENTS), json.dumps(ENCODINGS)]
        for strange in (
            {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "1"},
            {"LANG": "ar_LY", "PYTHONHASHSEED": "2"},
        ):
            command = [sys.executable, "-c", _PROBE, *arguments]
            environ = os.environ | strange
            root = Path(__file__).parents[2]
            done = subprocess.run(command, env=environ, cwd=root, capture_output=True, text=True, check=False)
            assert done.stdout.splitlines() == here, done.stderr
