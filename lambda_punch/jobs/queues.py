"""Each SQS queue's URL and the maxReceiveCount of its redrive policy: configured, or asked for once."""

from __future__ import annotations

import json
import threading
from typing import NamedTuple

from lambda_punch._log import logger
from lambda_punch.jobs import aws
from lambda_punch.runtime.start import job_settings

UNKNOWN = -1  # SQS did not tell: the queue may or may not have a redrive policy
NO_REDRIVE = 0


class QueueAttributes(NamedTuple):
    """What the consumer needs of a queue; ``max_receive_count`` may be NO_REDRIVE or UNKNOWN."""

    url: str
    max_receive_count: int


_lock = threading.Lock()
_urls: dict[str, str] = {}
_attributes: dict[str, QueueAttributes] = {}


def url_of(name: str) -> str:
    """Return the URL of a queue by its name in the code. Raises what boto3 raises."""
    configured = job_settings().queues.get(name)
    if configured is not None and configured.url:
        return str(configured.url)
    with _lock:
        if name not in _urls:
            _urls[name] = str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
        return _urls[name]


def attributes(arn: str) -> QueueAttributes:
    """Return the attributes of the queue that a record came from.

    Never raises. If SQS does not answer, that is one ERROR line, the count is UNKNOWN, and the next call asks again.
    """
    with _lock:
        if arn in _attributes:
            return _attributes[arn]
        physical = arn.rpartition(":")[2]
        name, url, count = _configured(physical)
        if url is None or count is None:
            try:
                url = url or _urls.get(name) or str(aws.client("sqs").get_queue_url(QueueName=physical)["QueueUrl"])
                count = _ask(url) if count is None else count
            except Exception as error:  # noqa: BLE001 - a missing permission, no network: the jobs are run all the same
                logger().error(
                    "the attributes of queue %s could not be read: %s; allow sqs:GetQueueUrl and sqs:GetQueueAttributes, "
                    "or configure the queue's url and max_receive_count",
                    physical, error,
                )  # fmt: skip
                return QueueAttributes(url or "", UNKNOWN if count is None else count)
        _attributes[arn] = QueueAttributes(url, count)
        return _attributes[arn]


def is_configured(arn: str) -> bool:
    """Tell whether the configuration names the queue."""
    return _configured(arn.rpartition(":")[2])[1:] != (None, None)


def forget() -> None:
    """Ask again for everything; for tests."""
    with _lock:
        _urls.clear()
        _attributes.clear()


def _configured(physical: str) -> tuple[str, str | None, int | None]:
    """Return the name in the code, the URL and the count that are configured for a queue's name on AWS."""
    queues = job_settings().queues
    for name, queue in queues.items():
        if queue.url and queue.url.rpartition("/")[2] == physical:
            return name, queue.url, queue.max_receive_count
    if physical in queues and not queues[physical].url:
        return physical, None, queues[physical].max_receive_count
    return physical, None, None


def _ask(url: str) -> int:
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    policy = answer.get("Attributes", {}).get("RedrivePolicy")
    return int(json.loads(policy)["maxReceiveCount"]) if policy else NO_REDRIVE
