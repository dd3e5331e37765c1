"""One execution environment: a queue of invokes, the generations that serve them, and freezing in between.

Everything here runs in one task on the event loop. Other threads hand in calls with ``loop.call_soon_threadsafe``.
Exactly one invoke is under way at a time; nothing is under way while the environment is frozen.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from .changes import Changes, DeadlineError
from .generation import Fault, Generation
from .invocation import Answer, Call, timed_out
from .log_tail import LogTail
from .recording import PLATFORM, Recorder
from .shutdown import end

if TYPE_CHECKING:
    from .configuration import FunctionConfiguration
    from .host import Host
    from .next_events import ShutdownReason


class Environment:
    """Runs from init to spindown. ``idle`` is set whenever every process is done and no invoke is queued.

    A call that is still unanswered when :meth:`serve` returns was broken off or never begun.
    """

    def __init__(self, configuration: FunctionConfiguration, host: Host, recorder: Recorder, api: str) -> None:
        self.generation: Generation | None = None
        self.idle = threading.Event()
        self._configuration = configuration
        self._host = host
        self._recorder = recorder
        self._api = api
        self.log_tail = LogTail(configuration.memory_size)
        self._queue: deque[Call] = deque()
        self._work = Changes()
        self._closing = False
        self._abandoned = False
        self._frozen = False

    # -- from outside, on the loop ------------------------------------------------------------------------------------

    def submit(self, call: Call) -> None:
        """Queue a call."""
        self.idle.clear()
        self._queue.append(call)
        self._recorder.record(PLATFORM, "queued", call.request_id, at=call.sent_at, payload=call.payload)
        self._work.notify()

    def close(self, *, abandon: bool) -> None:
        """Ask the environment to end after the invoke under way; ``abandon`` breaks that invoke off."""
        self._closing = True
        self._abandoned = abandon
        if abandon and self.generation is not None:
            self.generation.fail(Fault("Sandbox.Abandoned", "the environment was shut down"))
        self._work.notify()

    # -- the one task -------------------------------------------------------------------------------------------------

    async def initialise(self) -> None:
        """Run the init phase. A failed one is suppressed, as on Lambda: the first invoke tries again."""
        try:
            await self._start(time.monotonic() + self._configuration.init_timeout)
        except DeadlineError:
            self._recorder.record(PLATFORM, "init-failed", error_type="Sandbox.Timedout")
            await self._reset("timeout")
        except Fault as fault:
            self._recorder.record(PLATFORM, "init-failed", error_type=fault.error_type, message=fault.message)
            await self._reset("failure")
        await self._rest()

    async def serve(self) -> None:
        """Serve calls until closed, then end the processes."""
        while True:
            await self._work.until(lambda: bool(self._queue) or self._closing)
            if self._closing:
                break
            await self._serve(self._queue.popleft())
            await self._rest()
        await self._spin_down()

    async def _serve(self, call: Call) -> None:
        begun = time.monotonic()
        call.deadline = begun + self._configuration.timeout
        self.log_tail.begin(begun)
        self._recorder.record(
            PLATFORM, "invoke", call.request_id, at=begun, deadline=call.deadline, bytes=len(call.payload)
        )
        try:
            await self._run(call)
        except DeadlineError:
            await self._timed_out(call)
        except Fault as fault:
            await self._failed(call, fault)
        self._recorder.record(PLATFORM, "invoke-done", call.request_id)

    async def _run(self, call: Call) -> None:
        if self.generation is None:
            await self._start(call.deadline)
        generation = self.generation
        assert generation is not None
        if generation.fault is not None:
            # a process died between two invokes: this one fails before the runtime sees it
            raise generation.fault
        await self._thaw()
        await generation.invoke(call)

    async def _start(self, deadline: float) -> None:
        self.generation = Generation(self._configuration, self._host, self._recorder, self._api)
        await self.generation.initialise(deadline)

    async def _timed_out(self, call: Call) -> None:
        self._recorder.record(PLATFORM, "timeout", call.request_id, timeout=self._configuration.timeout)
        self.answer(call, timed_out(call.request_id, self._configuration.timeout), time.monotonic())
        await self._reset("timeout")

    async def _failed(self, call: Call, fault: Fault) -> None:
        if self._abandoned:
            await self._reset("spindown")
            return
        self._recorder.record(PLATFORM, "crash", call.request_id, error_type=fault.error_type, message=fault.message)
        self.answer(call, fault.answer(call.request_id), time.monotonic())
        await self._reset("failure")

    def answer(self, call: Call, answer: Answer, at: float) -> None:
        """Give the caller its answer, unless it has one."""
        self._host.collect()
        if call.answer(answer, at, self.log_tail.text(call, at)):
            self._recorder.record(
                PLATFORM, "answered", call.request_id, at=at, payload=answer.payload, error_type=answer.error_type
            )

    # -- frozen, thawed, reset, ended ---------------------------------------------------------------------------------

    async def _rest(self) -> None:
        """Freeze if no invoke is queued, and set ``idle``."""
        if self._queue or self._closing:
            return
        if self._configuration.freeze and self.generation is not None:
            await self._host.freeze()
            self._frozen = True
            self._recorder.record(PLATFORM, "frozen")
        if not self._queue:
            self.idle.set()

    async def _thaw(self) -> None:
        if self._frozen:
            self._frozen = False
            await self._host.thaw()
            self._recorder.record(PLATFORM, "thawed")

    async def _reset(self, reason: ShutdownReason) -> None:
        generation = self.generation
        if generation is not None:
            self._recorder.record(PLATFORM, "reset", reason=reason)
            await self._thaw()
            await end(generation, reason)
        self.generation = None

    async def _spin_down(self) -> None:
        await self._thaw()
        if self.generation is not None:
            await end(self.generation, "spindown")
        self.generation = None
        self.idle.set()
