"""The process's slots for SIGTERM: its handler, the wakeup descriptor, and the signal that wakes the main thread.

Two ways do not work. A Python signal handler alone: while awslambdaric waits for its next event the main thread sits in
C, and up to Python 3.11 the handler runs only when the next event comes. A SIGTERM handler that drains: it would run jobs
on top of a handler that may hold their locks. So the C-level handler writes to a pipe (``set_wakeup_fd``), and a thread
reads it. When Python's handler gets to run, it calls the handler that the user had installed. If it cannot get to run,
the thread calls the user's handler in its place.

These slots belong to the whole process, so other code takes them, too. asyncio sets the wakeup descriptor to -1 after
every loop that had a signal handler. Code that closes descriptors by number closes ours. ``check()`` looks at the slots
after each response, on the main thread. A forked child gives them back, because it would write into its parent's pipe.
"""

from __future__ import annotations

import os
import sys
import threading

from lambda_punch.runtime import threads
from lambda_punch.runtime.clock import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
    from typing import Any
else:
    import _signal as signal  # the module in Python around it makes enums of its numbers, at every cold start

_WAIT = 0.27  # seconds, at most, for which a signal handler waits: SIGKILL is due 0.3 seconds after SIGTERM

_WAKE = signal.SIGURG  # ignored by default, so harmless if our handler is missing


class Sigterm:
    """Hears SIGTERM on a thread of its own, whatever the main thread does; installed once, from the main thread."""

    def __init__(self, work_off: Callable[[float], None]) -> None:
        """``work_off(began)`` is called on that thread, with the time of the signal; then the process ends."""
        self._work_off = work_off
        self._finished = threading.Event()
        self._previous: Any = signal.SIG_DFL
        self._called = False
        self._others = -1
        self._writer = -1
        self._pipe = (0, 0)
        self._masks: dict[int, set[int]] = {}

    def install(self) -> None:
        """Take the slots and start the thread; raises ValueError outside the main thread."""
        self._previous = signal.signal(signal.SIGTERM, self._handle)
        if signal.getsignal(_WAKE) == signal.SIG_DFL:
            signal.signal(_WAKE, self._wake)
        self._open()
        self._others = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._hold_back, after_in_parent=self._let_through, after_in_child=self._give_back_in_child
            )

    def check(self) -> None:
        """Take back what others have taken; call it on the main thread, after each response. Never raises.

        A handler that was installed since is called after the leftovers: Python would call it at once, with the
        leftovers still waiting, and it may end the process.
        """
        found = signal.getsignal(signal.SIGTERM)
        if found != self._handle and found is not None:
            self._previous = signal.signal(signal.SIGTERM, self._handle)
        try:
            if not self._is_open():
                self._open()
            others = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        except (OSError, RuntimeError, ValueError):  # no descriptors, or no thread: the next check tries again
            return
        if others not in (-1, self._writer):
            self._others = others

    def _open(self) -> None:
        reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        status = os.fstat(self._writer)
        self._pipe = status.st_dev, status.st_ino
        threads.start_at_once(threads.SIGTERM, lambda: self._watch(reader))

    def _is_open(self) -> bool:
        """Tell whether the descriptor is still the pipe's. Code that closed it may have a file with its number now."""
        try:
            status = os.fstat(self._writer)
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._pipe

    def _watch(self, reader: int) -> None:
        try:
            while data := os.read(reader, 64):
                if self._others >= 0:
                    _pass_on(self._others, data)
                if signal.SIGTERM in data:
                    self._end_with_leftovers()
                    return
        except OSError:
            return  # somebody has closed it; check() opens another one

    def _end_with_leftovers(self) -> None:
        try:
            self._work_off(now())
        finally:
            self._finished.set()
            self._end()

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
        """Run on the main thread when that runs Python code. Leave the rest to the thread, which works leftovers off first.

        If this waited, the main thread would stand still in the middle of what it was doing and keep its locks, which
        jobs may need. The wake at the end has the user's handler called.
        """
        _pass_on(self._writer, bytes([number]))  # the wakeup descriptor may have been another's at that moment
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

    # A forked child has our handler and our pipe. A SIGTERM that it gets must not reach our thread, so SIGTERM is blocked
    # in it until it has given both back.

    def _hold_back(self) -> None:
        self._masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def _let_through(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.pop(threading.get_ident(), set()))

    def _give_back_in_child(self) -> None:
        try:
            signal.set_wakeup_fd(-1)
            if signal.getsignal(signal.SIGTERM) == self._handle:
                signal.signal(signal.SIGTERM, self._previous if self._previous is not None else signal.SIG_DFL)
            if signal.getsignal(_WAKE) == self._wake:
                signal.signal(_WAKE, signal.SIG_DFL)
        finally:
            self._let_through()


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
        pass  # the code that had the wakeup descriptor before has closed it


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
