"""Flask under the three adapters for API Gateway: close() comes once, and after the response."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import FLASK_ADAPTERS, rest_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]

PRELUDE = """\
import os, threading, time
from lambda_punch.integrations.wsgi import PunchMiddleware

def note(*words):
    line = " ".join(str(word) for word in (time.monotonic(), *words))
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(line + "\\n")

"""
FLASK = """\
import flask
app = flask.Flask("shop")

@app.teardown_request
def teardown(error): note("teardown")

"""


@pytest.fixture(params=FLASK_ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> str:
    """The source of a handler that serves ``app`` by one of the adapters."""
    return FLASK_ADAPTERS[request.param]


@pytest.fixture
def wsgi_function(function: Make, adapter: str) -> Make:
    """A maker of functions with ``app``, a WSGI application, behind one of the adapters and the middleware."""

    def make(
        source: str, *, prelude: str = PRELUDE + FLASK, wrapped: str = "PunchMiddleware(app)", **options: Any
    ) -> Any:
        options.setdefault("timeout", 10)
        handler = textwrap.dedent(adapter).replace("WRAPPED", wrapped)
        return function(textwrap.dedent(source) + "\n" + handler, prelude=prelude, **options)

    return make


def test_call_on_close_comes_once_and_after_the_response(wsgi_function: Make) -> None:
    """Also on the path of an error, and for a HEAD."""
    shop = wsgi_function(
        """
        @app.route("/<name>")
        def create(name):
            response = flask.make_response("answer", 500 if name == "broken" else 201)
            response.call_on_close(lambda: (time.sleep(0.1), note("closed", name)))
            return response
        """
    )

    invocations = [shop.invoke(rest_event(path, method)) for path, method in
                   [("/one", "GET"), ("/broken", "GET"), ("/head", "HEAD")]]  # fmt: skip
    shop.wait_idle(timeout=10)

    assert [int(each.json()["statusCode"]) for each in invocations] == [201, 500, 201]
    assert invocations[0].json()["body"] == "answer"
    assert shop.told == ["teardown", "closed one", "teardown", "closed broken", "teardown", "closed head"]
    closed = [note for note in shop.notes if note.words[0] == "closed"]
    assert all(note.at > each.responded_at + 0.1 for note, each in zip(closed, invocations, strict=True))


def test_generators_files_and_bodies_with_a_length_are_passed_on(wsgi_function: Make) -> None:
    """What the caller gets is what the application gave, each part of it."""
    shop = wsgi_function(
        """
        @app.route("/stream")
        def stream():
            def chunks():
                try:
                    yield "one,"
                    yield "two"
                finally:
                    note("stream done")
            return app.response_class(chunks())

        @app.route("/file")
        def file():
            return flask.send_file(__file__, mimetype="text/plain")

        @app.route("/none")
        def none():
            return "", 204
        """
    )

    assert shop.call(rest_event("/stream"))["body"] == "one,two"
    assert "send_file" in shop.call(rest_event("/file"))["body"]
    assert int(shop.call(rest_event("/none"))["statusCode"]) == 204
    assert shop.told.count("stream done") == 1
    assert shop.said("rror") == []


def test_an_error_in_close_is_logged_and_changes_nothing(wsgi_function: Make) -> None:
    """Under the name of the view, with the id of the request."""
    shop = wsgi_function(
        """
        @app.route("/")
        def create():
            response = flask.make_response("answer")
            response.call_on_close(lambda: 1 / 0)
            return response
        """
    )

    invocation = shop.invoke(rest_event("/"))
    shop.wait_idle(timeout=10)

    assert invocation.json()["body"] == "answer"
    assert shop.said(f"view app.create of request {invocation.request_id} failed")
    assert shop.said("ZeroDivisionError")


def test_a_body_that_fails_half_way_is_closed_once_too(wsgi_function: Make) -> None:
    """A plain WSGI application; the failure is the function's, as without the middleware."""
    shop = wsgi_function(
        """
        class Body:
            def __iter__(self):
                yield b"half"
                raise OSError("the other half is gone")
            def close(self): note("closed")

        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return Body()
        """,
        prelude=PRELUDE,
    )

    invocation = shop.invoke(rest_event("/"))
    shop.wait_idle(timeout=10)

    assert invocation.error_type == "OSError"
    assert shop.told == ["closed"]


def test_django_is_closed_on_the_request_s_thread_before_the_response(wsgi_function: Make) -> None:
    """Once, whatever stands around it, because its receivers close the connections of the thread that they run on."""
    shop = wsgi_function(
        """
        import django
        from django.conf import settings
        settings.configure(
            ROOT_URLCONF="app", ALLOWED_HOSTS=["*"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "CONN_MAX_AGE": 0}},
        )
        django.setup()
        import lambda_punch as punch
        from django.core.handlers.wsgi import WSGIHandler
        from django.core.signals import request_finished
        from django.db import connection
        from django.http import HttpResponse
        from django.urls import path

        def view(request):
            connection.ensure_connection()
            punch.push(note, "pushed")
            return HttpResponse("answer")

        def finished(**_):
            note("finished", threading.current_thread() is threading.main_thread())

        request_finished.connect(finished)
        urlpatterns = [path("", view)]
        django_app = WSGIHandler()

        class Between:
            def __init__(self, body): self.body = body
            def __iter__(self): return iter(self.body)
            def close(self): self.body.close()

        def app(environ, start_response):
            return Between(django_app(environ, start_response))
        """,
        prelude=PRELUDE,
    )

    invocation = shop.invoke(rest_event("/"))
    shop.wait_idle(timeout=10)

    assert invocation.json()["body"] == "answer"
    assert shop.told == ["finished True", "pushed"]
    finished, pushed = shop.notes
    assert finished.at < invocation.responded_at < pushed.at


def test_off_lambda_the_application_is_called_as_it_is() -> None:
    """The server gets the very object that the application returned."""
    from lambda_punch.integrations.wsgi import PunchMiddleware

    body = [b"answer"]

    assert PunchMiddleware(lambda *_: body)({}, lambda *_: lambda _: None) is body


def test_the_body_is_closed_exactly_once_however_it_is_used() -> None:
    """By its end, by close(), by both, by an iterator that is left; its length stays known."""
    from lambda_punch.integrations.wsgi import _Body, _SizedBody

    closed: list[str] = []

    def body(name: str, kind: type[_Body] = _Body) -> Any:
        return kind([b"a", b"b"], lambda: closed.append(name))

    both = body("both")
    assert list(both) == [b"a", b"b"]
    both.close()
    body("unread").close()
    left = iter(body("left"))
    next(left)
    del left
    assert len(body("sized", _SizedBody)) == 2
    assert not hasattr(body("unsized"), "__len__")
    assert closed == ["both", "unread", "left"]
