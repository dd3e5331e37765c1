"""Django behind the response: connections that were cut are replaced, for every kind of job, and async views work."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import http_event, rest_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    from .services import Postgres

    Make = Callable[..., Function]

WSGI = "from apig_wsgi import make_lambda_handler\nhandler = make_lambda_handler(wsgi.PunchMiddleware(WSGIHandler()))\n"
ASGI = "from mangum import Mangum\nhandler = Mangum(asgi.PunchMiddleware(ASGIHandler()), lifespan='off')\n"

DJANGO = """\
import asyncio, os, threading, time
import lambda_punch as punch

def note(*words):
    line = " ".join(str(word) for word in (time.monotonic(), *words))
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(line + "\\n")

import django
from django.conf import settings
DATABASE = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "shop", "HOST": "127.0.0.1",
            "PORT": os.environ.get("PGPORT"), "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": os.environ.get("HEALTH_CHECKS") == "yes"}
settings.configure(
    SECRET_KEY="test", ROOT_URLCONF="app", ALLOWED_HOSTS=["*"], USE_TZ=True,
    INSTALLED_APPS=["django_tasks"], TASKS={"default": {"BACKEND": "lambda_punch.integrations.django.PunchBackend"}},
    **({"DATABASES": {"default": DATABASE}} if "PGPORT" in os.environ else {}),
)
django.setup()

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpResponse
from django.urls import path
from django_tasks import task
from lambda_punch.integrations import asgi, wsgi

def orm():
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        note("ok", cursor.fetchone()[0])

async def async_orm():
    await sync_to_async(orm)()

"""

JOBS = """
orm_task, async_orm_task = task()(orm), task()(async_orm)


KINDS = {
    "push": lambda: punch.push(orm),
    "async push": lambda: punch.push(async_orm),
    "task": lambda: orm_task.enqueue(),
    "async task": lambda: async_orm_task.enqueue(),
}


urlpatterns = [path("<kind>", lambda request, kind: (KINDS[kind](), HttpResponse("ok"))[1])]
"""


@pytest.fixture
def django_function(function: Make) -> Make:
    """A maker of functions in which Django is set up; ``handler``: how it is served, if it is."""

    def make(source: str, *, handler: str = "", **options: Any) -> Function:
        options.setdefault("timeout", 10)
        return function(textwrap.dedent(source) + "\n" + handler, prelude=DJANGO, **options)

    return make


def oks(shop: Function) -> list[str]:
    return [note.words[1] for note in shop.notes if note.words[0] == "ok"]


@pytest.mark.parametrize("handler", [WSGI, ASGI], ids=["wsgi", "asgi"])
@pytest.mark.parametrize("kind", ["push", "async push", "task", "async task"])
def test_a_connection_that_the_server_has_cut_is_replaced(
    django_function: Make, postgres: Postgres, handler: str, kind: str
) -> None:
    """CONN_MAX_AGE=None with health checks: one connection for all jobs, and a new one after the server's restart."""
    shop = django_function(JOBS, handler=handler, env={"PGPORT": str(postgres.port), "HEALTH_CHECKS": "yes"})
    path = "/" + kind.replace(" ", "%20")
    event = rest_event if handler == WSGI else http_event

    for _ in range(2):
        assert shop.call(event(path))["statusCode"] in (200, "200")
    postgres.restart()
    for _ in range(2):
        shop.call(event(path))

    first, second, third, fourth = oks(shop)
    assert first == second
    assert third == fourth
    assert third != first
    assert shop.said("rror") == []


def test_without_health_checks_one_job_fails_and_the_next_has_a_new_connection(
    django_function: Make, postgres: Postgres
) -> None:
    """As a request would."""
    shop = django_function(JOBS, handler=WSGI, env={"PGPORT": str(postgres.port)})

    shop.call(rest_event("/push"))
    postgres.restart()
    for _ in range(3):
        shop.call(rest_event("/push"))

    assert len(oks(shop)) == 3
    assert len(shop.said("job app.orm of request")) == 1


