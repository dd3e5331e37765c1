"""The seam between the platform and whatever runs its processes.

The platform knows nothing but a :class:`Host`. There are two of them in :mod:`lambda_punch.local.hosts`: one runs plain
processes of this machine, the other one runs them in a container.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping, Sequence

    from .configuration import FunctionConfiguration


class LaunchError(Exception):
    """A process could not be started; the text is what Lambda logs, such as ``fork/exec PATH: permission denied``."""


@dataclass(eq=False)
class MainProcess:
    """One main process: the runtime or an extension.

    ``exit`` is done, with the return code (negative: the signal), once the process has ended and what it wrote is
    logged.
    """

    source: str
    pid: int
    exit: asyncio.Future[int]

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self.exit.done()


class Host(Protocol):
    """Where processes run. Every method is called on the event loop."""

    async def open(self, configuration: FunctionConfiguration) -> FunctionConfiguration:
        """Get ready to start processes; return the configuration with what the host adds to it."""

    async def start(
        self, source: str, argv: Sequence[str], *, variables: Mapping[str, str], directory: str
    ) -> MainProcess:
        """Start a process in a process group of its own; raise LaunchError."""

    async def terminate(self, process: MainProcess) -> None:
        """Send SIGTERM to the process's group, if the main process still runs."""

    async def kill(self, process: MainProcess) -> None:
        """Send SIGKILL to the process's group, if the main process still runs."""

    async def freeze(self) -> None:
        """Stop everything that descends from the processes; returns when it stands still."""

    def collect(self) -> None:
        """Hand on the lines that have been written by now, as far as the host can tell."""

    async def thaw(self) -> None:
        """Let everything go on."""

    async def sweep(self) -> list[int]:
        """End whatever the processes left behind, detached children included; return the pids that were killed."""

    async def close(self) -> None:
        """Give back what the host holds, opened or not; nothing may run any more."""


def describe_exit(status: int) -> str:
    """Say a return code in the platform's words."""
    if status >= 0:
        return f"exit status {status}"
    return f"signal: {_SIGNAL_WORDS.get(-status, f'signal {-status}')}"


# Go's names of the signals, which is how the platform reports them
_SIGNAL_WORDS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    10: "user defined signal 1",
    11: "segmentation fault",
    12: "user defined signal 2",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}
