"""The interpreter that will run the extension. It is asked for its version and path."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from lambda_punch.errors import InstallError

MINIMUM = (3, 10)

_QUESTION = (
    "import json, os, sys; outside = sys.prefix == getattr(sys, 'base_prefix', sys.prefix); "
    "print(json.dumps([list(sys.version_info[:2]), sys.executable if outside else os.path.realpath(sys.executable)]))"
)
_TIMEOUT = 30.0  # seconds


class Interpreter(NamedTuple):
    """An interpreter on this machine."""

    command: str
    """As it was given, made absolute: it runs pip, or uv is told to install for it."""

    path: str
    """For the first line of a script. Never in a virtual environment, which somebody may remove."""


def find_interpreter(given: str) -> Interpreter:
    """Return the interpreter named ``given``: a path, or a name to look up on PATH.

    Raises InstallError when it is missing, is not a Python, or is too old.
    """
    found = shutil.which(given)
    if found is None:
        raise InstallError(f"no such interpreter: {given}; name one with --python")
    command = str(Path(found).absolute())
    version, path = _ask(command)
    if version < MINIMUM:
        raise InstallError(
            f"{given} is Python {_dotted(version)}; the extension needs {_dotted(MINIMUM)} or later; "
            f"name another with --python"
        )
    return Interpreter(command, path)


def _ask(command: str) -> tuple[tuple[int, ...], str]:
    try:
        answer = subprocess.run(
            [command, "-E", "-c", _QUESTION],
            capture_output=True,
            check=True,
            timeout=_TIMEOUT,
            stdin=subprocess.DEVNULL,
        )
        version, path = json.loads(answer.stdout.splitlines()[-1])  # a site may print lines of its own before
        return tuple(version), str(path)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError, TypeError) as fault:
        raise InstallError(
            f"{command} does not run as a Python interpreter: {fault}; name another with --python"
        ) from fault


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
