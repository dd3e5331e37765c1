"""A control group whose processes get a share of a core, and stand still when they are told to. Linux, v1 and v2, root.

https://docs.kernel.org/admin-guide/cgroup-v1/freezer-subsystem.html and https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from lambda_punch.local.hosts.share import CpuShare

_SETTLE = 5.0  # seconds that a freeze may take


class Group(CpuShare):
    """The local Lambda's control group, with the kernel's freezer."""

    def __init__(self, memory: int) -> None:
        """Make it. Raises OSError where that is not allowed, or where the kernel has no such controllers."""
        super().__init__(memory)
        self._freezer = self._directory
        if not self._v2:
            self._freezer = Path("/sys/fs/cgroup/freezer") / self._directory.name
            self._freezer.mkdir()

    def add(self, pid: int) -> None:
        """Take in a process with all of its threads."""
        super().add(pid)
        if not self._v2:
            (self._freezer / "cgroup.procs").write_text(str(pid))

    def close(self) -> None:
        """Remove the group, when its processes have ended."""
        super().close()
        if not self._v2:
            self._freezer.rmdir()

    def freeze(self) -> None:
        """Let them stand still, and wait until they do."""
        self._set(frozen=True)

    def thaw(self) -> None:
        """Let them go on."""
        self._set(frozen=False)

    def _set(self, *, frozen: bool) -> None:
        if self._v2:
            (self._freezer / "cgroup.freeze").write_text("1" if frozen else "0")
        else:
            (self._freezer / "freezer.state").write_text("FROZEN" if frozen else "THAWED")
        until = time.monotonic() + _SETTLE
        while self._is_frozen() != frozen:
            if time.monotonic() > until:
                raise TimeoutError(f"the group did not {'freeze' if frozen else 'thaw'} within {_SETTLE:g} s")
            time.sleep(0.0002)

    def _is_frozen(self) -> bool:
        if self._v2:
            return "frozen 1" in (self._freezer / "cgroup.events").read_text()
        return (self._freezer / "freezer.state").read_text().strip() == "FROZEN"


def cpu_seconds(*pids: int) -> float:
    """Return the processor time that all threads of these processes have used so far, in seconds."""
    nanoseconds = 0
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            try:
                nanoseconds += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
            except OSError:
                pass  # it has just ended
    return nanoseconds / 1e9
