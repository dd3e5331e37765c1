"""The same promises with earlier releases of FastAPI, Starlette and Mangum, as far as they differ."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from .conftest import http_event
from .versions import fetched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

pytestmark = [pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(240)]

# Mangum 0.20 ran each request by asyncio.run, 0.21 went back: there the middleware can only say that it has no effect.
# The last feature releases but the newest, which the other tests have; then the last FastAPI in which dependencies
# are left before the background tasks, with a Starlette whose BaseHTTPMiddleware does not wait in send.
# Mangum before 0.21 asks for the main thread's event loop, which CPython 3.14 no longer makes by itself.
EARLIER_MANGUM = "mangum==0.19.0" if sys.version_info < (3, 14) else "mangum==0.21.0"
RELEASES = {
    "last but one": ["fastapi==0.163.2", "starlette==1.9.0", "mangum==0.21.0"],
    "last but two": ["fastapi==0.162.7", "starlette==1.8.0", "mangum==0.21.0"],
    "dependencies first": ["fastapi==0.117.1", "starlette==0.48.0", EARLIER_MANGUM],
}

SOURCE = """
import fastapi, mangum, starlette

def plain(): time.sleep(0.1); note("plain")
async def other(): await asyncio.sleep(0.1); note("async")
def fail(): raise OSError("broken task")

def session():
    try:
        yield "session"
    finally:
        note("session closed")

@app.middleware("http")
async def through(request, call_next):
    return await call_next(request)

@app.get("/versions")
async def versions():
    return f"{fastapi.__version__} {starlette.__version__}"

@app.get("/")
async def create(tasks: BackgroundTasks, session: str = Depends(session)):
    for task in (fail, plain, other):
        tasks.add_task(task)
    return "answer"
"""


@pytest.mark.parametrize("release", RELEASES)
def test_tasks_run_behind_the_response_with_earlier_releases(
    fastapi_function: Callable[..., Function], tmp_path_factory: pytest.TempPathFactory, release: str
) -> None:
    """All that follows the response does, also where one task fails; with a BaseHTTPMiddleware in between."""
    pins = RELEASES[release]
    path = fetched(tmp_path_factory.mktemp("packages"), *pins)
    shop = fastapi_function(SOURCE, env={"PYTHONPATH": path})

    versions = shop.call(http_event("/versions"))["body"]
    first = shop.invoke(http_event())
    shop.wait_idle(timeout=10)
    second = shop.call(http_event())

    assert versions == '"' + " ".join(pin.partition("==")[2] for pin in pins[:2]) + '"'
    assert first.json()["body"] == second["body"] == '"answer"'
    tasks = [note for note in shop.notes if note.text != "session closed"]
    assert [note.text for note in tasks] == ["plain", "async"] * 2
    assert tasks[0].at > first.responded_at
    assert shop.told.count("session closed") == 2
    assert len(shop.said("OSError: broken task")) == 2


def test_mangum_0_20_is_warned_of(
    fastapi_function: Callable[..., Function], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its loop ends with the request: the tasks run before the response, as without the middleware."""
    path = fetched(tmp_path_factory.mktemp("packages"), "mangum==0.20.0")
    shop = fastapi_function(
        """
        @app.get("/")
        async def create(tasks: BackgroundTasks):
            tasks.add_task(note, "task")
        """,
        env={"PYTHONPATH": path},
    )

    invocation = shop.invoke(http_event())

    assert invocation.json()["statusCode"] == 200
    assert [note.text for note in shop.notes if note.at < invocation.responded_at] == ["task"]
    assert len(shop.said("any release but 0.20")) == 1
