"""AWS's runtime client, with every job run inside ``push``: the function as it is without background work.

``lambda-punch local --compare`` runs it as ``python -m lambda_punch.command.local.inline_runtime module.function``, in
place of ``python -m awslambdaric``. The function may call start() and configure() as usual.
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
    """Run the function; return when awslambdaric does."""
    from awslambdaric.__main__ import main as run_client  # type: ignore[import-untyped]  # it has no types

    _wiring.on_lambda = _start_inline
    run_client(sys.argv)


def _start_inline(_config: Config) -> None:
    process = _wiring.process
    process.release_all()
    process.enter, process.submit, process.handled = no_entry, _run, _nothing


def _run(job: QueuedJob) -> None:
    """Run a job before ``push`` returns. A job that is pushed by a job runs after it. Errors are logged."""
    process = _wiring.process
    process.queue.add(job)
    if not process.drain.busy:
        process.drain.run(FOREVER)


def _nothing(_context: object) -> None:
    """Do nothing: no extension waits for this."""


if __name__ == "__main__":
    main()
