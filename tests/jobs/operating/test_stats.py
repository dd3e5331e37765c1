"""``lambda-punch jobs stats``: what is in all queues."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from lambda_punch.jobs import aws
from tests.jobs.servers import ON_MOTO

if TYPE_CHECKING:
    from collections.abc import Callable


def test_every_queue_has_a_line_with_its_dead_letters(orders: Any, sqs: Any, call: Callable[..., Any]) -> None:
    """Dead letters stand beside their queue."""
    orders.bury(count=3)
    plain = sqs.create("plain")
    for delay in (0, 0, 60):
        sqs.client.send_message(QueueUrl=plain, MessageBody="{}", DelaySeconds=delay)
    sqs.receive(plain, 1)

    head, *lines = call("stats")[1].splitlines()
    assert " ".join(head.split()) == "QUEUE WAITING IN FLIGHT DELAYED OLDEST DEAD DEAD LETTERS IN"
    assert [line.split() for line in lines] == [
        ["orders", "0", "0", "0", "-", "3", "dead-orders"],
        ["plain", "1", "1", "1", "-", "-", "-"],
    ]


@ON_MOTO
def test_the_oldest_message_is_as_old_as_cloudwatch_says(orders: Any, sqs: Any, lines: Callable[..., Any]) -> None:
    """In seconds; nothing for an empty queue."""
    sqs.client.send_message(QueueUrl=orders.url, MessageBody="{}")
    dimensions = [{"Name": "QueueName", "Value": "orders"}]
    metric = {
        "MetricName": "ApproximateAgeOfOldestMessage", "Dimensions": dimensions, "Value": 90.0,
        "Timestamp": datetime.now(timezone.utc),
    }  # fmt: skip
    aws.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[metric])

    (row,) = lines("stats", "--prefix", "ord")
    assert (row["queue"], row["waiting"], row["oldest"]) == ("orders", 1, 90.0)


def test_named_queues_only(orders: Any, sqs: Any, lines: Callable[..., Any], call: Callable[..., Any]) -> None:
    """By name; one that is not there is named."""
    sqs.create("plain")

    assert [row["queue"] for row in lines("stats", "plain")] == ["plain"]
    assert call("stats", "nowhere")[0] == 1
