"""Other releases of a framework for a function under test, fetched into a directory that its path begins with."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_NO_INDEX = (
    "ConnectionError",
    "NewConnectionError",
    "No matching distribution found",
    "Temporary failure",
    "timed out",
)


def fetched(directory: Path, *pins: str, python: str = sys.executable) -> str:
    """Return a value for PYTHONPATH; skips the test where the package index cannot be reached."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--target", str(directory)]
    if python != sys.executable:
        pip[3:3] = ["--python", python]
    ran = subprocess.run([*pip, *pins], capture_output=True, text=True, check=False)
    if ran.returncode and any(sign in ran.stderr for sign in _NO_INDEX):
        pytest.skip(f"the package index cannot be reached, or does not have {', '.join(pins)}")
    assert ran.returncode == 0, ran.stderr
    return str(directory)
