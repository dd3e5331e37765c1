"""Tasks that an application begins on its event loop itself, and that are not done when its response is out.

``asyncio.create_task(mail())`` in a request is work of the request, although it was not pushed. By itself it stands still
when the environment is frozen. So everything that a request has begun on its loop (tasks, and calls in the loop's
executor) is waited for after the response, up to the margin, with one punch for each.

Some tasks live on purpose: a heartbeat, say, or one that keeps a connection. So if a task has run into the margin, no task of
its kind (its function) is waited for before it has ended. That is logged, with its name. If it ends, it was only slow, and its
kind is waited for again; after the third time it is not. What one request has begun runs at the same time, so all of it that
is not done then has run into the margin, and one invoke is held for all of it. Such tasks go on whenever the environment is
awake. Tasks that were begun before the request (in module code, or in an
application's lifespan) are not waited for at all.
"""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakSet, ref

from lambda_punch._log import logger
from lambda_punch.errors import EventLoopError
from lambda_punch.runtime.begun import CALL_NAME, is_ours, kind_of, name_of_begun
from lambda_punch.runtime.punch import name_of
from lambda_punch.runtime.response import watch_runtime_client
from lambda_punch.runtime.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lambda_punch.runtime.background_loop import BackgroundLoop
    from lambda_punch.runtime.begun import Begun
    from lambda_punch.runtime.punch import Punch

    class Requests(Protocol):
        """Knows which request is handled: the process."""

        sequence: int
        request_id: str
        forked: bool  # whether the process was forked from one that was started: its loops are not the parent's

        @property
        def loop(self) -> BackgroundLoop:
            """The library's own loop."""

        @property
        def pending(self) -> bool:
            """Whether punches wait or run."""

        @property
        def until(self) -> float:
            """When the margin begins, in epoch seconds."""

        def remaining_time(self) -> float:
            """Return the seconds to that."""

        def push_for(self, sequence: int, function: Callable[[], Any], request_id: str | None = None) -> None:
            """Push on behalf of a request."""


_CALLS = "_lambda_punch_calls"
_LOOK = 0.5  # seconds between two looks whether the loop still lives
_MOST_KINDS = 1_000
_TO_TELL = 0.05  # seconds before the margin, so that the line is written before the environment is frozen
_FORGIVEN = 3  # a kind that has run into the margin so often is not waited for again, also if it has ended


class Since(NamedTuple):
    """What was seen on a loop before a request, which request it is, and the kinds of what is waited for of it.

    It must not keep what is done: asyncio tells of a failed task when the last reference to it is gone. From CPython 3.13 on
    the traceback of a failed task keeps the frames in which the loop ran, and so all their variables.
    """

    loop: asyncio.AbstractEventLoop
    seen: WeakSet[Begun]
    driven: bool
    sequence: int
    request_id: str
    kinds: dict[Begun, object]


