"""``lambda-punch jobs``: what an operator does with durable jobs and their dead letters, on SQS.

Each subcommand is the module of its name in this folder, and a line in the table below. Such a module has
``declare(parser)``, as every subcommand has. What talks to SQS is in ``lambda_punch.jobs.operating`` and is imported when a
subcommand runs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_SUBCOMMANDS = {
    "list": "list the dead letters of a queue",
    "show": "show all that is known of some of them",
    "run": "send their jobs afresh to the queues that they came from",
    "drop": "delete them",
    "move": "move them to another queue",
    "stats": "count what waits, is in flight, is delayed and is dead, in all queues",
    "ui": "show the queues and their dead letters on a page in the browser",
    "send": "send a job",
    "schedules": "list the recurring jobs, or print the template of their schedules",
    "work": "run the jobs of queues on this machine until Ctrl-C",
}
_DESCRIPTION = """
Look at the queues of durable jobs and at their dead letters, on SQS. Region, profile, credentials and endpoint are those of
the AWS command line. Needs the extra jobs.
"""


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``jobs`` and add its subcommands."""
    parser.description = _DESCRIPTION
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in _SUBCOMMANDS.items():
        import_module(f".{name}", __name__).declare(subcommands.add_parser(name, help=summary))
