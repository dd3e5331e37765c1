"""The extension's own copy of its two dependencies: fetched, stripped, compiled and tried."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from lambda_punch.errors import InstallError

from .package_manager import find_package_manager

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .interpreter import Interpreter
    from .layer_target import Target

REQUIREMENTS = ("pyzmq>=26", "inotify-simple>=2")  # the same as in pyproject.toml; a test compares them

# What the extension cannot reach: tests, other event loops, sources for compiling against, type stubs.
_UNUSED_DIRECTORIES = ("auth", "devices", "eventloop", "green", "log", "ssh", "tests", "include")
_UNUSED_SUFFIXES = (".h", ".pxd", ".pxi", ".pyi", ".pyx")

_PROOF = "import sys; sys.path.append(sys.argv[1]); import zmq, inotify_simple, extension.main, extension.loop"


def fetch(
    interpreter: Interpreter, into: Path, requirements: Sequence[str] = REQUIREMENTS, target: Target | None = None
) -> None:
    """Fill the directory ``into`` with the dependencies, for ``target``, or else for ``interpreter``.

    Raises InstallError when there is neither pip nor uv, or with the last words of the one that failed.
    """
    find_package_manager(interpreter).install(requirements, into, target)
    _prune(into)


def compile_all(interpreter: Interpreter, directory: Path, final: str) -> None:
    """Compile what ``interpreter`` will import, because it cannot write to /opt at run time.

    Python will not compare the compiled files with their sources, because an archive may lose the times of both.
    ``final`` is where the directory will be at run time; tracebacks show it. The same sources give the same bytes.
    Raises InstallError.
    """
    arguments = ["-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "-s", f"{directory}", "-p", final]
    # Not -I, which would ignore PYTHONHASHSEED: the order of a constant set in 3.10's bytecode depends on it. Without
    # -I, -m also looks in the current directory, so this is one that has no module named like one of the standard library.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    _run(
        [interpreter.path, "-sS", *arguments, str(directory)],
        fault="the extension cannot be compiled",
        environment={**environment, "PYTHONHASHSEED": "0"},
        directory=directory,
    )


def prove(interpreter: Interpreter, directory: Path) -> None:
    """Import everything as the extension will. Raises InstallError when ``interpreter`` cannot do it."""
    _run([interpreter.path, "-ISB", "-c", _PROOF, str(directory)], fault="the extension cannot be imported")


def _prune(directory: Path) -> None:
    shutil.rmtree(directory / "bin", ignore_errors=True)
    (directory / ".lock").unlink(missing_ok=True)  # uv's
    for name in _UNUSED_DIRECTORIES:
        shutil.rmtree(directory / "zmq" / name, ignore_errors=True)
    for suffix in _UNUSED_SUFFIXES:
        for path in (directory / "zmq").rglob(f"*{suffix}"):
            path.unlink()


def _run(
    command: Sequence[str], *, fault: str, environment: dict[str, str] | None = None, directory: Path | None = None
) -> None:
    finished = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
    )
    if finished.returncode:
        raise InstallError(f"{fault} by {command[0]}: {_last_line(finished)}")


def _last_line(finished: subprocess.CompletedProcess[str]) -> str:
    lines = (finished.stderr + finished.stdout).strip().splitlines()
    return lines[-1] if lines else f"exit status {finished.returncode}"
