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

from lambda_punch.local.event_source import Delivered, EventSource, Mapping
from lambda_punch.local.sqs_server import SqsServer, dead_letters

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
STANDARD = 7000
GROUPS, STEPS = 300, 10
KILLS = 50
ONE_MANY = 400  # messages that wait at a time: the server looks at each of them at every call


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
            while sum(self._server.counts(self._url)) > ONE_MANY:
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


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.timeout(420)
def test_ten_thousand_jobs_are_done_whatever_happens(function: Callable[..., Function], tmp_path: Any) -> None:
    """Each at least once; none twice but what was in flight at a kill, or delivered twice; FIFO groups in order."""
    (tmp_path / "tried").mkdir()
    chance = random.Random(7)
    delivered: list[Delivered] = []
    with SqsServer() as server:
        env = {**server.variables, "LAMBDA_PUNCH_METRICS": "off", "TRIED": str(tmp_path / "tried")}
        made = [
            function(SHOP, env={**env, "LAMBDA_PUNCH_DIR": str(tmp_path / f"meet{n}")}, timeout=3.0) for n in range(2)
        ]
        sources, feeders = [], []
        for queue, consumer, messages, mapping in (
            ("jobs", made[0], [message("work", [n]) for n in range(STANDARD)], Mapping(duplicates=0.05, throttles=0.01)),
            ("jobs.fifo", made[1], [message("step", [g, n]) for n in range(STEPS) for g in range(GROUPS)], Mapping(throttles=0.01)),
        ):  # fmt: skip
            server.queue(queue, visibility=4, max_receive_count=1000)
            sources.append(
                EventSource(server, queue, [consumer], timeout=3, mapping=mapping, on_batch=delivered.append, seed=3)
            )
            feeders.append(Feeder(server, sources[-1].url, messages))
        for thread in [*feeders, *sources]:
            thread.start()
        kills = 0
        while any(feeder.is_alive() for feeder in feeders) or not all(source.is_idle() for source in sources):
            time.sleep(chance.uniform(0.2, 0.9))
            victim = chance.choice(made)
            if kills < KILLS:
                try:
                    os.kill(runtime_of(victim), signal.SIGKILL)
                    kills += 1
                except (ProcessLookupError, StopIteration):
                    pass
        for source in sources:
            source.stop()
        dead = [sum(server.counts(server.queue(dead_letters(source.queue), visibility=30)[0])) for source in sources]

    done = [note.words[1] for note in made[0].notes]
    expected = {str(n) for n in range(STANDARD)} | {f"{g}.{n}" for g in range(GROUPS) for n in range(STEPS)}
    assert set(done) == expected
    assert dead == [0, 0]
    assert kills == KILLS

    allowed: Counter[str] = Counter()
    receipts: dict[str, set[str]] = defaultdict(set)
    for batch in delivered:
        killed = batch.invocation is not None and not batch.invocation.ok
        for record in batch.records:
            name = json.loads(record["body"])["id"]
            if killed:
                allowed[name] += 1
            elif record["messageId"] not in batch.failed:
                allowed[name] += 1
                receipts[name].add(record["receiptHandle"])
    repeated = {name: (count, allowed[name]) for name, count in Counter(done).items() if count > allowed[name]}
    assert repeated == {}
    assert {name for name, handles in receipts.items() if len(handles) > 1} == set()

    first = {name: index for index, name in reversed(list(enumerate(done)))}
    for group in range(GROUPS):
        order = [first[f"{group}.{number}"] for number in range(STEPS)]
        assert order == sorted(order), group
