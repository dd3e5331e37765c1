"""The function of the container tests: its event says what to do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import lambda_punch as punch

punch.start()


def note(*words: object) -> None:
    # one write, so that nothing comes between
    sys.stdout.write(" ".join(map(str, ("note", time.monotonic(), *words))) + "\n")
    sys.stdout.flush()


def work(name: str, steps: int) -> None:
    """Take ten milliseconds a step; a step that was begun before a freeze ends after it."""
    note(name, "begins")
    for _ in range(steps):
        time.sleep(0.01)
    note(name, "ends")


@punch.handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    note("handler", context.aws_request_id)
    if "detach" in event:
        child = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
        note("detached", child.pid)
    for name, steps in event.get("jobs", {}).items():
        punch.push(work, name, steps)
    time.sleep(event.get("sleep", 0))
    if "raise" in event:
        raise LookupError(event["raise"])
    return {"pid": os.getpid(), "directory": os.getcwd(), "variables": dict(os.environ)}
