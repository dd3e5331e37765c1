"""The drain: what it runs, what it leaves, and what it survives."""

from __future__ import annotations

import functools
import logging
import sys
import threading
import time
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch import _settings
from lambda_punch.runtime.background_loop import BackgroundLoop
from lambda_punch.runtime.drain import Drain
from lambda_punch.runtime.queue import ALL, PunchQueue
from lambda_punch.runtime.start import process
from lambda_punch.runtime.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambda_punch.runtime.punch import Punch

FOREVER = float("inf")


class Bench:
    """A queue with a drain, whose errors are kept."""

    lost_handler = spill = None
    forked = False

    def __init__(self) -> None:
        self.errors: list[tuple[str, str]] = []
        self.settled: list[int] = []
        self.hooks: list[Callable[[Any], Any]] = []
        self.queue = PunchQueue()
        self.queue.released = ALL
        self.loop = BackgroundLoop()
        self.tasks = Tasks(process)
        self.error_handler: Callable[[BaseException, Punch], Any] | None = self.keep
        self.drain = Drain(self)

    def keep(self, error: BaseException, punch: Punch) -> None:
        self.errors.append((type(error).__name__, punch.name))

    def settle(self, number: int) -> None:
        self.settled.append(number)

    def push(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.queue.add((function, args, kwargs or None, "request-1", 0, copy_context(), 0, None))


@pytest.fixture
def four_workers() -> Iterator[None]:
    before = _settings.restore({"workers": 4})
    yield
    _settings.restore(before)


def test_jobs_run_in_the_order_pushed_with_their_arguments() -> None:
    """And the counts tell what was done."""
    bench, done = Bench(), []
    for number in range(3):
        bench.push(lambda *args, **kwargs: done.append((args, kwargs)), number, word="w")

    assert bench.drain.run(FOREVER) == (3, 0, 0)
    assert done == [((number,), {"word": "w"}) for number in range(3)]


def test_other_threads_get_their_turn_sooner_while_jobs_run() -> None:
    """Threads change more often during a drain, and as often as before after it, also after a failure."""
    bench, during = Bench(), []
    sys.setswitchinterval(before := 0.005)
    bench.push(lambda: during.append(sys.getswitchinterval()))
    bench.push(lambda: 1 / 0)
    bench.drain.run(FOREVER)

    assert during == [pytest.approx(0.0002, rel=0.01)]
    assert sys.getswitchinterval() == before


def test_no_job_starts_when_the_time_is_over() -> None:
    """What is left waits for the next drain."""
    bench, done = Bench(), []
    bench.push(done.append, 1)

    assert bench.drain.run(time.time()) == (0, 0, 1)
    assert bench.drain.run(FOREVER) == (1, 0, 0)
    assert done == [1]


def test_the_time_is_looked_at_before_each_job() -> None:
    """A job that uses up the time keeps the next one from starting."""
    bench, done = Bench(), []
    bench.push(lambda: bench.drain.shorten(0.0))
    bench.push(done.append, 1)

    assert bench.drain.run(FOREVER) == (1, 0, 1)


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_whatever_a_job_raises_the_next_one_runs(error: type[BaseException]) -> None:
    """The error handler gets the error and the job."""

    def fail() -> None:
        raise error

    bench, done = Bench(), []
    bench.push(fail)
    bench.push(done.append, 1)

    assert bench.drain.run(FOREVER) == (2, 1, 0)
    assert done == [1]
    assert [name for name, _ in bench.errors] == [error.__name__]


def test_a_generator_function_is_an_error_and_not_silently_nothing() -> None:
    """Calling one runs nothing of it."""

    def generator() -> Any:
        yield 1

    bench = Bench()
    bench.push(generator)

    assert bench.drain.run(FOREVER) == (1, 1, 0)
    assert bench.errors[0][0] == "TypeError"


def test_async_jobs_are_awaited_in_their_context() -> None:
    """On a loop that stays the same from job to job."""
    import asyncio

    variable: ContextVar[str] = ContextVar("variable")
    seen = []

    async def job() -> None:
        await asyncio.sleep(0)
        seen.append((variable.get(), id(asyncio.get_running_loop())))

    bench = Bench()
    for value in ("one", "two"):
        token = variable.set(value)
        bench.push(job)
        variable.reset(token)
    bench.drain.run(FOREVER)

    assert [value for value, _ in seen] == ["one", "two"]
    assert len({loop for _, loop in seen}) == 1


@pytest.mark.usefixtures("four_workers")
def test_workers_share_the_jobs_and_each_runs_once() -> None:
    """Four workers, five hundred jobs, some of which push another."""
    bench, done, lock = Bench(), [], threading.Lock()

    def job(number: int) -> None:
        with lock:
            done.append(number)
        if number < 100:
            bench.push(job, number + 1000)

    for number in range(400):
        bench.push(job, number)

    assert bench.drain.run(FOREVER) == (500, 0, 0)
    assert sorted(done) == [*range(400), *range(1000, 1100)]


def test_a_second_drain_waits_for_the_first() -> None:
    """Two threads never run jobs at the same time with one worker."""
    bench, inside, overlap = Bench(), threading.Lock(), []

    def job() -> None:
        overlap.append(not inside.acquire(blocking=False))
        inside.release()

    for _ in range(200):
        bench.push(job)
    threads = [threading.Thread(target=bench.drain.run, args=(FOREVER,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert overlap == [False] * 200


def test_a_running_job_is_named() -> None:
    """While it runs, with the request that pushed it; also through a partial."""
    bench = Bench()
    bench.push(functools.partial(lambda into: into.extend(bench.drain.under_way), names := []))
    bench.drain.run(FOREVER)

    assert [job.request_id for job in names] == ["request-1"]
    assert names[0].name.endswith("test_a_running_job_is_named.<locals>.<lambda>")
    assert not bench.drain.busy


def test_a_log_handler_that_fails_does_not_end_the_drain(monkeypatch: pytest.MonkeyPatch) -> None:
    """awslambdaric's fails if no descriptor is left to format a traceback; then the line comes without it."""
    lines = []

    class Failing(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            if record.exc_info:
                raise OSError(24, "Too many open files")
            lines.append(record.getMessage())
            return True

    monkeypatch.setattr(logging.getLogger("lambda_punch"), "handlers", [Failing()])
    monkeypatch.setattr(logging.getLogger("lambda_punch"), "propagate", False)
    bench, done = Bench(), []
    bench.error_handler = None
    bench.push(lambda: 1 / 0)
    bench.push(done.append, 1)

    assert bench.drain.run(FOREVER) == (2, 1, 0)

    assert done == [1]
    assert [line.rpartition(": ")[2] for line in lines] == ["ZeroDivisionError"]


def test_jobs_are_told_apart_without_a_look_at_their_arguments(four_workers: None, caplog: Any) -> None:
    """An array of numpy, for one, raises when it is asked whether it equals another."""

    class Array:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise ValueError("ambiguous")

    bench, begun, release = Bench(), threading.Barrier(3), threading.Event()

    def job(_array: Array) -> None:
        begun.wait(10)
        release.wait(10)

    bench.push(job, Array())
    bench.push(job, Array())
    running = threading.Thread(target=bench.drain.run, args=(FOREVER,))
    running.start()
    begun.wait(10)
    assert bench.drain.note_overdue() is False
    assert bench.drain.note_overdue() is False
    release.set()
    running.join(10)

    assert sum("outlasted its invoke" in record.getMessage() for record in caplog.records) == 2
    assert bench.errors == []
