"""`serve` and `worker`: poller and web server under the configuration in force, and how the next takes over.

One thread looks at config.toml. What it finds without errors is taken over by the poller first, which brings
the store in line with it, and then by the web workers, which learn of it from the store (web/server.py).
Nothing that listens is restarted. What is wrong leaves all as it is, and is said in the log, in `status` and
in /metrics.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta

import watchfiles

from aggregator import ops
from aggregator.config import Settings, digest_file, load_settings
from aggregator.errors import ConfigError, StoreError
from aggregator.executor.local import is_dead, make_owner, open_line
from aggregator.schedule import NOTED_EVERY, STOPPING, Poller
from aggregator.store import Store, open_store, processes
from aggregator.store.clock import Clock
from aggregator.web.server import Running, run_server

_LOOK_SECONDS = 1.0  # where no change is told, as of single files mounted into a container
_STEP_MS = 200  # the store lies in the same folder and changes all the time
_SETTLED_SECONDS = 0.2  # editors write in several steps
_HANDING_OVER = timedelta(seconds=5)  # for exchanges under way when the configuration changes

_log = logging.getLogger(__name__)


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    poll: bool,
    log_format: str,
    proxies: int,
    on_start: Callable[[], None],
) -> None:
    """Serve, and poll if so wanted, until SIGTERM or SIGINT; SIGHUP reads the configuration again.

    `on_start` runs once the port is bound. Raises PortTaken, and StoreError for a store that cannot be used.
    """
    with _keeping(settings, poll=poll, log_format=log_format, proxies=proxies) as keeper:
        options = {"on_start": lambda: keeper.start(on_start), "on_hangup": keeper.ask}
        run_server(keeper.running, host=host, port=port, **options)


def work(settings: Settings, *, log_format: str, on_start: Callable[[], None]) -> None:
    """Poll until SIGTERM or SIGINT, beside any number of others; SIGHUP reads the configuration again.

    `on_start` runs once polling begins. Raises StoreError for a store that cannot be used.
    """
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    with _keeping(settings, poll=True, log_format=log_format) as keeper:
        signal.signal(signal.SIGHUP, lambda *_: keeper.ask())
        keeper.start(on_start)
        ending.wait()


@contextmanager
def _keeping(settings: Settings, *, poll: bool, log_format: str, proxies: int = 0) -> Iterator[_Keeper]:
    """What keeps this process at its configuration; the store knows of the process until it ends."""
    digest = digest_file(settings.path)
    polling = _Polling(settings) if poll else None
    if polling is None:
        ops.prepare_store(settings, now=datetime.now(UTC))
    store = open_store(settings.store_url)
    running = Running(settings=settings, owner=make_owner(), number=1, log_format=log_format, proxies=proxies)
    keeper = _Keeper(running, store, digest, polling)
    try:
        now = keeper.now()
        with store.write() as tx:
            processes.record_start(tx, running.owner, polls=poll, digest=digest, now=now, is_dead=is_dead)
        yield keeper
    finally:
        keeper.stop()


class _Polling:
    """A poller with all that it needs, under one configuration, until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        self._stack = ExitStack()
        self._poller = Poller(self._stack.enter_context(open_line(settings)))

    def start(self) -> None:
        self._poller.start()

    def stop(self, patience: timedelta) -> None:
        with self._stack:
            self._poller.stop(patience=patience)


