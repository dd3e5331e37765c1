"""Reading what a process writes, line by line, without ever making it wait.

Lambda gives the runtime a descriptor on which each log record is a frame of its own, so the end of a record is known also
where no line ends (awslambdaric ends a traceback so). Here that descriptor is the process's stdout, which keeps frames and
printed lines in their order.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

logger = logging.getLogger(__name__)

LogCallback = Callable[[str, str], None]

_CHUNK = 65536
# The frames of awslambdaric: type (4 bytes, this and one more), length (4), time (8), text.
_FRAME = b"\xa5\x5a\x00"
_HEADER = 16
_LONGEST_FRAME = 16 * 1024 * 1024


class Output:
    """The stdout and stderr of one process; they share a pipe, which keeps their order. For the event loop only."""

    def __init__(self, descriptor: int, source: str, on_line: LogCallback) -> None:
        self._descriptor: int | None = descriptor
        self._source = source
        self._on_line = on_line
        self._partial = b""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read_some)

    def drain(self) -> None:
        """Read all that is there now."""
        while self._descriptor is not None and self._read_some():
            pass

    def flush(self) -> None:
        """Read all that is there now, also a line without an end: awslambdaric ends a traceback that way."""
        self.drain()
        self._emit_partial()

    def close(self) -> None:
        """Read what is left and let go of the pipe."""
        self.drain()
        self._finish()

    def _read_some(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            data = os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._finish()
            return False
        self._partial = self._take(self._partial + data)
        return True

    def _take(self, data: bytes) -> bytes:
        """Emit each whole line and each whole frame; return the rest."""
        while (begin := data.find(_FRAME)) >= 0:
            if len(data) < begin + _HEADER:
                break
            length = int.from_bytes(data[begin + 4 : begin + 8], "big")
            if length > _LONGEST_FRAME:  # not a frame, whatever it is
                break
            end = begin + _HEADER + length
            if len(data) < end:
                break
            self._emit_all(data[:begin])
            self._emit_all(data[begin + _HEADER : end])
            data = data[end:]
        else:
            begin = len(data)
        *lines, rest = data[:begin].split(b"\n")
        for line in lines:
            self._emit(line)
        return rest + data[begin:]

    def _emit_all(self, text: bytes) -> None:
        for line in text.removesuffix(b"\n").split(b"\n") if text else ():
            self._emit(line)

    def _finish(self) -> None:
        if self._descriptor is None:
            return
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._descriptor = None
        self._emit_partial()

    def _emit_partial(self) -> None:
        partial, self._partial = self._partial, b""
        if partial:
            self._emit(partial)

    def _emit(self, line: bytes) -> None:
        emit(self._on_line, self._source, line.decode("utf-8", "replace"))


def emit(on_line: LogCallback, source: str, line: str) -> None:
    """Hand a line to its listener."""
    try:
        on_line(source, line)
    except Exception:
        # a broken listener must not end the reading, or the process would block on a full pipe
        logger.exception("on_log raised for a line of %s", source)
