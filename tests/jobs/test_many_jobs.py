"""Ten thousand jobs, with failures, duplicates, throttling, and a consumer that is killed again and again."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("moto.server")

from lambda_punch.local.queues.event_source import Delivered, EventSource, EventSourceMapping
from lambda_punch.local.queues.sqs_server import SqsServer, dead_letters

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

SHOP = """
def once(name):
    # fails for whom a file is missing, which it makes: the first try
    path = os.path.join(os.environ["TRIED"], name)
    if os.path.exists(path):
        return
    open(path, "w").close()
    raise RuntimeError(name)

@punch.job(wait=lambda attempt: 0)
def work(number):
    if number % 10 == 0:
        once(f"work-{number}")
    note("done", number)

@punch.job(wait=lambda attempt: 0)
def step(group, number):
    if (group * 7 + number) % 10 == 0:
        once(f"step-{group}-{number}")
    note("done", f"{group}.{number}")

@punch.handler
def handler(event, context):
    raise AssertionError("no event of jobs")
"""
STEPS = 10  # messages of each FIFO group
AHEAD = 60  # messages that wait at a time: the server looks at each of them at every call


def message(job: str, args: list[Any]) -> dict[str, Any]:
    name = ".".join(map(str, args))
    body = {
        "lambda_punch": 1,
        "job": f"app.{job}",
        "id": name,
        "enqueued_at": 1,
        "attempt": 1,
        "args": args,
        "kwargs": {},
    }
    entry: dict[str, Any] = {"Id": name.replace(".", "-"), "MessageBody": json.dumps(body)}
    if job == "step":
        entry |= {"MessageGroupId": str(args[0]), "MessageDeduplicationId": name}
    return entry


class Feeder(threading.Thread):
    """Sends messages, a few hundred ahead of the consumer."""

    def __init__(self, server: SqsServer, url: str, messages: list[dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self._server, self._url, self._messages = server, url, messages

    def run(self) -> None:
        for start in range(0, len(self._messages), 10):
            while sum(self._server.counts(self._url)) > AHEAD:
                time.sleep(0.05)
            answer = self._server.client.send_message_batch(
                QueueUrl=self._url, Entries=self._messages[start : start + 10]
            )
            assert not answer.get("Failed")


def runtime_of(function: Function) -> int:
    """The process id of the runtime that was started last."""
    return int(
        next(
            event.detail["pid"]
            for event in reversed(function.events)
            if event.kind == "started" and event.source == "runtime"
        )
    )


class Killer(threading.Thread):
    """Kills the runtime of one of the functions, now and then, so many times."""

    def __init__(self, functions: list[Function], times: int) -> None:
        super().__init__(daemon=True)
        self.left = times
        self.over = threading.Event()
        self._functions = functions
        self._chance = random.Random(7)

    def run(self) -> None:
        while self.left and not self.over.wait(self._chance.uniform(0.1, 0.5)):
            try:
                os.kill(runtime_of(self._chance.choice(self._functions)), signal.SIGKILL)
            except (ProcessLookupError, StopIteration):
                continue  # it is just being started
            self.left -= 1


@pytest.mark.parametrize(
    ("standard", "groups", "kills"),
    [
        pytest.param(350, 15, 8, id="500 jobs", marks=[pytest.mark.slow, pytest.mark.timeout(120)]),
        pytest.param(7000, 300, 50, id="10,000 jobs", marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
def test_many_jobs_are_done_whatever_happens(
    function: Callable[..., Function], tmp_path: Any, standard: int, groups: int, kills: int
) -> None:
    """Each at least once; twice only if it was in flight at a kill, or delivered twice; FIFO groups in order."""
    (tmp_path / "tried").mkdir()
    delivered: list[Delivered] = []
    work = [message("work", [n]) for n in range(standard)]
    steps = [message("step", [g, n]) for n in range(STEPS) for g in range(groups)]
    with SqsServer() as server:
        env = {**server.variables, "LAMBDA_PUNCH_METRICS": "off", "TRIED": str(tmp_path / "tried")}
        meet = [str(tmp_path / f"meet{number}") for number in range(2)]
        made = [function(SHOP, env={**env, "LAMBDA_PUNCH_DIR": place}, timeout=3.0) for place in meet]
        dead = _deliver_all(server, made, delivered, work, steps, kills)

    done = [note.words[1] for note in made[0].notes]
    assert set(done) == {json.loads(each["MessageBody"])["id"] for each in work + steps}
    assert dead == [0, 0]
    _check_repeats(done, delivered)
    first = {name: index for index, name in reversed(list(enumerate(done)))}
    for group in range(groups):
        order = [first[f"{group}.{number}"] for number in range(STEPS)]
        assert order == sorted(order), group


def _deliver_all(
    server: SqsServer,
    made: list[Function],
    delivered: list[Delivered],
    work: list[dict[str, Any]],
    steps: list[dict[str, Any]],
    kills: int,
) -> list[int]:
    """Have all messages delivered, with the faults; return how many dead letters each queue has then."""
    sources, feeders = [], []
    for queue, consumer, messages, mapping in (
        ("jobs", made[0], work, EventSourceMapping(duplicates=0.05, throttles=0.01)),
        ("jobs.fifo", made[1], steps, EventSourceMapping(throttles=0.01)),
    ):
        server.queue(queue, visibility=4, max_receive_count=1000)
        sources.append(
            EventSource(server, queue, [consumer], timeout=3, mapping=mapping, on_batch=delivered.append, seed=3)
        )
        feeders.append(Feeder(server, sources[-1].url, messages))
    killer = Killer(made, kills)
    for thread in [*feeders, *sources, killer]:
        thread.start()
    for feeder in feeders:
        feeder.join()
    for source in sources:
        source.wait_idle()
        source.stop()
    killer.over.set()  # what is dead now is not started again
    killer.join()
    assert killer.left == 0
    return [sum(server.counts(server.queue(dead_letters(source.queue), visibility=30)[0])) for source in sources]


def _check_repeats(done: list[str], delivered: list[Delivered]) -> None:
    """No job has more successes than it had deliveries that were taken for one, or were in flight at a kill."""
    allowed: Counter[str] = Counter()
    receipts: dict[tuple[str, int], set[str]] = defaultdict(set)
    deliveries = Counter(record["receiptHandle"] for batch in delivered for record in batch.records)
    twice: set[str] = set()
    for batch in delivered:
        killed = batch.invocation is not None and not batch.invocation.ok
        for record in batch.records:
            body = json.loads(record["body"])
            name = body["id"]
            if deliveries[record["receiptHandle"]] > 1:
                twice.add(name)
            if killed or record["messageId"] not in batch.failed:
                allowed[name] += 1
            if not killed and record["messageId"] not in batch.failed:
                receipts[name, body["attempt"]].add(record["receiptHandle"])
    assert {name: (count, allowed[name]) for name, count in Counter(done).items() if count > allowed[name]} == {}
    assert [name for (name, _), handles in receipts.items() if len(handles) > 1 and name not in twice] == []
