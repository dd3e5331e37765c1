"""Runs the messages of the memory queues: off Lambda on a thread when each is due, in tests at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, cast

from lambda_punch._log import logger
from lambda_punch.jobs.limits import LONGEST_RUN
from lambda_punch.jobs.receiving.routing import run_batch
from lambda_punch.runtime import threads

if TYPE_CHECKING:
    from lambda_punch.jobs.backends import Backend
    from lambda_punch.jobs.backends.memory import Memory

_VISIBILITY = float(LONGEST_RUN)  # there is one consumer, so no message has to come back while its job runs
_BATCH_SIZE = 10  # the default of an event source mapping


def run_some(memory: Memory) -> bool:
    """Run one batch as Lambda's event source mapping would; return whether there was one."""
    records = memory.receive(_BATCH_SIZE, _VISIBILITY)
    if not records:
        return False
    response = run_batch({"Records": records}, None, memory, memory.clock)
    failed = {each["itemIdentifier"] for each in response["batchItemFailures"]}
    for record in records:
        if record["messageId"] not in failed:
            memory.delete(record["messageId"])
    return True


def serve(memory: Backend) -> None:
    """Have the messages of the backend "memory" run when they are due, on a thread that the first one starts."""
    cast("Memory", memory).run_with(_start)


def _start(memory: Memory) -> None:
    """Start the thread. If it dies, the next message starts another one."""

    def begin_anew(_error: BaseException) -> None:
        memory.run_with(_start)

    try:
        threads.start(threads.MEMORY, lambda: _work(memory), begin_anew)
    except RuntimeError as error:  # the system refuses
        logger().error(
            "jobs of the backend memory wait until another is sent, because the system refuses a thread: %s", error
        )
        begin_anew(error)


def _work(memory: Memory) -> None:
    while True:
        try:
            if run_some(memory):
                continue
        except Exception:  # noqa: BLE001 - a bug in one batch must not stop the next
            logger().exception("a batch of the memory queues failed")
        with memory.arrived:
            due = memory.next_at()
            memory.arrived.wait(None if due is None else min(max(0.01, due - memory.clock()), threading.TIMEOUT_MAX))
