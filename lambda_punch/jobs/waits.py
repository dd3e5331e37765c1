"""How long to wait before a retry: the table, exponential waits with jitter, or a function of the attempt."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from lambda_punch._log import logger
from lambda_punch._settings import MOST_RETRIES
from lambda_punch._settings.checks import number
from lambda_punch.errors import JobOptionError
from lambda_punch.jobs import checks
from lambda_punch.jobs.limits import LONGEST_BATCH_WINDOW, LONGEST_VISIBILITY

if TYPE_CHECKING:
    from collections.abc import Callable

    Wait = Callable[[int], float]

# Lambdakiq's table: Sidekiq's fourth power of the attempt and a bit, with the random part at its mean.
TABLE = (30, 46, 76, 156, 346, 730, 1416, 2536, 4246, 6726, 10180, 14836)

_LONGEST_BEFORE_START = LONGEST_BATCH_WINDOW + 5  # seconds from a receive to the function's start


def table(attempt: int) -> float:
    """Return the seconds to wait after the given attempt, counted from 1, has failed."""
    return float(TABLE[min(max(attempt, 1), MOST_RETRIES) - 1])


class exponential:  # noqa: N801 - used as a function: wait=exponential(base=5)
    """Waits that double: ``base * 2 ** (attempt - 1)``, at most ``cap`` seconds, less a random part of ``jitter``.

    ``jitter`` is a share from 0 (none) to 1 (anything from 0 to the whole wait, "full jitter").
    Raises JobOptionError for a number that is out of bounds.
    """

    def __init__(self, *, base: float = 15.0, cap: float = 3600.0, jitter: float = 0.5) -> None:
        seconds = number(0, LONGEST_VISIBILITY, unit="seconds")
        checks.require("exponential(): base", base, seconds)
        checks.require("exponential(): cap", cap, seconds)
        checks.require("exponential(): jitter", jitter, number(0, 1))
        if not 0 < base <= cap:
            raise JobOptionError(f"exponential(): base must be more than 0 and at most cap ({cap!r}), not {base!r}")
        self._base, self._cap, self._jitter = base, cap, jitter

    def __call__(self, attempt: int) -> float:
        """Return the seconds to wait after the given attempt has failed."""
        return self._whole(attempt) * (1 - self._jitter * random.random())  # noqa: S311 - spreads load, guards nothing

    def least(self, attempt: int) -> float:
        """Return the shortest wait that a call could return."""
        return self._whole(attempt) * (1 - self._jitter)

    def _whole(self, attempt: int) -> float:
        return float(min(self._base * 2 ** min(max(attempt, 1) - 1, 40), self._cap))


def seconds_after(attempt: int, wait: Wait | None) -> float:
    """Return the wait after ``attempt``. Where a job's own function fails or returns no time, the table's applies."""
    if wait is None:
        return table(attempt)
    try:
        seconds = float(wait(attempt))
        if not 0 <= seconds < float("inf"):
            raise ValueError(f"a wait must be a number of seconds from 0, not {seconds!r}")  # noqa: TRY301 - one way for all failures
    except Exception:  # noqa: BLE001 - it is the user's function; a job must not be lost because of it
        logger().exception("a job's wait failed for attempt %d; the default of %g s is used", attempt, table(attempt))
        return table(attempt)
    return seconds


def least_total(attempts: int, wait: Wait | None) -> float:
    """Return the least time in seconds from the first to the last of so many attempts; 0 where it is not known."""
    least = table if wait is None else getattr(wait, "least", None)
    return 0.0 if least is None else sum(least(attempt) for attempt in range(1, attempts))


def visibility(seconds: float, spent: float) -> int:
    """Return ``seconds`` as a visibility timeout, ``spent`` seconds after the function was given the message.

    SQS refuses what goes beyond twelve hours from the receive, which was some time before the function's start.
    """
    return max(0, int(min(seconds + 0.5, LONGEST_VISIBILITY - _LONGEST_BEFORE_START - spent)))
