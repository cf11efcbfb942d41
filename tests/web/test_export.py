"""The published folder: what the server answers, replaced as a whole, and nothing foreign touched."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import brotli
import pytest
import zstandard
from lxml import html

from aggregator.errors import PublishRefused
from aggregator.publish.manifest import Manifest, Page, Stored, file_of, parse_manifest, render_manifest
from aggregator.refresh import apply_configuration
from aggregator.store import articles, open_store
from aggregator.web import create_app, export
from aggregator.web.export import Published, publish_site
from aggregator.web.paths import is_dynamic
from aggregator.web.tree import MANIFEST
from tests.harness import find_free_port, get, make_item, wait_until
from tests.site_samples import NOON, PORTAL_ITEMS, Portal, make_settings, save_feed, source_table

LATER = NOON + timedelta(hours=1)
DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body, max_output_size=1 << 24),
}


@pytest.fixture(scope="module")
def folder(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("www") / "site"
    publish(portal, folder)
    return folder


def publish(portal: Portal, folder: Path, *, now: object = NOON) -> Published:
    return publish_site(portal.settings, folder, now=now, show=lambda _n: nullcontext(lambda _n: None))  # type: ignore[arg-type]


def read_manifest(folder: Path) -> Manifest:
    return parse_manifest((folder / MANIFEST).read_bytes())


def list_stored(manifest: Manifest) -> list[Stored]:
    pages = [stored for page in manifest.pages for stored in (page, *page.encodings.values())]
    return [*pages, *manifest.extras]


def verify(folder: Path) -> Manifest:
    """The folder holds what its manifest says, whole, and nothing else."""
    manifest = read_manifest(folder)
    for stored in list_stored(manifest):
        body = (folder / stored.file).read_bytes()
        assert (len(body), sha256(body).hexdigest()) == (stored.size, stored.sha256), stored.file
    version = folder.resolve()
    found = {path.relative_to(version).as_posix() for path in version.rglob("*") if path.is_file()}
    assert found == {MANIFEST, *(stored.file for stored in list_stored(manifest))}
    return manifest


# --- what is written -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/", "index.html"),
        ("/ar/", "ar/index.html"),
        ("/ar/s/sports/page/2/", "ar/s/sports/page/2/index.html"),
        ("/article/abc", "article/abc/index.html"),
        ("/embed/ar/sports", "embed/ar/sports/index.html"),
        ("/embed/ar/sports.html", "embed/ar/sports.html"),
        ("/feeds/ar/all.rss", "feeds/ar/all.rss"),
        ("/feeds.opml", "feeds.opml"),
    ],
)
def test_an_address_has_one_file(path: str, file: str) -> None:
    assert file_of(path) == file


def test_every_file_is_what_the_server_answers(portal: Portal, folder: Path) -> None:
    client = create_app(portal.settings, portal.store).test_client()
    manifest = verify(folder)
    assert len({stored.file for stored in list_stored(manifest)}) == len(list_stored(manifest))
    for page in manifest.pages:
        answer = client.get(page.path, buffered=True)
        assert answer.status_code == page.status
        assert answer.data == (folder / page.file).read_bytes(), page.path
        assert answer.headers["Content-Type"] == page.content_type
        for coding, stored in page.encodings.items():
            packed = client.get(page.path, headers={"Accept-Encoding": coding}, buffered=True)
            body = (folder / stored.file).read_bytes()
            assert DECODERS[coding](body) == answer.data
            if "Content-Encoding" in packed.headers:
                assert body == packed.data, f"{page.path} in {coding}"
                assert packed.headers["ETag"] == stored.etag


def test_tags_are_named_where_they_last(folder: Path) -> None:
    tags = {page.path: page.etag for page in read_manifest(folder).pages}
    assert tags["/feeds/ar/all.rss"]
    assert tags["/ar/"] == tags["/"]
    assert tags["/static/site.css"] is None, "it is made of the time of installation"
    assert tags["/404.html"] is None


def test_every_link_of_a_page_leads_to_a_file(folder: Path) -> None:
    named = {path for page in read_manifest(folder).pages for path in list_links(folder, page)}
    assert len(named) > 100
    assert {path for path in named if not (folder / file_of(path)).is_file()} == set()


def test_what_is_linked_and_no_file_is_dynamic_by_nature(folder: Path) -> None:
    pages = read_manifest(folder).pages
    linked = {path for page in pages for path in list_links(folder, page, dynamic=True)}
    assert {path for path in linked if is_dynamic(path)} == {"/oembed", "/ar/search", "/en/search"}


def list_links(folder: Path, page: Page, *, dynamic: bool = False) -> set[str]:
    """The paths of our own that a page names, in whatever attribute; what is `dynamic` only if asked for."""
    if not page.content_type.startswith("text/html"):
        return set()
    document = html.document_fromstring((folder / page.file).read_bytes())
    named = {str(url) for url in document.xpath("//*/@href | //*/@src | //*/@action")}
    own = {url.removeprefix("https://news.example") for url in named}
    paths = {urlsplit(url).path for url in own if url.startswith("/")}
    return {path for path in paths if dynamic or not is_dynamic(path)}


def test_pages_name_the_feeds_of_what_they_show(folder: Path) -> None:
    for page in read_manifest(folder).pages:
        if page.content_type.startswith("text/html") and not page.path.startswith("/embed/"):
            document = html.document_fromstring((folder / page.file).read_bytes())
            kinds = document.xpath("//head/link[@rel='alternate'][contains(@type, '+')]/@type")
            assert {"application/rss+xml", "application/atom+xml", "application/feed+json"} <= {*kinds}, (
                page.path
            )


def test_former_addresses_are_said_to_have_moved(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert ("/ar/s/sport/", "/ar/s/sports/", 301) in [(m.path, m.target, m.status) for m in manifest.moved]
    lines = (folder / "_redirects").read_text().splitlines()
    assert "/feeds/ar/games.atom /feeds/ar/sports.atom 301" in lines
    assert len(lines) == len(manifest.moved)


def test_a_manifest_can_be_read_back(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert render_manifest(manifest) == (folder / MANIFEST).read_bytes()
    for body in (b"", b"[]", b"{}", b'{"made_by":"x","version":1}', b"\xff"):
        with pytest.raises(ValueError):
            parse_manifest(body)


# --- again -----------------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Portal]:
    """A small portal that a test may change."""
    (tmp_path / "own").mkdir()
    tables = [
        source_table("sahel", "https://sahel.example/f", "libya"),
        source_table("wire", "https://w.example/f"),
    ]
    settings = make_settings(tmp_path / "own", *tables)
    store = open_store(settings.store_url)
    try:
        apply_configuration(store, settings, now=NOON)
        for source_id in ("sahel", "wire"):
            save_feed(store, settings, source_id, PORTAL_ITEMS[source_id])
        yield Portal(settings=settings, store=store)
    finally:
        store.close()


def add_bridge(portal: Portal, number: int) -> None:
    item = make_item(number, title=f"افتتاح الجسر {number} في المدينة")
    save_feed(portal.store, portal.settings, "sahel", [item], now=LATER)


def list_times(folder: Path) -> dict[str, tuple[int, int]]:
    stats = {stored.file: (folder / stored.file).stat() for stored in list_stored(read_manifest(folder))}
    return {file: (stat.st_ino, stat.st_mtime_ns) for file, stat in stats.items()}


def test_what_is_unchanged_is_not_written_again(own: Portal, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    first = publish(own, folder)
    assert (first.written, first.kept, first.removed) == (first.pages, 0, 0)
    before = list_times(folder)
    again = publish(own, folder, now=LATER)
    assert (again.written, again.kept, again.removed) == (0, first.pages, 0)
    extras = {stored.file for stored in read_manifest(folder).extras}
    assert {f: t for f, t in list_times(folder).items() if f not in extras} == {
        f: t for f, t in before.items() if f not in extras
    }


def test_an_article_changes_the_files_that_show_it(own: Portal, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(own, folder)
    before = list_times(folder)
    save_feed(
        own.store, own.settings, "sahel", [make_item(102, title="افتتاح الجسر 102 في المدينة")], now=LATER
    )
    done = publish(own, folder, now=LATER)
    assert 0 < done.kept < done.pages
    after = list_times(folder)
    assert after["en/s/world/index.html"] == before["en/s/world/index.html"]
    for file in ("feeds/ar/libya.rss", "feeds/ar/libya.rss.gz", "ar/index.html.br"):
        assert after[file][0] != before[file][0]
        assert after[file][1] == int(LATER.timestamp()) * 10**9
    verify(folder)


def test_what_is_gone_is_removed(own: Portal, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(own, folder)
    fewer = tuple(source for source in own.settings.sources if source.id != "wire")
    settings = replace(own.settings, sources=fewer)
    done = publish(Portal(settings=settings, store=own.store), folder, now=LATER)
    assert done.removed == 3
    assert not (folder / "feeds/source/wire.rss").exists()
    assert not (folder / "feeds/source/wire.rss.gz").exists()
    verify(folder)


def test_a_file_that_somebody_took_away_is_written_again(own: Portal, tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(own, folder)
    (folder / "ar/index.html").unlink()
    assert publish(own, folder, now=LATER).written == 1
    verify(folder)


def test_all_files_show_the_store_at_one_moment(own: Portal, tmp_path: Path) -> None:
    """An article that comes while the site is written is in none of the files."""
    folder = tmp_path / "site"

    @contextmanager
    def show(_count: int) -> Iterator[Callable[[int], None]]:
        add_bridge(own, 103)
        yield lambda _n: None

    publish_site(own.settings, folder, now=NOON, show=show)
    with own.store.read() as tx:
        assert len(articles.list_article_ids(tx)) == 4
    assert sum(page.path.startswith("/article/") for page in verify(folder).pages) == 3
    assert "103" not in (folder / "ar/s/libya/index.html").read_text()


# --- what is refused -------------------------------------------------------------------------------


def test_an_address_that_fails_leaves_the_site_as_it_was(
    own: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "site"
    publish(own, folder)
    before = sorted(tmp_path.rglob("*"))
    listed = export.Listed("/ar/s/none/", "page")
    monkeypatch.setattr(export, "list_paths", lambda _tx, _settings: iter([listed]))
    with pytest.raises(PublishRefused, match="/ar/s/none/ answers 404"):
        publish(own, folder)
    assert sorted(tmp_path.rglob("*")) == before


# --- nginx -----------------------------------------------------------------------------------------

NGINX = """
daemon off; worker_processes 1; pid {run}/nginx.pid; error_log {run}/error.log; {user}
events {{ }}
http {{
    access_log off; client_body_temp_path {run}/b; proxy_temp_path {run}/p; fastcgi_temp_path {run}/f;
    uwsgi_temp_path {run}/u; scgi_temp_path {run}/s;
    server {{ listen 127.0.0.1:{port}; include {folder}/.aggregator/nginx.conf; }}
}}
"""


@pytest.fixture(scope="module")
def nginx(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed (apt-get install nginx-light)")
    run, port = tmp_path_factory.mktemp("nginx"), find_free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    (run / "nginx.conf").write_text(NGINX.format(run=run, port=port, folder=folder, user=user))
    process = subprocess.Popen(["nginx", "-c", str(run / "nginx.conf"), "-e", str(run / "error.log")])
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: is_answering(url), "nginx to answer")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def is_answering(url: str) -> bool:
    try:
        return get(url).status == 200
    except OSError:
        return False


def list_headers(page: Page) -> dict[str, str]:
    return {name.lower(): value for name, value in page.headers.items()}


def test_nginx_answers_with_our_bytes_types_and_headers(folder: Path, nginx: str) -> None:
    for page in read_manifest(folder).pages:
        if page.status != 200:
            continue
        answer = get(nginx + page.path)
        assert (answer.status, answer.headers["content-type"]) == (200, page.content_type), page.path
        assert answer.body == (folder / page.file).read_bytes(), page.path
        expected = list_headers(page)
        assert {name: answer.headers.get(name) for name in expected} == expected, page.path


def test_nginx_sends_the_compressed_file(folder: Path, nginx: str) -> None:
    for file in ("feeds/ar/all.rss", "ar/index.html", "static/site.css"):
        path = "/ar/" if file.endswith("index.html") else f"/{file}"
        answer = get(nginx + path, Accept_Encoding="gzip")
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.body == (folder / f"{file}.gz").read_bytes()


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/nothing", "404.html"),
        ("/en/nothing/", "en/404.html"),
        ("/feeds/en/nothing.rss", "404.html"),
        ("/.aggregator/manifest.json", "404.html"),
    ],
)
def test_nginx_shows_the_page_for_what_is_not_there(folder: Path, nginx: str, path: str, file: str) -> None:
    answer = get(nginx + path)
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
    assert answer.body == (folder / file).read_bytes()


def test_nginx_leads_on_from_former_addresses(folder: Path, nginx: str) -> None:
    for moved in read_manifest(folder).moved:
        done = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code} %header{location}", nginx + moved.path],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{moved.status} {moved.target}"
