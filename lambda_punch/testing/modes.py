"""The modes in which a test has taken over push(); runtime/modes.py has the table of all modes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from lambda_punch.runtime.process import Mode
from lambda_punch.runtime.punch import opened
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.punch import Punch, Waiting


class Inline(Mode):
    """A push runs its function before it returns, and raises what that raises."""

    __slots__ = ()

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.submit = self._submit

    def _submit(self, waiting: Waiting) -> None:
        run_now(opened(waiting))


class Recording(Mode):
    """A push is kept in a list, and not run."""

    __slots__ = ("_punches",)

    def __init__(self, process: Process, punches: list[Punch]) -> None:
        super().__init__(process)
        self._punches = punches
        self.submit = self._submit

    def _submit(self, waiting: Waiting) -> None:
        self._punches.append(opened(waiting))


def run_now(punch: Punch) -> None:
    """Run a punch in its context, and await what it returns if that can be awaited; raise what it raises."""
    result = punch.run()
    if isinstance(result, Awaitable):
        process.loop.run(result, punch.context)
