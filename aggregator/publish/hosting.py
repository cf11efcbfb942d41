"""How a web server answers from published files what our own would answer: nginx's words for it. Pure."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from aggregator.publish.manifest import Manifest, Moved, Page

_MAX_AGE = re.compile(r"max-age=([0-9]+)")
_CACHE = "Cache-Control"
_NOT_FOUND = 404

Said = tuple[str, tuple[tuple[str, str], ...]]  # a media type and other headers


def render_nginx(manifest: Manifest, *, root: str, hidden: str) -> str:
    """What to include in a `server` block; `hidden` is the folder below `root` that is not public."""
    errors = [page for page in manifest.pages if page.status == _NOT_FOUND]
    usual, others = _group([page for page in manifest.pages if page.status != _NOT_FOUND])
    blocks = [
        "# Made by `aggregator publish`, which writes it anew each time: include it in a server block.",
        f"root {_quote(root)};",
        "absolute_redirect off;",
        "gzip_static on;",
        "gzip_vary on;",
        "# brotli_static on;  # and zstd_static, where nginx has these modules: the files are there",
        f"location ^~ /{hidden}/ {{ return 404; }}",
        *(_render_error(page) for page in errors),
        *(_render_start(page, usual) for page in errors),
        *(
            _render_location(f"~ {_quote(_join_patterns(patterns))}", said)
            for said, patterns in others.items()
        ),
        *(_render_moved(moved) for moved in manifest.moved),
    ]
    return "\n".join(blocks) + "\n"


def render_redirects(moved: Iterable[Moved]) -> str:
    """The addresses that moved, a line each, as several hosts of static sites read them (`_redirects`)."""
    return "".join(f"{each.path} {each.target} {each.status}\n" for each in moved)


def _group(pages: Sequence[Page]) -> tuple[Said, Mapping[Said, list[str]]]:
    """What is said of `/`, and the patterns of the addresses of which something else is said."""
    found: defaultdict[str, list[Page]] = defaultdict(list)
    for page in pages:
        found[_find_pattern(page.path)].append(page)
    usual = _say(*found[re.escape("/")])
    others: defaultdict[Said, list[str]] = defaultdict(list)
    for pattern, alike in sorted(found.items()):
        for said, wanted in _part(pattern, alike):
            if said != usual:
                others[said].append(wanted)
    return usual, others


def _part(pattern: str, pages: Sequence[Page]) -> Iterator[tuple[Said, str]]:
    """The pattern for most of the pages, and before it the very addresses of those that are unlike them."""
    kinds: defaultdict[Said, list[Page]] = defaultdict(list)
    for page in pages:
        kinds[_say(page, lasting=False)].append(page)
    most, *others = sorted(kinds.values(), key=len, reverse=True)
    for alike in others:
        said = _say(*alike)
        yield from ((said, re.escape(page.path)) for page in alike)
    yield _say(*most), pattern


def _say(*pages: Page, lasting: bool = True) -> Said:
    """What is said of all these; they are kept for as long as the one that is kept shortest."""
    headers = dict(pages[0].headers)
    headers.pop(_CACHE, None)
    kept = [page.headers[_CACHE] for page in pages if _CACHE in page.headers]
    if lasting and kept:
        headers[_CACHE] = min(kept, key=_find_age)
    return pages[0].content_type, tuple(headers.items())


def _find_age(cache: str) -> int:
    match = _MAX_AGE.search(cache)
    return int(match[1]) if match else 0


def _find_pattern(path: str) -> str:
    """An address and its neighbours: those in the same folder with the same ending."""
    folder, _, name = path.rpartition("/")
    if not name:
        return re.escape(path)
    _, dot, ending = name.rpartition(".")
    return f"{re.escape(folder)}/[^/.]+{re.escape(dot + ending) if dot else ''}"


def _join_patterns(patterns: Iterable[str]) -> str:
    return f"^(?:{'|'.join(patterns)})$"


def _render_location(place: str, said: Said, *more: str) -> str:
    type_, headers = said
    lines = [
        "types { }",
        f"default_type {_quote(type_)};",
        *(f"add_header {name} {_quote(value)} always;" for name, value in headers),
        *more,
        "try_files $uri $uri/index.html =404;",
    ]
    return f"location {place} {{\n" + "".join(f"    {line}\n" for line in lines) + "}"


def _render_start(error: Page, usual: Said) -> str:
    """What is below the folder of an error page, and has no rule of its own."""
    folder = error.path.rpartition("/")[0]
    return _render_location(f"{folder}/", usual, f"error_page 404 {error.path};")


def _render_error(page: Page) -> str:
    start = "" if page.path.count("/") > 1 else f"error_page 404 {page.path};\n"
    return start + _render_location(f"= {page.path}", _say(page), "internal;")


def _render_moved(moved: Moved) -> str:
    headers = "".join(f"add_header {name} {_quote(value)} always; " for name, value in moved.headers.items())
    return f"location = {_quote(moved.path)} {{ {headers}return {moved.status} {_quote(moved.target)}; }}"


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
