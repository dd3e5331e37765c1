"""Threads are kept, so what a job keeps for its thread is made once for each of them."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from lambda_punch import _settings
from lambda_punch.runtime import threads
from lambda_punch.runtime.crew import Crew

from .test_drain import FOREVER, Bench


def test_a_thread_is_kept_and_used_again() -> None:
    crew, seen = Crew(threads.WORKER), []
    for _ in range(20):
        crew.start(lambda: seen.append(threading.get_ident())).join(5)
        while not crew._idle:  # it says that it has ended just before it rests
            pass

    assert len(set(seen)) == 1


def test_a_thread_that_does_not_come_back_is_not_waited_for() -> None:
    crew, release, seen = Crew(threads.WORKER), threading.Event(), []
    stuck = crew.start(release.wait)
    crew.start(lambda: seen.append(1)).join(5)
    stuck.join(0.01)
    release.set()

    assert seen == [1]


def test_those_who_wait_go_on_when_the_body_raises(caplog: Any) -> None:
    def bad() -> None:
        raise SystemExit

    crew = Crew(threads.WORKER)
    crew.start(bad).join(5)
    done = threading.Event()
    crew.start(done.set).join(5)

    assert done.is_set()


def test_a_forked_child_begins_without_any() -> None:
    crew = Crew(threads.WORKER)
    crew.start(lambda: None).join(5)
    while not crew._idle:
        pass
    pid = os.fork()
    if pid == 0:
        done = threading.Event()
        crew.start(done.set)
        os._exit(0 if done.wait(5) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.parametrize("workers", [2, 4])
def test_thread_locals_of_jobs_are_bounded_by_the_workers(workers: int) -> None:
    """However many requests there are."""
    before = _settings.restore({"workers": workers})
    local, made, bench = threading.local(), [], Bench()

    def job() -> None:
        if not hasattr(local, "connection"):
            local.connection = object()
            made.append(1)

    for _ in range(25):
        for _ in range(6):
            bench.push(job)
        bench.drain.run(FOREVER)
    _settings.restore(before)

    assert len(made) <= workers
