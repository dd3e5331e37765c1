"""Which tasks real libraries leave on a request's loop, and that none of them holds the environment for more than one invoke.

docs/decisions/0011 has the results as a table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import http_event
from .kafka_broker import KafkaBroker
from .test_frameworks import SERVERS, TOOL, asked
from .test_loops import server  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Function

    from .services import Postgres, Redis

    Make = Callable[..., Function]

APP = """
import lambda_punch as punch
IMPORT

async def make(): MAKE
async def use(client): USE

client = None

async def used():
    global client
    if client is None: client = await make()
    await use(client)

@app.get("/")
async def view():
    before = asyncio.all_tasks()
    await used()
    punch.push(job)
    left = asyncio.all_tasks() - before
    note("left", *sorted(task.get_coro().__qualname__ for task in left))

async def job():
    await used()
    note("job")
"""
SQLALCHEMY = "from sqlalchemy import text; from sqlalchemy.ext.asyncio import create_async_engine"
SELECT = """
    async with client.connect() as connection: await connection.execute(text("select 42"))
"""
# name: import, how a client is made, how it is used, the tasks that it leaves, and whose names are in the log
CLIENTS = {
    "asyncpg": (
        "import asyncpg",
        "return await asyncpg.create_pool(os.environ['DATABASE'], min_size=1, max_size=2)",
        "await client.fetchval('select 42')",
        [],
    ),
    "sqlalchemy on asyncpg": (
        SQLALCHEMY,
        "return create_async_engine(os.environ['DATABASE'].replace('postgresql:', 'postgresql+asyncpg:'))",
        SELECT,
        [],
    ),
    "sqlalchemy on aiosqlite": (SQLALCHEMY, "return create_async_engine('sqlite+aiosqlite://')", SELECT, []),
    "redis": (
        "import redis.asyncio",
        "return redis.asyncio.Redis.from_url(os.environ['REDIS'], health_check_interval=1)",
        "await client.set('n', 42)",
        [],
    ),
    "redis, a subscription": (
        "import redis.asyncio",
        """
    client = redis.asyncio.Redis.from_url(os.environ['REDIS']).pubsub()
    await client.subscribe(orders=print)
    client.task = asyncio.create_task(client.run())
    return client
""",
        "await client.ping()",
        ["redis.asyncio.client.PubSub.run"],
    ),
    "aiohttp": (
        "import aiohttp",
        "return aiohttp.ClientSession()",
        """
    async with client.get(os.environ['SERVER']) as answer: await answer.text()
""",
        [],
    ),
    "httpx": (
        "import httpx",
        "return httpx.AsyncClient()",
        "await client.get(os.environ['SERVER'])",
        [],
    ),
    "aiokafka": (
        "from aiokafka import AIOKafkaProducer",
        """
    client = AIOKafkaProducer(bootstrap_servers=os.environ["KAFKA"])
    await client.start()
    return client
""",
        "await client.send_and_wait('orders', b'tea')",
        [
            "aiokafka.client.AIOKafkaClient._md_synchronizer",
            "aiokafka.conn.AIOKafkaConnection._read",
            "aiokafka.producer.sender.Sender._sender_routine",
        ],
    ),
}


@pytest.fixture
def broker() -> Iterator[KafkaBroker]:
    pytest.importorskip("aiokafka")
    with KafkaBroker() as broker:
        yield broker


def app_of(name: str) -> str:
    library, make, use, _ = CLIENTS[name]
    return APP.replace("IMPORT", library).replace("MAKE", make).replace("USE", use)


def held(shop: Function) -> list[float]:
    """How long each invoke took, in seconds."""
    ended = [event.at for event in shop.events if event.kind == "invoke-done"]
    begun = [event.at for event in shop.events if event.kind == "invoke"]
    return [end - begin for begin, end in zip(begun, ended, strict=True)]


def named(shop: Function) -> list[list[str]]:
    """The tasks that were named as not done, line by line."""
    return [re.findall(r"task ([^,:]+)[,:]", line) for line in shop.said("not done when its invoke is over")]


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_that_a_request_makes_holds_at_most_one_invoke(
    fastapi_function: Make,
    name: str,
    postgres: Postgres,
    redis_server: Redis,
    server: str,  # noqa: F811 - the fixture
    broker: KafkaBroker,
) -> None:
    """All its tasks are named in one line; jobs run behind each response, before what holds the invoke."""
    pytest.importorskip(name.partition(" ")[0].strip(","))
    where = {"DATABASE": postgres.url, "REDIS": redis_server.url, "SERVER": server, "KAFKA": broker.address}
    shop = fastapi_function(app_of(name), timeout=4, init_timeout=30, env=where)

    for _ in range(4):
        assert shop.call(http_event("/"))["statusCode"] == 200

    tasks = CLIENTS[name][3]
    assert shop.told[1::2] == ["job"] * 4
    assert shop.told[0].split()[1:] == [".".join(task.split(".")[-2:]) for task in tasks]
    assert named(shop) == ([tasks] if tasks else [])
    assert (held(shop)[0] > 3) == bool(tasks)
    assert max(held(shop)[1:]) < 3
    assert len(shop.said("ERROR")) == len(named(shop))


def test_a_client_that_is_made_in_the_lifespan_holds_nothing(fastapi_function: Make, broker: KafkaBroker) -> None:
    """And nothing is said of it, if it has its connection: it was there before the request."""
    source = (
        app_of("aiokafka")
        + """
