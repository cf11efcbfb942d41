"""A folder that is replaced as a whole: killed at any step it shows one version; nothing else is touched."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from aggregator.errors import PublishRefused
from aggregator.publish.manifest import Manifest, Stored
from aggregator.web.tree import HIDDEN, MANIFEST, find_manifest, replacing, write_manifest
from tests.site_samples import NOON

LATER = NOON + timedelta(hours=1)
FILES = {"index.html": b"old", "ar/index.html": b"same", "ar/gone.html": b"gone", "en/x/index.html": b"x"}
CHANGED = {"index.html": b"new", "ar/index.html": b"same", "en/y/index.html": b"y"}
STEPS = frozenset(
    {"open", "os.mkdir", "os.remove", "os.rmdir", "os.rename", "os.link", "os.symlink", "os.utime"}
)


def publish(folder: Path, files: Mapping[str, bytes], *, same: tuple[str, ...] = ()) -> None:
    """A version of these files, of which those that are the `same` are kept."""
    with replacing(folder, now=LATER if same else NOON) as tree:
        for file, body in files.items():
            if file in same:
                assert tree.holds(file, size=len(body))
                tree.keep(file)
            else:
                tree.write(file, body)
        stored = [Stored(file=f, size=len(b), sha256=sha256(b).hexdigest()) for f, b in files.items()]
        write_manifest(tree, Manifest(url="", pages=(), moved=(), dynamic={}, extras=stored))


def read(folder: Path) -> dict[str, bytes]:
    """What the folder shows, which is what its manifest says."""
    version = folder.resolve()
    found = {p.relative_to(version).as_posix(): p.read_bytes() for p in version.rglob("*") if p.is_file()}
    manifest = find_manifest(folder)
    assert manifest
    del found[MANIFEST]
    hashes = {stored.file: stored.sha256 for stored in manifest.extras}
    assert {file: sha256(body).hexdigest() for file, body in found.items()} == hashes
    return found


def test_the_folder_shows_what_was_written_last(tmp_path: Path) -> None:
    publish(tmp_path / "site", FILES)
    assert read(tmp_path / "site") == FILES
    publish(tmp_path / "site", CHANGED, same=("ar/index.html",))
    assert read(tmp_path / "site") == CHANGED
    assert sorted(path.name for path in (tmp_path / "site").iterdir()) == [HIDDEN, "ar", "en", "index.html"]


def test_what_is_kept_is_the_same_file_with_the_same_time(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(folder, FILES)
    before = (folder / "ar/index.html").stat()
    publish(folder, CHANGED, same=("ar/index.html",))
    after = (folder / "ar/index.html").stat()
    assert (
        (after.st_ino, after.st_mtime)
        == (before.st_ino, NOON.timestamp())
        == (before.st_ino, before.st_mtime)
    )
    assert (folder / "index.html").stat().st_mtime == LATER.timestamp()


def test_a_file_is_copied_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_new: Path, _old: Path) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    publish(tmp_path / "site", FILES)
    publish(tmp_path / "site", CHANGED, same=("ar/index.html",))
    assert read(tmp_path / "site") == CHANGED
    assert (tmp_path / "site/ar/index.html").stat().st_mtime == NOON.timestamp()


def test_the_version_before_stays_for_who_is_reading_it(tmp_path: Path) -> None:
    publish(tmp_path / "site", FILES)
    reading = (tmp_path / "site").resolve()
    publish(tmp_path / "site", CHANGED)
    assert (reading / "ar/gone.html").read_bytes() == b"gone"
    publish(tmp_path / "site", CHANGED)
    assert sorted(path.name for path in (tmp_path / ".site.versions").iterdir()) == ["2", "3", "lock"]
    assert (tmp_path / "site").readlink() == Path(".site.versions/3")


def test_the_folder_can_be_named_in_any_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("site", "./site", "none/../site", "site/"):
        publish(Path(name), FILES)
    assert (tmp_path / "site").readlink() == Path(".site.versions/4")


def test_an_empty_folder_becomes_the_link(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    publish(tmp_path / "site", FILES)
    assert read(tmp_path / "site") == FILES


def test_a_writer_that_fails_leaves_everything_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(folder, FILES)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(TypeError):
        publish(folder, CHANGED | {"late.html": "no bytes"})  # type: ignore[dict-item]
    assert read(folder) == FILES
    assert sorted(tmp_path.rglob("*")) == before


# --- killed ----------------------------------------------------------------------------------------


def write_until(step: int, folder: Path, changed: Mapping[str, bytes]) -> None:
    """Die by SIGKILL before the step of this number that touches files."""
    left = step

    def watch(event: str, _arguments: Any) -> None:
        nonlocal left
        if event in STEPS:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    publish(folder, changed, same=("ar/index.html",))


@pytest.mark.parametrize("times", [1, 2], ids=["the second version", "the third version"])
def test_killed_before_any_step_the_folder_shows_one_version_whole(tmp_path: Path, times: int) -> None:
    shown, step, code = [], 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        step += 1
        folder = tmp_path / str(step) / "site"
        folder.parent.mkdir()
        for _ in range(times):
            publish(folder, FILES)
        writer = get_context("fork").Process(target=write_until, args=(step, folder, CHANGED))
        writer.start()
        writer.join()
        code = writer.exitcode or 0
        shown.append(read(folder))
        publish(folder, FILES, same=("ar/index.html",))
        assert read(folder) == FILES
        assert not (folder.parent / ".site.versions" / "new").exists()
    assert (code, step) >= (0, 20), "it was killed at least twenty times, and then it was not"
    turned = shown.index(CHANGED)
    assert shown == [FILES] * turned + [CHANGED] * (step - turned)


# --- what others have made -------------------------------------------------------------------------


def make_full_folder(folder: Path) -> None:
    folder.mkdir()
    for name in ("c.txt", "a.txt", "b.txt", "d.txt"):
        (folder / name).touch()


def make_foreign_link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    folder.symlink_to("elsewhere")


def make_foreign_versions(folder: Path) -> None:
    (folder.parent / ".site.versions").mkdir()
    (folder.parent / ".site.versions" / "mine.txt").touch()


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (
            make_full_folder,
            "site has files that publish has not written: a.txt, b.txt, c.txt and 1 more; move",
        ),
        (Path.touch, "site is no folder"),
        (make_foreign_link, "site is a link that publish has not made: name"),
        (make_foreign_versions, ".site.versions has files that publish has not written: mine.txt;"),
        (lambda folder: folder.parent.rmdir(), "there is no folder"),
    ],
)
def test_a_place_that_is_not_ours_is_left_alone(
    tmp_path: Path, prepare: Callable[[Path], None], words: str
) -> None:
    folder = tmp_path / "www" / "site"
    folder.parent.mkdir()
    prepare(folder)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(PublishRefused) as caught:
        publish(folder, FILES)
    assert words in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def add_file(path: Path) -> None:
    path.touch()


def add_link(path: Path) -> None:
    path.symlink_to("/")


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("add", [add_file, add_link])
def test_nothing_is_removed_beside_what_others_have_put_there(
    tmp_path: Path, version: str, add: Callable[[Path], None]
) -> None:
    folder = tmp_path / "site"
    publish(folder, FILES)
    publish(folder, FILES)
    foreign = tmp_path / ".site.versions" / version / "ar" / "proof.html"
    add(foreign)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(PublishRefused, match=r"publish has not written: ar/proof\.html;"):
        publish(folder, CHANGED)
    assert sorted(tmp_path.rglob("*")) == before
    foreign.unlink()
    publish(folder, CHANGED)
    assert read(folder) == CHANGED


def test_a_manifest_that_cannot_be_read_is_no_leave_to_remove(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    publish(folder, FILES)
    (folder / MANIFEST).write_text("{}")
    with pytest.raises(
        PublishRefused, match=r"is not as publish writes it .*: remove .*\.site\.versions and the link"
    ):
        publish(folder, CHANGED)
    assert (folder / "index.html").read_bytes() == b"old"


def test_two_writers_do_not_mix(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    with replacing(folder, now=NOON), pytest.raises(PublishRefused, match="another publish is writing"):
        publish(folder, FILES)
