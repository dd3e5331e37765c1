"""Sends messages, now or after the response; after the response one call sends all of a request's jobs.

For that the first job of a request pushes one punch, and each further job joins it until it runs. So the promises for
punches hold here too: the jobs are sent after the response, and are not lost at a deadline or a shutdown that leaves
time for them. If the backend does not take them then, one ERROR line names the jobs and their ids.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch import _events
from lambda_punch._events.jobs import JobEvent
from lambda_punch._log import logger
from lambda_punch.errors import EnqueueError, MissingExtraError, NotSent
from lambda_punch.runtime.start import process, start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.backends import Backend
    from lambda_punch.jobs.backends.outgoing import Outgoing

    # backend, message, and the call's own arguments, for the metrics
    Item = tuple[Backend, Outgoing, tuple[Any, ...], dict[str, Any]]

_lock = threading.Lock()
_open: tuple[int, object, list[Item]] | None = (
    None  # the request's number, the mode that took the punch, what it will send
)


class Report(NamedTuple):
    """The backends' ids by job id, what was not sent, and by job id which other one is under way in a unique job's place."""

    ids: dict[str, str]
    failed: list[NotSent]
    duplicates: dict[str, str]


def send(items: Sequence[Item]) -> Report:
    """Send with as few calls as possible."""
    if not any(item[1].lock or item[1].keep for item in items):
        return Report(*_send_large(items), {})
    from lambda_punch.jobs.sending import unique

    admitted = unique.admit(items)
    ids, failed = _send_large(admitted.items)
    unique.settle(admitted.items, ids, failed)
    return Report(ids, [*admitted.failed, *failed], admitted.duplicates)


def _send_large(items: Sequence[Item]) -> tuple[dict[str, str], list[NotSent]]:
    if not any(item[1].overflow for item in items):
        return _send(items)
    from lambda_punch.jobs.sending import large

    ready, not_written = large.upload(items)
    ids, failed = _send(ready)
    large.remove(ready, failed)
    return ids, [*not_written, *failed]


def _send(items: Sequence[Item]) -> tuple[dict[str, str], list[NotSent]]:
    lots: dict[tuple[int, str], list[Item]] = {}
    for item in items:
        lots.setdefault((id(item[0]), item[1].queue), []).append(item)
    ids: dict[str, str] = {}
    failed: list[NotSent] = []
    for lot in lots.values():
        backend, first, *_ = lot[0]
        messages = [item[1] for item in lot]
        try:
            sent = backend.send(first.queue or None, messages)
        except EnqueueError as error:
            failed += error.failed or [message.not_sent(str(error), error=error) for message in messages]
        except MissingExtraError:
            raise
        except Exception as error:  # noqa: BLE001 - of a user's backend; the other backends' jobs are sent
            failed += [message.not_sent(str(error), certain=False, error=error) for message in messages]
        else:
            ids |= sent.message_ids
            failed += sent.failed
    for item in items:
        if item[1].id in ids:
            _tell(item, ids[item[1].id])
    return ids, failed


def send_after_response(items: list[Item]) -> None:
    """Send when the response of the current request is out."""
    global _open  # noqa: PLW0603 - one request at a time, one outbox
    start()
    number, mode = process.sequence, process.mode
    with _lock:
        if _open is not None and _open[:2] == (number, mode):
            _open[2].extend(items)
            return
        mine = list(items)
        _open = (number, mode, mine)
    try:
        process.push(send_waiting, mine)
    except BaseException:
        _close(mine)
        raise


def send_waiting(items: list[Item]) -> None:
    """Send what one request's jobs have gathered. It runs as a punch, so never twice."""
    _close(items)
    failed = send(items).failed
    if failed:
        names = ", ".join(f"{each.job} {each.id}" for each in failed)
        logger().error("%d durable jobs were not sent (%s): %s", len(failed), names, failed[0].reason)


def _close(items: list[Item]) -> None:
    """Let no further job join."""
    global _open  # noqa: PLW0603 - as above
    with _lock:
        if _open is not None and _open[2] is items:
            _open = None


def _tell(item: Item, message_id: str) -> None:
    _, outgoing, args, kwargs = item
    event = "enqueue_at" if outgoing.delay else "enqueue"
    _events.tell(JobEvent(event, outgoing.job, outgoing.id, outgoing.queue, args, kwargs, message_id))
