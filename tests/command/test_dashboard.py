"""The dashboard: a body that CloudWatch takes, with the names that the metrics have."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from lambda_punch import _events, command
from lambda_punch._events.jobs import EVENTS, JobEvent
from lambda_punch._settings import Settings
from lambda_punch.command.dashboard import body
from lambda_punch.metrics import Metrics

# From AWS's description of the dashboard body's structure.
SCHEMA = {
    "type": "object",
    "required": ["widgets"],
    "properties": {
        "widgets": {
            "type": "array",
            "maxItems": 500,
            "items": {
                "type": "object",
                "required": ["type", "properties"],
                "properties": {
                    "type": {"enum": ["metric"]},
                    "x": {"type": "integer", "minimum": 0, "maximum": 23},
                    "y": {"type": "integer", "minimum": 0},
                    "width": {"type": "integer", "minimum": 1, "maximum": 24},
                    "height": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "properties": {
                        "type": "object",
                        "required": ["region", "metrics"],
                        "properties": {
                            "region": {"type": "string"},
                            "title": {"type": "string"},
                            "view": {"enum": ["timeSeries", "singleValue", "gauge", "bar", "pie", "table"]},
                            "stacked": {"type": "boolean"},
                            "period": {"type": "integer", "multipleOf": 60},
                            "metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 500,
                                "items": {"type": "array", "minItems": 1},
                            },
                        },
                        "additionalProperties": False,
                    },
                },
                "additionalProperties": False,
            },
        }
    },
}


def metrics_of(dashboard: dict[str, Any]) -> list[list[Any]]:
    return [metric for widget in dashboard["widgets"] for metric in widget["properties"]["metrics"]]


@pytest.mark.parametrize("queues", [[], ["jobs"], ["jobs", "orders.fifo"]])
def test_the_body_is_one_that_cloudwatch_takes(queues: list[str]) -> None:
    """By its documented structure; widgets do not overlap, ids are unique in each and expressions name them."""
    dashboard = body("web", queues, region="eu-west-1")

    jsonschema.validate(dashboard, SCHEMA)
    places = [(widget["x"], widget["y"]) for widget in dashboard["widgets"]]
    assert len(set(places)) == len(places)
    for widget in dashboard["widgets"]:
        options = [metric[-1] for metric in widget["properties"]["metrics"]]
        ids = [each["id"] for each in options if "id" in each]
        assert len(ids) == len(set(ids))
        for each in options:
            if "expression" in each and "SEARCH" not in each["expression"]:
                assert set(re.findall(r"[a-z]\w*", each["expression"])) <= set(ids)
        for metric in widget["properties"]["metrics"]:
            assert len(metric) == 1 or len(metric) % 2 == 1  # namespace, name, pairs of dimensions, options


def test_the_response_time_is_the_duration_less_the_background() -> None:
    """Of the same function, at the same statistic."""
    first = body("web", region="eu-west-1")["widgets"][0]["properties"]["metrics"]

    assert first[0][0]["expression"] == "duration - background"
    assert {metric[-1]["id"]: metric[1] for metric in first[1:]} == {
        "background": "PostRuntimeExtensionsDuration",
        "duration": "Duration",
    }


def test_every_metric_that_is_ours_is_one_that_is_written() -> None:
    """Under the same namespace, dimensions and name."""
    written: list[dict[str, Any]] = []
    metrics = Metrics(Settings(metrics_sink=written.append), "web", lambda function: function())
    metrics.hear(_events.PunchesRan([0.1], [0.1], 1))
    metrics.hear(_events.PunchesLost(1))
    metrics.hear(JobEvent("perform", "job", "id", latency=1.0, error="ValueError"))
    known = {
        (directive["Namespace"], tuple(directive["Dimensions"][0]), metric["Name"])
        for document in written
        for directive in document["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
    }

    for metric in metrics_of(body("web", ["jobs"], region="eu-west-1")):
        if metric[0] == "LambdaPunch":
            assert (metric[0], (metric[2],), metric[1]) in known
            assert metric[3] == "web"
        elif "SEARCH" in str(metric):
            found = re.search(
                r"\{(.*?)\} AppName=\"web\" JobEvent=\((.*?)\) MetricName=\"(\w+)\"", metric[0]["expression"]
            )
            assert found is not None
            namespace, *dimensions = found[1].split(",")
            assert (namespace, tuple(dimensions), found[3]) in known
            assert set(found[2].split(" OR ")) <= set(EVENTS)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """As JSON, for put-dashboard; dead letters are in the queue of that name."""
    monkeypatch.setenv("AWS_REGION", "eu-north-1")

    assert command.main(["dashboard", "--function", "web", "--queue", "orders.fifo"]) == 0

    dashboard = json.loads(capsys.readouterr().out)
    assert dashboard == body("web", ["orders.fifo"], region="eu-north-1")
    assert ["AWS/SQS", "QueueName", "orders-dead.fifo"] in [
        [metric[0], *metric[2:4]] for metric in metrics_of(dashboard) if len(metric) > 3
    ]
