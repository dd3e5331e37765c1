"""B16: what callers wait for a tail of 80 ms, each framework's own way and ours, beside the same without a tail.

B17: what is billed for a request that leaves nothing behind its response.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.environments import FUNCTIONS, do_nothing, latency, take_turns
from benchmarks.figures import BASELINE, OURS, Figure, Target
from lambda_punch.installer import staged
from lambda_punch.local import LocalLambda
from lambda_punch.local.http.gateway import HttpRequest, proxy_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_punch.local import Event

WITHOUT = "without the tail"
OWN = "its own way"
WAYS = {WITHOUT: "none", OWN: "own", OURS: "punch"}
KINDS = {
    "fastapi": "FastAPI under Mangum, a background task",
    "flask": "Flask under apig-wsgi, call_on_close",
    "django": "Django Tasks, one task",
    "opentelemetry": "OpenTelemetry, one span",
    "sentry": "Sentry, one event",
}
QUIET_KINDS = {"fastapi": "FastAPI under Mangum", "flask": "Flask under apig-wsgi"}
OPEN = "its end unknown"
JOB = "one tiny job"
QUIET_TARGETS = (Target("more", 0.5), Target("ratio", 1.25, variant=OPEN, baseline=JOB))
QUIET_WAYS = {BASELINE: "plain", OURS: "quiet", OPEN: "open", JOB: "job"}
DELAY = 0.08
WARM = 5


def integrations(rounds: int) -> Iterator[Figure]:
    """Each kind's three ways in turn, under the same extension."""
    event = proxy_event(HttpRequest("GET", "/", headers=[("host", "example.com")]), "benchmark")
    yield from quiet(rounds * 4)
    with slow_collector() as collector, staged() as extension, tempfile.TemporaryDirectory() as folder:
        for kind, case in KINDS.items():
            with ExitStack() as stack:
                functions = {
                    name: stack.enter_context(environment(kind, way, collector, extension, Path(folder)))
                    for name, way in WAYS.items()
                }
                take_turns(functions, event, rounds=WARM, turn=0)
                invocations = take_turns(functions, event, rounds=rounds, turn=0.05)
                samples = {name: latency(found) for name, found in invocations.items()}
            yield Figure("B16", case, "ms", samples, (Target("ratio", 1.1, baseline=WITHOUT),))


def quiet(rounds: int) -> Iterator[Figure]:
    """B17: with nothing behind it, with an end of which nobody can tell, and with one tiny job."""
    event = proxy_event(HttpRequest("GET", "/", headers=[("host", "example.com")]), "benchmark")
    with staged() as ours, tempfile.TemporaryDirectory() as folder:
        baseline = do_nothing(ours, Path(folder))
        for kind, case in QUIET_KINDS.items():
            with ExitStack() as stack:
                functions = {
                    name: stack.enter_context(
                        LocalLambda(
                            "quiet.handler",
                            task_root=FUNCTIONS,
                            extensions=[baseline if name == BASELINE else ours],
                            python=sys.executable,
                            timeout=10.0,
                            init_timeout=30.0,
                            env={"KIND": kind, "WAY": way, "LAMBDA_PUNCH_DIR": tempfile.mkdtemp(dir=folder)},
                        )
                    )
                    for name, way in QUIET_WAYS.items()
                }
                take_turns(functions, event, rounds=WARM, turn=0)
                before = {name: len(function.events) for name, function in functions.items()}
                take_turns(functions, event, rounds=rounds, turn=0.02)
                samples = {name: billed(each.events[before[name] :]) for name, each in functions.items()}
            yield Figure("B17", f"billed for a request with nothing behind it, {case}", "ms", samples, QUIET_TARGETS)


def billed(events: list[Event]) -> list[float]:
    """From each invoke to its end, in milliseconds."""
    begun = [event.at for event in events if event.kind == "invoke"]
    ended = [event.at for event in events if event.kind == "invoke-done"]
    return [(end - begin) * 1000 for begin, end in zip(begun, ended, strict=True)]


def environment(kind: str, way: str, collector: str, extension: Path, folder: Path) -> LocalLambda:
    return LocalLambda(
        "integrated.handler",
        task_root=FUNCTIONS,
        extensions=[extension],
        python=sys.executable,
        timeout=10.0,
        init_timeout=30.0,
        env={
            "KIND": kind,
            "WAY": way,
            "LAMBDA_PUNCH_DIR": tempfile.mkdtemp(dir=folder),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector}",
            "SENTRY_DSN": f"http://key@{collector}/1",
        },
    )


@contextmanager
def slow_collector() -> Iterator[str]:
    """Yield the address of a server that takes 80 ms for each post."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Slow(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(DELAY)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass
