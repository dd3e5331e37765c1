"""The world without our extension: the runtime's main thread waits for the drain, and there is no ledger."""

from __future__ import annotations

import os
import threading

from lambda_punch.runtime import shutdown
from lambda_punch.runtime.modes import Alone
from lambda_punch.runtime.process import Mode, Process

from .world import MARGIN, SLOW, TIMEOUT, World


class MainThreadsWorker:
    """Stands for the worker, whose callers wait: the model's time goes on while they do."""

    def __init__(self, world: WorldAlone) -> None:
        self._world = world

    def drain(self, until: float) -> bool:
        world = self._world
        world.requested.append(("", until))
        world.pump()
        if world.drainer is None:
            return True
        world.clock.now = max(world.clock.now, until)
        return False


class WorldAlone(World):
    """One execution environment in which nobody but the runtime knows of jobs."""

    def begin_life(self) -> None:
        self.runtime_dead = self.extension_dead = self.in_heir = self.terminated = False
        self.blocked = threading.Event()
        self.requested.clear()
        self.estate = None
        self.drainer = None
        self.first = len(self.jobs)
        self.process = process = Process(Mode)
        process._worker = MainThreadsWorker(self)  # type: ignore[assignment]
        process.become(Alone(process, watched=True))

    def bury(self) -> None:
        """Nothing was open."""

    def drain(self, request_id: str, until: float) -> None:
        assert request_id == ""
        self.process.drain.run(until)

    def invoke(self, kinds: list[str], *, seconds: float, extension_first: bool, unblock: bool) -> None:
        """One invoke, to the runtime's next; there is no second process whose turn could come first."""
        del extension_first
        self.requests += 1
        self.responded = False
        self.deadline = self.clock.now + TIMEOUT
        self.process.begin(f"request-{self.requests}", int((self.deadline - MARGIN) * 1000))
        for kind in kinds:
            self.push(kind)
        if unblock:
            self.unblock()
        self.clock.now += seconds
        self.responded = True
        self.process.respond()
        if self.clock.now > self.deadline and not any(job.kind == SLOW for job in self.jobs):
            self.faults.append("the function waited past the deadline")

    def sigterm(self) -> None:
        shutdown.Shutdown(self.process, None).work_off(self.clock.now)
        self.terminated = True
        self.die()

    def die(self) -> None:
        """What it had is gone; nobody is left to name it but itself, if it was asked to end."""
        super().die()
        if not self.terminated:
            self.buried += sum(not job.ended for job in self.jobs[self.first :])

    def shut_down(self, reason: str) -> None:
        """Whoever gets SHUTDOWN knows nothing of jobs."""
        assert reason
        assert not os.path.exists(self.directory)
