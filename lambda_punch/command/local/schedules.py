"""The schedules of the function under ``lambda-punch local --queue``: each recurring job is sent to its queue when it is due.

The jobs are declared in the function's code, which runs in processes of its own. So one more process imports the handler's
module and lists them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import variables_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from lambda_punch.jobs.schedules.schedule import Schedule
    from lambda_punch.local.queues.sqs_server import SqsServer

    from .console import Console

_LONGEST_WAIT = 60.0  # seconds; a machine that was asleep does not count them
_LONGEST_IMPORT = 60.0
_ROOT = Path(__file__).parents[3]


class Schedules:
    """Sends recurring jobs to the local queues, from start() to stop()."""

    def __init__(self, arguments: argparse.Namespace, server: SqsServer, console: Console) -> None:
        self._arguments = arguments
        self._server = server
        self._console = console
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)

    def start(self) -> None:
        """Begin; the thread first imports the function's module in another process."""
        self._thread.start()

    def stop(self) -> None:
        """End at once."""
        self._stop.set()
        self._thread.join(_LONGEST_IMPORT)

    def _run(self) -> None:
        try:
            jobs = listed(self._arguments, self._server.variables, self._stop)
        except (OSError, ValueError) as error:
            self._console.complain(f"recurring jobs, if it has any, are not sent: {error}")
            return
        due: list[tuple[float, dict[str, Any], Schedule]] = []
        for job, schedule in jobs:
            if job["queue"] in self._arguments.queue and job["backend"] == "sqs":
                self._console.say(f"{job['job']} is sent to {job['queue']} by {job['expression']} {job['timezone']}")
                due += _next(job, schedule)
            else:
                wanted = f"add --queue {job['queue']}" if job["backend"] == "sqs" else "only those on queues are"
                self._console.complain(f"{job['job']} recurs, but is not sent here; {wanted}")
        while due and not self._stop.is_set():
            due.sort(key=lambda each: each[0])
            at, job, schedule = due[0]
            left = at - clock()
            if left > 0:
                self._stop.wait(min(left, _LONGEST_WAIT))
                continue
            self._send(job)
            due[:1] = _next(job, schedule)

    def _send(self, job: Mapping[str, Any]) -> None:
        try:
            url, _ = self._server.queue(job["queue"], visibility=max(30, int(6 * self._arguments.timeout)))
            fifo = {"MessageGroupId": job["group"], "MessageDeduplicationId": str(uuid.uuid4())} if job["group"] else {}
            self._server.client.send_message(QueueUrl=url, MessageBody=job["input"], **fifo)
        except Exception as error:  # noqa: BLE001 - the server is being stopped, or was away for a moment
            if not self._stop.is_set():
                self._console.complain(f"{job['job']} was due and could not be sent to {job['queue']}: {error}")
            return
        self._console.say(f"{job['job']} is due and was sent to {job['queue']}")


def clock() -> float:
    """Return the time by which schedules are due, in epoch seconds."""
    return time.time()


def _next(job: dict[str, Any], schedule: Schedule) -> list[tuple[float, dict[str, Any], Schedule]]:
    at = next(schedule.after(clock()), None)
    return [] if at is None else [(at, job, schedule)]


def listed(
    arguments: argparse.Namespace, variables: Mapping[str, str], stop: threading.Event
) -> list[tuple[dict[str, Any], Schedule]]:
    """Import the handler's module in another process; return its recurring jobs.

    Raises ValueError if it cannot be imported, with the last line that it wrote.
    """
    module = arguments.handler.rpartition(".")[0].replace("/", ".")
    paths = filter(None, [os.environ.get("PYTHONPATH"), str(_ROOT)])
    root = str(Path(arguments.task_root or ".").absolute())
    lambdas = {  # what modules ask for when they are imported, but nothing that makes this process a runtime
        "AWS_LAMBDA_FUNCTION_NAME": arguments.name or "jobs", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769", "LAMBDA_TASK_ROOT": root, "_HANDLER": arguments.handler,
    }  # fmt: skip
    environ = {
        **os.environ, **lambdas, **variables, **variables_of(arguments), "PYTHONPATH": os.pathsep.join(paths)
    }  # fmt: skip
    command = [sys.executable, "-m", "lambda_punch", "jobs", "schedules", "--json", "--app", module]
    process = subprocess.Popen(
        command, cwd=root, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with process:
        until = time.monotonic() + _LONGEST_IMPORT
        while True:
            try:
                out, err = process.communicate(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if stop.is_set() or time.monotonic() > until:
                    process.kill()
        if process.returncode:
            if stop.is_set():
                return []
            said = err.strip().splitlines()
            raise ValueError(
                f"{module} cannot be imported beside the function: {said[-1] if said else 'it was too slow'}"
            )
    found = [job for line in out.splitlines() if (job := _job(line)) is not None]
    return [(job, _schedule(job)) for job in found]


def _job(line: str) -> dict[str, Any] | None:
    """Return the job of a line; None for what the module itself prints when it is imported."""
    try:
        job = json.loads(line)
    except ValueError:
        return None
    return job if isinstance(job, dict) and {"job", "expression", "input"} <= set(job) else None


def _schedule(job: dict[str, Any]) -> Schedule:
    from lambda_punch.jobs.schedules.schedule import read

    return read(job["expression"], job["timezone"])
