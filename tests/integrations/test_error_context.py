"""A failure is reported in the context of its request: once, and with the request's tags and ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from .collector import Collector
from .conftest import http_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Function

    Make = Callable[..., Function]

SENTRY = """
import logging, sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration
from lambda_punch.integrations import telemetry
import lambda_punch as punch
sentry_sdk.init(os.environ["SENTRY_DSN"], integrations=[AwsLambdaIntegration()], traces_sample_rate=0)
telemetry.flush_after(telemetry.sentry())

def fail(): raise ValueError("broken")
async def fail_later(): raise ValueError("broken later")

"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector(0) as collector:
        yield collector


def error_of(event: dict[str, Any]) -> str:
    """The text of the error that an event is about."""
    text: str = event["exception"]["values"][-1]["value"]
    return text


def test_sentry_has_each_error_behind_a_response_once(fastapi_function: Make, collector: Collector) -> None:
    """A background task, a task after it, and a view whose answer is out; with the tags that the endpoint has set."""
    shop = fastapi_function(
        SENTRY
        + """
@app.get("/task")
async def create(tasks: BackgroundTasks):
    sentry_sdk.set_tag("order", "7")
    tasks.add_task(fail)

@app.get("/tasks")
async def more(tasks: BackgroundTasks):
    sentry_sdk.set_tag("order", "8")
    tasks.add_task(fail)
    tasks.add_task(fail_later)
""",
        env={"SENTRY_DSN": collector.sentry_dsn}, init_timeout=30,
    )  # fmt: skip

    shop.call(http_event("/task"))
    shop.call(http_event("/tasks"))

    seen = sorted((error_of(event), event["tags"]["order"]) for event in collector.whole_events)
    assert seen == [("broken", "7"), ("broken", "8"), ("broken later", "8")]


def test_sentry_has_a_job_s_error_under_the_job_s_name(function: Make, collector: Collector) -> None:
    """With the request's tags and user; what a job adds to its scope is not seen by the next one."""
    shop = function(
        SENTRY
        + """
def tagging():
    sentry_sdk.set_tag("only", "here")
    fail()

def handler(event, context):
    sentry_sdk.set_tag("order", event)
    sentry_sdk.set_user({"id": "42"})
    punch.push(tagging)
    punch.push(fail_later)
""",
        env={"SENTRY_DSN": collector.sentry_dsn}, init_timeout=30,
    )  # fmt: skip

    shop.call("7")

    events = {event["transaction"]: event for event in collector.whole_events}
    assert sorted(events) == ["app.fail_later", "app.tagging"]
    assert len(collector.whole_events) == 2
    assert all(event["user"]["id"] == "42" and event["tags"]["order"] == "7" for event in events.values())
    assert events["app.tagging"]["tags"]["only"] == "here"
    assert "only" not in events["app.fail_later"]["tags"]


def test_a_failure_is_logged_inside_its_opentelemetry_span(function: Make) -> None:
    """Inside the span of the job if there is one, a child of the request's; else inside the request's."""
    shop = function(
        """
        import logging
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from lambda_punch.integrations import telemetry
        trace.set_tracer_provider(TracerProvider())
        tracer = trace.get_tracer("shop")

        @punch.error_handler
        def told(error, job):
            span = trace.get_current_span()
            note(job.args[0], span.name, span.is_recording())

        def fail(which): raise ValueError

        def handler(event, context):
            with tracer.start_as_current_span("request"):
                punch.push(fail, event)
            if event == "first":
                punch.around_job(telemetry.opentelemetry_span)
        """,
        init_timeout=30,
    )

    shop.call("first")
    shop.call("second")

    assert shop.told == ["first app.fail True", "second app.fail True"]


def test_jobs_that_are_lost_are_told_in_the_context_of_their_request(function: Make) -> None:
    """One line and one call of the hook for each request, with its context variables."""
    shop = function(
        """
        import contextvars
        order = contextvars.ContextVar("order", default="none")

        @punch.on_lost
        def told(jobs, reason): note(order.get(), len(jobs))

        def stuck(): time.sleep(60)

        def handler(event, context):
            order.set(event)
            punch.push(stuck)
            punch.push(stuck)
        """,
        timeout=1,
        env={"LAMBDA_PUNCH_MARGIN": "0.5"},
    )

    shop.invoke("first")
    shop.wait_idle(timeout=10)
    shop.invoke("second")
    shop.wait_idle(timeout=10)
    shop.shutdown()

    assert sorted(shop.told) == ["first 2", "second 2"]
    assert len(shop.said("2 jobs lost")) == 2


def test_an_endpoint_s_context_is_that_of_the_report(fastapi_function: Make) -> None:
    """Of the first failed task, which ends the request, and of the one after it."""
    shop = fastapi_function(
        """
        import contextvars
        import lambda_punch as punch
        order = contextvars.ContextVar("order", default="none")

        @punch.error_handler
        def told(error, job): note(order.get(), error)

        def fail(text): raise ValueError(text)

        @app.get("/{which}")
        async def create(which: str, tasks: BackgroundTasks):
            order.set(which)
            tasks.add_task(fail, "one")
            tasks.add_task(fail, "two")
        """
    )

    shop.call(http_event("/a"))
    shop.call(http_event("/b"))

    assert sorted(shop.told) == ["a one", "a two", "b one", "b two"]
