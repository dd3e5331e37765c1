"""The example of durable jobs: its demo, and its templates."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.packages import aws_cdk

REPOSITORY = Path(__file__).resolve().parents[2]
JOBS = REPOSITORY / "examples" / "jobs"
TEMPLATE = JOBS / "template.yaml"
# The least that each function can do with.
WORKERS = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"}


@pytest.mark.slow
@pytest.mark.timeout(100)
def test_the_demo_shows_what_it_claims() -> None:
    """It exits with 1 otherwise; the timeline, the dead letters and each job's end are there."""
    pytest.importorskip("moto.server")
    command = [sys.executable, str(JOBS / "demo.py")]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    for text in (
        "202 after",
        "charged order-1 at try 3",
        "app.charge",
        "failed, attempt 1 of 6; next run in 1 s",
        "its message goes to orders-dead: RuntimeError: no paper",
        "orders: empty",
        "from_the_future",
        "$ lambda-punch jobs list orders\n",
        "it has used up its retries (1) ",
        "$ lambda-punch jobs run orders --job app.print_label\n",
        "1 of queue orders-dead sent afresh",
        "# response",
    ):
        assert text in ran.stdout


@pytest.fixture(scope="module")
def template() -> Any:
    decode = pytest.importorskip("cfnlint.decode")
    found, problems = decode.decode(str(TEMPLATE))
    assert problems == []
    return found


