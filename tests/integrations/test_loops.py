"""A job finds the event loop of its request, and what the request has begun there by itself is finished.

With the real clients: asyncpg on PostgreSQL, redis.asyncio on Redis, aiohttp and httpx on an HTTP server.
"""

from __future__ import annotations

import http.server
import threading
from typing import TYPE_CHECKING

import pytest

from .conftest import http_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Function

    from .services import Postgres, Redis

    Make = Callable[..., Function]

LOCK = """
import asyncio
import lambda_punch as punch
punch.start()
lock = asyncio.Lock()
loops = set()

async def both(who):
    loops.add(id(asyncio.get_running_loop()))
    async with lock:
        await asyncio.sleep(0.02)
        note("both", who, len(loops))

async def main(who):
    async with lock:  # binds the lock to this loop
        await asyncio.sleep(0)
        if who == "job":
            asyncio.get_running_loop().create_task(hold())
            await asyncio.sleep(0)
    await both("request")
    punch.push(both, "job")

async def hold():
    async with lock:
        await asyncio.sleep(0.05)
"""
HANDLERS = {
    "an async handler": """
@punch.handler
async def handler(event, context):
    await main("job")
""",
    "a runner that is kept": """
runner = asyncio.Runner() if hasattr(asyncio, "Runner") else None
loop = runner.get_loop() if runner else asyncio.new_event_loop()
@punch.handler
def handler(event, context):
    loop.run_until_complete(main("job"))
""",
}
LIFESPAN = """
import contextlib
import lambda_punch as punch
import CLIENT

@contextlib.asynccontextmanager
async def life(app):
    app.state.client = await make()
    app.state.sem = asyncio.Semaphore(1)
    yield

async def both(who):
    async with app.state.sem:
        note(who, await use(app.state.client))

app = FastAPI(lifespan=life)

@app.get("/push")
async def view():
    await both("request")
    punch.push(both, "job")
    return "ok"
"""
CLIENTS = {
    "asyncpg": """
async def make(): return await asyncpg.create_pool(os.environ["DATABASE"], min_size=1, max_size=2)
async def use(pool): return await pool.fetchval("select 42")
""",
    "redis.asyncio": """
async def make(): return redis.asyncio.Redis.from_url(os.environ["REDIS"], max_connections=2)
async def use(client): return await client.set("n", 42) and int(await client.get("n"))
""",
    "aiohttp": """
async def make(): return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1))
async def use(session):
    async with session.get(os.environ["SERVER"]) as answer: return await answer.text()
""",
    "httpx": """
async def make(): return httpx.AsyncClient(limits=httpx.Limits(max_connections=1))
async def use(client): return (await client.get(os.environ["SERVER"])).text
""",
}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An HTTP server that keeps connections and answers 42."""

    class Answer(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"42")

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_address[1]}/"
        served.shutdown()


@pytest.mark.parametrize("handler", HANDLERS.values(), ids=HANDLERS)
def test_a_coroutine_runs_on_the_loop_on_which_it_was_pushed(function: Make, handler: str) -> None:
    """It shares the locks of the requests, also while one of them is waited for there."""
    shop = function(LOCK + handler, timeout=5)
    for _ in range(3):
        shop.call({})

    assert shop.told == ["both request 1", "both job 1"] * 3
    assert not shop.said("ERROR")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_of_the_application_works_in_its_jobs(
    fastapi_function: Make, name: str, postgres: Postgres, redis_server: Redis, server: str
) -> None:
    pytest.importorskip(name.partition(".")[0])
    shop = fastapi_function(
        LIFESPAN.replace("CLIENT", name) + CLIENTS[name],
        env={"DATABASE": postgres.url, "REDIS": redis_server.url, "SERVER": server},
    )
    for _ in range(3):
        assert shop.call(http_event("/push"))["statusCode"] == 200

    assert shop.told == ["request 42", "job 42"] * 3
    assert not shop.said("ERROR")


def test_a_job_that_fails_on_the_application_s_loop_leaves_its_locks_free(fastapi_function: Make) -> None:
    """Also one that ends the process's thread, or stops the loop: the next request is served."""
    shop = fastapi_function(
        """
        import sys
        import lambda_punch as punch
        lock = asyncio.Lock()

        async def bad(how):
            async with lock:
                await asyncio.sleep(0)
                if how == "exit": sys.exit(1)
                if how == "stop": asyncio.get_running_loop().stop(); await asyncio.sleep(0)
                raise ValueError(how)

        @app.get("/{how}")
        async def view(how: str):
            async with lock:
                await asyncio.sleep(0)
            punch.push(bad, how)
            punch.push(note, "after", how)
        """,
        timeout=5,
    )
    for how in ("raise", "exit", "stop", "raise"):
        assert shop.call(http_event(f"/{how}"))["statusCode"] == 200

    assert shop.told == ["after raise", "after exit", "after stop", "after raise"]
    assert len(shop.said("job app.bad of request")) == 4


def test_where_the_loop_is_closed_the_job_runs_on_another_and_one_line_says_so(function: Make) -> None:
    shop = function(
        LOCK
        + """
async def alone(who):
    note(who, asyncio.get_running_loop() is not None)

async def main():
    punch.push(alone, "job")

@punch.handler
def handler(event, context):
    asyncio.run(main())
""",
        timeout=5,
    )
    for _ in range(3):
        shop.call({})

    assert shop.told == ["job True"] * 3
    assert len(shop.said("job app.alone was pushed on an event loop that is closed by now")) == 1


