"""Leftovers use the clients that real functions keep at module level, and the environment ends at any moment.

What a library holds when a process forks (a lock, a connection with a query under way) would stay so in the child. The heir
is forked between two jobs, so each leftover is done once, and what it wrote is there.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from .services import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    from .services import Postgres

JOBS = 12
# Between jobs, in a job, in its query, as one ends: the moment at which SIGTERM comes, relative to the jobs.
MOMENTS = [0.0, 0.02, 0.05, 0.08, 0.13, 0.18]

PSYCOPG = """
import psycopg
connection = psycopg.connect(os.environ["DATABASE"], autocommit=True)

def write(number):
    connection.execute("insert into done values (%s, pg_sleep(0.04)::text)", (number,))
"""
DJANGO = """
import django
from django.conf import settings
settings.configure(DATABASES={"default": DATABASE}, INSTALLED_APPS=[])
django.setup()
from django.db import connection
connection.ensure_connection()

def write(number):
    with connection.cursor() as cursor:
        cursor.execute("insert into done (number) values (%s)", [number])
    time.sleep(0.04)
"""
ON_SQLITE = (
    'DATABASE = {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"], "OPTIONS": {"timeout": 5}}\n'
)
ON_POSTGRES = """
DATABASE = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "shop", "HOST": "127.0.0.1",
            "PORT": os.environ["PGPORT"], "CONN_MAX_AGE": 60}
"""
BOTO3 = """
import boto3
bucket = boto3.client("s3")

def write(number):
    bucket.put_object(Bucket="done", Key=f"{number:02}", Body=b"done")
    time.sleep(0.04)
"""
LAZY = """
import importlib, pathlib
MODULES = ["xml.dom.minidom", "wsgiref.simple_server", "sqlite3", "csv", "ftplib", "poplib", "mailbox", "plistlib",
           "configparser", "difflib", "xmlrpc.client", "concurrent.futures.process"]

def write(number):
    importlib.import_module(MODULES[number])
    with open(os.environ["DATABASE"], "a") as done:
        done.write(f"{number}\\n")
    time.sleep(0.04)
"""
SHOP = """
def job(number):
    write(number)
    note(number)

@punch.handler
def handler(event, context):
    punch.push(time.sleep, 0.25 + event)
    for number in range(12):
        punch.push(job, number)
"""


class Client(NamedTuple):
    """Where jobs write, how, and what is there in the end."""

    source: str
    env: dict[str, str]
    written: Callable[[], list[int]]


@pytest.fixture
def sqlite_file(tmp_path: Any) -> str:
    """A database in a file."""
    path = str(tmp_path / "shop.db")
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table done (number integer)")
    return path


@pytest.fixture(params=["psycopg", "Django on PostgreSQL", "Django on SQLite", "boto3", "lazy imports"])
def client(request: pytest.FixtureRequest, tmp_path: Any) -> Client:
    """Each kind of client."""
    if request.param in ("psycopg", "Django on PostgreSQL"):
        server: Postgres = request.getfixturevalue("postgres")
        return _on_postgres(server, PSYCOPG if request.param == "psycopg" else ON_POSTGRES + DJANGO)
    if request.param == "Django on SQLite":
        pytest.importorskip("django")
        path: str = request.getfixturevalue("sqlite_file")

        def rows() -> list[int]:
            with closing(sqlite3.connect(path)) as database:
                return [number for (number,) in database.execute("select number from done")]

        return Client(ON_SQLITE + DJANGO, {"DATABASE": path}, rows)
    if request.param == "boto3":
        return _on_s3(request)
    file = tmp_path / "done"
    return Client(LAZY, {"DATABASE": str(file)}, lambda: [int(line) for line in file.read_text().split()])


def _on_postgres(server: Postgres, source: str) -> Client:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("drop table if exists done")
        admin.execute("create table done (number integer, slept text)")

    def rows() -> list[int]:
        with psycopg.connect(server.url) as reader:
            return [number for (number,) in reader.execute("select number from done").fetchall()]

    return Client(source, {"DATABASE": server.url, "PGPORT": str(server.port)}, rows)


def _on_s3(request: pytest.FixtureRequest) -> Client:
    boto3 = pytest.importorskip("boto3")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(
        ip_address="127.0.0.1", port=free_port(), verbose=False
    )
    server.start()
    request.addfinalizer(server.stop)
    host, port = server.get_host_and_port()
    env = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    reader = boto3.client(
        "s3", endpoint_url=env["AWS_ENDPOINT_URL"], aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )  # fmt: skip
    reader.create_bucket(Bucket="done")

    def keys() -> list[int]:
        found = reader.list_objects_v2(Bucket="done").get("Contents", [])
        request.addfinalizer(lambda: [reader.delete_object(Bucket="done", Key=each["Key"]) for each in found])
        return [int(each["Key"]) for each in found]

    return Client(BOTO3, env, keys)


@pytest.mark.parametrize("moment", MOMENTS)
def test_leftovers_that_use_a_client_of_the_module_are_all_done_whenever_the_end_comes(
    function: Callable[..., Function], client: Client, moment: float
) -> None:
    """Each once, none lost, and what they wrote is there."""
    shop = function(client.source + SHOP, env=client.env, timeout=0.5, init_timeout=30)

    shop.invoke(moment)
    shop.wait_idle(timeout=10)
    shop.shutdown()

    assert sorted(map(int, shop.told)) == list(range(JOBS)), shop.logs
    assert sorted(client.written()) == list(range(JOBS))
    assert shop.said("lost") == []
