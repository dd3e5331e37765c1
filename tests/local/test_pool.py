"""Several environments side by side, the invoke API as AWS's SDK uses it, and log records that end where they end."""

from __future__ import annotations

import base64
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local.errors import EnvironmentClosedError, ThrottledError
from lambda_punch.local.http.function_server import FunctionServer
from lambda_punch.local.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambda_punch.local import LocalLambda

    from .conftest import Scripts

HANDLER = """
import json, logging, os, threading, time

def handler(event, context):
    if event == "fail":
        open(os.environ["TRIES"], "a").write("x")
        raise ValueError("no")
    if event == "log":
        try: {}["x"]
        except KeyError: logging.exception("told")
        print("three ran")
    if "say" in event: print(event["say"])
    time.sleep(event.get("sleep", 0) if isinstance(event, dict) else 0)
    return {"pid": os.getpid()}
"""


@pytest.fixture
def pool(local: Callable[..., LocalLambda], scripts: Scripts, tmp_path: Any) -> Iterator[Callable[..., Pool]]:
    scripts.function(HANDLER)
    made: list[Pool] = []

    def make(most: int) -> Pool:
        env = {"TRIES": str(tmp_path / "tries")}
        made.append(Pool(lambda on_event: local(on_event=on_event, env=env, timeout=10), most))
        return made[-1]

    yield make
    for each in made:
        each.shutdown(abandon=True)


def test_a_burst_is_served_side_by_side_and_a_quiet_time_by_one(pool: Callable[..., Pool]) -> None:
    with pool(4) as function:
        together = [function.submit({"sleep": 1}) for _ in range(4)]
        assert len({each.result(20).json()["pid"] for each in together}) == 4
        for each in function.environments:
            each.wait_idle(5)
        after = []
        for _ in range(3):
            after.append(function.submit({}).result(5).json()["pid"])
            for each in function.environments:
                each.wait_idle(5)

    assert len(set(after)) == 1


def test_beyond_the_limit_invokes_are_throttled(pool: Callable[..., Pool]) -> None:
    with pool(2) as function:
        busy = [function.submit({"sleep": 1}) for _ in range(2)]
        with pytest.raises(ThrottledError, match="all 2 environments"):
            function.submit({})
        assert all(each.result(10).ok for each in busy)
    with pytest.raises(EnvironmentClosedError):
        function.submit({})


def test_new_code_takes_over_and_the_old_finishes(pool: Callable[..., Pool]) -> None:
    with pool(2) as function:
        busy = function.submit({"sleep": 1})
        old = function.environments[0]
        assert function.renew() is None
        fresh = function.submit({}).result(10).json()["pid"]

        assert busy.result(10).json()["pid"] != fresh
        old.wait_for(lambda event: event.kind == "down", 10)
        assert function.submit({}).result(10).ok


def test_code_that_cannot_be_started_does_not_take_over(pool: Callable[..., Pool], scripts: Scripts) -> None:
    with pool(2) as function:
        before = function.submit({}).result(10).json()["pid"]
        function.environments[0].wait_idle(5)
        scripts.function("import nowhere")

        assert "nowhere" in str(function.renew())
        assert function.submit({}).result(10).json()["pid"] == before


@pytest.fixture
def client(pool: Callable[..., Pool]) -> Iterator[Callable[..., Any]]:
    """AWS's own SDK, pointed at the server; ``name`` is the function's."""
    boto3 = pytest.importorskip("boto3")
    from botocore.config import Config

    function = pool(1)
    servers = []

    def make(name: str | None = None, attempts: int = 1) -> Any:
        servers.append(FunctionServer(function, name=name, retry_after=(0.01, 0.01)))
        servers[-1].__enter__()
        return boto3.client(
            "lambda", endpoint_url=servers[-1].url, region_name="eu-west-1", aws_access_key_id="local",
            aws_secret_access_key="local", config=Config(retries={"total_max_attempts": attempts}),
        )  # fmt: skip

    with function:
        yield make
        for server in servers:
            server.__exit__(None, None, None)


@pytest.mark.parametrize(
    "name", ["shop", "arn:aws:lambda:eu-west-1:123456789012:function:shop", "123456789012:function:shop", "shop:live",
             "arn:aws:lambda:eu-west-1:123456789012:function:shop:7"],
)  # fmt: skip
@pytest.mark.parametrize("served", [None, "shop"])
def test_the_function_is_called_by_name_arn_and_qualifier(
    client: Callable[..., Any], name: str, served: str | None
) -> None:
    lambdas = client(served)
    answer = lambdas.invoke(FunctionName=name, Payload=b"{}")

    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(answer["Payload"].read())["pid"] > 0
    assert lambdas.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204


