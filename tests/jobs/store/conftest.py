"""A table of DynamoDB on each of the two servers, and a consumer that runs what is in a queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import aws
from lambda_punch.jobs.receiving.routing import jobs_handler

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "punch"


class Table:
    """The table, with the calls that were made to it."""

    def __init__(self) -> None:
        self.client = aws.client("dynamodb")
        self.client.create_table(
            TableName=NAME, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )  # fmt: skip
        self.calls: list[str] = []
        self.client.meta.events.register(
            "before-parameter-build.dynamodb", lambda model, **_: self.calls.append(model.name)
        )

    def items(self) -> list[dict[str, Any]]:
        return list(self.client.scan(TableName=NAME)["Items"])

    def locks(self) -> list[dict[str, Any]]:
        return [item for item in self.items() if item["pk"]["S"].startswith("lock#")]

    def expire(self) -> None:
        """Let every item expire; it is still there, as with AWS for a while."""
        for item in self.items():
            self.client.update_item(
                TableName=NAME, Key={"pk": item["pk"]}, UpdateExpression="SET expires = :long_ago",
                ExpressionAttributeValues={":long_ago": {"N": "1000"}},
            )  # fmt: skip


@pytest.fixture
def table(sqs: Any) -> Table:
    """The table, which the library is told of."""
    punch.configure(table=NAME)
    return Table()


@pytest.fixture
def consume(sqs: Any) -> Callable[..., list[str]]:
    """Run what is in a queue as the event source mapping does; return the ids of the messages that are not done."""

    def consume(url: str, context: Any = None) -> list[str]:
        event = sqs.event(url)
        failed = (
            [each["itemIdentifier"] for each in jobs_handler(event, context)["batchItemFailures"]]
            if event["Records"]
            else []
        )
        for record in event["Records"]:
            if record["messageId"] not in failed:
                sqs.client.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])
        return failed

    return consume
