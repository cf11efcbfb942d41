"""The HTTP client: any number of threads ask, one background thread talks to all servers through libcurl."""

from __future__ import annotations

import selectors
import socket
import threading
from collections import Counter, deque
from contextlib import suppress
from time import monotonic
from types import TracebackType

import certifi
import pycurl

from aggregator.errors import Interrupted
from aggregator.fetch.exchange import Exchange, Hop, conclude, limit_answer, open_exchange, prepare
from aggregator.model import FetchPolicy, FetchRequest, FetchResult


class Client:
    """Fetches over HTTP and HTTPS, as `policy` has it; one client serves any number of threads.

    Connections are kept and used again. No cookies, no Referer, no .netrc, and no proxy: the environment is
    not asked. `ca_file` (PEM) replaces certifi's certificates.
    """

    def __init__(self, policy: FetchPolicy, *, ca_file: str | None = None) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._inbox: deque[Exchange] = deque()
        self._bell, ear = socket.socketpair()
        self._bell.setblocking(False)
        self._driver = _Driver(policy, ca_file or certifi.where(), self._inbox, ear)
        self._thread = threading.Thread(target=self._run, name="fetch", daemon=True)
        self._thread.start()

    def fetch(self, request: FetchRequest) -> FetchResult:
        """GET the URL, follow redirects, return the last answer, whatever its status.

        With something to be posted: POST it, follow nothing, and take no more than a short answer.

        Blocks. The timeout of the request counts while the exchange is on, not while it waits for its turn
        behind others to the same host. The request's own headers (and `user:password@` of its URL) go to the
        origin of the URL alone; validators go along on every hop.

        Raises FetchError, most often one of its subclasses; Interrupted if the client is or gets closed.
        """
        exchange = open_exchange(request)
        with self._lock:
            if self._closed:
                raise Interrupted("the fetch client is closed")
            self._inbox.append(exchange)
            self._ring()
        return exchange.future.result()

    def close(self) -> None:
        """End all exchanges, connections and the background thread. Closing twice is allowed."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._driver.stopping = True
                self._ring()
        self._thread.join()
        self._bell.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # full: enough wake-ups are on their way
            self._bell.send(b"\0")

    def _run(self) -> None:
        try:
            self._driver.run()
        finally:
            with self._lock:
                self._closed = True
            self._driver.close()


# --- the background thread ------------------------------------------------------------------------


class _Driver:
    """All that belongs to the background thread; others touch nothing but `stopping` and the inbox."""

    def __init__(self, policy: FetchPolicy, ca_file: str, inbox: deque[Exchange], ear: socket.socket) -> None:
        self.stopping = False
        self._policy = policy
        self._ca_file = ca_file
        self._inbox = inbox
        self._ear = ear
        self._waiting: deque[Exchange] = deque()
        self._running: dict[pycurl.Curl, Exchange] = {}
        self._busy: Counter[str] = Counter()  # exchanges running per host
        self._free: list[pycurl.Curl] = []
        self._handed: list[socket.socket] = []
        self._wake_at: float | None = None  # libcurl's next timer
        self._selector = selectors.DefaultSelector()
        ear.setblocking(False)
        self._selector.register(ear, selectors.EVENT_READ)
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._on_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._on_timer)
        self._multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, policy.concurrency)
        self._multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, policy.per_host)
        self._multi.setopt(pycurl.M_MAXCONNECTS, policy.concurrency)

    def run(self) -> None:
        while not self.stopping:
            self._wait()
            finished = self._collect()
            arrived = self._take_in()
            if finished or arrived:
                self._start_waiting()

    def close(self) -> None:
        for easy in self._running:
            self._multi.remove_handle(easy)
        for exchange in (*self._running.values(), *self._waiting, *self._inbox):
            exchange.future.set_exception(Interrupted("the fetch client was closed"))
        for easy in (*self._running, *self._free):
            easy.close()
        self._multi.close()
        self._selector.close()
        self._ear.close()

    def _wait(self) -> None:
        timeout = None if self._wake_at is None else max(0.0, self._wake_at - monotonic())
        for key, events in self._selector.select(timeout):
            if key.fileobj is self._ear:
                with suppress(BlockingIOError):
                    self._ear.recv(4096)
                continue
            reads = pycurl.CSELECT_IN if events & selectors.EVENT_READ else 0
            writes = pycurl.CSELECT_OUT if events & selectors.EVENT_WRITE else 0
            self._act(key.fd, reads | writes)
        if self._wake_at is not None and self._wake_at <= monotonic():
            self._wake_at = None
            self._act(pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, fd: int, events: int) -> None:
        self._multi.socket_action(fd, events)
        while self._handed:
            self._handed.pop().close()  # pycurl works on duplicates

    def _on_timer(self, timeout_ms: int) -> None:
        self._wake_at = None if timeout_ms < 0 else monotonic() + timeout_ms / 1000

    def _on_socket(self, what: int, fd: int, multi: pycurl.CurlMulti, data: object) -> None:
        known = fd in self._selector.get_map()
        if what == pycurl.POLL_REMOVE:
            if known:
                self._selector.unregister(fd)
            return
        reads = selectors.EVENT_READ if what in (pycurl.POLL_IN, pycurl.POLL_INOUT) else 0
        writes = selectors.EVENT_WRITE if what in (pycurl.POLL_OUT, pycurl.POLL_INOUT) else 0
        if known:
            self._selector.modify(fd, reads | writes)
        else:
            self._selector.register(fd, reads | writes)

    def _start_waiting(self) -> None:
        blocked: deque[Exchange] = deque()
        while self._waiting and len(self._running) < self._policy.concurrency:
            exchange = self._waiting.popleft()
            if self._busy[exchange.host] < self._policy.per_host:
                self._start(exchange)
            else:
                blocked.append(exchange)
        blocked.extend(self._waiting)
        self._waiting = blocked

    def _start(self, exchange: Exchange) -> None:
        easy = self._free.pop() if self._free else pycurl.Curl()
        try:
            policy = limit_answer(exchange.request, self._policy)
            exchange.hop = Hop(exchange.url, policy, self._handed)
            prepare(easy, exchange, policy, self._ca_file)
        except Exception as error:  # FetchError or bug: it is the asking thread's, the driver goes on
            exchange.future.set_exception(error)
            self._keep(easy)
            return
        self._busy[exchange.host] += 1
        self._running[easy] = exchange
        self._multi.add_handle(easy)

    def _take_in(self) -> bool:
        before = len(self._waiting)
        while self._inbox:
            self._waiting.append(self._inbox.popleft())
        return len(self._waiting) > before

    def _collect(self) -> bool:
        """End what libcurl is done with; whether there was any."""
        queued, before = 1, len(self._running)
        while queued:
            queued, done, failed = self._multi.info_read()
            for easy in done:
                self._finish(easy, pycurl.E_OK, "")
            for easy, code, words in failed:
                self._finish(easy, code, words)
        return len(self._running) < before

    def _finish(self, easy: pycurl.Curl, code: int, words: str) -> None:
        exchange = self._running.pop(easy)
        self._multi.remove_handle(easy)
        self._busy -= Counter((exchange.host,))  # drops what falls to zero
        try:
            policy = limit_answer(exchange.request, self._policy)
            result = conclude(easy, code, words, exchange, policy)
        except Exception as error:  # as above
            exchange.future.set_exception(error)
        else:
            if result is None:
                self._waiting.appendleft(exchange)
            else:
                exchange.future.set_result(result)
        self._keep(easy)

    def _keep(self, easy: pycurl.Curl) -> None:
        easy.reset()
        self._free.append(easy)
