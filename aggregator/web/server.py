"""granian in front of the application."""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from wsgiref.types import WSGIApplication

from granian import Granian
from granian.constants import Interfaces

from aggregator.config import load_settings
from aggregator.errors import PortTaken
from aggregator.logs import setup_logging
from aggregator.store import open_store
from aggregator.web import create_app
from aggregator.web.documents import Documents

_WORKERS = 2
# Of each worker. One answers rendered documents a tenth faster, but a hub's push that waits for the store's
# writer would hold up all of them.
_THREADS = 2

_log = logging.getLogger(__name__)


def run_server(
    config_path: Path,
    *,
    host: str,
    port: int,
    on_start: Callable[[], None] = lambda: None,
    on_stop: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT. `on_start` runs once a worker listens, `on_stop` at the end.

    Raises PortTaken.
    """
    address = _find_address(host, port)
    # The poller's threads run in this process: a forked child would inherit their locks in any state.
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        "aggregator.web",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=_WORKERS,
        blocking_threads=_THREADS,
        backpressure=128,
        respawn_failed_workers=True,
        log_level="warning",  # type: ignore[arg-type]
    )
    server.on_startup(partial(_call_when_listening, address, port, on_start))
    server.on_shutdown(on_stop)
    server.serve(target_loader=partial(load_app, config_path, os.getpid()), wrap_loader=False)


def load_app(config_path: Path, parent: int) -> WSGIApplication:
    """Called in each worker process of granian."""
    setup_logging("INFO")
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    settings = load_settings(config_path, environ=os.environ)
    store = open_store(settings.store_url, migrate=False)
    documents = Documents(store)
    threading.Thread(target=documents.follow, args=(threading.Event(),), daemon=True).start()
    return create_app(settings, store, documents=documents).wsgi_app


def _find_address(host: str, port: int) -> str:
    """The IP address to listen on, proven free: granian takes no names and shares a taken port silently."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        return str(address[0])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PortTaken(
            f"cannot listen on {host}, port {port}: {reason}; choose another with --port or --host"
        ) from None


def _call_when_listening(address: str, port: int, on_start: Callable[[], None]) -> None:
    """Workers take seconds to start on a busy machine, and a hub that is asked before could not ask back."""

    def wait() -> None:
        while True:
            try:
                socket.create_connection((address, port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                break
        on_start()

    threading.Thread(target=wait, name="start", daemon=True).start()


def _follow(parent: int) -> None:
    """End with the parent: a worker that outlived a killed server would keep its port."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
