"""``lambda-punch jobs schedules``: the list and the template, which EventBridge Scheduler takes and sends by."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import lambda_punch as punch
from lambda_punch.errors import JobOptionError
from lambda_punch.jobs.operating.recurring import recurring, template
from lambda_punch.jobs.receiving.routing import jobs_handler
from tests.jobs.servers import ON_MINISTACK

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
APP = """
import lambda_punch as punch
print("this is being imported")

@punch.job(queue="orders", cron="0 8 * * MON-FRI", timezone="Europe/Berlin")
def report(day="today"): ...

@punch.job(queue="orders.fifo", every=7200)
def tidy(): ...

@punch.job(queue="orders")
def ship(): ...
"""


@pytest.fixture
def schedules(tmp_path: Path) -> Callable[..., Any]:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "plain.py").write_text("")

    def call(*words: str) -> Any:
        command = [sys.executable, "-m", "lambda_punch", "jobs", "schedules", *words]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environ)

    return call


def declare(done: list[Any] | None = None) -> None:
    """A job on a standard queue, one on a FIFO queue, and one that the function itself is invoked for."""
    heard: list[Any] = [] if done is None else done

    @punch.job(name="shop.report", queue="orders", cron="0 8 * * MON-FRI", timezone="Europe/Berlin")
    def report() -> None:
        heard.append("report")

    @punch.job(name="shop.tidy", queue="orders.fifo", every=7200, group=lambda: "a ${group}".replace(" ", "-"))
    def tidy() -> None:
        heard.append("tidy")

    @punch.job(name="shop.own", backend="lambda_event", every=60)
    def own() -> None:
        heard.append("own")


def test_the_list(schedules: Callable[..., Any]) -> None:
    """Without the jobs that do not recur; what the module prints is on stderr."""
    listed = schedules("--app", "app")
    heads, report, tidy = listed.stdout.splitlines()

    assert (listed.returncode, listed.stderr) == (0, "this is being imported\n")
    assert heads.split() == ["JOB", "QUEUE", "EXPRESSION", "ZONE", "NEXT", "RUNS", "(UTC)"]
    assert report.startswith("app.report  orders       cron(0 8 ? * 2,3,4,5,6 *)  Europe/Berlin  20")
    assert tidy.split("  ")[0] == "app.tidy"
    assert tidy.endswith("counted from when it is deployed")


def test_the_list_as_json(schedules: Callable[..., Any]) -> None:
    """With as many next runs as are asked for."""
    report, tidy = map(json.loads, schedules("--app", "app", "--json", "--next", "3").stdout.splitlines())

    assert len(report.pop("next")) == 3
    assert report == {
        "job": "app.report", "queue": "orders", "backend": "sqs", "expression": "cron(0 8 ? * 2,3,4,5,6 *)",
        "timezone": "Europe/Berlin", "group": None, "input": '{"lambda_punch": 1, "job": "app.report"}',
    }  # fmt: skip
    assert (tidy["group"], tidy["next"]) == ("app.tidy", [])


def test_a_module_without_recurring_jobs(schedules: Callable[..., Any]) -> None:
    """It has no template; and one that is not there is named."""
    plain, nobody = schedules("--app", "plain", "--template"), schedules("--app", "nobody")

    assert (plain.returncode, plain.stdout) == (1, "")
    assert "no job of plain is declared with cron or every" in plain.stderr
    assert (nobody.returncode, "there is no module nobody" in nobody.stderr) == (2, True)


@pytest.mark.slow
def test_the_template_is_valid(schedules: Callable[..., Any], tmp_path: Path) -> None:
    """cfn-lint has nothing to say against it."""
    pytest.importorskip("cfnlint")
    (tmp_path / "schedules.json").write_text(schedules("--app", "app", "--template").stdout)
    code = "import sys; from cfnlint.runner import main; sys.exit(main())"
    said = subprocess.run(
        [sys.executable, "-c", code, "schedules.json"], capture_output=True, text=True, check=False, cwd=tmp_path
    )

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_jobs_of_similar_names_have_resources_of_their_own() -> None:
    for name in ("a.b", "a-b", "ab", "State", "role"):
        punch.job(name=name, queue="q", every=60)(lambda: None)

    made = template(recurring())

    assert sorted(made["Resources"]) == ["AB", "AB2", "Ab", "Role", "Role2", "State2"]
    assert sorted(made["Parameters"]) == ["QArn", "State"]


def test_a_group_that_needs_arguments_is_refused() -> None:
    punch.job(name="tidy", queue="q.fifo", every=60, group=lambda order: f"{order}")(lambda order=1: None)

    with pytest.raises(JobOptionError, match=r"tidy: its group is not known without arguments"):
        recurring()


def resolved(value: Any, known: dict[str, Any]) -> Any:  # noqa: PLR0911 - one for each function
    """What CloudFormation makes of the functions in our template."""
    if isinstance(value, list):
        return [resolved(each, known) for each in value]
    if not isinstance(value, dict):
        return value
    (function, given), *others = value.items()
    if others or not (function.startswith("Fn::") or function == "Ref"):
        return {name: resolved(each, known) for name, each in value.items()}
    if function == "Ref":
        return known[given]
    if function == "Fn::GetAtt":
        return known[".".join(given)]
    if function == "Fn::Split":
        return resolved(given[1], known).split(given[0])
    if function == "Fn::Select":
        return resolved(given[1], known)[given[0]]
    assert function == "Fn::Sub"
    text, variables = given if isinstance(given, list) else (given, {})
    for name, each in {**known, **{name: resolved(each, known) for name, each in variables.items()}}.items():
        text = text.replace("${" + name + "}", each)
    return text.replace("${!", "${")


def test_the_scheduler_takes_each_schedule_and_what_it_sends_runs_the_job(sqs: Any, sqs_server: str) -> None:
    """By the API, with the properties of the template. The target of a FIFO queue is the call that its input spells."""
    done: list[Any] = []
    declare(done)
    made = template(recurring())
    orders, fifo = sqs.create("orders"), sqs.create("orders.fifo")
    arns = {name: f"arn:aws:sqs:eu-west-1:123456789012:{name}" for name in ("orders", "orders.fifo")}
    known = {
        "State": "ENABLED", "Role.Arn": "arn:aws:iam::123456789012:role/Role", "OrdersArn": arns["orders"],
        "OrdersFifoArn": arns["orders.fifo"], "AWS::URLSuffix": "amazonaws.com", "AWS::Partition": "aws",
        "FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:shop",
    }  # fmt: skip
    scheduler = boto3.client("scheduler", endpoint_url=sqs_server)

    targets = {}
    for name, resource in made["Resources"].items():
        if resource["Type"] == "AWS::Scheduler::Schedule":
            scheduler.create_schedule(Name=name, **resolved(resource["Properties"], known))
            found = scheduler.get_schedule(Name=name)
            assert found["ScheduleExpression"] == resource["Properties"]["ScheduleExpression"]
            targets[name] = found["Target"]

    assert scheduler.get_schedule(Name="ShopReport")["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert targets["ShopReport"]["Arn"] == arns["orders"]
    assert targets["ShopTidy"]["Arn"] == "arn:aws:scheduler:::aws-sdk:sqs:sendMessage"
    call = json.loads(targets["ShopTidy"]["Input"])
    assert call.pop("QueueUrl") == "https://sqs.eu-west-1.amazonaws.com/123456789012/orders.fifo"
    assert call["MessageGroupId"] == "a-${group}"
    sqs.client.send_message(QueueUrl=orders, MessageBody=targets["ShopReport"]["Input"])
    sqs.client.send_message(QueueUrl=fifo, **{**call, "MessageDeduplicationId": "execution-1"})
    for url in (orders, fifo):
        assert jobs_handler(sqs.event(url)) == {"batchItemFailures": []}
    jobs_handler(json.loads(targets["ShopOwn"]["Input"]))
    assert done == ["report", "tidy", "own"]


@ON_MINISTACK
@pytest.mark.slow
def test_the_template_deploys_and_its_schedule_fires(sqs: Any, sqs_server: str) -> None:
    """On ministack, whose CloudFormation makes the schedules, and whose scheduler sends by them. moto has neither."""
    cloud = boto3.client("cloudformation", endpoint_url=sqs_server)
    done: list[Any] = []
    declare(done)
    url = sqs.create("orders")
    arn = sqs.client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    values = {
        "OrdersArn": arn,
        "OrdersFifoArn": f"{arn}.fifo",
        "FunctionArn": "arn:aws:lambda:eu-west-1:1:function:shop",
    }
    cloud.create_stack(
        StackName="schedules", TemplateBody=json.dumps(template(recurring())), Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
    )  # fmt: skip
    cloud.get_waiter("stack_create_complete").wait(StackName="schedules", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    scheduler = boto3.client("scheduler", endpoint_url=sqs_server)
    (name,) = (each["Name"] for each in scheduler.list_schedules()["Schedules"] if "ShopReport" in each["Name"])
    made = scheduler.get_schedule(Name=name)

    assert made["ScheduleExpression"] == "cron(0 8 ? * 2,3,4,5,6 *)"
    scheduler.update_schedule(  # nobody waits until eight
        Name=name,
        ScheduleExpression="at(2020-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=made["Target"],
    )
    event = sqs.event(url, wait=20)
    assert jobs_handler(event) == {"batchItemFailures": []}
    assert done == ["report"]


LOCAL = """
import os
import lambda_punch as punch

