"""Spans for the collector: what the function did, and how long it took."""

from __future__ import annotations

import os
import time

from post import post

_URL = os.environ.get("SHOP_TELEMETRY_URL", "http://127.0.0.1:4318")

Span = dict[str, object]


def span(name: str, began: float, **attributes: object) -> Span:
    """Note a piece of work that began at that second of the epoch and ends now.

    The trace id changes with each request, so it is read here, in the handler, and not in the job.
    """
    trace_id = os.environ.get("_X_AMZN_TRACE_ID", "")
    return {"name": name, "trace_id": trace_id, "began": began, "seconds": time.time() - began, **attributes}


def export(finished: Span) -> None:
    """Send a span; raise OSError if the collector does not take it."""
    post(_URL, finished)
