"""The handled-file as the library sees it: one write tells the extension that a request is handled.

The file is there exactly if the extension is. The extension makes it before the runtime is started, and removes it when
it goes out of service.
"""

from __future__ import annotations

import os
import stat

from lambda_punch import _contract


class NoExtensionError(Exception):
    """There is no extension to work with. The message says why; it is empty if the extension is just not installed."""


class HandledFile:
    """Writes records. Only the runtime's main thread may use it, and no forked child."""

    __slots__ = ("_descriptor", "_directory", "_extension", "_file", "_pid", "_sequence")

    def __init__(self, directory: str) -> None:
        """Open the file in ``directory``; raise NoExtensionError if no extension of this contract made it."""
        try:
            self._descriptor = _open(directory)
        except FileNotFoundError:
            raise NoExtensionError from None
        except OSError as error:
            raise NoExtensionError(f"the handled-file cannot be used: {error}") from error
        self._directory = directory
        status = os.fstat(self._descriptor)
        self._file = status.st_dev, status.st_ino
        self._pid = os.getpid()
        self._sequence = 0
        try:
            self._extension = _check_greeting(os.pread(self._descriptor, _contract.RECORD_SIZE, 0))
        except NoExtensionError:
            self.close()
            raise

    def write(self, state: str, until_ms: int = 0, request_id: str = _contract.ANY_REQUEST, pid: int = 0) -> bool:
        """Write a record; return False if nobody reads the file any more. Raises OSError (a full disk).

        ``until_ms``: epoch milliseconds up to which the extension may hold. About 5 microseconds.
        """
        self._sequence += 1
        if not _contract.is_request_id(request_id):
            request_id = _contract.ANY_REQUEST
        record = _contract.encode_record(self._sequence, state, pid or self._pid, until_ms, request_id)
        named = self._is_there()
        os.pwrite(self._descriptor, record, 0)  # also without a name: the extension has it open, and may read it yet
        return named

    def is_heeded(self) -> bool:
        """Tell whether the extension is there to wait for anything: it lives, and nobody has removed the file."""
        try:
            return self._is_there() and _lives(self._extension)
        except OSError:
            return False

    def _is_there(self) -> bool:
        """Tell whether the file still has its name; open it again if its descriptor has been closed by others.

        Code that closes descriptors by number closes ours, too, and another file may have got the number. Raises OSError
        if the file cannot be opened again.
        """
        try:
            status = os.fstat(self._descriptor)
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._file:
            self._descriptor = _open(self._directory)
            status = os.fstat(self._descriptor)
            self._file = status.st_dev, status.st_ino
        return status.st_nlink > 0

    def remove(self) -> None:
        """Remove the file: the extension then holds no more for this process. Never raises."""
        try:
            os.unlink(f"{self._directory}/{_contract.HANDLED_FILE}")
        except OSError:
            pass

    def close(self) -> None:
        """Close the file; write() is not to be called after."""
        os.close(self._descriptor)


def check_directory(directory: str) -> None:
    """Raise NoExtensionError unless ``directory`` is a real directory for this user alone; OSError if there is none."""
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise NoExtensionError(f"{directory} is not a directory for this user alone; remove it or set LAMBDA_PUNCH_DIR")


def _open(directory: str) -> int:
    """Open the handled-file if it and its directory are this user's alone."""
    check_directory(directory)
    descriptor = os.open(f"{directory}/{_contract.HANDLED_FILE}", os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
        os.close(descriptor)
        raise NoExtensionError(
            f"{directory}/{_contract.HANDLED_FILE} is not this user's file; remove it or set LAMBDA_PUNCH_DIR"
        )
    return descriptor


def _check_greeting(data: bytes) -> int:
    """Return the process id of the extension; raise NoExtensionError if this library cannot work with it."""
    greeting = _contract.parse_greeting(data)
    if greeting is None:
        raise NoExtensionError(
            "the handled-file does not begin with the extension's greeting; install the extension and the library of one "
            "release"
        )
    version, pid = greeting
    if version != _contract.VERSION:
        raise NoExtensionError(
            f"the extension speaks contract version {version}, this library {_contract.VERSION}: "
            "install the extension and the library of one release"
        )
    if not _lives(pid):
        raise NoExtensionError  # left by an environment that is gone
    return pid


def _lives(pid: int) -> bool:
    """Tell whether a process runs; one that has ended, and whose parent has not noticed, does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read(512).rpartition(b") ")[2][:1] not in (b"Z", b"X")
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it lives, under another user, or there is no /proc to tell more
