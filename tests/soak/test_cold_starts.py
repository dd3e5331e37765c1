"""Thousands of cold starts on a loaded machine, each to its first answer: none hangs. `make soak MINUTES=10`."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lambda_punch.local import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MINUTES = float(os.environ.get("SOAK_MINUTES", "10"))
STARTS = int(os.environ.get("SOAK_STARTS", "0"))  # 0: as many as there is time for
pytestmark = [pytest.mark.soak, pytest.mark.timeout(MINUTES * 60 + 600 if not STARTS else 0)]

BURNERS = int(os.environ.get("SOAK_BURNERS", os.cpu_count() or 1))  # 0 where other work loads the machine already
HANGS = 30.0  # seconds
APP = """
import lambda_punch as punch

@punch.handler
def handler(event, context):
    punch.push(print, "done")
    return event
"""


@pytest.fixture
def load() -> Iterator[None]:
    """Keep each core busy with something else."""
    burners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BURNERS)]
    yield
    for each in burners:
        each.kill()
        each.wait()


@pytest.mark.usefixtures("load")
def test_every_cold_start_comes_to_its_first_answer_and_its_first_job(tmp_path: Path, extension: Path) -> None:
    """On a loaded machine, where one process can be far behind the other."""
    (tmp_path / "app.py").write_text(APP)
    ends = time.monotonic() + MINUTES * 60
    seconds: list[float] = []
    slow: list[str] = []
    while len(seconds) < STARTS if STARTS else time.monotonic() < ends:
        began = time.monotonic()
        function = LocalLambda(
            "app.handler",
            task_root=tmp_path,
            extensions=[extension],
            timeout=HANGS,
            init_timeout=HANGS,
            env={"LAMBDA_PUNCH_DIR": str(tmp_path / f"meet-{len(seconds)}")},
        )
        function.start()
        answer = function.invoke(len(seconds))
        function.wait_idle(timeout=HANGS)
        seconds.append(time.monotonic() - began)
        lines = [line for _, line in function.logs]
        if answer.json() != len(seconds) - 1 or lines.count("done") != 1 or any("ERROR" in line for line in lines):
            slow.append(f"start {len(seconds)}: {answer.error_type or answer.json()}, {lines}")
        if seconds[-1] > HANGS / 2 or any(event.kind == "timeout" for event in function.events):
            slow.append(f"start {len(seconds)} took {seconds[-1]:.1f} s: {function.events}, {lines}")
        function.shutdown(abandon=True)
    print(f"cold starts: {len(seconds)}, median {statistics.median(seconds):.3f} s, longest {max(seconds):.3f} s")
    assert slow == [], slow[:5]
    assert len(seconds) > 0
