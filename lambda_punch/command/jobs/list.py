"""``lambda-punch jobs list``: the dead letters of a queue."""

from __future__ import annotations

import itertools
import json
import sys
from typing import TYPE_CHECKING

from .arguments import add_connection, add_filters, add_queue, connect, count, selection
from .output import clock, table

if TYPE_CHECKING:
    import argparse

    from lambda_punch.jobs.operating.letters import Letter

_HEADS = ("DIED (UTC)", "JOB", "ID", "ATTEMPTS", "REASON", "ERROR")
_LIMIT = 100


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``list`` and add its arguments."""
    parser.description = (
        "List the dead letters of a queue. SQS hides a message from others while somebody looks at it, and counts that as a "
        "receive; they are released at the end."
    )
    add_queue(parser)
    add_filters(parser)
    parser.add_argument(
        "--limit", metavar="N", type=count, default=_LIMIT, help=f"no more than so many (default: {_LIMIT})"
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each")
    add_connection(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print them and return the exit status."""
    connect(arguments)
    from lambda_punch.jobs.operating.places import dead_letters_of
    from lambda_punch.jobs.operating.walk import Walk

    dead = dead_letters_of(arguments.queue, itself=arguments.itself)
    meant = selection(arguments, dead)
    with Walk(dead.queue) as walk:
        each = (letter for received in walk.batches() for letter in received if meant.means(letter))
        found = list(itertools.islice(each, arguments.limit))
    found.sort(key=lambda letter: letter.died_at or letter.sent_at)
    if arguments.json:
        for letter in found:
            print(json.dumps(letter.as_dict()))
    elif found:
        table(_HEADS, [_row(letter) for letter in found], numbers=("ATTEMPTS",))
    if not found:
        print(
            f"no such dead letter in {dead.queue.name}"
            if meant.says_something
            else f"no dead letters in {dead.queue.name}",
            file=sys.stderr,
        )
    elif len(found) == arguments.limit < sum(dead.queue.counts):
        print(
            f"these are {len(found)}; {dead.queue.name} has about {sum(dead.queue.counts)}, and --limit shows more",
            file=sys.stderr,
        )
    return 0


def _row(letter: Letter) -> list[str]:
    attempts = "-" if letter.attempts is None else str(letter.attempts)
    return [clock(letter.died_at), letter.job or "-", letter.short_id, attempts, letter.reason, letter.error or "-"]
