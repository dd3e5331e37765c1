"""Durable jobs that were pushed, and will not be run in time, go to their queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.jobs.sending import sender
from lambda_punch.jobs.sending.durable import DurableJob
from lambda_punch.runtime.start import job_settings, process

if TYPE_CHECKING:
    from lambda_punch.jobs.sending.durable import Prepared
    from lambda_punch.runtime.punch import Punch


class Spill:
    """Sends durable jobs; and jobs that were to be sent after the response, which are on their way there anyhow."""

    @property
    def lead(self) -> float:
        """Seconds before the margin at which sending begins."""
        return job_settings().spill_lead

    def wants(self, punch: Punch) -> bool:
        """Tell whether this is a call of a durable job that may be spilled, or sends some."""
        function: Any = punch.function
        return (isinstance(function, DurableJob) and function.spills()) or function is sender.send_waiting

    def send(self, punches: list[Punch]) -> list[Punch]:
        """Send the jobs, with as few calls as can be; return those that no queue took."""
        calls: list[tuple[Punch, Prepared]] = []
        unsent = []
        for punch in punches:
            if isinstance(punch.function, DurableJob):
                try:
                    calls.append((punch, self._prepare(punch)))
                except Exception as error:  # noqa: BLE001 - arguments that no message can carry; it can still be run
                    logger().error("a durable job cannot be sent to its queue: %s", error)
                    unsent.append(punch)
            else:
                punch.function(*punch.args)
        items = [(call.backend, call.outgoing, call.args, call.kwargs) for _, call in calls]
        _, failed = sender.send(items)
        for each in failed:
            logger().error("job %s was not sent to its queue: %s", each.outgoing.job, each.reason)
        failures = {failure.outgoing.id: failure for failure in failed}
        for (punch, call), item in zip(calls, items, strict=True):
            failure = failures.get(call.outgoing.id)
            if failure is not None:  # where its queue may have it, it must not be run here, only sent again
                unsent.append(punch if failure.certain else punch.replaced(sender.send_waiting, ([item],)))
        sent = [call.outgoing.job for _, call in calls if call.outgoing.id not in failures]
        if sent:
            names = ", ".join(sorted(set(sent)))
            logger().warning("%d durable jobs were sent to their queues, for want of time (%s)", len(sent), names)
        return unsent

    def _prepare(self, punch: Punch) -> Prepared:
        function: Any = punch.function
        prepared: Prepared = punch.within(function.prepare, *punch.args, **punch.kwargs)
        if punch.request_id == process.request_id:
            return prepared
        return prepared._replace(outgoing=prepared.outgoing._replace(trace=None))  # another request's
