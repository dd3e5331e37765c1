"""The options of a job, all checked where it is declared. Its name and its backend are not options: see declare.py."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from lambda_punch._settings import MOST_RETRIES
from lambda_punch._settings.checks import flag, number
from lambda_punch.errors import JobOptionError
from lambda_punch.jobs import checks
from lambda_punch.jobs.limits import LATEST, LONGEST_RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from typing_extensions import TypedDict

    from lambda_punch._settings.checks import Expected
    from lambda_punch.jobs.waits import Wait

    Text = str | Callable[..., str]
    Unique = str | Callable[..., object]
    Exceptions = type[BaseException] | tuple[type[BaseException], ...]

    class Changes(TypedDict, total=False):
        """What using() takes: the fields of Options."""

        queue: str | None
        retries: int | None
        delay: int | timedelta | None
        at: datetime | None
        timeout: float | None
        wait: Wait | None
        group: Text | None
        deduplication_id: Text | None
        retry_on: Exceptions | None
        discard_on: Exceptions | None
        after_response: bool
        spill: bool
        unique: Unique | None
        unique_for: int | timedelta | None
        unique_until: str | None
        keep_result: int | timedelta | None


DEFAULT_QUEUE = "default"
DEFAULT_LOCK = 86_400  # seconds
UNTIL = ("ended", "started", "expired")


@dataclasses.dataclass(frozen=True)
class Options:
    """One job's options; the docstring of ``job()`` says what each means."""

    queue: str | None = None
    retries: int | None = None
    delay: int | timedelta | None = None
    at: datetime | None = None
    timeout: float | None = None
    wait: Wait | None = None
    group: Text | None = None
    deduplication_id: Text | None = None
    retry_on: Exceptions | None = None
    discard_on: Exceptions | None = None
    after_response: bool = False
    spill: bool = True
    unique: Unique | None = None
    unique_for: int | timedelta | None = None
    unique_until: str | None = None
    keep_result: int | timedelta | None = None

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                checks.require(name, value, check)
        if self.delay is not None and self.at is not None:
            raise JobOptionError("delay and at both say when the job is run; give one of them")

    @property
    def fifo(self) -> bool:
        """Whether the queue is one that keeps order; its name says so."""
        return (self.queue or "").endswith(".fifo")

    def seconds_until(self, now: float) -> int | None:
        """Return for how many whole seconds from ``now`` (epoch seconds) the job waits, or None if it does not.

        Raises JobOptionError for a moment that is more than ten years away.
        """
        if self.at is not None:
            seconds = max(0, math.ceil(self.at.timestamp() - now))
            if seconds > LATEST:
                raise JobOptionError(f"at must be at most {LATEST} seconds from now, not {self.at}")
            return seconds
        if self.delay is None or isinstance(self.delay, int):
            return self.delay
        return math.ceil(self.delay.total_seconds())

    @property
    def locks_for(self) -> float:
        """For how many seconds a unique job's lock stays at most, counted from when the job is due."""
        return _seconds(DEFAULT_LOCK if self.unique_for is None else self.unique_for)

    @property
    def keeps_for(self) -> int | None:
        """For how many seconds the result is kept; None if it is not."""
        return None if self.keep_result is None else math.ceil(_seconds(self.keep_result))

    def retries_on(self, error: BaseException) -> bool:
        """Tell whether the job is tried again after this error."""
        return isinstance(error, self.retry_on or BaseException)

    def discards_on(self, error: BaseException) -> bool:
        """Tell whether the job is dropped after this error."""
        return self.discard_on is not None and isinstance(error, self.discard_on)


def _seconds(length: float | timedelta) -> float:
    return length if isinstance(length, (int, float)) else length.total_seconds()


def changed(options: Options, changes: Mapping[str, Any]) -> Options:
    """Return the options with some changed. Raises JobOptionError for an unknown option and for a wrong value."""
    unknown = sorted(set(changes) - {field.name for field in dataclasses.fields(Options)})
    if unknown:
        raise JobOptionError(f"there is no option {unknown[0]!r}; help(lambda_punch.job) lists them all")
    if changes.get("at") is not None and "delay" not in changes:  # the one for this call takes the declared one's place
        changes = {**changes, "delay": None}
    if changes.get("delay") is not None and "at" not in changes:
        changes = {**changes, "at": None}
    return dataclasses.replace(options, **changes)


_CHECKS: dict[str, Expected] = {
    "queue": checks.queue,
    "retries": number(0, MOST_RETRIES, whole=True),
    "delay": checks.delay,
    "at": checks.moment,
    "timeout": number(0.001, LONGEST_RUN, unit="seconds"),
    "wait": checks.wait,
    "group": checks.token_or_function,
    "deduplication_id": checks.token_or_function,
    "retry_on": checks.exceptions,
    "discard_on": checks.exceptions,
    "after_response": flag,
    "spill": flag,
    "unique": checks.unique,
    "unique_for": checks.length,
    "unique_until": checks.one_of(*UNTIL),
    "keep_result": checks.length,
}
