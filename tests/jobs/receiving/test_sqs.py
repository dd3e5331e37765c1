"""The consumer against an SQS-speaking server: what it does to real messages in real queues."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch import _settings
from lambda_punch.jobs import queues


def deliver(sqs: Any, url: str, count: int = 10) -> tuple[list[Any], list[str]]:
    """Do what the mapping does: receive, invoke, delete what is not reported. Return both."""
    event = sqs.event(url, count)
    if not event["Records"]:
        return [], []
    reported = {each["itemIdentifier"] for each in punch.jobs_handler(event, None)["batchItemFailures"]}
    for record in event["Records"]:
        if record["messageId"] not in reported:
            sqs.client.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])
    return event["Records"], sorted(reported)


def test_what_is_done_leaves_the_queue_and_what_failed_comes_again(sqs: Any, note: Any, fail: Any, done: Any) -> None:
    """As a new message, after the first wait of the table."""
    url = sqs.create("jobs", max_receives=13)
    punch.enqueue_many([note.prepare(1), fail.prepare(2), note.prepare(3)])

    _, reported = deliver(sqs, url)

    assert done == [1, 2, 3]
    assert reported == []
    assert sqs.states(url) == (0, 0)
    entries = [entry for call in sqs.called("SendMessageBatch")[1:] for entry in call["Entries"]]
    assert [(entry["DelaySeconds"], json.loads(entry["MessageBody"])["attempt"]) for entry in entries] == [(30, 2)]


@pytest.mark.parametrize("max_receives", [1, 2, 13, 100])
def test_a_job_out_of_retries_ends_in_the_dead_letter_queue(sqs: Any, done: Any, max_receives: int) -> None:
    """Run as often as declared, whatever the redrive policy, and then moved with the reason. Sent back, it begins anew."""

    @punch.job(name="hopeless", queue="jobs", retries=2, wait=lambda _: 0)
    def hopeless() -> None:
        done.append(1)
        raise RuntimeError

    url = sqs.create("jobs", max_receives=max_receives)
    hopeless.enqueue()
    rounds = 0
    while deliver(sqs, url)[0]:
        rounds += 1

    dead = sqs.client.get_queue_url(QueueName="dead-jobs")["QueueUrl"]
    assert done == [1, 1, 1]
    assert rounds == 3
    assert sqs.states(url) == (0, 0)
    (letter,) = sqs.receive(dead)
    facts = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert (facts["Job"], facts["Attempts"], facts["ErrorType"]) == ("hopeless", "3", "RuntimeError")

    sqs.client.send_message(QueueUrl=url, MessageBody=letter["Body"])
    while deliver(sqs, url)[0]:
        pass
    assert done == [1] * 6


def test_poison_ends_in_the_dead_letter_queue_without_being_run(sqs: Any, note: Any, done: Any) -> None:
    """At the pace of the queue's own visibility timeout."""
    url = sqs.create("jobs", max_receives=2, visibility=0)
    sqs.client.send_message(QueueUrl=url, MessageBody='{"lambda_punch":9,"job":"note"}')
    note.enqueue(1)

    for _ in range(3):
        deliver(sqs, url)

    dead = sqs.client.get_queue_url(QueueName="dead-jobs")["QueueUrl"]
    assert done == [1]
    assert sqs.states(url) == (0, 0)
    assert sqs.bodies(dead) == [{"lambda_punch": 9, "job": "note"}]
    assert sqs.called("ChangeMessageVisibilityBatch") == []


def test_the_queues_attributes_are_asked_for_once(sqs: Any, fail: Any) -> None:
    """At the first failure; good jobs need none of it."""
    url = sqs.create("jobs", max_receives=13)
    punch.enqueue_many([fail.prepare(n) for n in range(3)])
    deliver(sqs, url)
    fail.enqueue(4)
    deliver(sqs, url)

    asked = [call["AttributeNames"] for call in sqs.called("GetQueueAttributes")]
    assert asked.count(["RedrivePolicy"]) == 1
    assert queues.attributes("arn:aws:sqs:eu-west-1:123456789012:jobs").redrive == (13, "dead-jobs")


