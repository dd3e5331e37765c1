"""How .venv comes to be, on a small project that needs nothing from a package index."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """\
import zipfile

def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "lambda_punch-0.1-py3-none-any.whl"
    extras = "".join(f"Provides-Extra: {name}\\n" for name in ("local", "jobs", "test"))
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        folder = "lambda_punch-0.1.dist-info"
        wheel.writestr(f"{folder}/METADATA", f"Metadata-Version: 2.1\\nName: lambda-punch\\nVersion: 0.1\\n{extras}")
        wheel.writestr(f"{folder}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{folder}/RECORD", "")
    return name
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with this project's bootstrap."""
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture
def bootstrap(project: Path) -> Callable[..., list[str]]:
    """Return what runs the bootstrap with extras and returns the lines it printed."""

    def bootstrap(*extras: str) -> list[str]:
        command = [sys.executable, str(project / "scripts/bootstrap.py"), *extras]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    return bootstrap


def test_extras_add_up(project: Path, bootstrap: Callable[..., list[str]]) -> None:
    """From the demo to the tests the rest is added; on the way back, and the second time, nothing is done."""
    made, installed = bootstrap("local")
    assert made.startswith("bootstrap: making .venv with Python ")
    assert installed == "bootstrap: installing lambda-punch[local] into .venv"
    assert bootstrap("local") == []

    assert bootstrap() == ["bootstrap: installing lambda-punch[jobs,local,test] into .venv"]
    assert bootstrap() == bootstrap("local") == bootstrap("local", "jobs") == []

    (project / "pyproject.toml").write_text(PYPROJECT + "# changed\n")
    assert bootstrap("local") == ["bootstrap: installing lambda-punch[local] into .venv"]


def test_a_broken_environment_is_made_anew(project: Path, bootstrap: Callable[..., list[str]]) -> None:
    """An environment whose interpreter is gone counts for nothing."""
    bootstrap("local")
    (project / ".venv/bin/python").unlink()

    made, installed = bootstrap("local")

    assert made.startswith("bootstrap: making .venv with Python ")
    assert installed == "bootstrap: installing lambda-punch[local] into .venv"
