"""Failures of durable jobs are seen: one line each with the default settings, the error handler, and hooks."""

from __future__ import annotations

import contextvars
import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.errors import JobOptionError
from lambda_punch.jobs import Failure, current, on_failure
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _no_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "error_handler", None)
    monkeypatch.setattr(process, "hooks", [])


def lines(caplog: Any) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_each_failed_run_is_one_line_with_all_that_matters(run: Any, builder: Any, caplog: Any) -> None:
    @punch.job(name="charge", retries=1)
    def charge() -> None:
        raise ValueError("no funds")

    first = charge.prepare()
    run(builder.record(first))
    run(builder.record(first, attempt=2, error="ValueError"))

    told = lines(caplog)
    assert len(told) == 2
    assert told[0].startswith(
        f"job charge {first.outgoing.id} of queue jobs failed, attempt 1 of 2; next run in 30 s, at "
    )
    assert told[0].endswith(": ValueError: no funds")
    assert told[1] == (
        f"job charge {first.outgoing.id} of queue jobs failed, attempt 2 of 2; not run again: it has used up its "
        "retries (1); its message goes to dead-letters: ValueError: no funds"
    )


def test_the_traceback_is_written_once_and_again_for_another_error(
    run: Any, builder: Any, fail: Any, caplog: Any
) -> None:
    for error in (None, "RuntimeError", "KeyError"):
        run(builder.record(fail.prepare(), attempt=2, error=error))

    assert [bool(record.exc_info) for record in caplog.records] == [True, False, True]


def test_an_error_cannot_forge_a_line(run: Any, builder: Any, caplog: Any) -> None:
    @punch.job(name="forge")
    def forge(error: str) -> None:
        raise Odd if error == "odd" else ValueError("a\n[ERROR] forged\r\u2028x")

    class Odd(Exception):  # noqa: N818 - it is odd
        def __str__(self) -> str:
            raise TypeError

    run(builder.record(forge.prepare("line")), builder.record(forge.prepare("odd")))

    assert len(lines(caplog)) == 2
    assert not any(character in line for line in lines(caplog) for character in "\n\r\u2028")


def test_the_id_of_a_foreign_message_cannot_forge_a_line(run: Any, builder: Any, caplog: Any) -> None:
    @punch.job(name="forge")
    def forge() -> None:
        raise ValueError

    record = builder.record(forge.prepare())
    body = json.loads(record["body"])
    run({**record, "body": json.dumps({**body, "id": "a\n[ERROR] forged\x1b[2J"})})

    assert len(lines(caplog)) == 1
    assert not any(character in line for line in lines(caplog) for character in "\n\x1b")


def test_the_error_handler_gets_failures_of_durable_jobs_in_the_job_s_context(
    run: Any, builder: Any, fail: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inside what around_job hooks have entered."""
    tenant: contextvars.ContextVar[str] = contextvars.ContextVar("tenant", default="none")
    told: list[Any] = []

    @contextmanager
    def entered(job: Any) -> Iterator[None]:
        tenant.set("ours")
        yield

    monkeypatch.setattr(process, "hooks", [entered])
    monkeypatch.setattr(
        process, "error_handler", lambda error, job: told.append((type(error), job.name, job.attempt, tenant.get()))
    )
    run(builder.record(fail.prepare(), attempt=3))

    assert told == [(RuntimeError, "fail", 3, "ours")]
    assert tenant.get() == "none"


def test_hooks_are_told_what_becomes_of_a_failed_job(run: Any, builder: Any) -> None:
    told: list[Failure] = []
    seen: list[Any] = []

    @on_failure
    def broken(_: Failure) -> None:
        raise SystemExit

    @on_failure
    def note(failure: Failure) -> None:
        told.append(failure)
        seen.append(current())

    @punch.job(name="picky", retries=1, retry_on=OSError, discard_on=KeyError)
    def picky(error: str) -> None:
        raise {"os": OSError, "value": ValueError, "key": KeyError}[error]

    run(*[builder.record(picky.prepare(error)) for error in ("os", "value", "key")])

    assert [(each.outcome, each.attempt, each.attempts) for each in told] == [
        ("retry", 1, 2), ("dead", 1, 2), ("discarded", 1, 2),
    ]  # fmt: skip
    assert told[0].next_at is not None
    assert "not in retry_on" in told[1].reason
    assert all(execution is not None and execution.job == "picky" for execution in seen)


def test_a_hook_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(JobOptionError, match="on_failure"):
        on_failure(3)  # type: ignore[type-var]
