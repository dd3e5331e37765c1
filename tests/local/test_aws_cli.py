"""The AWS CLI's Lambda client against the served function, as people type it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local.http.function_server import FunctionServer
from tests.packages import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lambda_punch.local import LocalLambda
    from tests.local.conftest import Scripts

pytestmark = [pytest.mark.slow, pytest.mark.network]
RELEASE = "1.46.3"
HANDLER = """
def handler(event, context):
    print("heard", event)
    if "fail" in event:
        raise ValueError(event["fail"])
    return {"got": event}
"""


class Cli:
    """Calls ``aws lambda invoke``; ``payload`` is what it wrote into the file that it is given."""

    def __init__(self, endpoint: str, packages: Path, directory: Path) -> None:
        self._endpoint = endpoint
        self._packages = packages
        self._file = directory / "answer.json"
        self.payload = b""

    def invoke(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "awscli", "lambda", "invoke", "--function-name", name, *words]
        environ = {
            **os.environ, "PYTHONPATH": str(self._packages), "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b",
            "AWS_DEFAULT_REGION": "eu-west-1", "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": os.devnull,
        }  # fmt: skip
        self._file.unlink(missing_ok=True)
        ran = subprocess.run(
            [*command, "--endpoint-url", self._endpoint, "--output", "json", str(self._file)],
            capture_output=True, text=True, check=False, env=environ,
        )  # fmt: skip
        self.payload = self._file.read_bytes() if self._file.exists() else b""
        return ran


@pytest.fixture
def cli(local: Callable[..., LocalLambda], scripts: Scripts, tmp_path: Path) -> Iterator[Cli]:
    packages = installed("awscli", RELEASE)
    scripts.function(HANDLER)
    with local() as function, FunctionServer(function, name="shop") as server:
        yield Cli(server.url, packages, tmp_path)


def told(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


@pytest.mark.timeout(180)
def test_it_gets_answers_errors_logs_and_statuses_as_from_aws(cli: Cli) -> None:
    answer = told(cli.invoke("shop", "--payload", '{"n": 1}', "--log-type", "Tail"))
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(cli.payload) == {"got": {"n": 1}}
    assert "heard {'n': 1}" in base64.b64decode(answer["LogResult"]).decode()

    failed = told(
        cli.invoke("arn:aws:lambda:eu-west-1:123456789012:function:shop:$LATEST", "--payload", '{"fail": "no"}')
    )
    assert failed["FunctionError"] == "Unhandled"
    assert json.loads(cli.payload)["errorType"] == "ValueError"

    assert told(cli.invoke("shop", "--invocation-type", "Event"))["StatusCode"] == 202
    assert told(cli.invoke("shop", "--invocation-type", "DryRun"))["StatusCode"] == 204

    unknown = cli.invoke("other")
    assert unknown.returncode != 0
    assert "(ResourceNotFoundException)" in unknown.stderr
