"""What push(), handled() and the end of a response mean: one class for each situation of a process.

| mode            | who becomes it, and when                          | push                          | handled         | after the response                            | at SIGTERM, or the exit         |
| --------------- | ------------------------------------------------- | ----------------------------- | --------------- | --------------------------------------------- | ------------------------------- |
| Starting        | every process at its import; a forked child       | starts, then as the new mode  | as push         | as the new mode                               | -                               |
| BeforeRestore   | start() before a SnapStart snapshot               | waits                         | is checked      | nothing; the restore makes it another mode    | -                               |
| WithExtension   | start() on Lambda, the extension is there         | waits, is in the ledger       | is checked (*)  | a record tells the extension, which holds     | worked off, the rest by an heir |
| Alone           | start() on Lambda without the extension; WithExtension, when the extension fails it | waits | is checked (*)  | the main thread waits for the drain, to the margin | worked off while there is time |
| OnMainThread    | start() on Lambda where gevent or eventlet has replaced threads; WithExtension and Alone, when that happens later | waits | is checked (*)  | the main thread runs the punches | -                 |
| Unheld          | start() on Managed Instances, or on Lambda under another runtime client without the extension | waits | is checked (*)  | a thread drains; nobody waits        | worked off while there is time  |
| Outside         | start() off Lambda, also in forked children there | runs at once on a thread   | nothing         | nothing                                       | waits for them as it exits      |
| Closed          | a shutdown that has taken what was left           | raises ShutDownError          | nothing         | nothing                                       | -                               |
| Inheriting      | the heir (heir.py)                                | waits for the heir's drain    | nothing         | nothing                                       | Closed, at its end              |
| Inline, Recording | testing's context managers, which also end them  | runs at once; is kept         | nothing         | nothing                                       | -                               |
| Within          | start() in a child forked on Lambda; `lambda-punch local --compare`'s runtime | runs before push() returns    | nothing         | nothing                                       | -                               |

(*) Under a runtime client that is not awslambdaric, only handled() tells when a request is done, so it takes the place of
the posted response. start() does something in Starting only.
"""

from __future__ import annotations

import _thread

from lambda_punch import _contract, _settings
from lambda_punch._log import logger
from lambda_punch.runtime import threads
from lambda_punch.runtime.clock import now
from lambda_punch.runtime.process import Mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from lambda_punch.runtime.drain import Drained
    from lambda_punch.runtime.handled import HandledFile
    from lambda_punch.runtime.process import Process
    from lambda_punch.runtime.punch import Waiting
    from lambda_punch.runtime.server import DrainServer

_MISSES = 2  # announcements in a row that the extension did not answer, after which it is given up


class Starting(Mode):
    """Not started yet. The first push, handled or start() starts, under one lock; the new mode is published once."""

    __slots__ = ("_begin", "_begun", "_lock")

    def __init__(self, process: Process, begin: Callable[[Process], Mode]) -> None:
        """``begin`` finds out where the process is and returns the mode for it."""
        super().__init__(process)
        self._begin = begin
        self._begun = False
        self._lock = _thread.RLock()
        self.enter = self._start_and_enter
        self.submit = self._start_and_submit

    def start(self) -> None:
        """Become the mode that ``begin`` returns. Other threads wait meanwhile."""
        with self._lock:
            if not self._begun:  # else it is done, or this very thread is doing it (a log handler pushes, say)
                self._begun = True
                self._process.become(self._begin(self._process))

    def handled(self, context: Any) -> None:
        """Start, then do what the new mode does."""
        self.start()
        if self._process.mode is not self:
            self._process.mode.handled(context)

    def after_response(self) -> None:
        """Do what the new mode does, if there is one by now."""
        if self._process.mode is not self:
            self._process.mode.after_response()

    def _start_and_enter(self, function: Callable[..., Any]) -> int:
        self.start()
        return 0 if self._process.mode is self else self._process.mode.enter(function)

    def _start_and_submit(self, waiting: Waiting) -> None:
        self.start()
        if self._process.mode is self:
            self._process.queue.add(waiting)
        else:
            self._process.mode.submit(waiting)


class OnLambda(Mode):
    """What the modes on Lambda share: a punch waits for its response, and handled() depends on the runtime client."""

    __slots__ = ("_directory", "_watched")

    defers = True
    freezes = True

    def __init__(self, process: Process, *, watched: bool, directory: str = "") -> None:
        """``watched``: whether the runtime client says when a response is out. ``directory``: the ledger's."""
        super().__init__(process)
        self._watched = watched
        self._directory = directory
        if process.ledger is not None:
            self.enter = process.ledger.enter
        elif directory:
            self.enter = self._open_ledger

    def handled(self, context: Any) -> None:
        """End the response. If the runtime client tells when that is, only check that the context is Lambda's."""
        request_id = getattr(context, "aws_request_id", None)
        if request_id is None:
            kind = type(context).__name__  # not the value itself, which may be the event
            logger().warning("handled() got a %s; pass the context that Lambda gave to the handler", kind)
        if not self._watched:
            self._process.note(str(request_id or ""), _until_ms_of(context))
            self._process.respond()

    def _open_ledger(self, function: Callable[..., Any]) -> int:
        """Make the ledger at the first push: a function that pushes nothing does not pay for it."""
        from lambda_punch.runtime.ledger import Ledger

        process = self._process
        with process.making:
            ledger = process.ledger
            if ledger is None:
                try:
                    ledger = Ledger(self._directory)
                except (OSError, AttributeError) as error:  # no room, or a system without posix_fallocate
                    logger().error(
                        "no ledger of jobs, so jobs that are lost when this process is killed are not named: %s", error
                    )
                    ledger = Ledger(None)
                process.keep(ledger)
            self.enter = ledger.enter
        return self.enter(function)


