"""What is waited for of the tasks that requests begin, and what their names and kinds are."""

from __future__ import annotations

import asyncio
import functools
import time
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.runtime.background_loop import BackgroundLoop
from lambda_punch.runtime.begun import kind_of, name_of_begun
from lambda_punch.runtime.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Requests:
    """As much of a process as the tasks need. What they push is run by ``drain()``."""

    def __init__(self) -> None:
        self.sequence = 1
        self.request_id = "request"
        self.forked = False
        self.pending = False
        self.loop = BackgroundLoop()
        self.until = 0.0
        self.pushed: list[Callable[[], Any]] = []

    def remaining_time(self) -> float:
        return self.until - time.time()

    def push_for(self, sequence: int, function: Callable[[], Any], request_id: str | None = None) -> None:
        self.pushed.append(function)

    def drain(self, seconds: float) -> None:
        self.until = time.time() + seconds
        while self.pushed:
            self.pushed.pop(0)()


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


async def for_ever() -> None:
    await asyncio.Event().wait()


async def until(event: asyncio.Event) -> None:
    await event.wait()


def request(tasks: Tasks, loop: asyncio.AbstractEventLoop, *begun: Callable[[], Any]) -> None:
    """A request that begins these."""

    async def handle() -> None:
        kept.extend(asyncio.ensure_future(each()) for each in begun)

    kept: list[Any] = []
    since = tasks.watch(loop, driven=True)
    loop.run_until_complete(handle())
    tasks.follow(since)


def test_all_that_a_request_has_left_is_given_up_at_once(loop: asyncio.AbstractEventLoop, caplog: Any) -> None:
    """It has run at the same time. One line has all names."""
    process = Requests()
    tasks = Tasks(process)

    async def another() -> None:
        await for_ever()

    request(tasks, loop, for_ever, another)
    assert len(process.pushed) == 2
    began = time.monotonic()
    process.drain(0.1)
    assert time.monotonic() - began < 0.19
    request(tasks, loop, for_ever, another)

    assert process.pushed == []
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"task {__name__}.for_ever, task {__name__}.test_all_that")


def test_a_kind_that_ends_is_waited_for_again_three_times(loop: asyncio.AbstractEventLoop, caplog: Any) -> None:
    process = Requests()
    tasks = Tasks(process)

    async def turn() -> None:
        await asyncio.sleep(0)

    for number in (1, 2, 3):
        event = asyncio.Event()
        request(tasks, loop, functools.partial(until, event))
        assert len(process.pushed) == 1, number
        process.drain(0.01)
        request(tasks, loop, functools.partial(until, event))
        assert process.pushed == [], "it has not ended"
        event.set()
        for _ in range(3):
            loop.run_until_complete(turn())
    request(tasks, loop, functools.partial(until, asyncio.Event()))

    assert process.pushed == []
    assert len(caplog.records) == 3


def test_what_wraps_others_has_their_names_and_kinds(loop: asyncio.AbstractEventLoop) -> None:
    """AnyIO's task groups, asyncio.to_thread, Quart's wrapper; also before they have begun to run."""
    anyio = pytest.importorskip("anyio")

    def plain() -> None: ...
    async def first() -> None: ...
    async def second() -> None: ...

    async def look() -> list[asyncio.Task[Any]]:
        before = asyncio.all_tasks()
        async with anyio.create_task_group() as group:
            group.start_soon(first)
            group.start_soon(first)
            group.start_soon(second)
            threads = [asyncio.create_task(asyncio.to_thread(each)) for each in (plain, functools.partial(plain))]
            found = sorted(asyncio.all_tasks() - before, key=name_of_begun)
            names = [name_of_begun(task).rpartition(".")[2] for task in found]
            assert names == ["first", "first", "plain", "plain", "second"]
            assert [len({kind_of(task) for task in found}), kind_of(found[0]) == kind_of(found[1])] == [3, True]
            await asyncio.gather(*threads)
        return found

    loop.run_until_complete(look())
