"""Functions in AWS's Runtime Interface Emulator, with awslambdaric and the installed extension."""

from __future__ import annotations

import functools
import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch

from .differences import compare
from .emulator import emulator
from .private_opt import in_private_opt
from .protocol import WALKS, WRONG_CALLS
from .recording import on_local, on_rie
from .rie import Rie
from .scenarios import SCENARIOS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What each function under test begins with. note() writes a line to a file that the test reads; "posted" is the
# moment at which the platform has taken the response, whatever it may be.
PRELUDE = """\
import os, sys, threading, time
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

def note(*words):
    line = " ".join(str(word) for word in (time.monotonic(), *words)) + "\\n"
    descriptor = os.open(os.environ["NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)

def noted(post):
    def posted(*args, **kwargs):
        result = post(*args, **kwargs)
        note("posted")
        return result
    return posted

for name in ("post_invocation_result", "post_invocation_error"):
    setattr(LambdaRuntimeClient, name, noted(getattr(LambdaRuntimeClient, name)))

import lambda_punch as punch

"""
THREADED, PLAIN = "AWS_Lambda_python3.12", None


class Function(Rie):
    """A function in RIE whose notes can be read."""

    @property
    def notes(self) -> list[tuple[float, str]]:
        """Monotonic time and text of each note, in the order written."""
        file = self.directory / "notes"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(float(at), text) for at, _, text in (line.partition(" ") for line in lines)]

    @property
    def told(self) -> list[str]:
        """The notes' texts."""
        return [text for _, text in self.notes]

    @property
    def complaints(self) -> list[str]:
        """The lines in which anybody speaks of an error."""
        return [line for line in self.lines if "ERROR" in line or "Traceback" in line]


@pytest.fixture(scope="session", autouse=True)
def _rie_runs_here() -> None:
    """Find out once whether there are RIE and a private /opt; if not, skip everything, with the reason."""
    in_private_opt(Path("/opt"), [str(emulator())])


@pytest.fixture
def opt(tmp_path: Path, extension: Path) -> Path:
    """Return a directory to be seen as /opt, with the extension installed."""
    return Path(shutil.copytree(extension.parent.parent, tmp_path / "opt", symlinks=True))


@pytest.fixture
def function(tmp_path: Path) -> Iterator[Callable[..., Function]]:
    """Yield a maker of functions: the module's source after PRELUDE and an /opt in, a started RIE out.

    At the end none of its processes may be left.
    """
    made: list[Function] = []

    def make(source: str, opt: Path, *, execution_env: str | None = THREADED, timeout: int = 5, **env: str) -> Function:
        directory = tmp_path / f"function-{len(made)}"
        directory.mkdir()
        (directory / "app.py").write_text(PRELUDE + textwrap.dedent(source))
        variables: dict[str, Any] = {
            "NOTES": str(directory / "notes"),
            "LAMBDA_PUNCH_DIR": str(directory / "meet"),
            # the checkout, for those who run the tests without having installed it
            "PYTHONPATH": os.pathsep.join((str(directory), str(Path(lambda_punch.__file__).parents[1]))),
            **env,
        }
        if execution_env is not None:
            variables["AWS_EXECUTION_ENV"] = execution_env
        command = [sys.executable, "-m", "awslambdaric", "app.handler"]
        made.append(Function(command, directory=directory, opt=opt, env=variables, timeout=timeout))
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.clean_up()


class Pair:
    """One scenario on both platforms: what was seen, what of the table shows in it, and what the table does not explain."""

    def __init__(self, scenario: str, local: dict[str, Any], rie: dict[str, Any]) -> None:
        self.local = local
        self.rie = rie
        self.shown, self.unexplained = compare(scenario, local, rie)

    @property
    def seconds_differ(self) -> bool:
        """Whether a duration is another one on the two platforms."""
        return any(self.rie.get(path, value) != value for path, value in self.local.items() if " seconds " in path)


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Pair]:
    """Return a function that runs a scenario on both platforms, once per session."""
    scenarios = {"wrong calls": WRONG_CALLS, **SCENARIOS, **WALKS}

    def run_once(name: str) -> Pair:
        directory = tmp_path_factory.mktemp("scenario")
        return Pair(name, on_local(scenarios[name], directory / "local"), on_rie(scenarios[name], directory / "rie"))

    @functools.cache
    def run(name: str) -> Pair:
        pair = run_once(name)
        for _ in range(3 if scenarios[name].timed else 0):
            if not pair.unexplained and pair.seconds_differ:
                break
            pair = run_once(name)  # the machine was busy
        return pair

    return run
