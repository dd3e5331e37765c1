"""The schedules of a template: each sends its event to its function when it is due."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.command.event import sample
from lambda_punch.local.errors import LocalLambdaError, TemplateError

from . import schedules

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.jobs.schedules.schedule import Schedule
    from lambda_punch.local.templates.functions import ScheduleSource

    from .console import Console

_LONGEST_WAIT = 60.0  # seconds; a machine that was asleep does not count them


class Due(NamedTuple):
    """One schedule, and who takes its events."""

    source: ScheduleSource
    schedule: Schedule
    send: Callable[[bytes], Any]


def due(source: ScheduleSource, send: Callable[[bytes], Any]) -> Due:
    """Return a schedule ready to be run. Raises TemplateError for an expression that EventBridge would refuse."""
    from lambda_punch.errors import JobOptionError
    from lambda_punch.jobs.schedules.schedule import read

    try:
        schedule = read(source.expression, source.timezone)
        next(schedule.after(schedules.clock()), None)
    except (ValueError, KeyError, JobOptionError) as error:
        raise TemplateError(f"{source.name}: {source.expression} is not a schedule: {error}") from error
    return Due(source, schedule, send)


class TemplateSchedules:
    """Runs schedules on a thread of its own, as a context manager."""

    def __init__(self, given: Sequence[Due], console: Console) -> None:
        self._given = given
        self._console = console
        self._coming: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedules", daemon=True)

    def __enter__(self) -> None:
        """Begin; times are counted from now."""
        self._coming = {number: self._next(each) for number, each in enumerate(self._given)}
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        """End at once."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            number, at = min(self._coming.items(), key=lambda each: each[1], default=(0, float("inf")))
            left = at - schedules.clock()
            if left > 0:
                self._stop.wait(min(left, _LONGEST_WAIT))
                continue
            self._send(self._given[number])
            self._coming[number] = self._next(self._given[number])

    def _next(self, each: Due) -> float:
        return next(each.schedule.after(schedules.clock()), float("inf"))

    def _send(self, each: Due) -> None:
        event = each.source.input if each.source.input is not None else json.dumps(sample("schedule"))
        self._console.say(f"{each.source.name} is due")
        try:
            each.send(event.encode())
        except LocalLambdaError as error:
            self._console.complain(f"{each.source.name} was due and its event could not be sent: {error}")