def test_a_handler_without_middleware_or_tasks_says_it_in_one_line(django_function: Make, postgres: Postgres) -> None:
    """The documented line, for a function that uses the ORM and serves no requests of Django's."""
    shop = django_function(
        """
        from lambda_punch.integrations.django import fresh_connections
        punch.around_job(fresh_connections)
        punch.start()

        def cut(): connection.connection.close()

        def handler(event, context):
            punch.push({"cut": cut, "orm": orm}[event])
        """,
        env={"PGPORT": str(postgres.port), "HEALTH_CHECKS": "yes"},
    )  # fmt: skip

    for event in ("orm", "cut", "orm"):
        shop.call(event)

    assert len(oks(shop)) == 2
    assert shop.said("rror") == []


@pytest.mark.parametrize("handler", [WSGI, ASGI], ids=["wsgi", "asgi"])
@pytest.mark.parametrize("how", ["task.enqueue()", "await task.aenqueue()"])
@pytest.mark.parametrize("which", ["orm_task", "async_orm_task"])
def test_tasks_are_enqueued_from_async_views(
    django_function: Make, postgres: Postgres, handler: str, how: str, which: str
) -> None:
    """The request's own thread, for which asgiref has left its marks in the context, is gone when the task runs."""
    shop = django_function(
        f"""
        orm_task, async_orm_task = task()(orm), task()(async_orm)

        async def view(request):
            task = {which}
            {how}
            return HttpResponse("ok")

        urlpatterns = [path("", view)]
        """,
        handler=handler, env={"PGPORT": str(postgres.port)},
    )  # fmt: skip

    event = rest_event if handler == WSGI else http_event
    answers = [shop.call(event("/")) for _ in range(2)]

    assert [answer["body"] for answer in answers] == ["ok", "ok"]
    assert len(oks(shop)) == 2
    assert shop.said("rror") == []


@pytest.mark.parametrize("handler", [WSGI, ASGI], ids=["wsgi", "asgi"])
def test_what_an_async_view_pushes_uses_the_orm(django_function: Make, postgres: Postgres, handler: str) -> None:
    """As coroutine, and as a plain function that goes into asynchronous code and back."""
    shop = django_function(
        """
        from asgiref.sync import async_to_sync

        async def view(request):
            punch.push(async_orm)
            punch.push(async_to_sync(async_orm))
            return HttpResponse("ok")

        urlpatterns = [path("", view)]
        """,
        handler=handler, env={"PGPORT": str(postgres.port)},
    )  # fmt: skip

    for _ in range(2):
        shop.call((rest_event if handler == WSGI else http_event)("/"))

    assert len(oks(shop)) == 4
    assert shop.said("rror") == []


def test_a_project_without_a_database_enqueues(django_function: Make) -> None:
    """Django puts its dummy there, which raises as soon as it is asked for anything."""
    shop = django_function(
        """
        @task()
        def plain(): note("plain")
        @task()
        async def other(): note("async")

        def view(request):
            plain.enqueue()
            other.enqueue()
            return HttpResponse("ok")

        urlpatterns = [path("", view)]
        """,
        handler=WSGI,
    )  # fmt: skip

    assert shop.call(rest_event("/"))["body"] == "ok"
    assert shop.told == ["plain", "async"]
    assert shop.said("rror") == []


def test_django_that_is_only_imported_is_left_alone(function: Make) -> None:
    """sentry-sdk imports django.db, without settings; a hook that asked for a setting would raise."""
    shop = function(
        """
        import django.db
        from lambda_punch.integrations.django import fresh_connections
        punch.around_job(fresh_connections)

        def handler(event, context):
            punch.push(note, "done")
        """
    )

    shop.call()

    assert shop.told == ["done"]
    assert shop.said("rror") == []
