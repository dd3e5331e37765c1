"""PunchBackend under Django's own Tasks framework and its backport: Django's behaviours, and its connections."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import rest_event
from .versions import fetched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

ROOT = Path(__file__).parents[2]
PROJECT = Path(__file__).parent / "django_project"
BEHAVIOURS = 20


AWS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def run_behaviours(
    directory: Path,
    package: str,
    python: str = sys.executable,
    path: str = "",
    *,
    label: str = "behaviours",
    least: int = BEHAVIOURS,
    env: dict[str, str] | None = None,
) -> None:
    """Run the project's tests with Django's runner; fail with their output."""
    variables = {
        **os.environ,
        "DATABASE": str(directory / "db.sqlite3"),
        "DJANGO_SETTINGS_MODULE": "settings",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [path, str(ROOT), str(PROJECT)])),
        "TASKS_PACKAGE": package,
        **(env or {}),
    }
    command = [python, "-W", "error::ResourceWarning", "-m", "django", "test", label]
    ran = subprocess.run(command, env=variables, cwd=PROJECT, capture_output=True, text=True, check=False)
    count = re.search(r"Ran (\d+) tests", ran.stderr)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert count is not None
    assert int(count[1]) >= least


@pytest.mark.slow
def test_the_backport_behaves_as_with_django_s_own_backends(tmp_path: Path) -> None:
    """django_tasks, on the Django that is installed here."""
    run_behaviours(tmp_path, "django_tasks")


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Django 4.2 knows CPython up to 3.12")
def test_the_oldest_django_behaves_so_too(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = fetched(tmp_path_factory.mktemp("packages"), "django==4.2", "django-tasks==0.12.0")

    run_behaviours(tmp_path, "django_tasks", path=path)


@pytest.mark.slow
def test_tasks_are_durable_on_sqs_and_on_asynchronous_invokes(tmp_path: Path) -> None:
    """The other two backends, through the real consumer and a server that speaks SQS."""
    pytest.importorskip("moto.server")
    from lambda_punch.local.queues.sqs_server import SqsServer

    with SqsServer() as server:
        env = {**AWS, "AWS_ENDPOINT_URL_SQS": server.endpoint}
        run_behaviours(tmp_path, "django_tasks", label="durable_behaviours", least=22, env=env)


@pytest.mark.parametrize(
    ("missing", "needs"),
    [
        (["django"], "Django"),
        (["django.tasks", "django_tasks"], "Django 6.0 or later, or django-tasks"),
    ],
)
def test_without_django_or_its_tasks_the_error_says_what_to_install(missing: list[str], needs: str) -> None:
    """With the extra's name. It is an ImportError, so Django reports the backend as one that cannot be imported."""
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({missing!r}))\n"
        "from lambda_punch.errors import MissingExtraError\n"
        "assert issubclass(MissingExtraError, ImportError)\n"
        "if sys.argv[1] == 'settings': from django.conf import settings; settings.configure()\n"
        "try: from lambda_punch.integrations.django import PunchBackend\n"
        "except MissingExtraError as error: print(error)"
    )
    settings = "none" if "django" in missing else "settings"
    command = [sys.executable, "-c", code, settings]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    said = f"lambda_punch.integrations.django needs {needs}; install it with: pip install 'lambda-punch[django]'"
    assert ran.stdout.strip() == said


def interpreter(version: str) -> str:
    """Return a Python of this version; skips the test where there is none."""
    places = [f"{os.environ.get('PYENV_ROOT', Path.home() / '.pyenv')}/versions", "/usr/local/bin", "/usr/bin"]
    found = [
        *Path(places[0]).glob(f"{version}.*/bin/python"),
        *(Path(place) / f"python{version}" for place in places[1:]),
    ]
    for candidate in found:
        if candidate.exists():
            return str(candidate)
    pytest.skip(f"there is no Python {version} here")


