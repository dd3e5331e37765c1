"""The integrations fit the frameworks' own types."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TYPING = Path(__file__).parents[1] / "typing"


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["asgi", "wsgi"])
def test_the_types_of_an_integration_hold(name: str) -> None:
    """mypy --strict accepts the right calls and refuses the wrong ones, which are marked."""
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", f"{TYPING / name}.py"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TYPING.parents[1])

    assert checked.returncode == 0, checked.stdout
