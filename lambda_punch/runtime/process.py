"""The one process-wide state: which request is handled, what waits, and in which mode the process is.

``sequence`` numbers the requests of this process; a punch carries the number that was current when it was pushed, and
is released when the response of that request is out. The mode decides what push(), handled() and the end of a
response mean (modes.py). Only ``become`` changes it, by one assignment, so a thread that pushes meanwhile sees the old
mode or the new one, never parts of both.

Threads: punches may be pushed from any thread; requests begin and end on the runtime's main thread. A forked child
starts with an empty queue: what waits is the parent's.
"""

from __future__ import annotations

import _thread
import sys
from _contextvars import copy_context  # its wrapper in Python, contextvars, adds nothing but a file

from lambda_punch.runtime.clock import now
from lambda_punch.runtime.queue import ALL, PunchQueue

FOREVER = float("inf")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    from lambda_punch.runtime.around import Hook
    from lambda_punch.runtime.background_loop import BackgroundLoop
    from lambda_punch.runtime.drain import Drain
    from lambda_punch.runtime.ledger import Ledger
    from lambda_punch.runtime.punch import Punch, Waiting
    from lambda_punch.runtime.spill import Spill
    from lambda_punch.runtime.tasks import Tasks
    from lambda_punch.runtime.worker import Worker

    ErrorHandler = Callable[[BaseException, Punch], Any]
    P = ParamSpec("P")
    R = TypeVar("R")
    LostHandler = Callable[[list[Punch], str], Any]
    Route = Callable[[Any], Callable[..., Any] | None]  # from an event to its handler, if that is not the user's own


