"""granian in front of the application."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from aggregator.config import Settings, digest_file, load_settings
from aggregator.errors import ConfigError, PortTaken, StoreError
from aggregator.logs import setup_logging
from aggregator.store import Store, open_store, processes
from aggregator.web import close_app, create_app
from aggregator.web.documents import Documents

_WORKERS = 2
# Of each worker. One answers rendered documents a tenth faster, but a hub's push that waits for the store's
# writer would hold up all of them.
_THREADS = 2
# So many more where images are passed on, which take as long as publishers do; granian warns of more.
_WAITING = 4

_STOPPING_SECONDS = 5  # for answers under way
_LOOK_SECONDS = 0.5

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Running:
    """The configuration in force, as a web worker gets it that starts now."""

    settings: Settings
    owner: str  # the process, as the store knows it
    number: int  # of the configuration
    log_format: str
    proxies: int = 0  # reverse proxies of ours in front, whose X-Forwarded-For is believed
    waiting: int = 1  # requests of a worker that may wait for publishers' images at the same time


def run_server(
    running: Running, *, host: str, port: int, on_start: Callable[[], None], on_hangup: Callable[[], None]
) -> None:
    """Serve until SIGTERM or SIGINT. `on_start` runs once a worker listens, `on_hangup` at each SIGHUP.

    Raises PortTaken.
    """
    address = _find_address(host, port)
    # The poller's threads run in this process: a forked child would inherit their locks in any state.
    multiprocessing.set_start_method("spawn", force=True)
    running.waiting = _WAITING if running.settings.site.images_proxied else 1
    server = Granian(
        "aggregator.web",
        address=address,
        port=port,
        interface=Interfaces.WSGI,
        workers=_WORKERS,
        blocking_threads=_THREADS - 1 + running.waiting,
        backpressure=128,
        respawn_failed_workers=True,
        workers_kill_timeout=_STOPPING_SECONDS,
        log_level="warning",  # type: ignore[arg-type]
    )
    server.on_startup(partial(_call_when_listening, address, port, on_start))
    # Not granian's reload: a worker that ends takes the connections with it that it has not accepted.
    server.on_startup(lambda: signal.signal(signal.SIGHUP, lambda *_: on_hangup()))
    server.serve(target_loader=partial(load_app, running, os.getpid()), wrap_loader=False)


def load_app(running: Running, parent: int) -> WSGIApplication:
    """Called in each worker process of granian."""
    setup_logging("INFO", form=running.log_format)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()
    site = _Site(running, open_store(running.settings.store_url, migrate=False))
    threading.Thread(target=site.follow, daemon=True).start()
    return site


class _Site:
    """The application under the configuration in force; from one request to the next it may be another."""

    def __init__(self, running: Running, store: Store) -> None:
        self._running = running
        self._store = store
        self._ended = threading.Event()
        self._made = self._make_app(running.settings)
        self._app = self._made.wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        return self._app(environ, start_response)

    def follow(self) -> None:
        """Take over what the process that polls or serves has taken over, for ever."""
        while True:
            time.sleep(_LOOK_SECONDS)
            try:
                self._look()
            except (StoreError, ConfigError) as error:
                _log.warning("the configuration is looked at again in a moment: %s", error)
            except Exception:
                _log.exception("a bug: please report it")

    def _look(self) -> None:
        with self._store.read() as tx:
            mark = processes.find_mark(tx, self._running.owner)
        path = self._running.settings.path
        # If the file has changed again since, what it says now waits for the same judgement.
        if mark is None or mark.number == self._running.number or mark.digest != digest_file(path):
            return
        settings = load_settings(path, environ=os.environ)
        former = self._ended
        self._ended = threading.Event()
        made, self._made = self._made, self._make_app(settings)
        self._app = self._made.wsgi_app
        self._running.settings, self._running.number = settings, mark.number
        former.set()
        close_app(made)

    def _make_app(self, settings: Settings) -> Flask:
        documents = Documents(self._store)
        threading.Thread(target=documents.follow, args=(self._ended,), daemon=True).start()
        options = {"proxies": self._running.proxies, "waiting": self._running.waiting}
        return create_app(settings, self._store, documents=documents, **options)


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
