"""Lambda Managed Instances on AWS's own emulator: several worker processes, no freeze, no INVOKE events."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from .emulator import emulator
from .rie import pause, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
pytestmark = [
    pytest.mark.network,  # RIE is fetched at the first use
    pytest.mark.skipif(os.geteuid() != 0, reason="RIE runs Managed Instances as another user, so it has to be root"),
]
# RIE starts everything as a user of its own, who may not look into root's home: all is shown to it under /var.
MOUNT = """
set -eu
test -d /opt/extensions || true
mount --bind "$HOME_OF_TEST/opt" /opt
mount -t tmpfs -o mode=755 tmpfs /var
mkdir -p /var/task /var/tmp /var/python /var/packages /var/punch
mount --bind "$HOME_OF_TEST/task" /var/task
mount --bind "$PREFIX" /var/python
mount --bind "$PACKAGES" /var/packages
mount --bind "$ROOT" /var/punch
exec "$@"
"""
BOOTSTRAP = """#!/bin/sh
export PYTHONPATH=/var/task:/var/punch:/var/packages PYTHONDONTWRITEBYTECODE=1 LD_LIBRARY_PATH=/var/python/lib
exec /var/python/bin/python{version} -m awslambdaric app.handler
"""
LAUNCHER = """#!/usr/bin/env -S LD_LIBRARY_PATH=/var/python/lib /var/python/bin/python{version} -IS
import sys
sys.path += ["/var/packages", "/var/punch"]
sys.dont_write_bytecode = True
from extension.main import main
main(sys.argv[0])
"""
APP = """
import os, sys, time
import awslambdaric.lambda_runtime_client as client
import lambda_punch as punch

def note(*words):
    os.write(1, (" ".join(map(str, ("NOTE", os.getpid(), *words))) + "\\n").encode())

post = client.LambdaMultiConcurrentRuntimeClient.post_invocation_result
def posted(*args, **kwargs):
    post(*args, **kwargs)
    note("posted")
client.LambdaMultiConcurrentRuntimeClient.post_invocation_result = posted

punch.start()

def work(name, seconds):
    note("begin", name)
    time.sleep(seconds)
    note("end", name)

@punch.handler
def handler(event, context):
    import json
    event = json.loads(event) if isinstance(event, (bytes, str)) else event
    for number in range(event["jobs"]):
        punch.push(work, f"{event['name']}-{number}", event["seconds"])
    time.sleep(event.get("busy", 0.0))
    return os.getpid()
"""


class Managed:
    """RIE in its mode for Managed Instances, around one function with two workers."""

    def __init__(self, directory: Path) -> None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        self.output = directory / "output"
        (directory / "opt" / "extensions").mkdir(parents=True)
        (directory / "task").mkdir()
        (directory / "task" / "app.py").write_text(APP)
        for path, text in (("bootstrap", BOOTSTRAP), ("extensions/lambda-punch", LAUNCHER)):
            (directory / "opt" / path).write_text(text.format(version=version))
            (directory / "opt" / path).chmod(0o755)
        self.address, api = _free_address(), _free_address()
        env = {
            "PATH": os.environ["PATH"],
            "HOME_OF_TEST": str(directory),
            "PREFIX": sys.base_prefix,
            "PACKAGES": sysconfig.get_paths()["purelib"],
            "ROOT": str(ROOT),
            "AWS_LAMBDA_MAX_CONCURRENCY": "2",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "5",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        }
        flags = ["--runtime-interface-emulator-address", self.address, "--runtime-api-address", api]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", MOUNT, "sh", str(emulator()), *flags],
                cwd="/",
                env=env,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def call(self, name: str, jobs: int, seconds: float = 0.0, busy: float = 0.0) -> int:
        event = {"name": name, "jobs": jobs, "seconds": seconds, "busy": busy}
        address = f"http://{self.address}/2015-03-31/functions/function/invocations"
        answer = requests.post(address, json=event, timeout=10)
        while answer.status_code == 400 and "Runtime.Unavailable" in answer.text:
            pause()  # both workers are at work, or on their way to ask for their next event
            answer = requests.post(address, json=event, timeout=10)
        assert answer.status_code == 200, answer.text
        return int(answer.json())

    @property
    def notes(self) -> list[list[str]]:
        """The worker's pid, then the words."""
        lines = self.output.read_text(errors="replace").splitlines()
        return [line.partition("NOTE ")[2].split() for line in lines if "NOTE " in line]

    def said(self, text: str) -> list[str]:
        return [line for line in self.output.read_text(errors="replace").splitlines() if text in line]

    def stop(self) -> float:
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        return time.monotonic() - began


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Managed]:
    # pytest's directories are root's alone, and RIE's user has to see what is in them
    for parent in (tmp_path, *tmp_path.parents):
        if parent.name.startswith("pytest-") or parent == tmp_path:
            parent.chmod(0o755)
    made = Managed(tmp_path)

    def is_ready() -> bool:
        assert made.process.poll() is None, made.output.read_text()
        try:
            made.call("probe", 0)
        except (requests.ConnectionError, AssertionError):
            return False
        return True

    try:
        wait_until(is_ready, 15, made.output.read_text)
        yield made
    finally:
        made.process.kill()
        made.process.wait()


def test_each_worker_drains_its_own_queue_after_its_own_response(managed: Managed) -> None:
    """Two at a time; the pid that answers is the one that works; nothing is held, nothing refused."""
    with ThreadPoolExecutor(2) as pool:
        pids = list(pool.map(lambda number: managed.call(f"call-{number}", 2, busy=0.1), range(6)))
    wait_until(lambda: len([words for words in managed.notes if words[1] == "end"]) == 12, 5, managed.output.read_text)

    assert len(set(pids)) == 2
    for number, pid in enumerate(pids):
        own = [words for words in managed.notes if words[-1].startswith(f"call-{number}-")]
        assert [words[1:] for words in own] == [
            [what, f"call-{number}-{job}"] for job in (0, 1) for what in ("begin", "end")
        ]
        assert {words[0] for words in own} == {str(pid)}
    for pid in set(map(str, pids)):
        words = [note[1] for note in managed.notes if note[0] == pid]
        assert words[0] == "posted"
    assert [line for line in managed.said("ERROR") if "no idle runtimes" not in line] == []
    assert managed.said("could not register") == []


def test_sigterm_drains_each_worker_and_the_extension_waits_for_them(managed: Managed) -> None:
    """Each has its 270 ms; what it cannot finish it names, before the environment is gone."""
    with ThreadPoolExecutor(2) as pool:
        pids = list(pool.map(lambda name: managed.call(name, 4, seconds=0.15, busy=0.1), ["one", "two"]))
    assert len(set(pids)) == 2

    took = managed.stop()

    ended = [words[-1] for words in managed.notes if words[1] == "end"]
    lost = [int(count) for count in re.findall(r"(\d+) jobs? lost \(app.work\): ", managed.output.read_text())]
    assert {"one-0", "two-0"} <= set(ended)
    assert len(ended) == len(set(ended))
    assert len(ended) + sum(lost) == 8
    assert len(lost) == 2
    assert took < 3.5


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
