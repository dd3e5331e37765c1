"""Tell of an error after the response as the drain tells of a job's: to the error handler, else in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_punch._log import logger
from lambda_punch._wiring import process

if TYPE_CHECKING:
    from lambda_punch.runtime.job import Job


def report(error: BaseException, job: Job) -> None:
    """Never raises; may be called from any thread."""
    try:
        if process.handle_error(error, job):
            return
    except BaseException:  # noqa: BLE001 - a broken error handler must not stop what comes next
        logger().exception("the error handler failed")
    logger().error("%s of request %s failed", job.name, job.request_id or "-", exc_info=error)
