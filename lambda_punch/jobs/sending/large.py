"""Sends arguments that are too large for their messages to S3 first. Imported only for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.jobs import aws
from lambda_punch.jobs.store import overflow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lambda_punch.errors import NotSent


def upload(items: Sequence[Any]) -> tuple[list[Any], list[NotSent]]:
    """Write the arguments; return the items that can be sent, and those whose arguments S3 did not take."""
    ready: list[Any] = []
    failed: list[NotSent] = []
    for item in items:
        outgoing = item[1]
        if outgoing.overflow is not None:
            try:
                overflow.put(outgoing.overflow, outgoing.id)
            except Exception as error:  # noqa: BLE001 - botocore's, of any kind; the other jobs are sent
                place = overflow.address(outgoing.overflow.bucket, outgoing.id)
                reason = f"its arguments could not be written to {place}: {aws.cause(error) or repr(error)}"
                failed.append(outgoing.not_sent(reason, error=error))
                continue
        ready.append(item)
    return ready, failed


def remove(items: Iterable[Any], failed: Iterable[NotSent]) -> None:
    """Remove the arguments of jobs that were certainly not sent."""
    not_sent = {each.id for each in failed if each.certain}
    for item in items:
        outgoing = item[1]
        if outgoing.overflow is not None and outgoing.id in not_sent:
            overflow.drop(outgoing.overflow.bucket, outgoing.job, outgoing.id)