class Alone(OnLambda):
    """The main thread waits for the drain before it asks for the next event; the caller has its answer by then."""

    __slots__ = ()

    def after_response(self) -> None:
        """Have the punches run. Return when they are done or when the margin begins, even if one still runs."""
        process = self._process
        if process.pending:
            process.get_ready_to_end()
            if library := threads.replaced_by():
                process.become(on_main_thread(process, library, watched=self._watched))
                process.mode.after_response()
            elif not process.worker.drain(process.until):
                process.leave_overdue()


class OnMainThread(OnLambda):
    """There are no real threads: the main thread runs the punches itself before it asks for its next event.

    None is started in the margin. One that runs into it is not left: the function can time out because of it.
    """

    __slots__ = ()

    def after_response(self) -> None:
        """Run the punches."""
        process = self._process
        if process.pending:
            process.get_ready_to_end()
            process.drain.run(process.until)


def on_main_thread(process: Process, library: str, *, watched: bool) -> OnMainThread:
    """Return the mode for a process in which a library has replaced threads, and log it."""
    logger().error(
        "%s has replaced threads, so jobs run on the main thread after the response, without the extension and without "
        "its shutdown; patch_all(thread=False) leaves threads as they are",
        library,
    )
    return OnMainThread(process, watched=watched)


class WithExtension(OnLambda):
    """Each handled request is announced to the extension, which asks for a drain if punches wait.

    If the extension does not ask, the punches of the next response are drained as in Alone. After two such misses in a
    row all are, and also if the announcement cannot be written, or if nobody reads it any more.
    """

    __slots__ = ("_announced", "_asked", "_file", "_misses", "_server")

    is_asked = True

    def __init__(self, process: Process, file: HandledFile, directory: str, *, watched: bool, heard: bool) -> None:
        """``heard``: whether the extension knows of this process in time to wait for its next announcement."""
        super().__init__(process, watched=watched, directory=directory)
        self._file = file
        self._server: DrainServer | None = None
        self._announced = ""
        self._asked = heard
        self._misses = 0
        file.write(_contract.READY)

    def after_response(self) -> None:
        """Write the record: this request is handled, and whether punches wait."""
        process = self._process
        try:
            if process.leave_overdue() and self._server is not None:
                self._server.retire()
                self._server = None
                self._asked = True
            if not process.pending or now() >= process.until:
                self._write(_contract.EMPTY)  # also in the margin: nothing starts, and the extension may have left
            elif library := threads.replaced_by():
                self._file.remove()
                process.become(on_main_thread(process, library, watched=self._watched))
                process.mode.after_response()
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
        self._process.get_ready_to_end()
        self._announced = self._process.request_id or _contract.ANY_REQUEST
        self._write(_contract.JOBS)
        if self._server is None and self._process.mode is self:
            from lambda_punch.runtime.server import DrainServer

            server = DrainServer(self._directory, self.drain, self._on_failure)
            server.start()
            self._server = server

    def _write(self, state: str) -> None:
        process = self._process
        if not self._file.write(state, process.until_ms, process.request_id or _contract.ANY_REQUEST):
            self._give_up("the handled-file has been removed")

    def _miss(self) -> None:
        self._misses += 1
        self._alone().after_response()
        if self._misses >= _MISSES:
            self._give_up("the extension does not ask for the jobs announced to it")
        else:
            self._asked = True
            self._write(_contract.EMPTY)

    def drain(self, request_id: str, until: float) -> Drained | None:
        """Drain as the extension asks, on the drain server's thread; None for a request that was not announced."""
        if request_id != self._announced:
            return None
        self._asked = True
        self._misses = 0
        return self._process.drain.run(min(until, self._process.until))

    def _on_failure(self) -> None:
        """Go on without the extension. It waits for a drain, so run that first and then let it go."""
        self._process.become(self._alone())
        try:
            self._process.drain.run(self._process.until)
        finally:
            self._file.remove()  # or it would wait for a record at each later invoke

    def _give_up(self, reason: str) -> None:
        self._file.remove()
        logger().error("the extension is not used any more, jobs run without it: %s", reason)
        alone = self._alone()
        self._process.become(alone)
        alone.after_response()

    def _alone(self) -> Alone:
        return Alone(self._process, watched=self._watched, directory=self._directory)


def until_ms(deadline_ms: int) -> int:
    """Return when the margin before a deadline begins; both in epoch milliseconds."""
    return max(0, deadline_ms - int(_settings.current().margin * 1000))


def _until_ms_of(context: Any) -> int:
    """Return when the margin of a context's request begins, 0 if the context does not tell."""
    try:
        return until_ms(int(now() * 1000) + int(context.get_remaining_time_in_millis()))
    except Exception:  # noqa: BLE001 - any kind of context; the extension knows the deadline too
        return 0
