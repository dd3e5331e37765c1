"""The extension's own copy of its two dependencies, fetched by pip for the interpreter that will run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_punch.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .interpreter import Interpreter

REQUIREMENTS = ("pyzmq>=26", "inotify-simple>=2")  # the same as in pyproject.toml; a test compares them

_FLAGS = (
    "--disable-pip-version-check",
    "--no-input",
    "--quiet",
    "--no-compile",  # compiled later, for an interpreter and a file system that pip knows nothing of
    "--only-binary=:all:",  # a compiler in the image would be a surprise
    "--no-user",
)
# Settings that a machine may have for its everyday pip and that contradict what is asked for here.
_CONTRADICTING = (
    "PIP_ABI",
    "PIP_DRY_RUN",
    "PIP_IMPLEMENTATION",
    "PIP_PLATFORM",
    "PIP_PREFIX",
    "PIP_PYTHON_VERSION",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_ROOT",
    "PIP_TARGET",
    "PIP_USER",
)

# What the extension cannot reach: tests, other event loops, sources for compiling against, type stubs.
_UNUSED_DIRECTORIES = ("auth", "devices", "eventloop", "green", "log", "ssh", "tests", "include")
_UNUSED_SUFFIXES = (".h", ".pxd", ".pxi", ".pyi", ".pyx")

_PROOF = "import sys; sys.path.append(sys.argv[1]); import zmq, inotify_simple, extension.main, extension.loop"


def fetch(
    interpreter: Interpreter, into: Path, requirements: Sequence[str] = REQUIREMENTS, options: Sequence[str] = ()
) -> None:
    """Fill the directory ``into`` with the dependencies. Raises InstallError with pip's own last words.

    ``options`` are more of pip's; without any, pip chooses what fits ``interpreter``.
    """
    command = [*_pip(interpreter), "install", *_FLAGS, *options, f"--target={into}", *requirements]
    finished = subprocess.run(
        command, capture_output=True, text=True, check=False, env=_environment(), stdin=subprocess.DEVNULL
    )
    if finished.returncode:
        raise InstallError(f"pip cannot fetch {' and '.join(requirements)}: {_last_words(finished)}")
    _prune(into)


def compile_all(interpreter: Interpreter, directory: Path, final: str) -> None:
    """Compile for ``interpreter`` what it will import: nothing can be written to /opt at run time.

    The compiled files are not checked against their sources: a layer's archive need not keep modification times.
    ``final`` is where the directory will be at run time, for tracebacks. The same sources give the same bytes. Raises
    InstallError.
    """
    arguments = ["-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", "-s", f"{directory}", "-p", final]
    # Not -I: it passes over the hash seed, on which the order of a constant set in 3.10's bytecode depends. Started in
    # the directory itself, -m finds no module there that could stand in for one of the standard library.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    _run(
        [interpreter.path, "-sS", *arguments, str(directory)],
        fault="the extension cannot be compiled",
        environment={**environment, "PYTHONHASHSEED": "0"},
        directory=directory,
    )


def prove(interpreter: Interpreter, directory: Path) -> None:
    """Import everything as the extension will. Raises InstallError when ``interpreter`` cannot."""
    _run([interpreter.path, "-ISB", "-c", _PROOF, str(directory)], fault="the extension cannot be imported")


def _pip(interpreter: Interpreter) -> Sequence[str]:
    for command in _pip_candidates(interpreter):
        if subprocess.run([*command, "--version"], capture_output=True, check=False).returncode == 0:
            return command
    asked = " nor ".join(dict.fromkeys([interpreter.command, sys.executable]))
    raise InstallError(f"no pip to fetch the dependencies with, not in {asked}; install it there")


def _pip_candidates(interpreter: Interpreter) -> Iterator[Sequence[str]]:
    yield (interpreter.command, "-m", "pip")
    # Our own pip, run by the other interpreter, so that it picks what fits that one (as pip's option --python does).
    spec = find_spec("pip")
    if spec is not None and spec.origin is not None:
        yield (interpreter.command, str(Path(spec.origin).parent))


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _CONTRADICTING}


def _prune(directory: Path) -> None:
    shutil.rmtree(directory / "bin", ignore_errors=True)
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
        raise InstallError(f"{fault} by {command[0]}: {_last_words(finished)}")


def _last_words(finished: subprocess.CompletedProcess[str]) -> str:
    lines = (finished.stderr + finished.stdout).strip().splitlines()
    errors = [line for line in lines if line.startswith("ERROR: ")]
    return (errors or lines or [f"exit status {finished.returncode}"])[-1].removeprefix("ERROR: ")