class _Keeper:
    """Keeps poller and web workers at the configuration that config.toml has, as long as that is right."""

    def __init__(self, running: Running, store: Store, digest: str, polling: _Polling | None) -> None:
        self.running = running
        self.now = Clock(store)
        self._store = store
        self._in_force = self._seen = digest
        self._polling = polling
        self._polls = polling is not None
        self._noted_at = self.now()
        self._asked = threading.Event()
        self._stopping = threading.Event()
        self._starting = threading.Lock()  # the server may be told to end while it begins
        self._thread = threading.Thread(target=self._run, name="keeper")

    def start(self, on_start: Callable[[], None]) -> None:
        with self._starting:
            if self._stopping.is_set():
                return
            on_start()
            if self._polling is not None:
                self._polling.start()
            self._thread.start()

    def ask(self) -> None:
        """Have the configuration read again, changed or not."""
        self._asked.set()

    def stop(self) -> None:
        with self._starting:
            self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()
        if self._polling is not None:
            self._polling.stop(STOPPING)
        with suppress(StoreError), self._store.write() as tx:
            processes.remove_process(tx, self.running.owner)
        self._store.close()

    def _run(self) -> None:
        for _ in self._wake():
            try:
                self._look()
                self._note_beat()
            except StoreError as error:
                self._seen = ""  # all over again
                _log.error("the configuration is looked at again in a moment: %s", error)
            except Exception:
                _log.exception("a bug: please report it")

    def _wake(self) -> Iterator[object]:
        """At every change in the folder of config.toml, and every second."""
        try:
            yield from watchfiles.watch(
                self.running.settings.path.parent,
                watch_filter=None,
                step=_STEP_MS,
                stop_event=self._stopping,
                rust_timeout=int(_LOOK_SECONDS * 1000),
                yield_on_timeout=True,
                recursive=False,
            )
        except (OSError, RuntimeError) as error:  # no inotify watch to be had, or the folder has gone
            _log.warning("changes of config.toml are looked for every second: %s", error)
        while not self._stopping.wait(_LOOK_SECONDS):
            yield None

    def _look(self) -> None:
        asked = self._asked.is_set()
        self._asked.clear()
        digest = digest_file(self.running.settings.path)
        if digest == self._seen and not asked:
            return
        while not self._stopping.wait(_SETTLED_SECONDS):
            before, digest = digest, digest_file(self.running.settings.path)
            if digest == before:
                break
        self._seen = digest
        if digest == self._in_force and not asked:
            _log.info("config.toml is again the one in force")
            self._note_problems(())
        else:
            self._reload(digest)

    def _reload(self, digest: str) -> None:
        try:
            settings = load_settings(self.running.settings.path, environ=os.environ)
            _refuse_other_store(settings, self.running.settings)
        except ConfigError as error:
            for problem in error.problems:
                _log.error("not taken over, the configuration in force stays: %s", problem)
            self._note_problems(error.problems)
            return
        for note in (*settings.notes, *settings.refused):
            _log.warning("%s", note)
        self._take_over(settings, digest)

    def _take_over(self, settings: Settings, digest: str) -> None:
        if self._polls:
            # One after the other: what the former one still saved would be sorted by the former sections.
            if self._polling is not None:
                self._polling.stop(_HANDING_OVER)
            self._polling = self._open_polling(settings)
        with self._store.write() as tx:
            processes.record_configuration(tx, self.running.owner, digest=digest, now=self.now())
        self.running.settings, self._in_force = settings, digest
        self.running.number += 1
        sections = len(settings.site.sections)
        _log.info("taken over: %d sources in %d sections", len(settings.sources), sections)

    def _open_polling(self, settings: Settings) -> _Polling | None:
        """The store may be locked for a while, but a poller there must be; None: all stops."""
        while not self._stopping.is_set():
            try:
                polling = _Polling(settings)
            except StoreError as error:
                _log.error("polling goes on as soon as the store can be written to: %s", error)
                self._stopping.wait(_LOOK_SECONDS)
            else:
                polling.start()
                return polling
        return None

    def _note_problems(self, problems: tuple[str, ...]) -> None:
        with self._store.write() as tx:
            processes.record_problems(tx, self.running.owner, problems)

    def _note_beat(self) -> None:
        """Where there is a poller its own heart says that it lives."""
        now = self.now()
        if not self._polls and abs(now - self._noted_at) >= NOTED_EVERY:
            with self._store.write() as tx:
                processes.record_beat(tx, self.running.owner, now=now)
            self._noted_at = now


def _refuse_other_store(settings: Settings, in_force: Settings) -> None:
    if settings.store_url != in_force.store_url:
        raise ConfigError(
            (f"{settings.path}:1: store.url: names another store than the running server has; restart it",)
        )
