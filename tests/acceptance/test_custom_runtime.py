"""With another runtime client than AWS's own it is handled() that tells the extension."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function

RUNTIME = """
    import json, urllib.request
    punch.start()
    API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"

    class Context:
        def __init__(self, headers):
            self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
            self.deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

        def get_remaining_time_in_millis(self):
            return self.deadline_ms - time.time() * 1000

    while True:
        with urllib.request.urlopen(API + "next") as request:
            request_id = request.headers["Lambda-Runtime-Aws-Request-Id"]
            event = json.load(request)
        punch.push(note, "job", request_id)
        with urllib.request.urlopen(API + request_id + "/response", json.dumps("answer").encode()):
            if event != "forget":
                punch.handled({context})
"""


@pytest.mark.parametrize("context", ["Context(request.headers)", "None"], ids=["context", "no context"])
def test_handled_has_the_jobs_run(function: Callable[..., Function], tmp_path: Path, context: str) -> None:
    """The record is written by handled(), and the extension has the jobs drained.

    Without a request id it stands for the request that the extension waits for.
    """
    shop = function(RUNTIME.replace("{context}", context), runtime_command=[sys.executable, tmp_path / "app.py"])

    for number in range(3):
        invocation = shop.invoke({})
        shop.wait_idle(timeout=10)
        assert shop.told[number:] == [f"job {invocation.request_id}"]


def test_a_forgotten_handled_does_not_make_the_function_time_out(
    function: Callable[..., Function], tmp_path: Path
) -> None:
    """The extension waits in vain, lets go before the deadline, and has the jobs run behind the next response."""
    shop = function(
        RUNTIME.replace("{context}", "Context(request.headers)"),
        runtime_command=[sys.executable, tmp_path / "app.py"],
        timeout=1.0,
    )

    first, forgetful, last = (shop.invoke(event) for event in ({}, "forget", {}))
    shop.wait_idle(timeout=10)

    assert [each.json() for each in (first, forgetful, last)] == ["answer"] * 3
    assert shop.told == [f"job {each.request_id}" for each in (first, forgetful, last)]
    assert shop.started.count("runtime") == 1
