"""The options of a job, all checked where it is declared."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any

from lambda_punch.jobs.errors import JobOptionError
from lambda_punch.jobs.waits import MOST_RETRIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.jobs.backends import Backend
    from lambda_punch.jobs.waits import Wait

    Text = str | Callable[..., str]
    Exceptions = type[BaseException] | tuple[type[BaseException], ...]

LONGEST_DELAY = 900  # SQS: DelaySeconds
_LONGEST_TIMEOUT = 5400  # Managed Instances: 90 minutes; elsewhere Lambda ends a function after 15
_QUEUE = re.compile(r"[A-Za-z0-9_:-]{1,170}(\.fifo)?\Z")  # a queue's name, a function's, or a function's ARN
_TOKEN = re.compile(r"""[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}\Z""")  # SQS: group and deduplication ids


@dataclasses.dataclass(frozen=True)
class Options:
    """One job's options; what each means stands at ``job()``."""

    queue: str | None = None
    backend: str | Backend = "sqs"
    retries: int | None = None
    delay: int | None = None
    timeout: float | None = None
    wait: Wait | None = None
    group: Text | None = None
    deduplication_id: Text | None = None
    retry_on: Exceptions | None = None
    discard_on: Exceptions | None = None
    after_response: bool = False
    spill: bool = True

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None and (complaint := check(value)):
                raise JobOptionError(f"{name} must be {complaint}, not {value!r}")

    @property
    def fifo(self) -> bool:
        """Whether the queue is one that keeps order; its name says so."""
        return (self.queue or "").endswith(".fifo")

    def retries_on(self, error: BaseException) -> bool:
        """Tell whether this error is one to try again after."""
        return isinstance(error, self.retry_on or BaseException)

    def discards_on(self, error: BaseException) -> bool:
        """Tell whether this error means that the job is to be dropped."""
        return self.discard_on is not None and isinstance(error, self.discard_on)


def changed(options: Options, changes: dict[str, Any]) -> Options:
    """Return the options with some changed; raises JobOptionError for one that is unknown or cannot be."""
    unknown = sorted(set(changes) - {field.name for field in dataclasses.fields(Options)})
    if unknown:
        raise JobOptionError(f"there is no option {unknown[0]!r}; see help(lambda_punch.job)")
    return dataclasses.replace(options, **changes)


def token(name: str, value: object) -> str:
    """Return a group or deduplication id if SQS takes it; raises JobOptionError."""
    if not isinstance(value, str) or not _TOKEN.match(value):
        raise JobOptionError(f"{name} must be 1 to 128 letters, digits and punctuation marks, not {value!r}")
    return value


def _seconds(least: float, most: float, *, whole: bool = False) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        kinds = (int,) if whole else (int, float)
        fits = isinstance(value, kinds) and not isinstance(value, bool) and least <= value <= most
        return None if fits else f"{'whole ' if whole else ''}seconds from {least:g} to {most:g}"

    return check


def _check_retries(value: Any) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_RETRIES
    return None if fits else f"a whole number from 0 to {MOST_RETRIES}"


def _check_queue(value: Any) -> str | None:
    fits = isinstance(value, str) and _QUEUE.match(value)
    return None if fits else "a name of letters, digits, - and _, with .fifo at its end for a FIFO queue"


def _check_exceptions(value: Any) -> str | None:
    each = value if isinstance(value, tuple) else (value,)
    fits = each and all(isinstance(one, type) and issubclass(one, BaseException) for one in each)
    return None if fits else "an exception class, or a tuple of them"


def _check_text(value: Any) -> str | None:
    if callable(value):
        return None
    fits = isinstance(value, str) and _TOKEN.match(value)
    return None if fits else "1 to 128 letters, digits and punctuation marks, or a function of the job's arguments"


def _check_flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "True or False"


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "queue": _check_queue,
    "retries": _check_retries,
    "delay": _seconds(0, LONGEST_DELAY, whole=True),
    "timeout": _seconds(0.001, _LONGEST_TIMEOUT),
    "wait": lambda value: None if callable(value) else "a function of the attempt that returns seconds",
    "group": _check_text,
    "deduplication_id": _check_text,
    "retry_on": _check_exceptions,
    "discard_on": _check_exceptions,
    "after_response": _check_flag,
    "spill": _check_flag,
}
