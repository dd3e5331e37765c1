"""A time limit leaves nothing behind: neither an exception that comes late, nor an interpreter that goes on waiting for one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from lambda_punch.errors import JobTimeoutError
from lambda_punch.runtime import threads, time_limit
from lambda_punch.runtime.time_limit import Limit, TimeIsUp, interrupted_after, limited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def end_early() -> None:
    """End long before the limit."""
    with interrupted_after(60):
        pass


def be_interrupted() -> None:
    """Be stopped, and end there."""

    def turn() -> None:
        while True:
            pass

    with pytest.raises(JobTimeoutError, match="turn was stopped after 0.01 s"):
        limited(turn, 0.01)()


def swallow_it() -> None:
    """Catch the exception, as ``except BaseException`` does, and go on."""
    until = time.monotonic() + 30
    with interrupted_after(0.01):
        try:
            while time.monotonic() < until:
                pass
        except BaseException:  # noqa: BLE001 - that is what users write
            pass


def late() -> None:
    """Be told by another thread at the very end, while this thread is in ``end``."""
    for _ in range(50):
        limit = Limit()
        thread = threading.Thread(target=limit.act)
        try:
            thread.start()
            limit.end()
        except TimeIsUp:
            limit.end()
        thread.join()


def turn() -> None:
    """Whatever is still to be raised in this thread would be raised here."""
    for _ in range(100_000):
        pass


@pytest.fixture
def elsewhere() -> Iterator[ThreadPoolExecutor]:
    """Run jobs on a thread of their own: on the main one, SIGALRM goes to the handler that limits this test."""
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.mark.parametrize("job", [end_early, be_interrupted, swallow_it, late])
def test_a_traced_thread_runs_after_any_end_of_a_limited_job(
    elsewhere: ThreadPoolExecutor, job: Callable[[], None]
) -> None:
    """A debugger, a profiler or a coverage tool traces threads. On CPython 3.11 such a thread would stand for ever."""
    ended = threading.Event()
    elsewhere.submit(job).result(30)

    before = threading.gettrace()
    threading.settrace(lambda *_: None)
    try:
        threads.start(threads.WORKER, ended.set)
        assert ended.wait(20)
    finally:
        threading.settrace(before)  # type: ignore[arg-type]


@pytest.mark.parametrize("job", [end_early, be_interrupted, swallow_it, late])
def test_nothing_is_raised_after_the_end(elsewhere: ThreadPoolExecutor, job: Callable[[], None]) -> None:
    elsewhere.submit(job).result(30)
    elsewhere.submit(turn).result(30)


def test_the_interrupt_of_a_longer_limit_passes_through_a_shorter_one_s_handler(elsewhere: ThreadPoolExecutor) -> None:
    """It is not the inner one that is over, so the job cannot take it for that, and is stopped."""
    caught = []

    def turn_for_a_second() -> None:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            pass

    def outer() -> None:
        for _ in range(2):
            try:
                limited(turn_for_a_second, 25)()
            except JobTimeoutError as error:
                caught.append(error)

    with pytest.raises(JobTimeoutError, match="outer was stopped after 0.1 s"):
        elsewhere.submit(limited(outer, 0.1)).result(20)
    assert caught == []


def test_limits_that_have_ended_are_not_kept_until_they_are_due(elsewhere: ThreadPoolExecutor) -> None:
    """A function with job_timeout=900 would keep those of fifteen minutes."""

    def many() -> int:
        for _ in range(2000):
            with interrupted_after(900):
                pass
        return len(time_limit._Watch.here()._limits)

    assert elsewhere.submit(many).result(60) < 1000