def test_configured_queues_need_no_call_but_those_that_send(sqs: Any, fail: Any) -> None:
    """URL and redrive policy are known then. Ten retries are one call, and so are ten dead letters."""
    url = sqs.create("stack-Jobs-1", max_receives=13)
    policy = {"url": url, "max_receive_count": 13, "dead_letters": "dead-stack-Jobs-1"}
    _settings.restore({"queues": {"jobs": policy}})
    punch.enqueue_many([fail.prepare(number) for number in range(10)])
    event = sqs.event(url)
    sqs.calls.clear()
    punch.jobs_handler(event, None)
    assert [name for name, _ in sqs.calls] == ["SendMessageBatch"]

    _settings.restore({"queues": {"jobs": policy}, "retries": 0})
    sqs.calls.clear()
    punch.jobs_handler(event, None)
    assert [name for name, _ in sqs.calls] == ["SendMessageBatch"]
    assert sqs.states(url.replace("stack", "dead-stack")) == (10, 0)


def test_without_the_permission_the_jobs_are_run_all_the_same(
    sqs: Any, fail: Any, note: Any, done: Any, caplog: Any
) -> None:
    """What cannot be read or changed is logged; the response matters more."""
    url = sqs.create("jobs", max_receives=13)
    punch.enqueue_many([fail.prepare(1), note.prepare(2)])
    event = sqs.event(url)

    def refuse(**_: Any) -> None:
        raise PermissionError("AccessDenied")

    for operation in ("GetQueueAttributes", "ChangeMessageVisibilityBatch", "SendMessageBatch"):
        sqs.client.meta.events.register(f"before-call.sqs.{operation}", refuse)
    response = punch.jobs_handler(event, None)

    assert [each["itemIdentifier"] for each in response["batchItemFailures"]] == [event["Records"][0]["messageId"]]
    assert done == [1, 2]
    assert "the attributes of queue jobs could not be read: AccessDenied; allow sqs:GetQueueUrl" in caplog.text
    assert "the visibility timeout of" in caplog.text
    assert "retries cannot be sent to jobs: AccessDenied; allow the function sqs:SendMessage on it" in caplog.text


def test_fifo_order_survives_a_failure(sqs: Any, done: Any) -> None:
    """The failed message comes back before those of its group that it held up; the other group is through."""
    failures = iter([True])

    @punch.job(name="step", queue="jobs.fifo", group=lambda group, _: group, wait=lambda _: 0)
    def step(group: str, number: int) -> None:
        if (group, number) == ("a", 1) and next(failures, False):
            raise RuntimeError
        done.append(f"{group}{number}")

    url = sqs.create("jobs.fifo", max_receives=13)
    for number in range(3):
        for group in "ab":
            step.enqueue(group, number)
    while deliver(sqs, url)[0]:
        pass

    assert [each for each in done if each[0] == "a"] == ["a0", "a1", "a2"]
    assert [each for each in done if each[0] == "b"] == ["b0", "b1", "b2"]
    assert sqs.states(url) == (0, 0)


def test_a_fifo_group_whose_batch_was_lost_comes_back_in_order(sqs: Any, done: Any) -> None:
    """No answer came for the batch, so all of it becomes visible at the same time."""

    @punch.job(name="step", queue="jobs.fifo", group="a")
    def step(number: int) -> None:
        done.append(number)

    url = sqs.create("jobs.fifo", visibility=1)
    for number in range(5):
        step.enqueue(number)
    assert len(sqs.event(url, 3)["Records"]) == 3
    while sqs.states(url)[1]:
        time.sleep(0.05)
    while deliver(sqs, url, 2)[0]:
        pass

    assert done == list(range(5))


@pytest.mark.parametrize("count", [1, 10])
def test_a_fifo_delay_holds_its_message_back(sqs: Any, done: Any, count: int) -> None:
    """By its visibility, at the first receive."""

    @punch.job(name="later", queue="jobs.fifo")
    def later(number: int) -> None:
        done.append(number)

    url = sqs.create("jobs.fifo", max_receives=13)
    later.using(delay=60).enqueue(1)
    later.enqueue(2)
    deliver(sqs, url, count)
    deliver(sqs, url, count)

    assert done == [2]
    assert sqs.states(url) == (0, 1)
