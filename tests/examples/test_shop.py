"""The shop's function, called directly: what it answers, and what it leaves for after the answer."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.testing import inline, recorded

if TYPE_CHECKING:
    from collections.abc import Callable

CONTEXT = SimpleNamespace(aws_request_id="request")
ORDER = {"item": "tea", "quantity": 2, "email": "ada@example.com"}


def order_event(traffic: Any, body: str) -> Any:
    return {**traffic.order(1), "body": body}


def content(answer: dict[str, Any]) -> Any:
    return json.loads(answer["body"])


def test_an_order_is_answered_with_its_number(app: Any, traffic: Any) -> None:
    """A valid order is stored and gets 201."""
    with recorded():
        answer = app.handler(order_event(traffic, json.dumps(ORDER)), CONTEXT)
    assert (answer["statusCode"], content(answer)) == (201, {"id": 1, **ORDER})


def test_an_order_leaves_mail_and_span_for_later(app: Any, traffic: Any, mail: Any, telemetry: Any) -> None:
    """The slow work is pushed in order, and none of it is done before the answer."""
    with recorded() as jobs:
        app.handler(traffic.order(1), CONTEXT)
    assert [job.name for job in jobs] == ["mail.send_confirmation", "telemetry.export"]
    assert mail.arrivals == telemetry.arrivals == []


def test_mail_goes_to_the_customer(app: Any, traffic: Any, mail: Any) -> None:
    """The pushed mail confirms the order to the address in it."""
    with inline():
        app.handler(order_event(traffic, json.dumps(ORDER)), CONTEXT)
    assert [arrival.message for arrival in mail.arrivals] == [
        {"order_id": 1, "to": "ada@example.com", "text": "Thank you! Your order 1: 2 x tea."}
    ]


def test_span_belongs_to_the_request(app: Any, traffic: Any, telemetry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The span has the trace of the request that pushed it, also when another came meanwhile."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=first")
    with recorded() as jobs:
        app.handler(traffic.order(1), CONTEXT)
        monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=second")
        jobs.run()
    (arrival,) = telemetry.arrivals
    assert (arrival.message["name"], arrival.message["trace_id"]) == ("POST /orders", "Root=first")


def test_the_switch_does_the_same_work_before_the_answer(
    load_app: Callable[..., Any], traffic: Any, mail: Any, telemetry: Any
) -> None:
    """SHOP_WORK=before calls the same functions and pushes none."""
    app = load_app(SHOP_WORK="before")
    with recorded() as jobs:
        app.handler(traffic.order(1), CONTEXT)
    assert jobs == []
    assert [arrival.message["order_id"] for arrival in (*mail.arrivals, *telemetry.arrivals)] == [1, 1]


def test_a_stored_order_can_be_read(app: Any, traffic: Any) -> None:
    """GET shows what POST stored, and pushes nothing."""
    with recorded() as jobs:
        app.handler(order_event(traffic, json.dumps(ORDER)), CONTEXT)
        jobs.clear()
        answer = app.handler(traffic.read(1), CONTEXT)
    assert (answer["statusCode"], content(answer), jobs) == (200, {"id": 1, **ORDER}, [])


@pytest.mark.parametrize("order_id", ["2", "x", "", "1.0", "-1", "1 OR 1", "9" * 5000], ids=lambda text: text[:8])
def test_an_unknown_order_is_404(app: Any, traffic: Any, order_id: str) -> None:
    """What is no order's number is not found, whatever it is."""
    with recorded():
        app.handler(traffic.order(1), CONTEXT)
    assert app.handler({**traffic.read(1), "rawPath": f"/orders/{order_id}"}, CONTEXT)["statusCode"] == 404


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "{}",
        json.dumps({**ORDER, "quantity": "2"}),
        json.dumps({**ORDER, "quantity": True}),
        json.dumps({**ORDER, "quantity": 0}),
        json.dumps({**ORDER, "quantity": 101}),
        json.dumps({**ORDER, "item": " "}),
        json.dumps({**ORDER, "email": "ada"}),
    ],
)
def test_a_wrong_order_is_400(app: Any, traffic: Any, body: str) -> None:
    """What is no order is refused with a reason, and no mail is sent."""
    with recorded() as jobs:
        answer = app.handler(order_event(traffic, body), CONTEXT)
    assert (answer["statusCode"], list(content(answer)), jobs) == (400, ["message"], [])


def test_an_order_may_come_in_base64(app: Any, traffic: Any) -> None:
    """API Gateway encodes bodies whose type it does not take for text."""
    event = order_event(traffic, base64.b64encode(json.dumps(ORDER).encode()).decode())
    with recorded():
        answer = app.handler({**event, "isBase64Encoded": True}, CONTEXT)
    assert answer["statusCode"] == 201


def test_another_route_is_404(app: Any, traffic: Any) -> None:
    """A path or a method that the shop does not know is not found."""
    assert app.handler({**traffic.read(1), "rawPath": "/"}, CONTEXT)["statusCode"] == 404
    assert app.handler({**traffic.order(1), "rawPath": "/orders/1"}, CONTEXT)["statusCode"] == 404


def test_mail_that_cannot_be_sent_is_an_error(load_app: Callable[..., Any], traffic: Any) -> None:
    """A gateway that is down makes the job fail, for the log to tell; the answer is not concerned."""
    app = load_app(SHOP_MAIL_URL="http://127.0.0.1:1")
    with recorded() as jobs:
        assert app.handler(traffic.order(1), CONTEXT)["statusCode"] == 201
        with pytest.raises(OSError, match="refused"):
            jobs.run()


def test_a_service_takes_its_time(services: Any, load: Callable[..., Any], shop_root: Any) -> None:
    """A slow service answers after its delay, and has noted the message before."""
    post = load(shop_root, "post").post
    with services.SlowService(0.03) as service:
        began = services.time.monotonic()
        post(service.url, {"order_id": 7})
        took = services.time.monotonic() - began
        (arrival,) = service.wait_for(1)
    assert took >= 0.03
    assert arrival.message == {"order_id": 7}
