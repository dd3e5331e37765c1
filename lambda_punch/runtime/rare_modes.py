"""The modes that a function on Lambda needs seldom, at its end, or never. modes.py has the table of all modes.

They have a file of their own because each cold start loads modes.py.
"""

from __future__ import annotations

from lambda_punch.runtime.clock import now
from lambda_punch.runtime.modes import OnLambda
from lambda_punch.runtime.process import FOREVER, Mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.runtime.ledger import Ledger
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.punch import Waiting


class BeforeRestore(OnLambda):
    """With SnapStart, until the snapshot is restored: the library makes no thread, open file or signal handler."""

    __slots__ = ()

    freezes = False


class Unheld(OnLambda):
    """A thread drains while the next request may be handled already."""

    __slots__ = ("freezes",)

    def __init__(self, process: Process, *, watched: bool, directory: str = "", freezes: bool = False) -> None:
        super().__init__(process, watched=watched, directory=directory)
        self.freezes = freezes

    def after_response(self) -> None:
        """Start a drain."""
        if self._process.pending:
            self._process.get_ready_to_end()
            self._process.worker.request(FOREVER)


class AtOnce(Mode):
    """What Outside and Within share: a punch waits for no response. ``have_run`` has what is queued run."""

    __slots__ = ()

    def __init__(self, process: Process, have_run: Callable[[], object]) -> None:
        super().__init__(process)
        process.release_all()

        def submit(waiting: Waiting) -> None:
            process.queue.add(waiting)
            have_run()

        self.submit = submit


class Outside(AtOnce):
    """Not on Lambda: a thread runs each punch as soon as it is pushed."""

    __slots__ = ()

    def __init__(self, process: Process) -> None:
        super().__init__(process, lambda: process.worker.request(FOREVER))

    def wait(self, timeout: float) -> None:
        """Wait for the punches, at most ``timeout`` seconds; those that come later are run as well."""
        if self._process.pending:
            self._process.worker.drain(now() + timeout)

    def finish(self, timeout: float) -> None:
        """Wait for the punches as the process exits, at most ``timeout`` seconds; say what is lost."""
        process = self._process
        if process.pending:
            from lambda_punch.runtime.reports import report_lost
            from lambda_punch.runtime.spill import Sending

            until = now() + timeout
            process.worker.drain(until)
            if len(process.queue) and not process.drain.busy:  # the system refused a thread
                process.drain.run(until)
            unknown = Sending.begin(process).finish(until) if process.spill is not None else []
            process.become(Closed(process))
            lost = process.drain.under_way + process.queue.clear() + unknown
            report_lost(process, lost, f"the process exited after {timeout:g} s of waiting (exit_timeout)")


class Within(AtOnce):
    """A punch runs before push() returns, but one that a job pushes runs after that job. Errors are reported."""

    __slots__ = ()

    def __init__(self, process: Process) -> None:
        super().__init__(process, lambda: process.drain.busy or process.drain.run(FOREVER))


class Closed(Mode):
    """The process ends, and its leftovers have been taken. A push is refused."""

    __slots__ = ()

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.submit = _refuse


class Inheriting(Mode):
    """In the heir: its own drain runs what its jobs push, while there is time."""

    __slots__ = ()

    freezes = True

    def __init__(self, process: Process, ledger: Ledger | None) -> None:
        super().__init__(process)
        process.release_all()
        if ledger is not None:
            process.keep(ledger)
            self.enter = ledger.enter


def _refuse(waiting: Waiting) -> None:
    from lambda_punch.errors import ShutDownError
    from lambda_punch.runtime.punch import opened

    name = opened(waiting).name
    raise ShutDownError(
        f"{name} was pushed after the shutdown of this environment, so it will not run; for work that must be done, "
        "enqueue a durable job"
    )
