"""``lambda-punch dashboard``: the body of a CloudWatch dashboard, as JSON.

It shows what callers waited for, what ran after the response, and the queues of the durable jobs. The structure:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

_DESCRIPTION = (
    "Print the body of a CloudWatch dashboard, as JSON: aws cloudwatch put-dashboard --dashboard-name NAME "
    '--dashboard-body "$(lambda-punch dashboard --function web --queue jobs)"'
)
_WIDTH, _HEIGHT = 12, 6  # of 24 columns: two widgets a row


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``dashboard`` and add its arguments."""
    parser.description = _DESCRIPTION
    add = parser.add_argument
    add("--function", metavar="NAME", required=True, help="the function's name")
    add("--jobs-function", metavar="NAME", help="the function that runs the jobs, if it is another one")
    add("--queue", metavar="NAME", action="append", default=[], help="a queue's name on AWS, repeatable")
    add("--region", metavar="REGION", help="default: AWS_REGION, AWS_DEFAULT_REGION, or us-east-1")
    add("--namespace", default="LambdaPunch", help="the metrics' namespace (default: %(default)s)")
    add("--app-name", metavar="NAME", help="the metrics' AppName (default: the function's name)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the dashboard's body."""
    import json

    region = arguments.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    made = body(
        arguments.function,
        arguments.queue,
        region=region,
        namespace=arguments.namespace,
        app_name=arguments.app_name,
        jobs_function=arguments.jobs_function,
    )
    print(json.dumps(made, indent=2))
    return 0


def body(  # noqa: PLR0913 - what the widgets name
    function: str,
    queues: Sequence[str] = (),
    *,
    region: str,
    namespace: str = "LambdaPunch",
    app_name: str | None = None,
    jobs_function: str | None = None,
) -> dict[str, Any]:
    """Return the dashboard's body for a function and its queues; ``json.dumps`` of it is what PutDashboard takes.

    A queue's dead-letter queue is expected to have the queue's name followed by ``-dead`` (before ``.fifo``).
    ``jobs_function`` is the function that runs the jobs, if it is another one. ``app_name`` is the metrics' AppName;
    by default that is the name of the function whose metrics they are.
    """
    worker = jobs_function or function
    widgets = [*_of_function(function), *_of_punches(namespace, app_name or function)]
    if queues:
        widgets += _of_jobs(namespace, app_name or worker)
        widgets += [widget for queue in queues for widget in _of_queue(queue)]
    for number, widget in enumerate(widgets):
        widget |= {"x": number % 2 * _WIDTH, "y": number // 2 * _HEIGHT, "width": _WIDTH, "height": _HEIGHT}
        widget["properties"]["region"] = region
    return {"widgets": widgets}


def _of_function(function: str) -> list[dict[str, Any]]:
    return [
        _widget(f"{function}: response time = Duration - PostRuntimeExtensionsDuration", _split(function, "Average")),
        _widget(f"{function}: the same, p99 (of each, so roughly)", _split(function, "p99")),
        _widget(
            f"{function}: invocations, errors, throttles",
            [
                ["AWS/Lambda", name, "FunctionName", function, {"stat": "Sum"}]
                for name in ("Invocations", "Errors", "Throttles")
            ],
        ),
    ]


def _split(function: str, stat: str) -> list[Any]:
    """Return the two parts of Duration: the time until the response, and the time that an extension held on to."""
    return [
        [{"expression": "duration - background", "label": "until the response", "id": "response"}],
        [
            "AWS/Lambda", "PostRuntimeExtensionsDuration", "FunctionName", function,
            {"id": "background", "label": "after the response", "stat": stat},
        ],
        ["AWS/Lambda", "Duration", "FunctionName", function, {"id": "duration", "label": "billed", "stat": stat}],
    ]  # fmt: skip


def _of_punches(namespace: str, app_name: str) -> list[dict[str, Any]]:
    def metric(name: str, stat: str) -> list[Any]:
        return [namespace, name, "AppName", app_name, {"stat": stat}]

    return [
        _widget(
            "punches: run, failed, lost",
            [metric("PunchCount", "Sum"), metric("PunchExceptionCount", "Sum"), metric("Lost", "Sum")],
        ),
        _widget(
            "punches: time of one, and wait after the response",
            [metric("PunchDuration", "p50"), metric("PunchDuration", "p99"), metric("QueueLatency", "p99")],
        ),
    ]


def _of_jobs(namespace: str, app_name: str) -> list[dict[str, Any]]:
    def search(name: str, stat: str, events: str) -> list[Any]:
        schema = f"{{{namespace},AppName,JobEvent,JobName}}"
        terms = f'AppName="{app_name}" JobEvent=({events}) MetricName="{name}"'
        return [{"expression": f"SEARCH('{schema} {terms}', '{stat}')"}]

    return [
        _widget(
            "jobs: done and failed", [search("Count", "Sum", "perform"), search("ExceptionCount", "Sum", "perform")]
        ),
        _widget(
            "jobs: retries, given up, discarded", [search("Count", "Sum", "enqueue_retry OR retry_stopped OR discard")]
        ),
        _widget("jobs: time of one, p99", [search("Duration", "p99", "perform")]),
        _widget("jobs: wait in the queue, p99", [search("QueueLatency", "p99", "perform")]),
    ]


def _of_queue(queue: str) -> list[dict[str, Any]]:
    stem = queue.removesuffix(".fifo")
    dead = f"{stem}-dead{queue[len(stem) :]}"
    age = ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue, {"stat": "Maximum"}]
    visible, in_flight = (
        ["AWS/SQS", f"ApproximateNumberOfMessages{suffix}", "QueueName", queue, {"stat": "Maximum"}]
        for suffix in ("Visible", "NotVisible")
    )
    buried = ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", dead, {"stat": "Maximum"}]
    return [
        _widget(f"{queue}: age of the oldest message, seconds", [age]),
        _widget(f"{queue}: waiting, in flight or put off, dead letters", [visible, in_flight, buried]),
    ]


def _widget(title: str, metrics: list[Any]) -> dict[str, Any]:
    return {
        "type": "metric",
        "properties": {"title": title, "view": "timeSeries", "stacked": False, "period": 60, "metrics": metrics},
    }
