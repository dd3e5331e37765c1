"""What once went wrong with real messages, on each server: too many runs, jobs that died unrun, letters that stayed dead."""

from __future__ import annotations

import json
from typing import Any

import pytest

import lambda_punch as punch

HOSTILE = '{"lambda_punch":1,"job":"who"}'


class Consumer:
    """Delivers a queue's messages as the mapping does, and forgets between two batches what an environment knew."""

    def __init__(self, sqs: Any, forget: Any) -> None:
        self._sqs = sqs
        self._forget = forget
        self.batches = 0

    def one(self, url: str, count: int = 10, *, wait: int = 0) -> bool:
        event = self._sqs.event(url, count, wait=wait)
        if not event["Records"]:
            return False
        self.batches += 1
        self._forget()
        reported = {each["itemIdentifier"] for each in punch.jobs_handler(event, None)["batchItemFailures"]}
        for record in event["Records"]:
            if record["messageId"] not in reported:
                self._sqs.client.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])
        return True

    def all(self, url: str, count: int = 10) -> None:
        for _ in range(60):
            if not self.one(url, count):
                return
        raise AssertionError("it goes on for ever")

    def redrive(self, dead: str, url: str) -> int:
        """Move the dead letters back, as a redrive does: body, attributes, group."""
        moved = 0
        while letters := self._sqs.receive(dead):
            for letter in letters:
                moved += 1
                place = {}
                if dead.endswith(".fifo"):
                    group = letter["Attributes"]["MessageGroupId"]
                    place = {"MessageGroupId": group, "MessageDeduplicationId": f"{letter['MessageId']}-{moved}"}
                attributes = letter.get("MessageAttributes", {})
                self._sqs.client.send_message(
                    QueueUrl=url, MessageBody=letter["Body"], MessageAttributes=attributes, **place
                )
                self._sqs.client.delete_message(QueueUrl=dead, ReceiptHandle=letter["ReceiptHandle"])
        return moved


@pytest.fixture
def consumer(sqs: Any, another_environment: Any) -> Consumer:
    return Consumer(sqs, another_environment)


def dead_of(sqs: Any, url: str) -> str:
    return str(sqs.client.get_queue_url(QueueName=f"dead-{url.rpartition('/')[2]}")["QueueUrl"])


@pytest.mark.parametrize("queue", ["jobs", "jobs.fifo"])
@pytest.mark.parametrize("max_receives", [0, 13])
def test_an_error_that_is_not_in_retry_on_is_run_once(
    sqs: Any, consumer: Consumer, done: Any, queue: str, max_receives: int
) -> None:
    """A card is charged once, with dead letters and without (D1)."""

    @punch.job(name="pay", queue=queue, retries=5, retry_on=ConnectionError, wait=lambda _: 0)
    def pay() -> None:
        done.append(1)
        raise ValueError

    url = sqs.create(queue, max_receives=max_receives)
    pay.enqueue()
    consumer.all(url)

    assert done == [1]
    if max_receives:
        assert sqs.states(url) == (0, 0)
        assert sqs.states(dead_of(sqs, url)) == (1, 0)


@pytest.mark.parametrize("poison", [False, True])
def test_a_dead_message_does_not_take_its_group_along(sqs: Any, consumer: Consumer, done: Any, poison: bool) -> None:
    """Those behind it run, in their order (D2)."""

    @punch.job(name="bad", queue="jobs.fifo", group="a", retries=0)
    def bad() -> None:
        done.append("bad")
        raise ValueError

    @punch.job(name="good", queue="jobs.fifo", group="a")
    def good(number: int) -> None:
        done.append(number)

    url = sqs.create("jobs.fifo", max_receives=3)
    if poison:
        sqs.client.send_message(QueueUrl=url, MessageBody=HOSTILE, MessageGroupId="a", MessageDeduplicationId="poison")
    else:
        bad.enqueue()
    for number in range(9):
        good.enqueue(number)
    consumer.all(url)

    assert [each for each in done if each != "bad"] == list(range(9))
    assert done.count("bad") == (0 if poison else 1)
    assert sqs.states(dead_of(sqs, url)) == (1, 0)


@pytest.mark.parametrize("retries", [1, 2])
def test_a_message_behind_a_failing_one_keeps_its_own_attempts(
    sqs: Any, consumer: Consumer, done: Any, retries: int
) -> None:
    """Another environment does not call it exhausted for receives in which it never ran (D3)."""

    @punch.job(name="bad", queue="jobs.fifo", group="a", wait=lambda _: 0)
    def bad() -> None:
        done.append("bad")
        if done.count("bad") < 3:
            raise ValueError

    @punch.job(name="good", queue="jobs.fifo", group="a", retries=retries, wait=lambda _: 0)
    def good() -> None:
        execution = punch.jobs.current()
        done.append(execution.attempt if execution else None)

    url = sqs.create("jobs.fifo", max_receives=13)
    bad.enqueue()
    good.enqueue()
    consumer.all(url)

    assert done == ["bad", "bad", "bad", 1]
    assert sqs.states(dead_of(sqs, url)) == (0, 0)


