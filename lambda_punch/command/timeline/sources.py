"""Where log lines come from: a log group of CloudWatch, or a file of exported lines."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import LambdaPunchError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
# `aws logs tail` and exports to S3 begin a line with its time; the former adds the name of the stream.
_STAMPED = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d))[ \t]+"
    r"((?P<stream>\d{4}/\d\d/\d\d/\S*\[[^\]]+\][0-9a-f]+)[ \t])?(?P<text>.*)",
    re.DOTALL,
)


class LogsError(LambdaPunchError):
    """The logs cannot be read; the text says why."""


@dataclass(frozen=True)
class Line:
    """A line of a log. ``at`` is its time in seconds since the epoch; ``stream`` is empty if it is not known."""

    at: float
    stream: str
    text: str


def from_group(name: str, since: str, endpoint: str | None) -> list[Line]:
    """Return the lines of a log group, with the caller's credentials. Raises LogsError or MissingExtraError."""
    begin = begin_of(since)
    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise MissingExtraError("boto3", extra="sqs", part="lambda-punch timeline --log-group") from error
    try:
        pages = boto3.client("logs", endpoint_url=endpoint).get_paginator("filter_log_events")
        asked = pages.paginate(logGroupName=name, startTime=int(begin.timestamp() * 1000))
        return list(_events({"events": [event for page in asked for event in page["events"]]}))
    except (BotoCoreError, ClientError) as error:
        raise LogsError(f"cannot read the log group {name}: {error}") from error


def from_file(name: str) -> list[Line]:
    """Return the lines of a file. Raises LogsError."""
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LogsError(f"cannot read {name}: {error}") from error
    try:
        whole = json.loads(text)
    except ValueError:
        whole = None
    if isinstance(whole, dict) and isinstance(whole.get("events"), list):
        return list(_events(whole))
    return list(_lines(text))


def begin_of(since: str) -> datetime:
    """Return the instant that ``--since`` means. Raises LogsError."""
    match = re.fullmatch(r"(\d{1,6})([smhd])", since)
    if match:
        return datetime.now(timezone.utc) - timedelta(**{_UNITS[match[2]]: int(match[1])})
    try:
        return datetime.fromtimestamp(instant(since), timezone.utc)
    except ValueError as error:
        raise LogsError(f"--since wants 30m, 2h, 3d or a time like 2026-01-31T08:00:00Z, not {since!r}") from error


def instant(text: str) -> float:
    """Return a time in ISO 8601 as seconds since the epoch; without a zone it is UTC. Raises ValueError."""
    if text.endswith("Z"):  # Python 3.10 does not know it
        text = text[:-1] + "+00:00"
    found = datetime.fromisoformat(text)
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()


def _events(found: dict[str, Any]) -> Iterator[Line]:
    for event in found["events"]:
        try:
            yield Line(
                event["timestamp"] / 1000, str(event.get("logStreamName", "")), str(event["message"]).rstrip("\n")
            )
        except (KeyError, TypeError):  # not an event of CloudWatch Logs
            continue


def _lines(text: str) -> Iterator[Line]:
    at, stream = 0.0, ""
    for line in text.splitlines():
        match = _STAMPED.match(line)
        if match:
            at, stream = instant(match["time"]), match["stream"] or ""
        else:
            at = _own_time(line) or at
        said = match["text"] if match else line
        if said.strip():
            yield Line(at, stream, said)


def _own_time(line: str) -> float | None:
    """Return the time that a line in JSON has in it."""
    try:
        document = json.loads(line)
        return instant(document.get("time") or document["timestamp"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
