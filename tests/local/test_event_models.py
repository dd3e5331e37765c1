"""Powertools' models of AWS's events take those that are made here: a shape that AWS does not send is an error there."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from aws_lambda_powertools import event_handler
from aws_lambda_powertools.utilities import data_classes
from aws_lambda_powertools.utilities.parser import models

from lambda_punch.command.event import sample
from lambda_punch.local.http.gateway import HttpRequest, proxy_event
from lambda_punch.local.http.rest_api import rest_event

MODELS = {
    "sqs": "SqsModel",
    "sns": "SnsModel",
    "s3": "S3Model",
    "apigw": "APIGatewayProxyEventV2Model",
    "apigw-v1": "APIGatewayProxyEventModel",
    "alb": "AlbModel",
    "url": "LambdaFunctionUrlModel",
    "eventbridge": "EventBridgeModel",
    "schedule": "EventBridgeModel",
}
BROWSER = HttpRequest(
    "POST",
    "/orders/a%20b",
    "x=1&x=2",
    [("Host", "127.0.0.1:8000"), ("User-Agent", "curl"), ("Cookie", "a=1; b=2"), ("Content-Type", "application/json")],
    b'{"n": 1}',
)


@pytest.mark.parametrize("kind", MODELS)
def test_sample_events(kind: str) -> None:
    getattr(models, MODELS[kind]).model_validate(sample(kind))


def test_a_browser_s_request_to_an_http_api() -> None:
    event = proxy_event(BROWSER, str(uuid.uuid4()))
    models.APIGatewayProxyEventV2Model.model_validate(event)
    read = data_classes.APIGatewayProxyEventV2(event)
    assert (read.path, read.http_method, read.json_body) == ("/orders/a b", "POST", {"n": 1})
    assert read.cookies == ["a=1", "b=2"]


def test_a_browser_s_request_to_a_rest_api() -> None:
    event = rest_event(BROWSER, "/orders/{id}", {"id": "a b"}, str(uuid.uuid4()))
    models.APIGatewayProxyEventModel.model_validate(event)
    read = data_classes.APIGatewayProxyEvent(event)
    assert (read.path, read.http_method, read.json_body) == ("/orders/a b", "POST", {"n": 1})
    assert read.multi_value_query_string_parameters == {"x": ["1", "2"]}


def test_powertools_own_routers_find_the_route_of_either_api() -> None:
    for resolver, event in (
        (event_handler.APIGatewayHttpResolver(), proxy_event(BROWSER, str(uuid.uuid4()))),
        (event_handler.APIGatewayRestResolver(), rest_event(BROWSER, "/orders/{id}", {"id": "a b"}, str(uuid.uuid4()))),
    ):
        app: Any = resolver

        @app.post("/orders/<order>")  # type: ignore[untyped-decorator]
        def get(order: str) -> dict[str, str]:
            return {"order": order}

        answer = app.resolve(event, object())
        assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"order": "a b"})
