"""``lambda-punch jobs schedules``: the recurring jobs of an application, and the template that has AWS run them."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from . import output
from .arguments import count

if TYPE_CHECKING:
    import argparse

    from lambda_punch.jobs.operating.recurring import Recurring

_USAGE = 2
_HEADS = ("JOB", "QUEUE", "EXPRESSION", "ZONE", "NEXT RUNS (UTC)")


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``schedules`` and add its arguments."""
    parser.description = (
        "List the jobs that are declared with cron or every, or print a CloudFormation template that has EventBridge "
        "Scheduler send them. Nothing is asked of AWS."
    )
    add = parser.add_argument
    add("--app", metavar="MODULE", required=True, help="the module that declares the jobs")
    add("--next", metavar="N", type=count, default=2, help="how many next runs are listed (default: 2)")
    add("--json", action="store_true", help="print a line of JSON for each")
    add("--template", action="store_true", help="print the template")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the list or the template and return the exit status."""
    from lambda_punch.jobs.operating.recurring import recurring, template

    from .app import load

    with contextlib.redirect_stdout(sys.stderr):  # what the module prints is no part of the template
        problem = load(arguments.app)
    if problem is not None:
        output.complain("schedules", problem)
        return _USAGE
    jobs = recurring()
    if not jobs:
        output.complain("schedules", f"no job of {arguments.app} is declared with cron or every")
        return 0 if arguments.json else 1
    now = time.time()
    if arguments.template:
        print(json.dumps(template(jobs), indent=2))
    elif arguments.json:
        for job in jobs:
            print(json.dumps(_facts(job, job.next_runs(now, arguments.next))))
    else:
        output.table(_HEADS, [_row(job, job.next_runs(now, arguments.next)) for job in jobs])
    return 0


def _facts(job: Recurring, runs: list[float]) -> dict[str, object]:
    return {
        "job": job.job,
        "queue": job.queue,
        "backend": "lambda_event" if job.invoked else "sqs",
        "expression": job.schedule.expression,
        "timezone": job.schedule.timezone,
        "group": job.group,
        "input": job.input,
        "next": [datetime.fromtimestamp(each, timezone.utc).isoformat() for each in runs],
    }


def _row(job: Recurring, runs: list[float]) -> list[str]:
    when = ", ".join(output.clock(each)[:-3] for each in runs)
    if job.schedule.cron is None:
        when = "counted from when it is deployed"
    zone = job.schedule.timezone if job.schedule.cron else "-"
    return [job.job, job.queue or "(its own function)", job.schedule.expression, zone, when or "never again"]
