"""A host that runs plain processes of this machine.

Every main process leads a session and process group of its own, so that signals to a group reach its children and
nothing else. An exit is noticed through a pidfd, or a waiting thread where the kernel has none; nothing polls.
All of it runs on the event loop's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from lambda_punch.local.platform.host import LaunchError, MainProcess

from .descendants import Descendants
from .keeper import Keeper
from .output import LogCallback, Output
from .share import CpuShare
from .temporary import temporary_directory

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lambda_punch.local.platform.configuration import FunctionConfiguration

# What a process needs of this machine to run at all; it gets nothing else of the caller's environment.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
# how long a stopped or killed process may take to get there; it takes microseconds unless it is deep in the kernel
_SETTLE_SECONDS = 2.0
_EAGER_TURNS = 50
_WAKE_SECONDS = 0.02  # a main thread that still runs after this is busy, and gets its signals itself


class ProcessHost:
    """Starts, freezes and ends local processes. ``api`` is the platform's ``host:port``."""

    def __init__(self, api: str, on_line: LogCallback) -> None:
        self._on_line = on_line
        self._descendants = Descendants(api)
        self._directory = temporary_directory()
        self._keeper = Keeper(self._directory)
        self._running: dict[int, MainProcess] = {}
        self._outputs: list[Output] = []
        self._stopped_strays: set[int] = set()
        self._kept_strays: set[int] = set()
        self._groups: set[int] = set()
        self._share: CpuShare | None = None

    async def open(self, configuration: FunctionConfiguration) -> FunctionConfiguration:
        """Return the configuration with a few variables of this machine, and a directory to meet in."""
        if configuration.share_cpu:
            self._share = CpuShare(configuration.memory_size)
        passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # an extension takes a directory that exists already for that of an earlier life, so it is not made here
        meet = os.path.join(self._directory, "meet")
        return replace(configuration, inherited={**passed_on, "LAMBDA_PUNCH_DIR": meet})

    async def start(
        self, source: str, argv: Sequence[str], *, variables: Mapping[str, str], directory: str
    ) -> MainProcess:
        """Start a process; raise LaunchError if it cannot be executed."""
        try:
            child = subprocess.Popen(  # noqa: ASYNC220 - fork and exec take a millisecond
                list(argv),
                env=dict(variables),
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            message = f"fork/exec {argv[0]}: {reason}"
            raise LaunchError(message) from error
        if self._share is not None:
            self._share.begin_init()
            self._share.add(child.pid)
        self._keeper.keep_group(child.pid)
        self._descendants.adopt(child.pid)
        self._groups.add(child.pid)
        output = self._read(child, source)
        process = MainProcess(source, child.pid, asyncio.get_running_loop().create_future())
        self._running[child.pid] = process
        self._watch(child, process, output)
        return process

    async def terminate(self, process: MainProcess) -> None:
        """Send SIGTERM to the group of a running process.

        A process that has just been thawed first gets time to go back to its wait. Until then the kernel gives the
        signal to another of its threads, which is a trait of SIGSTOP and does not happen with Lambda's freezer.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _WAKE_SECONDS
        while process.running and not _sleeps(process.pid) and loop.time() < deadline:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.0005)
        self._signal(process, signal.SIGTERM)

    async def kill(self, process: MainProcess) -> None:
        """Send SIGKILL to the group of a running process."""
        self._signal(process, signal.SIGKILL)

    async def freeze(self) -> None:
        """Stop all groups and all detached children, and wait until the main processes stand still."""
        for pid in self._groups:
            _signal_group(pid, signal.SIGSTOP)
        while strays := set(self._descendants.strays()) - self._stopped_strays:
            # again until nothing new turns up: a stray may have forked before its stop arrived
            for pid in strays:
                _signal_process(pid, signal.SIGSTOP)
            for pid in strays - self._kept_strays:
                self._keeper.keep(pid)
            self._kept_strays |= strays
            self._stopped_strays |= strays
        moving = set(self._running)

        def still() -> bool:
            moving.difference_update([pid for pid in moving if pid not in self._running or _has_stopped(pid)])
            return not moving and not self._descendants.moving()

        await _settled(still)
        for output in self._outputs:
            output.flush()
        if self._share is not None:  # nothing is started between here and the end of the next invoke, but after a reset
            self._share.end_init()

    def collect(self) -> None:
        """Read whole lines that wait in the pipes."""
        for output in list(self._outputs):
            output.drain()

    async def thaw(self) -> None:
        """Continue all groups and all detached children."""
        for pid in self._groups:
            _signal_group(pid, signal.SIGCONT)
        for pid in self._stopped_strays:
            _signal_process(pid, signal.SIGCONT)
        self._stopped_strays.clear()

    async def sweep(self) -> list[int]:
        """Kill every descendant that is left, and wait until it is gone."""
        swept: list[int] = []

        def gone() -> bool:
            survivors = self._descendants.survivors()
            for pid in survivors:
                _signal_process(pid, signal.SIGKILL)
            for group in self._groups:
                _signal_group(group, signal.SIGKILL)
            swept.extend(pid for pid in survivors if pid not in swept)
            return not survivors

        await _settled(gone)
        for pid in self._groups:
            self._keeper.drop_group(pid)
        for pid in self._kept_strays:
            self._keeper.drop(pid)
        for output in self._outputs:
            output.close()
        self._outputs.clear()
        self._groups.clear()
        self._stopped_strays.clear()
        self._kept_strays.clear()
        self._descendants.forget()
        return swept

    async def close(self) -> None:
        """End the guard; it kills whatever should still be there, and removes the directory."""
        self._keeper.close()
        if self._share is not None:
            self._share.close()

    def _read(self, child: subprocess.Popen[bytes], source: str) -> Output:
        assert child.stdout is not None
        output = Output(os.dup(child.stdout.fileno()), source, self._on_line)
        child.stdout.close()
        self._outputs.append(output)
        return output

    def _watch(self, child: subprocess.Popen[bytes], process: MainProcess, output: Output) -> None:
        loop = asyncio.get_running_loop()

        def ended(status: int) -> None:
            self._running.pop(child.pid, None)
            output.drain()  # only lines: what is unfinished may be a descendant's, which is about to finish it
            if not process.exit.done():
                process.exit.set_result(status)

        try:
            descriptor = os.pidfd_open(child.pid)
        except (AttributeError, OSError):
            # no pidfd: an older kernel, or none that is Linux
            def wait() -> None:
                loop.call_soon_threadsafe(ended, child.wait())

            threading.Thread(target=wait, name=f"wait-{process.source}", daemon=True).start()
            return

        def reap() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            ended(child.wait())

        loop.add_reader(descriptor, reap)

    def _signal(self, process: MainProcess, number: signal.Signals) -> None:
        # as on Lambda, a group is reached through its main process only: once that has ended, nothing is signalled
        if process.running:
            _signal_group(process.pid, number)


async def _settled(condition: Callable[[], bool]) -> None:
    """Wait for something the kernel does in microseconds; gives up after a while, when there is nothing left to do."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _SETTLE_SECONDS
    turns = 0
    while not condition() and loop.time() < deadline:
        turns += 1
        await asyncio.sleep(0 if turns < _EAGER_TURNS else 0.001)


def _has_stopped(pid: int) -> bool:
    """Tell whether a child stands still, every thread of it: its stop is reported once all have stopped."""
    try:
        return os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG) is not None
    except (ChildProcessError, AttributeError):  # it has ended, or this system has no waitid
        return True


def _sleeps(pid: int) -> bool:
    """Tell whether the main thread of a process is in a wait."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rpartition(b") ")[2][:1] in (b"S", b"D")
    except OSError:
        return True


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _signal_process(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)