def call_many_times(lambdas: Any) -> None:
    for _ in range(200):
        lambdas.invoke(FunctionName="shop", Payload=b"{}")


def test_calls_that_lambda_refuses_have_its_errors(client: Callable[..., Any]) -> None:
    lambdas = client("shop")
    with pytest.raises(lambdas.exceptions.ResourceNotFoundException, match="shop is served here"):
        lambdas.invoke(FunctionName="mail")
    with pytest.raises(lambdas.exceptions.InvalidRequestContentException, match="Could not parse"):
        lambdas.invoke(FunctionName="shop", Payload=b"{")
    lambdas.invoke(FunctionName="shop", InvocationType="Event", Payload=b'{"sleep": 1}')
    with pytest.raises(lambdas.exceptions.TooManyRequestsException):
        call_many_times(lambdas)


def test_an_asynchronous_invoke_that_fails_is_tried_twice_again(client: Callable[..., Any], tmp_path: Any) -> None:
    lambdas = client()
    answer = lambdas.invoke(FunctionName="shop", InvocationType="Event", Payload=b'"fail"')
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")

    tries = tmp_path / "tries"
    until = time.monotonic() + 10
    while time.monotonic() < until and not (tries.exists() and len(tries.read_text()) == 3):
        time.sleep(0.02)
    assert len(tries.read_text()) == 3


def test_a_caller_gets_the_end_of_the_log_if_it_asks_for_it(client: Callable[..., Any]) -> None:
    lambdas = client(attempts=10)  # the environment is not idle the moment it has answered
    asked = lambdas.invoke(FunctionName="shop", LogType="Tail", Payload=b'{"say": "first"}')
    again = lambdas.invoke(FunctionName="shop", LogType="Tail", Payload=b'{"say": "second"}')
    lines = base64.b64decode(again["LogResult"]).decode().splitlines()
    request_id = again["ResponseMetadata"]["RequestId"]

    assert "first" in base64.b64decode(asked["LogResult"]).decode()
    assert lines[:3] == [f"START RequestId: {request_id} Version: $LATEST", "second", f"END RequestId: {request_id}"]
    assert lines[3].startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert "LogResult" not in lambdas.invoke(FunctionName="shop", Payload=b"{}")


def test_the_end_of_a_long_log_is_its_last_4_kilobytes(client: Callable[..., Any]) -> None:
    answer = client().invoke(FunctionName="shop", LogType="Tail", Payload=json.dumps({"say": "x" * 9000 + "end"}))
    tail = base64.b64decode(answer["LogResult"])

    assert len(tail) == 4096
    assert b"xend\nEND RequestId" in tail


def test_a_failure_says_what_failed_where_the_sdk_looks_for_it(client: Callable[..., Any]) -> None:
    answer = client().invoke(FunctionName="shop", LogType="Tail", Payload=b'"fail"')

    assert (answer["StatusCode"], answer["FunctionError"], answer["ExecutedVersion"]) == (200, "Unhandled", "$LATEST")
    error = json.loads(answer["Payload"].read())
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no")
    assert error["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert "[ERROR] ValueError: no" in base64.b64decode(answer["LogResult"]).decode()


def test_a_line_behind_a_traceback_is_a_line_of_its_own(local: Callable[..., LocalLambda], scripts: Scripts) -> None:
    scripts.function(HANDLER)
    with local() as function:
        function.invoke("log")
        function.wait_idle(5)

    lines = [line for _, line in function.logs]
    assert "KeyError: 'x'" in lines
    assert "three ran" in lines
    assert lines.index("KeyError: 'x'") < lines.index("three ran")


@pytest.mark.slow
def test_callers_do_not_wait_behind_tails(pool: Callable[..., Pool]) -> None:
    """Twenty at a time, as on Lambda: each has an environment that has nothing else to do."""
    with pool(20) as function, ThreadPoolExecutor(20) as callers:
        list(callers.map(lambda _: function.submit({"sleep": 0.5}).result(30), range(20)))
        for each in function.environments:
            each.wait_idle(10)

        def call(_: int) -> float:
            began = time.monotonic()
            function.submit({"sleep": 0.01}).result(10)
            return time.monotonic() - began

        waited = [took for _ in range(3) for took in callers.map(call, range(6)) if not time.sleep(0.3)]
    assert statistics.median(waited) < 0.2  # beside 0.5 s and more in one environment
