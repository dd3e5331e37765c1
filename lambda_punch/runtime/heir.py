"""The forked child that works leftovers off while the extension waits for it."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from lambda_punch.runtime.background_loop import BackgroundLoop
from lambda_punch.runtime.drain import Drain
from lambda_punch.runtime.lost import report_lost
from lambda_punch.runtime.queue import ALL, JobQueue
from lambda_punch.runtime.spill import take

if TYPE_CHECKING:
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.queue import QueuedJob
    from lambda_punch.runtime.spill import Sending


class Heir(NamedTuple):
    """The child's process id, and the pipe by which it is told that its turn has come."""

    pid: int
    turn: BinaryIO

    def begin(self) -> None:
        """Let it begin."""
        self.turn.close()


class Estate(NamedTuple):
    """What the child takes over: jobs not started, jobs that run in the parent, and its time in epoch seconds."""

    jobs: list[QueuedJob]
    running: list[QueuedJob]
    until: float
    end: float


def fork_heir(estate: Estate, process: Process) -> Heir | None:
    """Fork a child that runs ``jobs``, starting none at or after ``until`` and giving up at ``end``.

    It begins when told to, or when this process has died, so that jobs keep their order. ``running`` are the jobs
    that run in this process: those that do not end in it are for the child to report. The child has only the thread
    that forked: a lock that another thread held at that moment stays locked in it, so a job may hang there; nobody
    waits for it past ``end``. Where the fork fails the jobs are reported as lost, and None is returned.
    """
    workers = 1 if process.config is None else process.config.workers
    ledger = process.ledger  # a forked child begins anew; this one goes on with the ledger
    try:
        reader, writer = os.pipe()
        pid = _fork()
    except OSError as error:
        reason = f"the environment was shut down and no process could be forked: {error}"
        report_lost(process, estate.jobs, reason)
        return None
    if pid == 0:
        os.close(writer)
        if ledger is not None:
            process.keep(ledger)
        _work_off(estate, process, reader, workers)
    os.close(reader)
    return Heir(pid, open(writer, "wb", buffering=0))


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads are running: known, see fork_heir
        return os.fork()


def _work_off(estate: Estate, process: Process, turn: int, workers: int) -> None:
    """Be the heir; never returns."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        queue = JobQueue()
        for job in estate.jobs:
            queue.add(job)
        queue.released = ALL
        process.submit = queue.add
        process.until_ms, process.freezes = int(estate.end * 1000), True
        sending = take(queue, process.spill, process.settle)
        os.read(turn, 1)
        interrupted = [job for job in estate.running if process.ledger and process.ledger.is_open(job[6])]
        drain = Drain(queue, BackgroundLoop(), process.handle_error, workers, process.settle)
        thread = threading.Thread(
            target=_drain, args=(drain, queue, sending, estate.until), name="lambda-punch-drain", daemon=True
        )
        thread.start()
        thread.join(max(0.0, estate.end - time.time()))
        process.refuse()
        unknown = [] if sending is None else sending.unknown
        lost = interrupted + drain.under_way + queue.clear() + unknown
        report_lost(process, lost, "the environment was shut down and had no time left for them")
    finally:
        os._exit(0)


def _drain(drain: Drain, queue: JobQueue, sending: Sending | None, until: float) -> None:
    drain.run(until)
    if sending is not None:
        queue.put_back(sending.finish(until))
        drain.run(until)
