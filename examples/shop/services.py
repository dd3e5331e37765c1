"""The shop's slow neighbours, as real HTTP servers on this machine: a mail gateway and a telemetry collector.

Run as a program, it serves both where the shop looks for them by default, and prints what arrives.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

MAIL_DELAY = 0.120
TELEMETRY_DELAY = 0.060


@dataclass(frozen=True)
class Arrival:
    """A message, and the ``time.monotonic()`` at which it was here."""

    at: float
    message: dict[str, Any]


class SlowService:
    """Takes JSON by POST and answers 202 ``delay`` seconds later; a context manager. Port 0 takes a free one."""

    def __init__(self, delay: float, *, port: int = 0, on_arrival: Callable[[Arrival], object] | None = None) -> None:
        self.delay = delay
        self._on_arrival = on_arrival
        self._arrivals: list[Arrival] = []
        self._arrived = threading.Condition()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.service = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="slow-service", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def arrivals(self) -> list[Arrival]:
        """What has arrived so far, in that order."""
        with self._arrived:
            return list(self._arrivals)

    def wait_for(self, count: int, timeout: float = 10.0) -> list[Arrival]:
        """Return the arrivals once there are so many; raise TimeoutError."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._arrivals) >= count, timeout):
                raise TimeoutError(f"{len(self._arrivals)} of {count} messages arrived within {timeout} s")
            return list(self._arrivals)

    def take(self, message: dict[str, Any]) -> None:
        """Keep a message."""
        arrival = Arrival(time.monotonic(), message)
        with self._arrived:
            self._arrivals.append(arrival)
            self._arrived.notify_all()
        if self._on_arrival is not None:
            self._on_arrival(arrival)


class _Server(ThreadingTCPServer):
    # not HTTPServer: that one asks the DNS for its own name before it serves
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    service: SlowService


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        service = self.server.service
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        service.take(message)
        time.sleep(service.delay)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def main() -> None:
    """Serve until Ctrl-C."""

    def show(name: str) -> Callable[[Arrival], None]:
        return lambda arrival: print(f"{name}: {json.dumps(arrival.message)}", flush=True)

    mail = SlowService(MAIL_DELAY, port=8025, on_arrival=show("mail"))
    telemetry = SlowService(TELEMETRY_DELAY, port=4318, on_arrival=show("span"))
    with mail, telemetry:
        print(f"mail gateway {mail.url}, telemetry collector {telemetry.url}; Ctrl-C ends", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


if __name__ == "__main__":
    main()
