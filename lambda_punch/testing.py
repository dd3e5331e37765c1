"""Test code that pushes jobs: run them at once, or record them. Needs neither Lambda nor the extension.

    def test_order_sends_mail():
        with recorded() as jobs:
            handler(order, None)

        assert [job.name for job in jobs] == ["shop.mail.send"]

Both replace what push() does for the whole process, all its threads, until the ``with`` block ends; they nest. The
pytest fixtures ``punch_inline`` and ``punch_recorded`` do the same for one test.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambda_punch._wiring import process, start
from lambda_punch.runtime.job import Job, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambda_punch.runtime.queue import QueuedJob

__all__ = ["Job", "Recorded", "inline", "recorded"]


class Recorded(list[Job]):
    """The jobs pushed so far, oldest first."""

    def run(self) -> None:
        """Run and forget them in order, also those pushed meanwhile; the first that raises ends it by its error."""
        while self:
            job = self.pop(0)
            _run(job.function, job.args, job.kwargs)


@contextmanager
def inline() -> Iterator[None]:
    """Have push() run each job before it returns; what the job raises, push() raises."""

    def submit(queued: QueuedJob) -> None:
        queued[5].run(_run, queued[2], queued[3], queued[4] or {})

    with _submitting_to(submit):
        yield


@contextmanager
def recorded() -> Iterator[Recorded]:
    """Have push() keep each job in the list that this yields, and run none."""
    jobs = Recorded()
    with _submitting_to(lambda queued: jobs.append(describe(queued))):
        yield jobs


@contextmanager
def _submitting_to(submit: Callable[[QueuedJob], object]) -> Iterator[None]:
    start()
    before = process.submit
    process.submit = submit
    try:
        yield
    finally:
        process.submit = before


def _run(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    from collections.abc import Awaitable
    from contextvars import copy_context

    result = function(*args, **kwargs)
    if isinstance(result, Awaitable):
        process.loop.run(result, copy_context())
