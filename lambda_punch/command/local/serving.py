"""``lambda-punch local --serve``: the function behind a port, with a line for each request."""

from __future__ import annotations

import json
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch.command.page.titles import title_of
from lambda_punch.local import Timeline
from lambda_punch.local.http.function_server import FunctionServer
from lambda_punch.local.pool import Pool, reason_of_failed_init

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from lambda_punch.local import Event, LocalLambda

    from .console import Console

    # Makes an environment that also tells this listener what happens in it.
    Make = Callable[[Callable[[Event], None]], LocalLambda]


def serve(
    make: Make, arguments: argparse.Namespace, console: Console, showing: Callable[[Callable[[bytes], Any]], None]
) -> int:
    """Serve until Ctrl-C; return the exit status. ``showing`` is given what sends an event, for the page."""
    lines = RequestLines(console)

    def watched(on_event: Callable[[Event], None]) -> LocalLambda:
        def both(event: Event) -> None:
            lines.on_event(event)
            on_event(event)

        return make(both)

    pool = Pool(watched, arguments.environments)
    try:
        with pool, FunctionServer(pool, arguments.serve, name=arguments.name) as server:
            showing(pool.submit)
            failed = reason_of_failed_init(pool.environments[0])
            if failed is not None:
                console.complain(f"the function's init failed: {failed}; each request tries again")
            console.say(
                f"serving {server.url}  up to {arguments.environments} environments; programs: endpoint_url of boto3's "
                "Lambda client; Ctrl-C ends"
            )
            try:
                with _reloading(arguments, pool, console):
                    threading.Event().wait()
            except KeyboardInterrupt:
                console.say("shutting down")
                pool.shutdown(abandon=True)
    finally:
        for number, environment in enumerate(pool.environments, 1):
            if len(pool.environments) > 1 and not arguments.json:
                console.say(f"\nenvironment {number}")
            console.show_timeline(Timeline.from_events(environment.events))
    return 0


def _reloading(arguments: argparse.Namespace, pool: Pool, console: Console) -> AbstractContextManager[None]:
    if not arguments.reload:
        return nullcontext()
    from .reloading import reloading

    return reloading(pool, Path(arguments.task_root or "."), console)


class RequestLines:
    """A line for each request, when everything behind it is done: what it was, and how long it took whom."""

    def __init__(self, console: Console, function: str | None = None) -> None:
        """Name the ``function`` in each line, where there are several."""
        self._console = console
        self._function = {} if function is None else {"function": function}
        self._lock = threading.Lock()
        self._open: dict[str, dict[str, Any]] = {}

    def on_event(self, event: Event) -> None:
        """Take what happened in an environment."""
        key = event.request_id
        if key is None:
            return
        with self._lock:
            known = self._open.setdefault(key, {})
            if event.kind == "queued":
                known.update(title_of(event.payload[:65536].decode("utf-8", "replace")), queued=event.at)
            elif event.kind == "invoke":
                known["begun"] = event.at
            elif event.kind in {"timeout", "crash"}:
                known["reason"] = event.kind
            elif event.kind == "answered":
                known.update(answered=event.at, error=event.detail.get("error_type"), status=_status(event, known))
            elif event.kind == "invoke-done":
                del self._open[key]
                known["done"] = event.at
            else:
                return
        if event.kind == "invoke-done" and "answered" in known:
            self._console.show_request({**self._function, **_facts(known)})


def _facts(known: dict[str, Any]) -> dict[str, Any]:
    error = known.get("error")
    return {
        "request": known.get("title", "event"),
        "outcome": known.get("reason") or error or str(known.get("status") or "ok"),
        "failed": error is not None or (known.get("status") or 0) >= 500,
        "waited": known["answered"] - known.get("queued", known["begun"]),
        "behind": known["done"] - known["answered"],
        "billed": known["done"] - known["begun"],
    }


def _status(event: Event, known: dict[str, Any]) -> int | None:
    """Return the HTTP status that the function chose, for a request that came by HTTP."""
    if known.get("source") != "http" or event.detail.get("error_type"):
        return None
    try:
        answer = json.loads(event.payload)
    except ValueError:
        return 200
    status = answer.get("statusCode", 200) if isinstance(answer, dict) else 200
    return status if isinstance(status, int) else None
