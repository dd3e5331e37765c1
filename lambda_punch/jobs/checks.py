"""Checks of options. Each returns what the value has to be, or None if it is that already."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import JobOptionError
from lambda_punch.jobs.limits import LATEST

if TYPE_CHECKING:
    from lambda_punch._settings.checks import Expected

_QUEUE = re.compile(r"[A-Za-z0-9_:-]{1,170}(\.fifo)?\Z")  # the name of a queue or a function, or a function's ARN
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_TOKEN = re.compile(r"""[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}\Z""")


def require(name: str, value: object, check: Expected) -> None:
    """Raise JobOptionError, naming the option and what it has to be, unless the value passes the check."""
    if expected := check(value):
        raise JobOptionError(f"{name} must be {expected}, not {value!r}")


def function(value: Any) -> str | None:
    """Check something that can be called."""
    return None if callable(value) else "a function"


def text(value: Any) -> str | None:
    """Check a text that is not empty."""
    return None if isinstance(value, str) and value else "a text of at least one character"


def queue(value: Any) -> str | None:
    """Check the name of a queue or function."""
    fits = isinstance(value, str) and _QUEUE.match(value)
    return None if fits else "a name of letters, digits, - and _, with .fifo at its end for a FIFO queue"


def token(value: Any) -> str | None:
    """Check an id that SQS takes for a group or for deduplication."""
    fits = isinstance(value, str) and _TOKEN.match(value)
    return None if fits else "1 to 128 letters, digits and punctuation marks"


def token_or_function(value: Any) -> str | None:
    """Check a token, or a function that returns one."""
    expected = None if callable(value) else token(value)
    return expected and f"{expected}, or a function of the job's arguments that returns them"


def wait(value: Any) -> str | None:
    """Check a function of waits."""
    return None if callable(value) else "a function that takes the attempt's number and returns seconds"


def delay(value: Any) -> str | None:
    """Check a time to wait."""
    fits = isinstance(value, (int, timedelta)) and not isinstance(value, bool)
    if fits:
        fits = 0 <= (value.total_seconds() if isinstance(value, timedelta) else value) <= LATEST
    return None if fits else f"a whole number of seconds from 0 to {LATEST}, or a timedelta of such a length"


def length(value: Any) -> str | None:
    """Check a time for which something is kept."""
    expected = delay(value)
    fits = not expected and (value.total_seconds() if isinstance(value, timedelta) else value) >= 1
    return None if fits else f"a whole number of seconds from 1 to {LATEST}, or a timedelta of such a length"


def unique(value: Any) -> str | None:
    """Check what says which calls are the same."""
    fits = callable(value) or (isinstance(value, str) and value)
    return None if fits else "'arguments', a text, or a function of the job's arguments that returns what JSON has"


def one_of(*words: str) -> Expected:
    """Return a check for one of these words."""
    return lambda value: None if value in words else f"one of {', '.join(words)}"


def moment(value: Any) -> str | None:
    """Check a moment that means the same everywhere."""
    fits = isinstance(value, datetime) and value.utcoffset() is not None
    return None if fits else "a datetime with a time zone, such as datetime.now(timezone.utc) + timedelta(days=1)"


def exceptions(value: Any) -> str | None:
    """Check an exception class or a tuple of them."""
    each = value if isinstance(value, tuple) else (value,)
    fits = each and all(isinstance(one, type) and issubclass(one, BaseException) for one in each)
    return None if fits else "an exception class, or a tuple of them"
