"""The integrations fit the frameworks' own types."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .versions import fetched

TYPING = Path(__file__).parents[1] / "typing"


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["asgi", "wsgi"])
def test_the_types_of_an_integration_hold(name: str) -> None:
    """mypy --strict accepts the right calls and refuses the wrong ones, which are marked."""
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", f"{TYPING / name}.py"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, cwd=TYPING.parents[1])

    assert checked.returncode == 0, checked.stdout


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("name", "unneeded"), [("api", "error"), ("asgi", "error"), ("wsgi", "none")])
def test_pyright_agrees(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, name: str, unneeded: str) -> None:
    """Each marked line is an error for it, too, and no other; for WSGI it knows an adapter that mypy does not."""
    path = fetched(tmp_path_factory.mktemp("packages"), "basedpyright")
    settings = {
        "include": [str(TYPING / f"{name}.py")], "typeCheckingMode": "standard", "pythonVersion": "3.10",
        "reportUnnecessaryTypeIgnoreComment": unneeded, "extraPaths": [str(TYPING.parents[1])],
    }  # fmt: skip
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "basedpyright", "-p", str(tmp_path), "--pythonpath", sys.executable]
    checked = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout
