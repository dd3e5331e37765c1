"""Runs the messages of the memory queues: off Lambda on a thread when each is due, in tests at once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.jobs.limits import LONGEST_RUN
from lambda_punch.jobs.receiving.routing import run_batch

if TYPE_CHECKING:
    from lambda_punch.jobs.backends.memory import Memory

_VISIBILITY = float(LONGEST_RUN)  # there is one consumer, so no message has to come back while its job runs


def run_some(memory: Memory, limit: int = 10) -> bool:
    """Run one batch as Lambda's event source mapping would; return whether there was one."""
    records = memory.receive(limit, _VISIBILITY)
    if not records:
        return False
    response = run_batch({"Records": records}, None, memory, memory.clock)
    failed = {each["itemIdentifier"] for each in response["batchItemFailures"]}
    for record in records:
        if record["messageId"] not in failed:
            memory.delete(record["messageId"])
    return True


def start(memory: Memory) -> threading.Thread:
    """Run messages as they come due, on a daemon thread, for the life of the process."""
    thread = threading.Thread(target=_work, args=(memory,), name="lambda-punch-memory", daemon=True)
    thread.start()
    return thread


def _work(memory: Any) -> None:
    while True:
        try:
            if run_some(memory):
                continue
        except Exception:  # noqa: BLE001 - whatever it was, the next message may be better
            logger().exception("a batch of the memory queues failed")
        with memory.arrived:
            due = memory.next_at()
            memory.arrived.wait(None if due is None else min(max(0.01, due - memory.clock()), threading.TIMEOUT_MAX))
