"""Fixes for moto's SQS where it visibly differs from AWS, made in this process for the server that is started here.

Seen in moto 5.2: messages of one FIFO group that become visible again together are given out in the wrong order: the
first is held back because the second still counts as in flight, and then the second is given out. A delete at the
moment of a send can lose what is sent, because only one of the two takes the lock.
"""

from __future__ import annotations

from typing import Any

_mended = False


def mend() -> None:
    """Replace three methods of moto's queue; a second call does nothing."""
    global _mended  # noqa: PLW0603 - a class is mended once
    if _mended:
        return
    from moto.core.utils import unix_time_millis
    from moto.sqs import models

    Queue: Any = models.Queue  # noqa: N806 - a class
    delete = Queue.delete_message

    def messages(queue: Any) -> list[Any]:
        """Return the visible ones, all at one moment."""
        now = unix_time_millis()
        return [each for each in list(queue._messages) if now > each.visible_at and not each.delayed]  # noqa: SLF001

    def pending_message_groups(queue: Any) -> set[str]:
        """Return the groups with a message in flight; one that is visible again is not."""
        now = unix_time_millis()
        pending = list(queue._pending_messages)  # noqa: SLF001
        return {each.group_id for each in pending if each.group_id is not None and now <= each.visible_at}

    def delete_message(queue: Any, receipt_handle: str) -> None:
        with queue._messages_lock:  # noqa: SLF001
            delete(queue, receipt_handle)

    Queue.messages = property(messages)
    Queue.pending_message_groups = property(pending_message_groups)
    Queue.delete_message = delete_message
    _mended = True