TASKS = """
import asyncio, time
import lambda_punch as punch
punch.start()

async def mail(name):
    await asyncio.sleep(0.1)
    note("mail", name)
    asyncio.ensure_future(later(name))

async def later(name):
    await asyncio.sleep(0.05)
    note("later", name)

def plain(name):
    time.sleep(0.1)
    note("plain", name)

@punch.handler
async def handler(event, context):
    asyncio.create_task(mail(event["name"]))
    asyncio.get_running_loop().run_in_executor(None, plain, event["name"])
    note("answered", event["name"])
"""


def test_tasks_that_an_async_handler_begins_are_finished_after_its_response(function: Make) -> None:
    """And those that they begin, and calls in the loop's executor; before the environment is frozen."""
    shop = function(TASKS, timeout=5)
    for name in ("one", "two"):
        shop.call({"name": name})
        assert sorted(shop.told) == sorted(
            f"{what} {each}" for each in (["one"] if name == "one" else ["one", "two"])
            for what in ("answered", "mail", "plain", "later")
        )  # fmt: skip
    assert shop.told[0] == "answered one"


def test_tasks_that_an_endpoint_begins_are_finished_after_its_response(fastapi_function: Make) -> None:
    shop = fastapi_function(
        """
        import anyio, anyio.to_thread
        from starlette.concurrency import run_in_threadpool

        async def mail(name):
            await asyncio.sleep(0.1)
            note("mail", name)

        def plain(name):
            time.sleep(0.1)
            note("plain", name)

        @app.get("/{name}")
        async def view(name: str):
            asyncio.create_task(mail(name))
            asyncio.create_task(run_in_threadpool(plain, name))
            asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(mail("late-" + name)))
            return name
        """
    )
    shop.call(http_event("/warm"))
    answered = shop.invoke(http_event("/one"))
    shop.wait_idle(timeout=10)

    assert sorted(shop.told)[1::2] == ["mail late-warm", "mail warm", "plain warm"]
    assert min(note.at for note in shop.notes if "one" in note.text) > answered.responded_at


def test_a_task_that_lives_on_holds_one_invoke_and_then_none_of_its_kind(function: Make) -> None:
    """A heartbeat: it is named once, and goes on while the environment is awake."""
    shop = function(
        """
import asyncio, lambda_punch as punch
punch.start()

async def heartbeat():
    while True:
        await asyncio.sleep(0.05)

async def mail(n):
    await asyncio.sleep(0.05)
    note("mail", n)

@punch.handler
async def handler(event, context):
    asyncio.create_task(heartbeat())
    asyncio.create_task(mail(event))
""",
        timeout=2,
    )
    for number in range(4):
        shop.call(number)

    busy = [event.at for event in shop.events if event.kind == "invoke-done"]
    begun = [event.at for event in shop.events if event.kind == "invoke"]
    held = [done - at for done, at in zip(busy, begun, strict=True)]
    assert 1 < held[0] < 2
    assert max(held[1:]) < 0.5
    assert shop.told == [f"mail {number}" for number in range(4)]
    assert len(shop.said("task app.heartbeat: begun by request")) == 1


QUART = """
from quart import Quart
app = Quart(__name__)

@app.get("/<name>")
async def view(name):
    app.add_background_task(mail, name)
    app.add_background_task(plain, name)
    return name
"""
FALCON = """
import falcon.asgi

class View:
    async def on_get(self, request, response, name):
        async def later():
            await mail(name)

        response.schedule(later)
        response.schedule_sync(lambda: plain(name))
        response.text = name

app = falcon.asgi.App()
app.add_route("/{name}", View())
"""


@pytest.mark.parametrize("framework", [QUART, FALCON], ids=["quart", "falcon"])
def test_background_helpers_of_other_frameworks_are_finished_after_the_response(
    fastapi_function: Make, framework: str
) -> None:
    pytest.importorskip("quart" if framework is QUART else "falcon")
    source = """
async def mail(name):
    await asyncio.sleep(0.1)
    note("mail", name)

def plain(name):
    time.sleep(0.1)
    note("plain", name)
"""
    shop = fastapi_function(source + framework)
    for name in ("one", "two"):
        assert shop.call(http_event(f"/{name}"))["body"] == name

    assert sorted(shop.told) == ["mail one", "mail two", "plain one", "plain two"]


def test_a_task_that_is_not_done_at_the_shutdown_is_named(function: Make) -> None:
    shop = function(
        """
import asyncio, time, lambda_punch as punch
punch.start()

async def slow():
    await asyncio.sleep(60)

@punch.handler
async def handler(event, context):
    punch.push(time.sleep, 1.5)
    asyncio.create_task(slow())
""",
        timeout=1,
    )
    shop.invoke({})
    shop.wait_idle(timeout=10)
    shop.shutdown()

    assert shop.said("1 job lost (app.slow): the environment was shut down before they were done")


def test_code_that_runs_its_loop_within_itself_gets_the_error_that_it_would_get_without_us(
    function: Callable[..., Function],
) -> None:
    """And not a wait for itself. With nest_asyncio it works, as without us."""
    shop = function(
        """
        import asyncio

        loop = asyncio.new_event_loop()

        async def job():
            note("job")

        async def nothing():
            return "done"

        async def main():
            punch.push(job)
            coroutine = nothing()
            try:
                return loop.run_until_complete(coroutine)
            except RuntimeError as error:
                coroutine.close()
                return str(error)

        punch.start()

        def handler(event, context):
            return loop.run_until_complete(main())
        """
    )

    assert [shop.call(), shop.call(), shop.call()] == ["This event loop is already running"] * 3
    assert shop.told == ["job"] * 3
