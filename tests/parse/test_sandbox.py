"""Whatever a document does to its worker, the sandbox says so and goes on."""

from __future__ import annotations

import functools
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from datetime import timedelta

import psutil
import pytest

from aggregator.errors import NotAFeed, ParseError, SandboxKilled
from aggregator.parse.feeds import parse_feed
from aggregator.parse.sandbox import MIN_MEMORY_BYTES, Sandbox

URL = "https://example.org/feed"
TIMEOUT = timedelta(seconds=1)
MEMORY_BYTES = 128 * 1024 * 1024

# One expression in C that never comes back and never lets Python run: no signal handler, no other thread.
STUCK_IN_C = functools.partial(re.match, r"(a+)+$", "a" * 64 + "b")
KILL_OWN_PROCESS = functools.partial(eval, "__import__('os').kill(__import__('os').getpid(), 9)")
SLEEP = functools.partial(eval, "__import__('time').sleep(60)")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2, timeout=TIMEOUT, max_memory_bytes=MEMORY_BYTES) as opened:
        opened.submit(len, b"", url=URL).result(timeout=30)
        yield opened


def test_a_result_comes_back_whole(sandbox: Sandbox) -> None:
    body = b"<rss version='2.0'><channel><item><title>t</title></item></channel></rss>"
    feed = sandbox.submit(functools.partial(parse_feed, body, url=URL), url=URL).result(timeout=30)
    assert feed == parse_feed(body, url=URL)


def test_a_parse_error_comes_back_as_it_was_raised(sandbox: Sandbox) -> None:
    future = sandbox.submit(functools.partial(parse_feed, b"<html></html>", url=URL), url="other")
    with pytest.raises(NotAFeed, match="web page") as caught:
        future.result(timeout=30)
    assert caught.value.url == URL


def test_a_bug_propagates_as_itself(sandbox: Sandbox) -> None:
    with pytest.raises(ZeroDivisionError):
        sandbox.submit(divmod, 1, 0, url=URL).result(timeout=30)


def test_a_timeout_error_of_the_function_is_not_the_time_limit(sandbox: Sandbox) -> None:
    with pytest.raises(TimeoutError, match="of its own"):
        sandbox.submit(exec, "raise TimeoutError('of its own')", url=URL).result(timeout=30)


def test_an_error_that_does_not_pickle_back_does_not_hang_the_others(sandbox: Sandbox) -> None:
    code = "raise type('Odd', (Exception,), {})('words')"  # a class that no other process can import
    with pytest.raises(RuntimeError, match="Odd: words"):
        sandbox.submit(exec, code, url=URL).result(timeout=30)
    assert sandbox.submit(len, b"abc", url=URL).result(timeout=30) == 3


@pytest.mark.parametrize(
    ("function", "words"),
    [
        pytest.param(SLEEP, "longer than 1 s", id="a document that takes too long"),
        pytest.param(STUCK_IN_C, "longer than 1 s", id="a document that C code never comes back from"),
        pytest.param(
            functools.partial(bytearray, 300 * 1024 * 1024), "more than 128 MiB", id="a greedy document"
        ),
        pytest.param(KILL_OWN_PROCESS, r"died while reading it \(signal 9\)", id="a crash"),
        pytest.param(
            functools.partial(eval, "__import__('os')._exit(3)"), "exit status 3", id="a worker that leaves"
        ),
    ],
)
def test_a_killed_worker_is_explained_and_loses_no_other_task(
    sandbox: Sandbox, function: Callable[[], object], words: str
) -> None:
    before = [sandbox.submit(len, b"x" * n, url=URL) for n in range(20)]
    killed = sandbox.submit(function, url=URL)
    after = [sandbox.submit(len, b"x" * n, url=URL) for n in range(20)]
    with pytest.raises(SandboxKilled, match=words) as caught:
        killed.result(timeout=30)
    assert caught.value.url == URL
    assert [f.result(timeout=30) for f in (*before, *after)] == [*range(20), *range(20)]


def test_a_worker_stuck_in_c_is_gone_soon_after_its_limit(sandbox: Sandbox) -> None:
    started = time.monotonic()
    with pytest.raises(SandboxKilled):
        sandbox.submit(STUCK_IN_C, url=URL).result(timeout=30)
    assert time.monotonic() - started < TIMEOUT.total_seconds() + 2


