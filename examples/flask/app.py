"""An ordinary Flask application; the last line is what makes ``call_on_close`` run, once and after the response."""

from __future__ import annotations

import json
import os
import time

import flask
from apig_wsgi import make_lambda_handler
from lambda_punch.integrations.wsgi import PunchMiddleware

OUTBOX = os.environ.get("OUTBOX", "/tmp/outbox")  # noqa: S108 - what a Lambda function has to write to
app = flask.Flask("shop")


@app.post("/orders")
def create() -> flask.Response:
    order = flask.request.get_json()
    response = flask.jsonify(order)
    response.status_code = 201
    response.call_on_close(lambda: confirm(order))
    return response


def confirm(order: dict[str, str]) -> None:
    time.sleep(1)  # a slow mail gateway
    with open(OUTBOX, "a") as outbox:
        outbox.write(json.dumps({"mail to": order["email"], "item": order["item"]}) + "\n")


handler = make_lambda_handler(PunchMiddleware(app))
