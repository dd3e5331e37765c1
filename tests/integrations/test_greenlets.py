"""SQLAlchemy's asyncio runs each statement in a greenlet, which can only go on in the thread in which it began.

The application's loop is run by the main thread for requests and by the drain's thread behind them, so a statement must not be
on its way when the thread changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import http_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    from .services import Postgres

    Make = Callable[..., Function]

pytest.importorskip("sqlalchemy")

APP = """
import contextlib
import lambda_punch as punch
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
engine = create_async_engine(os.environ["DATABASE"].replace("postgresql:", "postgresql+asyncpg:"))

async def save(name, seconds=0.2, statements=1):
    async with engine.connect() as connection:
        for _ in range(statements):
            await connection.execute(text(f"select pg_sleep({seconds})"))
    note("saved", name)

kept = set()

@app.get("/task/{name}")
async def task(name: str):
    kept.add(asyncio.create_task(save(name)))
    await asyncio.sleep(0.05)  # its statement is on its way now

@app.get("/background/{name}/{seconds}")
async def background(name: str, seconds: float, tasks: BackgroundTasks):
    tasks.add_task(save, name, seconds)

@app.get("/quick/{name}")
async def quick(name: str):
    await save(name, 0.01)
"""


def test_a_statement_on_its_way_at_the_response_is_finished(fastapi_function: Make, postgres: Postgres) -> None:
    shop = fastapi_function(APP, env={"DATABASE": postgres.url}, init_timeout=30)

    for name in ("one", "two", "three"):
        invocation = shop.invoke(http_event(f"/task/{name}"))
        shop.wait_idle(timeout=10)
        assert shop.told[-1] == f"saved {name}"
        assert shop.notes[-1].at > invocation.responded_at

    assert not shop.said("Error")


def test_a_statement_on_its_way_at_the_freeze_is_finished_before_the_next_request(
    fastapi_function: Make, postgres: Postgres
) -> None:
    """The task goes on where it was, and the request does not wait for all of it."""
    shop = fastapi_function(APP, env={"DATABASE": postgres.url}, init_timeout=30, timeout=1)

    shop.call(http_event("/quick/warm"))
    shop.invoke(http_event("/background/slow/1"))
    shop.wait_idle(timeout=10)
    assert shop.call(http_event("/quick/next"))["statusCode"] == 200
    shop.call(http_event("/quick/last"))

    assert sorted(shop.told) == ["saved last", "saved next", "saved slow", "saved warm"]
    assert not shop.said("greenlet")


def test_tasks_of_the_lifespan_that_use_the_database_go_on(fastapi_function: Make, postgres: Postgres) -> None:
    """Beside jobs and requests: one that works for each request, say."""
    shop = fastapi_function(
        APP
        + """
queue = asyncio.Queue()

async def audit():
    while True:
        await save("audit-" + await queue.get(), 0.01, 3)

@contextlib.asynccontextmanager
async def life(_):
    task = asyncio.create_task(audit())
    yield

@app.get("/audited/{name}")
async def audited(name: str):
    queue.put_nowait(name)
    punch.push(save, name, 0.05)
    await asyncio.sleep(0.005)

routes, app = app.router, FastAPI(lifespan=life)
app.include_router(routes)
""",
        env={"DATABASE": postgres.url},
        init_timeout=30,
    )

    names = [f"n{number}" for number in range(10)]
    for name in names:
        assert shop.call(http_event(f"/audited/{name}"))["statusCode"] == 200
    shop.call(http_event("/quick/end"))

    assert sorted(shop.told) == sorted(
        ["saved end", *(f"saved {name}" for name in names), *(f"saved audit-{name}" for name in names)]
    )
    assert not shop.said("Error")
