"""The job in the lines of the user's own loggers."""

from __future__ import annotations

from typing import Any

from lambda_punch.jobs.receiving.perform import current


def log_filter(record: Any) -> bool:
    """Give a log record that is made in a durable job ``job``, ``job_id``, ``attempt`` and ``queue``; a filter of logging.

        for handler in logging.getLogger().handlers:
            handler.addFilter(punch.jobs.log_filter)

    On a handler it sees the records of all loggers. Lambda's JSON log format, and any other that writes what records have
    besides, then shows them; a format of text names them, with what stands for them outside of jobs:
    ``logging.Formatter("%(message)s %(job)s %(job_id)s", defaults={"job": "-", "job_id": "-"})``. A record that has one of
    the names already keeps its own. Returns True: no record is left out. Any thread may call it.
    """
    execution = current()
    if execution is not None:
        facts = {"job": execution.job, "job_id": execution.id, "attempt": execution.attempt, "queue": execution.queue}
        for name, value in facts.items():
            record.__dict__.setdefault(name, value)
    return True
