"""The demo's runs as a page: one row for the work before the response, one for the work after it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambda_punch.command.local.page import Page, runtime_command
from lambda_punch.command.page.document import saved
from lambda_punch.command.page.feed import Feed
from lambda_punch.command.page.jobs import JobListener

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ABOUT = {"title": "the shop: mail and telemetry before the response, and after it", "functions": ["before", "after"]}


class Watched:
    """What the page shows, and how a function is made that it shows."""

    def __init__(self, listener: JobListener, feed: Feed) -> None:
        self._page = Page(feed, listener.path)
        self._feed = feed

    def options(self, handler: str, work: str, logs: list[tuple[str, str]]) -> dict[str, Any]:
        """Return options of the local Lambda; the function's lines are added to ``logs``."""

        def on_log(source: str, line: str) -> None:
            logs.append((source, line))

        on_log, on_event = self._page.watching(on_log, lambda _event: None, work)
        options: dict[str, Any] = {"on_log": on_log, "on_event": on_event}
        if work == "after":
            options |= {"runtime_command": runtime_command(handler), "env": self._page.variables}
        return options

    def write(self, file: Path) -> None:
        """Write the page into one file."""
        file.parent.mkdir(exist_ok=True)
        file.write_text(saved(self._feed, ABOUT), encoding="utf-8")

    def show(self, say: Callable[[str], None]) -> None:
        """Show the page until Ctrl-C."""
        from lambda_punch.command.page.server import PageServer

        with PageServer(self._feed, about=ABOUT) as server:
            say(f"the page is at {server.url} until Ctrl-C")
            try:
                threading.Event().wait()
            except KeyboardInterrupt:
                say("")


@contextmanager
def watched() -> Iterator[Watched]:
    """Gather what happens while the block runs."""
    feed = Feed()
    with JobListener(feed.on_report) as listener:
        yield Watched(listener, feed)
