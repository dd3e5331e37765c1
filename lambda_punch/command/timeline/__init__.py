"""``lambda-punch timeline``: draw what a real function did, from its logs.

Only the arguments are in this file, so ``lambda-punch timeline --help`` works without the packages that a run needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """
Draw what a function on Lambda did, from its logs: init, response, what ran behind it, and what was billed. Both log
formats are read. The end of the response is logged by Lambda only in the JSON format and at the system log level DEBUG.
"""


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``timeline`` and add its arguments."""
    parser.description = _DESCRIPTION
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--log-group", metavar="NAME", help="read this log group, such as /aws/lambda/shop (extra sqs)")
    where.add_argument(
        "--file",
        metavar="FILE",
        help="read exported lines, or what `aws logs filter-log-events` or `aws logs tail` printed; - is stdin",
    )
    add = parser.add_argument
    add("--since", metavar="TIME", help="with --log-group: 30m, 2h, 3d, or a time in ISO 8601 (default: 1h)")
    add("--endpoint", metavar="URL", help="with --log-group: another address of CloudWatch Logs")
    add("--html", metavar="FILE", help="write it as a page into this one file")
    add("--trace", metavar="FILE", help="write it as a trace for Perfetto into this file")
    add("--json", action="store_true", help="print a JSON line for each invoke")
    add("--plain", action="store_true", help="no colours")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from .run import run

    return run(arguments)
