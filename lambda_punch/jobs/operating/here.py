"""Runs the jobs of dead letters in this process: to see with one's own eyes, or a debugger, why they die.

A letter is hidden while its job runs. It is deleted when the job is done, and stays, visible again, when it fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_punch._log import logger, text_of
from lambda_punch.jobs import registry
from lambda_punch.jobs.message import Poison
from lambda_punch.jobs.operating.carrying import Carried
from lambda_punch.jobs.operating.hidden import Hidden
from lambda_punch.jobs.operating.walk import Walk
from lambda_punch.jobs.receiving.keeping import keeper
from lambda_punch.jobs.receiving.perform import Execution
from lambda_punch.jobs.receiving.run import Run
from lambda_punch.jobs.store.overflow import fetched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_punch.jobs.operating.carrying import Order
    from lambda_punch.jobs.operating.letters import Letter
    from lambda_punch.jobs.operating.places import Dead
    from lambda_punch.jobs.receiving.run import Ended

_VISIBILITY = 30  # seconds for which a letter is hidden at a time


def run_here(dead: Dead, order: Order) -> Iterator[Carried]:
    """Run the jobs, one after the other, each once; tell what became of each letter. Raises QueueError.

    ``order.stop`` is asked after each job. The jobs have to be declared in this process.
    """
    count = 0
    with Walk(dead.queue) as walk, Hidden(_VISIBILITY) as hidden:
        for received in walk.batches():
            for letter in received:
                if count >= order.most or order.stop():
                    return
                if not order.selection.means(letter):
                    continue
                count += 1
                if order.dry:
                    yield Carried(letter)
                    continue
                with hidden.message(dead.queue.url, letter.receipt):
                    problem = _run(letter, dead.queue.name)
                if problem is None:
                    why = walk.delete([letter]).get(letter.message_id)
                    problem = why and f"its job is done, but it could not be deleted: {why}"
                yield Carried(letter, None, problem)


def _run(letter: Letter, queue: str) -> str | None:
    """Run a letter's job; return why it stays, or None if it is done."""
    body = fetched(letter.body)
    if body is None:
        return "its arguments cannot be read"
    called = (
        body if isinstance(body, Poison) else registry.called_by(body, letter.message_id, int(letter.sent_at * 1000))
    )
    if isinstance(called, Poison):
        return called.reason
    message, options = called.message, called.declared.options
    execution = Execution(
        message.job, message.id, 1, letter.source or queue, letter.message_id, message.trace or letter.trace, message.traceparent
    )  # fmt: skip
    kept = keeper(message, called.declared, "", float("inf"))
    kept.begun(1)

    def decide(ended: Ended) -> str | None:
        if ended.error is None:
            kept.done(ended.value)
            return None
        logger().error("job %s %s has failed here", message.job, message.id, exc_info=ended.error)
        return f"{type(ended.error).__name__}: {text_of(ended.error)}"

    return Run(called, execution, None).to_end(options.timeout or float("inf"), decide)
