"""The event loop that all async jobs share: whatever a coroutine does, who waits for it is told."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.errors import EventLoopError
from lambda_punch.runtime import threads
from lambda_punch.runtime.background_loop import BackgroundLoop

if TYPE_CHECKING:
    from collections.abc import Callable


async def number(value: int) -> int:
    await asyncio.sleep(0)
    return value


async def stop() -> int:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return 7


async def leave() -> None:
    sys.exit(3)


async def leave_by_a_task() -> int:
    task = asyncio.ensure_future(leave())
    await asyncio.wait({task})
    return 8


@pytest.fixture
def loop() -> BackgroundLoop:
    return BackgroundLoop()


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, ValueError])
def test_what_a_coroutine_raises_is_its_own(loop: BackgroundLoop, error: type[BaseException]) -> None:
    """Also an error that would end the loop; the next coroutine runs on the same loop."""

    async def fail() -> None:
        raise error

    first = loop.loop()
    with pytest.raises(error):
        loop.run(fail())

    assert loop.run(number(1)) == 1
    assert loop.loop() is first


def test_a_loop_that_is_stopped_goes_on(loop: BackgroundLoop, errors: list[str]) -> None:
    """The coroutine that stopped it comes to its end, and so do the others on it."""
    other = loop.submit(asyncio.wait_for(asyncio.sleep(0.01, 9), 5))

    assert loop.run(stop()) == 7
    assert other.result(5) == 9
    assert errors[0] == "a job stopped the event loop that all async jobs share; it goes on"


def test_a_task_that_ends_the_loop_is_logged_and_the_loop_goes_on(loop: BackgroundLoop, errors: list[str]) -> None:
    """A job has made the task, so nothing else would report its error."""
    assert loop.run(leave_by_a_task()) == 8
    assert errors == ["SystemExit(3) ended the event loop that all async jobs share; it goes on"]


def test_what_was_on_a_loop_that_is_closed_has_failed_and_the_next_one_gets_a_new_loop(
    loop: BackgroundLoop, errors: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever. It can be closed only while it stands: here, when it is told that it was stopped."""
    first = loop.loop()

    class Closing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "stopped the event loop" in record.getMessage():
                first.close()

    async def stop_and_wait() -> None:
        first.stop()
        await asyncio.Event().wait()

    monkeypatch.setattr(logging.getLogger("lambda_punch"), "handlers", [Closing()])
    with pytest.raises(RuntimeError, match="event loop"):
        loop.run(stop_and_wait())

    assert loop.run(number(2)) == 2
    assert loop.loop() is not first


def test_the_loops_own_thread_is_told_that_it_cannot_wait_for_itself(loop: BackgroundLoop) -> None:
    """Otherwise it would wait for ever."""

    async def waits_for_itself() -> Any:
        return loop.run(number(3))

    with pytest.raises(RuntimeError, match="await it instead"):
        loop.run(waits_for_itself())


def test_a_refused_thread_leaves_no_loop_behind(loop: BackgroundLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each holds three descriptors, and a function whose threads are refused asks for one at every request."""
    made: list[asyncio.AbstractEventLoop] = []
    make = asyncio.new_event_loop

    def new_event_loop() -> asyncio.AbstractEventLoop:
        made.append(make())
        return made[-1]

    def refuse(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(asyncio, "new_event_loop", new_event_loop)
    monkeypatch.setattr(threads, "start", refuse)

    for value in range(3):
        assert loop.run(number(value)) == value

    assert len(made) == 6
    assert all(each.is_closed() for each in made)


@pytest.mark.parametrize("clock", [lambda: 0.0, lambda: 1 / 0], ids=["stands still", "raises"])
def test_a_loop_keeps_its_own_time(
    loop: BackgroundLoop, clock: Callable[[], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job may replace the clocks of the module ``time``, for its tests say."""

    async def replace() -> int:
        monkeypatch.setattr(time, "monotonic", clock)
        await asyncio.sleep(0.01)
        return 1

    assert loop.submit(replace()).result(10) == 1
    assert loop.submit(asyncio.sleep(0.01, 2)).result(10) == 2


def test_a_loop_that_cannot_go_on_fails_what_is_on_it_and_the_next_coroutine_gets_a_new_one(
    loop: BackgroundLoop, errors: list[str]
) -> None:
    """It is not started again and again: nobody would ever be told."""
    first = loop.loop()
    selector = first._selector  # type: ignore[attr-defined]

    async def spoil() -> None:
        first._selector = None  # type: ignore[attr-defined]  # what any code can do that finds the running loop
        await asyncio.sleep(60)

    with pytest.raises(EventLoopError, match="cannot go on"):
        loop.submit(spoil()).result(10)
    assert loop.submit(number(3)).result(10) == 3
    assert len([line for line in errors if "lambda-punch-loop has died" in line]) == 1
    first._selector = selector  # type: ignore[attr-defined]
    tasks = asyncio.all_tasks(first)
    for task in tasks:
        task.cancel()
    first.run_until_complete(asyncio.wait(tasks))
    first.close()