class Tasks:
    """What requests have begun on event loops, in one process. From any thread."""

    def __init__(self, process: Requests) -> None:
        self._process = process
        self._live_on: set[object] = set()  # the kinds that are not waited for
        self._driven: WeakSet[asyncio.AbstractEventLoop] = WeakSet()  # the loops that two threads run in turn
        self._hears = False  # whether it is told of each response
        self._left: Counter[object] = Counter()  # how often a kind has run into the margin
        self._closed_loop_told = False

    def run_pushed(self, awaitable: Awaitable[Any], punch: Punch) -> None:
        """Await what a job returned on the loop on which it was pushed if there is one here, else on the library's."""
        own, home = self._process.loop, punch.loop
        if home is not None and home.is_closed():
            self._tell_of_closed_loop(punch)
        elif home is not None and not self._process.forked and not own.is_running_on(home):
            since = self.watch(home, driven=True)
            Turns.of(home).run(awaitable, punch.context)
            self.follow(since)
            return
        own.run(awaitable, punch.context)

    def _tell_of_closed_loop(self, punch: Punch) -> None:
        if not self._closed_loop_told:
            self._closed_loop_told = True
            logger().error(
                "job %s was pushed on an event loop that is closed by now, so it runs on another one; what belongs to the "
                "first loop (locks, connection pools) does not work there. Keep one loop for the process: an async handler, or "
                "an asyncio.Runner in module code", punch.name,
            )  # fmt: skip

    def _finish_greenlets(self) -> None:
        """Finish in this thread what can only go on here, before the drain runs the loops; not past the margin.

        On the thread that handles requests, when a response is out. Never raises.
        """
        for loop in list(self._driven) if self._process.pending else []:
            try:
                Turns.of(loop).settle(self._process.until)
            except BaseException as error:  # noqa: BLE001 - of a task of the user's; the work behind the response matters more
                logger().error("%r came out of an event loop behind its response; it goes on", error, exc_info=error)

    def on(self, loop: asyncio.AbstractEventLoop) -> set[Begun]:
        """Return what runs on a loop now, and note the calls in its executor from now on."""
        calls: set[Begun] | None = getattr(loop, _CALLS, None)
        if calls is None:
            calls = set()
            _note_calls(loop, calls)
        return {*asyncio.all_tasks(loop), *calls.copy()}

    def watch(self, loop: asyncio.AbstractEventLoop, *, driven: bool) -> Since:
        """Begin to watch what the request that is handled now begins on a loop.

        ``driven``: whether the loop runs only when somebody runs it; otherwise it has a thread of its own.
        """
        if driven and loop not in self._driven:
            if not self._hears:
                self._hears = True
                watch_runtime_client(self._finish_greenlets, lambda _request: None)
            self._driven.add(loop)
        return Since(loop, WeakSet(self.on(loop)), driven, self._process.sequence, self._process.request_id, {})

    def follow(self, since: Since) -> None:
        """Push a wait for each that has been begun since and is not done."""
        for each in self.on(since.loop):
            if each in since.seen:
                continue
            since.seen.add(each)
            if each.done() or is_ours(each) or (kind := kind_of(each)) in self._live_on:
                continue
            since.kinds[each] = kind
            wait = _named(functools.partial(self._wait, since, ref(each)), each)
            self._process.push_for(since.sequence, wait, since.request_id)

    def _wait(self, since: Since, reference: ref[Begun]) -> None:
        """Wait for it up to the margin, and then for what it has begun. asyncio itself reports what it raises."""
        begun = reference()
        if begun is not None and not begun.done() and since.kinds.get(begun) in self._live_on:
            return  # it has run into the margin beside another, and was named then
        if begun is not None:
            self._wait_for(since, begun)
            over = begun.done()
            if over:
                since.kinds.pop(begun, None)
            del begun
            if not over:
                self._leave(since)
                return
        self.follow(since)

    def _wait_for(self, since: Since, begun: Begun) -> None:
        if since.driven:
            turns = Turns.of(since.loop)
            _when_done(since.loop, begun, turns.let_go)
            turns.drive(begun.done, self._process.until - _TO_TELL)
        else:
            _wait_for(since.loop, begun, self._process.remaining_time() - _TO_TELL)
        del begun

    def _leave(self, since: Since) -> None:
        """Wait no more for what is not done of a request, nor for its kinds, unless they end."""
        undone = [each for each in list(since.kinds) if not each.done() and since.kinds[each] not in self._live_on]
        if not undone:
            return  # another worker's wait has said so
        for each in undone:
            self._live_on_from_now(since, each)
        logger().error(
            "%s: begun by request %s and not done when its invoke is over. It goes on whenever the environment is awake, and "
            "no request waits for its kind before it has ended. Push work that has to be done",
            ", ".join(f"task {name}" for name in sorted(map(name_of_begun, undone))), since.request_id or "-",
        )  # fmt: skip

    def _live_on_from_now(self, since: Since, begun: Begun) -> None:
        kind = since.kinds[begun]
        if len(self._left) >= _MOST_KINDS and kind not in self._left:
            return
        self._live_on.add(kind)
        self._left[kind] += 1
        if self._left[kind] < _FORGIVEN:
            _when_done(since.loop, begun, lambda: self._live_on.discard(kind))


def bound(function: Callable[[], Any]) -> Callable[[], Any]:
    """Mark a function that can only run in this process, and make it raise an error in any other."""
    pid = os.getpid()

    def here() -> Any:
        if os.getpid() != pid:
            raise EventLoopError(
                "it had not begun before the shutdown, and an event loop cannot go on in another process"
            )
        return function()

    here.stays_here = True  # type: ignore[attr-defined]  # read at the shutdown
    return here


def _named(wait: Callable[[], None], begun: Begun) -> Callable[[], Any]:
    function = bound(wait)
    module, _, name = name_of_begun(begun).rpartition(".")
    function.__module__, function.__qualname__ = module, name
    function.tells_itself = True  # type: ignore[attr-defined]  # read when it outlasts its invoke
    return function


def _note_calls(loop: asyncio.AbstractEventLoop, calls: set[Begun]) -> None:
    original = loop.run_in_executor

    def run_in_executor(executor: Any, function: Any, *args: Any) -> Any:
        future = original(executor, function, *args)
        setattr(future, CALL_NAME, name_of(function))
        calls.add(future)
        future.add_done_callback(calls.discard)
        return future

    setattr(loop, _CALLS, calls)
    # asyncio tells nobody of these calls
    loop.run_in_executor = run_in_executor  # type: ignore[method-assign, assignment]  # its overloads are not repeated


def _when_done(loop: asyncio.AbstractEventLoop, begun: Begun, told: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(begun.add_done_callback, lambda _: told())
    except RuntimeError as error:
        raise EventLoopError("its event loop was closed before it was done") from error


def _wait_for(loop: asyncio.AbstractEventLoop, begun: Begun, left: float) -> None:
    done = threading.Event()
    _when_done(loop, begun, done.set)
    while not begun.done() and left > 0:
        if loop.is_closed():
            raise EventLoopError("its event loop was closed before it was done")
        done.wait(min(_LOOK, left))
        left -= _LOOK
