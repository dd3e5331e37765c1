"""AWS's runtime client with every job run within ``push``: what a function is without the background.

For ``lambda-punch local --compare``. Run as ``python -m lambda_punch.command.local.inline_runtime module.function``, in place of
``python -m awslambdaric``. The function's own calls of start() and configure() work as ever.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lambda_punch.runtime.process import FOREVER, Mode
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.queue import Waiting


class Within(Mode):
    """A punch runs before its pusher goes on; one that is pushed by a job comes after that one. Errors are logged."""

    __slots__ = ()

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        process.release_all()
        self.submit = self._submit

    def _submit(self, waiting: Waiting) -> None:
        self._process.queue.add(waiting)
        if not self._process.drain.busy:
            self._process.drain.run(FOREVER)


def main() -> None:
    """Be the runtime; returns when awslambdaric does."""
    from awslambdaric.__main__ import main as run_client  # type: ignore[import-untyped]  # it has no types

    process.become(Within(process))
    run_client(sys.argv)


if __name__ == "__main__":
    main()
