"""``lambda-punch local --ui``, ``--html`` and ``--trace``: the page beside a run, and the run as a file."""

from __future__ import annotations

import itertools
import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch.command.page.document import saved
from lambda_punch.command.page.feed import Feed
from lambda_punch.command.page.jobs import JobListener
from lambda_punch.command.page.trace import trace_of

from .traced_runtime import VARIABLE

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

    from lambda_punch.command.page.queues import Queues
    from lambda_punch.command.page.sender import Sender
    from lambda_punch.local import Event

    Log = Callable[[str, str], None]
    OnEvent = Callable[[Event], None]


class Page:
    """What a run tells its page. Each environment that is watched gets the next number."""

    def __init__(self, feed: Feed, socket: str) -> None:
        self.feed = feed
        self.variables = {VARIABLE: socket}
        self._numbers = itertools.count(1)

    def watching(self, on_log: Log, on_event: OnEvent, function: str | None = None) -> tuple[Log, OnEvent]:
        """Return callbacks for a new environment, which tell the page as well as the given ones.

        ``function``: its name, where there are several.
        """
        number = next(self._numbers)
        if function is not None:
            self.feed.on_environment(number, function)

        def log(source: str, line: str) -> None:
            self.feed.on_log(number, source, line)
            on_log(source, line)

        def event(happened: Event) -> None:
            self.feed.on_event(number, happened)
            on_event(happened)

        return log, event


def runtime_command(handler: str) -> list[str]:
    """Return the command of a runtime that reports its jobs."""
    return [sys.executable, "-m", "lambda_punch.command.local.traced_runtime", handler]


def is_wanted(arguments: argparse.Namespace) -> bool:
    """Tell whether the run is to be shown or kept."""
    return arguments.ui is not None or bool(arguments.html or arguments.trace)


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[Page]:
    """Make what a run tells its page while the block runs; then write the files that were asked for."""
    feed = Feed()
    with JobListener(feed.on_report) as listener:
        try:
            yield Page(feed, listener.path)
        finally:
            if arguments.html:
                Path(arguments.html).write_text(saved(feed, about(arguments)), encoding="utf-8")
            if arguments.trace:
                Path(arguments.trace).write_text(json.dumps(trace_of(feed)), encoding="utf-8")


def about(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what the page says of the function."""
    return {"title": arguments.handler or arguments.image, "timeout": arguments.timeout}


@contextmanager
def shown(
    page: Page, arguments: argparse.Namespace, sender: Sender, queues: Queues | None, **more: Any
) -> Iterator[str]:
    """Show the page while the block runs; yield its address. ``more`` is said of the run. Raises OSError if the port is taken."""
    from lambda_punch.command.page.server import PageServer

    with PageServer(
        page.feed, port=arguments.ui, about={**about(arguments), **more}, sender=sender, queues=queues
    ) as server:
        yield server.url
