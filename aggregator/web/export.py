"""The public site as files: what the application answers, byte for byte, for any web server or CDN."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from werkzeug.test import Client, TestResponse

from aggregator.config import Settings
from aggregator.errors import PublishRefused
from aggregator.publish.encodings import ENCODERS
from aggregator.publish.hosting import render_nginx, render_redirects
from aggregator.publish.manifest import SUFFIXES, Manifest, Moved, Page, Stored, file_of
from aggregator.store import open_store
from aggregator.store.engine import open_view
from aggregator.web import create_app
from aggregator.web.paths import DYNAMIC, Listed, list_former_paths, list_paths
from aggregator.web.tree import HIDDEN, Tree, find_manifest, replacing, write_manifest

# What a web server says by itself of a file, and what holds of one answer alone.
_OF_FILES = frozenset(
    "content-type content-length content-encoding content-disposition etag last-modified expires date vary "
    "accept-ranges location".split()
)
_NOT_FOUND = "404.html"
_MOVED_HEADERS = ("Cache-Control", "Access-Control-Allow-Origin")

# A bar on a terminal: entered with how much there is to do, it gives what to call with how much is done.
Show = Callable[[int], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was done; addresses are counted, each with its compressed forms."""

    pages: int
    written: int
    kept: int  # unchanged, and not touched
    removed: int  # those of the version before that are no more
    size: int  # bytes, without the compressed forms


def publish_site(settings: Settings, folder: Path, *, now: datetime, show: Show) -> Published:
    """Write every public address of the site to `folder`, as the store has it at one moment.

    `folder` shows the new files all at once, at the end (tree.py); `now` is the time of those that changed.
    Raises PublishRefused, and then `folder` is as it was.
    """
    with (
        closing(open_store(settings.store_url)) as store,
        replacing(folder, now=now) as tree,
        open_view(store) as view,
    ):
        client = Client(create_app(settings, view))
        with view.read() as tx:
            listed = [*list_paths(tx, settings), *_list_errors(settings)]
            former = list(list_former_paths(tx, settings))
        before = find_manifest(folder)
        writer = _Writer(client, tree, before, now=now)
        with show(len(listed)) as progress:
            for each in listed:
                writer.add(each)
                progress(1)
        manifest = Manifest(
            url=settings.site.url,
            pages=writer.pages,
            moved=[moved for path in former if (moved := _find_moved(client, path))],
            dynamic=DYNAMIC,
            extras=(),
        )
        write_manifest(tree, replace(manifest, extras=list(_write_extras(tree, manifest, folder))))
    gone = {page.path for page in before.pages} if before else set()
    return writer.count(removed=len(gone - {page.path for page in writer.pages}))


class _Writer:
    """The files of one version, and what is said of them."""

    def __init__(self, client: Client, tree: Tree, before: Manifest | None, *, now: datetime) -> None:
        self._client = client
        self._tree = tree
        self._known = {page.path: page for page in before.pages} if before else {}
        self._now = now.astimezone(UTC).replace(microsecond=0)
        self._kept = 0
        self.pages: list[Page] = []

    def add(self, listed: Listed) -> None:
        """Raises PublishRefused where the application has another answer than it should have."""
        missing = listed.path.endswith(f"/{_NOT_FOUND}")
        answer = _ask(self._client, listed.path, status=404 if missing else 200)
        bodies = {name: _read_variant(self._client, listed.path, answer, name) for name in SUFFIXES}
        # The tag of a static file is made of the time at which it was installed.
        lasting = not missing and listed.kind != "static"
        page = Page(
            path=listed.path,
            status=answer.status_code,
            content_type=answer.headers["Content-Type"],
            modified_at=self._now,
            headers={n: v for n, v in answer.headers.items() if n.lower() not in _OF_FILES},
            encodings={name: _describe(listed.path, *bodies[name], name, lasting) for name in SUFFIXES},
            **asdict(_describe(listed.path, answer.data, answer.headers.get("ETag"), "", lasting)),
        )
        self._save(page, {"": answer.data} | {name: body for name, (body, _) in bodies.items()})

    def count(self, *, removed: int) -> Published:
        return Published(
            pages=len(self.pages),
            written=len(self.pages) - self._kept,
            kept=self._kept,
            removed=removed,
            size=sum(page.size for page in self.pages),
        )

    def _save(self, page: Page, bodies: Mapping[str, bytes]) -> None:
        old = self._known.get(page.path)
        files = {"": page, **page.encodings}
        if old is not None and self._is_unchanged(old, page):
            page = replace(page, modified_at=old.modified_at)
            self._kept += 1
            for stored in files.values():
                self._tree.keep(stored.file)
        else:
            for name, stored in files.items():
                self._tree.write(stored.file, bodies[name])
        self.pages.append(page)

    def _is_unchanged(self, old: Page, page: Page) -> bool:
        files = (page, *page.encodings.values())
        same = _list_hashes(old) == _list_hashes(page)
        return same and all(self._tree.holds(stored.file, size=stored.size) for stored in files)


def _list_errors(settings: Settings) -> Iterator[Listed]:
    """Addresses that are not there, one for each page that says so."""
    yield Listed(f"/{_NOT_FOUND}", "page")
    yield from (Listed(f"/{edition.id}/{_NOT_FOUND}", "page") for edition in settings.site.editions)


def _ask(client: Client, path: str, *, status: int, coding: str = "identity") -> TestResponse:
    answer = client.get(path, headers={"Accept-Encoding": coding}, buffered=True)
    if answer.status_code != status:
        raise PublishRefused(f"{path} answers {answer.status}, so the site is not written: see the log")
    return answer


def _read_variant(client: Client, path: str, plain: TestResponse, coding: str) -> tuple[bytes, str | None]:
    """The answer in a content coding, with its tag: the server's where it has one, else made as it would."""
    if "Vary" not in plain.headers:
        return ENCODERS[coding](plain.data), None
    answer = _ask(client, path, status=plain.status_code, coding=coding)
    return answer.data, answer.headers.get("ETag")


def _describe(path: str, body: bytes, tag: str | None, coding: str, lasting: bool) -> Stored:
    return Stored(
        file=file_of(path) + SUFFIXES.get(coding, ""),
        size=len(body),
        sha256=sha256(body).hexdigest(),
        etag=tag if lasting else None,
    )


def _list_hashes(page: Page) -> dict[str, str]:
    return {stored.file: stored.sha256 for stored in (page, *page.encodings.values())}


def _find_moved(client: Client, path: str) -> Moved | None:
    """Where an address leads to; None where it leads nowhere any more."""
    answer = client.get(path)
    if answer.status_code not in (301, 308):
        return None
    return Moved(
        path=path,
        target=answer.headers["Location"],
        status=answer.status_code,
        headers={name: answer.headers[name] for name in _MOVED_HEADERS if name in answer.headers},
    )


def _write_extras(tree: Tree, manifest: Manifest, folder: Path) -> Iterator[Stored]:
    """How to serve the files."""
    texts = {
        f"{HIDDEN}/nginx.conf": render_nginx(manifest, root=str(folder.absolute()), hidden=HIDDEN),
        "_redirects": render_redirects(manifest.moved),
    }
    for file, text in texts.items():
        tree.write(file, text.encode())
        yield Stored(file=file, size=len(text.encode()), sha256=sha256(text.encode()).hexdigest())
