"""SnapStart: many environments come from one snapshot, so the library relies on nothing that it made before it."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambda_punch import _contract

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
APP = """
import os, sys, threading
from snapshot_restore_py import register_before_snapshot
import lambda_punch as punch

def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

def links():
    names = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd") if int(name) > 2]
    return [os.readlink(name) for name in names if os.path.exists(name)]  # one was that of listdir

def look(where):
    ours = [each.name for each in threading.enumerate() if each.name.startswith("lambda-punch")]
    made = [link for link in links() if "meet" in link or link.startswith(("pipe", "socket"))]
    say(where, ours, made, "zmq" in sys.modules)

register_before_snapshot(look, "before the snapshot:")
punch.start()

@punch.handler
def handler(event, context):
    punch.push(say, "job of", event)
"""


class Platform(http.server.ThreadingHTTPServer):
    """The Runtime API of one environment that is snapshotted, restored, invoked once, and ended."""

    daemon_threads = True

    def __init__(self, meet: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.meet = meet
        self.answered = threading.Event()
        self.asked_again = threading.Event()
        self.ended = threading.Event()

    def restored(self) -> None:
        """What another environment finds: the same process, but another life of everything around it."""
        for entry in self.meet.iterdir():
            entry.unlink()
        (self.meet / "handled").write_bytes(_contract.greeting(os.getpid()))


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Platform
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.endswith("/restore/next"):
            self.server.restored()
            self._answer(200, b"")
        elif not self.server.answered.is_set():
            deadline = int(time.time() * 1000) + 10_000
            self._answer(200, b'"event"', request="request-1", deadline=str(deadline))
        else:
            self.server.asked_again.set()
            self.server.ended.wait(20)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answered.set()
        self._answer(202, b"{}")

    def _answer(self, status: int, body: bytes, *, request: str = "", deadline: str = "") -> None:
        self.send_response(status)
        if request:
            self.send_header("Lambda-Runtime-Aws-Request-Id", request)
            self.send_header("Lambda-Runtime-Deadline-Ms", deadline)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    meet = tmp_path / "meet"
    meet.mkdir(mode=0o700)
    (meet / "handled").write_bytes(_contract.greeting(os.getpid()))
    made = Platform(meet)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.ended.set()
    made.shutdown()
    thread.join()
    made.server_close()


def test_nothing_is_made_before_the_snapshot_and_all_works_after_it(platform: Platform, tmp_path: Path) -> None:
    """No thread, pipe, socket or file before it; after the restore the new environment's file, and SIGTERM is heard."""
    (tmp_path / "app.py").write_text(APP)
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{platform.server_address[1]}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.12",
        "LAMBDA_PUNCH_DIR": str(platform.meet),
    }
    command = [sys.executable, "-m", "awslambdaric", "app.handler"]
    function = subprocess.Popen(command, env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        platform.asked_again.wait(5)
        record = _contract.parse_record((platform.meet / "handled").read_bytes())
        function.send_signal(signal.SIGTERM)
        said, _ = function.communicate(timeout=10)
    finally:
        function.kill()
        function.wait()

    assert record is not None, said
    assert (record.state, record.request_id, record.pid) == (_contract.JOBS, "request-1", function.pid)
    assert function.returncode == 128 + signal.SIGTERM
    lines = [line for line in said.splitlines() if line]
    assert lines[0].endswith("[] [] False"), said
    assert "job of event" in lines
    assert not [line for line in lines if "ERROR" in line or "Traceback" in line]
