"""Run punches until none is left or it is too late to start one. Knows no sockets and no Lambda.

One drain at a time: a second caller waits for the first to end. What is pushed while it runs belongs to it. A job that
raises anything is reported, and the next one runs. A drain does not end while one of its jobs runs, however late it is,
so callers that cannot wait that long do not wait for it here.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Awaitable
from types import AsyncGeneratorType, GeneratorType

from lambda_punch import _events, _settings
from lambda_punch._log import logger
from lambda_punch.runtime import threads
from lambda_punch.runtime.clock import now
from lambda_punch.runtime.crew import Crew
from lambda_punch.runtime.forks import end_child
from lambda_punch.runtime.punch import Punch, opened, trait
from lambda_punch.runtime.reports import report_failure
from lambda_punch.runtime.spill import watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from typing import Any, Protocol, TypeAlias

    from lambda_punch.runtime.around import Around, Hook
    from lambda_punch.runtime.background_loop import BackgroundLoop
    from lambda_punch.runtime.punch import Waiting
    from lambda_punch.runtime.reports import Told
    from lambda_punch.runtime.spill import Source
    from lambda_punch.runtime.tasks import Tasks

    class Owner(Source, Told, Protocol):
        """Whose punches are run: the process."""

        @property
        def loop(self) -> BackgroundLoop:
            """Runs what is awaited."""

        @property
        def tasks(self) -> Tasks:
            """What is begun on event loops."""

        @property
        def hooks(self) -> list[Hook]:
            """What is entered round each job."""

    Drained: TypeAlias = tuple[int, int, int]
    """What one drain did: jobs run, how many of these failed, jobs that still wait."""

BESIDE = 0.0002
"""Seconds for which a job may keep the interpreter from other threads (Python's own: 0.005).

A job that was frozen while it ran goes on beside the next request. The request's thread waits this long each time it
comes back from a system call. It makes no difference while no other thread wants to run.
"""

HOLDS = 3
"""Invokes at whose ends the environment is held for one job: its own, and those after it in which it still runs."""


class Drain:
    """Takes punches from its owner's queue and runs them, as many at a time as the option ``workers`` says."""

    def __init__(self, owner: Owner) -> None:
        self.until = 0.0  # epoch seconds
        self._owner = owner
        self._queue = owner.queue
        self._one_at_a_time = threading.Lock()
        self._times: _events.PunchesRan | None = None
        self._forked = False  # whether this is the drain of the parent, seen from a child that a job has forked
        self._running: dict[int, Waiting | None] = {}  # by thread; None: it is about to take one
        self._ends = False
        self._limit: float | None = None
        self._held = 0  # how many responses in a row found this drain with a job of an earlier one
        self._left_behind: list[dict[int, Waiting | None]] = []  # what threads run that nobody waits for any more
        self._crew = Crew(threads.WORKER)
        self._named: list[Punch] = []  # what was named as overdue and still runs

    @property
    def busy(self) -> bool:
        """Whether a job runs at this moment, or has left the queue to be run."""
        return bool(self._running)

    @property
    def under_way(self) -> list[Punch]:
        """The punches that run at this moment, those that were left behind as well."""
        crews = [*self._left_behind, self._running]
        return [opened(waiting) for crew in crews for waiting in crew.copy().values() if waiting is not None]

    def wait_until_idle(self, until: float) -> bool:
        """Wait for the end of the drain that runs, if one does, up to ``until`` (epoch seconds); True if idle."""
        idle = self._one_at_a_time.acquire(timeout=max(0.0, until - now()))
        if idle:
            self._one_at_a_time.release()
        return idle

    def shorten(self, until: float) -> None:
        """Let the drain that runs start nothing at or after ``until`` (epoch seconds): the environment ends."""
        self.until = until
        self._ends = True

    def note_overdue(self) -> bool:
        """Note that jobs of an earlier response still run, and name them; True if it is time to leave them behind."""
        if not self.busy:
            return False
        self._held += 1
        self.name_overdue()
        if self._held < HOLDS:
            return False
        logger().error(
            "the environment was held %d times for %s and is held for it no more, so the jobs behind it run now; end such "
            "jobs with job_timeout or time_limit()",
            HOLDS, ", ".join(opened(waiting).name for waiting in self._running.copy().values() if waiting is not None),
        )  # fmt: skip
        return True

    def leave_behind(self) -> None:
        """Stop waiting for the jobs that run now: the next drain starts beside them, with the jobs that wait.

        Their threads end when the jobs do. They are named again if they are lost.
        """
        self._left_behind = [crew for crew in self._left_behind if crew]
        self._left_behind.append(self._running)
        self._running = {}
        self._one_at_a_time = threading.Lock()
        self._held = 0

    def note_fork(self) -> None:
        """Note, in a forked child, that it must not go on with this drain."""
        self._forked = True

    def name_overdue(self, punches: list[Punch] | None = None) -> None:
        """Write a line for each of these jobs, by default those that run, as their invoke is over; once for each job."""
        for punch in self.under_way if punches is None else punches:
            if punch not in self._named and not trait(punch.function, "tells_itself"):
                self._named.append(punch)
                logger().error(
                    "job %s of request %s outlasted its invoke; it can be frozen while it runs, and then goes on at the "
                    "next invoke or at the shutdown", punch.name, punch.request_id or "-",
                )  # fmt: skip

    def run(self, until: float) -> Drained:
        """Run what is released; start nothing at or after ``until`` (epoch seconds). Never raises."""
        with self._one_at_a_time:
            self.until = until
            self._limit = _settings.current().job_timeout
            self._held = 0
            self._times = _events.PunchesRan([], [], 0) if _events.of_punches() else None
            before = sys.getswitchinterval()
            if before > BESIDE:
                sys.setswitchinterval(BESIDE)
            try:
                leftovers = watch(self._owner, until)
                ran, failed = self._work_with_helpers()
                if leftovers is not None:
                    leftovers.end(self.until)
            finally:
                if before > BESIDE:
                    sys.setswitchinterval(before)
            if self._times is not None and ran:
                self._times.failed = failed
                _events.tell(self._times)
            return ran, failed, len(self._queue)

    def _work_with_helpers(self) -> tuple[int, int]:
        counts: list[tuple[int, int]] = []
        helpers = []
        for _ in range(min(_settings.current().workers, len(self._queue)) - 1):
            try:
                helpers.append(self._crew.start(lambda: counts.append(self.work())))
            except RuntimeError as error:  # the system refuses
                logger().error(
                    "jobs run on %d threads at a time, because the system refuses more: %s", len(helpers) + 1, error
                )
                break
        counts.append(self.work())
        for helper in helpers:
            helper.join()  # it ends with its job, as this thread's own does
        return sum(ran for ran, _ in counts), sum(failed for _, failed in counts)

    def work(self) -> tuple[int, int]:
        """Run punches on this thread until there is none to take; return how many ran and how many of them failed."""
        ran = failed = 0
        take, running, thread, hooks = self._queue.take, self._running, threading.get_ident(), self._owner.hooks
        waiting: Waiting | None = None
        running[thread] = None
        try:
            while (began := now()) < self.until and running is self._running:
                if (waiting := take()) is None:
                    break
                running[thread] = waiting
                ran += 1
                function, args, keywords, _, _, context, number, _ = (
                    waiting  # to make a Punch takes as long as the rest
                )
                if hooks:
                    failed += self._run_within(opened(waiting))
                else:
                    failed += self._run(function, args, keywords, context, waiting)
                running[thread] = None
                if number:
                    self._owner.settle(number)
                if self._times is not None:
                    self._times.add(began, now(), self._queue.released_at)
        except BaseException as error:  # a trace function that raises here, say
            if (broken := running.pop(thread, None)) is not None:
                report_failure(self._owner, error, opened(broken))
            raise
        if waiting is not None and not self._ends:  # the time was over when it had ended
            self.name_overdue([opened(waiting)])
        del running[thread]
        if self._named:
            self._named = [each for each in self._named if each in self.under_way]
        return ran, failed

    def _run(
        self, function: Callable[..., Any], args: tuple[Any, ...], keywords: dict[str, Any] | None, context: Context,
        waiting: Waiting,
    ) -> bool:  # fmt: skip
        """Run one; report what it raises; return whether it failed. Raises nothing."""
        try:
            if self._limit is not None:
                function = _limited(function, self._limit)
            result = context.run(function, *args, **keywords) if keywords else context.run(function, *args)
            if result is not None:
                self._finish(result, opened(waiting))
        except BaseException as error:  # noqa: BLE001 - a job may raise anything, SystemExit included
            self._fail(error, opened(waiting))
            return True
        if self._forked:
            end_child(None)
        return False

    def _fail(self, error: BaseException, punch: Punch) -> None:
        if self._forked:
            end_child(error, punch.name)
        report_failure(self._owner, error, punch)

    def _run_within(self, punch: Punch) -> bool:
        """Do the same inside the managers of the hooks."""
        from lambda_punch.runtime.around import Around

        around = Around(self._owner.hooks, punch, punch.within)
        errors: list[BaseException] = []

        def report(error: BaseException) -> None:
            errors.append(error)
            self._fail(error, punch)

        try:
            function = punch.function if self._limit is None else _limited(punch.function, self._limit)
            result = punch.within(function, *punch.args, **punch.kwargs)
            if result is not None:
                self._finish(result, punch, around, report)
        except BaseException as error:  # noqa: BLE001 - as above
            report(error)
        around.leave(punch, errors[0] if errors else None)
        if self._forked:
            end_child(None)
        failed = bool(errors)
        errors.clear()  # each holds this frame, and so itself
        return failed

    def _finish(
        self,
        result: object,
        punch: Punch,
        around: Around | None = None,
        report: Callable[[BaseException], None] | None = None,
    ) -> None:
        """Await what a job returned, if it can be awaited; refuse a generator, whose body has not run."""
        if isinstance(result, Awaitable):
            if around is not None and around.awaits and report is not None:
                result = around.awaited(result, report)
            if punch.loop is None:
                self._owner.loop.run(result, punch.context)
            else:
                self._owner.tasks.run_pushed(result, punch)
        elif isinstance(result, (GeneratorType, AsyncGeneratorType)):
            raise TypeError("a generator function was pushed, and none of it ran; push a plain or an async function")


def _limited(function: Callable[..., object], seconds: float) -> Callable[..., object]:
    from lambda_punch.runtime.time_limit import limited

    return limited(function, seconds)
