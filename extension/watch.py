"""The handled-file on the extension's side: read the last record, and wait for the next one (inotify).

Loading inotify takes some 3 ms of processor time, which before the first response would be taken from the function. So
the first wait only looks at the file from time to time, and ``watch`` is called when the first response
is out. From then on inotify watches; callers read before they wait, so a record that was written earlier is found. A
pidfd ends the wait when the runtime process has died.
"""

import posix
import select
import time

from . import contract

_LOOK_MS = 100  # between two looks whether the runtime lives, where the kernel has no pidfd
_FIRST_LOOK_MS = 1
_LAST_LOOK_MS = 20
_NOTICES_SIZE = 4096  # bytes; more than one request can cause
_LOOK_RATIO = 0.1  # before the watch: the time to the next look, as a part of the time waited so far


class HandledFile:
    """Reads and awaits the records of one handled-file; for one thread."""

    def __init__(self, directory: str, descriptor: int) -> None:
        self._directory = directory
        self._descriptor = descriptor
        self._notices = -1  # inotify's descriptor, once it watches
        # One poll object for good: making one for each wait costs more than the wait itself.
        self._poll = select.poll()
        self._waiting_since = 0.0
        self._pid = 0
        self._pidfd = -1
        self.runtime_ended = False  # whether the last wait found the runtime process dead

    def watch(self) -> None:
        """Let inotify report records from now on; raise OSError or ImportError where it cannot."""
        if self._notices < 0 and not self.removed:
            from . import inotify

            self._notices = inotify.watch(f"{self._directory}/{contract.HANDLED_FILE}")
            self._poll.register(self._notices, select.POLLIN)

    def read(self) -> "contract.Record | None":
        """Return the record in the file, or None while the function has not said that it uses the library."""
        return contract.parse_record(posix.pread(self._descriptor, contract.RECORD_SIZE, 0))

    def wait(self, pid: int, timeout_ms: float, also: "int | None" = None) -> bool:
        """Wait until the file is written, ``also`` is readable, or the time is over; before ``watch``, perhaps less.

        Returns False if there is nothing more to wait for: the runtime process ``pid`` has died, or the file has been
        removed.
        """
        if pid != self._pid:
            self._follow(pid)
        if also is not None:
            self._poll.register(also, select.POLLIN)
        if self._notices < 0:
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
        """Wait until the file is written or removed, the runtime process ``pid`` has died, or the time is over.

        Returns False if the time is over, or at once, without a wait, where the kernel cannot report all of these.
        """
        if pid != self._pid:
            self._follow(pid)
        if timeout_ms <= 0 or self._notices < 0 or self._pidfd < 0 or self.removed:
            return False
        return bool(self._look(timeout_ms))

    @property
    def removed(self) -> bool:
        """Whether the file has been removed: by the library, or by somebody else."""
        return posix.fstat(self._descriptor).st_nlink == 0

    def _look(self, timeout_ms: float) -> "list[tuple[int, int]]":
        """Return the descriptors that are ready. What inotify reported is read and dropped: that it did is enough."""
        ready = self._poll.poll(timeout_ms)
        for descriptor, _ in ready:
            if descriptor == self._notices:
                posix.read(descriptor, _NOTICES_SIZE)
        return ready

    def _until_next_look(self) -> float:
        """Return milliseconds: a tenth of the time waited so far, so that a long handler is disturbed little."""
        now = time.monotonic()
        self._waiting_since = self._waiting_since or now
        return min(max(_FIRST_LOOK_MS, (now - self._waiting_since) * 1000 * _LOOK_RATIO), _LAST_LOOK_MS)

    def _follow(self, pid: int) -> None:
        """From now on let the end of the process ``pid`` end a wait, where the kernel can tell (5.3 or later)."""
        if self._pidfd >= 0:
            self._poll.unregister(self._pidfd)
            posix.close(self._pidfd)
        self._pid, self._pidfd = pid, -1
        try:
            self._pidfd = posix.pidfd_open(pid)
        except OSError:
            return  # an older kernel, or no such process, which _exists will find
        self._poll.register(self._pidfd, select.POLLIN)


def _exists(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read(512).rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except OSError:
        return False
