"""The forked child that works leftovers off while the extension waits for it."""

from __future__ import annotations

import os
import select
import signal
import sys

from lambda_punch.runtime import threads
from lambda_punch.runtime.clock import monotonic, now
from lambda_punch.runtime.rare_modes import Closed, Inheriting
from lambda_punch.runtime.reports import report_lost
from lambda_punch.runtime.spill import Sending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from lambda_punch.runtime.deadlines import Deadlines
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.punch import Punch


_LOOK = 0.01  # seconds between two looks whether a job that the heir went past has ended
_STANDS_STILL = 0.4  # seconds after which the heir goes past a job, if others wait behind it


class Heir:
    """The child's process id, and the pipe by which it is told that its turn has come."""

    __slots__ = ("pid", "turn")

    def __init__(self, pid: int, turn: BinaryIO) -> None:
        self.pid = pid
        self.turn = turn

    def begin(self) -> None:
        """Let it begin."""
        self.turn.close()


class Estate:
    """What the child takes over: punches not started, punches that run in the parent, and the deadlines."""

    __slots__ = ("deadlines", "punches", "running")

    def __init__(self, punches: list[Punch], running: list[Punch], deadlines: Deadlines) -> None:
        self.punches = punches
        self.running = running
        self.deadlines = deadlines


def fork_heir(estate: Estate, process: Process) -> Heir | None:
    """Fork a child that runs the punches.

    It begins when it is told to, or when this process has died, so the punches keep their order. It also reports punches
    that run in this process and do not end. The child has only the thread that forked: a lock that another thread held
    at that moment stays locked in it, so a job may hang there; nobody waits for it past its deadline. If the fork fails,
    the punches are reported as lost, and None is returned.
    """
    ledger = process.ledger  # a forked child begins anew; this one goes on with the ledger
    try:
        reader, writer = os.pipe()
        pid = _fork()
    except OSError as error:
        reason = f"the environment was shut down and no process could be forked: {error}"
        report_lost(process, estate.punches, reason)
        return None
    if pid == 0:
        os.close(writer)
        _begin_imports_anew()
        process.become(Inheriting(process, ledger))
        _work_off(estate, process, reader)
    os.close(reader)
    return Heir(pid, open(writer, "wb", buffering=0))


def _begin_imports_anew() -> None:
    """Forget the modules whose import the running job has begun: its thread is not here, and would never end it.

    The next import of such a module waits for its lock, or gets half of a module. The locks are the interpreter's own
    (importlib._bootstrap), so this does nothing where they are not found.
    """
    for name, module in list(sys.modules.items()):
        if getattr(getattr(module, "__spec__", None), "_initializing", False):
            del sys.modules[name]
    importlib = sys.modules.get("_frozen_importlib")
    for name in ("_module_locks", "_blocking_on"):
        getattr(importlib, name, {}).clear()


def _fork() -> int:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads are running: known, see fork_heir
        return os.fork()


def _work_off(estate: Estate, process: Process, turn: int) -> None:
    """Be the heir; never returns."""
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        deadlines = estate.deadlines
        process.end_at(deadlines.heir_end)
        process.queue.put_back(estate.punches)
        sending = Sending.begin(process) if process.spill is not None else None
        select.select([turn], [], [], max(0.0, deadlines.heir_last_start - now()))  # its end, or the parent's
        interrupted = [punch for punch in estate.running if process.ledger and process.ledger.is_open(punch.number)]

        def drain() -> None:
            process.drain.run(deadlines.heir_last_start)
            if sending is not None:
                sending.finish(deadlines.heir_last_start)
                process.drain.run(deadlines.heir_last_start)

        thread = threads.start(threads.DRAIN, drain)
        while thread.is_alive() and (left := deadlines.heir_end - now()) > 0:
            running = process.drain.under_way
            thread.join(min(_STANDS_STILL, left))
            if thread.is_alive() and len(process.queue) and process.drain.under_way == running != []:
                process.drain.leave_behind()  # it may wait for a lock of a thread that is not here
                thread = threads.start(threads.DRAIN, drain)
        ends = monotonic() + deadlines.heir_end - now()
        while process.drain.under_way and monotonic() < ends:  # those it went past
            select.select([], [], [], _LOOK)
        process.become(Closed(process))
        unknown = [] if sending is None else sending.finish(0.0)
        lost = interrupted + process.drain.under_way + process.queue.clear() + unknown
        report_lost(process, lost, "the environment was shut down and had no time left for them")
    finally:
        os._exit(0)