class Mode:
    """What push(), handled() and the end of a response mean. In this one a punch waits, and nothing else happens.

    Those that a process can be in are in modes.py. ``enter`` notes a function in the ledger and returns the number
    of the entry, 0 for none; ``submit`` takes the punch. They are attributes and not methods, because push() is on the
    path of a response.
    """

    __slots__ = ("_process", "enter", "submit")

    defers = False
    """Whether a punch waits for the response of the request being handled."""
    is_asked = False
    """Whether the extension asks for the drains, by ZeroMQ."""
    freezes = False
    """Whether the environment may freeze when the margin of a request begins."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.enter: Callable[[Callable[..., Any]], int] = no_entry
        self.submit: Callable[[Waiting], object] = process.queue.add

    def start(self) -> None:
        """Nothing: the process has started."""

    def handled(self, context: Any) -> None:
        """Nothing: there is nobody to tell."""

    def after_response(self) -> None:
        """Nothing: nobody waits for what was pushed."""

    def wait(self, timeout: float) -> None:
        """Nothing: on Lambda the environment waits for its jobs."""


def no_entry(_function: object) -> int:
    """Stand in for a ledger."""
    return 0


def _checked(where: str, function: Any, *, manager: bool = False) -> Any:
    from lambda_punch.runtime.misuse import checked

    return checked(where, function, manager=manager)


class Process:
    """State of this process; there is one, runtime.start.process. Only this file and modes.py assign to it."""

    def __init__(self, first: Callable[[Process], Mode]) -> None:
        """``first`` makes the mode in which a process begins."""
        self._first = first
        self.error_handler: ErrorHandler | None = None
        self.lost_handler: LostHandler | None = None
        self.hooks: list[Hook] = []
        self.route: Route | None = None
        self.spill: Spill | None = None
        self.measured = False
        self.forked = False
        self._started = False
        self.reset()

    def fork(self) -> None:
        """Begin anew in a forked child. If the parent was started, only the parent works with Lambda."""
        self.forked = self.forked or self._started
        for part in (self._drain, self._loop):
            if part is not None:  # the child may have been forked while it ran
                part.note_fork()
        self.reset()

    def reset(self) -> None:
        """Begin anew, with an empty queue, in the first mode; for forked children and tests."""
        self.making = _thread.RLock()
        self.queue = PunchQueue()
        self.sequence = 0
        self.request_id = ""
        self.until_ms = 0
        self.ledger: Ledger | None = None
        self.running_loop: Callable[[], AbstractEventLoop | None] | None = None
        self._load_the_end: Callable[[], object] | None = None
        self._drain: Drain | None = None
        self._worker: Worker | None = None
        self._loop: BackgroundLoop | None = None
        self._tasks: Tasks | None = None
        self._started = False
        self.mode: Mode = self._first(self)

    def become(self, mode: Mode) -> None:
        """Change the mode; what is pushed, handled or answered from now on is the new one's."""
        self._started = True
        self.mode = mode

    # -- a request ----------------------------------------------------------------------------------------------------

    def push(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Callable[P, R]:
        """Have ``function(*args, **kwargs)`` called after the response of the request now being handled.

        Returns the function, so that ``@punch.push`` can stand above a ``def`` without arguments. An ``async def``
        function is awaited on the event loop on which it was pushed, if that is open then, or else on one that lives as
        long as the process. The job sees the context variables as they are at this moment. May be called from any
        thread; takes well under a microsecond and never blocks. Off Lambda a background thread runs the job at once. In
        a forked child the queue begins empty. Raises NotCallableError for anything that cannot be called (a coroutine
        object, say: push the function, not its result), and ShutDownError when the environment is shutting down.
        """
        if not callable(function):
            from lambda_punch.runtime.misuse import not_callable

            raise not_callable(function)
        mode = self.mode
        number = mode.enter(function)
        running = self.running_loop
        loop = running and running()
        mode.submit((function, args, kwargs or None, self.request_id, self.sequence, copy_context(), number, loop))
        return function

    def push_for(self, sequence: int, function: Callable[[], Any], request_id: str | None = None) -> None:
        """Push on behalf of another request, by its number (and id): for one whose response is out, say."""
        mode = self.mode
        number = mode.enter(function)
        request_id = self.request_id if request_id is None else request_id
        mode.submit((function, (), None, request_id, sequence, copy_context(), number, None))

    def begin(self, request_id: str, until_ms: int) -> None:
        """Note that a request has arrived; ``until_ms`` (epoch) is its deadline less the margin, 0 if unknown."""
        self.sequence += 1
        if self.running_loop is None and (module := sys.modules.get("_asyncio")) is not None:
            self.running_loop = module._get_running_loop  # noqa: SLF001 - what asyncio itself asks; 0.02 us
        self.request_id = request_id
        self.until_ms = until_ms

    def note(self, request_id: str, until_ms: int) -> None:
        """Note which request has been handled, if nothing told when it arrived."""
        self.request_id = request_id
        self.until_ms = until_ms

    def respond(self) -> None:
        """Release the punches of the request whose response is out, and let the mode have them run."""
        self.queue.released = self.sequence
        if self.measured:
            self.queue.released_at = now()
        self.mode.after_response()

    def release_all(self) -> None:
        """Release every punch, also of a request that will never be answered: nobody waits, or the environment ends."""
        self.queue.released = ALL

    @property
    def until(self) -> float:
        """When the margin before the request's deadline begins, in epoch seconds; infinite if unknown."""
        return self.until_ms / 1000 if self.until_ms else FOREVER

    def remaining_time(self) -> float:
        """Return the seconds until the environment may freeze or end; infinite where it does not."""
        until = self.until if self.mode.freezes else FOREVER
        if until == FOREVER and self._drain is not None:
            until = self._drain.until
        return until if until == FOREVER else max(0.0, until - now())

    def end_at(self, until: float) -> None:
        """Note that the environment ends at this time (epoch seconds)."""
        self.until_ms = int(until * 1000)

    # -- handlers and hooks, of users and of the layers above ---------------------------------------------------------

    def on_error(self, handler: ErrorHandler | None) -> None:
        """Give errors of punches to this handler; the last one set is used. None: write them into the log again."""
        self.error_handler = None if handler is None else _checked("error_handler()", handler)

    def on_lost(self, handler: LostHandler) -> None:
        """Give punches that are lost to this handler; the last one set is used."""
        self.lost_handler = _checked("on_lost()", handler)

    def around(self, hook: Hook) -> None:
        """Enter this hook's context manager round each job; one that is there already is not added again."""
        if _checked("around_job()", hook, manager=True) not in self.hooks:
            self.hooks.append(hook)

    def take_up_jobs(self, route: Route, spill: Spill) -> None:
        """Serve durable jobs: ``route`` knows their events, ``spill`` sends those that would be lost. Idempotent."""
        self.route, self.spill = route, spill

    def measure(self) -> None:
        """Note from now on when responses go out."""
        self.measured = True

    def ends_by(self, load: Callable[[], object]) -> None:
        """Have ``load`` called behind the first response with jobs: at the end there may be no descriptor left for it."""
        self._load_the_end = load

    def get_ready_to_end(self) -> None:
        """Load the modules that work leftovers off."""
        if self._load_the_end is not None:
            load, self._load_the_end = self._load_the_end, None
            load()

    # -- the parts, made when they are needed -------------------------------------------------------------------------

    def keep(self, ledger: Ledger) -> None:
        """Have punches noted in ``ledger``, and settled there when they are done."""
        self.ledger = ledger

    def settle(self, number: int) -> None:
        """Settle a punch by its entry in the ledger; number 0 has none."""
        if number and self.ledger is not None:
            self.ledger.settle(number)

    @property
    def pending(self) -> bool:
        """Whether punches wait or run."""
        return bool(len(self.queue)) or (self._drain is not None and self._drain.busy)

    def leave_overdue(self) -> bool:
        """Name the jobs that still run although their invoke is over. If that goes on, leave them and return True."""
        if self._drain is None or not self._drain.note_overdue():
            return False
        self._drain.leave_behind()
        self._worker = None
        return True

    @property
    def loop(self) -> BackgroundLoop:
        """The asyncio loop of this process, for jobs and asynchronous handlers."""
        with self.making:
            if self._loop is None:
                from lambda_punch.runtime.background_loop import BackgroundLoop

                self._loop = BackgroundLoop()
            return self._loop

    @property
    def tasks(self) -> Tasks:
        """What requests have begun on event loops by themselves."""
        with self.making:
            if self._tasks is None:
                from lambda_punch.runtime.tasks import Tasks

                self._tasks = Tasks(self)
            return self._tasks

    @property
    def drain(self) -> Drain:
        """The drain of the queue, made at the first punches."""
        with self.making:
            if self._drain is None:
                from lambda_punch.runtime.drain import Drain

                self._drain = Drain(self)
            return self._drain

    @property
    def worker(self) -> Worker:
        """The thread that drains without being asked by the extension."""
        with self.making:
            if self._worker is None:
                from lambda_punch.runtime.worker import Worker

                self._worker = Worker(self.drain)
            return self._worker
