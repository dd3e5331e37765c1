"""The share of a core that a function's memory gives it, by a control group (cgroup) of Linux, version 1 or 2.

On Lambda 1,769 MB are one core; during the init a function has a core for itself whatever its memory.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html, https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "lambda-punch-"
_ONE_CORE = 1769  # MB
_PERIOD = 20_000  # microseconds; shorter than the kernel's own, so that less depends on when in it a job begins
_numbers = itertools.count(1)


class CpuShare:
    """A control group for the processes of one environment."""

    def __init__(self, memory: int) -> None:
        """Make it. Raises OSError where there are no control groups for the processor, or not for this user."""
        self._cores = memory / _ONE_CORE
        self._v2 = (_ROOT / "cgroup.controllers").exists()
        if self._v2:
            (_ROOT / "cgroup.subtree_control").write_text("+cpu")
        parent = _ROOT if self._v2 else _ROOT / "cpu"
        _remove_orphans(parent)
        self._directory = parent / f"{_PREFIX}{os.getpid()}-{next(_numbers)}"
        self._directory.mkdir()

    def add(self, pid: int) -> None:
        """Take in a process; what it starts from now on belongs to the group, too."""
        with contextlib.suppress(OSError):  # it has just ended
            (self._directory / "cgroup.procs").write_text(str(pid))

    def begin_init(self) -> None:
        """Give all of them together a whole core."""
        self._give(max(1.0, self._cores))

    def end_init(self) -> None:
        """Give all of them together what the memory stands for."""
        self._give(self._cores)

    def close(self) -> None:
        """Remove the group, when its processes have ended."""
        with contextlib.suppress(OSError):
            self._directory.rmdir()

    def _give(self, cores: float) -> None:
        quota = max(1000, int(_PERIOD * cores))  # the kernel takes no less than a millisecond
        if self._v2:
            (self._directory / "cpu.max").write_text(f"{quota} {_PERIOD}")
        else:
            (self._directory / "cpu.cfs_period_us").write_text(str(_PERIOD))
            (self._directory / "cpu.cfs_quota_us").write_text(str(quota))


def is_possible() -> bool:
    """Tell whether this user can make such groups on this machine."""
    try:
        share = CpuShare(_ONE_CORE)
        try:
            share.end_init()
        finally:
            share.close()
    except OSError:
        return False
    return True


def _remove_orphans(parent: Path) -> None:
    """Remove groups of processes that were killed before they could do it."""
    for directory in parent.glob(f"{_PREFIX}*-*"):
        owner = directory.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not os.path.exists(f"/proc/{owner}"):
            with contextlib.suppress(OSError):
                directory.rmdir()
