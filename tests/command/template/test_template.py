"""``lambda-punch local template.yaml``: a served template, in the shapes of SAM's samples, and the examples' own."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

pytest.importorskip("moto.server")
import boto3

from lambda_punch.command import main
from lambda_punch.command.local import schedules, template_schedules
from lambda_punch.command.local.console import Console
from lambda_punch.command.local.template_schedules import TemplateSchedules, due
from lambda_punch.local.errors import TemplateError
from lambda_punch.local.templates.functions import ScheduleSource

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
TEMPLATE = """
AWSTemplateFormatVersion: 2010-09-09
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev}
Globals:
  Function: {Runtime: python3.13, Timeout: 5}
Resources:
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 1}
  Dead: {Type: AWS::SQS::Queue}
  Table: {Type: AWS::Serverless::SimpleTable}
  getOrder:
    Type: AWS::Serverless::Function
    Properties:
      Handler: src/handlers/get_order.handler
      MemorySize: 256
      Layers: [!Ref Shared]
      Environment: {Variables: {TABLE: !Ref Table, QUEUE: !Ref Work, STAGE: !Ref Stage}}
      Events:
        Http: {Type: HttpApi, Properties: {Path: "/orders/{id}", Method: get}}
        Rest: {Type: Api, Properties: {Path: /orders, Method: POST}}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: worker/
      Handler: app.handler
      Events:
        Work: {Type: SQS, Properties: {Queue: !GetAtt Work.Arn, FunctionResponseTypes: [ReportBatchItemFailures]}}
"""
GET_ORDER = """
import json, os, boto3, shared
def handler(event, context):
    if event.get("pathParameters"):
        boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=event["pathParameters"]["id"])
    found = [os.environ["TABLE"], os.environ["STAGE"], shared.WORD, context.memory_limit_in_mb, event.get("version")]
    return {"statusCode": 200, "body": json.dumps(found)}
"""
WORKER = """
def handler(event, context):
    for record in event.get("Records", []):
        print("worked on", record["body"], flush=True)
    return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in event.get("Records", []) if each["body"] == "bad"]}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "src" / "handlers").mkdir(parents=True)
    (tmp_path / "worker").mkdir()
    (tmp_path / "layer" / "python").mkdir(parents=True)
    (tmp_path / "src" / "handlers" / "get_order.py").write_text(GET_ORDER)
    (tmp_path / "worker" / "app.py").write_text(WORKER)
    (tmp_path / "layer" / "python" / "shared.py").write_text("WORD = 'shared'")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    return tmp_path / "template.yaml"


