"""Context managers that users want round each job: entered in the job's context before it, and left after it.

A hook is called with the job (a Punch, or the Execution of a durable job) and returns a context manager, or None for
nothing. ``__enter__`` is called on the job's thread, round the call and whatever is awaited of it; ``__aenter__`` on the
event loop, round what is awaited, in the same task. A manager that has both is entered in both places. One that has only
``__aenter__`` is not entered round a plain function, because nothing is awaited there; that is logged once. Hooks are entered
in the order added and left in the opposite one. The report of a failure is made inside them. A hook that raises is
logged, and the job runs without it. What ``__exit__`` returns is ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from lambda_punch._log import logger
from lambda_punch.runtime.punch import name_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from contextlib import AbstractAsyncContextManager, AbstractContextManager
    from typing import TypeAlias

    class Job(Protocol):
        """What a hook gets to know of a job: at least its name."""

        @property
        def name(self) -> str:
            """The name under which the log has it."""

    Manager: TypeAlias = AbstractContextManager[Any] | AbstractAsyncContextManager[Any] | None
    Hook: TypeAlias = Callable[[Any], Manager]
    Run = Callable[..., Any]

_told: set[str] = set()


class Around:
    """The context managers of one run of one job. ``run`` calls a function in the job's context."""

    def __init__(self, hooks: Sequence[Hook], job: Job, run: Run) -> None:
        """Enter what can be entered on this thread; raises nothing."""
        self._run = run
        self._entered: list[Any] = []
        self._awaiting: list[Any] = []
        for hook in hooks:
            try:
                manager = run(hook, job)
                if hasattr(manager, "__enter__"):
                    run(manager.__enter__)
                    self._entered.append(manager)
                if hasattr(manager, "__aenter__"):
                    self._awaiting.append(manager)
                elif manager is not None and not hasattr(manager, "__enter__"):
                    _tell_of_no_manager(hook, manager)
            except BaseException:  # noqa: BLE001 - a hook must not break the job, nor end the drain
                _log_failure(hook)

    @property
    def awaits(self) -> bool:
        """Whether there are managers that can only be entered on the loop."""
        return bool(self._awaiting)

    async def awaited(
        self, awaitable: Awaitable[Any], report: Callable[[BaseException], object] | None = None
    ) -> BaseException | None:
        """Await inside the asynchronous managers, and give what is raised to ``report`` inside them, too.

        Returns what was raised; raises nothing.
        """
        entered = []
        for manager in self._awaiting:
            try:
                await manager.__aenter__()
                entered.append(manager)
            except BaseException:
                if _is_cancelled():
                    raise
                _log_failure(manager)
        error = None
        try:
            await awaitable
        except BaseException as raised:  # noqa: BLE001 - a job may raise anything
            error = raised
            if report is not None:
                report(raised)
        for manager in reversed(entered):
            try:
                await manager.__aexit__(type(error) if error else None, error, error.__traceback__ if error else None)
            except BaseException as raised:  # noqa: BLE001 - as above
                if raised is not error:
                    _log_failure(manager)
        self._awaiting = []
        try:
            return error
        finally:
            del error  # it holds this frame

    def leave(self, job: Job, error: BaseException | None) -> None:
        """Leave the managers, with the job's error if it has one; raises nothing."""
        if not all(hasattr(manager, "__enter__") for manager in self._awaiting) and job.name not in _told:
            _told.add(job.name)
            logger().error(
                "an around_job hook returned an asynchronous context manager, which cannot be entered round %s, a plain "
                "function; return one that has __enter__, too", job.name,
            )  # fmt: skip
        for manager in reversed(self._entered):
            try:
                self._run(
                    manager.__exit__, type(error) if error else None, error, error.__traceback__ if error else None
                )
            except BaseException as raised:  # noqa: BLE001 - as above
                if raised is not error:
                    _log_failure(manager)


def _is_cancelled() -> bool:
    """Tell whether the task that runs is being cancelled, from CPython 3.11 on: then a CancelledError is not a hook's own."""
    import asyncio

    task = asyncio.current_task()
    cancelling = getattr(task, "cancelling", None)
    return bool(cancelling and cancelling())


def _tell_of_no_manager(hook: Hook, manager: object) -> None:
    if name_of(hook) not in _told:
        _told.add(name_of(hook))
        logger().error(
            "the around_job hook %s returned %s, which is not a context manager, so nothing was entered round the job",
            name_of(hook), type(manager).__name__,
        )  # fmt: skip


def _log_failure(hook: object) -> None:
    logger().exception("the around_job hook %s failed; the job itself is not affected", name_of(hook))
