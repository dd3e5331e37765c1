"""Which store the jobs have: a table, or this process's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_punch.jobs.store import memory
from lambda_punch.jobs.store.dynamodb import DynamoDb
from lambda_punch.runtime.start import job_settings

if TYPE_CHECKING:
    from lambda_punch.jobs.store.interface import Store


def find(*, local: bool) -> Store | None:
    """Return the store; None if no table is configured. ``local``: for jobs on queues in this process's memory."""
    if local:
        return memory.store
    table = job_settings().table
    return None if table is None else DynamoDb(table)
