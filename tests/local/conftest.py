"""Little runtimes, extensions and functions as scripts, run by the local Lambda as real processes."""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PRELUDE = """
import http.client, json, os, signal, subprocess, sys, threading, time

NAME = os.path.basename(sys.argv[0])
EXTENSION = "/2020-01-01/extension/"
RUNTIME = "/2018-06-01/runtime/"

def call(method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    data = response.read()
    connection.close()
    return response.status, response.headers, data

def register(*events, name=NAME):
    status, headers, body = call(
        "POST", EXTENSION + "register", json.dumps({"events": events}), {"Lambda-Extension-Name": name})
    return headers["Lambda-Extension-Identifier"]

def next_event(identifier):
    return json.loads(call("GET", EXTENSION + "event/next", headers={"Lambda-Extension-Identifier": identifier})[2])

def next_invocation():
    status, headers, body = call("GET", RUNTIME + "invocation/next")
    return headers["Lambda-Runtime-Aws-Request-Id"], json.loads(body)

def respond(request_id, value="ok"):
    return call("POST", RUNTIME + "invocation/" + request_id + "/response", json.dumps(value))[0]

def say(*parts):
    print(*parts, flush=True)
"""

FOLLOW = """
identifier = register("INVOKE", "SHUTDOWN")
while next_event(identifier)["eventType"] != "SHUTDOWN":
    pass
"""

ECHO = """
while True:
    request_id, event = next_invocation()
    respond(request_id, event)
"""


class Scripts:
    """Writes programs into a directory of the test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def extension(self, body: str = FOLLOW, name: str = "watcher", *, before: str = "") -> Path:
        """Write an executable extension; ``before`` runs ahead of the body."""
        path = self.directory / "extensions" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{sys.executable} -IS\n{PRELUDE}\n{textwrap.dedent(before)}\n{textwrap.dedent(body)}")
        path.chmod(0o755)
        return path

    def runtime(self, body: str, before: str) -> list[str]:
        """Write a raw runtime; return its command."""
        path = self.directory / "runtime"
        path.write_text(f"{PRELUDE}\n{textwrap.dedent(before)}\n{textwrap.dedent(body)}")
        return [sys.executable, "-IS", str(path)]

    def function(self, body: str) -> Path:
        """Write app.py for the real runtime; return the task root."""
        (self.directory / "app.py").write_text(textwrap.dedent(body))
        return self.directory


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(tmp_path)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Callable[..., LocalLambda]]:
    """Make local Lambdas in the test's directory; afterwards none of their processes may be left."""
    made: list[LocalLambda] = []

    def make(**options: Any) -> LocalLambda:
        made.append(LocalLambda("app.handler", **{"task_root": tmp_path, **options}))
        return made[-1]

    yield make
    for function in made:
        function.shutdown(abandon=True)
        pids = [event.detail["pid"] for event in function.events if event.kind == "started"]
        assert [pid for pid in pids if os.path.exists(f"/proc/{pid}")] == []


@pytest.fixture
def raw(local: Callable[..., LocalLambda], scripts: Scripts) -> Callable[..., LocalLambda]:
    """Make local Lambdas with a raw runtime of the given body; ``before`` runs ahead of it."""

    def make(body: str = ECHO, *, before: str = "", **options: Any) -> LocalLambda:
        return local(runtime_command=scripts.runtime(body, before), **options)

    return make
