"""``lambda-punch jobs move``: move dead letters, as they are, to another queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arguments import add_choice

if TYPE_CHECKING:
    import argparse


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``move`` and add its arguments."""
    parser.description = (
        "Move dead letters, as they are, to another queue. Each is sent before it is deleted, so none is lost if this is "
        "stopped."
    )
    add_choice(parser)
    parser.add_argument("--to", metavar="QUEUE", required=True, help="the other queue: a name, a URL or an ARN")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Move them and return the exit status."""
    from lambda_punch.jobs.operating import carrying, places

    from .carry import Work, carry

    return carry(
        arguments, Work("move", "moved", lambda dead, order: carrying.move(dead, places.find(arguments.to), order))
    )
