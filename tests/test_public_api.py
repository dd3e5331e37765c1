"""What ``import lambda_punch`` offers is what __all__ says, and each of it is documented and typed."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import lambda_punch as punch
from lambda_punch import errors


def test_all_names_what_is_public() -> None:
    """Every public name that is not a submodule stands in __all__, and the other way round."""
    public = {name for name, value in vars(punch).items() if not name.startswith("_") and not inspect.ismodule(value)}
    public -= {"annotations", "TYPE_CHECKING"}
    made_when_asked_for = {"Punch", *(name for name in vars(errors) if name.endswith("Error"))}

    assert public | made_when_asked_for | set(punch._OF_JOBS) == set(punch.__all__)
    assert all(hasattr(punch, name) for name in punch.__all__)


def test_an_editor_is_told_all_names_and_options() -> None:
    """dir() has what is imported at its first use as well, and help() each option of job() and of configure()."""
    assert {"job", "enqueue_many", "Punch", "JobTimeoutError"} <= set(dir(punch))
    parameters = inspect.signature(punch.job).parameters
    assert {"queue", "retries", "timeout"} <= set(parameters)
    assert not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    assert "workers: how many jobs run at the same time" in str(inspect.getdoc(punch.configure))


def test_everything_public_has_a_docstring() -> None:
    """Help is there for each name."""
    assert [name for name in punch.__all__ if not inspect.getdoc(getattr(punch, name))] == []


def test_every_error_has_the_one_root() -> None:
    """Catching LambdaPunchError catches them all."""
    found = [getattr(punch, name) for name in punch.__all__ if name.endswith("Error")]

    assert len(found) >= 5
    assert all(issubclass(error, punch.LambdaPunchError) for error in found)


def test_the_types_of_the_public_api_hold() -> None:
    """mypy accepts the right calls in typing/api.py and refuses the wrong ones, which are marked there."""
    api = Path(__file__).parent / "typing" / "api.py"
    command = [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", str(api)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent)

    assert checked.returncode == 0, checked.stdout
