"""Both processes in one, step by step: the real classes of library and extension, with a clock and a transport of the test's.

What is real: the process's state, its modes, queue, drain, ledger and handled-file, the shutdown and what the heir
does; the extension's holder, its reading of records, its report of what is lost. What is not: time moves when the model
says so, ZeroMQ is a list, a fork is a call, and the processes' deaths are flags.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import threading
from collections import deque
from typing import TYPE_CHECKING
from unittest import mock

import extension.log
import extension.lost
from extension import events, loop, rendezvous, watch
from lambda_punch.runtime import heir, shutdown
from lambda_punch.runtime.handled import HandledFile
from lambda_punch.runtime.ledger import Ledger
from lambda_punch.runtime.modes import WithExtension
from lambda_punch.runtime.process import Mode, Process
from lambda_punch.runtime.rare_modes import Inheriting

if TYPE_CHECKING:
    from collections.abc import Callable

MARGIN, TIMEOUT = 0.2, 3.0
SHORT, SLOW, BLOCKING, FAILING = "short", "slow", "blocking", "failing"
_COUNT = re.compile(r"(\d+) jobs? lost \(")


class Clock:
    """Stands for the clock where the product looks at it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def time(self) -> float:
        return self.now


class ExitedError(Exception):
    """Stands for the end of a process."""


class Job:
    """One pushed job and what became of it."""

    def __init__(self, world: World, number: int, kind: str, request: int) -> None:
        self.world = world
        self.number = number
        self.kind = kind
        self.request = request
        self.runs = 0
        self.ended = False
        self.killed = False
        self.go_on = threading.Event()

    def __call__(self) -> None:
        self.runs += 1
        self.world.job_started(self)
        if self.kind == BLOCKING:
            self.world.blocked.set()
            if not self.world.in_heir:
                self.go_on.wait(10)
                if self.killed:
                    self.world.grave.wait()  # this thread is dead with its process
                    return
        if self.kind == SLOW:
            self.world.clock.now += 0.3
        self.ended = True
        if self.kind == FAILING:
            raise ValueError("as it should")


class Watch(watch.HandledFile):
    """The extension's view of the handled-file, whose waits are where the rest of the world goes on."""

    world: World

    def wait(self, _pid: int, timeout_ms: float, _also: int | None = None) -> bool:
        step, self.world.meanwhile = self.world.meanwhile, None
        self.runtime_ended = self.world.runtime_dead
        if step is None:
            self.world.clock.now += timeout_ms / 1000
        else:
            step()
        self.runtime_ended = self.world.runtime_dead
        return not self.runtime_ended and not self.removed

    def sleep(self, _pid: int, _timeout_ms: float) -> bool:
        step, self.world.meanwhile = self.world.meanwhile, None
        if step is not None:
            step()
        return step is not None


class World:
    """One execution environment, over several lives of its processes."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.home = tempfile.TemporaryDirectory()
        self.directory = f"{self.home.name}/meet"
        self.jobs: list[Job] = []
        self.order: list[int] = []
        self.faults: list[str] = []
        self.reported = 0  # jobs that somebody has said are lost
        self.buried = 0  # jobs of which nobody was left to say it; there is always somebody where the extension is
        self.requests = 0
        self.blocked = threading.Event()
        self.grave = threading.Event()
        self.meanwhile: Callable[[], None] | None = None
        self.requested: deque[tuple[str, float]] = deque()
        self.estate: heir.Estate | None = None
        self.drainer: threading.Thread | None = None
        self._stack = contextlib.ExitStack()
        self._patch()
        self.begin_life()

    # -- the fakes ----------------------------------------------------------------------------------------------------

    def _patch(self) -> None:
        for module in ("runtime.drain", "runtime.modes", "runtime.process", "runtime.heir"):
            self._set(f"lambda_punch.{module}.now", self.clock.time)
        self._set("lambda_punch.runtime.worker.now", self.clock.time)
        self._set("extension.loop.time", self.clock)
        self._set("extension.loop.HandledFile", Watch)
        self._set("extension.log._write", lambda _level, message: self._log(message))
        # real seconds, where a thread has to be waited for
        self._set("lambda_punch.runtime.deadlines.LAST_START", 0.02)
        self._set("lambda_punch.runtime.deadlines.FORK", 0.025)
        self._set("lambda_punch.runtime.deadlines.LAST_END", 0.03)
        self._set("lambda_punch.runtime.heir.fork_heir", self._fork)
        self._set("lambda_punch.runtime.handled._lives", lambda _pid: not self.extension_dead)
        handler = logging.Handler()
        handler.emit = lambda record: self._log(record.getMessage())  # type: ignore[method-assign]
        logger = logging.getLogger("lambda_punch")
        logger.addHandler(handler)
        logger.propagate = False
        self._stack.callback(logger.removeHandler, handler)
        self._stack.callback(setattr, logger, "propagate", True)
        Watch.world = self

    def _set(self, name: str, value: object) -> None:
        self._stack.enter_context(mock.patch(name, value))

    def _log(self, message: str) -> None:
        if match := _COUNT.match(message):
            self.reported += int(match[1])
        if "out of service" in message or "could not" in message:
            self.faults.append(message)

    def _fork(self, estate: heir.Estate, _process: Process) -> heir.Heir:
        self.estate = estate
        return heir.Heir(os.getpid(), open(os.devnull, "wb", buffering=0))

    def close(self) -> None:
        for job in self.jobs:
            job.go_on.set()
        self.grave.set()
        self.bury()
        self._stack.close()
        self.home.cleanup()

    def bury(self) -> None:
        """Close what the processes of this life had open."""
        if self.holder._handled._notices >= 0:
            os.close(self.holder._handled._notices)
        os.close(self.holder._handled._descriptor)
        self.file.close()

    # -- lives --------------------------------------------------------------------------------------------------------

    def begin_life(self) -> None:
        """The extension, then the runtime, as Lambda starts them; /tmp is that of the life before."""
        self.runtime_dead = self.extension_dead = self.in_heir = False
        self.blocked = threading.Event()
        self.requested.clear()
        self.estate = None
        self.drainer = None
        descriptor = rendezvous.make_handled_file(self.directory)
        self.holder = loop.Holder(self.directory, descriptor)
        self.holder._drain = mock.Mock(request=self._drain_request)
        self.process = process = Process(Mode)
        self.ledger = Ledger(self.directory)
        process.keep(self.ledger)
        self.file = HandledFile(self.directory)
        self.mode = WithExtension(process, self.file, self.directory, watched=True, heard=True)
        self.mode._server = mock.Mock()
        process.become(self.mode)

    # -- a request ----------------------------------------------------------------------------------------------------

    def push(self, kind: str) -> None:
        job = Job(self, len(self.jobs), kind, self.process.sequence)
        self.jobs.append(job)
        self.process.push(job)

    def invoke(self, kinds: list[str], *, seconds: float, extension_first: bool, unblock: bool) -> None:
        """One invoke, to the extension's ``event/next``; the handler takes ``seconds``.

        ``unblock``: a job that was frozen while it ran ends while the handler is at work.
        """
        self.requests += 1
        self.responded = False
        name = f"request-{self.requests}"
        self.deadline = self.clock.now + TIMEOUT
        event = events.Invoke(name, int(self.deadline * 1000))

        def handle() -> None:
            self.process.begin(name, int((self.deadline - MARGIN) * 1000))
            for kind in kinds:
                self.push(kind)
            if unblock:
                self.unblock()
            self.clock.now += seconds
            self.responded = True
            self.process.respond()

        if extension_first:
            self.meanwhile = handle
            self.holder.sleep_until_written(int(self.deadline * 1000))
        else:
            handle()
        if self.holder.nothing_to_do_for != name:
            self.holder.hold(event)
        if self.meanwhile is not None:  # it has seen no record of this life yet, so it did not wait
            self.meanwhile()
            self.meanwhile = None
        if self.clock.now > self.deadline and not any(job.kind == SLOW for job in self.jobs):
            self.faults.append("the extension held past the deadline")

    def job_started(self, job: Job) -> None:
        self.order.append(job.number)
        if self.estate is None and job.request == self.process.sequence and not self.responded:
            self.faults.append(f"job {job.number} ran before its response")
        if self.clock.now >= self.process.until and self.process.until_ms:
            self.faults.append(f"job {job.number} was started in the margin")

    # -- the transport ------------------------------------------------------------------------------------------------

    def _drain_request(self, _record: object, request_id: str, until_ms: int) -> None:
        """The extension asks and waits: for the answer, or for the end of its time."""
        self.requested.append((request_id, until_ms / 1000))
        self.pump()
        if self.drainer is not None and not self.runtime_dead:
            self.clock.now = max(self.clock.now, until_ms / 1000)

    def pump(self) -> None:
        """Let the drain thread work until it waits for a message, or its job blocks."""
        while self.drainer is not None or self.requested:
            if self.drainer is None:
                self.blocked.clear()
                self.drainer = threading.Thread(target=self.drain, args=self.requested.popleft(), daemon=True)
                self.drainer.start()
            while self.drainer.is_alive() and not self.blocked.is_set():
                self.drainer.join(0.001)
            if self.drainer.is_alive():
                return
            self.drainer = None

    def drain(self, request_id: str, until: float) -> None:
        """What the drain thread does when it is asked."""
        self.mode.drain(request_id, until)

    def unblock(self) -> None:
        """The job that was frozen while it ran comes to its end, and the drain thread goes on."""
        self.blocked.clear()
        for job in self.jobs:
            if job.kind == BLOCKING and job.runs and not job.ended:
                job.kind = SHORT
                job.go_on.set()
        self.pump()

    # -- ends ---------------------------------------------------------------------------------------------------------

    def sigterm(self) -> None:
        """The runtime's share of the shutdown, then its death."""
        shutdown.Shutdown(self.process, self.file).work_off(self.clock.now)
        self.die()

    def die(self) -> None:
        """The runtime's process ends, with whatever ran in it."""
        self.runtime_dead = True
        for job in self.jobs:
            if job.runs and not job.ended:
                job.killed = True
                job.go_on.set()

    def be_heir(self) -> None:
        """What the forked child does; it has its parent's memory as it was."""
        assert self.estate is not None
        self.in_heir = True
        self.process.reset()
        self.process.become(Inheriting(self.process, self.ledger))
        with (
            mock.patch("os.setsid"),
            mock.patch("signal.set_wakeup_fd"),
            mock.patch("os._exit", side_effect=ExitedError),
            contextlib.suppress(ExitedError),
        ):
            reader, writer = os.pipe()
            os.close(writer)
            heir._work_off(self.estate, self.process, reader)

    def shut_down(self, reason: str) -> None:
        """The extension's part: it waits for the heir, then tells what nobody else has told."""
        if self.estate is not None:
            self.meanwhile = self._heir_ends
        self.holder.wait_for_heir(events.Shutdown(reason, int((self.clock.now + 1.7) * 1000)))
        extension.lost.report(self.directory, f"the function's process ended ({reason})")

    def _heir_ends(self) -> None:
        self.be_heir()
        self.runtime_dead = True
