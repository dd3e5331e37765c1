"""``lambda_punch.cdk``: the construct, synthesised by the CDK itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.packages import aws_cdk

ROOT = Path(__file__).parents[2]
APP = """
from aws_cdk import App, Duration, Stack
from aws_cdk.aws_lambda import Code, Function, Runtime
from lambda_punch.cdk import DurableJobs

app = App()
stack = Stack(app, "Shop")

def function(name, **options):
    return Function(stack, name, runtime=Runtime.PYTHON_3_13, handler="app.handler", code=Code.from_inline("x"), **options)

web, worker = function("Web"), function("Worker", timeout=Duration.seconds(20))
jobs = DurableJobs(stack, "Jobs", worker=worker, senders=[web], OPTIONS)
assert len(jobs.alarms) == 2 * len(jobs.queues), jobs.alarms
app.synth()
"""

pytestmark = [pytest.mark.slow, pytest.mark.network, pytest.mark.timeout(300)]


def synthesise(directory: Path, options: str) -> subprocess.CompletedProcess[str]:
    (directory / "stack.py").write_text(APP.replace("OPTIONS", options))
    environ = {
        **os.environ, "PYTHONPATH": f"{aws_cdk()}{os.pathsep}{ROOT}", "CDK_OUTDIR": str(directory / "out"),
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
    }  # fmt: skip
    command = [sys.executable, "stack.py"]
    return subprocess.run(command, cwd=directory, env=environ, capture_output=True, text=True, check=False)


def template(directory: Path, options: str) -> dict[str, list[dict[str, Any]]]:
    """The properties of the resources that it makes, by their types."""
    ran = synthesise(directory, options)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[dict[str, Any]]] = {}
    for resource in json.loads((directory / "out/Shop.template.json").read_text())["Resources"].values():
        found.setdefault(resource["Type"], []).append(resource["Properties"])
    return found


def actions(resources: dict[str, list[dict[str, Any]]], role: str) -> set[str]:
    """What a function may do."""
    (policy,) = (each for each in resources["AWS::IAM::Policy"] if each["PolicyName"].startswith(role))
    given = [statement["Action"] for statement in policy["PolicyDocument"]["Statement"]]
    return {action for each in given for action in ([each] if isinstance(each, str) else each)}


def test_two_queues_with_what_they_need(tmp_path: Path) -> None:
    """Dead letters, mappings, alarms, permissions, variables."""
    found = template(tmp_path, 'queues=["orders", "bills.fifo"]')

    queues = {each["QueueName"]: each for each in found["AWS::SQS::Queue"]}
    assert set(queues) == {"Shop-orders", "Shop-orders-dead", "Shop-bills.fifo", "Shop-bills-dead.fifo"}
    assert queues["Shop-orders"]["VisibilityTimeout"] == 6 * 20
    assert queues["Shop-bills.fifo"]["FifoQueue"] is queues["Shop-bills-dead.fifo"]["FifoQueue"] is True
    assert {each["MessageRetentionPeriod"] for each in queues.values()} == {14 * 86_400}
    assert queues["Shop-orders"]["RedrivePolicy"]["maxReceiveCount"] == 13
    for mapping in found["AWS::Lambda::EventSourceMapping"]:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": 10}
    assert sorted(each["MetricName"] for each in found["AWS::CloudWatch::Alarm"]) == (
        ["ApproximateAgeOfOldestMessage"] * 2 + ["ApproximateNumberOfMessagesVisible"] * 2
    )
    for function in found["AWS::Lambda::Function"]:
        settings = "".join(map(str, function["Environment"]["Variables"]["LAMBDA_PUNCH_QUEUES"]["Fn::Join"][1]))
        assert settings.count('"max_receive_count":13') == 2
        assert set(re.findall(r'"([\w.]+)":\{"url"', settings)) == {"orders", "bills.fifo"}
        assert set(function["Environment"]["Variables"]) == {"LAMBDA_PUNCH_QUEUES"}
    assert actions(found, "Web") == {"sqs:SendMessage"}
    assert actions(found, "Worker") == {
        "sqs:SendMessage", "sqs:ChangeMessageVisibility", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
    }  # fmt: skip
    assert not {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Scheduler::Schedule"} & set(found)


def test_table_bucket_and_schedules(tmp_path: Path) -> None:
    """As the documents describe them; cfn-lint finds nothing wrong with what comes out."""
    schedules = ROOT / "examples/jobs/schedules.json"
    found = template(tmp_path, f'queues=["orders"], table=True, bucket=True, schedules="{schedules}"')

    (table,), (bucket,) = found["AWS::DynamoDB::Table"], found["AWS::S3::Bucket"]
    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("lambda-punch/", 30)
    (schedule,) = found["AWS::Scheduler::Schedule"]
    assert schedule["ScheduleExpression"] == "cron(0 8 * * ? *)"
    assert schedule["Target"]["Input"] == '{"lambda_punch": 1, "job": "app.report"}'
    assert "Orders" in schedule["Target"]["Arn"]["Fn::GetAtt"][0]
    for function in found["AWS::Lambda::Function"]:
        assert {"LAMBDA_PUNCH_TABLE", "LAMBDA_PUNCH_BUCKET"} < set(function["Environment"]["Variables"])
    writes = {f"dynamodb:{name}" for name in ("PutItem", "UpdateItem", "DeleteItem", "GetItem", "BatchWriteItem")}
    assert {*writes, "s3:PutObject", "s3:DeleteObject*"} < actions(found, "Web")
    assert {*writes, "s3:GetObject*", "s3:List*", "s3:DeleteObject*"} < actions(found, "Worker")
    pytest.importorskip("cfnlint")
    code = "import sys; from cfnlint.runner import main; sys.exit(main())"
    words = ["--ignore-checks", "W3005", "--", str(tmp_path / "out/Shop.template.json")]  # the CDK's own doing
    said = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_a_schedule_for_a_queue_that_is_not_there_is_refused(tmp_path: Path) -> None:
    schedules = ROOT / "examples/jobs/schedules.json"
    ran = synthesise(tmp_path, f'queues=["other"], schedules="{schedules}"')

    assert ran.returncode == 1
    assert "schedules.json has a job for queue orders, which is not among other" in ran.stderr


def test_without_the_cdk_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['aws_cdk'] = None\ntry: import lambda_punch.cdk\nexcept ImportError as error: print(error)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)

    assert ran.stdout.startswith("lambda_punch.cdk needs aws-cdk-lib; install it with: ")
    assert "lambda-punch[cdk]" in ran.stdout