class Run:
    """A served template."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.url = re.search(r"http://\S+", self.read_until("serving "))[0]  # type: ignore[index]

    def read_until(self, text: str) -> str:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError("".join(self.lines))

    def client(self) -> Any:
        return boto3.client(
            "lambda", endpoint_url=self.url, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
        )


@contextmanager
def serving(template: Path, *words: str, **variables: str) -> Iterator[Run]:
    with subprocess.Popen(
        [sys.executable, "-m", "lambda_punch", "local", str(template), "--serve", "0", "--plain", *words],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
    ) as process:
        yield Run(process)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
        assert process.returncode == 0


def test_functions_are_called_by_route_and_by_name_and_their_queues_are_worked(template: Path) -> None:
    with serving(template, "--parameter", "Stage=prod") as run:
        answer = requests.get(f"{run.url}/orders/bad", timeout=20)
        assert answer.json() == ["Table", "prod", "shared", "256", "2.0"]
        run.read_until("worked on bad")
        assert requests.post(f"{run.url}/orders", timeout=20).json()[-1] == "1.0"
        assert requests.get(f"{run.url}/nowhere", timeout=20).status_code == 404

        arn = "arn:aws:lambda:eu-west-1:123456789012:function:Worker"
        assert json.load(run.client().invoke(FunctionName=arn, Payload=b"{}")["Payload"]) == {"batchItemFailures": []}
        with pytest.raises(run.client().exceptions.ResourceNotFoundException, match="getOrder, Worker"):
            run.client().invoke(FunctionName="Nobody")


def test_the_page_shows_and_reaches_each_function(template: Path) -> None:
    with serving(template, "--ui") as run:
        page = next(re.search(r"http://\S+", line)[0] for line in run.lines if line.startswith("page at"))  # type: ignore[index]
        token = re.search('name="token" content="([^"]+)"', requests.get(page, timeout=5).text)[1]  # type: ignore[index]
        headers = {"X-Lambda-Punch-Token": token}
        event = {"Records": [{"messageId": "1", "body": "from the page"}]}
        sent = requests.post(f"{page}events?function=Worker", json=event, headers=headers, timeout=5)
        assert sent.status_code == 202
        run.read_until("worked on from the page")
        http = {"method": "GET", "path": "/orders/by-hand", "body": ""}
        assert requests.post(f"{page}http", json=http, headers=headers, timeout=5).status_code == 202
        run.read_until("worked on by-hand")
        nowhere = requests.post(f"{page}http", json={**http, "path": "/nowhere"}, headers=headers, timeout=5)
        assert (nowhere.status_code, "no route" in nowhere.text) == (409, True)
        queues = requests.get(f"{page}queues", timeout=5).json()["queues"]
        assert [each["queue"] for each in queues] == ["Work"]


def test_without_serve_an_event_goes_to_one_function_and_its_messages_are_worked(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["local", str(template), "--plain", "--request", "GET /orders/7"]) == 0
    out = capsys.readouterr().out
    assert "worked on 7" in out
    assert "Work: 1 of 1 messages done" in out
    assert main(["local", str(template), "--plain", "--name", "Worker"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say which function with --name: getOrder, Worker"),
        (["--name", "Nobody"], "--name Nobody is not one of the template's functions"),
        (["--request", "GET /nowhere"], "no route of the template is for GET /nowhere"),
        (["--queue", "work"], "--queue does not go with a template"),
        (["--parameter", "Stage"], "--parameter wants NAME=VALUE"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    template: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["local", str(template), "--plain", *words]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_schedule_sends_its_event_when_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: queue.Queue[bytes] = queue.Queue()
    now = [1_700_000_000.0]
    monkeypatch.setattr(schedules, "clock", lambda: now[0])
    monkeypatch.setattr(template_schedules, "_LONGEST_WAIT", 0.01)
    minutely = due(ScheduleSource("F.Events.Minutely", "rate(1 minute)", input='{"n": 1}'), sent.put)
    hourly = due(ScheduleSource("F.Events.Hourly", "rate(1 hour)"), sent.put)
    with TemplateSchedules([hourly, minutely], Console(plain=True)):
        now[0] += 61
        assert sent.get(timeout=20) == b'{"n": 1}'
        assert sent.empty()
        now[0] += 3600
        told = [sent.get(timeout=20), sent.get(timeout=20)]
        assert any(json.loads(each).get("detail-type") == "Scheduled Event" for each in told)


def test_what_is_no_schedule_is_refused() -> None:
    with pytest.raises(TemplateError, match=re.escape("F.Events.Never: cron(nonsense) is not a schedule")):
        due(ScheduleSource("F.Events.Never", "cron(nonsense)"), print)


def test_the_example_of_durable_jobs_runs_from_its_template(tmp_path: Path) -> None:
    """Its two images are one module; the queue, its dead letters and the settings come from the template."""
    with serving(ROOT / "examples/jobs/template.yaml", "--env", f"TRIES={tmp_path / 'tries'}") as run:
        answer = requests.post(run.url, json={"order": "order-1"}, timeout=20)
        assert answer.status_code == 202
        run.read_until("shipped order-1")


def test_the_example_for_sam_runs_from_its_template(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["local", str(ROOT / "examples/sam/template.yaml"), "--plain", "--name", "HelloFromZip"]) == 0
    assert "layer LambdaPunchLayer is left out" in capsys.readouterr().out
