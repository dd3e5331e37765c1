"""Keeps the messages of running jobs hidden, however long the jobs take: SQS would give them to somebody else."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.jobs import aws
from lambda_punch.jobs.backends.deliveries import SqsDeliveries
from lambda_punch.runtime import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from typing_extensions import Self

    from lambda_punch.jobs.backends.deliveries import Change

_OFTEN = 3  # times in a visibility timeout


class Hidden:
    """All messages whose jobs run now; one thread keeps them hidden. May be used from any thread."""

    def __init__(self, visibility: int) -> None:
        """``visibility``: seconds for which a message is hidden each time."""
        self._visibility = visibility
        self._messages: dict[str, str] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        threads.start(threads.VISIBILITY, self._keep)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    @contextmanager
    def message(self, url: str, receipt: str) -> Iterator[SqsDeliveries]:
        """Keep one hidden while the block runs, or until the consumer says when it is to be visible again."""

        def end() -> None:
            with self._lock:
                self._messages.pop(receipt, None)

        with self._lock:
            self._messages[receipt] = url
        try:
            yield _Deliveries(end)
        finally:
            end()

    def _keep(self) -> None:
        while not self._over.wait(self._visibility / _OFTEN):
            for receipt in list(self._messages):
                with self._lock:  # the consumer's own change comes before or after
                    if receipt in self._messages:
                        self._hide(self._messages[receipt], receipt)

    def _hide(self, url: str, receipt: str) -> None:
        try:
            aws.client("sqs").change_message_visibility(
                QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=self._visibility
            )
        except Exception as error:  # noqa: BLE001 - botocore's, of any kind
            logger().error(
                "a message of %s whose job runs cannot be kept hidden, so the job may be run twice: %s", url, error
            )


class _Deliveries(SqsDeliveries):
    def __init__(self, end: Callable[[], Any]) -> None:
        self._end = end

    def postpone(self, arn: str, changes: Sequence[Change]) -> None:
        """From now on the message's time is the consumer's affair."""
        self._end()
        super().postpone(arn, changes)
