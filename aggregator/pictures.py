"""Images of articles, fetched once from their publishers and kept in a folder of bounded size.

The folder belongs to all web processes of this machine: a lock for each picture lets one of many that ask at
once fetch it. What cannot be had is remembered for a while, so that a publisher is asked once and not by
every reader. Files tell no type: it is read from their first bytes each time.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from aggregator.addresses import is_web_port
from aggregator.config import Settings
from aggregator.errors import AddressRefused, BodyTooLarge, FetchError, Interrupted, StoreError
from aggregator.fetch.client import Client
from aggregator.model import FetchRequest
from aggregator.publish.pictures import identify_image
from aggregator.store.engine import find_file

MAX_BYTES = 5 * 1024 * 1024  # of one picture
KEPT_BYTES = 500 * 1024 * 1024
MISSED_FOR = timedelta(hours=1)  # how long what could not be had is not asked for again
TIMEOUT = timedelta(seconds=5)

_ROOM = 0.9  # of KEPT_BYTES, after the least used have gone
_WRITES = 32  # between two looks at the size of the folder
_TOUCHED_AFTER = timedelta(days=1)
_MISS = ".none"
_PART = ".part"
_ACCEPT = ("Accept", "image/avif,image/webp,image/png,image/jpeg,image/gif")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    body: bytes
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPicture:
    """Why there is none, and the HTTP status that says so."""

    status: int
    reason: str


BUSY = NoPicture(status=503, reason="too many pictures are being fetched")


class Pictures:
    """The pictures of one process; `waiting` requests at most wait for publishers at the same time."""

    def __init__(self, settings: Settings, *, waiting: int, kept_bytes: int = KEPT_BYTES) -> None:
        policy = settings.fetch
        self._policy = replace(policy, max_body_bytes=min(MAX_BYTES, policy.max_body_bytes))
        self._folder = find_folder(settings)
        self._kept_bytes = kept_bytes
        self._waiting = threading.Semaphore(waiting)
        self._lock = threading.Lock()
        self._client: Client | None = None  # a thread that most processes never need
        self._closed = False
        self._writes = 0

    def get(self, url: str, *, now: datetime) -> Picture | NoPicture:
        """The picture at a publisher's URL, from the folder or fetched."""
        path = self._folder / _name(url)
        found = _find(path, now)
        if found is not None:
            return found
        if not self._waiting.acquire(blocking=False):
            return BUSY
        try:
            with self._alone(path):
                return _find(path, now) or self._fetch(url, path, now)
        finally:
            self._waiting.release()

    def close(self) -> None:
        """Fetch no more."""
        with self._lock:
            self._closed = True
            if self._client is not None:
                self._client.close()

    def _fetch(self, url: str, path: Path, now: datetime) -> Picture | NoPicture:
        try:
            answer = self._ask(url)
        except Interrupted:
            return BUSY
        try:
            if isinstance(answer, Picture):
                _write(path, answer.body)
            else:
                text = json.dumps({"status": answer.status, "reason": answer.reason})
                _write(path.with_suffix(_MISS), text.encode())
            self._writes += 1
            if self._writes % _WRITES == 1:
                _make_room(self._folder, self._kept_bytes, now)
        except OSError as error:
            _log.warning("pictures cannot be kept in %s, so each is fetched again: %s", self._folder, error)
        return answer

    def _ask(self, url: str) -> Picture | NoPicture:
        request = FetchRequest(url=url, timeout=TIMEOUT, headers=(_ACCEPT,))
        try:
            if not is_web_port(url, self._policy.ports):
                return NoPicture(status=404, reason="refused")
            answer = self._open_client().fetch(request)
        except (AddressRefused, ValueError):
            return NoPicture(status=404, reason="refused")
        except BodyTooLarge:
            return NoPicture(status=404, reason="too large")
        except Interrupted:
            raise
        except FetchError:
            return NoPicture(status=502, reason="not reached")
        if answer.status != 200:
            gone = 400 <= answer.status < 500
            return NoPicture(status=404 if gone else 502, reason=f"answered by {answer.status}")
        kind = identify_image(answer.body)
        if kind is None:
            return NoPicture(status=404, reason="no image")
        return Picture(body=answer.body, type=kind)

    def _open_client(self) -> Client:
        with self._lock:
            if self._closed:
                raise Interrupted("pictures are fetched no more")
            if self._client is None:
                self._client = Client(self._policy)
            return self._client

    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        """One at a time for a picture, over all processes that share the folder."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # One for 256 pictures or so, or there would be as many locks as pictures.
            handle = os.open(path.parent / f"{path.name[2:4]}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield  # nothing can be kept, so nothing would be found by who waits
            return
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def find_folder(settings: Settings) -> Path:
    """Beside a store that is a file, else beside the configuration."""
    try:
        store = find_file(settings.store_url)
    except StoreError:
        return settings.path.parent / "aggregator.pictures"
    return store.with_name(f"{store.name}.pictures")


def list_picture_notices(settings: Settings, *, now: datetime) -> tuple[str, ...]:
    """What an admin is told of the pictures that we pass on; () where pages show them another way."""
    if not settings.site.images_proxied:
        return ()
    kept = list(_list_files(find_folder(settings)))
    sizes = [size for path, size, _ in kept if not path.suffix]
    missed = Counter(
        found.reason
        for path, _, _ in kept
        if path.suffix == _MISS and isinstance(found := _find(path.with_suffix(""), now), NoPicture)
    )
    minutes = int(MISSED_FOR.total_seconds() / 60)
    reasons = ", ".join(f"{count} {reason}" for reason, count in missed.most_common()) or "none"
    held = f"{len(sizes)} kept, {sum(sizes) / 1e6:.0f} of {KEPT_BYTES / 1e6:.0f} MB"
    return (f"{held}; not to be had in the last {minutes} minutes: {reasons}",)


def _name(url: str) -> str:
    digest = sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:2]}/{digest}"


def _find(path: Path, now: datetime) -> Picture | NoPicture | None:
    with suppress(OSError):
        body = path.read_bytes()
        kind = identify_image(body)
        if kind is not None:
            if now.timestamp() - path.stat().st_mtime > _TOUCHED_AFTER.total_seconds():
                os.utime(path, (now.timestamp(), now.timestamp()))
            return Picture(body=body, type=kind)
    miss = path.with_suffix(_MISS)
    with suppress(OSError, ValueError):
        if abs(now.timestamp() - miss.stat().st_mtime) < MISSED_FOR.total_seconds():
            return NoPicture(**json.loads(miss.read_bytes()))
    return None


def _write(path: Path, body: bytes) -> None:
    """All of it or nothing, whoever reads at the same time."""
    part = path.with_suffix(_PART)
    part.write_bytes(body)
    part.replace(path)


def _list_files(folder: Path) -> Iterator[tuple[Path, int, float]]:
    for path in folder.glob("??/*"):
        if path.suffix != ".lock":
            with suppress(OSError):  # another process has removed it
                stat = path.stat()
                yield path, stat.st_size, stat.st_mtime


def _make_room(folder: Path, kept_bytes: int, now: datetime) -> None:
    """Remove what is stale and, from a folder that is too large, what is used least."""
    files = sorted(_list_files(folder), key=lambda file: file[2])
    size = sum(size for _, size, _ in files)
    wanted = kept_bytes * _ROOM if size > kept_bytes else kept_bytes
    for path, bytes_, used_at in files:
        stale = path.suffix in (_MISS, _PART) and now.timestamp() - used_at > MISSED_FOR.total_seconds()
        if stale or size > wanted:
            path.unlink(missing_ok=True)
            size -= bytes_
