"""CloudWatch metrics from the library's events, in the embedded metric format (EMF).

One JSON document a line on standard output, from which CloudWatch makes the metrics:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html.
Names and dimensions of jobs' metrics are those of Lambdakiq. Documents go straight to standard output and not through
``logging``: with Lambda's JSON log format, logging would put a document inside another one, where CloudWatch does not
find it.

Events while a request is being answered (jobs that it enqueues) are written after its response. Any thread may tell
events.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lambda_punch import _events
from lambda_punch._events.jobs import BEGUN, SENDERS_EVENTS, JobEvent

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch._settings import Settings

_MOST_VALUES = 100  # of one metric in one document
_LONGEST_TEXT = 1024  # of a dimension's value; the same for the properties, so that a document stays well below 256 KB
_MOST_ARGUMENTS = 50


class Metrics:
    """Hears events and writes documents."""

    def __init__(self, config: Settings, app_name: str, after_response: Callable[[Callable[[], None]], None]) -> None:
        """``after_response(function)`` has a function called behind the response of the request being handled."""
        self._namespace = config.metrics_namespace
        self._app_name = _text(app_name) or "function"
        self._arguments = config.metrics_arguments
        self._begins = config.metrics == "all"  # each document costs CPU, and money at CloudWatch
        self._write = config.metrics_sink or write_line
        self._after_response = after_response
        self._lock = threading.Lock()
        self._held: list[dict[str, Any]] = []

    def hear(self, event: _events.Event) -> None:
        """Write what an event says: at once, or, if it is a request's, after its response."""
        if isinstance(event, JobEvent):
            if event.event == BEGUN and not self._begins:
                return
            document = self._of_job(event)
            if event.event in SENDERS_EVENTS:
                self._hold(document)
            else:
                self._write(document)
        elif isinstance(event, _events.PunchesRan):
            for start in range(0, len(event.durations), _MOST_VALUES):
                self._write(self._of_punches(event, start))
        else:
            self._write(self._document({"Lost": (event.count, "Count")}, {}, {}))

    def _hold(self, document: dict[str, Any]) -> None:
        with self._lock:
            self._held.append(document)
            first = len(self._held) == 1
        if first:
            self._after_response(self._write_held)

    def _write_held(self) -> None:
        with self._lock:
            held, self._held = self._held, []
        for document in held:
            self._write(document)

    def _of_job(self, event: JobEvent) -> dict[str, Any]:
        metrics: dict[str, tuple[Any, str]] = {
            "Duration": (round(event.duration * 1000, 3), "Milliseconds"),
            "Count": (1, "Count"),
        }
        if event.error is not None:
            metrics["ExceptionCount"] = (1, "Count")
        if event.latency is not None:
            metrics["QueueLatency"] = (round(event.latency * 1000, 3), "Milliseconds")
        properties: dict[str, Any] = {
            "JobId": event.id,
            "QueueName": event.queue,
            "MessageId": event.message_id,
            "ExceptionName": event.error,
            "EnqueuedAt": _iso(event.enqueued_at),
            "Executions": event.executions,
            "Wait": event.wait,
        }
        if self._arguments:
            values = [*event.args, *event.kwargs.values()][:_MOST_ARGUMENTS]
            properties |= {f"JobArg{number}": _property(value) for number, value in enumerate(values, 1)}
        return self._document(metrics, {"JobEvent": event.event, "JobName": event.job}, properties)

    def _of_punches(self, event: _events.PunchesRan, start: int) -> dict[str, Any]:
        durations = event.durations[start : start + _MOST_VALUES]
        metrics: dict[str, tuple[Any, str]] = {
            "PunchCount": (len(durations), "Count"),
            "PunchDuration": ([round(each * 1000, 3) for each in durations], "Milliseconds"),
        }
        if start == 0:
            metrics["PunchExceptionCount"] = (event.failed, "Count")
        latencies = event.latencies[start : start + _MOST_VALUES]
        if latencies:
            metrics["QueueLatency"] = ([round(each * 1000, 3) for each in latencies], "Milliseconds")
        return self._document(metrics, {}, {})

    def _document(
        self, metrics: dict[str, tuple[Any, str]], dimensions: dict[str, str], properties: dict[str, Any]
    ) -> dict[str, Any]:
        values = {"AppName": self._app_name} | {name: _text(value) or "-" for name, value in dimensions.items()}
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [list(values)],
            "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in metrics.items()],
        }
        return {
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
            **values,
            **{name: value for name, (value, _) in metrics.items()},
            **{name: value for name, value in properties.items() if value is not None and value != ""},
        }


def write_line(document: dict[str, Any]) -> None:
    """Write a document as one line, with one call, so that lines of several threads do not mix."""
    sys.stdout.write(json.dumps(document, separators=(",", ":")) + "\n")
    sys.stdout.flush()


@lru_cache(maxsize=1000)  # there are few names, and each is in every document of its job
def _text(value: str) -> str:
    """Return a dimension's value as CloudWatch takes it: printable ASCII, not blank."""
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in value)[:_LONGEST_TEXT].strip()


def _property(value: Any) -> Any:
    """Return an argument as it is, or, if it is long, the beginning of it as a text."""
    text = value if isinstance(value, str) else json.dumps(value, default=repr)
    return value if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT]


def _iso(epoch_ms: int | None) -> str | None:
    if epoch_ms is None:
        return None
    try:
        moment = datetime.fromtimestamp(epoch_ms / 1000, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
