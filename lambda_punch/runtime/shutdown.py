"""SIGTERM on Lambda: leftovers are worked off in the runtime's share, then by an heir in the rest of the two seconds.

What Lambda does (Developer Guide, "Lambda runtime environment lifecycle"): SIGTERM to the runtime's process group, SIGKILL
300 ms later, and only then SHUTDOWN to the extensions, with what is left of 2,000 ms. So the runtime must not linger,
and what it cannot finish goes on in a forked child in a session of its own, which the SIGKILL does not reach; the
extension, told its process id through the handled-file, waits for it. That Lambda's own supervisor lets such a child
live as long as its emulator does has not been verified.

Ways that do not work. A Python signal handler alone: while awslambdaric waits for its next event the main thread sits
in C, and up to Python 3.11 the handler runs only when the next event comes. A SIGTERM handler that drains: it would run
jobs on top of a handler that may hold their locks. So: the C-level handler writes to a pipe (``set_wakeup_fd``), and a
thread reads it. Python's handler, when its turn comes, calls the handler that the user had installed. Where
its turn cannot come, the thread calls the user's handler in its place.
"""

from __future__ import annotations

import os
import sys
import threading
import time

from lambda_punch import _contract
from lambda_punch._log import logger
from lambda_punch.runtime import threads

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any

    from lambda_punch.runtime.deadlines import Deadlines
    from lambda_punch.runtime.handled import HandledFile
    from lambda_punch.runtime.heir import Heir
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.punch import Punch
    from lambda_punch.runtime.spill import Sending
else:
    import _signal as signal  # the module in Python around it makes enums of its numbers, at every cold start

_WAIT = 0.27  # seconds, at most, for which a signal handler waits: SIGKILL is due 0.3 seconds after SIGTERM

_WAKE = signal.SIGURG  # ignored by default, so harmless wherever our handler should be missing


