"""``lambda-punch jobs stats``: what is in the queues."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .arguments import add_connection, connect
from .output import complain, length, table

if TYPE_CHECKING:
    import argparse

    from lambda_punch.jobs.operating.counting import Counts

_HEADS = ("QUEUE", "WAITING", "IN FLIGHT", "DELAYED", "OLDEST", "DEAD", "DEAD LETTERS IN")


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``stats`` and add its arguments."""
    parser.description = (
        "Count the messages of the queues. SQS calls its numbers approximate. The age of the oldest message is what "
        "CloudWatch knew a few minutes ago. In flight are also messages that are put off."
    )
    parser.add_argument("queues", metavar="QUEUE", nargs="*", help="a name, a URL or an ARN (default: all queues)")
    parser.add_argument("--prefix", metavar="TEXT", default="", help="only queues whose names begin with it")
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each")
    add_connection(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table and return the exit status."""
    connect(arguments)
    from lambda_punch.jobs.operating.counting import count
    from lambda_punch.jobs.operating.places import every, find

    queues = [find(name) for name in arguments.queues] or every(arguments.prefix)
    rows, problem = count(queues)
    if arguments.json:
        for row in rows:
            print(json.dumps(row._asdict()))
    elif rows:
        table(_HEADS, [_row(row) for row in rows], numbers=_HEADS[1:-1])
    if not rows:
        complain("stats", "there are no queues here; check the region and the account")
    if problem:
        complain("stats", problem)
    return 0


def _row(row: Counts) -> list[str]:
    numbers = (row.waiting, row.in_flight, row.delayed)
    dead = "-" if row.dead_letters is None else "?" if row.dead is None else str(row.dead)
    return [row.queue, *map(str, numbers), length(row.oldest), dead, row.dead_letters or "-"]
