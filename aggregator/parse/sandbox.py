"""Worker processes that read what strangers wrote, and are killed when that takes too much."""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
import os
import pickle
import resource
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import psutil
from pebble import ProcessExpired, ProcessPool

from aggregator.errors import Interrupted, SandboxKilled
from aggregator.parse.document import TELL

T = TypeVar("T")

MIN_MEMORY_BYTES = 64 * 1024 * 1024  # less than that, and a worker cannot take a body off its pipe
_MEMORY_EXIT = 77  # exit status of a worker whose memory ran out
_ALARM_GRACE = timedelta(seconds=5)
_PR_SET_PDEATHSIG = 1  # prctl(2)
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limits:
    seconds: float
    max_memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task(Generic[T]):
    function: Callable[..., T]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    url: str
    future: Future[T] = field(default_factory=Future)


# --- in the worker --------------------------------------------------------------------------------


def _prepare_worker(parent_id: int) -> None:
    # pebble's own handler for SIGTERM runs when C code returns, which a regular expression may never do.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent_id:  # it died before the line above
            os._exit(1)


def _run(function: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any], limits: _Limits) -> T:
    """The task within its limits. The alarm ends it also when nobody is left to watch the clock."""
    _limit_memory(limits.max_memory_bytes)
    signal.setitimer(signal.ITIMER_REAL, limits.seconds + _ALARM_GRACE.total_seconds())
    try:
        return function(*args, **kwargs)
    except MemoryError:
        os._exit(_MEMORY_EXIT)  # what is left of the heap may be too little for the next task
    except Exception as error:
        raise _make_portable(error) from error
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@functools.cache  # once per worker, before its first task and after the imports that task needs
def _limit_memory(max_memory_bytes: int) -> None:
    limit = psutil.Process().memory_info().vms + max_memory_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _make_portable(error: Exception) -> Exception:
    """An exception that does not survive pickling would end the pool's reader thread, and hang everyone."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes of a moment ago
    except Exception:
        return RuntimeError(f"{type(error).__qualname__}: {error}")
    return error


# --- in the parent --------------------------------------------------------------------------------


class Sandbox:
    """A fixed number of worker processes, each task under limits of time and memory.

    Workers start with the first task and die with this process, also when it is killed. `with` closes it.
    """

    def __init__(self, *, workers: int, timeout: timedelta, max_memory_bytes: int) -> None:
        """`timeout` is for each task from its start; `max_memory_bytes` is what a worker may use on top of
        its program. Raises ValueError below MIN_MEMORY_BYTES.
        """
        if max_memory_bytes < MIN_MEMORY_BYTES:
            raise ValueError(f"max_memory_bytes must be at least {MIN_MEMORY_BYTES}, not {max_memory_bytes}")
        self._workers = workers
        self._limits = _Limits(seconds=timeout.total_seconds(), max_memory_bytes=max_memory_bytes)
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._closed = False
        self._pending: set[Future[Any]] = set()
        # Linux kills a worker with the thread that started it: this thread lives as long as the sandbox.
        self._keeper = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, function: Callable[..., T], *args: Any, url: str, **kwargs: Any) -> Future[T]:
        """Runs `function(*args, **kwargs)` in a worker; function, arguments and result must pickle.

        `url` is what the error names and is not passed on. `result()` of the future raises what the function
        raised; SandboxKilled when it took too long, ran out of memory or its process died. `cancel()` drops
        the result. Raises Interrupted when the sandbox is closed.
        """
        task = _Task(function=function, args=args, kwargs=kwargs, url=url)
        with self._lock:
            self._pending.add(task.future)
        task.future.add_done_callback(self._forget)
        try:
            self._schedule(task, _ATTEMPTS)
        except RuntimeError:
            task.future.cancel()
            raise
        return task.future

    def close(self) -> None:
        """Kills the workers at once; tasks that are not done are cancelled."""
        with self._lock:
            self._closed = True
            pool, self._pool = self._pool, None
            pending = tuple(self._pending)
        for future in pending:
            future.cancel()
        if pool is not None:
            _dispose(pool)
        self._keeper.shutdown()

    def _schedule(self, task: _Task[T], attempts: int) -> None:
        arguments = (task.function, task.args, task.kwargs, self._limits)
        try:
            running = self._get_pool().schedule(_run, args=arguments, timeout=self._limits.seconds)
        except RuntimeError:  # the pool broke since it was looked at
            if attempts == 1 or self._closed:
                raise
            self._schedule(task, attempts - 1)
        else:
            running.add_done_callback(lambda done: self._settle(task, done, attempts))

    def _get_pool(self) -> ProcessPool:
        with self._lock:
            if self._closed:
                raise Interrupted("the sandbox is closed")
            if self._pool is not None and not self._pool.active:
                # Not here: this may be one of the threads that disposing of the pool waits for.
                threading.Thread(target=_dispose, args=(self._pool,), daemon=True).start()
                self._pool = None
            if self._pool is None:
                self._pool = self._keeper.submit(_start_pool, self._workers).result()
            return self._pool

    def _settle(self, task: _Task[T], done: Future[T], attempts: int) -> None:
        if done.cancelled():
            task.future.cancel()
            return
        error = done.exception()
        if isinstance(error, BrokenProcessPool) and attempts > 1 and not self._closed:
            self._schedule_again(task, attempts - 1)
        elif not task.future.set_running_or_notify_cancel():
            return
        elif error is None:
            task.future.set_result(done.result())
        else:
            task.future.set_exception(_translate(error, task.url, self._limits))

    def _schedule_again(self, task: _Task[T], attempts: int) -> None:
        """For the tasks of a pool that broke because an idle worker was killed from outside."""
        try:
            self._schedule(task, attempts)
        except RuntimeError:
            task.future.cancel()

    def _forget(self, future: Future[Any]) -> None:
        with self._lock:
            self._pending.discard(future)


def _start_pool(workers: int) -> ProcessPool:
    pool = ProcessPool(
        max_workers=workers,
        initializer=_prepare_worker,
        initargs=(os.getpid(),),
        context=multiprocessing.get_context("spawn"),
    )
    assert pool.active  # asking starts the workers, in the thread that asks
    return pool


def _dispose(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call] # pebble leaves it without annotations
    pool.join()


def _translate(error: BaseException, url: str, limits: _Limits) -> BaseException:
    seconds = f"reading it took longer than {limits.seconds:g} s and was ended: {TELL}"
    memory = f"reading it needed more than {limits.max_memory_bytes // 1024**2} MiB of memory: {TELL}"
    if isinstance(error, TimeoutError) and error.args[:1] == ("Task timeout",):
        return SandboxKilled(seconds, url=url)
    if isinstance(error, BrokenProcessPool):
        return SandboxKilled("the worker processes died again and again", url=url)
    if not isinstance(error, ProcessExpired):
        return error
    if error.exitcode == _MEMORY_EXIT:
        return SandboxKilled(memory, url=url)
    if error.exitcode == -signal.SIGALRM:
        return SandboxKilled(seconds, url=url)
    cause = f"signal {-error.exitcode}" if error.exitcode < 0 else f"exit status {error.exitcode}"
    return SandboxKilled(f"the worker process died while reading it ({cause})", url=url)
