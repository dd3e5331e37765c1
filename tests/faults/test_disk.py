"""The meeting place lies on a disk that is full or read-only: a tmpfs that only these processes see."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from .harness import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.faults, pytest.mark.timeout(60)]
MOUNT = """
set -eu
mount -t tmpfs -o "$1,mode=700" tmpfs "$2"
shift 2
exec "$@"
"""
WAYS = (["--mount"], ["--user", "--map-root-user", "--mount"])
APP = """
import os
import lambda_punch as punch

DISK = os.environ["DISK"]

def fill(what):
    if os.environ["FULL"] == what:
        with open(f"{DISK}/filler", "ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(4096))
            except OSError:
                print("FULL", flush=True)

fill("before start")
punch.start()

def work(number):
    print("JOB", number, flush=True)

@punch.handler
def handler(event, context):
    if event == 1:
        fill("in a handler")
    punch.push(work, event)
    return event
"""
RUN = """
import json, sys
from lambda_punch.local import LocalLambda

root, extension, disk, full = sys.argv[1:]
if full == "from the beginning":
    with open(f"{disk}/filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            print("FULL", file=sys.stderr)
env = {"DISK": disk, "FULL": full, "LAMBDA_PUNCH_DIR": f"{disk}/meet"}
with LocalLambda("app.handler", task_root=root, extensions=[extension], timeout=4.0, env=env) as function:
    answers = []
    for number in range(4):
        answer = function.invoke(number)
        answers.append(answer.error_type or answer.json())
        function.wait_idle(timeout=15)
kinds = [event.kind for event in function.events]
print(json.dumps({"answers": answers, "kinds": kinds, "lines": [line for _, line in function.logs]}))
"""


@functools.cache
def _way() -> list[str]:
    said = []
    for way in WAYS:
        with tempfile.TemporaryDirectory() as directory:
            try:
                command = ["unshare", *way, "sh", "-c", MOUNT, "sh", "ro", directory, "true"]
                tried = subprocess.run(command, capture_output=True, text=True, check=False)
            except FileNotFoundError:
                pytest.skip("no tmpfs of our own: there is no unshare (util-linux)")
        if tried.returncode == 0:
            return way
        said.append((tried.stderr.strip() or "no reason given").splitlines()[-1])
    pytest.skip(f"no tmpfs of our own: {'; '.join(said)}")


@pytest.fixture(params=["read-only", "full from the beginning", "full before start", "full in a handler"])
def cell(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    return ("the disk of the meeting place", request.param, "four invokes")


def test_disk(cell: tuple[str, str, str], tmp_path: Path, extension: Path) -> None:
    """Every answer is right, every job runs once, no invoke times out, and a line says what is wrong."""
    kind, _, when = cell[1].partition(" ")
    ran = run_on(tmp_path, extension, options="ro" if kind == "read-only" else "size=16k", full=when)
    lines = ran["lines"]

    assert ran["answers"] == [0, 1, 2, 3]
    assert [line for line in lines if line.startswith("JOB")] == [f"JOB {number}" for number in range(4)], lines
    assert not {"timeout", "crash", "reset"} & set(ran["kinds"])
    assert not any(" lost (" in line for line in lines)
    if when not in ("", "from the beginning"):
        assert "FULL" in lines
    if when != "in a handler":  # by then every file is there, with its space allocated
        assert any("ERROR" in line or "lambda-punch extension:" in line for line in lines), lines


def run_on(directory: Path, extension: Path, *, options: str, full: str) -> dict[str, Any]:
    """Run the function with a tmpfs mounted with ``options`` where the two processes meet."""
    (directory / "app.py").write_text(APP)
    disk = directory / "disk"
    disk.mkdir()
    command = [sys.executable, "-c", RUN, str(directory), str(extension), str(disk), full]
    mounted = ["unshare", *_way(), "sh", "-c", MOUNT, "sh", options, str(disk), *command]
    ran = subprocess.run(mounted, cwd=ROOT, capture_output=True, text=True, check=False, timeout=50)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found
