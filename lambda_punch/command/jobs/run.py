"""``lambda-punch jobs run``: send the jobs of dead letters afresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arguments import add_choice

if TYPE_CHECKING:
    import argparse


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``run`` and add its arguments."""
    parser.description = (
        "Send the jobs of dead letters afresh to the queues that they came from, with all their retries. Each is sent before "
        "its letter is deleted, so none is lost if this is stopped."
    )
    add_choice(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send them and return the exit status."""
    from lambda_punch.jobs.operating import carrying

    from .carry import Work, carry

    return carry(arguments, Work("run", "sent afresh", carrying.run))
