"""Fixes for moto's SQS where it visibly differs from AWS, made in this process for the server that is started here.

Seen in moto 5.2:

- A receive looks at the clock several times, and other calls change the queue meanwhile. A FIFO message whose visibility
  timeout ends in between frees its group when it has just been passed over, and a later one is given out before it.
- A group counts as in flight as long as one of its messages was received and not deleted, also when it is visible again.
- A delete at the moment of a send can lose what is sent, because only one of the two takes the lock.

So each call that looks at a queue or changes it has the queue to itself, and sees one moment.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_mended = False
_turn = threading.RLock()
_moment: float | None = None  # milliseconds; held still while somebody has his turn


def mend() -> None:
    """Replace methods of moto's queue and backend; a second call does nothing."""
    global _mended  # noqa: PLW0603 - the classes are mended once
    if _mended:
        return
    from moto.core.utils import unix_time_millis
    from moto.sqs import models

    Queue: Any = models.Queue  # noqa: N806 - a class
    Backend: Any = models.SQSBackend  # noqa: N806 - a class
    receive, change, delete = Backend.receive_message, Backend.change_message_visibility, Queue.delete_message

    def now() -> float:
        return _moment if _moment is not None else unix_time_millis()

    @contextmanager
    def one_moment() -> Iterator[None]:
        global _moment  # noqa: PLW0603 - moto has one clock
        with _turn:
            outer, _moment = _moment, now()
            try:
                yield
            finally:
                _moment = outer

    def receive_message(  # noqa: PLR0913, PLR0917 - moto's own parameters
        backend: Any, queue_name: str, count: int, wait_seconds_timeout: int, visibility_timeout: int, names: Any = None
    ) -> Any:
        """Look once in a moment, and again when a message may have come, as long as the caller wants to wait."""
        until = time.monotonic() + wait_seconds_timeout
        while True:
            with one_moment():
                found = receive(backend, queue_name, count, 0, visibility_timeout, names)
            left = until - time.monotonic()
            if found or left <= 0:
                return found
            backend.get_queue(queue_name).wait_for_messages(min(1.0, left))

    def change_message_visibility(backend: Any, *args: Any, **kwargs: Any) -> None:
        with one_moment():
            change(backend, *args, **kwargs)

    def pending_message_groups(queue: Any) -> set[str]:
        """Return the groups with a message in flight; one that is visible again is not."""
        pending = list(queue._pending_messages)  # noqa: SLF001 - moto has no other place for them
        return {each.group_id for each in pending if each.group_id is not None and now() <= each.visible_at}

    def delete_message(queue: Any, receipt_handle: str) -> None:
        with _turn, queue._messages_lock:  # noqa: SLF001 - the lock that its own methods take
            delete(queue, receipt_handle)

    setattr(models, "unix_time_millis", now)  # noqa: B010 - moto does not export it
    Backend.receive_message = receive_message
    Backend.change_message_visibility = change_message_visibility
    Queue.pending_message_groups = property(pending_message_groups)
    Queue.delete_message = delete_message
    _mended = True