class Shutdown:
    """Waits for SIGTERM on a thread of its own; installed once, from the main thread."""

    def __init__(self, process: Process, file: HandledFile | None) -> None:
        self._process = process
        self._file = file
        self._finished = threading.Event()
        self._pid = os.getpid()
        self._previous: Any = signal.SIG_DFL
        self._called = False

    def install(self) -> None:
        """Watch for SIGTERM; raises ValueError outside the main thread."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        self._previous = signal.signal(signal.SIGTERM, self._handle)
        if signal.getsignal(_WAKE) == signal.SIG_DFL:
            signal.signal(_WAKE, self._wake)
        others = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threads.start_at_once(threads.SIGTERM, lambda: self._watch(reader, others))

    def stay_first(self) -> None:
        """Go before a handler that was installed since; call it on the main thread, after each response.

        Python would call it at once, with the leftovers still waiting, and it may end the process.
        """
        found = signal.getsignal(signal.SIGTERM)
        if found != self._handle and found is not None:
            self._previous = signal.signal(signal.SIGTERM, self._handle)

    def _watch(self, reader: int, others: int) -> None:
        while data := os.read(reader, 64):
            if others >= 0:
                _pass_on(others, data)
            if signal.SIGTERM in data:
                self._work_off(time.time())
                return

    def _work_off(self, began: float) -> None:
        process = self._process
        try:
            process.release_all()
            if process.pending:
                from lambda_punch.runtime.deadlines import Deadlines
                from lambda_punch.runtime.modes import Closed
                from lambda_punch.runtime.spill import Sending

                alone = self._file is None or not self._file.is_heeded()
                deadlines = Deadlines(began, heir=not alone)
                process.end_at(deadlines.last_end)
                process.drain.shorten(deadlines.last_start)
                sending = Sending.begin(process) if alone and process.spill is not None else None
                process.worker.drain(deadlines.last_start)
                process.become(Closed(process))
                self._leave(deadlines, alone=alone, sending=sending)
        except Exception as error:  # noqa: BLE001 - the process ends in any case
            logger().exception("leftover jobs could not be worked off")
            self._give_up(error)
        finally:
            self._finished.set()
            self._end()

    def _give_up(self, error: Exception) -> None:
        """Name what is left; there may be no descriptor to import what would have run it."""
        from lambda_punch.runtime.modes import Closed
        from lambda_punch.runtime.reports import report_lost

        process = self._process
        process.become(Closed(process))
        lost = process.queue.clear()
        if process.pending:  # a job runs, so the drain is there
            lost = process.drain.under_way + lost
        report_lost(process, lost, f"the environment was shut down and they could not be worked off: {error}")

    def _leave(self, deadlines: Deadlines, *, alone: bool, sending: Sending | None) -> None:
        """Hand over what has not been started, then see the running job out as long as there is time."""
        from lambda_punch.runtime.reports import report_lost

        process = self._process
        punches = process.queue.clear()
        running = process.drain.under_way
        heir = self._bequeath(punches, running, deadlines) if punches and not alone else None
        process.drain.wait_until_idle(deadlines.last_end)
        if heir is not None:
            heir.begin()
        else:
            lost = process.drain.under_way + (punches if alone else [])
            if sending is not None:
                lost += sending.finish(deadlines.last_end) + process.queue.clear()
            report_lost(process, lost, "the environment was shut down")

    def _bequeath(self, punches: list[Punch], running: list[Punch], deadlines: Deadlines) -> Heir | None:
        """Fork the heir; it begins when it is told to, or this process has died.

        The punches have left this process's queue: whatever happens, none runs twice.
        """
        try:
            from lambda_punch.runtime.heir import Estate, fork_heir
        except (ImportError, OSError) as error:  # no descriptors
            from lambda_punch.runtime.reports import report_lost

            report_lost(
                self._process, punches, f"the environment was shut down and no process could be forked: {error}"
            )
            return None
        heir = fork_heir(Estate(punches, running, deadlines), self._process)
        if heir is not None and self._file is not None:
            try:
                self._file.write(_contract.HEIR, int(deadlines.heir_end * 1000), pid=heir.pid)
            except OSError:
                logger().exception("the extension could not be told to wait for leftover jobs")
        return heir

    def _end(self) -> None:
        """End the process, as SIGTERM would have, unless the user has a handler for it."""
        own = signal.getsignal(signal.SIGTERM)
        handler = self._previous if own == self._handle else own
        if handler == signal.SIG_DFL:
            _flush()
            os._exit(128 + signal.SIGTERM)
        # The user has a handler, installed before us or after; Python calls it on the main thread. The kernel may
        # have given the signal to another thread (a main thread that is just being thawed does not get it), and then
        # the main thread sleeps on, and Python's handler with it: wake it.
        if callable(handler) and _main_thread_is_deaf():
            self._call(handler, None)
        elif signal.getsignal(_WAKE) == self._wake:
            signal.pthread_kill(threading.main_thread().ident or 0, _WAKE)

    def _handle(self, number: int, frame: Any) -> None:
        """Run on the main thread, when it gets there: leave it to the thread, which works the leftovers off first.

        To wait here would keep the main thread in the middle of what it was doing, with whatever locks it holds, and
        jobs may need these. The user's handler comes with the wake at the end.
        """
        if os.getpid() != self._pid:
            self._handle_in_child(number, frame)
            return
        if signal.getsignal(_WAKE) != self._wake:
            self._finished.wait(_WAIT)  # the user has taken our wake signal
        if self._finished.is_set():
            self._call(self._previous, frame)

    def _wake(self, _number: int, frame: Any) -> None:
        """Interrupt the main thread's wait, and call the user's handler if its time has come."""
        if self._finished.is_set() and signal.getsignal(signal.SIGTERM) == self._handle:
            self._call(self._previous, frame)

    def _call(self, handler: Any, frame: Any) -> None:
        """Call the user's handler, once."""
        if callable(handler) and not self._called:
            self._called = True
            handler(int(signal.SIGTERM), frame)

    def _handle_in_child(self, number: int, frame: Any) -> None:
        """Do what a process that the function forked would have done; it has our handler but not our thread."""
        if callable(self._previous):
            self._previous(number, frame)
        elif self._previous == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)


def _main_thread_is_deaf() -> bool:
    """Tell whether the main thread sits in awslambdaric's wait for the next event without a thread for it.

    It is C code, which goes on waiting after a signal, so no Python handler runs any more in this process.
    """
    frame = sys._current_frames().get(threading.main_thread().ident or 0)  # noqa: SLF001 - there is no public way
    return frame is not None and frame.f_code.co_name in ("wait_next_invocation", "_get_next")


def _pass_on(descriptor: int, data: bytes) -> None:
    try:
        os.write(descriptor, data)
    except OSError:
        pass  # whoever had the wakeup descriptor before has closed it


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