def test_a_job_that_has_stopped_costs_no_more_deliveries(sqs: Any, consumer: Consumer, done: Any, caplog: Any) -> None:
    """One batch and one line for each run, however many receives the queue would allow (D4)."""

    @punch.job(name="hopeless", queue="jobs", retries=2, wait=lambda _: 0)
    def hopeless() -> None:
        done.append(1)
        raise ValueError

    url = sqs.create("jobs", max_receives=13)
    hopeless.enqueue()
    consumer.all(url)

    assert len(done) == consumer.batches == 3
    assert len([record for record in caplog.records if "job hopeless" in record.getMessage()]) == 3
    assert sqs.states(dead_of(sqs, url)) == (1, 0)


@pytest.mark.parametrize("queue", ["jobs", "jobs.fifo"])
@pytest.mark.parametrize("where", ["moved back", "mapped onto the dead letters"])
@pytest.mark.parametrize("moved_by", ["the consumer", "SQS"])
def test_a_dead_letter_is_run_again(
    sqs: Any, consumer: Consumer, done: Any, queue: str, where: str, moved_by: str
) -> None:
    """Also if the receives that it had before are still counted (D5)."""
    healthy: list[bool] = []

    @punch.job(name="work", queue=queue, retries=0)
    def work() -> None:
        done.append(1)
        if not healthy:
            raise ValueError

    url = sqs.create(queue, max_receives=3, visibility=0 if moved_by == "SQS" else 30)
    work.enqueue()
    dead = dead_of(sqs, url)
    if moved_by == "SQS":
        while sqs.receive(url):  # environments that were killed before they ran it
            pass
        assert done == []
    else:
        consumer.all(url)
        assert done == [1]
    assert sqs.states(dead) == (1, 0)
    healthy.append(True)
    done.clear()
    if where == "moved back":
        sqs.client.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "30"})
        assert consumer.redrive(dead, url) == 1
    consumer.all(url if where == "moved back" else dead)

    assert done == [1]
    assert sqs.states(url) == (0, 0)
    assert sqs.states(dead) == (0, 0)


def test_text_travels_as_utf_8(sqs: Any, consumer: Consumer, note: Any, done: Any) -> None:
    """An emoji takes four bytes, and what SQS refuses arrives all the same (D7)."""
    url = sqs.create("jobs")
    text = "\N{PARTY POPPER}" * 50_000 + "\x00\ud800\uffff"
    note.enqueue(text)
    assert len(sqs.called("SendMessage")[0]["MessageBody"].encode()) < 201_000
    consumer.all(url)

    assert done == [text]


def test_a_failed_run_is_told_to_the_error_handler(sqs: Any, consumer: Consumer, fail: Any, monkeypatch: Any) -> None:
    """As a punch's failure is (D8)."""
    told: list[Any] = []
    monkeypatch.setattr("lambda_punch.runtime.start.process.error_handler", lambda error, job: told.append(job.name))
    url = sqs.create("jobs", max_receives=13)
    fail.using(retries=0).enqueue()
    consumer.all(url)

    assert told == ["fail"]


def test_the_trace_context_goes_with_the_job_and_its_retries(sqs: Any, consumer: Consumer, done: Any) -> None:
    """And into its dead letter (D11)."""
    fields = {
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate": "vendor=1",
        "baggage": "tenant=7",
    }

    @punch.job(name="traced", queue="jobs", retries=1, wait=lambda _: 0)
    def traced() -> None:
        execution = punch.jobs.current()
        done.append(execution and execution.traceparent)
        raise ValueError

    url = sqs.create("jobs", max_receives=13)
    body = json.dumps({"lambda_punch": 1, "job": "traced", **fields})
    sqs.client.send_message(QueueUrl=url, MessageBody=body)
    consumer.all(url)

    assert done == [fields["traceparent"]] * 2
    (letter,) = sqs.bodies(dead_of(sqs, url))
    assert fields.items() <= letter.items()


def test_a_schedulers_short_message_is_a_job(sqs: Any, consumer: Consumer, done: Any) -> None:
    """It needs the mark and the job's name, and no more (D14)."""

    @punch.job(name="report", queue="jobs")
    def report() -> None:
        done.append("report")

    url = sqs.create("jobs", max_receives=13)
    sqs.client.send_message(QueueUrl=url, MessageBody='{"lambda_punch": 1, "job": "report"}')
    consumer.all(url)

    assert done == ["report"]
    assert sqs.states(dead_of(sqs, url)) == (0, 0)


def test_a_group_whose_messages_come_back_together_keeps_its_order(sqs: Any, consumer: Consumer, done: Any) -> None:
    """Each batch fails at its first message, so the rest of the group comes back with it, again and again (D13)."""

    @punch.job(name="step", queue="jobs.fifo", group="a", wait=lambda _: 0)
    def step(number: int) -> None:
        execution = punch.jobs.current()
        if execution and execution.attempt == 1:
            raise ValueError
        done.append(number)

    url = sqs.create("jobs.fifo", max_receives=100)
    for number in range(6):
        step.enqueue(number)
    consumer.all(url, 3)

    assert done == list(range(6))


def test_a_delayed_job_is_not_received_before_its_time(sqs: Any, consumer: Consumer, note: Any, done: Any) -> None:
    """Nor is a retry."""
    url = sqs.create("jobs", max_receives=13)
    note.using(delay=1).enqueue(1)
    assert not consumer.one(url)
    assert consumer.one(url, wait=10)
    assert done == [1]
