"""The forked child that works leftovers off while the extension waits for it."""

from __future__ import annotations

import os
import signal
import warnings
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from lambda_punch.runtime.background_loop import BackgroundLoop
from lambda_punch.runtime.drain import Drain
from lambda_punch.runtime.modes import report_lost
from lambda_punch.runtime.queue import ALL, JobQueue
from lambda_punch.runtime.spill import take

if TYPE_CHECKING:
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.queue import QueuedJob


class Heir(NamedTuple):
    """The child's process id, and what to close when its turn has come."""

    pid: int
    turn: BinaryIO


def fork_heir(jobs: list[QueuedJob], until: float, process: Process) -> Heir | None:
    """Fork a child that runs ``jobs``, starting none at or after ``until`` (epoch seconds).

    It begins when ``turn`` is closed in this process, or this process has died, so that jobs keep their order. It
    has only the thread that forked: a lock that another thread held at that moment stays locked in it, so a job may
    hang there; nobody waits for it past the window. Where the fork fails the jobs are reported as lost, and None is
    returned.
    """
    reader, writer = os.pipe()
    workers = 1 if process.config is None else process.config.workers
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads are running: known, see above
        try:
            pid = os.fork()
        except OSError as error:
            report_lost(jobs, f"the environment was shut down and no process could be forked: {error}")
            return None
    if pid == 0:
        os.close(writer)
        _work_off(jobs, until, process, reader, workers)
    os.close(reader)
    return Heir(pid, open(writer, "wb", buffering=0))


def _work_off(jobs: list[QueuedJob], until: float, process: Process, turn: int, workers: int) -> None:
    """Be the heir; never returns."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        queue = JobQueue()
        for job in jobs:
            queue.add(job)
        queue.released = ALL
        process.submit = queue.add
        drain = Drain(queue, BackgroundLoop(), process.handle_error, workers)
        sending = take(queue, process.spill)
        os.read(turn, 1)
        drain.run(until)
        if sending is not None:
            unsent, unknown = sending.finish(until)
            queue.put_back(unsent)
            drain.run(until)
            report_lost(unknown, "the shutdown left no time to hear whether their queue took them")
        report_lost(queue.clear(), "the shutdown left no time for them")
    finally:
        os._exit(0)
