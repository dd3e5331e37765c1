"""A second server that speaks SQS, beside moto's: ministack, in a directory and a process of its own.

It pins packages that the product uses in other releases, so it is not installed beside them. It is installed once, into
``build/``, by whichever test process comes first.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

RELEASE = "1.5.33"
_BUILD = Path(__file__).parents[2] / "build"
_SERVICES = "sqs,scheduler,cloudformation,iam,sts,dynamodb,s3,lambda"
_STARTS = 30  # seconds that it may take to answer
_NO_INDEX = ("ConnectionError", "NewConnectionError", "No matching distribution", "Temporary failure", "timed out")


@contextlib.contextmanager
def ministack(region: str) -> Iterator[str]:
    """Run the server; yield its address. Skips the test if it is not installed and no package index can be reached."""
    packages = _installed()
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


def is_ministack(address: str) -> bool:
    """Tell which of the two servers this is."""
    return address in _running


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


def _installed() -> Path:
    """Return the directory with the server and what it needs, which begins to exist when it is whole."""
    place = _BUILD / f"ministack-{RELEASE}-{sys.version_info.major}.{sys.version_info.minor}"
    _BUILD.mkdir(exist_ok=True)
    with (_BUILD / "ministack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes run side by side
        if not place.exists():
            unfinished = place.with_name(f"{place.name}.new")
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--upgrade"]
            ran = subprocess.run(
                [*command, "--target", str(unfinished), f"ministack=={RELEASE}"],
                capture_output=True,
                text=True,
                check=False,
            )
            if ran.returncode and any(sign in ran.stderr for sign in _NO_INDEX):
                pytest.skip(f"the package index cannot be reached, or does not have ministack {RELEASE}")
            assert ran.returncode == 0, ran.stderr
            unfinished.rename(place)
    return place
