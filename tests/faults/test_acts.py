"""User code's acts on its own process: the caller has its answer, and the job behind the act runs once per request."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.acts import ACTS, IMPORTS

ROOT = Path(__file__).parent.parent.parent

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

# These few are part of `make test`; all of them are part of `make test-faults`.
QUICK = {
    "process pool",
    "excepthooks raise",
    "error whose attributes raise",
    "modules deleted",
    "thread start refused",
    "clocks raise",
}


def _acts() -> list[object]:
    return [
        pytest.param(act, id=name, marks=[] if name in QUICK else [pytest.mark.faults]) for name, act in ACTS.items()
    ]


PROGRAM = """
{imports}
from pathlib import Path
told = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def say(word, write=os.write, told=told):
    write(told, word.encode())

ACT = {act!r}
space = dict(globals())
exec("def act():\\n    " + ACT, space)
"""
HANDLER = """
@punch.handler
def handler(event, context):
    punch.push(say, "before ")
    if event:
        punch.push(space["act"])
    punch.push(say, "after ")
    return "ok"
"""
MANAGED = {"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances"}


@pytest.mark.parametrize("place", ["extension", "alone", "managed"])
@pytest.mark.parametrize("act", _acts())
def test_an_act_of_a_job_harms_no_other_job_and_no_answer(
    function: Callable[..., Function], extension: Path, place: str, act: str
) -> None:
    """The act is done once; the two requests after it have their answers and their jobs as well, in the same process."""
    shop = function(
        PROGRAM.format(imports=IMPORTS, act=act) + HANDLER,
        extensions=[] if place == "alone" else [extension],
        env=MANAGED if place == "managed" else {},
        freeze=place != "managed",
        timeout=10,
    )
    assert [shop.call(1), shop.call(0), shop.call(0)] == ["ok"] * 3
    wait_until(lambda: shop.notes_file.read_text().split() == ["before", "after"] * 3)
    assert shop.started.count("runtime") == 1


@pytest.mark.parametrize("act", _acts())
def test_an_act_of_a_job_off_lambda_harms_no_other_job_and_no_exit(tmp_path: Path, act: str) -> None:
    """A script: what was pushed is done when it has ended, and it ends in the promised time."""
    notes = tmp_path / "notes"
    pushes = "".join(
        f"punch.push({what})\n" for what in ("say, 'before '", "space['act']", "say, 'after '", "say, 'last '")
    )
    script = f"import lambda_punch as punch\n{PROGRAM.format(imports=IMPORTS, act=act)}\n{pushes}"
    environ = {**os.environ, "NOTES": str(notes), "LAMBDA_PUNCH_DIR": str(tmp_path / "meet"), "PYTHONPATH": str(ROOT)}

    ran = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=30, check=False
    )

    assert notes.read_text().split() == ["before", "after", "last"], ran.stderr
    assert ran.returncode == 0, ran.stderr


def wait_until(found: Callable[[], bool]) -> None:
    """Wait for what a thread does behind a response that is not held; fail after ten seconds."""
    ends = time.monotonic() + 10
    while not found():
        assert time.monotonic() < ends
        time.sleep(0.01)
