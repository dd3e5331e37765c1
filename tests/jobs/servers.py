"""A second server that speaks SQS, beside moto's: ministack, in a directory and a process of its own.

It pins packages that the product uses in other releases, so it is not installed beside them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.packages import installed

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASE = "1.5.33"
_SERVICES = "sqs,scheduler,cloudformation,iam,sts,dynamodb,s3,lambda"
_STARTS = 30  # seconds that it may take to answer


@contextlib.contextmanager
def ministack(region: str) -> Iterator[str]:
    """Run the server; yield its address. Skips the test if it is not installed and no package index can be reached."""
    packages = installed("ministack", RELEASE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {
        **os.environ, "PYTHONPATH": str(packages), "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": _SERVICES,
        "PERSIST_STATE": "0", "MINISTACK_REGION": region, "LOG_LEVEL": "WARNING", "DOCKER_HOST": "unix:///nowhere",
    }  # fmt: skip
    server = subprocess.Popen(
        [sys.executable, "-m", "ministack"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/_ministack/ready", server)
        _running.add(address)
        yield address
    finally:
        server.terminate()
        server.wait(10)


def empty(address: str) -> None:
    """Drop every queue of a server."""
    path = "_ministack/reset" if address in _running else "moto-api/reset"
    urllib.request.urlopen(urllib.request.Request(f"{address}/{path}", data=b"", method="POST"), timeout=10).close()


ON_MOTO = pytest.mark.parametrize("sqs_server", ["moto"], indirect=True, scope="session")
"""For a test that looks into moto's queues, or needs ListDeadLetterSourceQueues or metrics of CloudWatch: ministack has neither."""

ON_MINISTACK = pytest.mark.parametrize("sqs_server", ["ministack"], indirect=True, scope="session")
"""For a test that has CloudFormation make schedules, and waits for what they send."""


_running: set[str] = set()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    """Ask until the server answers: it tells nobody when it listens."""
    until = time.monotonic() + _STARTS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError as error:
            assert server.poll() is None, f"ministack ended with {server.returncode}"
            if time.monotonic() > until:
                raise AssertionError(f"ministack does not answer after {_STARTS} s") from error
            time.sleep(0.02)
        else:
            return