def test_idle_workers_killed_from_outside_are_replaced(sandbox: Sandbox) -> None:
    for worker in _list_workers(os.getpid()):
        worker.kill()
    futures = [sandbox.submit(len, b"x" * n, url=URL) for n in range(10)]
    assert [f.result(timeout=30) for f in futures] == [*range(10)]


def test_memory_of_one_document_is_not_charged_to_the_next(sandbox: Sandbox) -> None:
    for _ in range(6):
        assert (
            sandbox.submit(eval, "len(bytearray(90 * 1024**2))", url=URL).result(timeout=30) == 90 * 1024**2
        )


def test_workers_dump_no_core_and_have_a_memory_limit(sandbox: Sandbox) -> None:
    assert sandbox.submit(resource.getrlimit, resource.RLIMIT_CORE, url=URL).result(timeout=30) == (0, 0)
    soft, hard = sandbox.submit(resource.getrlimit, resource.RLIMIT_AS, url=URL).result(timeout=30)
    assert soft == hard != resource.RLIM_INFINITY


def test_closing_cancels_what_is_not_done_and_leaves_no_process() -> None:
    before = set(_list_workers(os.getpid()))
    sandbox = Sandbox(workers=1, timeout=timedelta(seconds=60), max_memory_bytes=MEMORY_BYTES)
    with sandbox:
        sandbox.submit(len, b"", url=URL).result(timeout=30)
        futures = [sandbox.submit(SLEEP, url=URL) for _ in range(3)]
        workers = set(_list_workers(os.getpid())) - before
        assert len(workers) == 1
    for future in futures:
        with pytest.raises(CancelledError):
            future.result(timeout=5)
    assert not any(w.is_running() and w.status() != psutil.STATUS_ZOMBIE for w in workers)
    with pytest.raises(RuntimeError, match="closed"):
        sandbox.submit(len, b"", url=URL)


def test_too_little_memory_to_work_with_is_refused() -> None:
    with pytest.raises(ValueError, match=str(MIN_MEMORY_BYTES)):
        Sandbox(workers=1, timeout=TIMEOUT, max_memory_bytes=MIN_MEMORY_BYTES - 1)


def test_a_sandbox_outlives_the_thread_that_used_it_first() -> None:
    """Linux sends the parent-death signal when the *thread* ends that started the process."""
    code = """
import threading, time
from datetime import timedelta
from aggregator.parse.sandbox import Sandbox
def pid(): return __import__("os").getpid()
if __name__ == "__main__":
    with Sandbox(workers=1, timeout=timedelta(seconds=9), max_memory_bytes=2**27) as sandbox:
        seen = []
        ask = lambda: seen.append(sandbox.submit(eval, "__import__('os').getpid()", url="").result())
        thread = threading.Thread(target=ask); thread.start(); thread.join()
        time.sleep(0.3); ask()
        print(seen[0] == seen[1])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "True", done.stderr


@pytest.mark.parametrize(
    "task",
    [
        pytest.param("SLEEP", id="asleep"),
        pytest.param("STUCK", id="stuck in C"),
        pytest.param("IDLE", id="idle"),
    ],
)
def test_workers_die_with_a_parent_that_is_killed(task: str) -> None:
    code = f"""
import re, time
from datetime import timedelta
from aggregator.parse.sandbox import Sandbox
if __name__ == "__main__":
    sandbox = Sandbox(workers=2, timeout=timedelta(seconds=600), max_memory_bytes=2**27)
    sandbox.submit(len, b"", url="").result()
    if {task!r} == "SLEEP":
        sandbox.submit(time.sleep, 600, url="")
    if {task!r} == "STUCK":
        sandbox.submit(re.match, "(a+)+$", "a" * 64 + "b", url="")
    time.sleep(0.3)
    print("ready", flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        workers = _list_workers(parent.pid)
        assert len(workers) == 2
        parent.send_signal(signal.SIGKILL)
        parent.wait(timeout=5)
        _, alive = psutil.wait_procs(workers, timeout=5)
        alive = [w for w in alive if w.status() != psutil.STATUS_ZOMBIE]
        for worker in alive:
            worker.kill()
        assert alive == []


def test_sandbox_killed_is_a_parse_error_for_its_callers() -> None:
    assert issubclass(SandboxKilled, ParseError)


def _list_workers(parent_id: int) -> list[psutil.Process]:
    children = psutil.Process(parent_id).children()
    return [c for c in children if any("spawn_main" in part for part in c.cmdline())]
