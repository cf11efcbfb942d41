"""What the servers that run on a store have to tell an admin."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from aggregator.config import parse_settings
from aggregator.errors import ConfigError, StoreError
from aggregator.executor.local import is_dead
from aggregator.statuses import list_server_troubles
from aggregator.store import open_store, processes
from aggregator.store.engine import find_file


def list_notices(store_url: str, *, now: datetime) -> tuple[str, ...]:
    """A sentence for everything that is wrong with a server that runs; nothing where none runs."""
    try:
        if store_url.startswith("sqlite:") and not find_file(store_url).exists():
            return ()
        store = open_store(store_url, migrate=False)
    except StoreError:  # whoever opens it next says why
        return ()
    try:
        with store.read() as tx:
            known = processes.list_processes(tx)
    finally:
        store.close()
    dead = [process for process in known if is_dead(process.owner)]
    running = [process for process in known if process not in dead]
    return (
        *("the server was killed: start it again" for _ in dead),
        *(trouble.text for trouble in list_server_troubles(running, now=now)),
    )


def find_store_url(path: Path, *, environ: Mapping[str, str]) -> str | None:
    """Where the store is by a configuration file that may be full of errors; None: it does not say."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8-sig")).get("store", {}).get("url")
    except (OSError, ValueError, AttributeError):
        written = None
    store = f"url = {json.dumps(written)}" if isinstance(written, str) else ""
    try:
        return parse_settings(f"[store]\n{store}", path=path, environ=environ).store_url
    except ConfigError:
        return None
