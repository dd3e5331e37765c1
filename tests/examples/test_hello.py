"""The smallest function: it answers, and then writes a line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lambda_punch.installer import staged
from lambda_punch.local import LocalLambda
from lambda_punch.testing import recorded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_it_answers_and_leaves_one_job(load: Callable[[Path, str], Any], hello_root: Path) -> None:
    """The greeting is the answer; the line for the log is pushed."""
    app = load(hello_root, "app")
    with recorded() as jobs:
        answer = app.handler({"name": "Ada"}, SimpleNamespace(aws_request_id="request"))
    assert answer == {"message": "Hello, Ada!"}
    assert [(job.name, job.args) for job in jobs] == [("app.note_visit", ("Ada",))]


def test_the_line_is_in_the_log(hello_root: Path) -> None:
    """In a local Lambda the job runs after the response."""
    with staged() as extension, LocalLambda("app.handler", task_root=hello_root, extensions=[extension]) as function:
        assert function.invoke({}).json() == {"message": "Hello, world!"}
        function.wait_idle(timeout=5)
    assert [line for _, line in function.logs] == ["world has been greeted; this line was written after the response"]
