"""The table of the three lanes in docs/durable-jobs.md: each cell names the test that holds it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.testing import enqueued, inline

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

ROOT = Path(__file__).parents[2]
AFTER = "tests/acceptance/test_answer_first.py::test_a_job_runs_after_the_response_and_before_the_freeze"
HERE = "tests/jobs/test_lanes.py"
ROUTING = "tests/jobs/receiving/test_routing.py"
REFUSED = "tests/jobs/test_declare.py::test_what_an_asynchronous_invoke_cannot_do_is_refused_at_the_declaration"
CELLS = {
    "Async": (AFTER, f"{HERE}::test_enqueued_behind_the_response_it_costs_the_caller_nothing", f"{ROUTING}::test_an_invoked_job_raises_what_it_raises"),
    "Queues": (f"{HERE}::test_a_pushed_job_knows_neither_queue_nor_delay", "tests/jobs/sending/test_enqueue.py::test_many_go_ten_at_a_time", f"{ROUTING}::test_an_asynchronous_invoke_goes_to_the_function_named"),
    "Delayed": (f"{HERE}::test_a_pushed_job_knows_neither_queue_nor_delay", "tests/jobs/receiving/test_fifo.py::test_a_fifo_delay_is_the_messages_visibility", REFUSED),
    "Priorities": ("tests/runtime/test_drain.py::test_jobs_run_in_the_order_pushed_with_their_arguments", f"{HERE}::test_a_priority_is_a_queue_of_its_own", f"{HERE}::test_no_lane_has_an_option_for_priorities"),
    "Timeout": ("tests/acceptance/test_deadline.py::test_a_job_that_outlasts_the_timeout_goes_on_at_the_next_invoke", "tests/jobs/receiving/test_timeouts.py::test_a_job_is_stopped_at_its_timeout", f"{ROUTING}::test_an_invoked_job_is_stopped_before_the_functions_timeout"),
    "Retries": ("tests/runtime/test_drain.py::test_whatever_a_job_raises_the_next_one_runs", "tests/jobs/receiving/test_retries.py::test_each_retry_waits_as_the_table_says", REFUSED),
    "Needs": (AFTER, "tests/examples/test_jobs.py::test_the_sam_template_says_what_durable_jobs_need", f"{ROUTING}::test_an_asynchronous_invoke_goes_to_the_function_named"),
}  # fmt: skip


def test_each_cell_of_the_table_has_a_test() -> None:
    """The rows are those of the document, three lanes each, and every test named is there."""
    text = (ROOT / "docs/durable-jobs.md").read_text().partition("## Three lanes")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ") and "---" not in line]

    assert {row[0]: len(row) - 1 for row in rows[1:]} == dict.fromkeys(CELLS, 3)
    for name in {name for cells in CELLS.values() for name in cells}:
        file, _, test = name.partition("::")
        tree = ast.parse((ROOT / file).read_text())
        assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, name


def test_a_pushed_job_knows_neither_queue_nor_delay(done: list[Any]) -> None:
    """It runs here, in its turn; both apply to its message if it becomes one."""

    @punch.job(name="later", queue="bulk", delay=600)
    def later(value: int) -> None:
        done.append(value)

    with enqueued() as jobs, inline():
        punch.push(later, 1)

    assert (done, len(jobs)) == ([1], 0)


def test_a_priority_is_a_queue_of_its_own(sqs: Any, note: Any) -> None:
    """Each with a mapping of its own, so that the urgent ones do not wait behind the others."""
    urgent, bulk = sqs.create("urgent"), sqs.create("bulk")
    note.using(queue="bulk").enqueue(1)
    note.using(queue="urgent").enqueue(2)

    assert [body["args"] for body in sqs.bodies(urgent)] == [[2]]
    assert [body["args"] for body in sqs.bodies(bulk)] == [[1]]


@pytest.mark.parametrize("backend", ["sqs", "lambda_event", "memory"])
def test_no_lane_has_an_option_for_priorities(note: Any, backend: str) -> None:
    """So asking for one is an error, and not silently nothing."""
    with pytest.raises(punch.LambdaPunchError, match="priority"):
        note.using(backend=backend, priority=1)


def test_enqueued_behind_the_response_it_costs_the_caller_nothing(
    function: Callable[..., Function], sqs: Any, sqs_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the local Lambda: the answer is out before anything is sent, and one call sends all three."""
    url = sqs.create("jobs")
    made = function(
        """
        from lambda_punch.jobs import aws

        def noted(params, model, **_):
            note("call", model.name, len(params.get("Entries", [])))

        aws.client("sqs").meta.events.register("before-parameter-build.sqs", noted)

        @punch.job(queue="jobs", after_response=True)
        def work(number): ...

        @punch.handler
        def handler(event, context):
            for number in range(3):
                work.enqueue(number)
            note("answers")
            return "ok"
        """,
        env={
            "AWS_ENDPOINT_URL": sqs_server, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1", "LAMBDA_PUNCH_QUEUES": json.dumps({"jobs": {"url": url}}),
        },
        init_timeout=30,
    )  # fmt: skip
    invocation = made.invoke({})
    made.wait_idle(timeout=15)

    assert invocation.json() == "ok"
    assert made.told == ["answers", "call SendMessageBatch 3"]
    assert next(note.at for note in made.notes if note.words[0] == "call") > invocation.responded_at
    assert len(sqs.bodies(url)) == 3
    metrics = [json.loads(line) for _, line in made.logs if re.match(r'\{"_aws"', line)]
    assert [each["JobEvent"] for each in metrics] == ["enqueue"] * 3