import contextlib

@contextlib.asynccontextmanager
async def life(_):
    await used()
    yield

routes, app = app.router, FastAPI(lifespan=life)
app.include_router(routes)
"""
    )
    shop = fastapi_function(source, timeout=4, init_timeout=30, env={"KAFKA": broker.address})

    for _ in range(3):
        assert shop.call(http_event("/"))["statusCode"] == 200

    assert shop.told == ["left", "job"] * 3
    assert max(held(shop)) < 3
    assert not shop.said("ERROR")
    assert broker.taken == 7


@pytest.mark.parametrize("stateless", [True, False])
@pytest.mark.parametrize("name", SERVERS)
def test_sessions_of_an_mcp_server_hold_at_most_one_invoke(fastapi_function: Make, name: str, stateless: bool) -> None:
    """A server with sessions has two tasks for each; one without has none that is left."""
    pytest.importorskip(name)
    source = SERVERS[name].replace("TOOL", TOOL)
    shop = fastapi_function(
        source.replace("stateless_http=True", f"stateless_http={stateless}"), timeout=4, init_timeout=30
    )
    client: dict[str, Any] = {"name": "test", "version": "1"}
    opening = asked("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
    answer = {}

    for _ in range(3):
        answer = shop.call(opening)
        assert answer["statusCode"] == 200
    call = asked("tools/call", name="order", arguments={"item": "tea"})
    if not stateless:
        call["headers"]["mcp-session-id"] = answer["headers"]["mcp-session-id"]
    assert "ordered tea" in shop.call(call)["body"]

    assert shop.told == ["mail tea"]
    lines = [[each.rpartition(".")[2] for each in line] for line in named(shop)]
    assert lines == ([] if stateless else [["message_router", "run_server"]])
    assert max(held(shop)[1:]) < 3


QUART = """
from quart import Quart
app = Quart(__name__)
slow = True

async def mail(name):
    await asyncio.sleep(5 if name == "slow" else 0.2)
    note("mail", name)

async def audit(name):
    await asyncio.sleep(0.2)
    note("audit", name)

@app.get("/<what>/<name>")
async def view(what, name):
    app.add_background_task({"mail": mail, "audit": audit}[what], name)
    return name
"""


def test_a_slow_task_does_not_stop_others_from_being_waited_for(fastapi_function: Make) -> None:
    """Not those of the same helper of a library's, and, when it has ended, not those of its own kind either."""
    pytest.importorskip("quart")
    shop = fastapi_function(QUART, timeout=4, init_timeout=30)

    shop.call(http_event("/mail/slow"))
    assert named(shop) == [["app.mail"]]
    shop.call(http_event("/audit/one"))
    assert shop.told == ["audit one"]
    for number in range(30):  # each wakes the environment, until the slow one is done
        if "mail slow" in shop.told:
            break
        shop.call(http_event(f"/audit/{number}"))
    shop.call(http_event("/mail/after"))

    assert shop.told[-1] == "mail after"
    assert named(shop) == [["app.mail"]]
