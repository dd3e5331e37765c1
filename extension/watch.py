"""The handled-file as the extension sees it: the last record, and a wait for the next one (inotify).

inotify_simple takes some 8 ms of processor time to import, and there is no moment before the first response at which the
function would not have to share its own with us (on one core it shows in full). So the first wait looks, ever more
rarely, and ``watch`` is called when the first response is out. From then on the watch stays; a record written before
anybody waits is found by reading first. A wait also ends when the runtime process has died, told by a pidfd, so that
nobody waits for the dead.
"""

import posix
import select
import sys
import time

from . import contract

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LOOK_MS = 100  # how often to look whether the runtime lives, where the kernel has no pidfd
_FIRST_LOOK_MS = 1
_LAST_LOOK_MS = 20
_NOTICES_SIZE = 4096  # bytes; more than one request can give rise to
_LOOK_RATIO = 0.1  # before the watch: how long to wait for the next look, to how long it has been waited


def _import_inotify() -> "Any":
    """Import inotify_simple without ``ctypes.util``, which it uses only to find libc.

    ``find_library`` runs ldconfig and sometimes a compiler, and its module brings in subprocess: some 50 ms and
    2 MB for a library that this process has loaded anyway (``CDLL(None)``).
    """
    stand_in = type(sys)("ctypes.util")
    stand_in.find_library = _no_library  # type: ignore[attr-defined]  # a module built by hand
    sys.modules.setdefault("ctypes.util", stand_in)
    import inotify_simple  # type: ignore[import-untyped]  # it has no types

    return inotify_simple


def _no_library(_name: str) -> None:
    """Find nothing, so that CDLL(None) is used: the libraries that this process has loaded."""


class HandledFile:
    """Reads and awaits the records of one handled-file; for one thread."""

    def __init__(self, directory: str, descriptor: int) -> None:
        self._directory = directory
        self._descriptor = descriptor
        self._inotify: Any = None
        self._notices = -1  # inotify's descriptor
        # One poll object for good: making one for each wait costs more than the wait itself.
        self._poll = select.poll()
        self._waiting_since = 0.0
        self._pid = 0
        self._pidfd = -1
        self.runtime_ended = False  # whether the last wait found the runtime process dead

    def watch(self) -> None:
        """Have inotify tell of the next record from now on; raise OSError or ImportError if it is not to be had."""
        if self._inotify is None and not self.removed:
            inotify_simple = _import_inotify()
            inotify = inotify_simple.INotify()
            written, unlinked = inotify_simple.flags.MODIFY, inotify_simple.flags.ATTRIB
            inotify.add_watch(f"{self._directory}/{contract.HANDLED_FILE}", written | unlinked)
            self._notices = inotify.fileno()
            self._poll.register(self._notices, select.POLLIN)
            self._inotify = inotify

    def read(self) -> "contract.Record | None":
        """Return the record in the file, or None while the function has not said that it uses the library."""
        return contract.parse_record(posix.pread(self._descriptor, contract.RECORD_SIZE, 0))

    def wait(self, pid: int, timeout_ms: float, also: "int | None" = None) -> bool:
        """Wait until the file is written (or may be, before ``watch``), ``also`` is readable, or the time is over.

        Returns False if there is nothing more to wait for: the runtime process ``pid`` is dead, or the file
        has been removed.
        """
        if pid != self._pid:
            self._follow(pid)
        if also is not None:
            self._poll.register(also, select.POLLIN)
        if self._inotify is None:
            timeout_ms = min(timeout_ms, self._until_next_look())
        if self._pidfd < 0:
            timeout_ms = min(timeout_ms, _LOOK_MS)
        ready = self._look(timeout_ms)
        if also is not None:
            self._poll.unregister(also)
        if self._pidfd < 0:
            self.runtime_ended = not _exists(pid)
        else:
            self.runtime_ended = any(descriptor == self._pidfd for descriptor, _ in ready)
        return not self.runtime_ended and not self.removed

    def sleep(self, pid: int, timeout_ms: float) -> bool:
        """Wait until the file is written or removed, the runtime process ``pid`` is dead, or the time is over.

        Returns whether one of these was told; False without a wait where one could be missed.
        """
        if pid != self._pid:
            self._follow(pid)
        if timeout_ms <= 0 or self._inotify is None or self._pidfd < 0 or self.removed:
            return False
        return bool(self._look(timeout_ms))

    @property
    def removed(self) -> bool:
        """Whether the file has been removed: the library, or somebody, wants no more of this."""
        return posix.fstat(self._descriptor).st_nlink == 0

    def _look(self, timeout_ms: float) -> "list[tuple[int, int]]":
        """Return the descriptors that have something to tell; what inotify told is taken, and means no more than that.

        inotify_simple's own read() would ask the kernel three more questions, and make events of the answer.
        """
        ready = self._poll.poll(timeout_ms)
        for descriptor, _ in ready:
            if descriptor == self._notices:
                posix.read(descriptor, _NOTICES_SIZE)
        return ready

    def _until_next_look(self) -> float:
        """Return milliseconds: a tenth of the time waited so far, so that a long handler is hardly disturbed."""
        now = time.monotonic()
        self._waiting_since = self._waiting_since or now
        return min(max(_FIRST_LOOK_MS, (now - self._waiting_since) * 1000 * _LOOK_RATIO), _LAST_LOOK_MS)

    def _follow(self, pid: int) -> None:
        """Have the end of the process ``pid`` end a wait, where the kernel can tell it (5.3 or later)."""
        if self._pidfd >= 0:
            self._poll.unregister(self._pidfd)
            posix.close(self._pidfd)
        self._pid, self._pidfd = pid, -1
        try:
            self._pidfd = posix.pidfd_open(pid)
        except OSError:
            return  # no such process, which _exists will tell, or an older kernel
        self._poll.register(self._pidfd, select.POLLIN)


def _exists(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read(512).rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except OSError:
        return False
