"""Slots of the interpreter that user code fills with functions that raise: clocks, trace and profile functions."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from lambda_punch.runtime import threads
from lambda_punch.runtime.modes import Alone, Mode
from lambda_punch.runtime.process import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def refuse(*_: object) -> None:
    raise ValueError("refused")


@pytest.fixture(params=[threading.settrace, threading.setprofile], ids=["settrace", "setprofile"])
def hook(request: pytest.FixtureRequest) -> Iterator[None]:
    """Set a trace or profile function that raises for all new threads."""
    set_hook: Callable[[object], None] = request.param
    get = threading.gettrace if set_hook is threading.settrace else threading.getprofile
    before = get()
    set_hook(refuse)
    yield
    set_hook(before)


def alone() -> Process:
    process = Process(Mode)
    process.become(Alone(process, watched=True))
    return process


def answer(process: Process, *jobs: Callable[[], object]) -> float:
    """One request that pushes jobs; return the seconds for which its end is held."""
    process.begin("request-1", int(time.time() * 1000) + 20_000)
    for job in jobs:
        process.push(job)
    began = time.perf_counter()
    process.respond()
    return time.perf_counter() - began


@pytest.mark.usefixtures("hook")
def test_threads_run_without_a_trace_function_that_raises(errors: list[str]) -> None:
    """Otherwise threading.Thread would end before its first line, and the response would be held to its margin."""
    done: list[str] = []

    held = answer(alone(), lambda: done.append(threading.current_thread().name))

    assert done == [threads.DRAIN]
    assert held < 10
    assert len([line for line in errors if "runs without it" in line]) == 1


def test_a_trace_function_that_works_sees_jobs() -> None:
    """A debugger or a coverage tool, say."""
    seen: list[str] = []

    def trace(frame: object, _event: str, _argument: object) -> None:
        seen.append(frame.f_code.co_name)  # type: ignore[attr-defined]

    def traced_job() -> None:
        """Nothing but being called."""

    before = threading.gettrace()
    threading.settrace(trace)
    try:
        answer(alone(), traced_job)
    finally:
        threading.settrace(before)  # type: ignore[arg-type]

    assert "traced_job" in seen


def test_the_end_of_a_traced_thread_is_seen_and_told(errors: list[str]) -> None:
    """It can be waited for, as any other."""
    before, told = threading.gettrace(), []
    threading.settrace(lambda *_: None)
    try:
        thread = threads.start(threads.WORKER, refuse, told.append)
        thread.join(5)
    finally:
        threading.settrace(before)  # type: ignore[arg-type]

    assert not thread.is_alive()
    assert [str(error) for error in told] == ["refused"]
    assert len([line for line in errors if "lambda-punch-worker has died" in line]) == 1


def test_a_drain_that_a_trace_function_breaks_off_is_not_waited_for(errors: list[str]) -> None:
    """A job sets it for its own thread, so the next call there raises: that job failed, and the others run."""
    process, done = alone(), []

    def act() -> None:
        frame = sys._getframe()
        assert frame is not None
        sys.setprofile(refuse)

    held = answer(process, act, lambda: done.append(1))
    held += answer(process, lambda: done.append(2))

    assert done == [1, 2]
    assert held < 10
    assert errors


def test_jobs_run_after_a_job_has_replaced_the_clocks_by_ones_that_raise(
    monkeypatch: pytest.MonkeyPatch, errors: list[str]
) -> None:
    """A failure is still told: logging asks the clock, too."""
    process, done = alone(), []

    def act() -> None:
        for name in ("time", "monotonic", "sleep"):
            monkeypatch.setattr(time, name, refuse)

    process.begin("request-1", int(time.time() * 1000) + 20_000)
    for job in (act, lambda: done.append(1), refuse):
        process.push(job)
    process.respond()
    process.begin("request-2", process.until_ms)
    process.push(lambda: done.append(2))
    process.respond()
    monkeypatch.undo()

    assert done == [1, 2]


def test_a_line_that_logging_cannot_write_goes_to_stderr(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A promised line comes, whatever a user has done to logging."""
    from lambda_punch._log import logger

    log = logger()
    monkeypatch.setattr("logging.Logger.makeRecord", refuse)
    log.error("job %s failed", "mail")
    monkeypatch.undo()

    assert "[ERROR] lambda_punch: job mail failed" in capfd.readouterr().err
