"""Fixtures shared by the whole suite: a staged extension, and functions that run in the local Lambda."""

from __future__ import annotations

import ast
import dataclasses
import functools
import gc
import signal
import sys
import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.installer import staged
from lambda_punch.local import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# What each function under test begins with: note() writes a line with the time to a file that the test reads.
PRELUDE = """\
import os, threading, time
import lambda_punch as punch

def note(*words):
    line = " ".join(str(word) for word in (time.monotonic(), *words))
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(line + "\\n")

"""


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start: a shell that runs the suite in the background has it ignored by all below."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.version_info[:2] == (3, 11):
        ast.parse = _uncollected(ast.parse)


def _uncollected(parse: Callable[..., ast.AST]) -> Callable[..., ast.AST]:
    """Keep the garbage collector away from ``parse``.

    On CPython 3.11 ast.parse() fails with a SystemError if it is called within itself (gh-106905). The collector does so:
    asyncio logs a lost task's exception as it is collected, and 3.11 parses the source to underline where it happened.
    """

    @functools.wraps(parse)
    def uncollected(*args: Any, **kwargs: Any) -> ast.AST:
        enabled = gc.isenabled()
        gc.disable()
        try:
            return parse(*args, **kwargs)
        finally:
            if enabled:
                gc.enable()

    return uncollected


@dataclasses.dataclass(frozen=True)
class Note:
    """A line that the function under test wrote."""

    at: float
    words: list[str]

    @property
    def text(self) -> str:
        return " ".join(self.words)


class Function(LocalLambda):
    """A function in the local Lambda whose notes can be read."""

    notes_file: Path

    @property
    def notes(self) -> list[Note]:
        lines = self.notes_file.read_text().splitlines() if self.notes_file.exists() else []
        return [Note(float(at), words) for at, *words in (line.split(" ") for line in lines)]

    @property
    def told(self) -> list[str]:
        """The notes' texts, in the order written."""
        return [note.text for note in self.notes]

    @property
    def started(self) -> list[str]:
        """The sources that were started, over the life of the environment."""
        return [event.source for event in self.events if event.kind == "started"]

    def call(self, event: Any = None) -> Any:
        """Invoke, wait until all is done and frozen, and return the parsed response."""
        invocation = self.invoke(event)
        self.wait_idle(timeout=15)
        return invocation.json()

    def said(self, text: str) -> list[str]:
        """The log lines, of any process, that contain ``text``."""
        return [line for _, line in self.logs if text in line]


@pytest.fixture(scope="session")
def extension() -> Iterator[Path]:
    """Yield the extension's executable, as installed."""
    with staged() as executable:
        yield executable


@pytest.fixture
def function(tmp_path: Path, extension: Path) -> Iterator[Callable[..., Function]]:
    """Yield a maker of functions: the module's source after PRELUDE in, a started environment out."""
    made: list[Function] = []

    def make(source: str, *, env: dict[str, str] | None = None, prelude: str = PRELUDE, **options: Any) -> Function:
        (tmp_path / "app.py").write_text(prelude + textwrap.dedent(source))
        notes = tmp_path / "notes"
        options.setdefault("extensions", [extension])
        variables = {"NOTES": str(notes), "LAMBDA_PUNCH_DIR": str(tmp_path / "meet"), **(env or {})}
        made.append(Function("app.handler", task_root=tmp_path, env=variables, **options))
        made[-1].notes_file = notes
        made[-1].start()
        return made[-1]

    yield make
    for each in made:
        each.shutdown(abandon=True)
