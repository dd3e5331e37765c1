"""What ``lambda-punch local`` prints while a function runs, and the timeline at the end."""

from __future__ import annotations

import _thread
import json
import os
import shutil
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TextIO

from .chart import length, render

if TYPE_CHECKING:
    from lambda_punch.local import Event, Invocation, Timeline

    from .compare import Comparison

_DIM = "2"
_BOLD = "1"
_RED = "31"
_SOURCE_COLORS = ("34", "35", "36", "33")
_NOTEWORTHY = {"timeout", "crash", "init-failed", "launch-failed", "refused", "swept"}


class Console:
    """Writes whole lines, from any thread. With ``as_json`` only the timeline goes to stdout."""

    def __init__(self, *, plain: bool = False, as_json: bool = False) -> None:
        self._as_json = as_json
        self._stream: TextIO = sys.stderr if as_json else sys.stdout
        self._color = not plain and _wants_color(self._stream)
        self._colors: dict[str, str] = {}
        self._lock = threading.Lock()
        self._unread = False

    def say(self, text: str) -> None:
        """Print a line of our own."""
        self._write(self._paint(text, _BOLD))

    def complain(self, text: str) -> None:
        """Print what went wrong, on stderr."""
        sys.stderr.write(f"lambda-punch local: {text}\n")

    def show_event(self, number: int, event: Any) -> None:
        """Print what is sent."""
        self._write(f"{self._paint(f'#{number}', _BOLD)} event    {_brief(json.dumps(event))}")

    def show_response(self, number: int, invocation: Invocation) -> None:
        """Print what came back, and after how long."""
        took = length(invocation.responded_at - invocation.sent_at)
        word = "response" if invocation.ok else self._paint("error   ", _RED)
        text = invocation.payload.decode("utf-8", "replace")
        self._write(f"{self._paint(f'#{number}', _BOLD)} {word} {_brief(text)}  {self._paint(f'after {took}', _DIM)}")

    def show_request(self, facts: dict[str, Any]) -> None:
        """Print a request that was served, with what was behind it; as JSON, one document a request."""
        if self._as_json:
            self._emit(sys.stdout, json.dumps(facts))
        else:
            self._write(self._paint(_as_line(facts), _RED if facts["failed"] else _BOLD))

    def show_log(self, source: str, line: str) -> None:
        """Print a line that a process wrote."""
        color = self._colors.setdefault(source, _SOURCE_COLORS[len(self._colors) % len(_SOURCE_COLORS)])
        for part in line.replace("\r", "\n").splitlines() or [""]:  # the runtime separates the lines of a trace by \r
            self._write(f"   {self._paint(source, color)} | {part}")

    def show_platform(self, event: Event) -> None:
        """Print what the platform did or refused, if that is out of the ordinary."""
        if event.kind in _NOTEWORTHY:
            detail = " ".join(f"{name}={value}" for name, value in event.detail.items())
            self._write(f"   {self._paint('platform', _RED)} | {event.kind} {event.source} {detail}")

    def show_timeline(self, timeline: Timeline) -> None:
        """Print the whole run to scale."""
        if self._as_json:
            for row in timeline.rows:
                self._emit(sys.stdout, json.dumps(asdict(row)))
            return
        if timeline.rows:
            width = shutil.get_terminal_size().columns
            self._write("\n" + render(timeline.rows, scale=timeline.scale, width=width, color=self._color).rstrip("\n"))
        if timeline.shutdown is not None:
            self._write(self._paint(f"shutdown {length(timeline.shutdown)}", _DIM))

    def show_comparison(self, comparison: Comparison) -> None:
        """Print how long callers wait both ways, and what they save."""
        if self._as_json:
            self._emit(sys.stdout, json.dumps(comparison.as_dict()))
        else:
            self._write("\n" + comparison.render())

    def _paint(self, text: str, color: str) -> str:
        return f"\x1b[{color}m{text}\x1b[0m" if self._color else text

    def _write(self, text: str) -> None:
        self._emit(self._stream, text)

    def _emit(self, stream: TextIO, text: str) -> None:
        """Write a line. When nobody reads any more, as behind `| head`, the run is ended as by Ctrl-C."""
        with self._lock:
            if self._unread:
                return
            try:
                stream.write(text + "\n")
                stream.flush()
            except BrokenPipeError:
                self._unread = True
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # or Python complains at its end
                _thread.interrupt_main()


def _as_line(facts: dict[str, Any]) -> str:
    """Return the facts of a request as one line."""
    times = "  ".join(f"{name} {length(facts[name])}" for name in ("waited", "behind", "billed"))
    request = f"{facts['function']}: {facts['request']}" if "function" in facts else facts["request"]
    return f"{request:28}  {facts['outcome']:14}  {times}"


def _wants_color(stream: TextIO) -> bool:
    """Tell whether colours may be used: not with NO_COLOR, a dumb terminal, a pipe, or an encoding without blocks."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not stream.isatty():
        return False
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


def _brief(text: str, most: int = 200) -> str:
    return text if len(text) <= most else f"{text[:most]}... ({len(text)} characters)"
