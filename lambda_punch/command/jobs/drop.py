"""``lambda-punch jobs drop``: delete dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arguments import add_choice

if TYPE_CHECKING:
    import argparse


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``drop`` and add its arguments."""
    parser.description = "Delete dead letters. There is no way back; --dry-run says which would go."
    add_choice(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Delete them and return the exit status."""
    from lambda_punch.jobs.operating import carrying

    from .carry import Work, carry

    return carry(arguments, Work("drop", "dropped", carrying.drop))
