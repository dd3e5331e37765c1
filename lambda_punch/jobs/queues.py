"""Each SQS queue's URL and its redrive policy: configured, or asked for once."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, NamedTuple

from lambda_punch._log import logger
from lambda_punch.jobs import aws
from lambda_punch.runtime.start import job_settings

if TYPE_CHECKING:
    from lambda_punch._settings.checks import QueueSettings

UNKNOWN = -1  # SQS did not tell: the queue may or may not have a redrive policy
NO_REDRIVE = 0


class Redrive(NamedTuple):
    """A redrive policy: maxReceiveCount, NO_REDRIVE or UNKNOWN, and the name of the dead-letter queue if it is known."""

    max_receives: int
    dead_letters: str | None = None


class QueueAttributes(NamedTuple):
    """What the consumer needs of a queue."""

    url: str
    redrive: Redrive


_lock = threading.Lock()
_urls: dict[str, str] = {}
_attributes: dict[str, QueueAttributes] = {}
_told: set[tuple[str, str]] = set()


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

    Never raises. If SQS does not answer, that is logged once at ERROR, the policy is UNKNOWN, and the next call asks again.
    """
    with _lock:
        if arn in _attributes:
            return _attributes[arn]
        physical = arn.rpartition(":")[2]
        name, settings = _configured(physical)
        url, redrive = (settings.url, _redrive(settings)) if settings else (None, None)
        if url is None or redrive is None:
            try:
                url = url or _urls.get(name) or str(aws.client("sqs").get_queue_url(QueueName=physical)["QueueUrl"])
                redrive = redrive or _ask(url)
            except Exception as error:  # noqa: BLE001 - a missing permission, no network: the jobs still run
                complain_once(
                    arn,
                    f"the attributes of queue {physical} could not be read: {error}; allow sqs:GetQueueUrl and "
                    "sqs:GetQueueAttributes, or configure the queue's url, max_receive_count and dead_letters",
                )
                return QueueAttributes(url or "", redrive or Redrive(UNKNOWN))
        _attributes[arn] = QueueAttributes(url, redrive)
        return _attributes[arn]


def url_of_dead_letters(found: QueueAttributes) -> str:
    """Return the URL of a queue's dead-letter queue, which is in the same account and region as the queue.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
    """
    return f"{found.url.rpartition('/')[0]}/{found.redrive.dead_letters}"


def complain_once(arn: str, text: str) -> None:
    """Write one ERROR line for a queue in this process, however often it is tried."""
    if (arn, text) not in _told:
        _told.add((arn, text))
        logger().error("%s", text)


def is_configured(arn: str) -> bool:
    """Tell whether the configuration names the queue."""
    settings = _configured(arn.rpartition(":")[2])[1]
    return settings is not None and (settings.url, settings.max_receive_count) != (None, None)


def forget() -> None:
    """Ask again for everything; for tests."""
    with _lock:
        _urls.clear()
        _attributes.clear()
        _told.clear()


def _configured(physical: str) -> tuple[str, QueueSettings | None]:
    """Return the name in the code, and the settings, of a queue by its name on AWS."""
    queues = job_settings().queues
    for name, queue in queues.items():
        if queue.url and queue.url.rpartition("/")[2] == physical:
            return name, queue
    if physical in queues and not queues[physical].url:
        return physical, queues[physical]
    return physical, None


def _redrive(settings: QueueSettings) -> Redrive | None:
    """Return the policy if all of it is configured."""
    if settings.max_receive_count == NO_REDRIVE:
        return Redrive(NO_REDRIVE)
    if settings.max_receive_count is None or settings.dead_letters is None:
        return None
    return Redrive(settings.max_receive_count, settings.dead_letters)


def _ask(url: str) -> Redrive:
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
    policy = answer.get("Attributes", {}).get("RedrivePolicy")
    if not policy:
        return Redrive(NO_REDRIVE)
    parsed = json.loads(policy)
    return Redrive(int(parsed["maxReceiveCount"]), str(parsed["deadLetterTargetArn"]).rpartition(":")[2])
