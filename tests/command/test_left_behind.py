"""``lambda-punch local`` keeps its files in one temporary directory of its own, and removes it when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import inotify_simple
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HANDLER = """
import os
import lambda_punch as punch

@punch.handler
def handler(event, context):
    if event == "crash":
        os.kill(os.getpid(), 9)
    punch.push(print, "pushed")
    directory = os.environ.get("LAMBDA_PUNCH_DIR", "")
    met = os.path.exists(f"{directory}/handled")
    print("met in" if met else "did not meet in", directory)
"""


class Command:
    """``lambda-punch local`` with a temporary directory in which nothing else is."""

    def __init__(self, task_root: Path, temporary: Path) -> None:
        self.temporary = temporary
        self._task_root = task_root

    def start(self, *options: str, events: tuple[str, ...] = ("plain",)) -> subprocess.Popen[str]:
        words = [word for name in events for word in ("--event", str(self._task_root / f"{name}.json"))]
        words += ["--task-root", str(self._task_root), *options]
        return subprocess.Popen(
            [sys.executable, "-m", "lambda_punch", "local", "app.handler", *words],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary)},
        )

    def run(self, *options: str, events: tuple[str, ...] = ("plain",)) -> list[str]:
        """Return the places in which the function met its extension."""
        with self.start(*options, events=events) as process:
            shown, _ = process.communicate()
        return places(shown.splitlines())

    def left_behind(self) -> list[str]:
        return sorted(path.name for path in self.temporary.iterdir())


def places(shown: list[str]) -> list[str]:
    return [line.partition("| met in ")[2] for line in shown if "| met in " in line]


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    (tmp_path / "app.py").write_text(HANDLER)
    for event in ("plain", "crash"):
        (tmp_path / f"{event}.json").write_text(f'"{event}"')
    with tempfile.TemporaryDirectory(prefix="run-", dir="/tmp") as temporary:  # a short name: a socket lies below it
        yield Command(tmp_path, Path(temporary))


def test_each_run_meets_in_a_directory_of_its_own_under_tmpdir(command: Command) -> None:
    """It stays the same for a whole run, and is gone after it."""
    first, second = command.run("--count", "2"), command.run()

    assert first == [first[0]] * 2
    assert second != first[:1]
    assert all(place.startswith(f"{command.temporary}/") for place in (*first, *second))
    assert command.left_behind() == []


def test_nothing_is_left_after_a_crash_of_the_function(command: Command) -> None:
    """The environment that replaces the crashed one meets in the same directory."""
    met = command.run(events=("plain", "crash", "plain"))

    assert met == [met[0]] * 2
    assert command.left_behind() == []


def wait_until_met(process: subprocess.Popen[str]) -> None:
    shown = iter(process.stdout.readline, "")
    assert places([next(line for line in shown if " meet in " in line or " met in " in line)])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_after_a_signal(command: Command, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the run properly."""
    with command.start("--pause", "60", "--count", "2") as process:
        wait_until_met(process)
        process.send_signal(number)
        process.communicate()

    assert command.left_behind() == []


def test_the_directory_is_removed_even_after_sigkill(command: Command) -> None:
    """The guard that ends the processes does that, a moment after the command has ended."""
    with inotify_simple.INotify() as changes, command.start("--pause", "60", "--count", "2") as process:
        wait_until_met(process)
        changes.add_watch(command.temporary, inotify_simple.flags.DELETE)
        process.kill()
        (removed,) = changes.read(timeout=5000)

    assert removed.name.startswith("lambda-punch-local-")


def test_a_directory_that_the_user_names_is_taken(command: Command) -> None:
    """The user's own stays where it is."""
    mine = command.temporary / "mine"

    assert command.run("--env", f"LAMBDA_PUNCH_DIR={mine}") == [str(mine)]
    assert command.left_behind() == ["mine"]