NAME = os.environ["AWS_LAMBDA_FUNCTION_NAME"]

@punch.job(queue="orders", cron="* * * * *")
def report():
    print("the report", flush=True)

@punch.job(queue="elsewhere", every=60)
def other(): ...

handler = punch.handler(lambda event, context: None)
"""


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_local_lambda_runs_a_job_when_it_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """By its own clock, which here begins half a second before a full minute. Queues that are not polled are named."""
    pytest.importorskip("moto.server")
    import time

    from lambda_punch import command
    from lambda_punch.command.local import queues, schedules

    (tmp_path / "app.py").write_text(LOCAL)
    begin: list[float] = []

    def clock() -> float:
        begin.append(time.time())
        return 1_790_000_040 - 0.5 + time.time() - begin[0]

    ran = threading.Event()
    show = queues.show

    def shown(console: Any, delivered: Any) -> None:
        show(console, delivered)
        ran.set()

    monkeypatch.setattr(schedules, "clock", clock)
    monkeypatch.setattr(queues, "show", shown)
    monkeypatch.setattr(queues, "wait", lambda *_, **__: ran.wait(40))
    words = ["app.handler", "--task-root", str(tmp_path), "--queue", "orders", "--no-extension", "--plain"]

    assert command.main(["local", *words]) == 0

    out, err = capfd.readouterr()
    assert "app.report is sent to orders by cron(* * * * ? *) UTC" in out
    assert "app.report is due and was sent to orders" in out
    assert "the report" in out
    assert "orders: 1 of 1 messages done" in out
    assert "app.other recurs, but is not sent here; add --queue elsewhere" in err


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_module_that_cannot_be_imported_beside_the_function_is_named(tmp_path: Path) -> None:
    from lambda_punch.command.local.schedules import listed

    (tmp_path / "app.py").write_text("import nothing_of_that_name")
    arguments: Any = SimpleNamespace(handler="app.handler", task_root=str(tmp_path), env=[], env_file=[], name=None)

    with pytest.raises(
        ValueError, match=r"app cannot be imported beside the function: ModuleNotFoundError: .*nothing_of"
    ):
        listed(arguments, {}, threading.Event())
