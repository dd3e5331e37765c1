"""A control group: its processes get a share of a core, and stand still when they are told to. Linux, v1 and v2, root.

https://docs.kernel.org/scheduler/sched-bwc.html and https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_ROOT = Path("/sys/fs/cgroup")
_PERIOD = 20_000  # microseconds; shorter than the kernel's 100,000, so that less depends on when in it a job begins
_SETTLE = 5.0  # seconds that a freeze may take


class Group:
    """One control group for the processes that are added; removed at the end of the ``with`` block."""

    def __init__(self, name: str) -> None:
        """Make it. Raises OSError where that is not allowed, or where the kernel has no such controllers."""
        self._v2 = (_ROOT / "cgroup.controllers").exists()
        if self._v2:
            (_ROOT / "cgroup.subtree_control").write_text("+cpu")
            self._cpu = self._freezer = _ROOT / name
        else:
            self._cpu, self._freezer = _ROOT / "cpu" / name, _ROOT / "freezer" / name
        for directory in {self._cpu, self._freezer}:
            directory.mkdir()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let all processes go, and remove the group."""
        self.thaw()
        for directory in {self._cpu, self._freezer}:
            above = directory.parent / "cgroup.procs"
            for pid in (directory / "cgroup.procs").read_text().split():
                _write(above, pid)
            directory.rmdir()

    def add(self, pid: int) -> None:
        """Take in a process with all of its threads."""
        for directory in {self._cpu, self._freezer}:
            (directory / "cgroup.procs").write_text(str(pid))

    def limit(self, cores: float) -> None:
        """Give all of them together this share of a core, from now on."""
        quota = int(_PERIOD * cores)
        if self._v2:
            (self._cpu / "cpu.max").write_text(f"{quota} {_PERIOD}")
        else:
            (self._cpu / "cpu.cfs_period_us").write_text(str(_PERIOD))
            (self._cpu / "cpu.cfs_quota_us").write_text(str(quota))

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


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError:
        pass  # it has just ended
