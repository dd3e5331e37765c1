"""Sends pushed durable jobs to their queues when there is no time left to run them here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.jobs.sending import sender
from lambda_punch.jobs.sending.durable import DurableJob
from lambda_punch.runtime.start import job_settings, process

if TYPE_CHECKING:
    from lambda_punch.jobs.sending.durable import Prepared
    from lambda_punch.runtime.punch import Punch


class QueueSpill:
    """Sends durable jobs, and the jobs that wait to be sent after the response."""

    @property
    def lead(self) -> float:
        """Seconds before the margin at which sending begins."""
        return job_settings().spill_lead

    def wants(self, punch: Punch) -> bool:
        """Tell whether this is a call of a durable job that may go to its queue, or one that sends such jobs."""
        function: Any = punch.function
        return (isinstance(function, DurableJob) and function.spills()) or function is sender.send_waiting

    def send(self, punches: list[Punch]) -> list[Punch]:
        """Send the jobs with as few calls as possible; return those that no queue took."""
        calls: list[tuple[Punch, Prepared]] = []
        unsent = []
        for punch in punches:
            if isinstance(punch.function, DurableJob):
                try:
                    calls.append((punch, self._prepare(punch)))
                except Exception as error:  # noqa: BLE001 - arguments that no message can carry; the job can still be run here
                    logger().error("a pushed job cannot be sent to its queue, only run here: %s", error)
                    unsent.append(punch)
            else:
                punch.function(*punch.args)
        items = [(call.backend, call.outgoing, call.args, call.kwargs) for _, call in calls]
        report = sender.send(items)
        failed = report.failed
        not_sent = {each.id: each for each in failed}
        for each in failed:
            logger().error("job %s %s was not sent to its queue: %s", each.job, each.id, each.reason)
        for (punch, call), item in zip(calls, items, strict=True):
            answer = not_sent.get(call.outgoing.id)
            if answer is not None:  # a job that its queue may have must not be run here, only sent again
                unsent.append(punch if answer.certain else punch.replaced(sender.send_waiting, ([item],)))
        sent = [
            call.outgoing.job
            for _, call in calls
            if call.outgoing.id not in not_sent and call.outgoing.id not in report.duplicates
        ]
        if sent:
            names = ", ".join(sorted(set(sent)))
            logger().warning(
                "there was no time left for %d durable jobs, so they were sent to their queues (%s)",
                len(sent),
                names,
            )
        return unsent

    def _prepare(self, punch: Punch) -> Prepared:
        function: Any = punch.function
        prepared: Prepared = punch.within(function.prepare, *punch.args, **punch.kwargs)
        if punch.request_id == process.request_id:
            return prepared
        return prepared._replace(outgoing=prepared.outgoing._replace(trace=None))  # another request's
