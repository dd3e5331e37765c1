"""Reports of durable jobs that failed: one line each, the user's error handler, and the hooks for failures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from lambda_punch._log import logger, text_of
from lambda_punch.jobs import checks
from lambda_punch.jobs.receiving.perform import current
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Callable

Became = Literal["retry", "dead", "discarded"]
Hook = TypeVar("Hook", bound="Callable[[Failure], Any]")

_LONGEST = 300  # characters of an error's text in a line


class Failure(NamedTuple):
    """A run that failed. ``attempt`` is one of ``attempts`` at most.

    ``outcome`` is what becomes of the job: ``retry`` (``next_at``, in epoch seconds), ``dead``, or ``discarded``, and
    ``reason`` says why in words. ``error`` is None for a job that was found dead before it was run. ``seen``: the last
    attempt failed with an error of the same type.
    """

    job: str
    id: str
    queue: str
    attempt: int
    attempts: int
    error: BaseException | None
    outcome: Became
    reason: str
    next_at: float | None = None
    seen: bool = False


_hooks: list[Callable[[Failure], Any]] = []


def on_failure(function: Hook) -> Hook:
    """Call ``function(failure)`` after each failed run of a durable job; a decorator.

        @punch.jobs.on_failure
        def told(failure):
            if failure.outcome == "dead":
                page(f"{failure.job} {failure.id}: {failure.reason}")

    It is called on the job's thread, in the job's context, inside what around_job hooks have entered. What it raises is
    logged. Several are called in the order added. Raises JobOptionError for something that cannot be called. May be called
    from any thread; a forked child has the hooks, too.
    """
    checks.require("on_failure()", function, checks.function)
    if function not in _hooks:
        _hooks.append(function)
    return function


def _one_line(text: str) -> str:
    """Return the id of a foreign message as it can stand in a line of the log, and forge none."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def tell(failure: Failure) -> None:
    """Write the line, and call the error handler and the hooks; never raises. The traceback is written once."""
    error, handler = failure.error, process.error_handler
    if error is not None and handler is not None and failure.outcome != "discarded":
        _call(handler, error, current())
    level = logger().warning if failure.outcome == "discarded" else logger().error
    shown = error if handler is None and not failure.seen else None
    level(
        "job %s %s of queue %s failed, attempt %d of %d; %s%s",
        failure.job, _one_line(failure.id), failure.queue, failure.attempt, failure.attempts, failure.reason, _said(error),
        exc_info=shown,
    )  # fmt: skip
    for hook in tuple(_hooks):
        _call(hook, failure)


def _call(function: Callable[..., Any], *arguments: Any) -> None:
    try:
        function(*arguments)
    except BaseException:  # noqa: BLE001 - a broken hook must not change what becomes of the job
        logger().exception("a hook for failed jobs, or the error handler, failed itself")


def _said(error: BaseException | None) -> str:
    if error is None:
        return ""
    text = text_of(error)
    text = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return f": {type(error).__name__}: {text[:_LONGEST]}" if text else f": {type(error).__name__}"
