"""What `publish` has written: the files of a site by their addresses, as JSON. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from aggregator.dates import format_rfc3339

MADE_BY = "aggregator publish"
VERSION = 1
SUFFIXES: Mapping[str, str] = {"br": ".br", "zstd": ".zst", "gzip": ".gz"}  # by name in Accept-Encoding

_INDEX = "index.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One file."""

    file: str  # relative to the folder, with forward slashes
    size: int  # bytes
    sha256: str
    etag: str | None = None  # the server's, quotes and all; None: it has none that lasts


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Stored):
    """What an address is answered with."""

    path: str  # of the URL
    status: int = 200
    content_type: str
    modified_at: datetime  # when these bytes first stood there
    headers: Mapping[str, str]  # what else the server says of it that a file cannot
    encodings: Mapping[str, Stored]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """An address that leads to another one."""

    path: str
    target: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    url: str  # of the site
    pages: Sequence[Page]
    moved: Sequence[Moved]
    dynamic: Mapping[str, str]  # addresses that no file stands for, and why
    extras: Sequence[Stored]  # files that are not of the site: how to serve it

    def list_files(self) -> Iterator[str]:
        """Every file but the manifest itself."""
        for page in self.pages:
            yield page.file
            yield from (stored.file for stored in page.encodings.values())
        yield from (stored.file for stored in self.extras)


def file_of(path: str) -> str:
    """The file of an address: `/ar/` -> `ar/index.html`, `/feeds/ar/all.rss` -> `feeds/ar/all.rss`.

    What has neither a slash nor an ending gets a folder of its own, `/article/x` -> `article/x/index.html`:
    `x.html` could be the file of another address, and a name without an ending would be served as bytes.
    """
    relative = path.removeprefix("/")
    if relative == "" or relative.endswith("/"):
        return relative + _INDEX
    return relative if "." in relative.rpartition("/")[2] else f"{relative}/{_INDEX}"


def render_manifest(manifest: Manifest) -> bytes:
    """One entry a line, so that two of them can be compared line by line. Headers are listed once each."""
    sets: dict[str, int] = {}
    entries = [_to_json(page, sets) for page in manifest.pages]
    head = {
        "made_by": MADE_BY,
        "version": VERSION,
        "url": manifest.url,
        "dynamic": dict(manifest.dynamic),
        "headers": [json.loads(text) for text in sets],
        "moved": [asdict(moved) for moved in manifest.moved],
        "extras": [asdict(stored) for stored in manifest.extras],
    }
    lines = (f"{json.dumps(key)}:{_dump(value)}" for key, value in head.items())
    files = ",\n".join(map(_dump, entries))
    return ("{" + ",\n".join(lines) + ',\n"files":[\n' + files + "\n]}\n").encode()


def parse_manifest(body: bytes) -> Manifest:
    """The inverse of render_manifest. Raises ValueError for anything that it does not give."""
    try:
        read = json.loads(body)
        if (read["made_by"], read["version"]) != (MADE_BY, VERSION):
            raise ValueError("another program or version has written it")
        return Manifest(
            url=read["url"],
            dynamic=read["dynamic"],
            pages=[_from_json(entry, read["headers"]) for entry in read["files"]],
            moved=[Moved(**moved) for moved in read["moved"]],
            extras=[Stored(**stored) for stored in read["extras"]],
        )
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(f"no manifest: {error!r}") from error


def _to_json(page: Page, sets: dict[str, int]) -> dict[str, Any]:
    number = sets.setdefault(_dump(dict(page.headers)), len(sets))
    return asdict(page) | {"modified_at": format_rfc3339(page.modified_at), "headers": number}


def _from_json(entry: dict[str, Any], sets: Sequence[Mapping[str, str]]) -> Page:
    changed = {
        "modified_at": datetime.fromisoformat(entry["modified_at"]),
        "headers": sets[entry["headers"]],
        "encodings": {name: Stored(**stored) for name, stored in entry["encodings"].items()},
    }
    return Page(**entry | changed)


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
