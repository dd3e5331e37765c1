"""Dead letters on the two servers, and the command line in this process and in one of its own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch import command
from lambda_punch.jobs.message import Message, encode
from lambda_punch.jobs.operating import walk
from lambda_punch.jobs.receiving import dead
from lambda_punch.jobs.receiving.routing import jobs_handler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[3]


class Orders:
    """A queue ``orders`` (or another one) with its dead-letter queue, ``dead-orders``."""

    def __init__(self, sqs: Any, name: str = "orders") -> None:
        self.sqs = sqs
        self.name = name
        self.url = sqs.create(name, max_receives=3)
        self.dead = self.url.replace(name, f"dead-{name}")

    def die(self, *values: Any, error: str = "no paper") -> None:
        """Have a job for each value die in the real consumer."""

        @punch.job(name="shop.print_label", queue=self.name, retries=0)
        def print_label(_value: Any) -> None:
            raise RuntimeError(error)

        punch.enqueue_many([print_label.prepare(value) for value in values])
        for _ in range(0, len(values), 10):
            event = self.sqs.event(self.url)
            assert jobs_handler(event) == {"batchItemFailures": []}
            for record in event["Records"]:
                self.sqs.client.delete_message(QueueUrl=self.url, ReceiptHandle=record["receiptHandle"])

    def bury(
        self, job: str = "shop.charge", error: type[Exception] = ConnectionError, *, count: int = 1, group: str = ""
    ) -> None:
        """Put dead letters there as the consumer writes them."""
        for number in range(count):
            message = Message(job, str(uuid.uuid4()), [number], {}, 1)
            facts = dead.facts(
                message, "it has used up its retries (5)", error("no answer"), attempts=6, queue=self.name
            )
            attributes = {name: {"StringValue": text, "DataType": "String"} for name, text in facts.items()}
            fifo = (
                {"MessageGroupId": group or message.id, "MessageDeduplicationId": message.id}
                if group or self.dead.endswith(".fifo")
                else {}
            )
            self.sqs.client.send_message(
                QueueUrl=self.dead, MessageBody=encode(message), MessageAttributes=attributes, **fifo
            )

    def send_dead(self, body: str, **attributes: str) -> None:
        given = {name: {"StringValue": text, "DataType": "String"} for name, text in attributes.items()}
        self.sqs.client.send_message(QueueUrl=self.dead, MessageBody=body, MessageAttributes=given)

    def count(self, url: str) -> tuple[int, int]:
        return self.sqs.states(url)

    def values(self, url: str) -> list[Any]:
        """The first arguments of the jobs that wait in a queue; they are taken from it."""
        return [body["args"][0] for body in self.sqs.bodies(url)]


@pytest.fixture
def orders(sqs: Any) -> Orders:
    return Orders(sqs)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Call ``lambda-punch jobs`` in this process; return its status, stdout and stderr."""
    monkeypatch.setattr(walk, "_WAIT", 0)  # the short polls of these servers find everything

    def call(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = command.main(["jobs", *words])
        return (status, *capsys.readouterr())

    return call


@pytest.fixture
def lines(call: Callable[..., tuple[int, str, str]]) -> Callable[..., list[Any]]:
    """Call it with --json; return what it prints."""

    def lines(*words: str) -> list[Any]:
        status, out, err = call(*words, "--json")
        assert status == 0, err
        return [json.loads(line) for line in out.splitlines()]

    return lines


@pytest.fixture
def begin(sqs: Any, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``lambda-punch jobs`` as a process of its own, in the test's directory."""
    begun = []

    def begin(*words: str, **variables: str | None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "lambda_punch", "jobs", *words]
        wanted = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **variables}
        environ = {name: value for name, value in wanted.items() if value is not None}
        begun.append(
            subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environ
            )
        )
        return begun[-1]

    yield begin
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def begin_on_terminal(sqs: Any) -> Callable[..., tuple[int, str]]:
    """Call it on a terminal of its own; return its status and what the terminal got."""

    def call(*words: str) -> tuple[int, str]:
        main, terminal = pty.openpty()
        command = [sys.executable, "-m", "lambda_punch", "jobs", *words]
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"}
        process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=terminal, env=environ)
        os.close(terminal)
        shown = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # what a terminal says when nobody writes to it any more
                break
            if not part:
                break
            shown += part
        os.close(main)
        return process.wait(30), shown.decode("utf-8", "replace")

    return call
