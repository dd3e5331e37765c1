"""Inside AWS's durable functions, which replay their handler from the start: what is pushed or enqueued, and how often.

Run by AWS's own test runner.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.testing import enqueued, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("aws_durable_execution_sdk_python_testing", reason="needs Python 3.11")


def run(body: Callable[[Any, Any], Any]) -> Any:
    """Run a durable function whose second invocation replays the first; return its result."""
    from aws_durable_execution_sdk_python import durable_execution
    from aws_durable_execution_sdk_python.config import Duration
    from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner

    invocations = []

    @punch.handler
    @durable_execution
    def handler(event: dict[str, Any], context: Any) -> Any:
        invocations.append(1)
        found = body(event, context)
        context.wait(Duration.from_seconds(1))
        return found

    with DurableFunctionTestRunner(handler=handler) as runner:
        result = runner.run(input='{"order": "A-17"}', execution_timeout=30)
    scheduler = runner._scheduler
    scheduler._thread.join(10)
    scheduler._loop.close()  # it stops its loop, and leaves it open
    assert result.status.name == "SUCCEEDED", result
    assert len(invocations) == 2
    return result


def mail(order: str) -> str:
    return f"mailed {order}"


def test_a_push_in_a_step_is_made_once() -> None:
    """The step's result is taken from its checkpoint when the handler is replayed."""

    def body(event: dict[str, Any], context: Any) -> None:
        def push_mail(_: Any) -> None:
            punch.push(mail, event["order"])

        context.step(push_mail, name="mail")

    with recorded() as punches:
        run(body)

    assert [each.args for each in punches] == [("A-17",)]


def test_a_push_outside_of_steps_is_made_at_each_replay() -> None:
    """As anything else that is done there."""

    def body(event: dict[str, Any], _context: Any) -> None:
        punch.push(mail, event["order"])

    with recorded() as punches:
        run(body)

    assert [each.args for each in punches] == [("A-17",), ("A-17",)]


def test_a_durable_job_is_enqueued_in_a_step_and_its_id_is_the_step_s_result() -> None:
    """So a later step can ask for its result."""
    job = punch.job(name="mail", queue="mails", keep_result=60)(mail)
    found = []

    def body(event: dict[str, Any], context: Any) -> str:
        found.append(context.step(lambda _: job.enqueue(event["order"]).id, name="mail"))
        return str(found[-1])

    with enqueued() as jobs:
        run(body)
        assert [message.id for message in jobs] == [found[0]] == [found[1]]
        jobs.run()
        result = job.result_of(found[0])
    assert result is not None
    assert result.value == "mailed A-17"
