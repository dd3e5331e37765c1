"""A job that is pushed in a view of Flask's has an application context, and a request context by one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import rest_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]

APP = """
import flask
from flask import Flask, copy_current_request_context, current_app, g, request
from lambda_punch.integrations.wsgi import PunchMiddleware
from apig_wsgi import make_lambda_handler
app = Flask("shop")

@app.teardown_appcontext
def closed(error): note("closed", g.get("order"), type(error).__name__)

def plain():
    note("plain", current_app.name, request.path, g.get("order"))
    g.order = "of-the-job"

async def later():
    note("async", current_app.name, request.path, g.get("order"))

def fail():
    g.order = "of-the-failed"
    raise ValueError

"""
VIEW = """
@app.get("/<order>")
def view(order):
    g.order = order
    PUSHES
    return order
"""
HANDLER = "handler = make_lambda_handler(PunchMiddleware(app))\n"


def test_each_job_has_an_application_context_of_its_own(function: Make) -> None:
    """Its teardown functions are called behind the job, with the job's error. ``g`` is not the request's."""
    pushes = "punch.push(plain); punch.push(later); punch.push(fail)"
    shop = function(APP + VIEW.replace("PUSHES", pushes) + HANDLER, init_timeout=30)

    shop.call(rest_event("/one"))

    assert shop.told == [
        "closed one NoneType",
        "plain shop /one None", "closed of-the-job NoneType",
        "async shop /one None", "closed None NoneType",
        "closed of-the-failed ValueError",
    ]  # fmt: skip
    assert len(shop.said("ERROR")) == 1


def test_a_job_has_its_request_context_by_flask_s_own_function(function: Make) -> None:
    """Under the middleware, in the application context of the job: request teardowns are called as well."""
    source = APP + '@app.teardown_request\ndef left(error): note("left", request.path)\n'
    pushes = "punch.push(copy_current_request_context(plain)); punch.push(copy_current_request_context(later))"
    shop = function(source + VIEW.replace("PUSHES", pushes) + HANDLER, init_timeout=30)

    shop.call(rest_event("/one"))

    assert shop.told == [
        "left /one", "closed one NoneType",
        "plain shop /one None", "left /one", "closed of-the-job NoneType",
        "async shop /one None", "left /one", "closed None NoneType",
    ]  # fmt: skip
    assert not shop.said("ERROR")


def test_without_the_middleware_one_line_gives_it(function: Make) -> None:
    """And for durable jobs, which have no request."""
    line = "punch.around_job(lambda job: app.app_context())\n"
    durable = "@punch.job(name='durable')\ndef durable(): note('durable', current_app.name)\n"
    serve = """
adapter = make_lambda_handler(app)
@punch.handler
def handler(event, context): return adapter(event, context)
"""
    shop = function(APP + line + durable + VIEW.replace("PUSHES", "punch.push(plain)") + serve, init_timeout=30)

    shop.call(rest_event("/one"))
    shop.call(
        {"lambda_punch": 1, "job": "durable", "id": "1", "args": [], "kwargs": {}, "enqueued_at": 0, "attempt": 1}
    )

    assert shop.told == [
        "closed one NoneType", "plain shop /one None", "closed of-the-job NoneType", "durable shop", "closed None NoneType",
    ]  # fmt: skip


SESSIONS = """
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

def store():
    db.session.execute(text("select 1"))
    note("open", db.engine.pool.checkedout())

app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///" + os.path.join(os.path.dirname(__file__), "shop.db")
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_size": 2, "max_overflow": 0, "pool_timeout": 1}
db = SQLAlchemy(app)
"""


def test_jobs_that_use_flask_sqlalchemy_keep_no_connection(function: Make) -> None:
    """Its session belongs to the application context; in the request's, it would be closed by nobody."""
    pytest.importorskip("flask_sqlalchemy")
    shop = function(APP + SESSIONS + VIEW.replace("PUSHES", "punch.push(store)") + HANDLER, init_timeout=30)

    for _ in range(5):
        shop.call(rest_event("/one"))

    assert [note for note in shop.told if note.startswith("open")] == ["open 1"] * 5
    assert not shop.said("ERROR")
