"""``lambda-punch jobs run``: send the jobs of dead letters afresh, or run them in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arguments import add_choice

if TYPE_CHECKING:
    import argparse

_USAGE = 2


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``run`` and add its arguments."""
    parser.description = (
        "Send the jobs of dead letters afresh to the queues that they came from, with all their retries. Each is sent before "
        "its letter is deleted, so none is lost if this is stopped. With --here each is run once in this process instead, with "
        "its traceback if it fails, and its letter is deleted if it does not."
    )
    add_choice(parser)
    parser.add_argument("--here", action="store_true", help="run them in this process; needs --app")
    parser.add_argument("--app", metavar="MODULE", help="the module that declares the jobs")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send or run them and return the exit status."""
    from .carry import Work, carry

    if not arguments.here:
        from lambda_punch.jobs.operating import carrying

        return carry(arguments, Work("run", "sent afresh", carrying.run))
    from lambda_punch.jobs.operating.here import run_here

    from . import output
    from .app import load

    problem = load(arguments.app) if arguments.app else "--here needs --app, the module that declares the jobs"
    if problem is not None:
        output.complain("run", problem)
        return _USAGE
    return carry(arguments, Work("run", "run here", run_here))
