"""``lambda-punch jobs work``: run the jobs of queues on this machine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from . import output
from .arguments import add_connection, connect, count

if TYPE_CHECKING:
    import argparse

_USAGE = 2
_STOPPING = "stopping when the running jobs are done; once more ends at once, and their messages come back"


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``work`` and add its arguments."""
    parser.description = (
        "Wait for jobs on SQS and run them in this process, as the function would, until Ctrl-C or SIGTERM. The running jobs "
        "are finished then."
    )
    add = parser.add_argument
    add("queues", metavar="QUEUE", nargs="*", help="a name, a URL or an ARN (default: those of the jobs of --app)")
    add("--app", metavar="MODULE", required=True, help="the module that declares the jobs")
    add("--concurrency", metavar="N", type=count, default=1, help="jobs of each queue at a time (default: 1)")
    add_connection(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Work and return the exit status."""
    connect(arguments)
    from lambda_punch import _events
    from lambda_punch.jobs import registry
    from lambda_punch.jobs.operating.places import find
    from lambda_punch.jobs.operating.working import work

    from .app import load
    from .progress import stoppable

    problem = load(arguments.app)
    names = arguments.queues or registry.queues()
    if problem is None and not names:
        problem = f"the module {arguments.app} declares no job; name the one that does, or name queues"
    if problem is not None:
        output.complain("work", problem)
        return _USAGE
    queues = [find(name) for name in names]
    _events.subscribe(_show)
    with stoppable(_STOPPING) as stop:
        print(f"waiting for jobs of {', '.join(queue.name for queue in queues)}; Ctrl-C ends", flush=True)
        work(queues, arguments.concurrency, stop)
    return 0


def _show(event: Any) -> None:
    """Print a line for each job that is done; failures have one of their own."""
    if getattr(event, "event", "") == "perform" and event.error is None:
        line = output.printable(f"{event.job} {event.id} done in {event.duration * 1000:.0f} ms")
        sys.stdout.write(f"{line}\n")  # in one piece: several threads write
        sys.stdout.flush()
