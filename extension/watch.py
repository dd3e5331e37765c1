"""The handled-file as the extension sees it: the last record, and a wait for the next one (inotify).

The watch is made once and stays; a record written before anybody waits is found by reading first. A wait also
ends when the runtime process has died, told by a pidfd, so that nobody waits for the dead.
"""

import os
import select
import sys
import types

from . import contract

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOOK_MS = 100  # how often to look whether the runtime lives, where the kernel has no pidfd


def _import_inotify() -> "Any":
    """Import inotify_simple without ``ctypes.util``, which it uses only to find libc.

    ``find_library`` runs ldconfig and sometimes a compiler, and its module brings in subprocess: some 50 ms and
    2 MB for a library that this process has loaded anyway (``CDLL(None)``).
    """
    stand_in = types.ModuleType("ctypes.util")
    stand_in.find_library = _no_library  # type: ignore[attr-defined]  # a module built by hand
    sys.modules.setdefault("ctypes.util", stand_in)
    import inotify_simple  # type: ignore[import-untyped]  # it has no types

    return inotify_simple


def _no_library(_name: str) -> None:
    """Find nothing, so that CDLL(None) is used: the libraries that this process has loaded."""


class HandledFile:
    """Reads and awaits the records of one handled-file; for one thread."""

    def __init__(self, directory: str, descriptor: int) -> None:
        inotify_simple = _import_inotify()
        written, unlinked = inotify_simple.flags.MODIFY, inotify_simple.flags.ATTRIB
        self._descriptor = descriptor
        self._inotify = inotify_simple.INotify()
        self._inotify.add_watch(f"{directory}/{contract.HANDLED_FILE}", written | unlinked)
        self._process = RuntimeProcess()

    def read(self) -> "contract.Record | None":
        """Return the record in the file, or None while the function has not said that it uses the library."""
        return contract.parse_record(os.pread(self._descriptor, contract.RECORD_SIZE, 0))

    @property
    def removed(self) -> bool:
        """Whether the file has been removed: the library, or somebody, wants no more of this."""
        return os.fstat(self._descriptor).st_nlink == 0

    def wait(self, pid: int, timeout_ms: float, also: "int | None" = None) -> bool:
        """Wait until the file is written, ``also`` becomes readable, or the time is over.

        Returns False if there is nothing more to wait for: the runtime process ``pid`` is dead, or the file
        has been removed.
        """
        poll = select.poll()
        poll.register(self._inotify.fileno(), select.POLLIN)
        if also is not None:
            poll.register(also, select.POLLIN)
        alive = self._process.wait(poll, pid, timeout_ms)
        self._inotify.read(timeout=0)
        return alive and not self.removed


class RuntimeProcess:
    """Knows whether the process that writes the records lives; keeps one pidfd."""

    def __init__(self) -> None:
        self._pid = 0
        self._pidfd = -1

    def wait(self, poll: "select.poll", pid: int, timeout_ms: float) -> bool:
        """Run ``poll`` for at most ``timeout_ms``; return False as soon as the process ``pid`` is dead."""
        if pid != self._pid:
            self._open(pid)
        if self._pidfd < 0:
            poll.poll(min(timeout_ms, _LOOK_MS))
            return _exists(pid)
        poll.register(self._pidfd, select.POLLIN)
        return all(descriptor != self._pidfd for descriptor, _ in poll.poll(timeout_ms))

    def _open(self, pid: int) -> None:
        if self._pidfd >= 0:
            os.close(self._pidfd)
        self._pid, self._pidfd = pid, -1
        try:
            self._pidfd = os.pidfd_open(pid)
        except OSError:
            pass  # no such process, which _exists will tell, or a kernel before 5.3


def _exists(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read(512).rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except OSError:
        return False
