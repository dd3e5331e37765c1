"""How far a long piece of work has come: a bar on a terminal, lines otherwise; and that Ctrl-C ends it between two steps."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_INTERRUPTED = 128  # and the signal's number: what a shell reports


class Stop:
    """Tells that SIGINT or SIGTERM has asked for the end. The second one ends the process at once, as by default."""

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self) -> bool:
        """Tell whether something has asked."""
        return bool(self.signal)

    @property
    def status(self) -> int:
        """The exit status, 0 if nothing has asked for the end."""
        return _INTERRUPTED + self.signal if self.signal else 0


@contextmanager
def stoppable(then: str) -> Iterator[Stop]:
    """Catch SIGINT and SIGTERM while the block runs, on the main thread; the first says on stderr what happens then."""
    stop = Stop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _frame: object) -> None:
        stop.signal = number
        for each in before:
            signal.signal(each, signal.SIG_DFL)
        sys.stderr.write(f"\n{then}\n")

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def progress(what: str, total: int, say: Callable[[str], Any]) -> Iterator[Callable[[str], Any]]:
    """Yield what is to be called with a line for each step.

    On a terminal the steps move a bar, and the lines are not shown; without rich, or elsewhere, ``say`` gets the lines.
    """
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        yield say
        return
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield say
        return
    with Progress(console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda _: bar.advance(task)
