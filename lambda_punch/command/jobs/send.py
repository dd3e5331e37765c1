"""``lambda-punch jobs send``: send a job from the shell."""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from typing import Any

from . import output
from .arguments import add_connection, connect

_USAGE = 2


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``send`` and add its arguments."""
    parser.description = (
        "Send a job to its queue on SQS. With --app its arguments are checked, and its queue and group are those that it is "
        "declared with."
    )
    add = parser.add_argument
    add("job", metavar="JOB", help="its name in messages: module.function, or what name= says")
    add("args", metavar="JSON", nargs="*", type=_json, help="an argument as JSON: 42, '\"text\"', '{\"a\": 1}'")
    add("--kwargs", metavar="JSON", type=_object, default={}, help="arguments by name, as a JSON object")
    add("--app", metavar="MODULE", help="the module that declares the job")
    add("--queue", metavar="NAME", help="the queue (default: the job's; needed without --app)")
    add("--delay", metavar="S", type=int, help="seconds before it is run")
    add("--at", metavar="TIME", type=_time, help="a time before which it is not run, like 2026-05-01T12:30Z")
    add("--group", metavar="TEXT", help="the message group, for FIFO queues (default: the job's)")
    add("--json", action="store_true", help="print a line of JSON")
    add_connection(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Send it, print its id and return the exit status."""
    connect(arguments)
    from lambda_punch.jobs.operating.calling import Call, send

    from .app import load

    problem = load(arguments.app) if arguments.app else None
    if problem is None and not arguments.app and not arguments.queue:
        problem = "name the --queue, or the --app that declares the job"
    if problem is not None:
        output.complain("send", problem)
        return _USAGE
    call = Call(
        arguments.job, arguments.args, arguments.kwargs, arguments.queue, arguments.group, arguments.delay, arguments.at
    )
    identity, queue = send(call, declared=arguments.app is not None)
    if arguments.json:
        print(json.dumps({"job": arguments.job, "id": identity, "queue": queue}))
    else:
        print(f"{arguments.job} {identity} sent to {queue}")
    return 0


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda name: _json(f"{name}?"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"must be JSON, not {text}; a text has quotes of its own: '\"{text}\"'"
        ) from None


def _object(text: str) -> Any:
    value = _json(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"must be a JSON object like '{{\"a\": 1}}', not {text}")
    return value


def _time(text: str) -> datetime:
    """Return a moment; UTC if the text names no zone."""
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a time like 2026-05-01T12:30Z, not {text}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
