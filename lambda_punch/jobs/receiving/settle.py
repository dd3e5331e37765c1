"""Carries out what becomes of a batch's messages, with as few calls as SQS allows.

A copy is sent before its original counts as done. If it cannot be sent, the original stays, and one ERROR line says what
is missing. If the process is killed in between, there are both: the job is then run once more than it was declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_punch.jobs import queues
from lambda_punch.jobs.backends.deliveries import Change
from lambda_punch.jobs.receiving import attempt
from lambda_punch.jobs.receiving.outcome import DONE, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.backends.deliveries import Deliveries
    from lambda_punch.jobs.receiving.record import SqsRecord

Settled = tuple["SqsRecord", Outcome]


def send_copies(messages: Sequence[Settled], deliveries: Deliveries) -> list[Outcome]:
    """Send the copies that take the place of messages; return the outcomes. A message is done when its copy was sent."""
    outcomes = [outcome for _, outcome in messages]
    lots: dict[tuple[str, bool], list[int]] = {}
    for number, (record, outcome) in enumerate(messages):
        if outcome.copy is not None:
            lots.setdefault((record.arn, outcome.dead), []).append(number)
    for (arn, dead), numbers in lots.items():
        copies = [copy for number in numbers if (copy := outcomes[number].copy) is not None]
        failed = deliveries.send_copies(arn, copies, dead=dead)
        for place, number in enumerate(numbers):
            if place in failed:
                _note(messages[number][0], outcomes[number], failed[place], deliveries)
                outcomes[number] = outcomes[number]._replace(copy=None)
            else:
                outcomes[number] = DONE
    return outcomes


def postpone(messages: Sequence[Settled], deliveries: Deliveries) -> None:
    """Make the messages that stay visible again at their times."""
    changes: dict[str, dict[str, Change]] = {}
    for record, outcome in messages:
        if not outcome.done and outcome.visibility is not None and record.receipt:
            change = Change(record.message_id, record.receipt, outcome.visibility)
            changes.setdefault(record.arn, {})[record.receipt] = change
    for arn, of_queue in changes.items():
        deliveries.postpone(arn, list(of_queue.values()))


def _note(record: SqsRecord, outcome: Outcome, reason: str, deliveries: Deliveries) -> None:
    (attempt.not_moved if outcome.last else attempt.not_sent).add(record)
    dead = outcome.dead
    target = deliveries.redrive(record.arn).dead_letters if dead else record.queue
    what = "dead jobs cannot be moved to" if dead else "retries cannot be sent to"
    then = "the redrive policy" if dead else "the visibility timeout"
    queues.complain_once(
        f"{record.arn} {dead}",
        f"{what} {target}: {reason}; allow the function sqs:SendMessage on it. Until then {then} of {record.queue} does it, "
        "and a job can be run more often than it is declared",
    )
