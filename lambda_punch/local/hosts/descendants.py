"""Finding every process that descends from an environment, also those that left their process group.

A process belongs to the environment if its environment block names the environment's API address (no other process has
it: the port is held for the environment's whole life), or its process group, session or parent is known to belong.
So a child escapes only by clearing its variables, leaving its session and losing its parent, all between two looks.

If no process was started since the last look, a look costs one read of ``/proc/loadavg``, whose last field is the
newest pid of the machine. Without ``/proc`` only the process groups are found.
"""

from __future__ import annotations

import os

_EXEC_LOOKS = 50  # at most; an exec takes microseconds
_KERNEL_THREAD = 0x200000  # PF_KTHREAD in the kernel's sched.h


class Descendants:
    """The processes of one environment besides the main ones. Not thread-safe."""

    def __init__(self, api: str) -> None:
        self._marker = f"AWS_LAMBDA_RUNTIME_API={api}".encode()
        self._groups: set[int] = set()
        self._members: set[int] = set()
        self._seen: set[int] = set()
        self._newest = b""

    def adopt(self, pid: int) -> None:
        """Note a main process, which leads a group of its own."""
        self._groups.add(pid)

    def forget(self) -> None:
        """Start anew: everything that was known has ended."""
        self._groups.clear()
        self._members.clear()
        self._seen.clear()
        self._newest = b""

    def strays(self, *, thorough: bool = False) -> list[int]:
        """Return the members outside the main groups; ``thorough`` also looks into processes that were seen before."""
        return [pid for pid, stat in self._look(thorough=thorough) if stat.group not in self._groups]

    def moving(self) -> bool:
        """Tell whether any member that was found is running. Main processes are left out: their parent watches them."""
        stats = [_stat(pid) for pid in self._members]
        return any(stat.alive and not stat.stopped for stat in stats if stat is not None)

    def survivors(self) -> list[int]:
        """Return every member that still lives, inside the main groups or not. Always thorough."""
        main = [pid for pid in self._groups if (stat := _stat(pid)) is not None and stat.alive]
        return main + [pid for pid, _ in self._look(thorough=True)]

    def _look(self, *, thorough: bool) -> list[tuple[int, _Stat]]:
        newest = _newest_pid()
        if thorough or newest != self._newest:
            self._newest = newest
            self._scan(thorough=thorough)
        return [(pid, stat) for pid in self._members if (stat := _stat(pid)) is not None and stat.alive]

    def _scan(self, *, thorough: bool) -> None:
        present = _pids()
        fresh = present if thorough else present - self._seen
        self._seen = present
        self._members &= present
        for pid in sorted(fresh - self._groups - {os.getpid()}):
            if self._belongs(pid):
                self._members.add(pid)

    def _belongs(self, pid: int) -> bool:
        stat = _stat(pid)
        if stat is None:
            return False
        kin = {stat.parent, stat.group, stat.session}
        if kin & self._groups or kin & self._members:
            return True
        return not stat.kernel and self._marker in _environment(pid)


class _Stat:
    """The few fields of ``/proc/PID/stat`` that matter here."""

    __slots__ = ("alive", "group", "kernel", "parent", "session", "stopped")

    def __init__(self, line: bytes) -> None:
        # the command name is in parentheses and may itself contain any byte
        state, parent, group, session, _, _, flags = line[line.rindex(b")") + 2 :].split(b" ", 7)[:7]
        self.alive = state not in (b"Z", b"X")
        self.stopped = state in (b"T", b"t")
        self.parent = int(parent)
        self.group = int(group)
        self.session = int(session)
        self.kernel = bool(int(flags) & _KERNEL_THREAD)


def _stat(pid: int) -> _Stat | None:
    line = _read(f"/proc/{pid}/stat")
    return _Stat(line) if line else None


def _environment(pid: int) -> list[bytes]:
    """Return the process's variables; in the middle of an exec it has none for a moment, so look again then."""
    for _ in range(_EXEC_LOOKS):
        if data := _read(f"/proc/{pid}/environ"):
            return data.split(b"\0")
        os.sched_yield()
    return []


def _newest_pid() -> bytes:
    return _read("/proc/loadavg").rsplit(b" ", 1)[-1]


def _pids() -> set[int]:
    try:
        return {int(name) for name in os.listdir("/proc") if name.isdigit()}
    except OSError:
        return set()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""
