"""Reading invokes from log lines: Lambda's own lines in both formats, and ours about jobs.

- https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
- https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .sources import instant

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .sources import Line

_START = re.compile(r"START RequestId: (\S+)")
_REPORT = re.compile(r"REPORT RequestId: (\S+)")
_FIGURE = re.compile(r"(Duration|Billed Duration|Init Duration|Restore Duration): ([\d.]+) ms")
_STATUS = re.compile(r"Status: (\w+)")
_ERROR_TYPE = re.compile(r"Error Type: (\S+)")
_FIGURES = {
    "Duration": "durationMs", "Billed Duration": "billedDurationMs", "Init Duration": "initDurationMs",
    "Restore Duration": "restoreDurationMs",
}  # fmt: skip
_FAILED_JOB = re.compile(r"\w+ (\S+) of request (\S+) failed")
_IN_TEXT = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")


@dataclass
class Invoke:
    """One invoke, all in seconds; ``begun`` since the epoch. ``response`` is None where the log does not tell its end."""

    request_id: str
    stream: str
    begun: float
    duration: float | None = None
    response: float | None = None
    init: float = 0.0
    billed: float = 0.0
    error: str | None = None
    lines: list[Line] = field(default_factory=list)
    failed_jobs: list[tuple[str, float]] = field(default_factory=list)


def invokes_in(lines: Iterable[Line]) -> list[Invoke]:
    """Return the invokes by their begin; one whose end is not in the log has no ``duration``."""
    reader = _Reader()
    for line in sorted(lines, key=lambda each: each.at):  # stable: lines of one millisecond stay in their order
        reader.read(line)
    return sorted(reader.found.values(), key=lambda each: each.begun)


class _Reader:
    """Takes one line after the other."""

    def __init__(self) -> None:
        self.found: dict[str, Invoke] = {}
        self._under_way: dict[str, Invoke] = {}
        self._instance = ""

    def read(self, line: Line) -> None:
        """Take the next line."""
        document = _parsed(line.text)
        kind = document.get("type")
        if isinstance(kind, str) and kind.startswith("platform.") and isinstance(document.get("record"), dict):
            self._on_platform(kind, document["record"], _time_of(document, line.at), line.stream)
        elif match := _START.match(line.text):
            self._begin(match[1], line.at, line.stream)
        elif match := _REPORT.match(line.text):
            self._report(match[1], *_figures(line.text))
        elif not line.text.startswith(("END RequestId:", "INIT_START ")):
            self._on_line(line, document)

    def _on_platform(self, kind: str, record: dict[str, Any], at: float, stream: str) -> None:
        request_id = str(record.get("requestId", ""))
        if kind == "platform.initStart" and record.get("phase") != "invoke":
            self._instance = str(record.get("instanceId") or f"environment of {at}")
        elif kind == "platform.start":
            self._begin(request_id, at, stream)
        elif kind in {"platform.runtimeDone", "platform.report"} and request_id in self.found:
            self._response_of(self.found[request_id], record)
            if kind == "platform.report":
                self._report(request_id, record.get("metrics") or {}, record.get("status"), record.get("errorType"))

    def _begin(self, request_id: str, at: float, stream: str) -> None:
        stream = stream or self._instance
        invoke = self.found[request_id] = Invoke(request_id, stream, at)
        self._under_way[stream] = invoke

    def _response_of(self, invoke: Invoke, record: dict[str, Any]) -> None:
        if record.get("errorType"):
            invoke.error = str(record["errorType"])
        spans = {str(each.get("name")): _seconds(each.get("durationMs")) for each in record.get("spans") or []}
        if "responseLatency" in spans:  # it begins with the invoke; the duration follows it
            invoke.response = spans["responseLatency"] + spans.get("responseDuration", 0.0)

    def _report(self, request_id: str, metrics: dict[str, Any], status: str | None, error_type: str | None) -> None:
        invoke = self.found.get(request_id)
        if invoke is None:  # its begin is not in the log
            return
        invoke.duration = _seconds(metrics.get("durationMs"))
        invoke.billed = _seconds(metrics.get("billedDurationMs"))
        invoke.init = _seconds(metrics.get("initDurationMs")) or _seconds(metrics.get("restoreDurationMs"))
        if status not in {None, "success"}:
            invoke.error = error_type or invoke.error or status

    def _on_line(self, line: Line, document: dict[str, Any]) -> None:
        message = document.get("message")
        text = message if isinstance(message, str) else line.text
        failed = _FAILED_JOB.search(text)
        named = failed[2] if failed else str(document.get("requestId") or "")
        if not named and not document and (match := _IN_TEXT.search(line.text)):
            named = match[0]
        invoke = self.found.get(named) or self._under_way.get(line.stream or self._instance)
        if invoke is None:
            return
        invoke.lines.append(line)
        if failed:
            invoke.failed_jobs.append((failed[1], line.at))


def _parsed(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _time_of(document: dict[str, Any], otherwise: float) -> float:
    try:
        return instant(document["time"])
    except (KeyError, ValueError, AttributeError, TypeError):
        return otherwise


def _figures(text: str) -> tuple[dict[str, Any], str | None, str | None]:
    metrics = {_FIGURES[name]: float(value) for name, value in _FIGURE.findall(text.replace("\t", "\n"))}
    status, error = _STATUS.search(text), _ERROR_TYPE.search(text)
    return metrics, status[1] if status else None, error[1] if error else None


def _seconds(milliseconds: Any) -> float:
    return milliseconds / 1000 if isinstance(milliseconds, int | float) else 0.0
