"""AWS's runtime client with every job run within ``push``: what a function is without the background.

``lambda-punch local --compare`` runs it as ``python -m lambda_punch.command.local.inline_runtime module.function``, in
place of ``python -m awslambdaric``. The function's own calls of start() and configure() work as ever.
"""

from __future__ import annotations

import sys

from lambda_punch.runtime.rare_modes import Within
from lambda_punch.runtime.start import process


def main() -> None:
    """Be the runtime; returns when awslambdaric does."""
    from awslambdaric.__main__ import main as run_client

    process.become(Within(process))
    run_client(sys.argv)


if __name__ == "__main__":
    main()
