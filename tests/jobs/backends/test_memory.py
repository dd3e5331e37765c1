"""Queues in memory: as SQS to sender and consumer, for tests and off Lambda."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import lambda_punch as punch
from lambda_punch import _settings
from lambda_punch.jobs.backends.deliveries import Change
from lambda_punch.jobs.backends.memory import Memory
from lambda_punch.jobs.backends.outgoing import Outgoing
from lambda_punch.testing import enqueued

if TYPE_CHECKING:
    from collections.abc import Callable


def test_enqueued_keeps_jobs_and_runs_them_on_demand(note: Any, done: Any) -> None:
    """Whatever their backend; nothing is sent to AWS."""
    with enqueued() as jobs:
        note.enqueue(1)
        note.using(delay=600).enqueue(2)

        assert [(message.job, message.args, message.delay) for message in jobs] == [
            ("note", [1], 0),
            ("note", [2], 600),
        ]
        assert done == []
        jobs.run()
        assert (done, len(jobs)) == ([1, 2], 0)


def test_enqueued_jobs_are_tried_again_without_the_waits(done: Any) -> None:
    """As often as their options say; then they are dead."""

    @punch.job(name="flaky", queue="jobs", retries=3)
    def flaky(succeeds_at: int) -> None:
        done.append(succeeds_at)
        if done.count(succeeds_at) < succeeds_at:
            raise RuntimeError

    with enqueued() as jobs:
        punch.enqueue_many([flaky.prepare(3), flaky.prepare(9)])
        jobs.run()

    assert (done.count(3), done.count(9)) == (3, 4)
    assert [message.args for message in jobs.dead] == [[9]]
    assert len(jobs) == 0


def test_enqueued_jobs_may_send_others(done: Any) -> None:
    """Which are run too."""

    @punch.job(name="count-down")
    def count_down(number: int) -> None:
        done.append(number)
        if number:
            count_down.enqueue(number - 1)

    with enqueued() as jobs:
        count_down.enqueue(3)
        jobs.run()

    assert done == [3, 2, 1, 0]


def test_off_lambda_the_memory_backend_runs_jobs_on_a_thread(done: Any) -> None:
    """In the place of SQS, by configuration; retries with their waits, in real time."""
    _settings.restore({"backend": "memory"})
    finished = threading.Event()

    @punch.job(name="once-more", queue="jobs", wait=lambda _: 0)
    def once_more() -> None:
        done.append(threading.current_thread().name)
        if len(done) == 1:
            raise RuntimeError
        finished.set()

    once_more.enqueue()

    assert finished.wait(10)
    assert set(done) == {"lambda-punch-memory"}


def test_what_the_configured_backend_cannot_do_is_said_at_the_first_use(note: Any) -> None:
    """The declaration was checked against the job's own."""
    _settings.restore({"backend": "lambda_event"})
    with pytest.raises(punch.LambdaPunchError, match="lambda_event cannot do delay"):
        note.using(delay=5).enqueue(1)


class MemoryModel(RuleBasedStateMachine):
    """Every message sent is waiting, in flight, deleted or dead, and never two of these; FIFO groups keep order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.memory = Memory(clock=lambda: self.now, max_receive_count=3)
        self.sent: list[str] = []
        self.ids: dict[str, str] = {}
        self.group_of: dict[str, str] = {}
        self.held: dict[str, dict[str, Any]] = {}
        self.gone: set[str] = set()
        self.receives: dict[str, int] = {}

    @rule(group=st.sampled_from("abc"), fifo=st.booleans())
    def send(self, group: str, fifo: bool) -> None:
        job_id = f"j{len(self.sent)}"
        queue = "q.fifo" if fifo else "q"
        sent = self.memory.send(queue, [Outgoing("{}", job_id, "job", queue, None, group, job_id)])
        self.sent.append(sent.message_ids[job_id])
        self.group_of[sent.message_ids[job_id]] = group if fifo else ""

    @rule(limit=st.integers(1, 10), visibility=st.integers(1, 60))
    def receive(self, limit: int, visibility: int) -> None:
        in_flight = {entry.message_id for entry in self.memory.entries() if entry.visible_at > self.now}
        records = self.memory.receive(limit, visibility)
        assert len(records) <= limit
        for record in records:
            message_id = record["messageId"]
            assert message_id not in in_flight
            group = self.group_of[message_id]
            if group:
                assert group not in {self.group_of[each] for each in in_flight}
                earlier = [each for each in self.sent[: self.sent.index(message_id)] if self.group_of[each] == group]
                batch = {each["messageId"] for each in records}
                assert set(earlier) <= self.gone | batch | {entry.message_id for entry in self.memory.dead}
            self.receives[message_id] = self.receives.get(message_id, 0) + 1
            assert record["attributes"]["ApproximateReceiveCount"] == str(self.receives[message_id])
            assert self.receives[message_id] <= 3
            self.held[message_id] = record

    # Chosen by the order in which they were sent: message ids are random, and hypothesis has to be able to do it again.
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.held:
            message_id = data.draw(st.sampled_from(sorted(self.held, key=self.sent.index)))
            del self.held[message_id]
            self.memory.delete(message_id)
            if message_id not in {entry.message_id for entry in self.memory.dead}:
                self.gone.add(message_id)

    @rule(data=st.data(), seconds=st.integers(0, 60))
    def postpone(self, data: st.DataObject, seconds: int) -> None:
        if self.held:
            message_id = data.draw(st.sampled_from(sorted(self.held, key=self.sent.index)))
            change = Change(message_id, self.held[message_id]["receiptHandle"], seconds)
            self.memory.postpone("arn", [change])

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    @invariant()
    def nothing_is_lost(self) -> None:
        there = [entry.message_id for entry in [*self.memory.entries(), *self.memory.dead]]
        assert len(there) == len(set(there))
        assert set(there) | self.gone == set(self.sent)
        assert not set(there) & self.gone


TestMemoryModel: Callable[[], Any] = MemoryModel.TestCase
TestMemoryModel.settings = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # type: ignore[attr-defined]
