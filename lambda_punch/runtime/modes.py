"""What happens after a response, one class for each place in which the library can find itself.

| mode          | where                                    | who holds the environment while jobs run          |
| ------------- | ---------------------------------------- | ------------------------------------------------- |
| WithExtension | Lambda, the extension is there           | the extension, before its ``event/next``          |
| Alone         | Lambda without the extension             | the runtime's main thread, before its own ``next`` |
| Unheld        | Managed Instances, custom runtimes alone | nobody needs to, or nobody can                    |
| Outside       | not on Lambda                            | nobody needs to; the process waits as it exits    |
"""

from __future__ import annotations

import time

from lambda_punch import _contract
from lambda_punch._log import logger
from lambda_punch.runtime.process import FOREVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_punch.runtime.drain import Drained
    from lambda_punch.runtime.handled import HandledFile
    from lambda_punch.runtime.margin import MarginWatch
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.queue import QueuedJob
    from lambda_punch.runtime.server import DrainServer

_MISSES = 2  # announcements in a row that the extension did not answer, after which it is given up


class Alone:
    """The main thread waits for the drain before it asks for the next event; the caller has its answer."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def after_response(self) -> None:
        """Have the jobs run; come back when they are done or when the margin begins, whatever still runs."""
        process = self._process
        if process.pending:
            from lambda_punch.runtime import lost  # noqa: F401 - as at the first push with the extension, see _wiring

            if not process.worker.drain(process.until):
                from lambda_punch.runtime.margin import warn_of_running

                warn_of_running(process.drain)


class Unheld:
    """A thread drains while the next request may be handled already."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def after_response(self) -> None:
        """Start a drain."""
        if self._process.pending:
            self._process.worker.request(FOREVER)


class Outside:
    """Not on Lambda: a thread runs each job as soon as it is pushed."""

    def __init__(self, process: Process) -> None:
        self._process = process
        process.release_all()

    def submit(self, job: QueuedJob) -> None:
        """Queue a job and wake the thread."""
        self._process.queue.add(job)
        self._process.worker.request(FOREVER)

    def after_response(self) -> None:
        """Nothing: what was pushed runs already."""

    def finish(self, timeout: float) -> None:
        """Wait for the jobs as the process exits, at most ``timeout`` seconds; say what is lost."""
        if self._process.pending:
            from lambda_punch.runtime.lost import report_lost
            from lambda_punch.runtime.spill import send_leftovers

            self._process.worker.drain(time.time() + timeout)
            if self._process.spill is not None:
                send_leftovers(self._process.queue, self._process.spill, self._process.settle)
            self._process.refuse()
            lost = self._process.drain.under_way + self._process.queue.clear()
            report_lost(self._process, lost, f"the process exited and waited {timeout:g} s")


class WithExtension:
    """Each handled request is announced to the extension, which asks for a drain where jobs wait.

    Should the extension not ask, the next response's jobs are drained as in Alone, and after two such misses in a
    row all are. The same where the announcement cannot be written, or nobody reads it any more.
    """

    def __init__(self, process: Process, file: HandledFile, directory: str, *, heard: bool) -> None:
        """``heard``: whether the extension knows of this process in time to wait for its next announcement."""
        self._process = process
        self._file = file
        self._directory = directory
        self._server: DrainServer | None = None
        self._margin: MarginWatch | None = None
        self._announced = ""
        self._asked = heard
        self._misses = 0
        file.write(_contract.READY)

    def after_response(self) -> None:
        """Write the record: this request is handled, and whether jobs wait."""
        process = self._process
        try:
            if not process.pending or time.time() >= process.until:
                self._write(_contract.EMPTY)  # also in the margin: nothing starts, and the extension may have left
            elif self._asked or process.drain.busy:
                self._announce_jobs()
            else:
                self._miss()
        except OSError as error:
            self._give_up(f"the handled-file cannot be written: {error}")
        except Exception as error:  # noqa: BLE001 - the extension would wait for a record or an answer that never comes
            self._give_up(f"a handled request cannot be announced: {error!r}")

    def _announce_jobs(self) -> None:
        self._asked = False
        self._announced = self._process.request_id or _contract.ANY_REQUEST
        self._write(_contract.JOBS)
        if self._server is None and self._process.mode is self:
            from lambda_punch.runtime.server import DrainServer

            self._server = DrainServer(self._directory, self._drain, self._on_failure)
            self._server.start()

    def _write(self, state: str) -> None:
        process = self._process
        if not self._file.write(state, process.until_ms, process.request_id or _contract.ANY_REQUEST):
            self._give_up("the handled-file has been removed")

    def _miss(self) -> None:
        self._misses += 1
        Alone(self._process).after_response()
        if self._misses >= _MISSES:
            self._give_up("the extension does not ask for the jobs announced to it")
        else:
            self._asked = True
            self._write(_contract.EMPTY)

    def _drain(self, request_id: str, until: float) -> Drained | None:
        if request_id != self._announced:
            return None
        self._asked = True
        self._misses = 0
        if self._margin is None:
            from lambda_punch.runtime.margin import MarginWatch

            self._margin = MarginWatch(self._process.drain)
            self._margin.start()
        self._margin.begin(until)
        drained = self._process.drain.run(min(until, self._process.until))
        self._margin.end()
        return drained

    def _on_failure(self) -> None:
        """Go on without the extension, which waits: run what it waits for first, then let it go."""
        self._process.mode = Alone(self._process)
        self._process.drain.run(self._process.until)
        try:
            self._file.write(_contract.EMPTY, 0, self._announced)
        except OSError:
            self._file.remove()

    def _give_up(self, reason: str) -> None:
        self._file.remove()
        logger().error("the extension is not used any more, jobs run without it: %s", reason)
        self._process.mode = Alone(self._process)
        self._process.mode.after_response()
