"""Writes to the store that a job must not depend on: they raise nothing, and are over in time.

A store that does not answer would take a job's time, and the time of the batch's response. So a write that may not be
over in time is made on another thread, and left behind. After a failure no write is tried for a while.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from lambda_punch._log import logger
from lambda_punch.jobs import aws
from lambda_punch.runtime import threads
from lambda_punch.runtime.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST_CALL = 7.0  # seconds: two tries of aws.client("dynamodb"), and the pause between them; S3 may take longer
_OURS = "ValidationException"  # the code for an item that it does not take; others it does
_AWAY = 10.0  # seconds for which a store that has failed is left alone; longer than a call that was left behind

_SHORT = 1.0  # seconds for a call to a store that has just failed

_crew = Crew(threads.STORE)
_away_until: dict[str, float] = {}


def write(
    what: str,
    call: Callable[[], object],
    until: float = float("inf"),
    *,
    store: str = "dynamodb",
    insist: bool = False,
) -> None:
    """Make a call to the store, which is over at ``until`` (epoch seconds). ``what`` says in the log what is missing then.

    ``insist``: try it, for a short while, also when the store has just failed.
    """
    if time.monotonic() < _away_until.get(store, 0):
        if not insist:
            return
        until = min(until, time.time() + _SHORT)
    left = until - time.time()
    if left > LONGEST_CALL:
        _make(what, call, store)
        return
    over = threading.Event()

    def make() -> None:
        _make(what, call, store)
        over.set()

    try:
        _crew.start(make)
    except RuntimeError as error:  # the system refuses a thread
        _failed(what, str(error), store)
        return
    if not over.wait(max(0.0, left)):
        _failed(what, "it did not answer in the time that was left", store)


def _make(what: str, call: Callable[[], object], store: str) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - the job matters more
        refused = getattr(error, "response", None) or {}
        _failed(what, aws.cause(error) or repr(error), store, away=refused.get("Error", {}).get("Code") != _OURS)


def _failed(what: str, reason: str, store: str, *, away: bool = True) -> None:
    if away:
        _away_until[store] = time.monotonic() + _AWAY
    logger().error("%s: %s; the job itself is not affected", what, reason)


def forget() -> None:
    """Try again at once, for tests."""
    _away_until.clear()
