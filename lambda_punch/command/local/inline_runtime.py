"""AWS's runtime client with every job run within ``push``: what a function is without the background.

For ``lambda-punch local --compare``. Run as ``python -m lambda_punch.command.local.inline_runtime module.function``, in place of
``python -m awslambdaric``. The function's own calls of start() and configure() work as ever.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lambda_punch import _wiring
from lambda_punch.runtime import no_entry
from lambda_punch.runtime.process import FOREVER

if TYPE_CHECKING:
    from lambda_punch._config import Config
    from lambda_punch.runtime.queue import QueuedJob


def main() -> None:
    """Be the runtime; returns when awslambdaric does."""
    from awslambdaric.__main__ import main as run_client  # type: ignore[import-untyped]  # it has no types

    _wiring.on_lambda = _start_inline
    run_client(sys.argv)


def _start_inline(_config: Config) -> None:
    process = _wiring.process
    process.release_all()
    process.enter, process.submit, process.handled = no_entry, _run, _nothing


def _run(job: QueuedJob) -> None:
    """Run a job before its pusher goes on; one that is pushed by a job comes after that one. Errors are logged."""
    process = _wiring.process
    process.queue.add(job)
    if not process.drain.busy:
        process.drain.run(FOREVER)


def _nothing(_context: object) -> None:
    """There is nobody to tell."""


if __name__ == "__main__":
    main()
