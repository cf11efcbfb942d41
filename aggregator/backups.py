"""`backup` and `restore`: the store as one file that can be carried away, and back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from aggregator.config import Settings
from aggregator.errors import StoreError
from aggregator.store.backup import copy_store, replace_store
from aggregator.store.dump import dump_store, load_dump
from aggregator.store.engine import HEAD, find_file, has_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    size_bytes: int
    version: str  # of the schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    version: str  # of the schema that the backup had
    migrated_to: str
    kept: Path | str | None  # the former store: a file, or the name of a database; None: there was none


def back_up(settings: Settings, target: Path, *, overwrite: bool) -> Backup:
    """Write the store to `target` while it is in use. Raises StoreError, also when `target` is there."""
    in_file = has_file(settings.store_url)
    if target.exists() and in_file and target.samefile(find_file(settings.store_url)):
        raise StoreError(f"{target} is the store itself: name another file")
    if target.exists() and not overwrite:
        raise StoreError(f"{target} is there already: name another file, or say --overwrite")
    version = (copy_store if in_file else dump_store)(settings.store_url, target)
    return Backup(size_bytes=target.stat().st_size, version=version)


def restore(settings: Settings, backup: Path, *, now: datetime) -> Restored:
    """Make `backup` the store; the former one stays beside it. After a StoreError nothing has changed."""
    if not has_file(settings.store_url):
        name = f"before_{now:%Y%m%dt%H%M%Sz}"
        version = load_dump(settings.store_url, backup, name)
        return Restored(version=version, migrated_to=HEAD, kept=name)
    path = find_file(settings.store_url)
    kept = path.with_name(f"{path.name}.before-{now:%Y%m%dT%H%M%SZ}")
    before = path.exists()
    version = replace_store(settings.store_url, backup, kept)
    return Restored(version=version, migrated_to=HEAD, kept=kept if before else None)
