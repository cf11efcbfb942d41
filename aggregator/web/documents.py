"""Rendered documents: made once per change, kept with their variants, and made again unasked."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from aggregator.errors import StoreError
from aggregator.store import Store, Transaction, articles
from aggregator.web.negotiation import negotiate
from aggregator.web.variants import Document, Headers, make_document
from aggregator.web.variants import Rendered as Rendered  # whoever renders needs this module alone

_KEPT_BYTES = 64 * 1024 * 1024
_RENDER_LOCKS = 64
# How long a change may stay unseen: until the next look, then until its document is made or the grace is
# over; without a look, until the last one is too old. Each path stays under two seconds.
_LOOK_SECONDS = 0.2
_REST_SECONDS = 0.5  # at most, after documents were made
_GRACE_SECONDS = 0.8
_BELIEVED_SECONDS = 1.0
_REMADE = 100  # documents for one change, those asked for last; others wait until they are asked for

_log = logging.getLogger(__name__)

Renderer = Callable[[Transaction], Rendered | None]


class DocumentResponse(Response):
    """The answer of a kept document; a view may add headers that depend on the address alone."""

    key: str
    prepared: Headers


@dataclass(slots=True, kw_only=True)
class _Kept:
    revision: int
    document: Document
    render: Renderer
    asked_at: float  # of the monotonic clock
    wanted: bool  # whether anybody has asked since it was made, or it was made for whoever asked
    good_until: float = math.inf  # from when on it may no longer be answered without a look at the store


class Documents:
    """The documents of one process, by key; each is made again only when the store has changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[str, _Kept] = {}
        self._bytes = 0
        self._lock = threading.Lock()
        self._rendering = tuple(threading.Lock() for _ in range(_RENDER_LOCKS))
        # Of follow() alone: the newest revision it has seen, and when.
        self._revision = -1
        self._looked_at = -math.inf
        self._unreachable = False

    def respond(self, key: str, render: Renderer) -> DocumentResponse | None:
        """The answer to the present request; None where `render` says that there is no such document.

        `key` and `render` must depend on path and query alone: front.py gives the same answer to the same.
        """
        document = self.get(key, render)
        if document is None:
            return None
        variant, unchanged = negotiate(document, request.environ)
        headers = variant.unchanged_headers if unchanged else variant.headers
        response = DocumentResponse(b"" if unchanged else variant.body, status=304 if unchanged else 200)
        response.headers.clear()
        response.headers.extend(headers)
        response.key, response.prepared = key, headers
        return response

    def get(self, key: str, render: Renderer) -> Document | None:
        """The document as the store has it now; while the store cannot be read, as it was last rendered.

        Of many who ask at once, one renders and the others wait.
        """
        try:
            return self._get(key, render)
        except StoreError:
            kept = self._kept.get(key)
            if kept is None:
                raise
            return kept.document

    def _get(self, key: str, render: Renderer) -> Document | None:
        with self._store.read() as tx:
            document = self._find(key, articles.get_revision(tx))
        if document is not None:
            return document
        # The lock comes before the view of the store: who has waited sees what was rendered meanwhile.
        with self._rendering[hash(key) % _RENDER_LOCKS], self._store.read() as tx:
            revision = articles.get_revision(tx)
            document = self._find(key, revision)
            return document or self._make(tx, key, revision, render)

    def find(self, key: str) -> Document | None:
        """The document if it is known to be current, with no look at the store; None: ask `get`.

        Answers only while `follow` runs. What has just been replaced counts as current until its successor
        is made, for less than a second; whoever has seen the successor never sees it again. While the store
        cannot be read all that is kept counts: a request that tried again might wait for seconds.
        """
        kept, now = self._kept.get(key), time.monotonic()
        if kept is not None and self._unreachable:
            return kept.document
        if kept is None or now > kept.good_until or now > self._looked_at + _BELIEVED_SECONDS:
            return None
        kept.asked_at, kept.wanted = now, True
        return kept.document

    def follow(self, stopping: threading.Event) -> None:
        """Watch the store until `stopping`, and make again what a change has made out of date."""
        rest = _LOOK_SECONDS
        while not stopping.wait(rest):
            rest = _LOOK_SECONDS
            try:
                changed = self._look()
                self._unreachable = False
                if changed:
                    started = time.monotonic()
                    self._remake(stopping)
                    # Half of the time is left to others while changes follow each other.
                    rest = min(_REST_SECONDS, max(rest, time.monotonic() - started))
            except StoreError as error:
                if not self._unreachable:
                    _log.error("what is rendered is served as it is until the store answers again: %s", error)
                self._unreachable = True

    def _look(self) -> bool:
        """Whether the store has changed."""
        before = self._revision
        looked_at = time.monotonic()
        with self._store.read() as tx:
            self._note(articles.get_revision(tx), looked_at)
        return self._revision != before

    def _note(self, revision: int, looked_at: float) -> None:
        self._looked_at = looked_at
        if revision == self._revision:
            return
        with self._lock:
            self._revision = revision
            for kept in self._kept.values():
                # Not `<`: a store that was restored from a backup counts from a lower number.
                current = kept.revision == revision
                kept.good_until = math.inf if current else min(kept.good_until, looked_at + _GRACE_SECONDS)

    def _remake(self, stopping: threading.Event) -> None:
        for key in self._list_wanted():
            if stopping.is_set():
                return
            try:
                self._make_again(key)
            except StoreError:
                raise
            except Exception:
                _log.exception("cannot render %s again", key)
                self._drop(key)  # whoever asks for it finds out

    def _list_wanted(self) -> list[str]:
        """What is out of date and was asked for since it was made: what nobody reads can wait."""
        with self._lock:
            wanted = [
                (kept.asked_at, key)
                for key, kept in self._kept.items()
                if kept.wanted and kept.revision != self._revision
            ]
        return [key for _, key in sorted(wanted, reverse=True)[:_REMADE]]

    def _make_again(self, key: str) -> None:
        with self._rendering[hash(key) % _RENDER_LOCKS]:
            looked_at = time.monotonic()
            with self._store.read() as tx:
                revision = articles.get_revision(tx)
                self._note(revision, looked_at)
                kept = self._kept.get(key)
                if kept is not None and kept.revision != revision:
                    self._make(tx, key, revision, kept.render, unasked_since=kept.asked_at)

    def _make(
        self,
        tx: Transaction,
        key: str,
        revision: int,
        render: Renderer,
        *,
        unasked_since: float | None = None,  # None: somebody asks now
    ) -> Document | None:
        rendered = render(tx)
        if rendered is None:
            self._drop(key)
            return None
        old = self._kept.get(key)
        kept = _Kept(
            revision=revision,
            document=make_document(rendered, before=old.document if old else None),
            render=render,
            asked_at=time.monotonic() if unasked_since is None else unasked_since,
            wanted=unasked_since is None,
        )
        self._keep(key, kept)
        return kept.document

    def _find(self, key: str, revision: int) -> Document | None:
        kept = self._kept.get(key)
        if kept is None or kept.revision != revision:
            return None
        kept.asked_at, kept.wanted = time.monotonic(), True
        return kept.document

    def _keep(self, key: str, kept: _Kept) -> None:
        with self._lock:
            self._forget(key)
            if kept.revision < self._revision:  # the store has changed since it was read for this
                kept.good_until = time.monotonic() + _GRACE_SECONDS
            self._kept[key] = kept
            self._bytes += kept.document.size
            if self._bytes > _KEPT_BYTES:
                self._make_room(key)

    def _make_room(self, newest: str) -> None:
        for _, key in sorted((kept.asked_at, key) for key, kept in self._kept.items() if key != newest):
            if self._bytes <= _KEPT_BYTES:
                return
            self._forget(key)

    def _drop(self, key: str) -> None:
        with self._lock:
            self._forget(key)

    def _forget(self, key: str) -> None:
        old = self._kept.pop(key, None)
        if old is not None:
            self._bytes -= old.document.size
