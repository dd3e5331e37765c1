"""The jobs that have been pushed and are not done yet, kept where another process can read them when this one has died.

The ledger is a file in the rendezvous directory, mapped into this process. An entry is two bytes in memory and takes a
quarter of a microsecond, and the kernel keeps it when the process is killed. The extension then reads the ledger and says
what was lost; after a re-init the next extension does. The file is made at the first push, and its space is allocated,
because a write into a mapped hole on a full disk would kill the process. If the file cannot be made, the ledger is kept in
memory alone: the heir still has it, but nobody can read it when the process has been killed.

Any thread may call ``enter`` and ``settle``. Of forked children, only the heir has a ledger.
"""

from __future__ import annotations

import _thread
import itertools
import mmap
import os

from lambda_punch import _contract
from lambda_punch.runtime.punch import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_SLOTS = (_contract.LEDGER_SIZE - _contract.LEDGER_SLOTS) // 2


class Ledger:
    """The jobs that this process has taken and not yet done."""

    def __init__(self, directory: str | None) -> None:
        """Make the file in ``directory``; raises OSError. None: in memory alone."""
        self._data = mmap.mmap(-1, _contract.LEDGER_SIZE) if directory is None else _map_file(directory)
        self._data[: len(_contract.LEDGER_GREETING)] = _contract.LEDGER_GREETING
        self._slots = memoryview(self._data)[_contract.LEDGER_SLOTS :].cast("H")
        self._next = itertools.count(1).__next__  # atomic
        self._naming = _thread.allocate_lock()
        self._end = _contract.LEDGER_NAMES
        self._lines: dict[str, int] = {}
        self._known: dict[tuple[str, str], int] = {}
        self._write_name(_contract.LEDGER_OTHERS.decode())

    def enter(self, function: Callable[..., Any]) -> int:
        """Note a job that will call ``function``; return the number to settle it with, 0 if there is no room."""
        try:
            line = self._known[function.__module__, function.__qualname__]
        except BaseException:  # noqa: BLE001 - not known yet, or a __getattr__ that raises anything
            line = self._line(function)
        number = self._next()
        slot = number % _SLOTS
        if self._slots[slot]:
            return 0
        self._slots[slot] = line
        return number

    def settle(self, number: int) -> None:
        """Note that a job is done, or that its loss has been reported."""
        if number:
            self._slots[number % _SLOTS] = 0

    def is_open(self, number: int) -> bool:
        """Tell whether a job that was entered has not been settled. Right until another job takes its slot."""
        return number > 0 and self._slots[number % _SLOTS] > 0

    def _line(self, function: Callable[..., Any]) -> int:
        """Return the line of a name that is not in ``_known``; never raises, whatever the callable is."""
        name = name_of(function)
        with self._naming:
            line = self._lines.get(name) or self._write_name(name)
        if line > 1:
            try:
                self._known[function.__module__, function.__qualname__] = line
            except BaseException:  # noqa: BLE001, S110 - a partial has no name of its own to know it by; others raise anything
                pass
        return line

    def _write_name(self, name: str) -> int:
        text = name.encode("ascii", "backslashreplace")[: _contract.LEDGER_NAME_SIZE] + b"\n"
        if self._end + len(text) >= _contract.LEDGER_SLOTS:
            return 1
        self._data[self._end : self._end + len(text)] = text
        self._end += len(text)
        self._lines[name] = len(self._lines) + 1
        return self._lines[name]


def _map_file(directory: str) -> mmap.mmap:
    path = f"{directory}/{_contract.LEDGER}{os.getpid()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, _contract.LEDGER_SIZE)
        return mmap.mmap(descriptor, _contract.LEDGER_SIZE)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)
