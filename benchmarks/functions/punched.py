"""The same handler with work behind the response. It imports no more than that takes: this is measured too."""

from __future__ import annotations

import time

import lambda_punch as punch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

punch.start()
started: list[float] = []


def compute(seconds: float) -> None:
    started.append(time.monotonic())
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def wait(seconds: float) -> None:
    started.append(time.monotonic())
    time.sleep(seconds)


JOBS = {"compute": compute, "wait": wait}


def handler(event: dict[str, Any], context: object) -> Any:
    try:
        for _ in range(event.get("jobs", 0)):
            punch.push(JOBS[event["kind"]], event["seconds"])
        return list(started) if "report" in event else "x" * event.get("bytes", 1)
    finally:
        if "report" in event or len(started) > 1000:
            started.clear()
        punch.handled(context)
