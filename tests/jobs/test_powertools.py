"""Powertools' idempotency below @job, as docs/durable-jobs.md shows it: a job that is delivered twice is run once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import aws

if TYPE_CHECKING:
    from .conftest import Context

DOCS = Path(__file__).parents[2] / "docs" / "durable-jobs.md"


class Shop:
    """What the document's code defines, and what its ``pay()`` was called with."""

    def __init__(self) -> None:
        snippet = re.search(r"```python\n(from aws_lambda_powertools.*?)```", DOCS.read_text(), re.DOTALL)
        assert snippet is not None
        self.paid: list[tuple[str, int]] = []
        self.error: BaseException | None = None
        names: dict[str, Any] = {"punch": punch, "pay": self.pay, "__name__": "shop"}
        exec(snippet[1], names)
        self.charge, self.handler = names["charge"], names["handler"]

    def pay(self, order: str, amount: int) -> None:
        self.paid.append((order, amount))
        if self.error is not None:
            raise self.error


@pytest.fixture
def shop(sqs: Any, monkeypatch: pytest.MonkeyPatch) -> Shop:
    pytest.importorskip("aws_lambda_powertools")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "shop")
    aws.client("dynamodb").create_table(
        TableName="idempotency", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )  # fmt: skip
    return Shop()


def test_a_job_that_is_delivered_twice_is_run_once(sqs: Any, shop: Shop, context: Context) -> None:
    """The second delivery counts as done. Another order is another payment."""
    url = sqs.create("payments")
    shop.charge.enqueue(order="A-17", amount=3)
    event = sqs.event(url)

    assert shop.handler(event, context) == {"batchItemFailures": []}
    assert shop.handler(event, context) == {"batchItemFailures": []}
    assert shop.paid == [("A-17", 3)]
    shop.charge.enqueue(order="A-18", amount=4)
    shop.handler(sqs.event(url), context)
    assert shop.paid == [("A-17", 3), ("A-18", 4)]


def test_a_job_that_fails_is_run_again(sqs: Any, shop: Shop, context: Context) -> None:
    """Its record is removed."""
    url = sqs.create("payments")
    shop.error = ConnectionError("the bank does not answer")
    shop.charge.using(retries=1).enqueue(order="A-17", amount=3)
    event = sqs.event(url)
    assert shop.handler(event, context) == {"batchItemFailures": []}
    shop.error = None

    assert shop.handler(event, context) == {"batchItemFailures": []}
    assert shop.paid == [("A-17", 3), ("A-17", 3)]


def test_a_job_that_was_cut_off_is_not_run_beside_itself(
    sqs: Any, shop: Shop, context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    """Until the invocation that was cut off would have ended; a retry before that fails, and is tried again."""
    url = sqs.create("payments")
    shop.error = KeyboardInterrupt()  # as a job's time limit it is no Exception
    shop.charge.enqueue(order="A-17", amount=3)
    event = sqs.event(url)
    context.remaining = 1.0
    shop.handler(event, context)
    shop.error = None

    shop.handler(event, context)
    assert len(shop.paid) == 1
    assert "IdempotencyAlreadyInProgressError" in caplog.text
