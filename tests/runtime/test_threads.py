"""Threads: their table, their deaths, and those who wait for them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambda_punch.runtime import threads
from lambda_punch.runtime.modes import Alone, Mode
from lambda_punch.runtime.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent.parent


def rows(text: str) -> list[list[str]]:
    """The table of threads, cell by cell."""
    lines = [line for line in text.splitlines() if line.startswith("| `lambda-punch-")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_in_the_docs_is_the_one_in_the_code() -> None:
    """Cell by cell; and every name that the library gives a thread is in it."""
    table = rows(threads.__doc__ or "")
    names = {value for name, value in vars(threads).items() if name.isupper() and isinstance(value, str)}

    assert rows((ROOT / "docs" / "how-it-works.md").read_text()) == table
    assert {row[0].strip("`") for row in table} == names


@pytest.mark.parametrize("error", [ValueError("broken"), SystemExit(3), KeyboardInterrupt()])
def test_the_death_of_a_thread_is_one_line_and_others_are_told(error: BaseException, errors: list[str]) -> None:
    """Whatever error it died of."""

    def body() -> None:
        raise error

    told: list[BaseException] = []
    thread = threads.start(threads.WORKER, body, told.append)
    thread.join(5)

    assert told == [error]
    assert [line for line in errors if "lambda-punch-worker has died; the drain goes on without it" in line] == errors
    assert len(errors) == 1


def refuse_threads(monkeypatch: pytest.MonkeyPatch, *, after: int = 0) -> Callable[[], None]:
    """Have the system refuse threads, as at a limit; return what lifts it."""
    started: list[object] = []
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name.startswith("lambda-punch"):
            started.append(thread)
            if len(started) > after:
                raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    return lambda: monkeypatch.setattr(threading.Thread, "start", start)


def test_where_no_thread_can_be_had_jobs_wait_and_the_next_request_tries_again(
    monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    """The response is not held for a thread that is not there."""
    process, done = Process(Mode), threading.Event()
    process.become(Alone(process, watched=True))
    process.begin("request-1", int(time.time() * 1000) + 60_000)
    lift = refuse_threads(monkeypatch)
    process.push(done.set)
    began = time.monotonic()
    process.respond()

    assert time.monotonic() - began < 5
    assert errors == [
        "jobs wait for the next request, because the system refuses a thread to run them on: can't start new thread"
    ]
    lift()
    process.begin("request-2", int(time.time() * 1000) + 60_000)
    process.respond()
    assert done.is_set()


def test_refused_helpers_leave_the_drain_to_those_it_has(
    monkeypatch: pytest.MonkeyPatch, errors: list[str], workers: None
) -> None:
    """All jobs run, this time and the next."""
    process, done = Process(Mode), []
    process.become(Alone(process, watched=True))
    lift = refuse_threads(monkeypatch, after=1)
    for number in range(2):
        process.begin(f"request-{number}", int(time.time() * 1000) + 60_000)
        for _ in range(3):
            process.push(done.append, number)
        process.respond()
    lift()

    assert sorted(done) == [0, 0, 0, 1, 1, 1]
    assert errors == ["jobs run on 1 threads at a time, because the system refuses more: can't start new thread"] * 2


@pytest.fixture
def workers() -> object:
    from lambda_punch import _settings

    before = _settings.restore({"workers": 2})
    yield
    _settings.restore(before)


def test_a_worker_whose_thread_has_died_gets_a_new_one(errors: list[str]) -> None:
    """And nobody waits for the dead one."""
    process = Process(Mode)
    process.become(Alone(process, watched=True))
    drain, run = process.drain, process.drain.run

    def die(until: float) -> object:
        raise MemoryError

    drain.run = die  # type: ignore[assignment,method-assign]  # some fault in the library
    assert process.worker.drain(time.time() + 60)
    drain.run = run  # type: ignore[method-assign]
    process.release_all()
    process.push(print)

    assert process.worker.drain(time.time() + 60)
    assert len(process.queue) == 0
    assert [line for line in errors if "lambda-punch-drain has died" in line] == errors
