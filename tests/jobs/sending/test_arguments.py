"""Arguments: what JSON cannot carry, what does not fit the function and what is too large is refused, and not sent."""

from __future__ import annotations

import decimal
import math
import uuid
from typing import Any

import pytest

from lambda_punch.jobs import JobArgumentsError, MessageTooLargeError
from lambda_punch.jobs.limits import LARGEST_MESSAGE


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (decimal.Decimal(1), "argument 1 is a decimal.Decimal"),
        ({"a": [1, {2}]}, r"argument 1\['a'\]\[1\] is a set"),
        ({1: 2}, "argument 1 has the key 1"),
        (math.nan, "argument 1 is nan"),
        (b"bytes", "argument 1 is a bytes"),
        (uuid.UUID(int=1), "argument 1 is a uuid.UUID"),
    ],
)
def test_arguments_that_json_does_not_have_are_named(sqs: Any, work: Any, value: Any, where: str) -> None:
    """Before anything is sent."""
    with pytest.raises(JobArgumentsError, match=where):
        work.enqueue(value)
    assert sqs.calls == []


def test_arguments_nested_in_themselves_are_refused(work: Any) -> None:
    """Not by a RecursionError."""
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(JobArgumentsError, match="nested"):
        work.enqueue(loop)


def test_arguments_that_do_not_fit_the_function_are_refused(work: Any) -> None:
    """When they are sent, not when they are run."""
    with pytest.raises(JobArgumentsError, match=r"work: missing a required argument: 'what'"):
        work.enqueue()
    with pytest.raises(JobArgumentsError, match="whither"):
        work.enqueue(1, whither=2)


def test_the_size_is_checked_before_sending(sqs: Any, work: Any) -> None:
    """SQS takes a message of just the limit, and one byte more is refused here."""
    sqs.create("jobs")
    empty = len(work.prepare("").outgoing.body)

    with pytest.raises(MessageTooLargeError, match="1,048,577 bytes"):
        work.enqueue("x" * (LARGEST_MESSAGE - empty + 1))
    assert len(work.prepare("x" * (LARGEST_MESSAGE - empty)).outgoing.body) == LARGEST_MESSAGE
    assert sqs.called("SendMessage") == []