@pytest.mark.network
@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("django", "version"), [("6.0", "3.12"), ("6.1.3", "3.13")])
def test_django_s_own_framework_behaves_so_too(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, django: str, version: str
) -> None:
    """django.tasks of both feature releases, on a Python that they take."""
    python = interpreter(version)
    path = fetched(tmp_path_factory.mktemp("packages"), f"django=={django}", python=python)

    run_behaviours(tmp_path, "django.tasks", python, path)


DJANGO = """\
import os, threading, time

def note(*words):
    line = " ".join(str(word) for word in (time.monotonic(), *words))
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(line + "\\n")

import django
from django.conf import settings
settings.configure(
    SECRET_KEY="test", ROOT_URLCONF="app", ALLOWED_HOSTS=["*"], INSTALLED_APPS=["django_tasks"], USE_TZ=True,
    DATABASES={"default": {
        "ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["NOTES"] + ".db", "ATOMIC_REQUESTS": True,
        "CONN_MAX_AGE": int(os.environ.get("CONN_MAX_AGE", "0")),
    }},
    TASKS={"default": {"BACKEND": "lambda_punch.integrations.django.PunchBackend"}},
)
django.setup()

from apig_wsgi import make_lambda_handler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpResponse
from django.urls import path
from django_tasks import task
from lambda_punch.integrations.wsgi import PunchMiddleware

def execute(statement, *values):
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()

def files():
    names = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd.isdigit()
             and os.path.exists(f"/proc/self/fd/{fd}")]
    return sum(name.endswith(".db") for name in names)

"""


def test_a_task_sees_what_its_request_has_committed(function: Callable[..., Function]) -> None:
    """ATOMIC_REQUESTS commits before the response; the task runs after it. A rolled back request has no task."""
    shop = function(
        """
        execute("create table orders (id integer)")

        @task()
        def confirm(order): note("confirm", order, execute("select count(*) from orders")[0][0])

        def create(request, order):
            execute("insert into orders values (%s)", order)
            confirm.enqueue(order)
            if order == 13:
                raise LookupError("no such order")
            return HttpResponse("created")

        urlpatterns = [path("<int:order>", create)]
        handler = make_lambda_handler(PunchMiddleware(WSGIHandler()))
        """,
        prelude=DJANGO, timeout=10,
    )  # fmt: skip

    invocation = shop.invoke(rest_event("/1"))
    shop.wait_idle(timeout=10)

    assert invocation.json()["body"] == "created"
    assert shop.told == ["confirm 1 1"]
    assert shop.notes[0].at > invocation.responded_at
    assert shop.call(rest_event("/13"))["statusCode"] == 500
    assert shop.call(rest_event("/2"))["statusCode"] == 200
    assert shop.told == ["confirm 1 1", "confirm 2 2"]


@pytest.mark.parametrize("max_age", ["0", "1"])
def test_many_requests_leave_no_connection_open(function: Callable[..., Function], max_age: str) -> None:
    """Neither the requests' threads nor the tasks', plain and async: as many at the end as near the beginning."""
    shop = function(
        """
        from asgiref.sync import sync_to_async

        @task()
        def plain(): execute("select 1")

        @task()
        async def other(): await sync_to_async(execute)("select 1")

        def view(request):
            execute("select 1")
            plain.enqueue()
            other.enqueue()
            return HttpResponse("ok")

        urlpatterns = [path("", view), path("files", lambda request: HttpResponse(str(files())))]
        handler = make_lambda_handler(PunchMiddleware(WSGIHandler()))
        """,
        prelude=DJANGO, timeout=10, env={"CONN_MAX_AGE": max_age},
    )  # fmt: skip

    open_files = []
    for _ in range(3):
        for _ in range(15):
            assert shop.call(rest_event("/"))["body"] == "ok"
        open_files.append(int(shop.call(rest_event("/files"))["body"]))

    assert open_files[-1] <= open_files[0]
    assert open_files[-1] <= (1 if max_age == "0" else 3)  # ATOMIC_REQUESTS opens one for the asking request itself
    assert shop.said("rror") == []
