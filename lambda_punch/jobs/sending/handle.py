"""What enqueue() returns: which job was sent, and the way to its result."""

from __future__ import annotations

from typing import Any, NamedTuple


class Enqueued(NamedTuple):
    """What was sent: the job's name, its id, and the backend's id (None if it is sent after the response).

    ``duplicate``: it was not sent, because it is unique and another one is under way; ``id`` is then the other one's.
    """

    job: str
    id: str
    message_id: str | None
    duplicate: bool = False

    def result(self, timeout: float) -> Any:
        """Wait for the job, at most ``timeout`` seconds, and return what its function has returned.

        The job has to declare ``keep_result``. It is looked for in the table, at first often and then once a second.
        Raises JobFailedError if it is dead or was dropped, ResultTimeoutError if it has not ended by then, and
        ResultError if nothing is known of it, or its value was not kept. May be called from any thread.
        """
        from lambda_punch.jobs.store import results

        return results.wait(self.job, self.id, timeout)

    async def aresult(self, timeout: float) -> Any:
        """Do what result() does without blocking the event loop."""
        from lambda_punch.jobs.store import results

        return await results.await_(self.job, self.id, timeout)
