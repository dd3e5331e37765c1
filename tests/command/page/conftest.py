"""A run of ``lambda-punch local --serve --ui`` as its users start it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from tests.browser import browser, opened  # noqa: F401 - fixtures of the tests here

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
HANDLER = """
import json
import lambda_punch as punch
punch.start()

def mail(path):
    print("mail for", path)

def broken():
    print("<img src=x onerror='window.hacked=1'>")
    raise ValueError("<script>window.hacked=1</script>")

@punch.handler
def handler(event, context):
    path = event.get("rawPath", "none")
    if path != "/quiet":
        punch.push(mail, path)
    if path == "/bad":
        punch.push(broken)
    return {"statusCode": 200, "body": json.dumps({"path": path})}
"""


class Run:
    """A served function and its page."""

    def __init__(self, process: subprocess.Popen[str], page: str, function: str) -> None:
        self.process = process
        self.page = page
        self.function = function

    def ask(self, path: str) -> None:
        """Send a request to the function."""
        requests.get(self.function + path, timeout=20).raise_for_status()

    def end(self) -> None:
        """End the run as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=30)


@contextmanager
def started(directory: Path, handler: str, *words: str) -> Iterator[Run]:
    """Serve a handler until the block ends."""
    (directory / "app.py").write_text(handler)
    command = ["local", "app.handler", "--task-root", ".", "--serve", "0", "--ui", *words]
    with subprocess.Popen(
        [sys.executable, "-m", "lambda_punch", *command],
        stdout=subprocess.PIPE,
        text=True,
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        found: dict[str, str] = {}
        for line in process.stdout:
            if match := re.search(r"(page at|serving) +(http://127.0.0.1:\d+)", line):
                found[match[1]] = match[2]
            if "serving" in found:
                break
        yield Run(process, found["page at"], found["serving"])
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=30)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with started(tmp_path, HANDLER, "--html", "run.html", "--trace", "run.json") as run:
        yield run
