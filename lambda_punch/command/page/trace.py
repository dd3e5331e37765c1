"""A run as a trace in Chrome's JSON format, which Perfetto (https://ui.perfetto.dev) and other viewers open.

An environment is a process; its phases and its jobs are two threads of it. The format:
https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .feed import Feed

_PHASES, _JOBS = 1, 2
_MICROSECONDS = 1_000_000


def trace_of(feed: Feed) -> dict[str, Any]:
    """Return the trace of everything that the feed holds."""
    _, records = feed.changes(0)
    events = [event for record in records if record["kind"] == "environment" for event in _named(record["number"])]
    for record in records:
        if record["kind"] == "request":
            events += _spans(record, feed.now())
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _named(environment: int) -> Iterator[dict[str, Any]]:
    yield _metadata("process_name", environment, 0, f"environment {environment}")
    yield _metadata("thread_name", environment, _PHASES, "requests")
    yield _metadata("thread_name", environment, _JOBS, "jobs")


def _metadata(kind: str, environment: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": environment, "tid": thread, "args": {"name": name}}


def _spans(request: dict[str, Any], now: float) -> Iterator[dict[str, Any]]:
    begun = request["begun"]
    if begun is None:
        return
    done = request["done"] if request["done"] is not None else now
    answered = request["answered"] if request["answered"] is not None else done
    about = {"request": request["id"], "title": request["title"], "error": request["error"]}
    where = {"pid": request["environment"], "tid": _PHASES}
    if request["init"]:
        # an init before the first request is drawn up to its begin; one inside a request is a part of it
        began = begun if request["init_inside"] else begun - request["init"]
        yield _span("init", began, request["init"], where, about)
    yield _span(request["title"], begun, answered - begun, where, about, category="response")
    yield _span("behind", answered, done - answered, where, about)
    for job in request["jobs"]:
        ended = job.get("ended", done)
        error = {"request": request["id"], "error": job.get("error")}
        yield _span(job["name"], job["begun"], ended - job["begun"], {**where, "tid": _JOBS}, error, category="job")


def _span(  # noqa: PLR0913, PLR0917 - the parts of an event
    name: str, begun: float, took: float, where: dict[str, int], about: dict[str, Any], category: str = "phase"
) -> dict[str, Any]:
    times = {"ts": round(begun * _MICROSECONDS), "dur": round(max(0.0, took) * _MICROSECONDS)}
    return {"ph": "X", "name": name, "cat": category, **times, **where, "args": about}
