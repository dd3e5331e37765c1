"""Reports of jobs that failed, and of jobs that will not run, or not to their end. Nothing here raises.

A failure goes to the user's error handler, or else into the log, in the context of the job: the line carries the request's
logging fields, trace and tags. Lost jobs are one ERROR line and one call of the user's hook for each request, in its
context as well, from the process that gives the jobs up.
"""

from __future__ import annotations

from lambda_punch import _events
from lambda_punch._log import logger
from lambda_punch.runtime.punch import trait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from lambda_punch.runtime.punch import Punch

    class Told(Protocol):
        """Who knows the user's handlers and the ledger: the process."""

        @property
        def error_handler(self) -> Callable[[BaseException, Punch], Any] | None:
            """Gets failures in place of the log."""

        @property
        def lost_handler(self) -> Callable[[list[Punch], str], Any] | None:
            """Gets losses, beside the log."""

        def settle(self, number: int) -> None:
            """Settle an entry of the ledger."""


def report_failure(process: Told, error: BaseException, punch: Punch) -> None:
    """Give an error to the user's handler, or log it, in the context of the punch. From any thread."""
    try:
        _within(punch, _tell, process, error, punch)
    except BaseException as another:  # noqa: BLE001 - a logging handler of the user's, say
        logger().error("job %s failed, and so did the report of it: %r", punch.name, another, exc_info=error)


def _tell(process: Told, error: BaseException, punch: Punch) -> None:
    handler = process.error_handler
    if handler is not None:
        try:
            returned = handler(error, punch)
        except BaseException:  # noqa: BLE001 - a broken handler must not stop what comes next
            logger().exception("the error handler failed")
        else:
            if not hasattr(returned, "__await__"):
                return
            if hasattr(returned, "close"):
                returned.close()
            logger().error(
                "the error handler returned something to be awaited, which nobody does; give a plain function"
            )
    noun = trait(punch.function, "noun")  # a view's rest, say, is not what anybody would call a job
    noun = noun if isinstance(noun, str) else "job"
    logger().error("%s %s of request %s failed", noun, punch.name, punch.request_id or "-", exc_info=error)


def report_lost(process: Told, lost: list[Punch], reason: str) -> None:
    """Write one ERROR line for each request, with the number and the names of its jobs, then call the user's hook."""
    by_request: dict[str, list[Punch]] = {}
    for punch in lost:
        by_request.setdefault(punch.request_id, []).append(punch)
    for punches in by_request.values():
        try:
            _within(punches[0], _tell_lost, process, punches, reason)
        except BaseException as another:  # noqa: BLE001 - as above
            logger().error("%d jobs lost, and the report of it failed: %r", len(punches), another)


def _tell_lost(process: Told, lost: list[Punch], reason: str) -> None:
    names = ", ".join(sorted({punch.name for punch in lost}))
    logger().error("%d job%s lost (%s): %s", len(lost), "" if len(lost) == 1 else "s", names, reason)
    _events.tell(_events.PunchesLost(len(lost)))
    for punch in lost:
        process.settle(punch.number)
    if process.lost_handler is not None:
        try:
            process.lost_handler(lost, reason)
        except BaseException:  # noqa: BLE001 - the process is about to end and has more to say
            logger().exception("the on_lost hook failed")


def _within(punch: Punch, function: Callable[..., object], *args: object) -> None:
    """Call a function in the context of a punch, or in a copy while that is in use: the job may still run in it."""
    context = punch.context
    if context is None:
        function(*args)
        return
    try:
        context.run(_nothing)
    except RuntimeError:
        context = context.copy()
    context.run(function, *args)


def _nothing() -> None:
    """Nothing: whether a context can be entered is only known by entering it."""
