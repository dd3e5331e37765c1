"""Jobs that will not run, or not to their end: one ERROR line and the user's hook, from the process that gives them up."""

from __future__ import annotations

from lambda_punch import _events
from lambda_punch._log import logger
from lambda_punch.runtime.job import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.queue import QueuedJob


def report_lost(process: Process, lost: list[QueuedJob], reason: str) -> None:
    """Write one ERROR line with the number and the names of ``lost``, then call the user's hook. Never raises."""
    if not lost:
        return
    jobs = [describe(queued) for queued in lost]
    names = ", ".join(sorted({job.name for job in jobs}))
    logger().error("%d job%s lost (%s): %s", len(jobs), "" if len(jobs) == 1 else "s", names, reason)
    _events.tell(_events.PunchesLost(len(jobs)))
    for queued in lost:
        process.settle(queued[6])
    if process.lost_handler is not None:
        try:
            process.lost_handler(jobs, reason)
        except BaseException:  # noqa: BLE001 - the process is about to end and has more to say
            logger().exception("the on_lost hook failed")
