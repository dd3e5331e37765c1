"""Hearing of jobs: what the traced runtime sends while they begin and end."""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

_LARGEST = 64 * 1024


class JobListener:
    """A socket on which traced runtimes tell of their jobs, as a context manager; ``told`` is called on its thread.

    A report of a job that was sent has ``sent``; all others tell that a job begins, or how it ended.
    """

    def __init__(self, told: Callable[[dict[str, Any]], None]) -> None:
        self._told = told
        self._directory = tempfile.TemporaryDirectory(prefix="lambda-punch-page-")
        self.path = os.path.join(self._directory.name, "jobs")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._listen, name="page-jobs", daemon=True)

    def __enter__(self) -> Self:
        """Start to listen."""
        self._socket.bind(self.path)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and remove the socket."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"", self.path)  # an empty datagram ends the thread
        self._thread.join()
        self._socket.close()
        self._directory.cleanup()

    def _listen(self) -> None:
        while datagram := self._socket.recv(_LARGEST):
            try:
                told = json.loads(datagram)
                self._told(told)
            except (ValueError, KeyError, TypeError):  # not from a traced runtime: anybody on this machine can send
                continue
