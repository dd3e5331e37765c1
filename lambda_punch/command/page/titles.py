"""What a person calls an event: ``POST /orders``, ``3 messages of orders``, ``Object Created``."""

from __future__ import annotations

import json
from typing import Any

_LONGEST = 200


def title_of(event: str) -> dict[str, str]:
    """Return ``title`` and ``source`` (http, sqs, s3, eventbridge, ... or event) of an event, which may be any text."""
    try:
        parsed = json.loads(event or "null")
    except ValueError:
        parsed = None
    title, source = _of(parsed) if isinstance(parsed, dict) else ("event", "event")
    return {"title": title[:_LONGEST], "source": source}


def _of(event: dict[str, Any]) -> tuple[str, str]:
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    if isinstance(http, dict) and "method" in http:  # API Gateway's payload 2.0, function URLs
        return f"{http['method']} {event.get('rawPath') or http.get('path') or '/'}", "http"
    if "httpMethod" in event:  # API Gateway's payload 1.0, load balancers
        return f"{event['httpMethod']} {event.get('path', '/')}", "http"
    records = event.get("Records")
    if isinstance(records, list) and records and isinstance(records[0], dict):
        return _of_records(records)
    if "detail-type" in event:
        return str(event["detail-type"]), "eventbridge"
    if "lambda_punch" in event and "job" in event:
        return f"job {event['job']}", "job"
    return "event", "event"


def _of_records(records: list[dict[str, Any]]) -> tuple[str, str]:
    first = records[0]
    source = str(first.get("eventSource") or first.get("EventSource") or "records").removeprefix("aws:")
    count = f"{len(records)} message{'' if len(records) == 1 else 's'}"
    if source == "sqs":
        return f"{count} of {str(first.get('eventSourceARN', '')).rpartition(':')[2] or 'a queue'}", source
    if source == "s3":
        return str(first.get("eventName", "s3")), source
    return f"{len(records)} record{'' if len(records) == 1 else 's'} of {source}", source
