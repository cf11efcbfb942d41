"""A folder that is replaced as a whole: whoever reads it sees all of one version, whenever the writer dies.

    DIR -> .DIR.versions/7     the link is what readers know, and is renamed over the old one
    .DIR.versions/7/           the version that it leads to, with its manifest
    .DIR.versions/6/           the one before, for who is still reading it; the next writer removes it
    .DIR.versions/new/         what is being written, or what a writer left that died
    .DIR.versions/lock

Files that have not changed are hard links to those of the version before: nothing is written, and they keep
their times. Files alone, each renamed over its predecessor, would need none of this; but a reader could then
see a page of now beside one of before, for good if the writer dies between them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from aggregator.errors import PublishRefused
from aggregator.publish.manifest import Manifest, parse_manifest, render_manifest

HIDDEN = ".aggregator"  # in each version: what is not of the site
MANIFEST = f"{HIDDEN}/manifest.json"
_NAMED = 3  # files, in a message


class Tree:
    """The version that is being written. Paths are relative, with forward slashes."""

    def __init__(self, versions: Path, before: Path | None, *, now: datetime) -> None:
        self.folder = versions / "new"
        self.folder.mkdir()
        self._before = before
        self._now = now.timestamp()

    def write(self, file: str, body: bytes) -> None:
        path = self._make_place(file)
        path.write_bytes(body)
        # To a file and its compressed forms alike: nginx says that of the file that it sends.
        os.utime(path, (self._now, self._now))

    def holds(self, file: str, *, size: int) -> bool:
        """Whether the version before still has such a file."""
        try:
            return self._before is not None and (self._before / file).stat().st_size == size
        except OSError:
            return False

    def keep(self, file: str) -> None:
        """Take a file over from the version before, which holds it."""
        assert self._before is not None
        old, path = self._before / file, self._make_place(file)
        try:
            path.hardlink_to(old)
        except OSError:  # not every file system has links
            shutil.copy2(old, path)

    def _make_place(self, file: str) -> Path:
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def find_manifest(folder: Path) -> Manifest | None:
    """What the folder shows now; None where nothing was published to it."""
    if not folder.is_symlink():
        return None
    try:
        return parse_manifest((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return None


@contextmanager
def replacing(folder: Path, *, now: datetime) -> Iterator[Tree]:
    """Write a version, and let `folder` show it when the block ends well: until then nothing is touched.

    Raises PublishRefused where something is that `publish` has not written, or where another one is at work.
    """
    folder = _find_place(folder)
    versions = folder.with_name(f".{folder.name}.versions")
    _check_folder(folder, versions)
    with _locked(versions):
        before = _find_shown(folder, versions)
        _tidy(versions, before)
        tree = Tree(versions, before, now=now)
        try:
            yield tree
            os.sync()  # what the link leads to must be on the disk before the link is
            _show(tree.folder, folder, versions)
        except BaseException:
            shutil.rmtree(tree.folder, ignore_errors=True)
            raise


def _find_place(folder: Path) -> Path:
    """The absolute path; not resolve(), since the link itself is meant."""
    return Path(os.path.normpath(folder.absolute()))


def write_manifest(tree: Tree, manifest: Manifest) -> None:
    """The last file of a version: whatever has one is whole."""
    tree.write(MANIFEST, render_manifest(manifest))


def _check_folder(folder: Path, versions: Path) -> None:
    if folder.is_symlink():
        if _find_place(folder.parent / folder.readlink()).parent != versions:
            raise PublishRefused(
                f"{folder} is a link that publish has not made: name a folder that is not there yet"
            )
    elif folder.is_dir():
        found = sorted(entry.name for entry in folder.iterdir())
        if found:
            raise _refuse_foreign(folder, found)
        if os.path.ismount(folder):
            raise PublishRefused(f"{folder} is a mount point, which cannot be replaced: name a folder in it")
    elif folder.exists():
        raise PublishRefused(f"{folder} is no folder")
    if not folder.parent.is_dir():
        raise PublishRefused(f"there is no folder {folder.parent}")
    if versions.is_dir() and not (versions / "lock").exists() and any(versions.iterdir()):
        raise _refuse_foreign(versions, sorted(entry.name for entry in versions.iterdir()))


@contextmanager
def _locked(versions: Path) -> Iterator[None]:
    versions.mkdir(exist_ok=True)
    with (versions / "lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it when we die
        except OSError:
            raise PublishRefused(f"another publish is writing to {versions.parent}") from None
        yield


def _find_shown(folder: Path, versions: Path) -> Path | None:
    return versions / folder.readlink().name if folder.is_symlink() else None


def _list_versions(versions: Path) -> list[Path]:
    return [path for path in versions.iterdir() if path.name.isdecimal()]


def _tidy(versions: Path, shown: Path | None) -> None:
    """Remove what writers before have left; nothing while there is anything that they did not write."""
    known = {version: _list_known(version) for version in _list_versions(versions)}
    for version, files in known.items():
        _check_version(version, files)
    shutil.rmtree(versions / "new", ignore_errors=True)  # nobody was ever shown it
    for version, files in known.items():
        if version != shown:
            _remove(version, files)


def _list_known(version: Path) -> set[str]:
    """The files that the manifest names; none where it is gone already, which is the last to go."""
    try:
        return {*parse_manifest((version / MANIFEST).read_bytes()).list_files(), MANIFEST}
    except FileNotFoundError:
        return set()
    except ValueError as error:
        raise PublishRefused(
            f"{version / MANIFEST} is not as publish writes it ({error}), so its files cannot be told from "
            f"those of others: remove {version.parent} and the link to it yourself"
        ) from None


def _check_version(version: Path, known: set[str]) -> None:
    foreign = sorted(set(_list_found(version)) - known)
    if foreign:
        raise _refuse_foreign(version, foreign)


def _list_found(version: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(version):
        links = (name for name in folders if Path(parent, name).is_symlink())
        yield from (Path(parent, name).relative_to(version).as_posix() for name in (*files, *links))


def _refuse_foreign(folder: Path, names: list[str]) -> PublishRefused:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return PublishRefused(
        f"{folder} has files that publish has not written: {', '.join(names[:_NAMED])}{more}; "
        "move them away, or name another folder"
    )


def _remove(version: Path, files: set[str]) -> None:
    """The manifest goes last, so that whoever dies here leaves what can be removed."""
    for file in sorted(files - {MANIFEST}):
        (version / file).unlink(missing_ok=True)
    (version / MANIFEST).unlink(missing_ok=True)
    for parent, _, _ in os.walk(version, topdown=False):
        Path(parent).rmdir()


def _show(new: Path, folder: Path, versions: Path) -> None:
    number = 1 + max((int(version.name) for version in _list_versions(versions)), default=0)
    version = new.rename(versions / str(number))
    link = versions / "link"
    link.unlink(missing_ok=True)
    link.symlink_to(Path(versions.name, version.name))
    if folder.is_dir() and not folder.is_symlink():
        folder.rmdir()  # empty
    link.rename(folder)
