"""Queues as an operator names them, their dead-letter queues, and the queues that dead letters came from."""

from __future__ import annotations

import json
import time
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from lambda_punch.errors import QueueError
from lambda_punch.jobs import aws, queues


class Queue(NamedTuple):
    """A queue, with the attributes that SQS told of it at ``told_at`` (epoch seconds, by the clock of SQS)."""

    url: str
    attributes: dict[str, str]
    told_at: float

    @property
    def name(self) -> str:
        """Its name on AWS."""
        return self.url.rpartition("/")[2]

    @property
    def fifo(self) -> bool:
        """Whether it keeps order."""
        return self.url.endswith(".fifo")

    @property
    def visibility(self) -> int:
        """Its visibility timeout in seconds."""
        return self._number("VisibilityTimeout")

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many messages wait, are in flight or put off, and are delayed. SQS calls these numbers approximate."""
        prefix = "ApproximateNumberOfMessages"
        return self._number(prefix), self._number(f"{prefix}NotVisible"), self._number(f"{prefix}Delayed")

    @property
    def dead_letters(self) -> str | None:
        """The name of its dead-letter queue, if it has a redrive policy."""
        policy = self.attributes.get("RedrivePolicy")
        return str(json.loads(policy)["deadLetterTargetArn"]).rpartition(":")[2] if policy else None

    def _number(self, attribute: str) -> int:
        return int(self.attributes.get(attribute, 0))


class Dead(NamedTuple):
    """A dead-letter queue. ``of``: the queue whose dead letters are meant, or None for all that are in it."""

    queue: Queue
    of: Queue | None


def find(name: str) -> Queue:
    """Return the queue of a name (on AWS, or in the code if it is configured), a URL or an ARN. Raises QueueError."""
    with aws.explained(f"queue {name}"):
        if name.startswith(("http://", "https://")):
            return _told(name)
        if name.startswith("arn:"):
            account, physical = name.split(":")[-2:]
            url = aws.client("sqs").get_queue_url(QueueName=physical, QueueOwnerAWSAccountId=account)["QueueUrl"]
            return _told(str(url))
        return _told(queues.url_of(name))


def dead_letters_of(name: str, *, itself: bool = False) -> Dead:
    """Return the dead-letter queue of the queue that is named. It may also be the dead-letter queue.

    ``itself``: it is one, whatever its attributes say. Raises QueueError if there is no dead-letter queue.
    """
    queue = find(name)
    if itself:
        return Dead(queue, None)
    if queue.dead_letters is not None:
        return Dead(find(f"{queue.url.rpartition('/')[0]}/{queue.dead_letters}"), queue)
    if sources_of(queue):
        return Dead(queue, None)
    raise QueueError(
        f"queue {queue.name} has no dead-letter queue, and is none; give it a redrive policy, or use --itself if the "
        "messages in it are meant"
    )


def sources_of(dead: Queue) -> dict[str, str]:
    """Return the queues whose dead-letter queue this is: their URLs by their names. Raises QueueError."""
    with aws.explained(f"the queues whose dead letters go to {dead.name}"):
        pages = aws.client("sqs").get_paginator("list_dead_letter_source_queues").paginate(QueueUrl=dead.url)
        urls = [str(url) for page in pages for url in page.get("queueUrls", [])]
    return {url.rpartition("/")[2]: url for url in urls}


def every(prefix: str = "") -> list[Queue]:
    """Return all queues of the account and region whose names begin with ``prefix``, in the order of their names."""
    with aws.explained("the list of queues"):
        pages = aws.client("sqs").get_paginator("list_queues")
        found = pages.paginate(**({"QueueNamePrefix": prefix} if prefix else {}), PaginationConfig={"PageSize": 1000})
        urls = [str(url) for page in found for url in page.get("QueueUrls", [])]
    return [find(url) for url in sorted(urls)]


def _told(url: str) -> Queue:
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return Queue(url, answer.get("Attributes", {}), _moment(answer))


def _moment(answer: Any) -> float:
    """Return the time that SQS gave its answer; this machine's if it did not say."""
    try:
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return time.time()
