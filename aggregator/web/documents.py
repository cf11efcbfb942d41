"""Rendered documents: made once per change, kept with their variants, answered by comparison of tags."""

from __future__ import annotations

import gzip
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from flask import Response, request

from aggregator.dates import format_http_date, parse_http_date
from aggregator.store import Store, Transaction, articles

_KEPT_BYTES = 64 * 1024 * 1024
_RENDER_LOCKS = 64
_COMPRESSION = 6  # level 9 takes three times as long for 2 % on feeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What a renderer gives: bytes that depend on the store and the configuration alone."""

    body: bytes
    content_type: str
    max_age: int  # seconds
    modified_at: datetime | None = None  # None: the tag alone says whether it changed
    shared: bool = False  # whether pages of other sites may read it (CORS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    rendered: Rendered
    compressed: bytes
    tag: str

    @property
    def size(self) -> int:
        return len(self.rendered.body) + len(self.compressed)


Renderer = Callable[[Transaction], Rendered | None]


class Documents:
    """The documents of one process, by path; each is made again only when the store has changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[str, tuple[int, Document]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()
        self._rendering = tuple(threading.Lock() for _ in range(_RENDER_LOCKS))

    def respond(self, key: str, render: Renderer) -> Response | None:
        """The answer to the present request; None where `render` says that there is no such document."""
        document = self.get(key, render)
        return None if document is None else _answer(document)

    def get(self, key: str, render: Renderer) -> Document | None:
        """The document as the store has it now. Of many who ask at once, one renders and the others wait."""
        with self._store.read() as tx:
            document = self._find(key, articles.get_revision(tx))
        if document is not None:
            return document
        # The lock comes before the view of the store: who has waited sees what was rendered meanwhile.
        with self._rendering[hash(key) % _RENDER_LOCKS], self._store.read() as tx:
            revision = articles.get_revision(tx)
            document = self._find(key, revision)
            if document is None:
                rendered = render(tx)
                if rendered is None:
                    return None
                document = _make_document(rendered)
                self._keep(key, revision, document)
            return document

    def _find(self, key: str, revision: int) -> Document | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[0] != revision:
                return None
            self._kept.move_to_end(key)
            return kept[1]

    def _keep(self, key: str, revision: int, document: Document) -> None:
        with self._lock:
            old = self._kept.pop(key, None)
            if old is not None:
                self._bytes -= old[1].size
            self._kept[key] = (revision, document)
            self._bytes += document.size
            while self._bytes > _KEPT_BYTES and len(self._kept) > 1:
                _, (_, dropped) = self._kept.popitem(last=False)
                self._bytes -= dropped.size


def _make_document(rendered: Rendered) -> Document:
    # mtime=0: the same bytes on every worker and after every restart.
    compressed = gzip.compress(rendered.body, _COMPRESSION, mtime=0)
    tag = blake2b(rendered.content_type.encode() + rendered.body, digest_size=12).hexdigest()
    return Document(rendered=rendered, compressed=compressed, tag=tag)


def _answer(document: Document) -> Response:
    """200 or 304 to the present request (RFC 9110, 13.2.2): If-None-Match first, else If-Modified-Since."""
    rendered = document.rendered
    zipped = request.accept_encodings.quality("gzip") > 0
    # A strong tag names bytes, so every encoding has its own.
    tag = f"{document.tag}-gzip" if zipped else document.tag
    response = Response(status=200, content_type=rendered.content_type)
    response.headers["ETag"] = f'"{tag}"'
    if rendered.modified_at is not None:
        response.headers["Last-Modified"] = format_http_date(rendered.modified_at)
    stale = f", stale-while-revalidate={rendered.max_age}"
    response.headers["Cache-Control"] = f"public, max-age={rendered.max_age}{stale}"
    response.headers["Vary"] = "Accept-Encoding"
    if rendered.shared:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = "ETag"
    if _is_current(document):
        response.status_code = 304
        del response.headers["Content-Type"]
        return response
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.set_data(document.compressed if zipped else rendered.body)
    return response


def _is_current(document: Document) -> bool:
    if request.if_none_match:
        tags = request.if_none_match
        return tags.contains_weak(document.tag) or tags.contains_weak(f"{document.tag}-gzip")
    modified_at = document.rendered.modified_at
    since = parse_http_date(request.headers.get("If-Modified-Since", ""))
    if since is None or modified_at is None:
        return False
    return modified_at.replace(microsecond=0) <= since