@pytest.mark.slow
def test_the_sam_template_is_valid() -> None:
    """cfn-lint has nothing to say against it, not even a warning."""
    pytest.importorskip("cfnlint")
    code = "import sys; from cfnlint.runner import main; sys.exit(main())"
    said = subprocess.run([sys.executable, "-c", code, str(TEMPLATE)], capture_output=True, text=True, check=False)

    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_the_sam_template_says_what_durable_jobs_need(template: Any) -> None:
    """Redrive after thirteen receives, 14 days, partial batch responses, six times the timeout, one image, few rights."""
    resources = template["Resources"]
    queue, dead = resources["Orders"]["Properties"], resources["OrdersDead"]["Properties"]
    web, worker = resources["Web"], resources["Worker"]
    source = worker["Properties"]["Events"]["Orders"]["Properties"]

    assert queue["RedrivePolicy"]["maxReceiveCount"] == 13
    assert dead["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["VisibilityTimeout"] == 6 * template["Globals"]["Function"]["Timeout"]
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert web["Metadata"] == worker["Metadata"]
    assert web["Properties"]["Policies"][0]["Statement"][0]["Action"] == "sqs:SendMessage"
    received, sent = worker["Properties"]["Policies"][0]["Statement"]
    assert set(received["Action"]) == WORKERS
    assert (sent["Action"], len(sent["Resource"])) == ("sqs:SendMessage", 2)
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    assert '"max_receive_count": 13' in variables["LAMBDA_PUNCH_QUEUES"]["Fn::Sub"]


def test_the_dashboard_watches_the_queues_that_the_template_makes(template: Any) -> None:
    """The dead-letter queue's name follows from the queue's, and an alarm watches each of the two."""
    resources = template["Resources"]
    names = {key: resources[key]["Properties"]["QueueName"]["Fn::Sub"] for key in ("Orders", "OrdersDead")}
    name = names["Orders"].replace("${AWS::StackName}", "shop")
    dashboard = subprocess.run(
        [sys.executable, "-m", "lambda_punch", "dashboard", "--function", "worker", "--queue", name],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert f'"{names["OrdersDead"].replace("${AWS::StackName}", "shop")}"' in dashboard.stdout
    watched = {
        each["Properties"]["Dimensions"][0]["Value"]["Fn::GetAtt"][0]: each["Properties"]["MetricName"]
        for each in resources.values()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert watched == {
        "OrdersDead": "ApproximateNumberOfMessagesVisible",
        "Orders": "ApproximateAgeOfOldestMessage",
    }


def test_the_schedules_are_those_of_the_application(template: Any) -> None:
    """The file is what the command prints, and the SAM template gives it its parameters."""
    command = [sys.executable, "-m", "lambda_punch", "jobs", "schedules", "--app", "app", "--template"]
    environ = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=JOBS, env=environ).stdout
    nested = template["Resources"]["Schedules"]["Properties"]

    assert (JOBS / "schedules.json").read_text() == printed
    assert nested["TemplateURL"] == "schedules.json"
    needed = {name for name, each in json.loads(printed)["Parameters"].items() if "Default" not in each}
    assert set(nested["Parameters"]) == needed == {"OrdersArn"}
    for file in ("template.yaml", "stack.py"):
        assert "lambda-punch jobs schedules --app app --template > schedules.json" in (JOBS / file).read_text()


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.timeout(300)
def test_the_cdk_stack_synthesises_what_the_sam_template_has(tmp_path: Path, template: Any) -> None:
    """cdk.json starts it."""
    environ = {**os.environ, "CDK_OUTDIR": str(tmp_path), "PYTHONPATH": f"{aws_cdk()}{os.pathsep}{REPOSITORY}"}
    subprocess.run([sys.executable, "stack.py"], cwd=JOBS, env=environ, check=True, capture_output=True)
    made = json.loads((tmp_path / "Jobs.template.json").read_text())["Resources"].values()
    kinds = sorted(each["Type"] for each in made if not each["Type"].startswith("AWS::IAM"))

    assert kinds == [
        *["AWS::CloudWatch::Alarm"] * 2, "AWS::Lambda::EventSourceMapping", *["AWS::Lambda::Function"] * 2,
        *["AWS::SQS::Queue"] * 2, "AWS::Scheduler::Schedule",
    ]  # fmt: skip
    (queue,) = (each["Properties"] for each in made if "RedrivePolicy" in each["Properties"])
    of_sam = template["Resources"]["Orders"]["Properties"]
    for name in ("VisibilityTimeout", "MessageRetentionPeriod"):
        assert queue[name] == of_sam[name]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == of_sam["RedrivePolicy"]["maxReceiveCount"]
    assert (JOBS / "cdk.json").read_text() == '{"app": "python3 stack.py"}\n'


TERRAFORM = JOBS / "main.tf"


def test_terraform_says_what_the_sam_template_says(template: Any) -> None:
    """The numbers that matter, the rights of the worker, and the alarms."""
    text = TERRAFORM.read_text()
    resources = template["Resources"]
    queue = resources["Orders"]["Properties"]

    def numbers(name: str) -> list[int]:
        return [int(found) for found in re.findall(rf"\b{name} *= (\d+)", text)]

    assert numbers("max_receive_count") == [queue["RedrivePolicy"]["maxReceiveCount"]]
    assert numbers("message_retention_seconds") == [queue["MessageRetentionPeriod"]] * 2
    assert "visibility_timeout_seconds = 6 * var.worker.timeout" in text
    assert 'function_response_types = ["ReportBatchItemFailures"]' in text
    (received,) = re.findall(r"Action   = \[(.*?)\]", text)
    assert set(re.findall(r'"(\S+)"', received)) == WORKERS
    alarms = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert numbers("threshold") == [each["Threshold"] for each in alarms]
    assert re.findall(r'metric_name *= "(\w+)"', text) == [each["MetricName"] for each in alarms]


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_is_formatted_and_valid(tmp_path: Path) -> None:
    """By terraform itself, with AWS's provider if its registry can be reached."""
    for file in ("main.tf", "schedules.json"):
        shutil.copy(JOBS / file, tmp_path)

    def terraform(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["terraform", f"-chdir={tmp_path}", *words]
        environ = {name: value for name, value in os.environ.items() if name != "TF_CLI_CONFIG_FILE"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)

    formatted = terraform("fmt", "-check", "-diff")
    assert (formatted.returncode, formatted.stdout) == (0, "")
    begun = terraform("init", "-backend=false", "-no-color", "-input=false")
    if "could not connect" in begun.stderr or "Failed to query available provider packages" in begun.stderr:
        pytest.skip("the registry of Terraform's providers cannot be reached")
    assert begun.returncode == 0, begun.stderr
    said = terraform("validate", "-no-color")
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_image_installs_the_extra_that_jobs_need() -> None:
    """And the extension; the demo's commands are in the README."""
    assert "'lambda-punch[sqs]' && lambda-punch install" in (JOBS / "Dockerfile").read_text()
    assert "make demo-jobs" in (JOBS / "README.md").read_text()
    assert "\ndemo-jobs: " in (REPOSITORY / "Makefile").read_text()
