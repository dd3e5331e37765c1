"""AWS's runtime client, which also reports when jobs begin and end, and which durable jobs are sent.

``lambda-punch local --ui`` runs it as ``python -m lambda_punch.command.local.traced_runtime module.function``, in place of
``python -m awslambdaric``. Each job is two datagrams to the socket whose path is in ``LAMBDA_PUNCH_LOCAL_TRACE``.
They never make a job wait or fail: a datagram that cannot be sent at once is left out.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import sys
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from lambda_punch import _events
from lambda_punch._events.jobs import SENDERS_EVENTS
from lambda_punch._log import text_of
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "LAMBDA_PUNCH_LOCAL_TRACE"

_numbers = itertools.count(1)
_request: ContextVar[str] = ContextVar("request", default="")  # of the job that runs, which may be an earlier one


def main() -> None:
    """Be the runtime; returns when awslambdaric does."""
    from awslambdaric.__main__ import main as run_client

    process.around(_traced)
    _events.subscribe(_note_sent)
    run_client(sys.argv)


@contextmanager
def _traced(job: Any) -> Iterator[None]:
    known = {
        "pid": os.getpid(),
        "number": next(_numbers),
        "name": job.name,
        "request": getattr(job, "request_id", ""),
        "id": getattr(job, "id", ""),
        "attempt": getattr(job, "attempt", 0),
    }
    if known["request"]:
        _request.set(known["request"])
    _tell({**known, "begun": time.monotonic()})
    error = None
    try:
        yield
    except BaseException as raised:
        error = f"{type(raised).__name__}: {text_of(raised)[:1000]}"
        raise
    finally:
        _tell({**known, "ended": time.monotonic(), "error": error})


def _note_sent(event: Any) -> None:
    if getattr(event, "event", "") in SENDERS_EVENTS:
        sent = {"id": event.id, "name": event.job, "queue": event.queue or ""}
        _tell({"pid": os.getpid(), "request": _request.get() or process.request_id, "sent": sent})


def _tell(known: dict[str, Any]) -> None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(json.dumps(known).encode(), os.environ[VARIABLE])
    except (OSError, KeyError):  # nobody looks any more, or there is too much at once
        pass


if __name__ == "__main__":
    main()
