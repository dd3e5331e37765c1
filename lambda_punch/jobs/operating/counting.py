"""How many messages wait in each queue, and how old the oldest is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.errors import QueueError
from lambda_punch.jobs import aws
from lambda_punch.jobs.operating.places import find

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.operating.places import Queue

_WINDOW = timedelta(minutes=15)  # SQS writes its metrics each minute, and they come a few minutes late
_MOST_QUERIES = 500  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html


class Counts(NamedTuple):
    """One queue. ``oldest`` is in seconds. None: nobody could tell; for ``dead`` also that it has no dead-letter queue.

    ``in_flight`` are also the messages that the consumer has put off. SQS calls all these numbers approximate.
    """

    queue: str
    waiting: int
    in_flight: int
    delayed: int
    oldest: float | None
    dead: int | None
    dead_letters: str | None


def count(queues: Sequence[Queue], *, ages: bool = True) -> tuple[list[Counts], str | None]:
    """Return the counts of the queues, and why nobody could tell their ages, or None. Raises QueueError.

    A dead-letter queue stands in the line of its queue, and has none of its own if that is there. Without ``ages``
    CloudWatch is not asked.
    """
    known, problem = _ages([queue.name for queue in queues]) if ages else ({}, None)
    there = {queue.url: queue for queue in queues}
    homes = {_dead_url(queue) for queue in queues}
    rows = []
    for queue in queues:
        if queue.url in homes:
            continue
        url = _dead_url(queue)
        dead = None if url is None else _sum(there.get(url), url)
        waiting, in_flight, delayed = queue.counts
        oldest = known.get(queue.name) if waiting + in_flight else None
        rows.append(Counts(queue.name, waiting, in_flight, delayed, oldest, dead, queue.dead_letters))
    return rows, problem


def _dead_url(queue: Queue) -> str | None:
    return None if queue.dead_letters is None else f"{queue.url.rpartition('/')[0]}/{queue.dead_letters}"


def _sum(queue: Queue | None, url: str) -> int | None:
    try:
        return sum((queue or find(url)).counts)
    except QueueError:  # gone, or not allowed
        return None


def _ages(names: Sequence[str]) -> tuple[dict[str, float], str | None]:
    """Return the age in seconds of each queue's oldest message, which only CloudWatch knows, and why there are none."""
    found: dict[str, float] = {}
    now = datetime.now(timezone.utc)
    try:
        with aws.explained("the ages of the oldest messages, which CloudWatch knows"):
            for start in range(0, len(names), _MOST_QUERIES):
                some = names[start : start + _MOST_QUERIES]
                pages = (
                    aws.client("cloudwatch")
                    .get_paginator("get_metric_data")
                    .paginate(
                        MetricDataQueries=[_query(number, name) for number, name in enumerate(some)],
                        StartTime=now - _WINDOW,
                        EndTime=now + timedelta(minutes=1),
                        ScanBy="TimestampDescending",
                    )
                )
                for page in pages:
                    for result in page["MetricDataResults"]:
                        if result["Values"]:
                            found.setdefault(some[int(result["Id"][1:])], float(result["Values"][0]))
    except QueueError as error:
        return found, str(error)
    return found, None


def _query(number: int, name: str) -> dict[str, Any]:
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": name}],
    }
    return {"Id": f"q{number}", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
