"""The program that fetches packages: pip, or uv where there is no pip.

Each is configured as its user configured it: pip by PIP_* variables and pip.conf, uv by UV_* variables and uv.toml. uv
does not read pip's settings, and an index is not carried over from one to the other: its authentication and its place
among other indexes mean different things to them (https://docs.astral.sh/uv/pip/compatibility/).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lambda_punch.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .interpreter import Interpreter
    from .layer_target import Target


_TOO_OLD = "most likely because it is too old for this Python"


class PackageManager(ABC):
    """A program that puts packages, and what they depend on, into a directory."""

    name: ClassVar[str]
    _contradicting: ClassVar[frozenset[str]]
    """Settings that a machine may have for everyday use and that contradict what is asked for here."""

    def __init__(self, *command: str) -> None:
        self._command = command

    def __str__(self) -> str:
        return " ".join(self._command)

    def fault(self) -> str | None:
        """Return None if the program works. Else return why not: empty if it is missing, its last words if it crashes."""
        try:
            asked = subprocess.run([*self._command, "--version"], capture_output=True, text=True, check=False)
        except OSError:
            return ""
        if asked.returncode == 0:
            return None
        return _crash(asked.stderr)

    def install(self, requirements: Sequence[str], into: Path, target: Target | None) -> None:
        """Install into a directory, wheels only, for ``target`` or for the interpreter that the program was found for.

        Raises InstallError with the program's own last words.
        """
        environment = {name: value for name, value in os.environ.items() if name not in self._contradicting}
        finished = subprocess.run(
            [*self._command, *self._options(target), f"--target={into}", *requirements],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        if finished.returncode:
            if crash := _crash(finished.stderr):
                raise InstallError(f"{self} crashes, {_TOO_OLD} ({crash}); upgrade it")
            reason = self._reason(finished.stderr + finished.stdout) or f"exit status {finished.returncode}"
            raise InstallError(f"{self.name} cannot fetch {' and '.join(requirements)}: {reason}")

    @abstractmethod
    def _options(self, target: Target | None) -> list[str]:
        """Return the subcommand, with what makes it choose wheels for ``target``."""

    @abstractmethod
    def _reason(self, output: str) -> str:
        """Return what the program said of its failure, in one line; may be empty."""


class Pip(PackageManager):
    """pip, run by the interpreter that will run the packages."""

    name = "pip"
    _flags = (
        "install",
        "--disable-pip-version-check",
        "--no-input",
        "--quiet",
        "--no-compile",  # compiled later, for an interpreter and a file system that pip knows nothing of
        "--only-binary=:all:",  # a compiler in the image would be a surprise
        "--no-user",
    )
    _contradicting = frozenset(
        {
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
        }
    )

    def _options(self, target: Target | None) -> list[str]:
        return [*self._flags, *(target.pip_options if target else ())]

    def _reason(self, output: str) -> str:
        lines = output.strip().splitlines()
        errors = [line for line in lines if line.startswith("ERROR: ")]
        return (errors or lines or [""])[-1].removeprefix("ERROR: ")


class Uv(PackageManager):
    """uv, told for which interpreter."""

    name = "uv"
    _flags = (
        "pip",
        "install",
        "--quiet",
        "--color=never",
        "--only-binary=:all:",
        "--link-mode=copy",  # a link would let us change the modes of the files in uv's cache
    )
    _contradicting = frozenset(
        {
            "UV_BREAK_SYSTEM_PACKAGES",
            "UV_COMPILE_BYTECODE",
            "UV_MANAGED_PYTHON",
            "UV_NO_BINARY",
            "UV_NO_MANAGED_PYTHON",
            "UV_PYTHON",
            "UV_PYTHON_PREFERENCE",
            "UV_SYSTEM_PYTHON",
        }
    )
    _indexes_of_pip = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONFIG_FILE")

    def __init__(self, *command: str, interpreter: str) -> None:
        super().__init__(*command)
        self._interpreter = interpreter

    def _options(self, target: Target | None) -> list[str]:
        return [*self._flags, f"--python={self._interpreter}", *(target.uv_options if target else ())]

    def _reason(self, output: str) -> str:
        said = " ".join(output.split()).removeprefix("error: ")
        ignored = [name for name in self._indexes_of_pip if os.environ.get(name)]
        if ignored:
            said += f" (uv does not read pip's settings, such as {ignored[0]}; name the index with UV_DEFAULT_INDEX)"
        return said


def find_package_manager(interpreter: Interpreter) -> PackageManager:
    """Return what can fetch packages for ``interpreter``. Raises InstallError if neither pip nor uv is there and works."""
    crash = ""
    for candidate in _candidates(interpreter):
        fault = candidate.fault()
        if fault is None:
            return candidate
        crash = crash or (fault and f"{candidate} crashes, {_TOO_OLD} ({fault})")
    asked = dict.fromkeys([interpreter.command, sys.executable])
    looked = " and ".join(asked) + (" have neither" if len(asked) > 1 else " has neither")
    cure = f"install pip ({interpreter.command} -m ensurepip), or uv (https://docs.astral.sh/uv/)"
    if crash:
        raise InstallError(f"{crash}; upgrade it, or {cure}")
    raise InstallError(f"no pip and no uv to fetch the dependencies with: {looked}, and uv is not on PATH; {cure}")


def _crash(output: str) -> str:
    """Return the error with which a program written in Python has crashed; empty if it has not."""
    _, traceback, rest = output.partition("Traceback (most recent call last)")
    return rest.strip().splitlines()[-1] if traceback else ""


def _candidates(interpreter: Interpreter) -> Iterator[PackageManager]:
    yield Pip(interpreter.command, "-m", "pip")
    # Our own pip, run by the other interpreter, so that it picks what fits that one (as pip's option --python does).
    spec = find_spec("pip")
    if spec is not None and spec.origin is not None:
        yield Pip(interpreter.command, str(Path(spec.origin).parent))
    on_path = shutil.which("uv")
    own = os.environ.get("UV")  # set by `uv run` and `uvx`, which need not be on PATH
    commands = [[found] for found in (own, on_path) if found]
    modules = [[python, "-m", "uv"] for python in dict.fromkeys([interpreter.command, sys.executable])]
    for command in (*commands, *modules):
        yield Uv(*command, interpreter=interpreter.command)
