"""The end on Lambda: leftovers are worked off in the runtime's share, then by an heir in the rest of the two seconds.

What Lambda does (Developer Guide, "Lambda runtime environment lifecycle"): SIGTERM to the runtime's process group, SIGKILL
300 ms later, and only then SHUTDOWN to the extensions, with what is left of 2,000 ms. So the runtime must not linger.
What it cannot finish goes on in a forked child in a session of its own, which the SIGKILL does not reach. The extension
reads the child's process id in the handled-file, and waits for it. That Lambda's own supervisor lets such a child
live as long as its emulator does has not been verified.

The child is forked between two jobs, if the running one ends in time. What a job holds at the fork (a lock, an import, a
connection with a query under way) would stay in the child as it was at that moment. All of this runs on the thread that
hears SIGTERM (signals.py).
"""

from __future__ import annotations

from lambda_punch import _contract
from lambda_punch._log import logger
from lambda_punch.runtime.deadlines import Deadlines
from lambda_punch.runtime.heir import Estate, fork_heir
from lambda_punch.runtime.punch import trait
from lambda_punch.runtime.rare_modes import Closed
from lambda_punch.runtime.reports import report_lost
from lambda_punch.runtime.spill import Sending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from lambda_punch.runtime.handled import HandledFile
    from lambda_punch.runtime.heir import Heir
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.punch import Punch


class Shutdown:
    """Works the leftovers off, once."""

    def __init__(self, process: Process, file: HandledFile | None) -> None:
        self._process = process
        self._file = file

    def work_off(self, began: float) -> None:
        """Start leftovers, hand the rest over, and name what is lost. ``began``: when SIGTERM came. Raises nothing."""
        process = self._process
        try:
            process.release_all()
            if process.pending:
                alone = self._file is None or not self._file.is_heeded()
                deadlines = Deadlines(began, heir=not alone)
                process.end_at(deadlines.last_end)
                process.drain.shorten(deadlines.last_start)
                sending = Sending.begin(process) if alone and process.spill is not None else None
                process.worker.drain(deadlines.last_start)
                process.become(Closed(process))
                if alone:
                    self._finish_alone(deadlines, sending)
                else:
                    self._leave(deadlines)
        except Exception as error:  # noqa: BLE001 - the process ends in any case
            logger().exception("leftover jobs could not be worked off")
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        process = self._process
        process.become(Closed(process))
        lost = process.queue.clear()
        if process.pending:  # a job runs, so the drain is there
            lost = process.drain.under_way + lost
        report_lost(process, lost, f"the environment was shut down and they could not be worked off: {error}")

    def _finish_alone(self, deadlines: Deadlines, sending: Sending | None) -> None:
        """Wait for the running job while there is time, and name the rest."""
        process = self._process
        process.drain.wait_until_idle(deadlines.last_end)
        unknown = [] if sending is None else sending.finish(deadlines.last_end)
        lost = process.drain.under_way + process.queue.clear() + unknown
        report_lost(process, lost, "the environment was shut down")

    def _leave(self, deadlines: Deadlines) -> None:
        """Hand over what has not been started, between two jobs if there is time, and wait for a running job."""
        process = self._process
        process.drain.wait_until_idle(deadlines.fork)
        punches = self._those_that_can_move(process.queue.clear())
        heir = self._bequeath(punches, process.drain.under_way, deadlines) if punches else None
        process.drain.wait_until_idle(deadlines.last_end)
        if heir is not None:
            heir.begin()
        else:
            report_lost(process, process.drain.under_way, "the environment was shut down")

    def _those_that_can_move(self, punches: list[Punch]) -> list[Punch]:
        """Return the punches that can be run in another process, and report the others as lost."""
        staying = [punch for punch in punches if trait(punch.function, "stays_here") is True]
        reason = (
            "the environment was shut down before they were done, and an event loop cannot go on in another process"
        )
        report_lost(self._process, staying, reason)
        return [punch for punch in punches if punch not in staying] if staying else punches

    def _bequeath(self, punches: list[Punch], running: list[Punch], deadlines: Deadlines) -> Heir | None:
        """Fork the heir; it begins when it is told to, or this process has died.

        The punches have left this process's queue, so none runs twice, whatever happens.
        """
        heir = fork_heir(Estate(punches, running, deadlines), self._process)
        if heir is not None and self._file is not None:
            try:
                self._file.write(_contract.HEIR, int(deadlines.heir_end * 1000), pid=heir.pid)
            except OSError:
                logger().exception("the extension could not be told to wait for leftover jobs")
        return heir
