"""``lambda-punch local``: run a function on this machine as Lambda would.

Only the arguments are in this file, so ``lambda-punch local --help`` works without the packages that a run needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

_DESCRIPTION = """
Run a function on this machine as Lambda would. The extensions start first, then the runtime; the caller gets the
response as soon as it is posted; everything is frozen between the invokes; timeouts, crashes and the shutdown are
Lambda's. A timeline is printed at the end.
"""


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``local`` and add its arguments."""
    parser.description = _DESCRIPTION
    add = parser.add_argument
    add(
        "handler",
        nargs="?",
        help="module.function, as in the function's configuration, or a SAM template; an image may have its own",
    )
    add("--image", metavar="IMAGE", help="run this container image of the function; needs Docker and the extra image")
    add(
        "--event",
        metavar="FILE",
        action="append",
        default=[],
        help="a JSON event, repeatable; - is stdin (default: {})",
    )
    add("--request", metavar="'METHOD PATH'", help="send this HTTP request as API Gateway does, instead of an event")
    add("--data", metavar="TEXT", help="the body of the --request; @FILE reads it from a file")
    add("--count", metavar="N", type=int, help="invoke N times in all, repeating the events")
    add("--timeout", metavar="S", type=float, default=3.0, help="the function's timeout in seconds (default: 3)")
    add(
        "--memory",
        metavar="MB",
        type=int,
        help="the function's memory, and that share of a core where control groups can be had (default: 128, a whole core)",
    )
    add(
        "--init-timeout",
        metavar="S",
        type=float,
        default=10.0,
        help="seconds that the init phase may take (default: 10)",
    )
    add("--pause", metavar="S", type=float, default=0.0, help="seconds to wait between the invokes (default: 0)")
    add("--serve", metavar="PORT", type=int, help="answer HTTP on this port (0: any) instead of sending events")
    add(
        "--name",
        metavar="NAME",
        help="the function's name; with --serve, calls of any other name are refused; of a template, the function to invoke",
    )
    add("--parameter", metavar="K=V", action="append", default=[], help="a parameter of the template, repeatable")
    add(
        "--environments",
        metavar="N",
        type=int,
        default=30,
        help="with --serve: environments side by side, at most (default: 30); beyond that calls are throttled",
    )
    add("--reload", action="store_true", help="with --serve: new requests run the new code when a file is saved")
    add(
        "--ui",
        metavar="PORT",
        type=int,
        nargs="?",
        const=0,
        help="show the run on a page in the browser, on this port (default: any free one)",
    )
    add("--html", metavar="FILE", help="write the run as a page into this one file, at the end")
    add("--trace", metavar="FILE", help="write the run as a trace for Perfetto into this file, at the end")
    add(
        "--compare",
        action="store_true",
        help="measure how long callers wait with jobs inside the request, and after it",
    )
    add("--task-root", metavar="DIR", help="where the function's code is (default: here)")
    add("--extension", metavar="PATH", action="append", default=[], help="an extension's executable, repeatable")
    add("--no-extension", action="store_true", help="leave out lambda-punch's own extension")
    add("--no-freeze", action="store_true", help="do not freeze the processes between the invokes")
    add("--env", metavar="K=V", action="append", default=[], help="a variable of the function, repeatable")
    add("--env-file", metavar="FILE", action="append", default=[], help="a file of K=V lines, repeatable; --env wins")
    add("--plain", action="store_true", help="no colours")
    add("--json", action="store_true", help="print the timeline as JSON lines, everything else on stderr")
    _declare_queues(parser)
    parser.set_defaults(run=_run)


def _declare_queues(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("SQS event source (needs the extra jobs)").add_argument
    add(
        "--queue",
        metavar="NAME",
        action="append",
        default=[],
        help="poll this queue as Lambda's event source mapping does, repeatable; a missing queue is made",
    )
    add("--sqs-endpoint", metavar="URL", help="an SQS-speaking server (default: one is started)")
    add("--batch-size", metavar="N", type=int, default=10, help="messages in one batch, at most (default: 10)")
    add(
        "--batch-window", metavar="S", type=float, default=0.0, help="seconds in which a batch is gathered (default: 0)"
    )
    add("--pollers", metavar="N", type=int, default=1, help="environments that take batches side by side (default: 1)")
    add("--duplicates", metavar="SHARE", type=float, default=0.0, help="deliver this share of messages twice")
    add("--throttles", metavar="SHARE", type=float, default=0.0, help="throttle this share of batches")


def _run(arguments: argparse.Namespace) -> int:
    from .session import run

    return run(arguments)
